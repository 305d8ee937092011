"""One door: clips and files, told apart by content, with the same options."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from motion_files import bvh_text

from muybridge.errors import InputError
from muybridge.motion import FORMATS, Motion, clips, describe, load_motion
from muybridge.motion.kinematics import heading
from muybridge.motion.loading import sniff


def test_clips_by_name() -> None:
    for name in ("walk", "squat"):
        assert load_motion(name).name == name
        assert torch.equal(Motion.load(name).root_position, clips.make(name).root_position)
    assert load_motion("walk", frames=10, fps=30).frames == 10
    assert load_motion("walk", frames=10, fps="30").fps == 30
    late = load_motion("idle", frames=10, start=5)
    assert torch.equal(late.root_position, clips.make("idle", 15).root_position[5:])


def test_a_file_named_like_a_clip_needs_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("walk").write_text(bvh_text(5))
    assert load_motion("walk").frames == 48
    assert load_motion("./walk").frames == 5
    assert load_motion(Path("walk")).frames == 5


def test_formats_are_told_by_content(tmp_path: Path) -> None:
    odd = tmp_path / "motion.txt"
    odd.write_text(bvh_text(3))
    assert sniff(odd) == "bvh"
    own = clips.idle(2).save(tmp_path / "own.npz")
    renamed = own.rename(tmp_path / "own.dat")
    assert sniff(renamed) == "muybridge" and load_motion(renamed).frames == 2


def test_frames_are_taken_after_resampling(tmp_path: Path) -> None:
    path = tmp_path / "a.bvh"
    path.write_text(bvh_text(61))  # 2 seconds at 30
    assert load_motion(path).frames == 61
    slow = load_motion(path, fps=24)
    assert slow.frames == 49 and slow.fps == 24
    part = load_motion(path, fps=24, frames=10, start=3)
    assert torch.equal(part.root_position, slow.root_position[3:13])
    all_there_is = load_motion(path, fps=24, frames=500)
    assert all_there_is.frames == 49 and "49 of the 500" in all_there_is.notes[-1]
    for bad in ({"frames": 0}, {"start": 90}, {"fps": 0}, {"up": "q"}, {"unit": "el"}):
        with pytest.raises(InputError):
            load_motion(path, **bad)  # type: ignore[arg-type]


def test_foreign_files_are_aligned_and_own_ones_are_not(tmp_path: Path) -> None:
    path = tmp_path / "a.bvh"
    path.write_text(bvh_text(6))
    kept = load_motion(path, align=False)
    aligned = load_motion(path)
    assert abs(float(heading(aligned.R_parent_joint[0, 0]))) < 1e-6
    assert abs(float(heading(kept.R_parent_joint[0, 0]))) > 1e-3
    saved = kept.save(tmp_path / "b.npz")
    assert torch.allclose(load_motion(saved).R_parent_joint, kept.R_parent_joint, atol=1e-6)
    turned = load_motion(saved, align=True)
    assert torch.allclose(turned.R_parent_joint, aligned.R_parent_joint, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", b"hello"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(50)),
        ("a.npz", b""),
        ("a.fbx", b"Kaydara FBX Binary"),
        ("a.pkl", b"garbage"),
        ("a.pt", b"garbage"),
        ("a.json", b"{]"),
    ],
)
def test_unknown_files_are_refused_with_what_is_read(
    tmp_path: Path, name: str, data: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError) as error:
        load_motion(path)
    assert name in str(error.value)
    if name in ("a.txt", "a.png", "a.fbx"):
        for word in (*(f.name for f in FORMATS), *clips.NAMES):
            assert word in str(error.value)


def test_a_zip_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, images=np.zeros(3))
    with pytest.raises(InputError, match="images"):
        load_motion(path)


def test_names_that_are_neither(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="walk, run"):
        load_motion("wlak")
    with pytest.raises(InputError, match="does not exist"):
        load_motion(tmp_path / "none.bvh")


def test_what_is_there_can_be_listed() -> None:
    rows = describe()
    assert {r["name"] for r in rows if r["kind"] == "clip"} == set(clips.NAMES)
    assert {r["name"] for r in rows if r["kind"] == "format"} == {f.name for f in FORMATS}
    assert all(r["about"] for r in rows)


def test_a_recording_that_begins_with_a_t_pose_says_so(shared: Path) -> None:
    path = shared / "data" / "motions" / "animdraw_jumping.bvh"
    motion = load_motion(path, fps=24)
    note = next(n for n in motion.notes if "only hold a pose" in n)
    start = int(note.split("frame ")[1].split()[0])
    assert 20 < start < 70
    assert not any("only hold" in n for n in load_motion(path, fps=24, start=start).notes)


def held(tmp_path: Path, *, arms: float = 0.0) -> Path:
    """A recording of 60 frames at 30 per second, the first 40 of which hold a pose."""
    lines = bvh_text(60).splitlines()
    first = len(lines) - 60
    names = [line.split()[1] for line in lines if line.split()[0] in ("ROOT", "JOINT")]
    values = ["0", "92", "0", *["0"] * (3 * len(names))]
    for side, sign in (("Left", -1), ("Right", 1)):
        values[3 + 3 * names.index(f"{side}Arm")] = str(sign * arms)
    lines[first : first + 40] = [" ".join(values)] * 40
    path = tmp_path / "recorded.bvh"
    path.write_text("\n".join(lines))
    return path


def test_a_calibration_pose_is_skipped_where_that_is_left_to_us(tmp_path: Path) -> None:
    path = held(tmp_path)
    whole = load_motion(path)
    assert whole.frames == 60 and any("start at frame 40" in n for n in whole.notes)
    auto = load_motion(path, start="auto")
    assert auto.frames == 20
    assert torch.equal(auto.R_parent_joint, whole.R_parent_joint[40:])
    assert any("first 1.3 s, 40 frames" in n and "skipped" in n for n in auto.notes)
    assert not any("asked for" in n or "to skip them" in n for n in auto.notes)
    assert load_motion(path, fps=15, start="auto").frames == 10
    # as many frames as are asked for come first
    assert load_motion(path, start="auto", frames=20).frames == 20
    assert any("25 frames" in n for n in load_motion(path, start="auto", frames=35).notes)
    assert load_motion(path, start="auto", frames=35).frames == 35
    every = load_motion(path, start="auto", frames=60)
    assert every.frames == 60 and not any("skipped" in n for n in every.notes)
    late = load_motion(path, start=50)
    assert late.frames == 10 and not any("asked for" in n for n in late.notes)


def test_what_is_no_calibration_pose_is_never_skipped(tmp_path: Path) -> None:
    standing = load_motion(held(tmp_path, arms=80.0), start="auto")
    assert standing.frames == 60 and any("start at frame 40" in n for n in standing.notes)
    (tmp_path / "b.bvh").write_text(bvh_text(60))
    assert load_motion(tmp_path / "b.bvh", start="auto").frames == 60
    own = Motion.still(60).save(tmp_path / "own.npz")
    assert load_motion(own, start="auto").frames == 60
    for name in clips.NAMES:
        assert load_motion(name, start="auto").frames == load_motion(name).frames
    with pytest.raises(InputError, match="start"):
        load_motion("walk", start="later")


@pytest.mark.parametrize(("name", "seconds"), [
    ("dab", 1.3), ("jumping", 1.4), ("wave_hello", 2.3), ("zombie", 1.2),
    ("jumping_jacks", 0), ("walk", 0),
])
def test_calibration_poses_of_real_recordings(shared: Path, name: str, seconds: float) -> None:
    folder = shared / "data" / "motions"
    path = folder / ("pybvh_cmu_12_01_walk.bvh" if name == "walk" else f"animdraw_{name}.bvh")
    skipped = load_motion(path, fps=24).frames - load_motion(path, fps=24, start="auto").frames
    assert skipped / 24 == pytest.approx(seconds, abs=0.1)
