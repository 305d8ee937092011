"""Jobs whose motion is a video: from an mp4 on disk to frames, resumed, replayed, refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from jobs.driving_small import FPS, filmed
from methods.threedimo_small import HAND, awake, small_config, small_networks

from muybridge.camera import Cameras, facing_of
from muybridge.cli import main
from muybridge.cli.common import read
from muybridge.cli.drive import Drive, job_of
from muybridge.errors import InputError, Interrupted
from muybridge.jobs import Job, driving, prepare, replay, run, speed
from muybridge.jobs.job import MOST_FRAMES
from muybridge.methods.cost import Speed
from muybridge.methods.driving import compact, outstretched, picked, standing
from muybridge.methods.threedimo.checkpoints import save
from muybridge.methods.threedimo.driver import of_pictures
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.video import probe_video, read_image, read_video, write_image, write_video

SIZE = "48x64"


@pytest.fixture(scope="module", autouse=True)
def small(tmp_path_factory):
    """Untrained networks that do something, where nano's are looked for first."""
    folder = tmp_path_factory.mktemp("weights")
    save(awake(small_networks()), folder / "3dimo" / "nano")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUYBRIDGE_WEIGHTS", str(folder))
        yield


@pytest.fixture(scope="module")
def film(painted, tmp_path_factory):
    return filmed(tmp_path_factory.mktemp("film"), painted)


@pytest.fixture(scope="module")
def driven(film, painted_folder) -> Job:
    return Job(
        str(painted_folder), str(film.video), method="3dimo", camera="Left side view.",
        fps=FPS, width=48, height=64, matte=str(film.matte),
    )


@pytest.fixture(scope="module")
def done(film, painted_folder, tmp_path_factory):
    """A folder that the command wrote."""
    out = tmp_path_factory.mktemp("runs") / "done"
    assert main(["drive", str(painted_folder), str(film.video), "--matte", str(film.matte),
                 "--camera", "Left side view.", "--size", SIZE, "--quiet", "-o", str(out)]) == 0
    return out


def record_of(folder):
    return json.loads((folder / "run.json").read_text())


def test_a_video_from_disk_drives_by_the_command(film, done, driven):
    said = record_of(done)
    assert Job.from_dict(said["job"]) == driven
    shown = probe_video(done / "video.mp4")
    assert (shown.frames, shown.fps) == (len(film.frames), FPS)
    assert {"motion", "matte", "person"} == set(said["inputs"])
    assert "video.mp4 moves it" in said["motion"]["notes"][-1]
    assert len(np.unique(read_video(done / "video.mp4")[0])) > 20


def test_the_person_stands_at_the_origin_and_words_count_from_there(done):
    motion, cameras = Motion.load(done / "motion.npz"), Cameras.load(done / "cameras.json")
    person = Person.load(done / "person")
    joints = person.posed(motion).joints
    assert abs(facing_of(joints)) < 3
    assert float(joints[:, 0, [0, 2]].norm(dim=-1).max()) < 0.02
    assert float(cameras.centers[0, 0, 0]) > 1  # their left is at +x
    room = person.posed(outstretched(motion)).joints
    pixels, _ = cameras.project(room)
    assert float(pixels.min()) > 0 and float(pixels[..., 0].max()) < cameras.width


def test_a_stopped_run_goes_on_and_a_replay_agrees(done, driven, film, tmp_path):
    def stops(event):
        if event.stage == "render" and event.text.startswith("frame 4 of 6 of the driving"):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="goes on"):
        run(driven, tmp_path / "out", listener=stops)
    hashes = run(driven, tmp_path / "out").record["frames_sha256"]
    assert hashes == record_of(done)["frames_sha256"]
    assert replay(done, tmp_path / "again").record["frames_sha256"] == hashes
    held = film.matte.read_bytes()
    try:
        film.matte.write_bytes(held[:-1])
        with pytest.raises(InputError, match="not what the run was made from"):
            replay(done, tmp_path / "third")
    finally:
        film.matte.write_bytes(held)


def test_a_folder_of_pictures_at_another_rate_drives_too(film, driven, painted):
    seen = driving.pictures(driven, painted, 6, lambda *_: None)
    assert seen.shape == (6, 4, 96, 72) and seen.dtype == torch.uint8
    share = film.mattes[2] / 255.0
    assert np.abs(seen[2, 3].numpy() / 255.0 - share).mean() < 0.02
    ground = seen[:, :3].amax(1)[torch.from_numpy(film.mattes) == 0].float()
    assert float(ground.mean()) < 3  # what is left of it is the codec's
    slow = replace(driven, fps=Fraction(6), start=1, frames=2)
    assert prepare.read_motion(slow).frames == 2
    assert torch.equal(driving.pictures(slow, painted, 2, lambda *_: None), seen[[2, 4]])
    folder = replace(driven, motion=str(film.folder))
    still = driving.pictures(folder, painted, 6, lambda *_: None)
    assert float((still.float() - seen.float()).abs().mean()) < 4
    assert prepare.input_digests(folder)["motion"]["path"] == str(film.folder)


