"""Our own motion file: what goes in comes out; what is broken is refused."""

from __future__ import annotations

import io
import os
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import roma
import torch
from motion_files import mutated

from muybridge.body.skeleton import JOINTS
from muybridge.errors import InputError
from muybridge.motion import Motion, clips, load_motion
from muybridge.motion.archive import read_npz
from muybridge.motion.npz import load_npz, motion_from_members


def members(frames: int = 3) -> dict[str, np.ndarray]:
    quat = np.zeros((frames, 55, 4), dtype=np.float32)
    quat[..., 0] = 1
    return {
        "format": np.array("muybridge-motion"),
        "version": np.array(1),
        "joints": np.array(JOINTS),
        "quaternions_wxyz": quat,
        "root_position": np.zeros((frames, 3), dtype=np.float32),
        "fps": np.array([24, 1]),
        "units": np.array("metres"),
        "up_axis": np.array("Y"),
        "name": np.array("still"),
    }


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(30000, 1001), Fraction(1, 3)])
def test_round_trip(tmp_path: Path, fps: Fraction) -> None:
    torch.manual_seed(0)
    motion = Motion(
        roma.random_rotmat(7 * 55).reshape(7, 55, 3, 3),
        torch.randn(7, 3),
        fps,
        torch.randn(55, 3),
        {"jawOpen": torch.rand(7), "eyeBlinkLeft": torch.rand(7)},
        "a name",
        ("One note.", "Another."),
    )
    path = motion.save(tmp_path / "motion")
    assert path == tmp_path / "motion.npz"
    for back in (Motion.load(path), load_motion(str(path)), load_npz(path)):
        assert torch.allclose(back.R_parent_joint, motion.R_parent_joint, atol=1e-6)
        assert torch.equal(back.root_position, motion.root_position)
        assert back.rest_joints is not None and motion.rest_joints is not None
        assert torch.equal(back.rest_joints, motion.rest_joints)
        assert back.fps == fps and back.name == "a name" and back.notes == motion.notes
        assert list(back.face) == list(motion.face)
        assert all(torch.equal(back.face[k], motion.face[k]) for k in motion.face)


def test_the_file_says_what_it_holds_without_pickles(tmp_path: Path) -> None:
    path = clips.walk(4).save(tmp_path / "w.npz")
    with np.load(path, allow_pickle=False) as held:
        assert str(held["up_axis"]) == "Y" and str(held["units"]) == "metres"
        assert tuple(held["joints"]) == JOINTS and held["fps"].tolist() == [24, 1]
        assert np.allclose(np.linalg.norm(held["quaternions_wxyz"], axis=-1), 1, atol=1e-6)
        # w first: a rotation by little has a large first number.
        assert float(held["quaternions_wxyz"][:, 9, 0].min()) > 0.9


