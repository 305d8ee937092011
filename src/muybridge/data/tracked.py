"""A tracker's person and the camera that saw them, brought into one world on the ground."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import roma
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body import Shape
from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.motion import Motion, load_gvhmr, load_phalp
from muybridge.motion.archive import read_bytes
from muybridge.motion.smplx_files import (
    PELVIS_SMPL,
    PELVIS_SMPLX,
    read_containers,
    rotation_to_y,
)
from muybridge.motion.trackers import phalp_table, torch_containers

FOCAL_AT_256 = 5000.0
"""4D-Humans' focal length for a picture of 256 pixels; it grows with the longer side."""


@dataclass(frozen=True)
class Tracked:
    """A motion and the camera that saw it.

    Attributes:
        motion: in a world with +Y up, feet on y = 0.
        cameras: one view.
        first: frame of the film in which the motion begins.
        body, shape: model that the tracker fits, and its shape.
        by: whose file it was.
    """

    motion: Motion
    cameras: Cameras
    first: int = 0
    body: str = "anny"
    shape: Shape = Shape()
    by: str = ""

    def fitted(self, length: int) -> Tracked:
        """The same, with cameras and motion cut to the frames that all have.

        Args:
            length: frames of the film.

        Raises:
            InputError: a moving camera has another number of frames than film or motion.
        """
        rig = self.cameras
        if rig.views != 1:
            if rig.frames != 1:
                raise InputError("cameras", "views", f"{rig.views}", "give one camera")
            rig = Cameras(rig.K.transpose(0, 1), rig.T_cam_world.transpose(0, 1), rig.width,
                          rig.height, rig.name)
        still = bool((rig.T_cam_world == rig.T_cam_world[:, :1]).all())
        still = still and bool((rig.K[:, :1] == rig.K).all())
        count = min(self.motion.frames, length - self.first)
        if still:
            rig = rig.slice(0, 1).resampled(count)
        elif rig.frames < count:
            raise InputError("cameras", "frames", f"{rig.frames} for {count} pictures",
                             "give one for each picture")
        return replace(self, motion=self.motion.slice(0, count), cameras=rig.slice(0, count))


def from_gvhmr(path: Path, rate: Fraction | None, full: tuple[int, int]) -> Tracked:
    """GVHMR's ``hmr4d_results.pt``: the person in the world and before the camera.

    The camera is what brings the one to the other.

    Args:
        path: the file.
        rate: frames per second of the film.
        full: height and width of the film.

    Raises:
        InputError: it is damaged, or ``smpl_params_incam`` or ``K_fullimg`` are missing.
    """
    motion = load_gvhmr(path, fps=rate)
    data = read_bytes(path)
    content = torch_containers(path, data) if data[:2] == b"PK" else read_containers(path, data)
    frames = motion.frames
    world = _table(path, content, "smpl_params_global", frames)
    seen = _table(path, content, "smpl_params_incam", frames)
    K = _numbers(path, content.get("K_fullimg"), "K_fullimg", (frames, 3, 3))
    pelvis = torch.tensor(PELVIS_SMPLX, dtype=torch.float64)
    R_cam_raw = _rotation(seen) @ _rotation(world).transpose(-1, -2)
    p_raw, p_cam = world["transl"] + pelvis, seen["transl"] + pelvis
    # x_cam = R (x_raw - p_raw) + p_cam, and the motion's own world is A x_raw + b
    A = motion.R_parent_joint[0, 0].double() @ _rotation(world)[0].T
    b = motion.root_position[0].double() - A @ p_raw[0]
    R = R_cam_raw @ A.T
    t = p_cam - (R @ (p_raw @ A.T + b)[..., None])[..., 0]
    betas = tuple(float(v) for v in seen["betas"].mean(0))
    return Tracked(motion, _camera(K, R, t, full), 0, "smplx", Shape(betas=betas), "GVHMR")


def from_phalp(
    path: Path, rate: Fraction | None, full: tuple[int, int], track: int | str | None
) -> Tracked:
    """4D-Humans' and PHALP's tracks, whose translations are the camera's; it stands still.

    The lens is the one that they assume: 5000 pixels for a picture of 256.

    Args:
        path: the file.
        rate: frames per second of the film.
        full: height and width of the film.
        track: which person.

    Raises:
        InputError: it is damaged, or holds no such person.
    """
    motion = load_phalp(path, fps=rate, track=track)
    table, times, _ = phalp_table(path, track)
    A = rotation_to_y(path, "-y")
    raw = torch.from_numpy(table["transl"]) + torch.tensor(PELVIS_SMPL, dtype=torch.float64)
    b = motion.root_position[0].double() - A @ raw[0]
    focal = FOCAL_AT_256 / 256 * max(full)
    K = torch.tensor(
        [[focal, 0, full[1] / 2], [0, focal, full[0] / 2], [0, 0, 1]], dtype=torch.float64
    )
    R, t = A.T.expand(motion.frames, 3, 3), (-A.T @ b).expand(motion.frames, 3)
    cameras = _camera(K.expand(motion.frames, 3, 3), R, t, full)
    return Tracked(motion, cameras, times[0], "smpl", Shape(), "PHALP")


def _camera(
    K: Float[Tensor, "T 3 3"], R: Float[Tensor, "T 3 3"], t: Float[Tensor, "T 3"],
    full: tuple[int, int],
) -> Cameras:
    T = torch.eye(4, dtype=torch.float64).repeat(len(R), 1, 1)
    T[:, :3, :3], T[:, :3, 3] = R, t
    return Cameras(K[None].float(), T[None].float(), full[1], full[0], "tracked")


def _rotation(table: Mapping[str, Tensor]) -> Float[Tensor, "T 3 3"]:
    return roma.rotvec_to_rotmat(table["global_orient"])


def _table(path: Path, content: Any, key: str, frames: int) -> dict[str, Tensor]:
    inner = content.get(key) if isinstance(content, Mapping) else None
    if not isinstance(inner, Mapping):
        raise InputError(path, key, "is missing", "give hmr4d_results.pt, or cameras")
    return {
        "global_orient": _numbers(path, inner.get("global_orient"), key, (frames, 3)),
        "transl": _numbers(path, inner.get("transl"), key, (frames, 3)),
        "betas": _numbers(path, inner.get("betas"), key, (frames, 10)),
    }


def _numbers(path: Path, value: Any, key: str, shape: tuple[int, ...]) -> Tensor:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.zeros(0)
    if array.shape != shape or not np.isfinite(array).all():
        raise InputError(path, key, f"is {array.shape}, not {shape} numbers", "track it again")
    return torch.tensor(array)
