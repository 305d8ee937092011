"""Where a posed body's parts lie in a picture, for laying assets on them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from muybridge.body import JOINT_INDEX, Part, PosedBody
from muybridge.camera import Cameras
from muybridge.render import project_points

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, pixels."""
_BAND = 0.035
"""Half the height of the strip in which widths are measured, in lengths of the trunk."""
_TRUNK = (Part.TORSO, Part.HIPS)
_FEET = {"left": Part.LEFT_FOOT, "right": Part.RIGHT_FOOT}


@dataclass(frozen=True)
class Marks:
    """A body in a picture, pixels; the picture's left is the smaller x.

    Attributes:
        body, head: around the naked body, and its head.
        feet: around each foot, the one at the picture's left first.
        eyes: centres of the eyeballs, likewise.
        neck, pelvis: joints (x, y).
        waist: width of the trunk between chest and hips.
        hips: its width above the hip joints.
        trunk: from the pelvis up to the neck.
    """

    body: Box
    head: Box
    feet: tuple[Box, Box]
    eyes: tuple[tuple[float, float], tuple[float, float]]
    neck: tuple[float, float]
    pelvis: tuple[float, float]
    waist: float
    hips: float
    trunk: float


def marks_of(posed: PosedBody, cameras: Cameras) -> Marks:
    """The marks of an upright body.

    Args:
        posed: one frame.
        cameras: one view, one frame; before the body or behind it.
    """
    K, T = cameras.K[:1, 0], cameras.T_cam_world[:1, 0]
    points = project_points(posed.vertices[:1], K, T)[0, :, :2].float()
    joints = project_points(posed.joints[:1], K, T)[0, :, :2].float()
    part = posed.mesh.parts

    def joint(name: str) -> tuple[float, float]:
        x, y = joints[JOINT_INDEX[name]].tolist()
        return x, y

    neck, pelvis, low, middle = (joint(n) for n in ("neck", "pelvis", "spine1", "spine2"))
    trunk = max(1e-3, pelvis[1] - neck[1])
    on_trunk = sum((part == p for p in _TRUNK), torch.zeros_like(part, dtype=torch.bool))
    feet = sorted(_box(points, part == p) for p in _FEET.values())
    eyes = sorted(joint(f"{side}_eye") for side in ("left", "right"))
    return Marks(
        _box(points, torch.ones_like(on_trunk)), _box(points, part == Part.HEAD),
        (feet[0], feet[1]), (eyes[0], eyes[1]), neck, pelvis,
        _width(points[on_trunk], middle[1], trunk),
        _width(points[on_trunk], (pelvis[1] + low[1]) / 2, trunk), trunk,
    )


def _box(points: Float[Tensor, "N 2"], chosen: Bool[Tensor, "N"]) -> Box:
    low, high = points[chosen].amin(0).tolist(), points[chosen].amax(0).tolist()
    return low[0], low[1], high[0], high[1]


def _width(points: Float[Tensor, "N 2"], height: float, trunk: float) -> float:
    """How wide some points are near a row."""
    near = points[(points[:, 1] - height).abs() < _BAND * trunk, 0]
    return float(near.max() - near.min()) if len(near) > 1 else 0.5 * trunk
