"""The order of cameras around a person, and whether they close a ring."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from muybridge.camera import Cameras
from muybridge.camera.ring import ring_of

MIDDLE = torch.tensor([0.0, 0.9, 0.0])


@pytest.mark.parametrize("views", [3, 4, 8, 20])
def test_an_orbit_closes(views):
    for start in (0, 77):
        ring = ring_of(Cameras.orbit(views, 2, start=start), MIDDLE)
        assert ring.closed and sorted(ring.order) == list(range(views))
        steps = {(b - a) % views for a, b in zip(ring.order, ring.order[1:], strict=False)}
        assert steps == {1}


@pytest.mark.parametrize("azimuth", [(0,), (0, 180), (0, 20, 40), (0, 90, 180), (0, 10, 130, 230)])
def test_an_arc_does_not(azimuth):
    assert not ring_of(Cameras.static(azimuth, 1), MIDDLE).closed


def test_an_arc_begins_at_its_end():
    ring = ring_of(Cameras.static((20, -30, 0, -60, 45), 1), MIDDLE)
    assert ring.order == (3, 1, 2, 0, 4)


@given(st.permutations([0, 41, 90, 133, 180, 222, 270, 317]))
def test_numbers_of_views_play_no_part(azimuths):
    ring = ring_of(Cameras.static(tuple(azimuths), 1), MIDDLE)
    assert ring.closed
    assert [azimuths[k] for k in ring.order] == sorted(azimuths)


def test_a_ring_is_around_a_person_not_the_origin():
    there = torch.tensor([7.0, 0.9, -3.0])
    ring = ring_of(Cameras.orbit(6, 1, center=(7.0, 0.9, -3.0)), there)
    assert ring.closed and not ring_of(Cameras.orbit(6, 1, center=(7.0, 0.9, -3.0)), MIDDLE).closed
