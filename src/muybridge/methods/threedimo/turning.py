"""How far somebody in a driving video has turned since its first frame.

Tokens of a frame shall not tell where a camera stands, so a person's turning is told beside them:
of a motion it is known, in a video it is read off each frame. What is read is off by ten degrees
or so, so it is smoothed over time, and small turns are taken for none. Where the reading is not
sure, the point on the circle lies near its middle, and counts the less. The driver's camera is
taken to stay where it is.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.methods.threedimo.conditions import wrapped

NONE, WHOLE = math.radians(25), math.radians(60)
"""Turns below the first count as none, above the second as they are."""
_KERNEL = (0.25, 0.5, 0.25)
_AS_FIRST = 0.1
"""Of the circle: how strongly everybody is taken to look where they looked first."""


def turned_since_first(looks: Float[Tensor, "B F 2"]) -> Float[Tensor, "B F"]:
    """How far people have turned to their right since the first frame, radians, -pi to pi.

    Args:
        looks: where they look before a camera that stays, see
            :class:`muybridge.networks.facing_reader.FacingReader`.
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
