"""Motions as SMPL-X keeps them: AMASS files, and files with the keys of the ``smplx`` call.

Read from ``.npz``, ``.json`` and pickles (through the restricted reader), with these keys:

* AMASS SMPL-H ``poses (T,156)``, SMPL-X ``poses (T,165)`` or ``root_orient, pose_body,
  pose_hand, pose_jaw, pose_eye``; ``trans``; ``mocap_framerate`` or ``mocap_frame_rate``. +Z is up.
* the call: ``global_orient, transl, body_pose`` (63 or 69), ``left_hand_pose,
  right_hand_pose`` (45, or 6 or 12 PCA), ``jaw_pose, leye_pose, reye_pose``, and LHM's
  ``root_pose, trans, lhand_pose, rhand_pose``. Each as axis-angle (T, 3J), (T, J, 3) or
  matrices (T, J, 3, 3); a single frame may lack its T.

PCA hands need the components of the model file (``hands_componentsl``, ``hands_componentsr``),
which is not ours to ship: give ``hand_components``, or the hands are relaxed, with a warning.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import roma
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.motion.archive import read_bytes, read_npz, unpickle
from muybridge.motion.bvh_axes import axis_vector, nearest_axis
from muybridge.motion.face import check_face
from muybridge.motion.hands import relaxed_hands
from muybridge.motion.kinematics import axis_rotation, forward_kinematics, rotation_between
from muybridge.motion.legs import SIDES, contact_points, leg_of
from muybridge.motion.nominal import nominal_rest_joints
from muybridge.motion.pose_arrays import axis_angle, numbers, rows
from muybridge.motion.types import MAX_FRAMES, Motion

_ALIASES: dict[str, tuple[str, ...]] = {
    "poses": ("poses", "fullpose", "full_pose"),
    "root": ("global_orient", "root_orient", "root_pose"),
    "body": ("body_pose", "pose_body"),
    "left": ("left_hand_pose", "lhand_pose"),
    "right": ("right_hand_pose", "rhand_pose"),
    "hands": ("pose_hand", "hand_pose"),
    "jaw": ("jaw_pose", "pose_jaw"),
    "eyes": ("pose_eye",),
    "left_eye": ("leye_pose",),
    "right_eye": ("reye_pose",),
    "transl": ("transl", "trans", "translation"),
    "fps": ("mocap_framerate", "mocap_frame_rate", "fps", "frame_rate", "framerate"),
    "expression": ("expression",),
}
_WANTED = frozenset(key for keys in _ALIASES.values() for key in keys)
PELVIS_SMPLX = (0.003, -0.351, 0.012)
"""The pelvis joint of SMPL-X's mean body: a root lies at ``transl`` plus this, unturned."""
PELVIS_SMPL = (-0.002, -0.241, 0.029)
_JAW_OPEN = 0.40
"""Radians of the jaw joint at which ``jawOpen`` is 1."""


def load_smplx(
    path: str | PathLike[str],
    *,
    fps: Fraction | None = None,
    up: str = "auto",
    hand_components: Float[Tensor, "2 K 45"] | None = None,
    hand_mean: Float[Tensor, "2 45"] | None = None,
) -> Motion:
    """Reads a file (or a folder of one-frame files) with SMPL-X's or AMASS's keys.

    Args:
        path: ``.npz``, ``.json`` or pickle, or a folder of them, one frame each.
        fps: frames per second where the file does not say; it need not for one frame.
        up: the world's up axis; ``auto`` takes the one along which the person stands
            (the notes say which), +Z for AMASS and +Y otherwise where they don't.
        hand_components: left and right PCA components of the model's hands.
        hand_mean: mean hand poses to add to PCA and 45-value hands (``flat_hand_mean=False``).

    Returns:
        A motion without ``rest_joints`` whose feet were put on the ground by one
        shift of the whole.

    Raises:
        InputError: a key is missing or of the wrong shape, the frame rate is unknown,
            the file is broken.
    """
    path = Path(path)
    if path.is_dir():
        table = _folder(path)
    else:
        table = frame_table(path, read_members(path, read_bytes(path)))
    return motion_from_table(
        path, table, fps=fps, up=up, hand_components=hand_components, hand_mean=hand_mean
    )


