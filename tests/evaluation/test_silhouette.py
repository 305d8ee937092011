"""Overlap and outlines of silhouettes, against squares worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from samples import sample_of
from scipy.ndimage import binary_erosion
from scipy.spatial.distance import cdist

from muybridge.evaluation.sample import GROUND
from muybridge.evaluation.silhouette import (
    METRICS,
    boundary,
    outline_distances,
    overlap,
    soft_iou,
)


def square(x: int, y: int, side: int, size: tuple[int, int] = (32, 40)) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[y : y + side, x : x + side] = True
    return mask


def mattes(*masks: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(masks)).float()[:, None]


def test_overlap_of_squares_worked_out_by_hand():
    a, b = mattes(square(5, 5, 10)), mattes(square(8, 5, 10))
    # 7 of 10 columns are common, 13 are of either
    assert float(soft_iou(a, b)) == pytest.approx(7 / 13)
    assert float(soft_iou(a, 0.5 * a)) == pytest.approx(0.5)
    assert float(soft_iou(0 * a, 0 * a)) == 1 and float(soft_iou(a, 0 * a)) == 0


def test_distances_of_nested_squares_worked_out_by_hand():
    near = outline_distances(square(10, 10, 10), square(8, 8, 14))
    # 36 inner pixels are 2 off; so are the outer ones but for 3 to 5 at each corner
    assert len(near) == 36 + 52
    assert near[:36] == pytest.approx(2)
    corner = [math.hypot(2, 2), math.hypot(2, 1), math.hypot(2, 1)]
    assert np.sort(near)[-12:] == pytest.approx(sorted(corner * 4))
    assert near.mean() == pytest.approx((76 * 2 + 4 * sum(corner)) / 88, abs=1e-5)


@given(
    st.tuples(st.integers(0, 20), st.integers(0, 14), st.integers(1, 18)),
    st.tuples(st.integers(0, 20), st.integers(0, 14), st.integers(1, 18)),
)
def test_distances_are_those_of_all_pairs_of_outline_pixels(one, two):
    a, b = square(*one), square(*two)
    points = [
        np.argwhere(m & ~binary_erosion(m, border_value=1)).astype(float) for m in (a, b)
    ]
    if not len(points[0]) or not len(points[1]):
        return
    apart = cdist(*points)
    expected = np.concatenate([apart.min(1), apart.min(0)])
    assert outline_distances(a, b) == pytest.approx(expected, abs=1e-4)
    assert np.sort(outline_distances(b, a)) == pytest.approx(np.sort(expected), abs=1e-4)


def test_where_the_picture_ends_is_no_outline():
    cut = square(0, 0, 12)
    longer = np.zeros_like(cut)
    longer[:12, :14] = True
    distances = outline_distances(cut, longer)
    assert len(distances) == 23 + 25  # right and lower sides only
    assert distances.max() == 2


def test_nobody_is_the_diagonal_away():
    nothing = np.zeros((30, 40), bool)
    distances = outline_distances(square(3, 3, 5, (30, 40)), nothing)
    assert len(distances) == 16 and distances == pytest.approx(50)
    assert len(outline_distances(nothing, nothing)) == 0


def test_the_truth_is_met_and_nobody_is_not(orbit):
    matte = orbit.read().matte
    same = sample_of(orbit, made_matte=matte)
    assert overlap(same) == {"iou": pytest.approx(1), "iou/hard": pytest.approx(1)}
    assert boundary(same) == {"boundary": 0, "boundary/95": 0}
    none = sample_of(orbit, torch.full_like(same.truth, GROUND))
    assert overlap(none)["iou"] == 0
    assert boundary(none)["boundary"] == pytest.approx(math.hypot(96, 128))


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_each_step_aside_and_the_wrong_view_are_worse(orbit, other, metric):
    matte = orbit.read().matte
    wrong = [matte, matte.roll(1, -1), matte.roll(4, -1), matte.roll(1, 0)]
    scores = [metric.function(sample_of(orbit, made_matte=m))[metric.name] for m in wrong]
    sign = 1 if metric.better == "lower" else -1
    assert all(sign * s > sign * scores[0] for s in scores[1:])
    assert sign * scores[2] > sign * scores[1]
    somebody = metric.function(sample_of(orbit, made_matte=other.read().matte))[metric.name]
    assert sign * somebody > sign * scores[0]


def test_a_step_aside_is_as_far_as_it_is(orbit):
    matte = orbit.read().matte
    far = boundary(sample_of(orbit, made_matte=matte.roll(3, -1)))
    assert 1.5 < far["boundary"] < 3 and far["boundary/95"] == pytest.approx(3, abs=0.3)