def test_keypoints_tell_where_the_hands_are(film, driven, painted, done, tmp_path):
    asked = replace(driven, keypoints=str(film.keypoints))
    told = driving.hands(asked, 6)
    apart = (told * torch.tensor([72, 96]) - torch.from_numpy(film.hands)).norm(dim=-1)
    assert float(apart.max()) < 2.5  # pixels, of a person of 80
    assert driving.hands(driven, 6) is None
    slow = replace(asked, fps=Fraction(6), start=1, frames=2)
    assert torch.equal(driving.hands(slow, 2), told[[2, 4]])
    seen = driving.pictures(driven, painted, 6, lambda *_: None)
    unknown = told.clone()
    unknown[3, 0] = torch.nan
    driver = of_pictures(seen, small_config(), unknown)
    assert driver.hands.shape == (1, 6, 2, 3, HAND, HAND)
    assert int(driver.seen.sum()) == 11 and not bool(driver.seen[0, 3, 0])
    assert float(driver.hands[0].amax((-1, -2, -3))[driver.seen[0]].min()) > 0.2
    out = tmp_path / "out"
    assert main(["drive", driven.person, str(film.video), "--matte", str(film.matte),
                 "--keypoints", str(film.keypoints), "--camera", "Left side view.",
                 "--size", SIZE, "--quiet", "-o", str(out)]) == 0
    said = record_of(out)
    assert Path(said["inputs"]["keypoints"]["path"]) == film.keypoints
    assert said["frames_sha256"] != record_of(done)["frames_sha256"]


def test_keypoints_of_something_else_are_refused(film, driven, tmp_path):
    few = tmp_path / "few"
    shutil.copytree(film.keypoints, few)
    next(few.glob("*.json")).unlink()
    for changes, said in (
        ({"keypoints": str(few)}, "5 files of keypoints for 6 pictures"),
        ({"keypoints": str(tmp_path / "nowhere")}, "not there"),
        ({"keypoints": str(film.keypoints), "motion": "wave", "matte": None}, "is no video"),
    ):
        with pytest.raises(InputError, match=said):
            prepare.read_motion(replace(driven, **changes))
    damaged = tmp_path / "damaged"
    shutil.copytree(film.keypoints, damaged)
    sorted(damaged.glob("*.json"))[2].write_text("[1, 2")
    with pytest.raises(InputError, match="no JSON"):
        prepare.read_motion(replace(driven, keypoints=str(damaged)))
    seen = torch.zeros(2, 4, 24, 16, dtype=torch.uint8)
    seen[:, 3, 4:20, 4:12] = 255
    with pytest.raises(InputError, match="told of 3"):
        of_pictures(seen, small_config(), torch.full((3, 2, 2), 0.5))


def test_people_are_cut_out_of_the_video_where_no_matte_is_given(driven, film, painted):
    asked = replace(driven, matte=None, frames=1)
    seen = driving.pictures(asked, painted, 1, lambda *_: None)[0, 3].numpy() > 127
    there = film.mattes[0] > 127
    assert (seen & there).sum() / (seen | there).sum() > 0.7