def read_members(path: str | PathLike[str], data: bytes) -> Any:
    """The containers in a file's bytes: npz, JSON or pickle."""
    if data[:2] == b"PK":
        return read_npz(path, data, _WANTED)
    if data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise InputError(path, "", f"is no JSON ({error})", "export the file again") from None
    return read_containers(path, data)


def read_containers(path: str | PathLike[str], data: bytes) -> Any:
    """Containers of arrays from a pickle; nothing in it is run."""
    return unpickle(path, "", data)


def _folder(path: Path) -> dict[str, Any]:
    files = sorted(p for p in path.iterdir() if p.suffix.lower() in (".json", ".npz", ".pkl"))
    if not files:
        raise InputError(path, "", "holds no .json, .npz or .pkl", "give a folder of frames")
    if len(files) > MAX_FRAMES:
        raise InputError(path, "", f"holds {len(files)} files", f"give at most {MAX_FRAMES}")
    return _stack(path, [frame_table(f, read_members(f, read_bytes(f))) for f in files])


def frame_table(path: str | PathLike[str], content: Any) -> dict[str, Any]:
    """One dictionary of arrays over time from a dictionary, or a list or table of frames."""
    if isinstance(content, Mapping):
        for inner in ("smplx", "smpl", "params", "smplx_params", "smpl_params_global"):
            if isinstance(content.get(inner), Mapping):
                return frame_table(path, {**content[inner], **_rates(content)})
        if any(k in _WANTED for k in content):
            return {k: v for k, v in content.items() if k in _WANTED}
        if content and all(isinstance(v, Mapping) for v in content.values()):
            keys = sorted(content, key=lambda k: (len(str(k)), str(k)))
            return _stack(path, [frame_table(path, content[k]) for k in keys])
    elif isinstance(content, list) and content and all(isinstance(v, Mapping) for v in content):
        return _stack(path, [frame_table(path, v) for v in content])
    raise InputError(
        path, "", "has none of SMPL-X's keys", "give global_orient, body_pose and transl, or poses"
    )


def _rates(content: Mapping[str, Any]) -> dict[str, Any]:
    return {k: content[k] for k in _ALIASES["fps"] if k in content}


def _stack(path: str | PathLike[str], frames: list[dict[str, Any]]) -> dict[str, Any]:
    if len(frames) > MAX_FRAMES:
        raise InputError(path, "frames", f"{len(frames)}", f"give at most {MAX_FRAMES}")
    out: dict[str, Any] = {}
    for key in frames[0]:
        if key in _ALIASES["fps"]:
            out[key] = frames[0][key]
            continue
        each = [numbers(path, key, f[key]).reshape(-1) for f in frames if key in f]
        if len(each) != len(frames) or len({len(r) for r in each}) != 1:
            raise InputError(path, key, "is not the same in all frames", "export the file again")
        out[key] = np.stack(each)
    return out


def motion_from_table(
    path: str | PathLike[str],
    table: Mapping[str, Any],
    *,
    fps: Fraction | None = None,
    up: str = "auto",
    hand_components: Float[Tensor, "2 K 45"] | None = None,
    hand_mean: Float[Tensor, "2 45"] | None = None,
    pelvis: tuple[float, float, float] = PELVIS_SMPLX,
) -> Motion:
    """A motion from arrays by the keys above; see :func:`load_smplx`."""
    notes: list[str] = []
    amass = any(k in table for k in ("poses", "pose_body", "mocap_framerate", "mocap_frame_rate"))
    R = _pose(path, table, hand_components, hand_mean, notes)
    frames = len(R)
    given = _find(table, "transl")
    if given is None:
        root = torch.zeros(frames, 3, dtype=torch.float64)
        notes.append("The file has no root path; the person stays in place.")
    else:
        root = torch.from_numpy(rows(path, given[0], given[1], 3))
    if len(root) != frames:
        raise InputError(
            path, "transl", f"{len(root)} rows for {frames} frames", "export the file again"
        )
    rate = _rate(path, table, fps, frames)
    root = root + torch.tensor(pelvis, dtype=torch.float64)
    axis = _up_axis(path, R, root, up, amass, notes)
    turn = rotation_to_y(path, axis)
    R[:, 0], root = turn @ R[:, 0], root @ turn.T
    root = grounded(R, root)
    if _find(table, "expression") is not None:
        notes.append("Expression coefficients have no counterpart here; they were left out.")
    angle = 2 * torch.atan2(R[:, 22, 2, 1] - R[:, 22, 1, 2], 2 * (1 + R[:, 22, 1, 1]))
    face = {}
    if float(angle.max()) > 0.02:
        face["jawOpen"] = (angle / _JAW_OPEN).clamp(0, 1).float()
    check_face(face, str(path))
    return Motion(R.float(), root.float(), rate, None, face, Path(path).stem, tuple(notes)).checked(
        path
    )


