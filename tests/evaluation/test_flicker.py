"""Flicker and view consistency: what changes along the surface, and what must not count."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from samples import sample_of, truth_of

from muybridge.evaluation.consistency import METRICS as VIEWS
from muybridge.evaluation.flicker import METRICS as FRAMES
from muybridge.evaluation.flicker import change, counted_points
from muybridge.evaluation.geometry import Matches
from muybridge.evaluation.sample import GROUND


def scores(clip, made=None) -> dict[str, float]:
    sample = sample_of(clip, made, clip.read().matte)
    return {k: v for metric in FRAMES + VIEWS for k, v in metric.function(sample).items()}


def stepping(width: int = 8, height: int = 6) -> Matches:
    """Everything moves one pixel right and half a pixel down; what leaves is not seen."""
    row, column = torch.meshgrid(torch.arange(height - 1), torch.arange(width - 1), indexing="ij")
    row, column = row.flatten(), column.flatten()
    place = torch.stack([column + 1.5, row + 1.0], 1)
    return Matches((((0, 0), (0, 1)),), 0 * row, row * width + column, place)


def test_change_worked_out_by_hand():
    matches = stepping()
    ramp = torch.arange(6.0)[:, None] / 10 + torch.arange(8.0) / 100
    first = ramp.expand(1, 3, 6, 8)
    moved = (ramp - 0.05 - 0.01).expand(1, 3, 6, 8)  # half a row and a column back
    frames = torch.stack([first, moved], 1)
    every = torch.ones(len(matches.pixel))
    assert change(frames, matches, every) == pytest.approx(0, abs=1e-6)
    lighter = torch.stack([first, moved + torch.tensor([0.3, 0, 0])[:, None, None]], 1)
    assert change(lighter, matches, every) == pytest.approx(0.1, abs=1e-6)
    # moving is a change where the surface should stand still
    still = torch.stack([first, first], 1)
    assert change(still, matches, every) == pytest.approx(0.06, abs=1e-6)


def test_points_at_silhouettes_and_lonely_pairs_do_not_count():
    matches = stepping()
    matte = torch.ones(1, 2, 1, 6, 8)
    counted, pairs = counted_points(matches, matte)
    assert counted.sum() == 35 and pairs == 1
    matte[0, 0, 0, :, 0] = 0.5
    counted, pairs = counted_points(matches, matte)
    assert counted.sum() == 0 and pairs == 0  # 30 are left, fewer than 32


@given(st.floats(0, 0.5), st.floats(0.1, 1))
def test_change_follows_contrast_and_not_brightness(offset, contrast):
    frames = torch.rand(1, 2, 3, 6, 8, generator=torch.Generator().manual_seed(5))
    matches = stepping()
    every = torch.ones(len(matches.pixel))
    plain = change(frames, matches, every)
    assert change(offset + contrast * frames, matches, every) == pytest.approx(
        contrast * plain, rel=1e-4
    )


def test_the_truth_changes_as_much_as_itself(grid):
    own = scores(grid)
    assert own["flicker_ratio"] == pytest.approx(1) and own["view_ratio"] == pytest.approx(1)
    assert 0 < own["flicker"] < 0.03 and 0 < own["view_error"] < 0.08
    assert own["flicker/pairs"] == 8 * 7 and own["view_error/pairs"] == 8 * 8


def test_noise_of_each_frame_flickers(grid):
    truth, own = truth_of(grid), scores(grid)
    noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))
    last = own
    for much in (0.03, 0.08):
        found = scores(grid, truth + much * noise)
        assert found["flicker"] > 1.3 * last["flicker"]
        assert found["flicker_ratio"] > 1.3 * last["flicker_ratio"]
        last = found


def test_a_tint_of_each_view_is_no_flicker(grid):
    truth, own = truth_of(grid), scores(grid)
    matte = grid.read().matte
    tint = torch.tensor([0.1, -0.1, 0.05, -0.1, 0, 0.1, -0.05, 0.1]).view(8, 1, 1, 1, 1)
    found = scores(grid, truth + tint * matte)
    assert found["view_error"] > own["view_error"] + 0.05
    assert found["view_ratio"] > 2 * own["view_ratio"]
    assert found["flicker"] == pytest.approx(own["flicker"], rel=0.02)


def test_a_tint_of_each_frame_is_no_difference_of_views(grid):
    truth, own = truth_of(grid), scores(grid)
    tint = 0.1 * (torch.arange(8) % 2).view(1, 8, 1, 1, 1)
    found = scores(grid, truth + tint * grid.read().matte)
    assert found["flicker"] > own["flicker"] + 0.08
    assert found["view_error"] == pytest.approx(own["view_error"], rel=0.02)


def test_wrong_views_frames_and_places_are_noticed(grid):
    truth, own = truth_of(grid), scores(grid)
    views = torch.tensor([0, 3, 1, 6, 4, 7, 2, 5])
    assert scores(grid, truth[views])["view_ratio"] > 2
    assert scores(grid, truth[:, [0, 4, 1, 6, 2, 7, 3, 5]])["flicker_ratio"] > 2
    aside = scores(grid, truth.roll(4, -1))
    assert aside["view_ratio"] > 1.3 and aside["flicker"] > own["flicker"]
    still = truth[:, :1].expand_as(truth)  # a picture that does not move slides over the surface
    assert scores(grid, still)["flicker_ratio"] > 1.5


def test_nobody_is_smoother_than_the_truth(grid):
    found = scores(grid, torch.full_like(truth_of(grid), GROUND))
    assert found["flicker"] == pytest.approx(0, abs=1e-6)
    assert found["flicker_ratio"] < 0.01 and found["view_ratio"] < 0.01


def test_what_cannot_be_told_is_left_out(grid):
    apart = grid.select([0, 2, 4, 6], [0])  # one moment, views a quarter of a circle apart
    assert scores(apart) == {}
    walk = grid.select([1])
    assert set(scores(walk)) == {"flicker", "flicker/pairs", "flicker_ratio"}
    assert scores(replace(walk, source="others", body="smplx")) == {}


def test_the_bare_bodys_surface_is_named(grid):
    clip = replace(grid.select([0, 1], [0, 1, 2]), source="others")
    found = scores(clip)
    assert set(found) == {
        "flicker[body]", "flicker[body]/pairs", "flicker_ratio[body]",
        "view_error[body]", "view_error[body]/pairs", "view_ratio[body]",
    }
    assert found["flicker_ratio[body]"] == pytest.approx(1)
    noise = torch.randn(truth_of(clip).shape, generator=torch.Generator().manual_seed(0))
    assert scores(clip, truth_of(clip) + 0.05 * noise)["flicker_ratio[body]"] > 1.5