def test_a_picture_is_held(film, driven, painted, painted_folder, tmp_path, capsys):
    arguments = ["drive", str(painted_folder), "--still", "3", "--size", SIZE, "--quiet", "--json"]
    assert main([*arguments, "-o", str(tmp_path / "out")]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["job"]["frames"] == 3 and record["job"]["motion"] == str(painted_folder)
    assert read_video(tmp_path / "out" / "video.mp4")[0].shape == (3, 64, 48, 3)
    centres = Cameras.load(tmp_path / "out" / "cameras.json").centers[0]
    assert float(centres[0, 2]) > 1 and float(centres[1, 2]) < -1  # once around in 3 frames
    own = replace(driven, motion=driven.person, matte=None)
    held = driving.pictures(own, painted, 2, lambda *_: None)
    assert torch.equal(held[0], held[1]) and held.shape[2:] == (512, 384)
    other = replace(driven, motion=str(film.folder / "2.png"), matte=None)
    assert prepare.read_motion(other).frames == driving.HELD
    assert driving.pictures(other, painted, 1, lambda *_: None).shape == (1, 4, 96, 72)


def test_a_video_is_stabilised_from_its_first_frame(film, painted, tmp_path, monkeypatch, capsys):
    asked = []

    def fitted(front, **options):
        asked.append((front, options))
        return painted

    monkeypatch.setattr(Person, "from_photo", staticmethod(fitted))
    arguments = ["--matte", str(film.matte), "--stabilise", "--size", SIZE, "--quiet", "--json"]
    assert main(["drive", str(film.video), *arguments, "-o", str(tmp_path / "out")]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["job"]["person"] == record["job"]["motion"] == str(film.video)
    assert record["job"]["camera"] == "The camera remains static."
    front, options = asked[0]
    assert np.abs(front.astype(int) - film.frames[0]).mean() < 4
    assert options["layout"] == "single"
    assert np.abs(options["mask"].astype(int) - film.mattes[0]).mean() < 4
    job = asked_for(str(film.folder), "--stabilise", "--matte", str(film.matte))
    assert driving.is_moving(job.person) and job.fps == 24
    assert np.array_equal(driving.first_picture(job)[0], read_image(film.folder / "0.png"))


def asked_for(*argv: str) -> Job:
    """The job of a command."""
    return job_of(read(Drive, "drive", list(argv)))


def test_a_motion_is_animated(painted_folder):
    """By the same job, so to the same frames."""
    job = asked_for(str(painted_folder), "wave", "--frames", "2")
    assert job == Job(
        str(painted_folder), "wave", method="3dimo", frames=2, camera="The camera remains static."
    )
    assert not driving.drives(job.motion)


def test_a_dry_run_says_how_long_and_writes_nothing(
    film, painted_folder, tmp_path, capsys, monkeypatch
):
    known = Speed(0.002, 2e-8, 3e-8, 40.0, 4.0, 600 << 20)
    monkeypatch.setattr(speed, "speed", lambda refresh: known)
    monkeypatch.chdir(tmp_path)
    arguments = ["drive", str(painted_folder), str(film.video), "--size", SIZE, "--dry-run"]
    assert main([*arguments, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["frames"] == 6
    assert main([*arguments, "--json", "--matte", str(film.matte)]) == 0
    less = json.loads(capsys.readouterr().out)
    assert less["seconds"]["render"] < said["seconds"]["render"]  # nobody is cut out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ((), "PERSON"), (("PERSON",), "name what drives"), (("PERSON", "nowhere.mp4"), "not there"),
        (("PERSON", "nowhere.png"), "not there"), (("PERSON", "moonwalk"), "moonwalk"),
        (("PERSON", "VIDEO", "--still", "3"), "one too many"),
        (("VIDEO", "--stabilise", "--still", "3"), "give one of the two"),
        (("PERSON", "--stabilise"), "is no video"), (("VIDEO", "VIDEO"), "not a photo"),
        (("PERSON", "--still", "0"), "out of range"),
        (("PERSON", "VIDEO", "--frames", "99"), "ask for fewer"),
        (("PERSON", "VIDEO", "--method", "avatar"), "--method 3dimo"),
        (("PERSON", "VIDEO", "--matte", "nowhere.mp4"), "not there"),
        (("PERSON", "VIDEO", "--matte", "SMALL"), "give the matte of this video"),
        (("PERSON", "walk", "--matte", "MATTE"), "is no video"),
        (("PERSON", "BLANK"), "nobody"), (("PERSON", "BROKEN"), "BROKEN"),
        (("PERSON", "VIDEO", "--camera", "spin it like a record"), "spin"),
    ],
)
def test_bad_requests_write_nothing(argv, said, film, painted_folder, tmp_path, capsys):
    (tmp_path / "BROKEN.mp4").write_bytes(b"no video")
    write_video(tmp_path / "small.mp4", np.zeros((6, 32, 32, 3), np.uint8), FPS)
    write_video(tmp_path / "blank.mp4", np.full((1, 64, 48, 3), 200, np.uint8), FPS)
    places = {
        "PERSON": painted_folder, "VIDEO": film.video, "MATTE": film.matte,
        "SMALL": tmp_path / "small.mp4", "BLANK": tmp_path / "blank.mp4",
        "BROKEN": tmp_path / "BROKEN.mp4",
    }
    arguments = [str(places.get(a, a)) for a in argv]
    assert main(["drive", *arguments, "--size", SIZE, "--quiet", "-o", str(tmp_path / "o")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "o" / "run.json").exists()
    assert not (tmp_path / "o" / "video.mp4").exists()


def test_frames_are_picked_by_their_time():
    assert list(picked(4, Fraction(24), Fraction(24))) == [0, 1, 2, 3]
    assert list(picked(5, Fraction(24), Fraction(12))) == [0, 2, 4]
    assert list(picked(2, Fraction(12), Fraction(24))) == [0, 1, 1]
    assert list(picked(9, Fraction(24), Fraction(12), start=3)) == [6, 8]
    assert list(picked(3, Fraction(24), Fraction(24), start=MOST_FRAMES)) == []


def test_large_pictures_are_kept_small():
    picture = torch.rand(2, 4, 600, 1024)
    kept = compact(picture)
    assert kept.shape == (2, 4, 300, 512) and kept.dtype == torch.uint8
    assert abs(float(kept.float().mean()) / 255 - 0.5) < 0.01
    assert compact(picture[..., :40, :30]).shape == (2, 4, 40, 30)


def test_names_that_drive(film, painted_folder, tmp_path):
    write_image(tmp_path / "one.png", film.frames[0])
    assert all(map(driving.drives, (str(film.video), str(film.folder), str(painted_folder),
                                    str(tmp_path / "one.png"))))
    assert not any(map(driving.drives, ("walk", "dance.bvh", str(tmp_path / "none"))))
    assert driving.is_saved(str(painted_folder)) and not driving.is_saved(str(film.folder))
    motion = standing(3, FPS)
    assert motion.checked("standing").frames == 3 and motion.fps == FPS
