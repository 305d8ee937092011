"""People to measure: rendered once, in seconds, for all tests of metrics."""

from __future__ import annotations

import pytest

from muybridge.data.people import Programme, clips
from muybridge.data.record import Clip

SIZE = (96, 128)


@pytest.fixture(scope="session")
def somebody() -> dict[str, Clip]:
    """The first test person, seen from around and walking."""
    orbit, walk = clips(0, "test", Programme(views=4, motions=1, frames=6, size=SIZE))
    return {"orbit": orbit.loaded(), "walk": walk.loaded()}


@pytest.fixture(scope="session")
def orbit(somebody) -> Clip:
    """Four views of one moment."""
    return somebody["orbit"]


@pytest.fixture(scope="session")
def walk(somebody) -> Clip:
    """One view of six moments."""
    return somebody["walk"]


@pytest.fixture(scope="session")
def other() -> Clip:
    """Another person, taken as ``orbit`` is."""
    (clip,) = clips(1, "test", Programme(views=4, motions=0, size=SIZE))
    return clip.loaded()


@pytest.fixture(scope="session")
def grid() -> Clip:
    """The first test person again: eight moments, each from eight views all around."""
    (clip,) = clips(0, "test", Programme(views=0, motions=0, frames=8, grid=8, size=SIZE))
    return clip.loaded()
