"""HVG from a person, a motion and cameras to frames, with small untrained networks."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch
from methods.hvg_small import awake, small_networks

import muybridge as mb
from muybridge.camera import Cameras, build_cameras
from muybridge.errors import InputError
from muybridge.methods.avatar.pipeline import AvatarPipeline
from muybridge.methods.cost import Extent, Speed
from muybridge.methods.hvg.checkpoints import save
from muybridge.methods.hvg.cost import cost
from muybridge.methods.hvg.diffuse import Settings
from muybridge.methods.hvg.networks import HvgNetworks
from muybridge.methods.hvg.pipeline import HvgPipeline, load
from muybridge.motion import clips, retarget


@pytest.fixture(scope="module")
def scene(painted):
    motion = retarget(clips.make("wave", 6), painted.rest_joints)
    cameras = build_cameras("orbit:3", painted.posed(motion).joints, width=48, height=60)
    return painted, motion, cameras


@pytest.fixture(scope="module")
def networks():
    return awake(small_networks())


def small(networks, **options) -> HvgPipeline:
    return HvgPipeline(networks, "small", **options)


def test_untrained_networks_show_the_reference_where_the_person_is(scene):
    """Same person, same place: upright, of the same height, in the same spot."""
    avatar = AvatarPipeline()(*scene)
    video = small(small_networks())(*scene)
    assert video.frames.shape == avatar.frames.shape
    for made, there in zip(video.matte.flatten(0, 1), avatar.matte.flatten(0, 1), strict=True):
        seen, body = made[0] > 0.5, there[0] > 0.5
        places = [each.nonzero().float() for each in (seen, body)]
        assert float((places[0][0] - places[1][0]).abs().max()) < 5  # the top of the head
        assert float((places[0].mean(0) - places[1].mean(0)).abs()[1]) < 2
        assert float((seen & body).sum() / (seen | body).sum()) > 0.4
    inside = ((video.matte > 0.9) & (avatar.matte > 0.9))[0].expand(-1, 3, -1, -1)
    apart = (video.frames[0] - avatar.frames[0]).abs()[inside].mean()
    assert float(apart) < 0.2  # the front view is the reference's own


def test_frames_do_not_depend_on_chunks_or_start(scene, networks):
    pipe = small(networks)
    whole = pipe(*scene, chunk=6).frames
    pieces = torch.cat([p.frames for p in pipe.stream(*scene, chunk=4)], 1)
    assert torch.equal(whole, pieces)
    rest = torch.cat([p.frames for p in pipe.stream(*scene, chunk=1, start=4)], 1)
    assert torch.equal(whole[:, 4:], rest)
    assert not list(pipe.stream(*scene, start=6))


def test_large_sizes_keep_maps_small_ones_features(scene, networks):
    made = small(networks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("muybridge.methods.hvg.pipeline._SMALL", 0)
        maps = small(networks)
        assert maps.kept_bytes - made.kept_bytes == 4 * 24 * 32 - 2 * 32 * 6 * 8
        videos = [maps(*scene).frames]
    videos.append(made(*scene).frames)
    assert float((videos[0] - videos[1]).abs().max()) < 0.05  # bytes against half precision
    assert float((videos[0] - videos[1]).abs().mean()) < 2e-3


def test_the_noise_is_the_seeds(scene, networks):
    pipe = small(networks)
    first, again, other = (pipe(*scene, seed=s).frames for s in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize(("camera", "frames"), [("orbit:3", 1), ("static:20", 5), ("orbit:1", 1)])
def test_one_view_and_one_frame(painted, networks, camera, frames):
    motion = retarget(clips.make("wave", frames), painted.rest_joints)
    cameras = build_cameras(camera, painted.posed(motion).joints, width=48, height=64)
    video = small(networks)(painted, motion, cameras)
    assert video.frames.shape[:2] == (cameras.views, frames)
    assert torch.isfinite(video.frames).all()


def test_a_ring_numbered_from_another_view_gives_the_same_video(painted, networks):
    """The order of the cameras is that of where they stand, and the seam is not seen."""
    motion = retarget(clips.make("walk", 3), painted.rest_joints)
    rig = Cameras.orbit(6, 3, size=(40, 48))
    order = [2, 3, 4, 5, 0, 1]
    noise = torch.randn(6, 3, 8, 8, 6, generator=torch.Generator().manual_seed(5))
    videos = []
    for cameras, drawn in ((rig, noise), (rig.select(order), noise[order])):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "muybridge.methods.hvg.diffuse.draw_noise", lambda *where, drawn=drawn: drawn
            )
            videos.append(small(networks)(painted, motion, cameras))
    apart = (videos[1].matte - videos[0].matte[order]).abs()
    assert float(apart.max()) < 2e-3
    # frames have a shadow whose noise-free ground is the same, too
    assert float((videos[1].frames - videos[0].frames[order]).abs().max()) < 1e-2
    assert float((videos[0].matte[0] - videos[0].matte[3]).abs().max()) > 0.05


def test_every_picture_is_steered_by_its_own_maps_and_camera(scene):
    """What reaches the networks: bytes per tile, never the whole video."""
    made, seen = small_networks(), []
    inside = HvgNetworks.forward

    def spy(self, noisy, timesteps, reference, features, rotations, images=None):
        seen.append((noisy.shape[1:3], features.shape[0], rotations, reference))
        return inside(self, noisy, timesteps, reference, features, rotations, images)

    person, _, _ = scene
    motion = retarget(clips.make("walk", 30), person.rest_joints)
    cameras = Cameras.orbit(6, 30, size=(24, 32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HvgNetworks, "forward", spy)
        small(made, settings=Settings(steps=1))(person, motion, cameras)
    assert {shape for shape, _, _, _ in seen} == {(2, 4), (4, 2)}
    assert all(shape[0] * shape[1] == count for shape, count, _, _ in seen)
    assert len({id(reference.latents) for _, _, _, reference in seen}) == 1
    # one pass of ceil(26/3)+1 windows x 3 groups, one of 2 windows x 15 chunks
    assert len(seen) == 10 * 3 + 2 * 15


def test_the_reference_is_encoded_once(scene):
    made, count = small_networks(), []
    encode = HvgNetworks.reference

    def spy(self, picture, latents=None):
        count.append(picture.shape)
        return encode(self, picture, latents)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HvgNetworks, "reference", spy)
        small(made)(*scene)
    assert count == [(1, 4, 32, 24)]


def test_long_videos_keep_latents_and_maps_only(scene):
    """A network call holds one tile; what is kept grows by ``kept_bytes`` a picture at most."""
    pipe = small(small_networks(), settings=Settings(steps=1))
    person, _, _ = scene
    kept, shapes = [], set()
    engine = import_module("muybridge.sampling.denoise")
    inside = engine._add

    def spy(output, share, model, latents, *rest):
        kept.append(output.numel() * 4 + latents.numel() * 4)

        def call(given, *more):
            shapes.add(given.shape)
            return model(given, *more)

        inside(output, share, call, latents, *rest)

    for frames in (40, 80):
        motion = retarget(clips.make("walk", frames), person.rest_joints)
        cameras = Cameras.static(0, frames, size=(24, 32))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(engine, "_add", spy)
            next(pipe.stream(person, motion, cameras, chunk=1))
    assert kept[1] == 2 * kept[0] and kept[1] <= 80 * pipe.kept_bytes
    assert shapes == {(1, 4, 8, 8, 6)}


def test_saved_and_read_again(scene, networks, tmp_path):
    pipe = small(networks)
    pipe.save_pretrained(tmp_path / "hvg")
    read = HvgPipeline.from_pretrained(tmp_path / "hvg", dtype="float32")
    assert read.size == "hvg"
    there, here = read(*scene).frames, pipe(*scene).frames
    assert float((there - here).abs().max()) < 0.1  # kept in half precision
    assert float((there - here).abs().mean()) < 0.005


def test_what_does_not_fit_is_refused(tmp_path):
    save(small_networks(), tmp_path / "hvg")
    for bad in (
        {"num_inference_steps": 0}, {"looks": "up"}, {"dtype": "int8"}, {"device": "abacus"},
    ):
        with pytest.raises(InputError):
            load(str(tmp_path / "hvg"), **bad)
    with pytest.raises(InputError):
        load(str(tmp_path / "nothing"))
    pipe = load(str(tmp_path / "hvg"), num_inference_steps=2, guidance_scale=1.5, looks="time")
    assert pipe.settings == Settings(steps=2, guidance=1.5, looks="time")


def test_hvg_is_listed_and_says_what_is_missing(monkeypatch, tmp_path):
    from muybridge.methods.hvg.spec import SPEC

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("MUYBRIDGE_WEIGHTS", raising=False)
    paper = SPEC.size("paper")
    assert SPEC.find(paper.weights[0]) is None
    with pytest.raises(mb.MissingWeights, match=r"nobody has released any"):
        SPEC.load("paper")


def test_progress_reaches_the_end_of_the_preparation(scene):
    told: list[float] = []
    pipe = small(small_networks())
    list(pipe.stream(*scene, tell=lambda done, text: told.append(done)))
    assert told == sorted(told) and told[0] == 0 and told[-1] == 1


def test_cost_grows_with_the_pictures_and_not_beyond():
    speed = Speed(0.01, 1e-7, 1e-8, 10.0, 2.0, 1 << 30)
    one, two, four = (cost(Extent(8, 100 * k, 256, 256), speed) for k in (1, 2, 4))
    assert two.seconds / one.seconds < 2.1 and four.seconds / two.seconds < 2.1
    assert four.bytes > one.bytes > 600 << 20
