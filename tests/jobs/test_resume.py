"""A run that is broken off anywhere goes on and gives the frames of an unbroken one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from muybridge.errors import Interrupted
from muybridge.jobs import Job, run
from muybridge.jobs.frames import FrameStore
from muybridge.video import read_video

FRAMES = 48


def asked(painted_folder):
    """What :func:`start_and_stop`'s command line asks for, as a job."""
    return Job(
        str(painted_folder), "dance", camera="orbit:2", frames=FRAMES, width=96, height=96,
        lossless=True,
    )


def command(painted_folder, out):
    return [
        sys.executable, "-m", "muybridge", "animate", str(painted_folder), "--motion", "dance",
        "--camera", "orbit:2", "--frames", str(FRAMES), "--size", "96", "--lossless", "--quiet",
        "--threads", "1", "-o", str(out),
    ]


def start_and_stop(painted_folder, out, how, after):
    """Run the command and send a signal once ``after`` pictures are stored; its exit code."""
    frames = out / ".muybridge" / "frames"
    process = subprocess.Popen(command(painted_folder, out), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if frames.is_dir() and len(os.listdir(frames)) >= after:
            break
        time.sleep(0.002)
    process.send_signal(how)
    _, error = process.communicate(timeout=60)
    return process.returncode, error


@pytest.fixture(scope="module")
def unbroken(painted_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("unbroken") / "out"
    run(asked(painted_folder), out)
    return out


def same(out, unbroken):
    records = [json.loads((f / "run.json").read_text()) for f in (out, unbroken)]
    assert records[0]["frames_sha256"] == records[1]["frames_sha256"]
    for view in ("00", "01"):
        a, b = (read_video(f / "views" / f"{view}.mkv")[0] for f in (out, unbroken))
        assert a.shape[0] == FRAMES and np.array_equal(a, b)
    return records[0]


def test_kill_9_in_the_middle(painted_folder, unbroken, tmp_path):
    out = tmp_path / "out"
    code, _ = start_and_stop(painted_folder, out, signal.SIGKILL, after=20)
    assert code == -signal.SIGKILL and not (out / "run.json").exists()
    run(asked(painted_folder), out)
    record = same(out, unbroken)
    assert 0 < record["resumed_at_frame"] < FRAMES
    assert not (out / ".muybridge").exists()


def test_ctrl_c_says_how_to_go_on(painted_folder, unbroken, tmp_path):
    out = tmp_path / "out"
    code, error = start_and_stop(painted_folder, out, signal.SIGINT, after=16)
    assert code == 130, error
    assert "goes on from there" in error and "Traceback" not in error
    run(asked(painted_folder), out)
    assert same(out, unbroken)["resumed_at_frame"] > 0


def test_a_stop_in_any_stage_can_be_gone_on_with(job, done, tmp_path, monkeypatch):
    import muybridge.jobs.outputs as outputs
    import muybridge.jobs.prepare as prepare

    def stop(*_args, **_more):
        raise KeyboardInterrupt

    out = tmp_path / "out"
    for place, name in ((prepare, "aim"), (FrameStore, "put"), (outputs, "_write_grid")):
        with monkeypatch.context() as broken:
            broken.setattr(place, name, stop)
            with pytest.raises(Interrupted) as caught:
                run(job, out)
        assert caught.value.exit_code == 130
    result = run(job, out)
    assert result.record["frames_sha256"] == done.record["frames_sha256"]


def test_another_job_does_not_go_on_with_these_frames(job, done, tmp_path, monkeypatch):
    from dataclasses import replace

    import muybridge.jobs.outputs as outputs

    def stop(*_args, **_more):
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with monkeypatch.context() as broken, pytest.raises(Interrupted):
        broken.setattr(outputs, "_write_view", stop)
        run(replace(job, motion="squat"), out)
    assert len(os.listdir(out / ".muybridge" / "frames")) == 15
    result = run(job, out)
    assert result.record["resumed_at_frame"] == 0
    assert result.record["frames_sha256"] == done.record["frames_sha256"]


def test_half_a_frame_is_no_frame(tmp_path):
    store = FrameStore(tmp_path, views=2, frames=3)
    for name in ("000000_000.png", "000000_001.png", "000001_000.png", ".000001_001.png.part"):
        (tmp_path / name).touch()
    assert store.held() == 1
    FrameStore(tmp_path, views=2, frames=3)
    assert not (tmp_path / ".000001_001.png.part").exists()
