"""Low-pass filters over time and space."""

from __future__ import annotations

import math

import pytest
import torch

from muybridge.sampling import blended, filtered, low_pass, with_detail


def wave(frames: int, cycles: float, axis: int = 1) -> torch.Tensor:
    """A cosine that the mirror continues smoothly: ``cycles`` per sample."""
    ramp = torch.cos(2 * math.pi * cycles * torch.arange(frames))
    shape = [1, 1, 1, 1, 1]
    shape[axis] = frames
    full = [1, 9, 2, 8, 12]
    full[axis] = frames
    return ramp.reshape(shape).expand(full).contiguous()


def size_of(latents: torch.Tensor) -> tuple[int, int, int]:
    return latents.shape[1], latents.shape[3], latents.shape[4]


def test_nothing_to_filter_has_no_mask():
    assert low_pass((4, 4, 4), math.inf, math.inf) is None
    latents = torch.randn(1, 4, 2, 4, 4)
    assert filtered(latents, None) is latents


@pytest.mark.parametrize("kind", ["gaussian", "butterworth", "ideal"])
@pytest.mark.parametrize("frames", [1, 2, 3, 9])
def test_a_still_video_passes(kind, frames):
    latents = torch.randn(1, 1, 2, 4, 6).expand(2, frames, -1, -1, -1)
    mask = low_pass((frames, 4, 6), 0.05, math.inf, kind)
    assert torch.allclose(filtered(latents, mask), latents, atol=1e-5)


def test_waves_pass_as_the_formulas_say():
    latents = wave(9, 2 / 16)  # a whole number of periods of the mirrored 16 frames
    gaussian = filtered(latents, low_pass(size_of(latents), 0.1, math.inf))
    assert torch.allclose(gaussian, latents * math.exp(-(1.25**2) / 2), atol=1e-5)
    butterworth = filtered(latents, low_pass(size_of(latents), 0.1, math.inf, "butterworth"))
    assert torch.allclose(butterworth, latents / (1 + 1.25**8), atol=1e-5)
    for cut, kept in ((0.12, 0.0), (0.13, 1.0)):
        ideal = filtered(latents, low_pass(size_of(latents), cut, math.inf, "ideal"))
        assert torch.allclose(ideal, latents * kept, atol=1e-5)


def test_space_has_a_cut_off_of_its_own():
    across = wave(12, 3 / 12, axis=4)
    mask = low_pass(size_of(across), math.inf, 0.2)
    expected = across * math.exp(-((0.25 / 0.2) ** 2) / 2)
    assert torch.allclose(filtered(across, mask), expected, atol=1e-5)
    down = wave(8, 2 / 8, axis=3)
    expected = down * math.exp(-((0.25 / 0.2) ** 2) / 2)
    kept = filtered(down, low_pass(size_of(down), math.inf, 0.2))
    assert torch.allclose(kept, expected, atol=1e-5)


def test_a_cut_off_of_zero_leaves_the_mean():
    latents = torch.randn(1, 5, 2, 4, 4)
    mean = filtered(latents, low_pass((5, 4, 4), 0.0, math.inf))
    mirrored = torch.cat([latents, latents[:, 1:-1]], 1).mean(1, keepdim=True)
    assert torch.allclose(mean, mirrored.expand_as(mean), atol=1e-5)


def test_the_end_does_not_leak_into_the_beginning():
    """A ramp: a periodic filter would pull its first frame towards its last."""
    ramp = torch.arange(32.0)[None, :, None, None, None].expand(1, 32, 1, 4, 4)
    smooth = filtered(ramp, low_pass((32, 4, 4), 0.1, math.inf))
    assert smooth[0, 0].mean() < 3
    assert smooth[0, -1].mean() > 28


def test_blending_mixes_only_what_passes():
    slow, fast = wave(9, 1 / 16), wave(9, 8 / 16)
    mask = low_pass(size_of(slow), 0.2, math.inf, "ideal")
    estimate, guide = 3 * fast, slow + fast
    assert torch.allclose(blended(estimate, guide, mask, 1.0), slow + 3 * fast, atol=1e-5)
    assert torch.allclose(blended(estimate, guide, mask, 0.5), 0.5 * slow + 3 * fast, atol=1e-5)
    assert blended(estimate, guide, mask, 0.0) is estimate
    assert torch.equal(blended(estimate, guide, None, 1.0), guide)


def test_detail_comes_back_where_nothing_was_changed():
    original = torch.rand(2, 3, 32, 24) * 0.6 + 0.2
    small = torch.nn.functional.interpolate(original, (16, 12), mode="bicubic", antialias=True)
    before = small * 0.9  # what an autoencoder makes of it
    assert torch.allclose(with_detail(before, before, original), original, atol=1e-5)
    assert torch.allclose(with_detail(before + 0.1, before, original), original + 0.1, atol=1e-5)
    soft = with_detail(before, before, original, amount=0.0)
    assert soft.shape == original.shape
    assert soft.var() < original.var()
    half = with_detail(original * 0.5, original * 0.5, original, amount=0.0)
    assert torch.allclose(half, original * 0.5)
