"""Progress: shares add up, time left is told, warnings are not lost."""

from __future__ import annotations

import io
import re

import pytest

from muybridge.jobs.progress import Bars, Event, LineLog, Progress, listening, terminal


def walk(listener):
    progress = Progress({"fit": 3.0, "render": 1.0}, listener)
    with progress.stage("fit", "two photos") as step:
        step(0.5, "body")
        step(7.0)
    progress.warn("fit", "the feet are cut off")
    progress.note("fit", "front and back are one picture [half each]")
    with progress.stage("render") as step:
        step(0.25)
    return progress


def test_shares_of_the_whole_follow_the_expected_seconds():
    events: list[Event] = []
    progress = walk(events.append)
    assert [(e.kind, round(e.overall, 4)) for e in events] == [
        ("begin", 0.0), ("step", 0.375), ("step", 0.75), ("end", 0.75), ("warning", 0.75),
        ("note", 0.75), ("begin", 0.75), ("step", 0.8125), ("end", 1.0),
    ]
    assert list(progress.seconds) == ["fit", "render"]
    assert all(0 <= e.done <= 1 for e in events)


def test_a_stage_of_no_expected_length_does_not_disturb():
    events: list[Event] = []
    with Progress({}, events.append).stage("extra") as step:
        step(1.0)
    assert events[-1].kind == "end" and events[-1].overall == 0.0


def test_lines_for_logs():
    stream = io.StringIO()
    walk(LineLog(stream, every=0.0))
    text = stream.getvalue()
    for part in ("fit: two photos", "fit:  50%", "left body", "warning: the feet are cut off",
                 "note: front and back are one picture [half each]",
                 "render: done in"):
        assert part in text, text
    assert "\x1b" not in text and "\r" not in text


def test_bars_for_terminals():
    rich = pytest.importorskip("rich.progress")
    from rich.console import Console

    stream = io.StringIO()
    bars = rich.Progress(console=Console(file=stream, force_terminal=True, width=90))
    with bars:
        walk(Bars(bars))
    assert "whole run" in stream.getvalue() and "the feet are cut off" in stream.getvalue()
    plain = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    assert "note: front and back are one picture [half each]" in plain
    assert bars.tasks[0].percentage == 100


def test_quiet_and_no_terminal():
    with listening(quiet=True) as listener:
        assert listener is None
    stream = io.StringIO()
    with terminal(stream) as listener:
        walk(listener)
    assert "fit: two photos" in stream.getvalue()


def test_the_time_left_counts_only_what_was_done_since(monkeypatch):
    """A run that goes on where another stopped at 60 % knows how fast it is itself."""
    import io

    from muybridge.jobs import progress

    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    stream = io.StringIO()
    log = progress.LineLog(stream, every=0.0)
    log(progress.Event("render", 0.0, 0.0, "", "begin"))
    for done, text in ((0.6, "goes on at frame 6"), (0.7, "frame 7")):
        clock[0] += 10
        log(progress.Event("render", done, done, text))
    lines = stream.getvalue().splitlines()
    assert "left" not in lines[1] and "about 30 s left" in lines[2]
