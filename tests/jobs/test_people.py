"""``muybridge people``: the same people whatever happens on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from muybridge.cli import main
from muybridge.data import find_clips, iter_shards, read_clip
from muybridge.data.people import Programme, remade
from muybridge.errors import InputError
from muybridge.jobs import digest
from muybridge.jobs.people import People, people
from muybridge.jobs.people_work import Order, folder_of

PROGRAMME = Programme(views=2, motions=1, frames=2, fps="12", size=(24, 32))
REQUEST = People(2, 1, Order("validation", PROGRAMME), shards=True)
ARGUMENTS = ["2", "--split", "validation", "--seed", "1", "--views", "2", "--motions", "1",
             "--frames", "2", "--size", "24x32", "--shards", "--quiet"]


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of every file but the hidden ones."""
    return {
        p.relative_to(folder).as_posix(): digest.of_file(p)
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not any(part.startswith(".") for part in p.relative_to(folder).parts)
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Two people made by one process."""
    out = tmp_path_factory.mktemp("people") / "one"
    events = []
    people(REQUEST, out, workers=1, listener=events.append)
    assert {e.stage for e in events} == {"people", "shards", "sheet"}
    assert any("2 of 2" in e.text and "a minute" in e.text for e in events)
    return out


def test_what_is_made(made):
    index = json.loads((made / "validation.json").read_text())
    assert index["count"] == 2 and index["split"] == "validation" and index["seed"] == 1
    assert [p["number"] for p in index["people"]] == [100_000, 100_001]
    assert (made / "validation.png").stat().st_size > 1000
    for person in index["people"]:
        folder = made / person["folder"]
        assert {c["folder"] for c in person["clips"]} == {"orbit", "motion0"}
        for entry in person["clips"]:
            assert digest.of_path(folder / entry["folder"]) == entry["sha256"]
            clip = read_clip(folder / entry["folder"])
            assert (clip.views, clip.frames) == (entry["views"], entry["frames"])
            assert clip.split == "validation" and list(clip.references) == ["front", "back"]
            shot = clip.read()
            assert 0.02 < float((shot.matte > 0.5).float().mean()) < 0.6
    assert [s["file"] for s in index["shards"]] == ["shards/validation-00000.tar"]
    packed = list(iter_shards([made / index["shards"][0]["file"]]))
    assert [c.name for c in packed] == [c["name"] for p in index["people"] for c in p["clips"]]
    assert (packed[0].raw()[0] == read_clip(find_clips(made)[0]).raw()[0]).all()


@pytest.mark.slow  # five interpreters are started
def test_two_processes_and_a_kill_change_nothing(made, tmp_path):
    out = tmp_path / "killed"
    order = REQUEST.order
    child = subprocess.Popen(
        [sys.executable, "-m", "muybridge", "people", *ARGUMENTS, "--workers", "1", "-o",
         str(out)], start_new_session=True, stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 120
        while time.monotonic() < until and child.poll() is None:
            if list(out.glob("validation/[0-9]*")) or list(out.glob("validation/.*/orbit")):
                break
            time.sleep(0.02)
        assert child.poll() is None, "it was over before it could be killed"
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    assert not (out / "validation.json").exists()
    before = [n for n in REQUEST.numbers if folder_of(out, order, n).is_dir()]
    stamps = {n: folder_of(out, order, n).stat().st_mtime_ns for n in before}
    people(REQUEST, out, workers=2)
    assert contents(out) == contents(made)
    for number, stamp in stamps.items():  # whoever was finished was kept
        assert folder_of(out, order, number).stat().st_mtime_ns == stamp
    assert not list(out.glob("validation/.*"))  # what was half done is gone


def test_more_people_are_added_and_other_options_refused(made, capsys):
    with pytest.raises(InputError, match="made with other options"):
        people(replace(REQUEST, seed=2), made)
    fewer = replace(REQUEST, count=1, shards=False)
    before = contents(made)
    index = people(fewer, made)  # nothing is made again, nothing is removed
    assert [p["number"] for p in index["people"]] == [100_000]
    people(REQUEST, made)
    assert contents(made) == before
    assert main(["people", *ARGUMENTS, "-o", str(made), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["clips"] == 4


def test_a_clip_is_made_again_from_what_it_says_and_its_flow_with_it(made, monkeypatch):
    from muybridge.data import people as room

    kept = read_clip(folder_of(made, REQUEST.order, 100_000) / "motion0")
    person, setup = room.remade(kept)
    taken = person.take(setup)
    assert (taken.rgb == kept.raw()[0]).all() and (taken.matte == kept.raw()[1]).all()
    monkeypatch.setattr(room, "remade", lambda clip: (person, setup))  # once is enough
    flow = room.flow_of(kept, [((0, 0), (0, 1))])
    assert flow.flow.shape == (1, 2, 32, 24)
    # the flow's person is the one in the picture
    inside = kept.read().matte[0, 0, 0] > 0.5
    assert float((flow.person[0] == inside).float().mean()) > 0.97


def test_other_peoples_clips_are_not_made_again(made):
    kept = read_clip(find_clips(made)[0])
    with pytest.raises(InputError, match="do not say how it was made"):
        remade(replace(kept, source="somebody"))


def test_a_forecast_writes_nothing(tmp_path, capsys):
    out = tmp_path / "none"
    assert main(["people", "100", "-o", str(out), "--dry-run", "--json", "--workers", "4"]) == 0
    cost = json.loads(capsys.readouterr().out)
    assert cost["pictures"] == 100 * 30 and 20 < cost["seconds"] < 600
    assert not out.exists()


@pytest.mark.parametrize("arguments, what", [
    (["0"], "N: is 0"), (["2", "--frames", "0"], "--frames: is 0"), (["2", "--size", "9"], "width"),
    (["2", "--size", "big"], "is no size"), (["2", "--views", "0", "--motions", "0"], "nothing"),
    (["2", "--fps", "0"], "fps"), (["2", "--workers", "0"], "--workers: is 0"),
    (["2", "--seed", "-1"], "--seed: is -1"),
])
def test_what_cannot_be_done(arguments, what, tmp_path, capsys):
    out = tmp_path / "o"
    assert main(["people", *arguments, "-o", str(out)]) == 2
    assert what in capsys.readouterr().err and not out.exists()


def test_a_folder_of_other_things_is_left_alone(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("x")
    assert main(["people", "1", "-o", str(tmp_path)]) == 2
    assert "holds files that are not" in capsys.readouterr().err
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text("{}")
    assert main(["people", "1", "-o", str(run)]) == 2
    assert "holds a run of muybridge animate" in capsys.readouterr().err


def test_motions_before_travelling_cameras_are_said_where_there_are_some():
    def said(**programme):
        return People(1, 0, Order("train", Programme(**programme))).to_dict()["programme"]

    assert said(paths=4, path_motions=2)["path_motions"] == 2
    assert "path_motions" not in said(paths=4)
    assert said(path_motions=2) == said() and "paths" not in said()
