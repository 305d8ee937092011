"""A chart's gap is filled from both of its ends, and what was seen stays."""

from __future__ import annotations

import numpy as np
import pytest

from muybridge.person.fill import COLUMNS, Grid, Samples, blur_known, continue_around
from muybridge.person.palette import familiar


def tube(seen, paint, rows: int = 60) -> Samples:
    """A tube with a sample in the middle of every cell.

    Args:
        seen: which angles (degrees, -180..180) the photos saw.
        paint: colour of a point from its metres along and its angle in degrees.
    """
    along = (np.arange(rows) + 0.5) * 0.0025
    angle = (np.arange(COLUMNS) + 0.5) / COLUMNS * 360 - 180
    along, angle = (g.ravel() for g in np.meshgrid(along, angle, indexing="ij"))
    colour = paint(along, angle)
    trust = seen(along, angle).astype(float)
    return Samples(along, np.deg2rad(angle), colour * (trust > 0)[:, None], trust, 0.1)


def grey(value):
    return np.repeat(np.asarray(value, float)[:, None], 3, 1)


def front(along, angle):
    return np.abs(angle) < 60


def both(along, angle):
    return (np.abs(angle) < 60) | (np.abs(angle) > 120)


def test_seen_colours_stay():
    s = tube(both, lambda y, a: grey(0.5 + 0.3 * np.sin(np.deg2rad(a * 4)) * np.cos(60 * y)))
    found = continue_around(s)
    inner = (s.trust > 0) & (np.abs(np.abs(np.rad2deg(s.angle)) - 90) > 33)
    assert np.abs(found - s.colour)[inner].max() < 0.03
    assert np.abs(found - s.colour)[s.trust > 0].mean() < 0.01


def test_one_colour_goes_all_around():
    s = tube(front, lambda y, a: np.broadcast_to([0.7, 0.2, 0.4], (len(y), 3)))
    assert np.abs(continue_around(s) - [0.7, 0.2, 0.4]).max() < 1e-3


def test_a_gap_runs_from_one_end_to_the_other():
    s = tube(both, lambda y, a: np.where(np.abs(a)[:, None] < 90, [[0.9, 0.2, 0.2]],
                                         [[0.1, 0.3, 0.8]]))
    found = continue_around(s)
    angle = np.abs(np.rad2deg(s.angle))
    near, far = (angle > 62) & (angle < 66), (angle > 114) & (angle < 118)
    middle = (angle > 89) & (angle < 91)
    assert np.abs(found[near] - [0.9, 0.2, 0.2]).max() < 0.12
    assert np.abs(found[far] - [0.1, 0.3, 0.8]).max() < 0.12
    assert np.abs(found[middle] - [0.5, 0.25, 0.5]).max() < 0.06
    gap = (angle > 61) & (angle < 119)
    order = np.argsort(angle[gap])
    assert np.corrcoef(angle[gap][order], found[gap][order, 0])[0, 1] < -0.97


def test_a_pattern_goes_on_into_the_gap_and_fades():
    """Stripes along the limb are no smear: their contrast outlasts the border."""
    s = tube(front, lambda y, a: grey(0.5 + 0.25 * np.sign(np.sin(np.deg2rad(a) * 30))))
    found = continue_around(s)[:, 0].reshape(-1, COLUMNS)
    degrees = np.abs(np.rad2deg(s.angle)).reshape(-1, COLUMNS)[0]
    seen = found[:, degrees < 55].std()
    near = found[:, (degrees > 62) & (degrees < 90)].std()
    opposite = found[:, degrees > 165].std()
    assert near > 0.5 * seen
    assert opposite < 0.6 * seen


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("seen", [front, both])
def test_no_colour_comes_from_nowhere(seed, seen):
    dice = np.random.default_rng(seed)
    base = dice.uniform(0.3, 0.7, (60, COLUMNS, 3))
    s = tube(seen, lambda y, a: base.reshape(-1, 3))
    found = continue_around(s)
    low, high = s.colour[s.trust > 0].min(0), s.colour[s.trust > 0].max(0)
    # broad tone between two tones, plus detail of at most the pattern's own deviation
    tone = blur_known(base, np.ones(base.shape[:2], bool), rows=6, columns=10).reshape(-1, 3)
    detail = np.abs(base.reshape(-1, 3) - tone).max(0)
    assert (found > low - detail * 0.6).all() and (found < high + detail * 0.6).all()
    assert np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1


def test_rows_that_nobody_saw_take_the_nearest_row():
    s = tube(lambda y, a: front(y, a) & (y < 0.075), lambda y, a: grey(0.2 + 4 * y))
    found = continue_around(s)[:, 0].reshape(-1, COLUMNS)
    assert np.isfinite(found).all()
    assert np.abs(found[45:] - found[28:29].mean()).max() < 0.08


def test_the_seam_behind_is_no_border():
    """Angle -180 and +180 are neighbours."""
    s = tube(lambda y, a: np.abs(a) > 30, lambda y, a: grey(0.5 + 0.3 * np.cos(np.deg2rad(a))))
    found = continue_around(s)[:, 0].reshape(-1, COLUMNS)
    assert np.abs(found[:, 0] - found[:, -1]).max() < 0.02
    assert np.abs(np.diff(found, axis=1)).max() < 0.08


def test_cells_and_samples_agree():
    s = tube(lambda y, a: np.ones_like(a, bool), lambda y, a: grey(0.5 + a / 500))
    grid = Grid.of(s)
    assert grid.colour.shape[1:] == (COLUMNS, 3) and abs(len(grid.colour) - 60) <= 1
    assert (grid.weight > 0).all()
    inside = np.abs(np.rad2deg(s.angle)) < 170
    assert np.abs(grid.at(grid.colour, s) - s.colour)[inside].max() < 0.01


def test_familiar_keeps_ones_own_and_refuses_alien_colours():
    blue, skin = np.array([0.15, 0.22, 0.5]), np.array([0.82, 0.62, 0.5])
    dice = np.random.default_rng(4)

    def paint(y, a):
        cloth = blue + dice.normal(0, 0.02, (len(y), 3))
        return np.where((a > 30)[:, None], skin, cloth)

    s = tube(front, paint)
    degrees = np.rad2deg(s.angle)
    fits = familiar(s, degrees < 20)  # a hand lies before the right part of it
    own = (s.trust > 0) & (degrees < 28)
    assert fits.shape == degrees.shape and fits.min() >= 0 and fits.max() <= 1
    assert fits[own].mean() > 0.97
    assert fits[(s.trust > 0) & (degrees > 32)].max() < 0.05


def test_without_anything_certain_all_is_familiar():
    s = tube(front, lambda y, a: grey(0.5 + 0 * y))
    assert (familiar(s, np.zeros(len(s.along), bool)) == 1).all()
