"""SMPL-X as MVHumanNet writes it, as a motion; and the rig brought into the same world."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import roma
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from muybridge.body import Body, Shape
from muybridge.body.smplx import SmplBody
from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.motion import Motion
from muybridge.motion.archive import read_bytes, read_npz
from muybridge.motion.smplx_files import PELVIS_SMPLX, motion_from_table

_TABLE = ("global_orient", "transl", "body_pose", "left_hand_pose", "right_hand_pose", "jaw_pose")


@dataclass(frozen=True)
class BodyFit:
    """A body over ``T`` frames in the rig's world.

    Attributes:
        source: the file.
        table: arrays by the names of the ``smplx`` call.
        betas: of the shape, the same in all frames.
        turned_about_origin: whether the root turns the body about the world's origin
            (EasyMocap) instead of about its pelvis (the official model).
    """

    source: Path
    table: dict[str, Float[ndarray, "T _"]]
    betas: tuple[float, ...]
    turned_about_origin: bool


def fit_of_table(folder: Path, rows: Sequence[int]) -> BodyFit:
    """MVHumanNet++'s ``smplx_params.npz``: the official model's parameters, a row a frame.

    Raises:
        InputError: it is missing, damaged, or has too few rows.
    """
    places = (folder / "smplx_params.npz", folder / "smplx_params" / "smplx_params.npz")
    path = next((p for p in places if p.is_file()), places[0])
    found = read_npz(path, read_bytes(path), (*_TABLE, "betas"))
    for key in ("global_orient", "transl", "body_pose", "betas"):
        if key not in found or found[key].ndim != 2 or found[key].dtype.kind != "f":
            raise InputError(path, key, "is missing or no table", "copy the data set again")
    count = len(found["global_orient"])
    if not rows or max(rows) >= count or min(rows) < -1:
        raise InputError(path, "global_orient", f"has {count} rows, a picture needs row "
                         f"{max(rows, default=0)}", "copy the data set again")
    table = {}
    for key in _TABLE:
        if key in found:
            if len(found[key]) != count:
                raise InputError(path, key, f"has {len(found[key])} rows, not {count}",
                                 "copy the data set again")
            table[key] = found[key][list(rows)].astype(np.float64)
    return BodyFit(path, table, _betas(path, found["betas"]), False)


def fit_of_frames(folder: Path, rows: Sequence[int]) -> BodyFit:
    """MVHumanNet's JSON files, one a frame, as EasyMocap writes them.

    ``poses`` has 87 numbers: root (zero), body, 6 hand components a side, jaw and eyes.

    Raises:
        InputError: a file is missing or damaged.
    """
    read = [_frame(folder / f"{row:06d}.json") for row in rows]
    poses, turn, shift = (np.stack([f[k] for f in read]) for k in ("poses", "Rh", "Th"))
    own = roma.rotvec_to_rotmat(torch.from_numpy(poses[:, :3]))
    whole = roma.rotvec_to_rotmat(torch.from_numpy(turn)) @ own
    table = {
        "global_orient": roma.rotmat_to_rotvec(whole).numpy(), "transl": shift,
        "body_pose": poses[:, 3:66], "left_hand_pose": poses[:, 66:72],
        "right_hand_pose": poses[:, 72:78], "jaw_pose": poses[:, 78:81],
        # where the pelvis goes: the turn about the origin alone
        "_turn": turn,
    }
    betas = np.stack([f["shapes"] for f in read]).mean(0)
    return BodyFit(folder, table, tuple(float(b) for b in betas), True)


def _frame(path: Path) -> dict[str, Float[ndarray, "_"]]:
    try:
        content: Any = json.loads(read_bytes(path, 1 << 22))
        person = content[0] if isinstance(content, list) else content
        out = {
            key: np.asarray(person[key], dtype=np.float64).reshape(-1)
            for key in ("poses", "Rh", "Th", "shapes")
        }
    except (ValueError, RecursionError, KeyError, IndexError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(path, "", "holds no poses, Rh, Th and shapes of one person",
                         "copy the data set again") from None
    sizes = {"poses": 87, "Rh": 3, "Th": 3, "shapes": len(out["shapes"])}
    for key, count in sizes.items():
        if len(out[key]) != count or not np.isfinite(out[key]).all():
            raise InputError(path, key, f"is not {count} numbers", "copy the data set again")
    return out


def _betas(path: Path, betas: ndarray) -> tuple[float, ...]:
    values = betas.reshape(-1, betas.shape[-1])[0]
    if not np.isfinite(values).all() or len(values) > 400:
        raise InputError(path, "betas", "are no shape", "copy the data set again")
    return tuple(float(b) for b in values)


def placed(
    fit: BodyFit, rig: Cameras, rate: Fraction, body: Body | None,
    ahead: Float[Tensor, "3"] | None = None,
) -> tuple[Motion, Cameras]:
    """The motion on the ground of a world whose +Y is up, and the rig in that world.

    Up is the axis that is nearest to the cameras' mean up, as these rigs stand.

    Args:
        fit: in the rig's world.
        rig: one frame.
        rate: frames per second.
        body: SMPL-X; with it the pelvis is exact and hands are the file's.
        ahead: a direction of the rig's world that comes to lie above +Z, where ReImagine's
            normal maps have their front; ``None`` leaves the heading as it is.
    """
    pelvis = torch.tensor(PELVIS_SMPLX, dtype=torch.float64)
    components = mean = None
    rest = None
    if body is not None:
        shaped = body.with_shape(Shape(betas=fit.betas))
        pelvis, rest = shaped.bind_heads[0].double(), shaped.rest_joints
        if isinstance(body, SmplBody) and body.hand_components:
            hands = [body.hand_components[side] for side in ("left", "right")]
            components = torch.stack([h.components for h in hands])
    root = torch.from_numpy(fit.table["transl"]) + pelvis
    if fit.turned_about_origin:
        turn = roma.rotvec_to_rotmat(torch.from_numpy(fit.table["_turn"]))
        root = torch.from_numpy(fit.table["transl"]) + turn @ pelvis
    table: dict[str, Any] = {k: v for k, v in fit.table.items() if not k.startswith("_")}
    table["transl"] = root.numpy()
    if components is None:
        for key in ("left_hand_pose", "right_hand_pose"):
            table.pop(key, None)
    motion = motion_from_table(
        fit.source, table, fps=rate, up=_up(rig), hand_components=components, hand_mean=mean,
        pelvis=(0.0, 0.0, 0.0),
    )
    R_before = roma.rotvec_to_rotmat(torch.from_numpy(table["global_orient"]))[0]
    R_turn = motion.R_parent_joint[0, 0].double() @ R_before.T
    shift = motion.root_position[0].double() - R_turn @ root[0]
    moved = rig.moved(R_turn, shift)
    if rest is not None:
        motion = Motion(
            motion.R_parent_joint, motion.root_position, motion.fps, rest, motion.face,
            motion.name, motion.notes,
        )
    if ahead is not None:
        motion, moved = _headed(motion, moved, R_turn @ ahead.double())
    return motion, moved


def _headed(
    motion: Motion, rig: Cameras, ahead: Float[Tensor, "3"]
) -> tuple[Motion, Cameras]:
    """Both turned about the vertical until a direction of their world lies above +Z."""
    level = ahead * ahead.new_tensor([1.0, 0.0, 1.0])
    if float(level.norm()) < 1e-6:
        return motion, rig
    turn = ahead.new_tensor([0.0, -math.atan2(float(level[0]), float(level[2])), 0.0])
    R = roma.rotvec_to_rotmat(turn)
    joints = motion.R_parent_joint.clone()
    joints[:, 0] = (R @ joints[:, 0].double()).to(joints.dtype)
    root = motion.root_position.double() @ R.T
    turned = replace(motion, R_parent_joint=joints, root_position=root.to(motion.root_position))
    return turned, rig.moved(R, torch.zeros_like(ahead))


def _up(rig: Cameras) -> str:
    """The world axis nearest to what the cameras hold to be up, as ``-z``."""
    up: Tensor = -rig.T_cam_world[:, 0, 1, :3].mean(0)
    axis = int(up.abs().argmax())
    return ("-" if up[axis] < 0 else "") + "xyz"[axis]
