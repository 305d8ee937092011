"""A run: what it writes, what it reuses, what it refuses, and how it is replayed."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from muybridge.camera import Cameras
from muybridge.errors import InputError, MuybridgeError
from muybridge.jobs import Job, replay, run
from muybridge.jobs.digest import of_path
from muybridge.jobs.progress import Event
from muybridge.motion import Motion, load_motion
from muybridge.person import Person
from muybridge.video import probe_video, read_image, read_image_alpha, read_video, write_image


def names(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_the_folder_holds_what_is_promised(done):
    folder = done.folder
    assert {
        "plate.png", "video.mp4", "cameras.json", "motion.npz", "run.json", "person/person.json",
        *(f"{kind}/{view:02d}.mp4" for kind in ("views", "matte") for view in range(3)),
    } <= names(folder)
    assert not (folder / ".muybridge").exists()
    assert not [n for n in names(folder) if "part" in n or n.endswith(".mkv")]
    frames, fps = read_video(folder / "views" / "01.mp4")
    assert frames.shape == (5, 48, 64, 3) and fps == Fraction(24)
    assert probe_video(folder / "video.mp4").frames == 5
    assert Cameras.load(folder / "cameras.json").views == 3
    assert Motion.load(folder / "motion.npz").frames == 5
    assert Person.load(folder / "person").body == "anny"
    matte, _ = read_video(folder / "matte" / "00.mp4")
    assert matte.max() > 200 and matte.min() < 40


def test_the_record_says_what_was_made_from_what(done, job):
    record = json.loads((done.folder / "run.json").read_text())
    assert record == json.loads(json.dumps(done.record))
    assert Job.from_dict(record["job"]) == job
    assert record["inputs"]["person"]["sha256"] == of_path(type(done.folder)(job.person))
    assert set(record["timings"]) == {"fit", "prepare", "render", "encode"}
    assert record["cameras"]["views"] == 3 and record["cameras"]["frames"] == 5
    assert len(record["frames_sha256"]) == 3
    assert len({h["rgb"] for h in record["frames_sha256"]}) == 3
    assert record["peak_memory_bytes"] > 1 << 26
    assert record["versions"]["torch"] and record["machine"]["threads"] >= 1
    assert record["licences"]["muybridge"] == "Apache-2.0"
    assert record["method"] == {
        "name": "avatar", "size": "full", "licence": "Apache-2.0", "weights": [],
    }


def test_a_replay_gives_the_same_frames(done, tmp_path):
    again = replay(done.folder / "run.json", tmp_path / "again")
    assert again.record["frames_sha256"] == done.record["frames_sha256"]
    assert again.record["inputs"] == done.record["inputs"]
    twice = replay(again.folder, tmp_path / "twice")  # a folder will do, and a replay's too
    assert twice.record["frames_sha256"] == done.record["frames_sha256"]


def test_a_replay_that_differs_says_so(done, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(done.folder, copy)
    record = json.loads((copy / "run.json").read_text())
    record["frames_sha256"][1]["rgb"] = "0" * 64
    record["versions"]["torch"] = "1.0"
    (copy / "run.json").write_text(json.dumps(record))
    with pytest.raises(MuybridgeError, match=r"views 1\).*torch 1.0 -> "):
        replay(copy, tmp_path / "again")


@pytest.mark.parametrize("harm", ["person", "motion", "record", "gone", "itself", "no json"])
def test_a_replay_of_damaged_files_is_refused(done, tmp_path, harm):
    copy, out = tmp_path / "copy", tmp_path / "out"
    shutil.copytree(done.folder, copy)
    if harm == "person":
        write_image(copy / "person" / "texture.png", np.zeros((64, 64, 3), np.uint8))
    elif harm == "motion":
        (copy / "motion.npz").unlink()
    elif harm == "record":
        (copy / "run.json").write_text("{}")
    elif harm == "gone":
        shutil.rmtree(copy)
    elif harm == "no json":
        (copy / "run.json").write_text("{")
    else:
        out = copy
    with pytest.raises(InputError):
        replay(copy / "run.json", out)
    assert harm == "itself" or not out.exists()


def test_equal_jobs_give_equal_frames_and_another_gives_others(done, job, tmp_path):
    same = run(job, tmp_path / "same")
    assert same.record["frames_sha256"] == done.record["frames_sha256"]
    other = run(replace(job, motion="squat"), tmp_path / "same")  # replaces the run
    assert other.record["frames_sha256"] != done.record["frames_sha256"]
    assert json.loads((tmp_path / "same" / "run.json").read_text())["job"]["motion"] == "squat"


def test_frames_and_lossless_video_hold_what_the_record_hashed(job, tmp_path):
    import hashlib

    result = run(replace(job, save_frames=True, lossless=True), tmp_path / "out")
    frames, _ = read_video(result.folder / "views" / "02.mkv")
    assert hashlib.sha256(frames.tobytes()).hexdigest() == (
        result.record["frames_sha256"][2]["rgb"]
    )
    stills = [read_image(result.folder / "frames" / "02" / f"{t:05d}.png") for t in range(5)]
    assert (np.stack(stills) == frames).all()


def test_transparent_frames_have_their_matte_as_alpha(job, tmp_path):
    import av

    result = run(replace(job, background="transparent", save_frames=True), tmp_path / "out")
    rgb, alpha = read_image_alpha(result.folder / "frames" / "00" / "00002.png")
    assert alpha is not None and alpha.min() == 0 and alpha.max() > 0
    with av.open(str(result.folder / "views" / "00.mkv")) as container:
        frames = [f.to_ndarray(format="rgba") for f in container.decode(video=0)]
    assert (frames[2][..., :3] == rgb).all()
    shown, _ = read_video(result.folder / "views" / "00.mp4")
    assert shown[2][0, 0].min() > 245  # white where there is nobody


def test_any_picture_can_stand_behind(job, tmp_path):
    write_image(tmp_path / "wall.png", np.full((90, 40, 3), (10, 200, 30), np.uint8))
    asked = replace(job, background=str(tmp_path / "wall.png"), lossless=True)
    result = run(asked, tmp_path / "out")
    frames, _ = read_video(result.folder / "views" / "00.mkv")
    assert (np.abs(frames[0, 0, 0].astype(int) - (10, 200, 30)) <= 1).all()
    write_image(tmp_path / "wall.png", np.zeros((90, 40, 3), np.uint8))
    with pytest.raises(InputError, match="wall.png"):
        replay(result.folder, tmp_path / "again")


def test_keep_needs_a_photo(job, tmp_path):
    with pytest.raises(InputError, match="without a photo"):
        run(replace(job, background="keep"), tmp_path / "out")


BAD = {
    "no photo": {"person": "/nowhere/me.jpg"},
    "no person": {"person": "EMPTY"},
    "no clip": {"motion": "moonwalk"},
    "no motion file": {"motion": "/nowhere/dance.bvh"},
    "no such camera": {"camera": "orbitt:8"},
    "a camera of many views": {"camera": "orbit:0"},
    "no method": {"method": "avatars"},
    "no size": {"method": "avatar-nano"},
    "no option": {"options": {"steps": 4}},
    "no background": {"background": "grey"},
    "no back": {"back": "/nowhere/back.jpg"},
    "no mask": {"mask": "/nowhere/mask.png"},
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_what_can_not_be_used_is_refused_and_nothing_is_written(job, tmp_path, change):
    (tmp_path / "empty").mkdir()
    change = {k: str(tmp_path / "empty") if v == "EMPTY" else v for k, v in change.items()}
    with pytest.raises(InputError) as caught:
        run(replace(job, **change), tmp_path / "out")
    assert caught.value.exit_code == 2 and str(caught.value).count("; ") >= 1
    assert not (tmp_path / "out").exists()


def test_more_frames_than_a_motion_has_are_refused(done, job, tmp_path):
    asked = replace(job, motion=str(done.folder / "motion.npz"), frames=6)
    with pytest.raises(InputError, match="has 5 frames"):
        run(asked, tmp_path / "out")


def test_the_whole_motion_is_taken_unless_frames_are_asked_for(done, job, tmp_path):
    path = done.folder / "motion.npz"
    asked = replace(job, motion=str(path), frames=None, fps=Fraction(48), camera="static:0")
    result = run(asked, tmp_path / "out")
    assert result.record["cameras"]["frames"] == Motion.load(path).frames * 2 - 1


def test_somebody_elses_folder_is_left_alone(job, tmp_path):
    (tmp_path / "thesis.txt").write_text("three years")
    with pytest.raises(InputError, match="--force"):
        run(job, tmp_path)
    assert names(tmp_path) == {"thesis.txt"}
    run(job, tmp_path, force=True)
    assert (tmp_path / "thesis.txt").read_text() == "three years"
    assert (tmp_path / "plate.png").is_file()


def test_progress_ends_at_one_and_warnings_of_the_person_are_told(painted, job, tmp_path):
    replace(
        painted, warnings=("the feet are cut off",), notes=("two people side by side",)
    ).save(tmp_path / "person")
    moves = Motion.load(load_motion("wave", frames=5).with_note("The wave is slow.").save(
        tmp_path / "slow.npz"))
    assert moves.notes == ("The wave is slow.",)
    events: list[Event] = []
    asked = replace(job, person=str(tmp_path / "person"), motion=str(tmp_path / "slow.npz"))
    result = run(asked, tmp_path / "out", listener=events.append)
    overall = [e.overall for e in events]
    assert overall == sorted(overall) and overall[-1] == pytest.approx(1.0)
    assert [e.text for e in events if e.kind == "warning"] == ["the feet are cut off"]
    told = [e.text for e in events if e.kind == "note"]
    assert told == ["two people side by side", *result.record["motion"]["notes"]]
    assert "The wave is slow." in told
    assert result.record["person"]["warnings"] == ["the feet are cut off"]
    assert result.record["person"]["notes"] == ["two people side by side"]
    assert [e.stage for e in events if e.kind == "begin"] == ["fit", "prepare", "render", "encode"]


def test_names_of_clips_are_no_files(job, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("wave", "orbit", "plain"):
        (tmp_path / name).mkdir()
    result = run(job, tmp_path / "out")
    assert result.record["job"]["motion"] == "wave"
    assert set(result.record["inputs"]) == {"person"}
