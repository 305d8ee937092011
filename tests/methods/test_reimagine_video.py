"""The small video model, and HVG's network in its place."""

from __future__ import annotations

import math

import pytest
import torch
from methods import hvg_small, reimagine_small
from methods.hvg_small import small_config

from muybridge.camera.ring import Ring
from muybridge.errors import InputError
from muybridge.methods.hvg.diffuse import Conditions, sample
from muybridge.methods.hvg.diffuse import Settings as HvgSettings
from muybridge.methods.hvg.networks import Reference
from muybridge.methods.reimagine.hvg_video import HvgVideo
from muybridge.methods.reimagine.small_video import SmallTools, refiner, video_model
from muybridge.methods.reimagine.spans import refine_views
from muybridge.sampling import Refinement, SpectralTemporalRefiner, Tile, VideoModel
from muybridge.sampling.refine_frames import refine_in_turn
from muybridge.sampling.video_models import VideoTools


@pytest.fixture(scope="module")
def networks():
    return reimagine_small.awake(reimagine_small.small_networks())


def test_latents_of_the_method_are_refined(networks):
    latents = torch.randn(2, 6, 8, 8, 6, generator=torch.Generator().manual_seed(0))
    made = refiner(networks, Refinement.of("faithful", steps=2))(latents)
    assert made.shape == latents.shape
    assert torch.equal(made[:, 0], latents[:, 0])
    assert (made - latents).abs().max() > 1e-3
    assert refiner(networks).settings.overlap == networks.config.overlap
    kept = refiner(networks, Refinement.of("faithful", steps=2, cut_time=math.inf))
    assert torch.equal(kept(latents), latents)


def test_long_videos_are_refined_in_spans(networks):
    """Of four windows of four frames."""
    quick = Refinement.of("faithful", steps=2)
    made = refiner(networks, quick)
    latents = torch.randn(2, 30, 8, 8, 6, generator=torch.Generator().manual_seed(5))
    seen = []

    class Watched(SpectralTemporalRefiner):
        def __call__(self, latents, **given):
            seen.append((latents.shape[1], given["first"], given["pull"]))
            return super().__call__(latents, **given)

    watched = Watched(made.model, made.settings)
    whole = latents.clone()
    steps = []
    refine_views(watched, whole, seed=3, callback=lambda done, of: steps.append((done, of)))
    assert [s[:2] for s in seen] == [(16, (v, t)) for v in (0, 1) for t in (0, 14)]
    assert [s[2].nonzero().flatten().tolist() for s in seen] == [[], [0, 1]] * 2
    assert steps == [(k, 8) for k in range(1, 9)]
    assert torch.equal(whole[:, 0], latents[:, 0])
    assert float((whole - latents)[:, 1:].abs().amin((0, 2, 3, 4)).min()) > 0
    # the first span is what it is alone, but for the frames that the second fades from
    alone = made(latents[:, :16], seed=3)
    assert torch.equal(whole[:, :15], alone[:, :15])
    assert not torch.equal(whole[:, 15], alone[:, 15])
    for frames in (1, 2, 5):  # fewer than a window, and a few more
        short = latents[:, :frames].clone()
        refine_views(made, short, seed=3)
        assert torch.equal(short, latents[:, :1] if frames == 1 else made(
            latents[:, :frames], seed=3))
    kept = latents.clone()
    refine_views(refiner(networks, Refinement.of("faithful", steps=2, cut_time=math.inf)), kept)
    assert torch.allclose(kept, latents, atol=1e-6)


def test_windows_that_are_asked_for_overlap_less(networks):
    assert refiner(networks, Refinement.of("faithful", window=1)).settings.overlap == 0


def test_pictures_of_any_size_are_refined(networks):
    tools = SmallTools(networks)
    assert isinstance(tools, VideoTools)
    assert tools.size_for(64, 48) == (32, 24)
    pictures = torch.rand(6, 4, 64, 48, generator=torch.Generator().manual_seed(1))
    pieces = list(refine_in_turn(
        tools, Refinement.of("faithful", steps=2), lambda a, b: pictures[a:b], 6
    ))
    made = torch.cat([piece.pictures for piece in pieces])
    assert made.shape == pictures.shape
    assert (made - pictures).abs().max() > 1e-3


def test_networks_without_a_video_model_say_so():
    with pytest.raises(InputError, match="no video model"):
        video_model(reimagine_small.small_networks(video={}))


@pytest.fixture(scope="module", params=["residual", "edm"])
def hvg(request):
    networks = hvg_small.awake(
        hvg_small.small_networks(objective=request.param), spread=0.02
    )
    generator = torch.Generator().manual_seed(2)
    picture = torch.rand(1, 4, 32, 24, generator=generator)
    with torch.no_grad():
        reference: Reference = networks.reference(picture)
    config = small_config()
    pose = torch.rand(2, 6, config.pose_channels, 32, 24, generator=generator)
    rotations = torch.eye(3).expand(2, 6, 3, 3)
    return HvgVideo(networks, Conditions(reference, pose, rotations, Ring((0, 1), False)))


def test_hvg_is_a_video_model_with_the_plain_loop_of_its_own_sampling(hvg):
    assert isinstance(hvg, VideoModel)
    assert hvg.frames == 4
    networks = hvg.networks
    scheduler = networks.objective().scheduler()
    scheduler.set_timesteps(3)
    sigmas = scheduler.sigmas.double()
    levels = (sigmas / (1 + sigmas)).tolist()
    noise = torch.randn(1, 4, 8, 8, 6, generator=torch.Generator().manual_seed(3))
    one = Conditions(
        hvg.conditions.reference, hvg.conditions.pose[:1, :4], hvg.conditions.rotations[:1, :4],
        Ring((0,), False),
    )
    expected = sample(networks, one, settings=HvgSettings(steps=3, looks="time"), noise=noise)
    alone = SpectralTemporalRefiner(
        HvgVideo(networks, one), strength=1.0, steps=3, amount=0.0, anchor=0.0
    )
    object.__setattr__(alone.settings, "noise_levels", lambda: levels)
    start = noise * float(scheduler.init_noise_sigma) * (1 - levels[0])
    made = alone(torch.zeros_like(noise), noise=start / levels[0])
    assert (made - expected).abs().max() < 2e-3 * expected.abs().max()


def test_hvg_keeps_and_changes(hvg):
    latents = torch.randn(2, 6, 8, 8, 6, generator=torch.Generator().manual_seed(4))
    kept = SpectralTemporalRefiner(hvg, steps=2, guidance=2.0, cut_time=math.inf)(latents)
    assert torch.equal(kept, latents)
    made = SpectralTemporalRefiner(hvg, steps=2, cut_time=0.1)(latents)
    assert torch.equal(made[:, 0], latents[:, 0])
    assert (made - latents).abs().max() > 0.01
    free = hvg(latents[:1, :4], torch.tensor(0.5), [Tile((0,), (0, 1, 2, 3))], False)
    assert free.unconditioned is None
