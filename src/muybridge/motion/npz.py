"""Our own motion file: one ``.npz`` without pickles that says what its numbers mean.

Members:

========================  ==========================================================
``format``, ``version``   ``"muybridge-motion"``, 1
``joints``                names, one for each column of the rotations
``quaternions_wxyz``      (T, J, 4), joint relative to parent in T-pose axes, w first
``root_position``         (T, 3), pelvis in the world
``fps``                   numerator and denominator
``units``, ``up_axis``    ``"metres"`` (or centimetres, millimetres, inches, feet), ``"Y"`` (or Z)
``name``                  what to call the motion
``rest_joints``           (J, 3), optional
``face_names/_values``    (K), (T, K), optional
========================  ==========================================================

Joints that a file lacks stay at the identity.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from fractions import Fraction
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import roma
import torch

from muybridge.body.skeleton import JOINT_INDEX, JOINTS, PARENTS
from muybridge.errors import InputError
from muybridge.motion.archive import read_bytes, read_npz
from muybridge.motion.face import check_face
from muybridge.motion.types import MAX_FRAMES, Motion

FORMAT = "muybridge-motion"
VERSION = 1
_KEYS = (
    *("format", "version", "joints", "quaternions_wxyz", "root_position", "fps", "units"),
    *("up_axis", "name", "notes", "rest_joints", "face_names", "face_values"),
)
UNITS: dict[str, float] = {
    "metres": 1.0,
    "centimetres": 0.01,
    "millimetres": 0.001,
    "inches": 0.0254,
    "feet": 0.3048,
}
"""Metres per unit, by name."""


def save_npz(motion: Motion, path: str | PathLike[str]) -> Path:
    """Writes a motion; the file appears whole or not at all.

    Returns:
        The path, with ``.npz`` added where it was missing.

    Raises:
        InputError: the motion is not sound, or the path can't be written.
    """
    path = Path(path)
    if path.suffix != ".npz":
        path = path.with_name(path.name + ".npz")
    motion.checked(path)
    quat = roma.quat_xyzw_to_wxyz(roma.rotmat_to_unitquat(motion.R_parent_joint.double()))
    members: dict[str, Any] = {
        "format": np.array(FORMAT),
        "version": np.array(VERSION),
        "joints": np.array(JOINTS),
        "quaternions_wxyz": quat.float().cpu().numpy(),
        "root_position": motion.root_position.float().cpu().numpy(),
        "fps": np.array([motion.fps.numerator, motion.fps.denominator], dtype=np.int64),
        "units": np.array("metres"),
        "up_axis": np.array("Y"),
        "name": np.array(motion.name),
        "notes": np.array(motion.notes, dtype=np.str_),
    }
    if motion.rest_joints is not None:
        members["rest_joints"] = motion.rest_joints.float().cpu().numpy()
    if motion.face:
        members["face_names"] = np.array(list(motion.face))
        tracks = [track.float().cpu().numpy() for track in motion.face.values()]
        members["face_values"] = np.stack(tracks, axis=1)
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **members)
    write_atomic(path, buffer.getvalue())
    return path


def write_atomic(path: Path, data: bytes) -> None:
    """Writes a file under a temporary name beside its place, then renames it.

    Raises:
        InputError: the folder does not exist or can't be written to.
    """
    temporary = path.with_name(f".{path.name[:80]}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        # not by mkstemp, whose files nobody else may read: the rights are the user's own choice
        stream = temporary.open("xb")
    except OSError as error:
        raise InputError(
            path, "", f"can't be written ({error.strerror})", "check the folder"
        ) from None
    try:
        with stream:
            stream.write(data)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def load_npz(path: str | PathLike[str]) -> Motion:
    """Reads our own motion file.

    Raises:
        InputError: it is missing, damaged, or says something that can't be.
    """
    return motion_from_members(path, read_npz(path, read_bytes(path), _KEYS))


def motion_from_members(path: str | PathLike[str], members: Mapping[str, np.ndarray]) -> Motion:
    """A motion from the arrays of our own file (see the module's table).

    Raises:
        InputError: an array is missing or says something that can't be.
    """
    if _text(members, "format") != FORMAT:
        raise InputError(path, "format", "is no muybridge motion", "use load_motion")
    if _integers(path, members, "version", 1) != [VERSION]:
        raise InputError(path, "version", "is not 1", "update muybridge")
    names = _names(path, members, "joints")
    unknown = [n for n in names if n not in JOINT_INDEX]
    if unknown or len(set(names)) != len(names) or not names:
        what = f"has the unknown joint {unknown[0]!r}" if unknown else "are not distinct names"
        raise InputError(path, "joints", what, "use the 55 names of muybridge.body.JOINTS")
    quat = _floats(path, members, "quaternions_wxyz", (-1, len(names), 4))
    frames = len(quat)
    if not 1 <= frames <= MAX_FRAMES:
        raise InputError(path, "quaternions_wxyz", f"{frames} frames", f"give 1 to {MAX_FRAMES}")
    root = _floats(path, members, "root_position", (frames, 3))
    norm = quat.norm(dim=-1, keepdim=True)
    if float((norm - 1).abs().max()) > 1e-2:
        raise InputError(path, "quaternions_wxyz", "are not of length 1", "normalise them")
    R_file = roma.unitquat_to_rotmat(roma.quat_wxyz_to_xyzw(quat / norm))
    R = torch.eye(3, dtype=torch.float64).expand(frames, 55, 3, 3).clone()
    index = [JOINT_INDEX[n] for n in names]
    R[:, index] = R_file
    scale = UNITS.get(_text(members, "units", "metres"))
    if scale is None:
        raise InputError(path, "units", "are not known", "use one of " + ", ".join(UNITS))
    root = root * scale
    rest = None
    if "rest_joints" in members:
        given = _floats(path, members, "rest_joints", (len(names), 3)) * scale
        rest = _complete_rest(given, index)
    up = _text(members, "up_axis", "Y").upper().lstrip("+")
    if up == "Z":  # Only the world is turned; the T-pose axes are the canonical ones anyway.
        turn = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]], dtype=torch.float64)
        root, R[:, 0] = root @ turn.T, turn @ R[:, 0]
    elif up != "Y":
        raise InputError(path, "up_axis", f"is {up!r}", "use Y or Z")
    name = _text(members, "name", Path(path).stem)
    notes = tuple(_names(path, members, "notes")) if "notes" in members else ()
    return Motion(
        R.float(),
        root.float(),
        _fps(path, members),
        None if rest is None else rest.float(),
        _face(path, members, frames),
        name,
        notes,
    ).checked(path)


def _complete_rest(given: torch.Tensor, index: list[int]) -> torch.Tensor:
    """Rest joints of all 55; one that a file lacks lies on its parent."""
    rest = torch.zeros(55, 3, dtype=given.dtype)
    have = dict(zip(index, given, strict=True))
    for j, parent in enumerate(PARENTS):
        rest[j] = have.get(j, rest[parent] if parent >= 0 else rest[j])
    return rest


def _fps(path: str | PathLike[str], members: Mapping[str, np.ndarray]) -> Fraction:
    numerator, denominator = _integers(path, members, "fps", 2)
    if numerator <= 0 or denominator <= 0 or numerator > 1000 * denominator:
        raise InputError(path, "fps", f"is {numerator}/{denominator}", "give a rate in 0..1000")
    return Fraction(numerator, denominator)


def _face(
    path: str | PathLike[str], members: Mapping[str, np.ndarray], frames: int
) -> dict[str, torch.Tensor]:
    if "face_names" not in members and "face_values" not in members:
        return {}
    names = _names(path, members, "face_names")
    values = _floats(path, members, "face_values", (frames, len(names)))
    face = {n: values[:, k].float() for k, n in enumerate(names)}
    check_face(face, str(path))
    return face


def _text(members: Mapping[str, np.ndarray], key: str, default: str = "") -> str:
    value = members.get(key)
    if value is None or value.dtype.kind not in "SU" or value.size != 1:
        return default
    item = value.reshape(-1)[0]
    return item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)


def _names(path: str | PathLike[str], members: Mapping[str, np.ndarray], key: str) -> list[str]:
    value = members.get(key)
    if value is None or value.dtype.kind != "U" or value.ndim != 1 or len(value) > 1000:
        raise InputError(path, key, "is missing or no list of names", "save it with muybridge")
    return [str(v) for v in value]


def _integers(
    path: str | PathLike[str], members: Mapping[str, np.ndarray], key: str, count: int
) -> list[int]:
    value = members.get(key)
    if value is None or value.dtype.kind not in "iu" or value.size != count:
        raise InputError(path, key, f"is missing or not {count} whole", "save it with muybridge")
    return [int(v) for v in value.reshape(-1)]


def _floats(
    path: str | PathLike[str],
    members: Mapping[str, np.ndarray],
    key: str,
    shape: tuple[int, ...],
) -> torch.Tensor:
    """A finite array of a given shape (-1: any) as float64."""
    value = members.get(key)
    if value is None:
        raise InputError(path, key, "is missing", "save the motion again")
    want = tuple("T" if n < 0 else n for n in shape)
    fits = value.ndim == len(shape) and all(
        n in (-1, m) for n, m in zip(shape, value.shape, strict=True)
    )
    if value.dtype.kind not in "fiu" or not fits:
        problem = f"is {value.dtype} {value.shape}, not numbers {want}"
        raise InputError(path, key, problem, "save the motion again")
    tensor = torch.from_numpy(value.astype(np.float64))
    if not bool(torch.isfinite(tensor).all()):
        raise InputError(path, key, "holds numbers that are not finite", "save the motion again")
    return tensor
