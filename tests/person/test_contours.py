"""Outlines of drawn discs, and which of their points belong together."""

from __future__ import annotations

import numpy as np
import pytest

from muybridge.person.contours import Outline, match, outline
from muybridge.person.observation import observe


def disc(size: int, center: tuple[float, float], radius: float) -> np.ndarray:
    """A disc by the middles of its pixels."""
    y, x = np.mgrid[:size, :size] + 0.5
    return (x - center[0]) ** 2 + (y - center[1]) ** 2 < radius**2


@pytest.mark.parametrize("center", [(50.0, 50.0), (47.3, 52.8), (50.5, 49.1)])
@pytest.mark.parametrize("radius", [12.0, 30.4])
def test_a_discs_outline_lies_on_its_circle_and_looks_out(center, radius):
    line = outline(disc(100, center, radius))
    away = line.points - center
    distance = np.linalg.norm(away, axis=1)
    assert abs(distance.mean() - radius) < 0.35
    assert np.abs(distance - radius).max() < 1.0
    assert ((line.normals * away).sum(1) / distance > 0.95).all()
    assert np.allclose(np.linalg.norm(line.normals, axis=1), 1, atol=1e-5)
    assert np.abs(line.points.mean(0) - center).max() < 0.25
    rows, columns = line.pixels.T
    assert disc(100, center, radius)[rows, columns].all()


def test_scale_and_origin_move_the_outline_into_the_photo():
    mask = disc(60, (30, 30), 20)
    plain, moved = outline(mask), outline(mask, 3.0, (100.0, 7.0))
    assert np.allclose(moved.points, plain.points * 3 + (100, 7))
    assert np.array_equal(moved.pixels, plain.pixels)


def test_the_border_of_the_picture_is_an_outline_too():
    line = outline(np.ones((9, 7), bool))
    assert len(line.points) == 2 * (9 + 7) - 4
    assert line.points.min() >= -1e-6
    assert (line.points.max(0) <= np.array([7, 9]) + 1e-6).all()


def test_nothing_has_no_outline_and_no_match():
    nothing = outline(np.zeros((20, 20), bool))
    assert nothing.points.shape == (0, 2)
    for pair in ((nothing, outline(disc(20, (10, 10), 5))), (nothing, nothing)):
        for order in (pair, pair[::-1]):
            source, goal = match(*order, 100.0)
            assert len(source) == len(goal) == 0


@pytest.mark.parametrize("shift", [(0.37, 0.0), (-1.4, 0.8), (4.0, -3.0)])
def test_matches_of_a_shifted_disc_show_the_shift(shift):
    here = outline(disc(120, (60, 60), 35))
    there = outline(disc(120, (60 + shift[0], 60 + shift[1]), 35))
    source, goal = match(here, there, 100.0)
    assert len(source) > 0.95 * (len(here.points) + len(there.points))
    assert ((here.normals[source] * there.normals[goal]).sum(1) > 0.3).all()
    # nearest points slide along the border, so one step falls short; repeated, it arrives
    found = np.zeros(2)
    for _ in range(12):
        moved = Outline(here.points + found, here.normals, here.pixels)
        source, goal = match(moved, there, 100.0)
        normal = there.normals[goal]
        gap = ((there.points[goal] - moved.points[source]) * normal).sum(1)
        found += np.linalg.lstsq(normal, gap, rcond=None)[0]
    assert np.abs(found - shift).max() < 0.2


def test_opposite_sides_of_a_thin_thing_are_not_confused():
    left = Outline(np.array([[10.0, 10.0]]), np.array([[-1.0, 0.0]]), np.zeros((1, 2), int))
    ends = Outline(
        np.array([[10.5, 10.0], [13.0, 10.0]]), np.array([[1.0, 0.0], [-1.0, 0.0]]),
        np.zeros((2, 2), int),
    )
    source, goal = match(left, ends, 100.0)
    assert set(goal.tolist()) == {1} and set(source.tolist()) == {0}


@pytest.mark.parametrize("height", [150, 420, 1300])
def test_a_photos_outline_is_traced_in_its_own_pixels(height):
    y, x = np.mgrid[: height + 40, : height // 2 + 40] + 0.5
    center = np.array([height / 4 + 20, height / 2 + 20])
    axes = np.array([height / 4 - 4, height / 2])
    alpha = ((((x - center[0]) / axes[0]) ** 2 + ((y - center[1]) / axes[1]) ** 2) < 1).astype(
        np.float32
    )
    o = observe("front", np.full((*alpha.shape, 3), 90, np.uint8), alpha)
    assert abs(o.height - height) <= 2
    for line in (o.contour, o.fine):
        r = np.linalg.norm((line.points - center) / axes, axis=1)
        assert abs((r - 1).mean() * height / 2) < 0.35 * max(o.scale, 1)
        assert np.abs(r - 1).max() * axes.max() < 2.5 * max(o.scale, 1)
    assert o.core.sum() < o.mask.sum() and not (o.core & ~o.mask).any()
