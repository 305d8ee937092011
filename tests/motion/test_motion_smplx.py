"""AMASS files and files with the keys of the smplx call."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import roma
import torch
from motion_files import mutated
from scipy.spatial.transform import Rotation

from muybridge.body.skeleton import JOINT_INDEX
from muybridge.errors import InputError
from muybridge.motion import load_motion, load_smplx, relaxed_hands
from muybridge.motion.archive import read_npz
from muybridge.motion.smplx_files import _WANTED, frame_table, motion_from_table, read_members

UP = Rotation.from_euler("x", 90, degrees=True)


def amass(frames: int = 5, width: int = 156, seed: int = 0) -> dict[str, object]:
    """A Z-up person who walks along -Y (which is where a Z-up person faces) and moves a bit."""
    rng = np.random.default_rng(seed)
    poses = rng.normal(0, 0.1, (frames, width))
    poses[:, :3] = UP.as_rotvec()
    trans = np.zeros((frames, 3))
    trans[:, 1] = -np.arange(frames) * 0.1
    trans[:, 2] = 0.9
    return {"poses": poses, "trans": trans, "betas": np.zeros(16), "gender": np.array("female")}


def call(frames: int = 4, hand: int = 45) -> dict[str, object]:
    rng = np.random.default_rng(1)
    return {
        "global_orient": np.zeros((frames, 3)),
        "body_pose": rng.normal(0, 0.1, (frames, 63)),
        "left_hand_pose": rng.normal(0, 0.1, (frames, hand)),
        "right_hand_pose": rng.normal(0, 0.1, (frames, hand)),
        "jaw_pose": np.tile([0.2, 0, 0], (frames, 1)),
        "leye_pose": np.zeros((frames, 3)),
        "reye_pose": np.zeros((frames, 3)),
        "expression": np.zeros((frames, 10)),
        "transl": np.tile([0.5, 1.0, 2.0], (frames, 1)),
        "betas": np.zeros((1, 10)),
        "fps": 25,
    }


@pytest.mark.parametrize("key", ["mocap_framerate", "mocap_frame_rate"])
@pytest.mark.parametrize("width", [156, 165, 72])
def test_amass(tmp_path: Path, width: int, key: str) -> None:
    table = amass(width=width)
    np.savez(tmp_path / "a.npz", **table, **{key: 120.0})
    motion = load_motion(tmp_path / "a.npz")
    assert motion.fps == 120 and motion.frames == 5
    poses = torch.from_numpy(table["poses"])  # type: ignore[arg-type]
    body = roma.rotvec_to_rotmat(poses.reshape(5, -1, 3)[:, 1:22])
    assert torch.allclose(motion.R_parent_joint[:, 1:22].double(), body, atol=1e-6)
    # Z up becomes Y up: the person stands, faces +Z and walks there.
    assert torch.allclose(motion.R_parent_joint[:, 0], torch.eye(3), atol=1e-5)
    steps = motion.root_position.diff(dim=0)
    assert torch.allclose(steps, torch.tensor([0.0, 0.0, 0.1]).expand(4, 3), atol=1e-5)
    first = motion.R_parent_joint[:, 25:].double()
    if width == 72:
        assert torch.allclose(first[0], relaxed_hands().double(), atol=1e-6)
        assert any("hands are relaxed" in n for n in motion.notes)
    else:
        start = 66 if width == 156 else 75
        hands = roma.rotvec_to_rotmat(poses[:, start : start + 90].reshape(5, 30, 3))
        assert torch.allclose(first, hands, atol=1e-6)
    assert any("Up is Z" in n for n in motion.notes)


def test_amass_smplx_in_parts_is_amass_smplx_as_a_whole(tmp_path: Path) -> None:
    table = amass(width=165)
    poses = table["poses"]
    assert isinstance(poses, np.ndarray)
    parts = {
        "root_orient": poses[:, :3],
        "pose_body": poses[:, 3:66],
        "pose_jaw": poses[:, 66:69],
        "pose_eye": poses[:, 69:75],
        "pose_hand": poses[:, 75:],
        "trans": table["trans"],
        "mocap_frame_rate": 60,
        "surface_model_type": "smplx",
    }
    np.savez(tmp_path / "a.npz", **parts)
    np.savez(tmp_path / "b.npz", poses=poses, trans=table["trans"], mocap_framerate=60)
    a, b = load_motion(tmp_path / "a.npz"), load_motion(tmp_path / "b.npz")
    assert torch.allclose(a.R_parent_joint, b.R_parent_joint, atol=1e-6)
    assert torch.allclose(a.root_position, b.root_position)


def test_amass_without_a_frame_rate_is_refused_unless_it_is_said(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **amass())
    with pytest.raises(InputError, match="mocap_framerate"):
        load_motion(tmp_path / "a.npz")
    assert load_motion(tmp_path / "a.npz", file_fps="59.94").fps == Fraction(60000, 1001)


@pytest.mark.parametrize("form", ["npz", "pkl", "json", "json frames", "json table", "folder"])
def test_the_call_in_all_its_files(tmp_path: Path, form: str) -> None:
    table = call()
    plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in table.items()}
    frames = [
        {k: v[t] if len(v) == 4 else v for k, v in plain.items() if isinstance(v, list)}
        for t in range(4)
    ]
    path = tmp_path / "motion"
    file_fps = None
    if form == "npz":
        path = path.with_suffix(".npz")
        np.savez(path, **table)
    elif form == "pkl":
        path = path.with_suffix(".pkl")
        path.write_bytes(pickle.dumps(table))
    elif form == "json":
        path = path.with_suffix(".json")
        path.write_text(json.dumps(plain))
    else:
        file_fps = 25
        path = path.with_suffix(".json")
        if form == "json frames":
            path.write_text(json.dumps(frames))
        elif form == "json table":
            path.write_text(json.dumps({str(k): v for k, v in enumerate(frames)}))
        else:
            path = tmp_path
            for k, frame in enumerate(frames):
                (tmp_path / f"{k:05d}.json").write_text(json.dumps(frame))
    motion = load_motion(path, file_fps=file_fps)
    assert motion.fps == 25 and motion.frames == 4
    body = roma.rotvec_to_rotmat(torch.from_numpy(table["body_pose"]).reshape(4, 21, 3))  # type: ignore
    assert torch.allclose(motion.R_parent_joint[:, 1:22].double(), body, atol=1e-6)
    assert abs(float(motion.face["jawOpen"][0]) - 0.5) < 1e-3
    assert any("Expression" in n for n in motion.notes)


def test_matrices_and_69_values_and_one_frame() -> None:
    table = call(frames=1)
    body = np.concatenate([np.asarray(table["body_pose"]), np.full((1, 6), 0.7)], axis=1)
    flat = motion_from_table("a", {**table, "body_pose": body[0], "global_orient": np.zeros(3)})
    R = Rotation.from_rotvec(body.reshape(23, 3)).as_matrix()[None]
    matrices = motion_from_table("a", {**table, "body_pose": R})
    assert flat.frames == matrices.frames == 1
    assert torch.allclose(flat.R_parent_joint, matrices.R_parent_joint, atol=1e-6)


@pytest.mark.parametrize("count", [6, 12])
def test_pca_hands(tmp_path: Path, count: int) -> None:
    table = call(hand=count)
    path = tmp_path / "a.npz"
    np.savez(path, **table)
    with pytest.warns(UserWarning, match="hand_components"):
        relaxed = load_motion(path)
    assert torch.allclose(relaxed.R_parent_joint[0, 25:], relaxed_hands(), atol=1e-6)
    torch.manual_seed(0)
    components = torch.randn(2, 45, 45)
    motion = load_motion(path, hand_components=components)
    weights = torch.from_numpy(table["right_hand_pose"])  # type: ignore[arg-type]
    expected = roma.rotvec_to_rotmat((weights @ components[1, :count].double()).reshape(4, 15, 3))
    assert torch.allclose(motion.R_parent_joint[:, 40:].double(), expected, atol=1e-5)
    mean = torch.full((2, 45), 0.1)
    moved = load_smplx(path, hand_components=components, hand_mean=mean)
    assert not torch.allclose(
        moved.R_parent_joint[:, 25:], motion.R_parent_joint[:, 25:], atol=1e-3
    )
    with pytest.raises(InputError, match="components"):
        load_smplx(path, hand_components=components[:, :3])


@pytest.mark.parametrize(
    ("turn", "name"),
    [((0, 0), "Y"), ((90, 0), "Z"), ((180, 0), "-Y"), ((-90, 0), "-Z"), ((0, 90), "-X")],
)
def test_the_up_axis_is_found_and_said(turn: tuple[int, int], name: str) -> None:
    rotation = Rotation.from_euler("xz", turn, degrees=True)
    table = {**call(), "global_orient": np.tile(rotation.as_rotvec(), (4, 1))}
    motion = motion_from_table("a", table)
    up = motion.R_parent_joint[0, 0] @ torch.tensor([0.0, 1.0, 0.0])
    assert torch.allclose(up, torch.tensor([0.0, 1.0, 0.0]), atol=1e-5)
    assert any(f"Up is {name}:" in n for n in motion.notes)
    said = motion_from_table("a", table, up=name.lower())
    assert torch.equal(said.R_parent_joint, motion.R_parent_joint)
    with pytest.raises(InputError, match="up"):
        motion_from_table("a", table, up="sideways")


def test_feet_are_put_on_the_ground() -> None:
    low = motion_from_table("a", {**call(), "transl": np.tile([0.0, -7.0, 0.0], (4, 1))})
    assert 0.8 < float(low.root_position[0, 1]) < 1.0
    assert JOINT_INDEX["pelvis"] == 0


BAD: dict[str, dict[str, object]] = {
    "nothing": {},
    "no body": {**call(), "body_pose": None},
    "no root": {**call(), "global_orient": None},
    "no rate": {**call(), "fps": None},
    "zero rate": {**call(), "fps": 0},
    "negative rate": {**call(), "fps": -30.0},
    "nan rate": {**call(), "fps": float("nan")},
    "rate as text": {**call(), "fps": "fast"},
    "no frames": {**call(), "body_pose": np.zeros((0, 63))},
    "62 values": {**call(), "body_pose": np.zeros((4, 62))},
    "text": {**call(), "body_pose": np.full((4, 63), "a")},
    "complex": {**call(), "body_pose": np.zeros((4, 63), dtype=complex)},
    "nan": {**call(), "body_pose": np.full((4, 63), np.nan)},
    "huge angles": {**call(), "body_pose": np.full((4, 63), 1e9)},
    "ragged": {**call(), "body_pose": [[0.0] * 63, [0.0] * 62]},
    "lengths differ": {**call(), "transl": np.zeros((3, 3))},
    "root of another length": {**call(), "global_orient": np.zeros((3, 3, 1))},
    "transl of four": {**call(), "transl": np.zeros((4, 4))},
    "far away": {**call(), "transl": np.full((4, 3), 1e30)},
    "hands of another length": {**call(), "right_hand_pose": np.zeros((3, 45))},
    "hands too large": {**call(), "right_hand_pose": np.zeros((4, 46))},
    "hands empty": {**call(), "left_hand_pose": np.zeros((4, 0))},
    "no rotations": {**call(), "body_pose": np.ones((4, 21, 3, 3))},
    "mirrored rotations": {**call(), "body_pose": np.tile(-np.eye(3), (4, 21, 1, 1))},
    "poses of another width": {"poses": np.zeros((4, 100)), "trans": np.zeros((4, 3)), "fps": 30},
    "a flat number": {"poses": 3.0, "trans": np.zeros((4, 3)), "fps": 30},
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_refused_in_words(case: str) -> None:
    table = {k: v for k, v in BAD[case].items() if v is not None}
    with pytest.raises(InputError) as error:
        motion_from_table("bad.npz", frame_table("bad.npz", table))
    assert error.value.source == "bad.npz" and error.value.remedy


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("touch /nowhere",)


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps({"body_pose": Evil()}),
        pickle.dumps(Evil()),
        pickle.dumps([1, 2]),
        pickle.dumps({"a": 1}),
        b"\x80\x04broken",
        b"{",
        b"{}",
        b"[]",
        b"[1, 2]",
        b"[" * 100_000,
        b'{"body_pose": {"a": 1}, "global_orient": [0, 0, 0]}',
    ],
)
def test_bad_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bad.pkl"
    path.write_bytes(data)
    for read in (load_motion, load_smplx):
        with pytest.raises(InputError):
            read(path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder"):
        load_motion(tmp_path)


def test_object_arrays_in_npz_are_read_without_running_anything(tmp_path: Path) -> None:
    table = call()
    table["body_pose"] = np.array(np.asarray(table["body_pose"]).tolist(), dtype=object)
    np.savez(tmp_path / "a.npz", **table)
    assert load_motion(tmp_path / "a.npz").frames == 4
    table["body_pose"] = np.array([Evil()], dtype=object)
    np.savez(tmp_path / "b.npz", **table)
    with pytest.raises(InputError):
        load_motion(tmp_path / "b.npz")


def test_two_thousand_damaged_files() -> None:
    table = {**amass(2), "mocap_framerate": np.array(30.0)}
    del table["gender"], table["betas"]
    buffer = io.BytesIO()
    np.savez(buffer, **table)
    data = buffer.getvalue()
    rng = np.random.default_rng(11)
    fine = 0
    for k in range(2000):
        raw = mutated(data, rng)
        if k % 2:
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w") as archive:
                for name, value in table.items():
                    body = io.BytesIO()
                    np.lib.format.write_array(body, np.asarray(value))
                    inner = body.getvalue()
                    if int(rng.integers(0, 2)):
                        inner = mutated(inner, rng)
                    archive.writestr(f"{name}.npy", inner)
            raw = out.getvalue()
        try:
            motion_from_table("m.npz", frame_table("m.npz", read_npz("m.npz", raw, _WANTED)))
            fine += 1
        except InputError:
            pass
    assert 20 < fine < 1950


def test_five_hundred_damaged_json_files() -> None:
    plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in call(frames=1).items()}
    data = json.dumps(plain).encode()
    rng = np.random.default_rng(5)
    for _ in range(500):
        try:
            raw = mutated(data, rng)
            motion_from_table("m.json", frame_table("m.json", read_members("m.json", raw)))
        except InputError:
            pass
