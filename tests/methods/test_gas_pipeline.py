"""GAS from a person, a motion and cameras to frames, with small untrained networks."""

from __future__ import annotations

import pytest
import torch
from gas_small import small_networks

import muybridge as mb
from muybridge.camera import build_cameras
from muybridge.errors import InputError
from muybridge.methods.avatar.pipeline import AvatarPipeline
from muybridge.methods.detail import matte_of_black
from muybridge.methods.gas.checkpoints import save
from muybridge.methods.gas.diffuse import Settings
from muybridge.methods.gas.guides import mirrored, release_normals, soft_normals
from muybridge.methods.gas.networks import GasNetworks
from muybridge.methods.gas.pipeline import GasPipeline, load
from muybridge.methods.reference import reference_of
from muybridge.motion import clips, retarget
from muybridge.networks.human_nerf import NANO, HumanNeRF


@pytest.fixture(scope="module")
def scene(painted):
    motion = retarget(clips.make("wave", 9), painted.rest_joints)
    cameras = build_cameras("orbit:2", painted.posed(motion).joints, width=64, height=80)
    return painted, motion, cameras


def small(networks, **options) -> GasPipeline:
    return GasPipeline(networks, "small", cue="avatar", **options)


def test_untrained_networks_give_the_cue_back(scene):
    """Same person, same place: what is painted over the avatar's cue is the avatar, blurred."""
    avatar = AvatarPipeline()(*scene)
    video = small(small_networks())(*scene)
    assert video.frames.shape == avatar.frames.shape
    either = torch.maximum(video.matte, avatar.matte) > 0.5
    both = (video.matte > 0.5) & (avatar.matte > 0.5)
    assert float(both.sum() / either.sum()) > 0.75
    inside = both.expand_as(video.frames)
    apart = (video.frames - avatar.frames).abs()[inside].mean()
    mirrored = (video.frames.flip(-1) - avatar.frames).abs()[inside].mean()
    assert float(apart) < 0.18 and float(apart) < 0.7 * float(mirrored)


def test_frames_do_not_depend_on_chunks_or_start(scene):
    pipe = small(small_networks())
    whole = pipe(*scene, chunk=9).frames
    pieces = torch.cat([p.frames for p in pipe.stream(*scene, chunk=4)], 1)
    assert torch.equal(whole, pieces)
    rest = torch.cat([p.frames for p in pipe.stream(*scene, chunk=2, start=5)], 1)
    assert torch.equal(whole[:, 5:], rest)
    assert not list(pipe.stream(*scene, start=9))


