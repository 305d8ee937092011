"""Results of people trackers: GVHMR and 4D-Humans / PHALP."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from os import PathLike
from typing import Any

import numpy as np
import roma
import torch

from muybridge.errors import InputError
from muybridge.motion.archive import MAX_ARRAY_BYTES, read_bytes
from muybridge.motion.smplx_files import (
    PELVIS_SMPL,
    grounded,
    motion_from_table,
    read_containers,
)
from muybridge.motion.types import MAX_FRAMES, Motion

VIDEO_FPS = Fraction(30)
"""Frame rate that is assumed for tracker results, which do not say theirs."""


def load_gvhmr(path: str | PathLike[str], *, fps: Fraction | None = None) -> Motion:
    """Reads GVHMR's ``hmr4d_results.pt`` (its motion in the world, ``smpl_params_global``).

    The file has no hands (they are relaxed) and no frame rate: GVHMR works at 30.

    Raises:
        InputError: no such file, or not GVHMR's.
    """
    data = read_bytes(path)
    content = torch_containers(path, data) if data[:2] == b"PK" else read_containers(path, data)
    if not is_gvhmr(content):
        raise InputError(path, "smpl_params_global", "is missing", "give hmr4d_results.pt")
    table = {
        k: v
        for k, v in content["smpl_params_global"].items()
        if k in ("body_pose", "global_orient", "transl")
    }
    motion = motion_from_table(path, table, fps=fps or VIDEO_FPS, up="y")
    if fps is None:
        motion = motion.with_note("The file has no frame rate; 30 is assumed.")
    return motion


def is_gvhmr(content: Any) -> bool:
    """Whether containers look like GVHMR's."""
    return isinstance(content, Mapping) and isinstance(content.get("smpl_params_global"), Mapping)


def torch_containers(path: str | PathLike[str], data: bytes) -> Any:
    """Tensors in containers from a ``torch.save`` file, with ``weights_only``."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            total = sum(member.file_size for member in archive.infolist())
        if total > MAX_ARRAY_BYTES:
            raise InputError(path, "", f"would unpack to {total / 1e6:.0f} MB", "is this a motion?")
        return torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    except InputError:
        raise
    except pickle.UnpicklingError:
        raise InputError(
            path, "", "holds more than tensors, or is damaged", "save plain tensors"
        ) from None
    except Exception as error:  # torch raises whatever its parsers meet.
        raise InputError(
            path, "", f"is damaged ({type(error).__name__})", "export the file again"
        ) from None


def load_phalp(
    path: str | PathLike[str], *, fps: Fraction | None = None, track: int | str | None = None
) -> Motion:
    """Reads tracks of 4D-Humans / PHALP: rotation matrices and the camera's translation.

    Frames in which the person was not seen are filled in by interpolation. The
    translation is relative to the camera, whose axes (y down) are turned up.

    Args:
        path: the pickle.
        fps: frames per second of the video; by default 30 is assumed, which is noted.
        track: which person; by default the one seen in most frames.

    Raises:
        InputError: no such file, not PHALP's, or an unknown track.
    """
    table, times, who = phalp_table(path, track)
    motion = motion_from_table(path, table, fps=fps or VIDEO_FPS, up="-y", pelvis=PELVIS_SMPL)
    frames = times[-1] - times[0] + 1
    notes = [f"Person {who}, seen in {len(times)} of {frames} frames."]
    if fps is None:
        notes.append("The file has no frame rate; 30 is assumed.")
    root = grounded(motion.R_parent_joint, motion.root_position)
    return replace(motion, root_position=root).with_note(*notes)


def phalp_table(
    path: str | PathLike[str], track: int | str | None = None
) -> tuple[dict[str, np.ndarray], list[int], str]:
    """One person's parameters in the camera's axes (y down), frames between filled in.

    Args:
        path: the pickle.
        track: which person; by default the one seen in most frames.

    Returns:
        Rotation matrices and translations by the names of the ``smplx`` call; the frames of
        the video in which the person was seen; and who it is, as ``2 of 3``.

    Raises:
        InputError: no such file, not PHALP's, or an unknown track.
    """
    content = read_containers(path, read_bytes(path))
    if not is_phalp(content):
        raise InputError(path, "", "is no result of PHALP", "give its results/*.pkl")
    keys = sorted(content, key=lambda k: (_time(content[k]), str(k)))
    if len(keys) > MAX_FRAMES:
        raise InputError(path, "frames", f"{len(keys)}", f"give at most {MAX_FRAMES}")
    tracks = _tracks(path, content, keys)
    if not tracks:
        raise InputError(path, "tid", "no person was tracked", "track the video again")
    chosen = max(tracks, key=lambda t: len(tracks[t]))
    if track is not None:
        wanted = [t for t in tracks if str(t) == str(track)]
        if not wanted:
            names = ", ".join(str(t) for t in sorted(tracks)[:20])
            raise InputError(path, "track", f"{track} is not there", f"use one of {names}")
        chosen = wanted[0]
    seen = tracks[chosen]
    times = sorted(seen)
    R_seen, t_seen = _frames(path, [seen[t] for t in times])
    frames = times[-1] - times[0] + 1
    R, transl = _filled(torch.tensor(times) - times[0], R_seen, t_seen, frames)
    table = {
        "global_orient": R[:, :1].numpy(),
        "body_pose": R[:, 1:].numpy(),
        "transl": transl.numpy(),
    }
    return table, times, f"{chosen} of {len(tracks)}"


def is_phalp(content: Any) -> bool:
    """Whether containers look like PHALP's: a table of frames with ``tid`` and ``smpl``."""
    if not isinstance(content, Mapping) or not content:
        return False
    return all(isinstance(v, Mapping) for v in content.values()) and any(
        "smpl" in v and ("tid" in v or "tracked_ids" in v) for v in content.values()
    )


