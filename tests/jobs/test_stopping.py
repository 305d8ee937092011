"""A Ctrl-C that a callback from compiled code has swallowed still stops the run."""

from __future__ import annotations

import pytest

from muybridge.jobs import stopping
from muybridge.jobs.progress import Progress


def test_a_swallowed_stop_is_met_at_the_next_step():
    progress = Progress({"render": 1.0})
    with pytest.raises(KeyboardInterrupt), progress.stage("render") as step:
        step(0.1)
        stopping.ask()
        step(0.2)
    step(0.3)  # once it was met it is over


def test_a_stop_between_stages_is_met_before_the_next():
    progress = Progress({"render": 1.0, "encode": 1.0})
    with progress.stage("render") as step:
        step(1.0)
    stopping.ask()
    with pytest.raises(KeyboardInterrupt), progress.stage("encode"):
        pytest.fail("the stage was entered")


def test_a_new_run_does_not_inherit_a_stop():
    stopping.ask()
    with Progress({"render": 1.0}).stage("render") as step:
        step(0.5)