def test_the_noise_is_the_seeds(scene):
    """A network that has learnt something answers to its noise."""
    made = small_networks()
    with torch.no_grad():
        made.unet.conv_out.weight.normal_(std=0.05, generator=torch.Generator().manual_seed(1))
    pipe = small(made)
    first, again, other = (pipe(*scene, seed=s).frames for s in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize(("camera", "frames"), [("orbit:3", 1), ("static:20", 5)])
def test_view_and_pose_tasks(painted, camera, frames):
    motion = retarget(clips.make("wave", frames), painted.rest_joints)
    cameras = build_cameras(camera, painted.posed(motion).joints, width=48, height=64)
    video = small(small_networks())(painted, motion, cameras)
    assert video.frames.shape[:2] == (cameras.views, frames)
    assert torch.isfinite(video.frames).all()


def test_saved_and_read_again(scene, tmp_path):
    made = small_networks()
    made.use_nerf(HumanNeRF(**NANO).eval())
    pipe = GasPipeline(made, "small")
    assert pipe.cue == "nerf"
    pipe.save_pretrained(tmp_path / "gas")
    read = mb.load(tmp_path / "gas", cue="avatar")
    assert isinstance(read, GasPipeline) and read.cue == "avatar"
    assert torch.equal(read(*scene).frames, small(made)(*scene).frames)
    again = GasPipeline.from_pretrained(tmp_path / "gas")
    for name, value in made.nerf.state_dict().items():
        assert torch.equal(again.networks.nerf.state_dict()[name], value), name


def test_the_nerf_as_cue(scene):
    """An untrained NeRF shows fog; it is shown where the body is, and only there."""
    person, motion, cameras = scene
    made = small_networks()
    made.use_nerf(HumanNeRF(**NANO).eval())
    pipe = GasPipeline(made, "small", cue="nerf")
    video = pipe(person, motion.slice(0, 2), cameras.slice(0, 2))
    avatar = AvatarPipeline()(person, motion.slice(0, 2), cameras.slice(0, 2))
    seen = video.matte > 0.5
    near = torch.nn.functional.max_pool2d(avatar.matte.flatten(0, 1), 15, 1, 7) > 0.5
    assert not bool((seen.flatten(0, 1) & ~near).any())


def test_what_does_not_fit_is_refused(tmp_path):
    made = small_networks()
    with pytest.raises(InputError, match="no human NeRF"):
        GasPipeline(made, "small", cue="nerf")
    with pytest.raises(InputError, match="there is no 'photo'"):
        GasPipeline(made, "small", cue="photo")
    save(made, tmp_path / "gas")
    for bad in (
        {"num_inference_steps": 0}, {"task": "dance"}, {"dtype": "int8"}, {"device": "abacus"},
    ):
        with pytest.raises(InputError):
            load(str(tmp_path / "gas"), **bad)
    with pytest.raises(InputError):
        load(str(tmp_path / "nothing"))


def test_steps_can_be_asked_for(scene, tmp_path):
    made = small_networks()
    save(made, tmp_path / "gas")
    pipe = load(str(tmp_path / "gas"), cue="avatar", num_inference_steps=1, window=4, overlap=1)
    assert pipe.settings == Settings(steps=1, window=4, overlap=1)
    assert pipe(*scene).frames.shape[1] == 9


def test_progress_reaches_the_end_of_the_preparation(scene):
    told: list[float] = []
    pipe = small(small_networks())
    list(pipe.stream(*scene, tell=lambda done, text: told.append(done)))
    assert told == sorted(told) and told[0] == 0 and told[-1] == 1


# ------------------------------------------------------------------ guides, reference


def test_soft_normals_are_means_of_the_release_kind(painted):
    motion = retarget(clips.make("wave", 2), painted.rest_joints)
    posed = painted.shaped.pose(motion)
    cameras = build_cameras("orbit:2", posed.joints, frames=2, width=48, height=64)
    soft, hard = soft_normals(posed, cameras), release_normals(posed, cameras)
    assert soft.shape == (2, 2, 4, 64, 48) and hard.shape == (2, 2, 3, 64, 48)
    full = soft[:, :, 3:] > 0.999
    assert float(full.float().mean()) > 0.02
    apart = (soft[:, :, :3] - hard).abs()[full.expand(-1, -1, 3, -1, -1)]
    assert float(apart.mean()) < 0.05
    assert torch.equal(mirrored(mirrored(soft)), soft) or torch.allclose(
        mirrored(mirrored(soft)), soft, atol=1e-6
    )


def test_the_guide_of_a_mirrored_body_is_the_mirrored_guide(painted):
    """Left and right of the built-in body are alike, so its front view mirrors itself."""
    motion = retarget(clips.make("idle", 1), painted.rest_joints)
    still = motion.R_parent_joint.new_zeros(1, 55, 3, 3) + torch.eye(3)
    motion = type(motion)(still, motion.root_position * torch.tensor([0.0, 1.0, 1.0]))
    posed = painted.shaped.pose(motion)
    cameras = build_cameras("static:0", posed.joints, frames=1, width=64, height=64)
    guide = soft_normals(posed, cameras)
    assert float((mirrored(guide) - guide).abs().mean()) < 0.01


def test_a_person_without_photos_is_drawn_as_reference(painted):
    reference = reference_of(painted, 48, 64)
    assert reference.picture.shape == (4, 64, 48)
    assert 0.05 < float(reference.picture[3].mean()) < 0.5
    red, _, blue = (
        reference.picture[c].sum() / reference.picture[3].sum() for c in range(3)
    )
    assert red > blue  # the front of the painted person is red
    body = painted.shaped.pose(reference.motion).vertices
    pixel, _ = reference.cameras.project(body)
    assert float(pixel.amin()) > 0 and float(pixel[..., 1].amax()) < 64


def test_a_matte_for_pictures_over_black():
    picture = torch.zeros(2, 3, 8, 8)
    picture[:, :, 2:6, 2:6] = 0.4
    matte = matte_of_black(picture)
    assert torch.equal(matte[:, :, 2:6, 2:6], torch.ones(2, 1, 4, 4)) and matte.sum() == 32


@pytest.mark.parametrize("name", ["appearance", "geometry", "reference"])
def test_inputs_can_be_withheld(scene, name):
    networks = small_networks()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in (networks.unet, networks.pose_net, networks.nerf_net):
            for parameter in weight.parameters():  # what begins at zero answers to nothing
                if not parameter.any():
                    parameter.normal_(std=0.05, generator=generator)
    given: list[dict[str, torch.Tensor]] = []
    inside = GasNetworks.forward

    def spy(self, **values):
        given.append(values)
        return inside(self, **values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GasNetworks, "forward", spy)
        whole = small(networks)(*scene).frames
        there = len(given)
        without = small(networks, without=(name,))(*scene).frames
    assert (whole - without).abs().max() > 1e-3
    ground = networks.encode(torch.zeros_like(reference_of(scene[0], 24, 32).picture))
    withheld = given[there]["reference_latents"][0] - ground.mean((1, 2))[:, None, None]
    assert (float(withheld.abs().max()) < 1e-4) == (name == "reference")
    with pytest.raises(InputError, match="there is no 'light'"):
        small(networks, without=("light",))