def _time(frame: Mapping[str, Any]) -> float:
    value = frame.get("time", 0)
    return float(value) if isinstance(value, int | float) else 0.0


def _tracks(
    path: str | PathLike[str], content: Mapping[Any, Any], keys: list[Any]
) -> dict[int, dict[int, tuple[Any, Any]]]:
    """Track -> frame -> (body, camera)."""
    tracks: dict[int, dict[int, tuple[Any, Any]]] = {}
    for index, key in enumerate(keys):
        frame = content[key]
        ids, bodies, cameras = (_listed(frame.get(k)) for k in ("tid", "smpl", "camera"))
        ghosts = _listed(frame.get("tracked_time")) or [0] * len(ids)
        for k, tid in enumerate(ids):
            if k >= len(bodies) or k >= len(cameras):
                continue
            if k < len(ghosts) and ghosts[k] not in (0, None):
                continue  # Predicted by the tracker, not seen.
            if not isinstance(bodies[k], Mapping):
                continue
            try:
                tracks.setdefault(int(tid), {})[index] = (bodies[k], cameras[k])
            except (TypeError, ValueError, OverflowError):
                raise InputError(path, "tid", f"is {tid!r}", "track the video again") from None
    return tracks


def _listed(value: Any) -> list[Any]:
    if isinstance(value, np.ndarray):
        return list(value)
    return list(value) if isinstance(value, list | tuple) else []


def _frames(
    path: str | PathLike[str], items: list[tuple[Any, Any]]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rotations (n, 24, 3, 3) and translations (n, 3)."""
    rotations, places = [], []
    try:
        for body, camera in items:
            root = np.asarray(body["global_orient"], dtype=np.float64).reshape(1, 3, 3)
            limbs = np.asarray(body["body_pose"], dtype=np.float64).reshape(23, 3, 3)
            rotations.append(np.concatenate([root, limbs]))
            places.append(np.asarray(camera, dtype=np.float64).reshape(3))
    except (KeyError, ValueError, TypeError):
        raise InputError(
            path,
            "smpl",
            "has no global_orient (3, 3), body_pose (23, 3, 3) and camera (3)",
            "track the video again",
        ) from None
    R, t = torch.from_numpy(np.stack(rotations)), torch.from_numpy(np.stack(places))
    if not (bool(torch.isfinite(R).all()) and bool(torch.isfinite(t).all())):
        raise InputError(path, "smpl", "holds numbers that are not finite", "track it again")
    gram = R @ R.transpose(-1, -2) - torch.eye(3, dtype=R.dtype)
    if float(gram.abs().max()) > 0.05 or float(torch.linalg.det(R).min()) < 0:
        raise InputError(path, "smpl", "holds a matrix that is no rotation", "track it again")
    return roma.special_procrustes(R), t


def _filled(
    times: torch.Tensor, R: torch.Tensor, t: torch.Tensor, frames: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """All frames, those between seen ones interpolated."""
    wanted = torch.arange(frames)
    high = torch.searchsorted(times, wanted).clamp(max=len(times) - 1)
    low = torch.where(times[high] == wanted, high, (high - 1).clamp_min(0))
    span = (times[high] - times[low]).clamp_min(1)
    u = (wanted - times[low]).double() / span
    step = roma.rotmat_to_rotvec(R[low].transpose(-1, -2) @ R[high])
    filled = R[low] @ roma.rotvec_to_rotmat(step * u[:, None, None])
    return filled, torch.lerp(t[low], t[high], u[:, None])
