"""GVHMR's and PHALP's results."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from muybridge.errors import InputError
from muybridge.motion import load_gvhmr, load_motion, load_phalp

FLIP = Rotation.from_euler("x", 180, degrees=True)


def gvhmr(frames: int = 6) -> dict[str, object]:
    torch.manual_seed(0)
    params = {
        "body_pose": torch.randn(frames, 63) * 0.1,
        "global_orient": torch.zeros(frames, 3),
        "transl": torch.stack(
            [torch.zeros(frames), torch.ones(frames), torch.arange(frames) * 0.1], 1
        ),
        "betas": torch.zeros(frames, 10),
    }
    return {"smpl_params_global": params, "smpl_params_incam": params, "K_fullimg": torch.eye(3)}


def phalp(frames: int = 6) -> dict[str, object]:
    """Person 1 in all frames but two, person 7 in two; the camera looks at upright people."""
    out: dict[str, object] = {}
    for t in range(frames):
        ids = [1] if t not in (2, 3) else []
        if t < 2:
            ids.append(7)
        limbs = Rotation.from_rotvec(np.tile([0.02 * t, 0, 0], (23, 1))).as_matrix()
        body = {"global_orient": FLIP.as_matrix()[None], "body_pose": limbs, "betas": np.zeros(10)}
        out[f"frames/{t:06d}.jpg"] = {
            "time": t,
            "tid": ids,
            "smpl": [body for _ in ids],
            "camera": [np.array([0.1 * t, 0.2, 10.0], dtype=np.float32) for _ in ids],
            "tracked_time": [0 for _ in ids],
        }
    return out


def test_gvhmr(tmp_path: Path) -> None:
    path = tmp_path / "hmr4d_results.pt"
    content = gvhmr()
    torch.save(content, path)
    motion = load_motion(path)
    assert motion.frames == 6 and motion.fps == 30
    assert any("30 is assumed" in n for n in motion.notes)
    assert torch.allclose(motion.R_parent_joint[:, 0], torch.eye(3), atol=1e-5)
    step = motion.root_position.diff(dim=0)
    assert torch.allclose(step, torch.tensor([0.0, 0.0, 0.1]).expand(5, 3), atol=1e-5)
    assert load_gvhmr(path, fps=motion.fps * 2).fps == 60


def test_phalp_takes_the_longest_track_and_fills_its_gaps(tmp_path: Path) -> None:
    path = tmp_path / "demo.pkl"
    path.write_bytes(pickle.dumps(phalp()))
    motion = load_motion(path)
    assert motion.frames == 6
    assert any("Person 1 of 2, seen in 4 of 6" in n for n in motion.notes)
    # Upright in the camera is upright in the world, and walks to the person's left.
    up = motion.R_parent_joint[0, 0] @ torch.tensor([0.0, 1.0, 0.0])
    assert torch.allclose(up, torch.tensor([0.0, 1.0, 0.0]), atol=1e-5)
    assert torch.allclose(motion.root_position[:, 0], torch.arange(6) * 0.1, atol=1e-4)
    angle = 2 * torch.asin(motion.R_parent_joint[:, 1, 2, 1] / 2)
    assert torch.allclose(angle, 0.02 * torch.arange(6.0), atol=1e-3)
    other = load_motion(path, track=7)
    assert other.frames == 2
    assert load_phalp(path, track="7").frames == 2
    with pytest.raises(InputError, match="track"):
        load_motion(path, track=3)


def test_predicted_frames_do_not_count(tmp_path: Path) -> None:
    content = phalp()
    for frame in list(content.values())[4:]:
        assert isinstance(frame, dict)
        frame["tracked_time"] = [3]
    path = tmp_path / "demo.pkl"
    path.write_bytes(pickle.dumps(content))
    assert load_phalp(path, track=1).frames == 2


def broken_gvhmr(**parts: object) -> bytes:
    content = gvhmr()
    params = dict(content["smpl_params_global"])  # type: ignore[call-overload]
    params.update(parts)
    content["smpl_params_global"] = {k: v for k, v in params.items() if v is not None}
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def saved(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("touch /nowhere",)


GOOD = saved(gvhmr())
BAD_GVHMR: dict[str, bytes] = {
    "other content": saved({"a": torch.zeros(3)}),
    "a list": saved([1, 2]),
    "calls": saved({"smpl_params_global": Evil()}),
    "no body": broken_gvhmr(body_pose=None),
    "no root": broken_gvhmr(global_orient=None),
    "another width": broken_gvhmr(body_pose=torch.zeros(6, 60)),
    "nan": broken_gvhmr(transl=torch.full((6, 3), float("nan"))),
    "lengths": broken_gvhmr(transl=torch.zeros(5, 3)),
    "no tensor": broken_gvhmr(body_pose="text"),
    "cut": GOOD[: len(GOOD) // 2],
    "garbage": b"PK\x03\x04" + bytes(300),
}


@pytest.mark.parametrize("case", BAD_GVHMR)
def test_bad_gvhmr(case: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.pt"
    path.write_bytes(BAD_GVHMR[case])
    for read in (load_motion, load_gvhmr):
        with pytest.raises(InputError):
            read(path)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"\x80\x02}.")
        archive.writestr("x/data/0", bytes(4_000_000))
    monkeypatch.setattr("muybridge.motion.trackers.MAX_ARRAY_BYTES", 3_000_000)
    monkeypatch.setattr(torch, "load", None)
    with pytest.raises(InputError, match="unpack"):
        load_motion(path)


def broken_phalp(**parts: object) -> dict[str, object]:
    content = phalp(2)
    for frame in content.values():
        assert isinstance(frame, dict)
        frame.update(parts)
    return content


BAD_PHALP: dict[str, object] = {
    "empty": {},
    "no people": broken_phalp(tid=[], smpl=[], camera=[]),
    "no body": broken_phalp(smpl=[{}, {}]),
    "another shape": broken_phalp(smpl=[{"global_orient": np.eye(3), "body_pose": np.eye(3)}] * 2),
    "no rotation": broken_phalp(
        smpl=[{"global_orient": np.ones((3, 3)), "body_pose": np.ones((23, 3, 3))}] * 2
    ),
    "nan": broken_phalp(camera=[np.full(3, np.nan)] * 2),
    "short camera": broken_phalp(camera=[np.zeros(2)] * 2),
    "track is text": broken_phalp(tid=["a", "b"]),
    "calls": {"a": {"smpl": [Evil()], "tid": [1], "camera": [0]}},
}


@pytest.mark.parametrize("case", BAD_PHALP)
def test_bad_phalp(case: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.pkl"
    path.write_bytes(pickle.dumps(BAD_PHALP[case]))
    for read in (load_motion, load_phalp):
        with pytest.raises(InputError):
            read(path)