def test_a_z_up_file_in_centimetres_with_few_joints(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    table = members(2)
    keep = [JOINTS.index(n) for n in ("left_knee", "pelvis")]
    table["joints"] = np.array([JOINTS[k] for k in keep])
    half = np.sqrt(0.5)
    quat = np.tile(np.array([1.0, 0, 0, 0]), (2, 2, 1))
    quat[:, 0] = (half, half, 0, 0)
    table["quaternions_wxyz"] = quat
    table["root_position"] = np.array([[10.0, 20.0, 90.0], [10.0, 20.0, 91.0]])
    table["units"], table["up_axis"] = np.array("centimetres"), np.array("Z")
    np.savez(path, **table)
    motion = load_npz(path)
    assert torch.allclose(motion.root_position[0], torch.tensor([0.1, 0.9, -0.2]))
    # The person who stood along Z stands along Y.
    up = motion.R_parent_joint[0, 0] @ torch.tensor([0.0, 0.0, 1.0])
    assert torch.allclose(up, torch.tensor([0.0, 1.0, 0.0]), atol=1e-6)
    knee = motion.R_parent_joint[0, 4]
    assert torch.allclose(knee[:, 2], torch.tensor([0.0, -1.0, 0.0]), atol=1e-6)
    assert torch.equal(motion.R_parent_joint[0, 5], torch.eye(3))


def changed(**parts: object) -> dict[str, np.ndarray]:
    table: dict[str, object] = {**members(), **parts}
    return {k: v for k, v in table.items() if v is not None}  # type: ignore[misc]


NAN = members()["root_position"] * np.nan
BAD: dict[str, dict[str, np.ndarray]] = {
    "other format": changed(format=np.array("else")),
    "other version": changed(version=np.array(2)),
    "version is text": changed(version=np.array("1")),
    "no joints": changed(joints=None),
    "unknown joint": changed(joints=np.array(["tail", *JOINTS[1:]])),
    "joint twice": changed(joints=np.array([JOINTS[0], JOINTS[0], *JOINTS[2:]])),
    "joints are numbers": changed(joints=np.arange(55)),
    "no rotations": changed(quaternions_wxyz=None),
    "rotations of another shape": changed(quaternions_wxyz=np.zeros((3, 55, 3))),
    "rotations of no length": changed(quaternions_wxyz=np.zeros((3, 55, 4))),
    "rotations that are text": changed(quaternions_wxyz=np.full((3, 55, 4), "a")),
    "complex rotations": changed(quaternions_wxyz=np.ones((3, 55, 4), dtype=complex)),
    "no frames": changed(quaternions_wxyz=np.zeros((0, 55, 4)), root_position=np.zeros((0, 3))),
    "nan": changed(root_position=NAN),
    "infinite": changed(root_position=members()["root_position"] + np.inf),
    "far away": changed(root_position=members()["root_position"] + 1e9),
    "lengths differ": changed(root_position=np.zeros((4, 3))),
    "zero fps": changed(fps=np.array([0, 1])),
    "negative fps": changed(fps=np.array([-24, 1])),
    "fps over zero": changed(fps=np.array([24, 0])),
    "huge fps": changed(fps=np.array([10**9, 1])),
    "one fps": changed(fps=np.array([24])),
    "fps as text": changed(fps=np.array(["24", "1"])),
    "unknown unit": changed(units=np.array("cubits")),
    "unknown up": changed(up_axis=np.array("W")),
    "rest joints of another shape": changed(rest_joints=np.zeros((54, 3))),
    "face without values": changed(face_names=np.array(["jawOpen"])),
    "unknown face action": changed(
        face_names=np.array(["earWiggle"]), face_values=np.zeros((3, 1))
    ),
    "face above 1": changed(face_names=np.array(["jawOpen"]), face_values=np.full((3, 1), 2.0)),
    "face of another length": changed(
        face_names=np.array(["jawOpen"]), face_values=np.zeros((2, 1))
    ),
    "a pickle that calls": changed(
        quaternions_wxyz=np.array([pytest.importorskip("subprocess").Popen], dtype=object)
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_refused_in_words(case: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    np.savez(path, **BAD[case])
    for read in (load_npz, load_motion):
        with pytest.raises(InputError) as error:
            read(path)
        assert "bad.npz" in str(error.value) and error.value.remedy


def test_damaged_containers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    good = clips.idle(3).save(path).read_bytes()
    for data in (b"", b"PK", good[:200], good[: len(good) // 2], b"PK\x03\x04" + b"\0" * 100):
        path.write_bytes(data)
        with pytest.raises(InputError):
            load_motion(path)


def test_huge_arrays_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 55, 4)}
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in members().items():
            body = io.BytesIO()
            np.lib.format.write_array(body, value)
            if name != "quaternions_wxyz":
                archive.writestr(f"{name}.npy", body.getvalue())
        # Zeros pack a thousandfold; the declared shape alone is enough to refuse them.
        archive.writestr("quaternions_wxyz.npy", header.getvalue() + bytes(50_000_000))
    assert path.stat().st_size < 200_000
    with pytest.raises(InputError, match="memory"):
        load_npz(path)


def test_saving_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.npz"
    clips.idle(3).save(path)
    before = path.read_bytes()

    def fail(a: str, b: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        clips.walk(3).save(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["m.npz"]


@pytest.mark.skipif(os.name != "posix", reason="rights of files are POSIX's")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_others_may_read_a_saved_motion_where_the_user_lets_them(
    tmp_path: Path, umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        clips.make("idle", 2).save(tmp_path / "motion.npz")
    finally:
        os.umask(before)
    assert (tmp_path / "motion.npz").stat().st_mode & 0o777 == mode
    assert list(tmp_path.iterdir()) == [tmp_path / "motion.npz"]


def test_saving_refuses_what_it_would_refuse_to_read(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        Motion.still(2).save(tmp_path / "none" / "m.npz")
    broken = Motion(torch.zeros(2, 55, 3, 3), torch.zeros(2, 3))
    with pytest.raises(InputError, match="rotation"):
        broken.save(tmp_path / "m.npz")
    with pytest.raises(InputError, match="frames"):
        Motion.still(1).slice(0, 0).save(tmp_path / "m.npz")
    assert os.listdir(tmp_path) == []


def test_two_thousand_damaged_files() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **members(2))
    data = buffer.getvalue()
    rng = np.random.default_rng(3)
    keys = tuple(members())
    fine = 0
    for k in range(2000):
        raw = mutated(data, rng) if k % 2 else _inner_damage(rng)
        try:
            motion_from_members("m.npz", read_npz("m.npz", raw, keys))
            fine += 1
        except InputError:
            pass
    assert 20 < fine < 1950


def _inner_damage(rng: np.random.Generator) -> bytes:
    """A zip that is sound, with one damaged array in it (checksums do not catch it)."""
    table = members(2)
    victim = list(table)[int(rng.integers(0, len(table)))]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, value in table.items():
            body = io.BytesIO()
            np.lib.format.write_array(body, value)
            raw = body.getvalue()
            archive.writestr(f"{name}.npy", mutated(raw, rng) if name == victim else raw)
    return out.getvalue()
