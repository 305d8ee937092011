"""HVG's network calms what ReImagine has painted."""

from __future__ import annotations

import math

import pytest
import torch
from methods import hvg_small, reimagine_small

from muybridge.camera import build_cameras
from muybridge.errors import InputError
from muybridge.methods.hvg.checkpoints import save as save_hvg
from muybridge.methods.hvg.pipeline import HvgPipeline
from muybridge.methods.reimagine.calming import HvgCalming, OwnCalming, chosen_calming
from muybridge.methods.reimagine.config import NANO, ReImagineConfig
from muybridge.methods.reimagine.hvg_video import HvgRefiner, refine_with_hvg
from muybridge.methods.reimagine.pipeline import ReImaginePipeline
from muybridge.motion import clips, retarget
from muybridge.sampling import Refinement


@pytest.fixture(scope="module")
def scene(painted):
    motion = retarget(clips.make("wave", 6), painted.rest_joints)
    cameras = build_cameras("orbit:2", painted.posed(motion).joints, width=40, height=48)
    return painted, motion, cameras


@pytest.fixture(scope="module")
def networks():
    return reimagine_small.awake(reimagine_small.small_networks())


@pytest.fixture(scope="module")
def hvg():
    networks = hvg_small.awake(hvg_small.small_networks(), spread=0.02)
    return HvgPipeline(networks.requires_grad_(False), "small", detail=False)


def latents_of(networks, frames=6):
    pictures = torch.rand(2, frames, 4, 32, 24, generator=torch.Generator().manual_seed(3))
    return networks.encode(pictures)


def untold(done, of):
    """No callback."""


def test_what_hvg_leaves_alone_stays_as_it_was(networks, hvg, scene):
    for still in (Refinement.of("told", strength=0.0),
                  Refinement.of("faithful", steps=2, cut_time=math.inf)):
        latents = latents_of(networks)
        HvgCalming(networks, HvgRefiner(hvg, still))(latents, *scene, 0, untold)
        assert torch.allclose(latents, latents_of(networks), atol=2e-5)


def test_every_frame_is_changed_and_every_step_is_told(networks, hvg, scene):
    latents, told = latents_of(networks), []
    refiner = HvgRefiner(hvg)
    HvgCalming(networks, refiner)(latents, *scene, 0, lambda *done: told.append(done))
    assert float((latents - latents_of(networks)).abs().amax((2, 3, 4)).min()) > 1e-3
    assert told == [(k, 4) for k in range(1, 5)]  # two views, two steps
    again = latents_of(networks)
    HvgCalming(networks, refiner)(again, *scene, 5, untold)
    assert torch.equal(latents, again)  # from the noise's mean: no seed


def test_spans_know_where_they_are(hvg, scene, monkeypatch):
    """A motion of many windows, of which each is told its own frames."""
    from muybridge.methods.reimagine import spans

    pictures = torch.rand(2, 6, 4, 32, 24, generator=torch.Generator().manual_seed(4))
    monkeypatch.setattr(spans, "SPAN", 1)
    how = Refinement.of("told", overlap=0)
    whole = refine_with_hvg(hvg, *scene, pictures, how)
    person, motion, cameras = scene
    # spans of four frames and of the last four; the second is HVG's alone where it isn't held
    rest = refine_with_hvg(
        hvg, person, motion.slice(2, 6), cameras.slice(2, 6), pictures[:, 2:], how
    )
    assert whole.shape == pictures.shape
    assert torch.isfinite(whole).all() and float((whole - pictures).abs().mean()) > 1e-3
    assert float((whole[:, 4:] - rest[:, 2:]).abs().mean()) < 0.05
    other = refine_with_hvg(
        hvg, person, motion.slice(0, 4), cameras.slice(0, 4), pictures[:, 2:], how
    )
    near, far = (float((whole[:, 4:] - each[:, 2:]).abs().mean()) for each in (rest, other))
    assert near < far


def test_pictures_that_hvg_cannot_see_are_refused(hvg, scene):
    with pytest.raises(InputError, match="1 views and 6 frames"):
        refine_with_hvg(hvg, *scene, torch.rand(1, 6, 4, 32, 24))
    for shape in ((2, 6, 3, 32, 24), (2, 6, 4, 32, 32)):
        with pytest.raises(InputError, match="as wide"):
            refine_with_hvg(hvg, *scene, torch.rand(shape))
    larger = refine_with_hvg(hvg, *scene, torch.rand(2, 6, 4, 64, 48))
    assert larger.shape == (2, 6, 4, 64, 48)


def test_the_video_model_is_chosen_by_name(networks, hvg, scene, tmp_path):
    save_hvg(hvg.networks, tmp_path / "hvg")
    assert chosen_calming(networks, "none", "hvg") is None
    made = ReImaginePipeline(networks, "small", video=tmp_path / "hvg", detail=False)
    assert isinstance(made.calming, HvgCalming)
    assert made.calming.settings.strength == Refinement.of("told").strength
    own = ReImaginePipeline(networks, "small", video="own", detail=False)
    assert made.kept_bytes > own.kept_bytes
    frames = [pipe(*scene).frames for pipe in (made, own)]
    assert not torch.equal(*frames)
    for name in ("wan", str(tmp_path)):
        with pytest.raises(InputError, match="no video model for this"):
            chosen_calming(networks, None, name)
    with pytest.raises(InputError, match="huge"):
        chosen_calming(networks, None, "hvg-huge")


def test_small_sizes_are_calmed_by_hvg_unless_another_preset_is_asked_for(networks):
    assert NANO.refine_with == "hvg"
    like_nano = reimagine_small.awake(reimagine_small.small_networks(refine_with="hvg"))
    for asked, kind in ((None, HvgCalming), ("told", HvgCalming), ("steady", OwnCalming)):
        assert isinstance(chosen_calming(like_nano, asked), kind)
    assert isinstance(chosen_calming(networks), OwnCalming)
    older = networks.config.to_json()
    del older["refine_with"]
    assert ReImagineConfig.from_json(older, "folder").refine_with == "own"
    with pytest.raises(InputError, match="refine_with"):
        ReImagineConfig.from_json({**older, "refine_with": "wan"}, "folder")
