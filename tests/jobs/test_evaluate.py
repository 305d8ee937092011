"""``muybridge evaluate`` on one person and a few small pictures."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from muybridge.cli import main
from muybridge.errors import InputError, Interrupted
from muybridge.evaluation.frames import Made, frame_file, read_frames, write_frames
from muybridge.evaluation.manifest import NEAR, SAME, UNKNOWN
from muybridge.evaluation.plates import FAST, FULL, Plates, RingProgramme
from muybridge.evaluation.protocols import items
from muybridge.jobs import evaluate_work
from muybridge.jobs.evaluate import Evaluation, evaluate, forecast, wanted
from muybridge.jobs.plates import is_there, make_plates, request_of, verdict
from muybridge.video import read_image, write_image
from muybridge.video.writer import VideoWriter

TINY = Plates("tiny", 1, RingProgramme(
    views=2, motions=1, frames=3, fps="12", grid=2, size=(48, 64), tight=False,
))
REQUEST = Evaluation("avatar", TINY, ("novel-view", "novel-pose"))
SCRIPT = """
from pathlib import Path
from muybridge.jobs.evaluate import evaluate
from tests.jobs.test_evaluate import REQUEST
evaluate(REQUEST, Path({out!r}), plates_folder=Path({plates!r}), workers=1)
"""


@pytest.fixture(scope="module")
def plates(tmp_path_factory) -> Path:
    """The person and their pictures."""
    return make_plates(TINY, tmp_path_factory.mktemp("plates") / "tiny", workers=1)


@pytest.fixture(scope="module")
def measured(plates, small_textures, tmp_path_factory):
    """The avatar, measured in this process; its frames are kept."""
    folder = tmp_path_factory.mktemp("evaluation")
    events = []
    scores = evaluate(
        REQUEST, folder / "out", plates_folder=plates, workers=1,
        save_frames=folder / "frames", listener=events.append,
    )
    assert {e.stage for e in events} == {"plates", "items", "report"}
    return folder, scores


def only_scores(scores: dict) -> dict:
    return {
        "items": {name: item["scores"] for name, item in scores["items"].items()},
        "protocols": {
            name: (p["scores"], p["sets"]) for name, p in scores["protocols"].items()
        },
    }


def test_what_is_written(measured):
    folder, scores = measured
    out = folder / "out"
    assert json.loads((out / "scores.json").read_text()) == scores
    assert scores["label"] == "avatar-full" and scores["body"] == "exact"
    assert scores["plates"]["truth"] == UNKNOWN  # this set ships no checksums
    view = scores["protocols"]["novel-view"]
    assert (view["items"], view["pictures"]) == (1, 2)
    assert 12 < view["scores"]["psnr"]["mean"] < 40 < 100
    assert view["scores"]["psnr"]["worst"]["item"] == "novel-view/00-orbit"
    assert view["scores"]["iou"]["mean"] > 0.7
    assert view["seconds"] > 0 and view["cost"] > 0
    assert "flicker" in scores["protocols"]["novel-pose"]["scores"]
    table = (out / "table.md").read_text()
    assert "| psnr, dB ↑ |" in table and "no checksums known" in table and "HVG 4.1" in table
    assert sorted(p.name for p in (out / "worst").iterdir()) == ["novel-pose.png", "novel-view.png"]
    strip = read_image(out / "items" / "novel-pose" / "00-motion0.png")
    assert strip.shape == (2 * 64, 3 * 48, 3)


def test_a_second_run_measures_nothing_and_says_the_same(measured, plates, monkeypatch):
    folder, scores = measured
    monkeypatch.setattr("muybridge.jobs.evaluate.score_item", forbidden)
    again = evaluate(REQUEST, folder / "out", plates_folder=plates, workers=1)
    assert only_scores(again) == only_scores(scores)


def forbidden(task):
    raise AssertionError(f"{task.item.name} is measured again")


def test_a_damaged_or_older_item_is_measured_again(measured, plates, monkeypatch):
    folder, scores = measured
    seen = []
    true = evaluate_work.score_item
    monkeypatch.setattr(
        "muybridge.jobs.evaluate.score_item", lambda t: (seen.append(t.item.name), true(t))[1]
    )
    files = sorted((folder / "out" / "items").glob("*/*.json"))
    files[0].write_text(files[0].read_text()[:40])
    data = json.loads(files[1].read_text())
    files[1].write_text(json.dumps(data | {"digest": "of other weights"}))
    found = evaluate(REQUEST, folder / "out", plates_folder=plates, workers=1)
    assert sorted(seen) == ["novel-pose/00-motion0", "novel-view/00-orbit"]
    assert only_scores(found) == only_scores(scores)  # anew, and the same to the last bit


def test_a_stop_keeps_what_is_measured(measured, plates, tmp_path, monkeypatch):
    folder, scores = measured
    asked = replace(REQUEST, method="theirs", frames=folder / "frames")
    true = evaluate_work.score_item

    def until_the_second(task):
        if task.item.protocol == "novel-pose":
            raise KeyboardInterrupt
        return true(task)

    monkeypatch.setattr("muybridge.jobs.evaluate.score_item", until_the_second)
    with pytest.raises(Interrupted, match="The same command again goes on"):
        evaluate(asked, tmp_path / "out", plates_folder=plates, workers=1)
    kept = tmp_path / "out" / "items" / "novel-view" / "00-orbit.json"
    stamp = kept.stat().st_mtime_ns
    monkeypatch.setattr("muybridge.jobs.evaluate.score_item", true)
    found = evaluate(asked, tmp_path / "out", plates_folder=plates, workers=1)
    assert only_scores(found) == only_scores(scores) and kept.stat().st_mtime_ns == stamp


@pytest.mark.slow  # three interpreters are started
def test_two_processes_and_a_kill_change_nothing(measured, plates, tmp_path):
    folder, scores = measured
    out = tmp_path / "killed"
    root = Path(__file__).parents[2]
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(out=str(out), plates=str(plates))], cwd=root,
        start_new_session=True, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": "."},
    )
    try:
        until = time.monotonic() + 180
        while time.monotonic() < until and child.poll() is None:
            if list(out.glob("items/*/*.json")):
                break
            time.sleep(0.01)
        assert child.poll() is None, "it was over before it could be killed"
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    assert not (out / "scores.json").exists()
    kept = {p: p.stat().st_mtime_ns for p in out.glob("items/*/*.json")}
    found = evaluate(REQUEST, out, plates_folder=plates, workers=1)
    assert only_scores(found) == only_scores(scores)
    for path, stamp in kept.items():
        assert path.stat().st_mtime_ns == stamp
    other = evaluate(REQUEST, tmp_path / "two", plates_folder=plates, workers=2)
    assert only_scores(other) == only_scores(scores)


def test_frames_of_somebody_else_are_measured_alike(measured, plates, tmp_path):
    folder, scores = measured
    theirs = replace(REQUEST, method="theirs", frames=folder / "frames")
    found = evaluate(theirs, tmp_path / "theirs", plates_folder=plates, workers=1)
    assert only_scores(found) == only_scores(scores)
    assert found["label"] == "theirs" and found["protocols"]["novel-view"]["seconds"] == 0


def test_the_truth_itself_has_no_error(plates, tmp_path):
    frames = tmp_path / "frames"
    for item in (i for name in REQUEST.protocols for i in items(name, TINY)):
        shot = item.truth(TINY.read(plates, item.person, item.clip)).read()
        ground = (shot.frames + 0.82 * (1 - shot.matte)).permute(0, 1, 3, 4, 2)
        for view, row in enumerate(ground):
            if item.protocol == "novel-pose":  # one lossless video, the other as pictures
                target = frames / item.name / f"{view:02d}.mkv"
                target.parent.mkdir(parents=True)
                with VideoWriter(target, 12, 48, 64, "ffv1") as writer:
                    for picture in row:
                        writer.write(picture.permute(2, 0, 1))
                continue
            for t, picture in enumerate(row):
                path = frame_file(frames, item, view, t)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_image(path, (picture * 255).round().to(torch.uint8).numpy())
    asked = replace(REQUEST, method="truth", frames=frames)
    scores = evaluate(asked, tmp_path / "out", plates_folder=plates, workers=1)
    for part in scores["protocols"].values():
        assert part["scores"]["psnr"]["mean"] == part["scores"]["psnr/frame"]["mean"] == 100
        assert part["scores"]["ssim"]["mean"] == pytest.approx(1)
        assert part["scores"]["iou/hard"]["mean"] > 0.9  # told from the ground alone


def test_what_is_asked_for_is_listed(plates, capsys):
    listed = wanted(TINY, (), 0, plates)
    assert {i["name"].partition("/")[0] for i in listed["items"]} == {
        "novel-view", "novel-pose", "view-pose", "cross-view"
    }
    for item in listed["items"]:
        assert (Path(item["clip_folder"]) / "reference" / "front.png").is_file()
    assert main(["evaluate", "--list", "--protocol", "novel-view-4ref", "--people", "1",
                 "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [i["references"] for i in told["items"]] == [
        ["view00"], ["view05"], ["view10"], ["view15"]
    ]
    assert main(["evaluate", "--list", "--fast"]) == 0
    assert "view-pose/01-motion0" in (text := capsys.readouterr().out) and "level 209" in text


def test_a_forecast_writes_nothing(tmp_path, capsys):
    root = tmp_path / "plates"
    asked = Evaluation("avatar", FULL).checked()
    cost = forecast(asked, 2, root)
    assert cost["items"] == 408 and cost["pictures"] == 25_440
    assert 200 < cost["plates_seconds"] < 3000 and cost["item_seconds"] > 100
    some = forecast(replace(asked, people=3), 2, root)
    assert some["items"] == 51 and some["plates_seconds"] < cost["plates_seconds"] / 7
    assert not root.exists()
    assert main(["plates", "--fast", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pictures"] == FAST.pictures == 2 * 40


def test_other_settings_do_not_share_a_folder(measured, plates):
    folder, _ = measured
    with pytest.raises(InputError, match="holds scores of another reference"):
        evaluate(replace(REQUEST, reference="front+back"), folder / "out", plates_folder=plates)


def test_plates_are_recognised(plates, tmp_path):
    assert is_there(TINY, plates) and not is_there(TINY, tmp_path)
    assert verdict(TINY, plates) == UNKNOWN
    with pytest.raises(InputError, match="not Plates 'fast'"):
        is_there(FAST, plates)
    assert request_of(TINY).numbers == TINY.numbers
    copied = tmp_path / "copy"
    shutil.copytree(plates, copied)
    shutil.rmtree(TINY.folder_of(copied, 0, "orbit"))
    assert not is_there(TINY, copied)


def test_a_fitted_person_is_seen_as_large_as_the_true_one(plates, painted):
    clip = TINY.read(plates, 0, "motion0")
    small = replace(painted, shape=replace(painted.shape, height=0.2))
    cameras = evaluate_work.to_scale(clip, small)
    from muybridge.motion import retarget

    moved = retarget(clip.motion, small.rest_joints)
    seen, _ = cameras.project(small.shaped.pose(moved).joints)
    true, _ = clip.cameras.project(clip.posed().joints)
    high = [float(np.ptp(p[0, 0, :, 1].numpy())) for p in (seen, true)]
    assert high[0] == pytest.approx(high[1], rel=0.06)
    plain, _ = clip.cameras.project(small.shaped.pose(moved).joints)
    assert abs(float(np.ptp(plain[0, 0, :, 1].numpy())) - high[1]) > abs(high[0] - high[1])


ITEM = items("novel-pose", TINY)[0]


@pytest.fixture
def frames(tmp_path) -> Path:
    """Frames of one item: all there, all sound."""
    folder = tmp_path / "frames"
    write_frames(folder, ITEM, Made(torch.full((1, 3, 3, 64, 48), 0.82), None))
    assert read_frames(folder, ITEM, (48, 64)).matte is None
    return folder


@pytest.mark.parametrize("spoil, what", [
    (lambda f: frame_file(f, ITEM, 0, 1).unlink(), "0001.png: is missing, and 0 more"),
    (lambda f: shutil.rmtree(f / ITEM.name), "0000.png: is missing, and 2 more"),
    (lambda f: shutil.rmtree(f), "is no folder"),
    (lambda f: frame_file(f, ITEM, 0, 2).write_bytes(b""), "0002.png"),
    (lambda f: frame_file(f, ITEM, 0, 2).write_bytes(b"\x89PNG\r\n\x1a\n cut"), "0002.png"),
    (lambda f: write_image(frame_file(f, ITEM, 0, 0), np.zeros((32, 48, 3), np.uint8)),
     "0000.png: size: is 48x32; give 48x64"),
    (lambda f: movie(f / ITEM.name / "00.mkv", 2, True), "00.mkv: frames: are 2; give 3"),
    (lambda f: movie(f / ITEM.name / "00.mkv", 3, False), "00.mkv: codec: is h264 in yuv"),
    (lambda f: (f / ITEM.name / "00.mkv").write_bytes(b"no video"), "00.mkv: is no video"),
])
def test_frames_that_cannot_be_measured(frames, plates, tmp_path, spoil, what):
    spoil(frames)
    asked = Evaluation("theirs", TINY, ("novel-pose",), frames=frames)
    with pytest.raises(InputError, match=what):
        evaluate(asked, tmp_path / "out", plates_folder=plates, workers=1)
    assert not (tmp_path / "out" / "scores.json").exists()


def movie(path: Path, count: int, lossless: bool) -> None:
    with VideoWriter(path, 12, 48, 64, "ffv1" if lossless else "h264") as writer:
        for _ in range(count):
            writer.write(torch.zeros(3, 64, 48))


@pytest.mark.parametrize("arguments, what", [
    ([], "METHOD: is missing"),
    (["nobody"], "there is no method 'nobody'"),
    (["avatar-huge"], "there is no size 'huge'"),
    (["avatar", "--protocol", "novel"], "--protocol: there is no 'novel'"),
    (["avatar", "--protocol", "novel-pose,novel-pose"], "--protocol: 'novel-pose,novel-pose'"),
    (["avatar", "--people", "25"], "--people: is 25"),
    (["avatar", "--fast", "--people", "3"], "--people: is 3; give 1 to 2"),
    (["gas", "--reference", "front+back"], "--reference: gas-nano does not take 'front+back'"),
    (["avatar", "--protocol", "novel-view-4ref", "--body", "fitted"], "use --body exact"),
    (["avatar", "--set", "detail"], "--set: 'detail' is no option"),
    (["avatar", "--set", "detail=1"], "detail: is no option"),
    (["avatar", "--extractor", "fvd"], "--extractor: 'fvd' is no option"),
    (["avatar", "--extractor", "fid[some]=x"], "'fid[some]' names none"),
    (["avatar", "--lpips", "resnet=x"], "resnet"),
    (["avatar", "--lpips", "alex=nowhere"], "nowhere"),
    (["avatar", "--workers", "0"], "--workers: is 0"),
    (["theirs", "--frames-from", "nowhere"], "nowhere: is no folder"),
    (["a/b", "--frames-from", "nowhere"], "METHOD: is 'a/b'"),
    (["theirs", "--frames-from", "nowhere", "--set", "a=1"], "leave it out with frames"),
])
def test_what_cannot_be_done(arguments, what, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", *arguments, "--plates", "plates", "--quiet"]) == 2
    assert what in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_weights_that_are_not_here(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert main(["evaluate", "gas-paper", "--plates", "plates", "--quiet"]) == 3
    assert "GAS/unet.pth" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_checksums_tell_other_pictures_from_another_processor(plates, monkeypatch, tmp_path):
    from muybridge.data import HeldPictures
    from muybridge.evaluation import manifest

    clip = TINY.read(plates, 0, "orbit").loaded()
    entry = manifest.Entry.from_dict(manifest.entry_of(clip).to_dict())
    assert manifest.check(clip, entry) == SAME
    rgb, matte = clip.raw()
    other = rgb.copy()
    other[0, 0, 30, 20] ^= 1
    assert manifest.check(replace(clip, pictures=HeldPictures(other, matte)), entry) == NEAR
    moved = np.roll(rgb, 3, 3)
    with pytest.raises(InputError, match="not those of the benchmark"):
        manifest.check(replace(clip, pictures=HeldPictures(moved, matte)), entry)
    assert manifest.worst([SAME, NEAR]) == NEAR
