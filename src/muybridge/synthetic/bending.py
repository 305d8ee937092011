"""How much each vertex lies in a bent joint: what makes folds show.

Every watched joint is a pair of bones; the angle between them, against the bind pose, is
spread over the vertices around the joint.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body import ShapedBody

_JOINTS = tuple(
    (f"{above}{side}" if above.endswith(".") else above, f"{below}.{side}", reach, full)
    for side in "LR"
    for above, below, reach, full in (
        ("upperarm02.", "lowerarm01", 0.13, 95.0),
        ("spine01", "upperarm01", 0.15, 75.0),
        ("upperleg02.", "lowerleg01", 0.17, 95.0),
        ("root", "upperleg01", 0.17, 80.0),
    )
) + (("root", "spine03", 0.16, 45.0),)
"""Bone above, bone below, how far folds reach (metres), the angle of full folds (degrees)."""


class Bending:
    """The joints of one body and their reach over some vertices.

    Args:
        body: whose bones bend.
        vertices: in the bind pose, metres.
        scale: of lengths, against a person of 1.75 m.
    """

    def __init__(
        self, body: ShapedBody, vertices: Float[Tensor, "N 3"], scale: float
    ) -> None:
        names = body.rig.bones
        self._above = [names.index(above) for above, *_ in _JOINTS]
        self._below = [names.index(below) for _, below, *_ in _JOINTS]
        self._full = torch.tensor([math.radians(full) for *_, full in _JOINTS])
        reach = torch.tensor([reach * scale for *_, reach, _ in _JOINTS])
        joints = body.bind_heads[self._below]
        self._influence = torch.exp(-(torch.cdist(joints, vertices) / reach[:, None]).square())

    def amount(self, R_world_bind: Float[Tensor, "T B 3 3"]) -> Float[Tensor, "T N"]:
        """0 (as in the bind pose) to 1 (folds in full) for every vertex."""
        R = R_world_bind[:, self._above].transpose(-1, -2) @ R_world_bind[:, self._below]
        cosine = (torch.einsum("tjii->tj", R) - 1) / 2
        angle = torch.acos(cosine.clamp(-1, 1)) / self._full
        rise = angle.clamp(0, 1)
        return ((rise * rise * (3 - 2 * rise)) @ self._influence).clamp(0, 1)