def _pose(
    path: str | PathLike[str],
    table: Mapping[str, Any],
    components: Tensor | None,
    mean: Tensor | None,
    notes: list[str],
) -> Float[Tensor, "T 55 3 3"]:
    whole = _find(table, "poses")
    body = _find(table, "body")
    if whole is None and body is None:
        raise InputError(path, "body_pose", "is missing", "give body_pose, or poses")
    parts: dict[str, np.ndarray] = {}
    if body is not None:
        parts["body"] = axis_angle(path, *body, counts=(21, 23))
        root = _find(table, "root")
        if root is None:
            raise InputError(path, "global_orient", "is missing", "give global_orient")
        parts["root"] = axis_angle(path, *root, counts=(1,))
        for key, count in (("jaw", 1), ("left_eye", 1), ("right_eye", 1), ("eyes", 2)):
            found = _find(table, key)
            if found is not None:
                parts[key] = axis_angle(path, *found, counts=(count,))
    else:
        assert whole is not None
        poses = axis_angle(path, *whole, counts=(22, 24, 52, 55))
        joints = poses.shape[1]
        parts = {"root": poses[:, :1], "body": poses[:, 1:22]}
        if joints == 55:
            parts |= {"jaw": poses[:, 22:23], "eyes": poses[:, 23:25], "hands": poses[:, 25:]}
        elif joints == 52:
            parts["hands"] = poses[:, 22:]
    if "hands" not in parts:
        hands = _hands(path, table, components, mean, notes)
        if hands is not None:
            parts["hands"] = hands
    lengths = {len(v) for v in parts.values()}
    frames = len(parts["body"])
    if lengths != {frames} or not 1 <= frames <= MAX_FRAMES:
        raise InputError(
            path, "frames", f"parts have {sorted(lengths)} frames", "export the file again"
        )
    rotvec = torch.zeros(frames, 55, 3, dtype=torch.float64)
    rotvec[:, 0:1] = torch.from_numpy(parts["root"])
    rotvec[:, 1:22] = torch.from_numpy(parts["body"][:, :21])
    for key, start in (("jaw", 22), ("eyes", 23), ("left_eye", 23), ("right_eye", 24)):
        if key in parts:
            rotvec[:, start : start + parts[key].shape[1]] = torch.from_numpy(parts[key])
    if "hands" in parts:
        rotvec[:, 25:] = torch.from_numpy(parts["hands"])
    R = roma.rotvec_to_rotmat(rotvec)
    if "hands" not in parts:
        R[:, 25:] = relaxed_hands().double()
        notes.append("The file has no finger joints; the hands are relaxed.")
    return R


