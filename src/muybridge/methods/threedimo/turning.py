"""How far somebody in a driving video has turned since its first frame.

Tokens of a frame shall not tell where a camera stands, so a person's turning is told beside them:
of a motion it is known, in a video it is read off each frame, by which way hips and shoulders are
seen. What is read is off by ten degrees or so, so it is smoothed over time, and small turns are
taken for none. Where hips and shoulders are not seen clearly, the point on the circle lies near its
middle, and counts the less. The driver's camera is
taken to stay where it is.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.body.skeleton import JOINT_INDEX
from muybridge.methods.threedimo.conditions import wrapped

NONE, WHOLE = math.radians(25), math.radians(60)
"""Turns below the first count as none, above the second as they are."""
_ACROSS = tuple(
    (JOINT_INDEX[f"left_{joint}"], JOINT_INDEX[f"right_{joint}"]) for joint in ("hip", "shoulder")
)
_WIDE = 0.6
"""Of hips and shoulders together, metres."""
_KERNEL = (0.25, 0.5, 0.25)
_AS_FIRST = 0.1
"""Of the circle: how strongly everybody is taken to look where they looked first."""


def looks_of(
    joints: Float[Tensor, "B F P 3"], metre: Float[Tensor, "B F"], aspect: float
) -> Float[Tensor, "B F 2"]:
    """Where people look before the camera, as points about the unit circle: (1, 0) is into the
    camera, (0, 1) where that sees their right side.

    Args:
        joints: as they are seen, see :class:`muybridge.networks.joint_reader.JointReader`.
        metre: half pictures' heights that one takes.
        aspect: width over height of the pictures.
    """
    across = sum(joints[:, :, left] - joints[:, :, right] for left, right in _ACROSS)
    assert isinstance(across, Tensor)
    return torch.stack([across[..., 0] * aspect / metre, -across[..., 2]], -1) / _WIDE


def turned_since_first(looks: Float[Tensor, "B F 2"]) -> Float[Tensor, "B F"]:
    """How far people have turned to their right since the first frame, radians, -pi to pi.

    Args:
        looks: where they look before a camera that stays, see :func:`looks_of`.
    """
    points = looks.float()
    frames = points.shape[1]
    padded = torch.cat([points[:, :1], points, points[:, -1:]], 1)
    smooth = torch.stack(
        [weight * padded[:, k : k + frames] for k, weight in enumerate(_KERNEL)]
    ).sum(0)
    smooth = smooth + _AS_FIRST * F.normalize(smooth[:, :1], dim=-1)
    angles = torch.atan2(smooth[..., 1], smooth[..., 0])
    turned = wrapped(angles[:, :1] - angles)
    counted = ((turned.abs() - NONE) / (WHOLE - NONE)).clamp(0, 1)
    return turned * counted
