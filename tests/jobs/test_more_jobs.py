"""Guide, compare, fit's folder, doctor."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from muybridge.errors import InputError
from muybridge.jobs import Job, doctor
from muybridge.jobs.compare import compare
from muybridge.jobs.guide import guide
from muybridge.render import MAPS
from muybridge.video import probe_video, read_image, read_video


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    job = Job("average", "wave", camera="orbit:2", frames=3, width=64, height=64)
    return guide(job, tmp_path_factory.mktemp("guide") / "maps")


def test_every_map_is_a_video_for_every_view(maps):
    assert set(maps.record["maps"]) == set(MAPS)
    for name in MAPS:
        for view in ("00", "01"):
            assert probe_video(maps.folder / name / f"{view}.mp4").frames == 3
        assert probe_video(maps.folder / f"{name}.mp4").frames == 3
    assert read_image(maps.folder / "plate.png").ndim == 3
    white, _ = read_video(maps.folder / "normals-reimagine" / "00.mp4")
    black, _ = read_video(maps.folder / "normals-gas" / "00.mp4")
    assert white[0, 0, 0].min() > 240 and black[0, 0, 0].max() < 16


def test_a_guide_of_a_person_of_some_maps_only(painted_folder, tmp_path):
    job = Job(str(painted_folder), "idle", camera="static:0", frames=2, width=48, height=64)
    made = guide(job, tmp_path / "maps", maps=["parts", "depth"], lossless=True)
    assert list(made.record["maps"]) == ["parts", "depth"]
    frames, _ = read_video(made.folder / "parts" / "00.mkv")
    assert len(np.unique(frames[0].reshape(-1, 3), axis=0)) > 8
    again = guide(job, tmp_path / "maps", maps=["uv"])  # an earlier guide is replaced
    assert not (again.folder / "parts").exists()


def test_a_guide_refuses_what_it_can_not_use(tmp_path):
    job = Job("average", "wave", frames=2, width=48, height=48)
    with pytest.raises(InputError, match="depth"):
        guide(job, tmp_path / "maps", maps=["heat"])
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(InputError, match="--force"):
        guide(job, tmp_path)
    with pytest.raises(InputError, match="no person.json|not there"):
        guide(replace(job, person=str(tmp_path / "nobody")), tmp_path / "maps")
    assert not (tmp_path / "maps").exists()


def test_a_comparison_runs_each_method_once(job, done, tmp_path):
    events = []
    asked = ["avatar", "avatar-full"]
    result = compare(job, asked, tmp_path / "out", listener=events.append)
    for name in asked:
        record = json.loads((tmp_path / "out" / name / "run.json").read_text())
        assert record["frames_sha256"] == done.record["frames_sha256"]
    assert read_image(tmp_path / "out" / "plate.png").shape[0] > 2 * 48 * 3
    overall = [e.overall for e in events]
    assert overall == sorted(overall) and overall[-1] == pytest.approx(1.0)
    assert {e.stage.split()[0] for e in events} == set(asked)
    stamp = (tmp_path / "out" / "avatar" / "run.json").stat().st_mtime_ns
    again = compare(job, asked, tmp_path / "out")
    assert (tmp_path / "out" / "avatar" / "run.json").stat().st_mtime_ns == stamp
    assert again.to_dict() == result.to_dict()


def test_a_comparison_with_an_unknown_method_runs_nothing(job, tmp_path):
    with pytest.raises(InputError):
        compare(job, ["avatar", "magic"], tmp_path / "out")
    with pytest.raises(InputError):
        compare(job, [], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_doctor_finds_this_installation_healthy():
    facts = doctor.report(doctor.examine())
    assert facts["healthy"], facts
    names = {f["name"] for f in facts["findings"]}
    assert {"versions", "threads", "codecs", "body", "method avatar"} <= names


def test_the_doctor_survives_what_is_broken(monkeypatch):
    def broken():
        raise OSError("the disk is on fire")
        yield

    monkeypatch.setitem(doctor.CHECKS, "body", broken)
    facts = doctor.report(doctor.examine())
    (finding,) = [f for f in facts["findings"] if f["name"] == "body"]
    assert not facts["healthy"] and "on fire" in finding["text"] and finding["remedy"]