def _hands(
    path: str | PathLike[str],
    table: Mapping[str, Any],
    components: Tensor | None,
    mean: Tensor | None,
    notes: list[str],
) -> np.ndarray | None:
    both = _find(table, "hands")
    if both is not None:
        return axis_angle(path, *both, counts=(30,))
    sides = []
    for k, side in enumerate(("left", "right")):
        found = _find(table, side)
        if found is None:
            return None
        key, raw = found
        value = numbers(path, key, raw)
        size = value.size // len(value) if value.ndim > 1 and len(value) else value.size
        if size in (45, 135):
            hand = axis_angle(path, key, raw, counts=(15,))
        elif 0 < size < 45:
            if components is None:
                warnings.warn(
                    f"{path}: {key}: {size} PCA values need hand_components of the SMPL-X model; "
                    "the hands are relaxed",
                    stacklevel=2,
                )
                return None
            if components.shape[1] < size:
                raise InputError(
                    path,
                    key,
                    f"has {size} values, the components {components.shape[1]} rows",
                    "give all components of the model file",
                )
            weights = torch.from_numpy(rows(path, key, raw, size))
            hand = (weights @ components[k, :size].double()).numpy().reshape(-1, 15, 3)
        else:
            raise InputError(path, key, f"has {size} values", "give 45, or 6 or 12 PCA values")
        if mean is not None:
            hand = hand + mean[k].double().numpy().reshape(15, 3)
        sides.append(hand)
    if len(sides[0]) != len(sides[1]):
        raise InputError(path, "right_hand_pose", "is not as long as the left", "export it again")
    return np.concatenate(sides, axis=1)


def _find(table: Mapping[str, Any], what: str) -> tuple[str, Any] | None:
    for key in _ALIASES[what]:
        if key in table and table[key] is not None:
            return key, table[key]
    return None


def _rate(
    path: str | PathLike[str], table: Mapping[str, Any], given: Fraction | None, frames: int
) -> Fraction:
    if given is not None:
        return given
    found = _find(table, "fps")
    if found is None:
        if frames == 1:
            return Fraction(24)
        raise InputError(
            path, "mocap_framerate", "is missing", "say how many frames a second it has (file_fps)"
        )
    value = numbers(path, *found).reshape(-1)
    if len(value) != 1 or not 0 < value[0] <= 1000:
        raise InputError(path, found[0], "is no frame rate in 0..1000", "say it (file_fps)")
    rate = Fraction(float(value[0])).limit_denominator(1001)
    return rate if rate > 0 else Fraction(float(value[0])).limit_denominator(1_000_000)


def _up_axis(
    path: str | PathLike[str], R: Tensor, root: Tensor, up: str, amass: bool, notes: list[str]
) -> str:
    if up != "auto":
        axis_vector(path, up)
        return up.lower().lstrip("+")
    _, joints = forward_kinematics(R, root, nominal_rest_joints())
    upright = joints[:, 15] - (joints[:, 7] + joints[:, 8]) / 2
    mean = torch.nn.functional.normalize(upright, dim=-1).mean(0)
    if float(mean.abs().max()) > 0.8:
        axis = nearest_axis(mean)
        k = int(axis.abs().argmax())
        name = ("-" if float(axis[k]) < 0 else "") + "xyz"[k]
        notes.append(f"Up is {name.upper()}: the person stands along it.")
        return name
    name = "z" if amass else "y"
    notes.append(f"Up is taken to be {name.upper()}; the person does not stand.")
    return name


def rotation_to_y(path: str | PathLike[str], axis: str) -> Float[Tensor, "3 3"]:
    """Rotation of the world that makes an axis point up; about x where that can be."""
    about_x = {"y": 0.0, "z": -torch.pi / 2, "-y": torch.pi, "-z": torch.pi / 2}
    if axis in about_x:
        return axis_rotation("x", torch.tensor(about_x[axis], dtype=torch.float64))
    return rotation_between(axis_vector(path, axis), axis_vector(path, "y"))


def grounded(
    R_parent_joint: Float[Tensor, "T 55 3 3"],
    root_position: Float[Tensor, "T 3"],
    rest_joints: Float[Tensor, "55 3"] | None = None,
) -> Float[Tensor, "T 3"]:
    """The root path, shifted by one height so that the feet touch y = 0 when they are lowest."""
    rest = nominal_rest_joints() if rest_joints is None else rest_joints
    R_world, joints = forward_kinematics(R_parent_joint, root_position, rest)
    lows = []
    for side in SIDES:
        leg = leg_of(rest, side)
        points = contact_points(
            leg, joints[:, leg.ankle], R_world[:, leg.ankle], R_world[:, leg.toe]
        )
        lows.append(points[..., 1].amin(1))
    low = torch.minimum(*lows)
    floor = torch.quantile(low[:: max(1, len(low) // 10_000)], 0.03)
    return root_position - torch.stack([torch.zeros_like(floor), floor, torch.zeros_like(floor)])
