"""A small job of the painted person, and a run of it."""

from __future__ import annotations

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
