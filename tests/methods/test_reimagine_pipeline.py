"""ReImagine from a person, a motion and cameras to frames, with small untrained networks."""

from __future__ import annotations

import pytest
import torch
from methods.reimagine_small import awake, small_networks

import muybridge as mb
from muybridge.camera import build_cameras
from muybridge.errors import InputError
from muybridge.methods.avatar.pipeline import AvatarPipeline
from muybridge.methods.reimagine.checkpoints import save
from muybridge.methods.reimagine.pipeline import ReImaginePipeline, load
from muybridge.motion import Motion, clips, retarget
from muybridge.sampling import Refinement


@pytest.fixture(scope="module")
def scene(painted):
    motion = retarget(clips.make("wave", 3), painted.rest_joints)
    cameras = build_cameras("orbit:2", painted.posed(motion).joints, width=40, height=48)
    return painted, motion, cameras


@pytest.fixture(scope="module")
def networks():
    return awake(small_networks())


QUICK = Refinement.of("faithful", steps=2)


def small(networks, refine=QUICK, **options) -> ReImaginePipeline:
    if not networks.video.proj_out.weight.any():
        refine = None
    return ReImaginePipeline(networks, "small", refine=refine, **options)


def first_frame(person, motion: Motion, cameras):
    return person, motion.slice(0, 1), cameras.slice(0, 1)


def test_untrained_networks_show_the_side_that_is_seen(scene):
    avatar = AvatarPipeline()(*scene)
    video = small(small_networks())(*scene)
    assert video.frames.shape == avatar.frames.shape
    for view in (0, 1):
        inside = ((video.matte > 0.9) & (avatar.matte > 0.9))[view].expand(-1, 3, -1, -1)
        apart = (video.frames[view] - avatar.frames[view]).abs()[inside].mean()
        assert float(apart) < 0.2
    red = [float(video.frames[v, :, 0][video.matte[v, :, 0] > 0.9].mean()) for v in (0, 1)]
    assert red[0] > red[1] + 0.2
    alone = small(small_networks(), references=1)(*scene)
    red = [float(alone.frames[v, :, 0][alone.matte[v, :, 0] > 0.9].mean()) for v in (0, 1)]
    assert abs(red[0] - red[1]) < 0.1  # no back: the front


def test_frames_do_not_depend_on_chunks_or_start(scene, networks):
    pipe = small(networks)
    whole = pipe(*scene, chunk=3).frames
    pieces = torch.cat([p.frames for p in pipe.stream(*scene, chunk=2)], 1)
    assert torch.equal(whole, pieces)
    rest = torch.cat([p.frames for p in pipe.stream(*scene, chunk=1, start=2)], 1)
    assert torch.equal(whole[:, 2:], rest)
    assert not list(pipe.stream(*scene, start=3))


def test_the_noise_is_the_seeds(scene, networks):
    pipe = small(networks)
    first, again, other = (pipe(*scene, seed=s).frames for s in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_normals_steer_as_much_as_is_asked(scene, networks):
    steered, free = (small(networks, control=control)(*scene).frames for control in (1.0, 0.0))
    assert not torch.equal(steered, free)


def test_refinement_comes_after_the_pictures(networks, scene):
    told = []
    plain = small(networks, refine="none").prepare(*scene, 0, lambda share, text: None).latents
    made = small(networks).prepare(*scene, 0, lambda share, text: told.append((share, text)))
    assert torch.equal(made.latents[:, 0], plain[:, 0])  # the anchor
    assert float((made.latents - plain)[:, 1:].abs().max()) > 1e-3
    assert any("refinement, step 4 of 4" in text for _, text in told)
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and shares[-1] == 1
    one = [small(networks, refine=how)(*first_frame(*scene)).frames for how in (QUICK, "none")]
    assert torch.equal(*one)


def test_the_sizes_own_preset_is_the_default(networks):
    chosen = ReImaginePipeline(networks, "small").calming
    own = Refinement.of(networks.config.refine)
    assert chosen is not None and chosen.settings.strength == own.strength
    assert ReImaginePipeline(networks, "small", refine="none").calming is None
    for blind in (small_networks(), small_networks(video={})):  # never trained, and none
        assert ReImaginePipeline(blind, "small").calming is None
        with pytest.raises(InputError, match="no video model"):
            ReImaginePipeline(blind, "small", refine="faithful")


def test_folders_are_loaded_by_what_they_hold(networks, tmp_path, scene):
    save(networks, tmp_path / "mine")
    pipe = mb.load(tmp_path / "mine", references=1, num_inference_steps=1, refine="none")
    assert isinstance(pipe, ReImaginePipeline)
    assert (pipe.size, pipe.references, pipe.steps) == ("mine", 1, 1)
    pipe.save_pretrained(tmp_path / "again")
    same = ReImaginePipeline.from_pretrained(
        tmp_path / "again", references=1, num_inference_steps=1, refine="none"
    )
    assert torch.allclose(pipe(*scene).frames, same(*scene).frames, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"references": 3}, "references"), ({"num_inference_steps": 0}, "num_inference_steps"),
        ({"controlnet_conditioning_scale": -1}, "controlnet_conditioning_scale"),
        ({"refine": "much"}, "refine.*paper.*none"), ({"dtype": "int8"}, "dtype"),
        ({"device": "nowhere"}, "device"),
    ],
)
def test_bad_options_are_refused(networks, tmp_path, options, message):
    save(networks, tmp_path / "mine")
    with pytest.raises(InputError, match=message):
        load(str(tmp_path / "mine"), **options)
