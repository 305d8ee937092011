"""A small job of the painted person, and a run of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace

import pytest

from muybridge.jobs import Job, run


@pytest.fixture(scope="session")
def job(painted_folder) -> Job:
    """Three views of five frames, 64 x 48."""
    return Job(
        str(painted_folder), "wave", camera="orbit:3", frames=5, width=64, height=48, seed=3
    )


@pytest.fixture(scope="session")
def done(job, tmp_path_factory):
    """A finished run."""
    return run(job, tmp_path_factory.mktemp("runs") / "done")


@pytest.fixture(scope="module")
def small_textures() -> Iterator[None]:
    """Whoever is dressed in this process gets a texture of 512 x 512, made in a third of the time.

    The pictures of these tests are small; ``tests/person`` dresses people as users do.
    """
    from muybridge.person import colouring

    small = SimpleNamespace(of=partial(colouring.TextureLayout.of, size=512))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(colouring, "TextureLayout", small)
        yield
