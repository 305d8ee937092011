"""The forecast: linear where the work is, checked like a run, kept like a measurement."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.jobs import plan, prepare, replay, run, speed
from muybridge.jobs.run import piece_frames
from muybridge.methods.cost import Speed
from muybridge.motion import Motion

KNOWN = Speed(0.002, 2e-8, 3e-8, 40.0, 4.0, 600 << 20)


def forecast(job, **change):
    return plan(replace(job, **change), known=KNOWN)


def test_time_is_linear_and_memory_does_not_grow_with_frames(job):
    once, twice = forecast(job, frames=40), forecast(job, frames=80)
    assert twice.seconds["render"] == pytest.approx(2 * once.seconds["render"])
    assert twice.seconds["encode"] == pytest.approx(2 * once.seconds["encode"])
    assert twice.memory_bytes == once.memory_bytes
    wide = forecast(job, frames=40, camera="orbit:6")
    assert wide.seconds["render"] == pytest.approx(2 * once.seconds["render"])
    assert once.total == pytest.approx(sum(once.seconds.values()))


def test_a_fitted_person_needs_no_fit(job, tmp_path):
    assert forecast(job).seconds["fit"] < 2
    from muybridge.video import write_image

    write_image(tmp_path / "me.png", __import__("numpy").zeros((64, 64, 3), "uint8"))
    assert forecast(job, person=str(tmp_path / "me.png")).seconds["fit"] == 40.0


def test_more_to_write_takes_longer(job):
    plain = forecast(job).seconds["encode"]
    for change in ({"lossless": True}, {"save_frames": True}, {"background": "transparent"}):
        assert forecast(job, **change).seconds["encode"] > plain


def test_what_a_run_refuses_a_plan_refuses(job):
    for change in ({"motion": "moonwalk"}, {"camera": "orbitt"}, {"person": "/nowhere"},
                   {"method": "avatars"}, {"background": "grey"}):
        with pytest.raises(InputError):
            forecast(job, **change)


def test_the_measurement_is_kept_and_a_damaged_one_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    calls = []
    monkeypatch.setattr(speed, "measure", lambda: calls.append(1) or KNOWN)
    assert speed.speed() == KNOWN and speed.speed() == KNOWN and len(calls) == 1
    speed.speed(refresh=True)
    assert len(calls) == 2
    for text in ("{", "[]", "3", json.dumps({"machine": "another"}), "{}"):
        speed.cache_file().write_text(text)
        assert speed.speed() == KNOWN
    assert len(calls) == 7


def test_a_real_measurement_is_of_the_right_order():
    found = speed.measure()
    assert 1e-5 < found.picture_seconds < 2 and 1e-10 < found.pixel_seconds < 1e-4
    assert 1e-10 < found.encode_pixel_seconds < 1e-4 and found.base_bytes > 1 << 26


def test_pieces_are_small_whatever_the_size():
    for views, size in ((1, 64), (8, 512), (20, 1024)):
        rig = Cameras.orbit(views=views, frames=2, size=(size, size))
        frames = piece_frames(rig)
        assert frames == 1 or frames * views * size * size * 64 <= 192 << 20
        assert 1 <= frames <= 16


def test_a_plan_a_run_and_its_replay_begin_where_the_job_says(job, tmp_path):
    poses = np.zeros((60, 55, 3))
    poses[:, 0, 0] = np.pi / 2  # AMASS has Z up
    poses[36:, 16, 2] = np.linspace(-0.5, -1.2, 24)  # the left arm sinks after 1.5 s of T-pose
    place = np.tile([0.0, 0.0, 0.95], (60, 1))
    np.savez(tmp_path / "a.npz", poses=poses.reshape(60, -1), trans=place, mocap_framerate=24)
    late = replace(job, motion=str(tmp_path / "a.npz"), camera="static:0", frames=None,
                   width=32, height=32)
    for start, frames in ((None, 24), (0, 60), (57, 3)):
        assert forecast(late, start=start).extent.frames == frames
    whole, auto = (prepare.read_motion(replace(late, start=s)) for s in (0, None))
    assert torch.equal(auto.R_parent_joint, whole.R_parent_joint[36:])
    for start, frames in ((60, None), (57, 4)):
        with pytest.raises(InputError, match="frames"):
            forecast(late, start=start, frames=frames)
    done = run(replace(late, start=57), tmp_path / "run")
    assert done.record["job"]["start"] == 57
    assert Motion.load(tmp_path / "run" / "motion.npz").frames == 3
    again = replay(tmp_path / "run" / "run.json", tmp_path / "again")
    assert again.record["frames_sha256"] == done.record["frames_sha256"]
