"""Drift: worse at the end than at the start."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from samples import sample_of, truth_of

from muybridge.evaluation.drift import METRICS, mean_lab, person_psnr, window
from muybridge.evaluation.sample import GROUND


def scores(clip, made=None) -> dict[str, float]:
    sample = sample_of(clip, made, clip.read().matte)
    return {k: v for metric in METRICS for k, v in metric.function(sample).items()}


@given(st.floats(0.005, 0.5))
def test_psnr_inside_worked_out_by_hand(off):
    truth = torch.full((1, 2, 3, 4, 5), 0.4)
    made = truth + off
    made[..., 0] = 0.9  # outside of what is looked at
    where = torch.ones(1, 2, 1, 4, 5, dtype=torch.bool)
    where[..., 0] = False
    assert person_psnr(made, truth, where) == pytest.approx(-20 * math.log10(off), abs=1e-3)
    assert person_psnr(truth, truth, where) == 60
    assert person_psnr(made, truth, ~where & False) is None


def test_mean_colour_in_cielab():
    frames = torch.zeros(1, 1, 3, 2, 2)
    frames[..., 0, :] = 1
    where = torch.tensor([[True, True], [False, False]])[None, None, None]
    assert mean_lab(frames, where).tolist() == pytest.approx([100, 0, 0], abs=0.01)
    red = torch.tensor([1.0, 0, 0]).view(1, 1, 3, 1, 1).expand(1, 1, 3, 2, 2)
    # sRGB's red under D65
    assert mean_lab(red, where).tolist() == pytest.approx([53.24, 80.09, 67.20], abs=0.02)


def test_windows_are_quarters():
    assert [window(k) for k in (8, 11, 24, 81)] == [2, 2, 6, 20]


def test_the_truth_does_not_drift(grid):
    assert scores(grid) == {"drift": 0, "colour_drift": 0}


def test_what_gets_worse_drifts_and_what_is_bad_throughout_does_not(grid):
    truth, matte = truth_of(grid), grid.read().matte
    over = torch.linspace(0, 1, 8).view(1, 8, 1, 1, 1)
    noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(0)) * matte
    worse = [scores(grid, truth + much * over * noise)["drift"] for much in (0.02, 0.1, 0.3)]
    assert 3 < worse[0] < worse[1] + 20
    assert worse[1] == pytest.approx(worse[2], abs=0.5) and worse[1] > 10
    assert scores(grid, truth + 0.1 * (1 - over) * noise)["drift"] < -10
    assert abs(scores(grid, truth + 0.1 * noise)["drift"]) < 0.3


def test_a_colour_that_shifts_is_told_in_cielab(grid):
    truth, matte = truth_of(grid), grid.read().matte
    over = torch.linspace(0, 1, 8).view(1, 8, 1, 1, 1)
    tint = torch.tensor([0.05, -0.05, 0.0]).view(1, 1, 3, 1, 1)
    shifts = [scores(grid, truth + k * tint * over * matte)["colour_drift"] for k in (0.5, 1, 2)]
    assert 1 < shifts[0] < shifts[1] < shifts[2]
    assert shifts[2] == pytest.approx(2 * shifts[1], rel=0.15)
    assert scores(grid, truth + tint * matte)["colour_drift"] < 0.1 * shifts[1]
    lighter = truth.pow(0.8)
    assert scores(grid, lighter)["colour_drift"] < 0.1 * shifts[1]


def test_a_drift_of_lightness_worked_out_by_hand(grid):
    # grey of L 50 turns into grey of L 60 in the last quarter; the truth is grey throughout
    def srgb(lightness: float) -> float:
        linear = ((lightness + 16) / 116) ** 3
        return 1.055 * linear ** (1 / 2.4) - 0.055

    sample = sample_of(grid)
    truth = torch.full_like(sample.truth, srgb(50))
    made = truth.clone()
    made[:, 6:] = srgb(60)
    found = METRICS[1].function(type(sample)(made, truth, sample.truth_matte, grid))
    assert found["colour_drift"] == pytest.approx(10, abs=0.001)


def test_short_videos_have_no_drift(grid):
    assert scores(grid.select(None, list(range(7)))) == {}
    sample = sample_of(grid)
    empty = type(sample)(
        torch.full_like(sample.truth, GROUND), torch.full_like(sample.truth, GROUND),
        torch.zeros_like(sample.truth_matte), grid,
    )
    assert all(metric.function(empty) == {} for metric in METRICS)
