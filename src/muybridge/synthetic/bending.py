"""How much each vertex lies in a bent joint: what makes folds show.

Elbows and knees bend by the angle between the bones that meet there; shoulders, hips and
the waist by how far they have turned from the bind pose. The angle is spread over the
vertices around the joint.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body import ShapedBody

_HINGES = tuple(
    (f"{first}.{side}", f"{joint}.{side}", f"{last}.{side}", reach, 105.0)
    for side in "LR"
    for first, joint, last, reach in (
        ("upperarm01", "lowerarm01", "wrist", 0.13),
        ("upperleg01", "lowerleg01", "foot", 0.17),
    )
)
"""Bones at whose heads the first bone begins, the joint lies, the second bone ends; how far
folds reach (metres), and the angle of full folds (degrees)."""
_BALLS = tuple(
    (above, f"{below}.{side}", reach, full)
    for side in "LR"
    for above, below, reach, full in (
        ("spine01", "upperarm01", 0.15, 75.0), ("root", "upperleg01", 0.17, 80.0)
    )
) + (("root", "spine03", 0.16, 45.0),)
"""Bone above, bone below, reach and angle of full folds."""


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
        place = body.rig.bones.index
        self._hinges = torch.tensor([[place(bone) for bone in row[:3]] for row in _HINGES])
        self._above = [place(above) for above, *_ in _BALLS]
        self._below = [place(below) for _, below, *_ in _BALLS]
        rows = [(r, full) for *_, r, full in _HINGES] + [(r, full) for *_, r, full in _BALLS]
        self._full = torch.tensor([math.radians(full) for _, full in rows])
        reach = torch.tensor([r * scale for r, _ in rows])
        joints = body.bind_heads[[*self._hinges[:, 1].tolist(), *self._below]]
        self._influence = torch.exp(-(torch.cdist(joints, vertices) / reach[:, None]).square())

    def amount(
        self, R_world_bind: Float[Tensor, "T B 3 3"], heads: Float[Tensor, "T B 3"]
    ) -> Float[Tensor, "T N"]:
        """0 (straight) to 1 (folds in full) for every vertex."""
        first, joint, last = (heads[:, self._hinges[:, k]] for k in range(3))
        hinge = torch.cosine_similarity(joint - first, last - joint, dim=-1)
        R = R_world_bind[:, self._above].transpose(-1, -2) @ R_world_bind[:, self._below]
        ball = (torch.einsum("tjii->tj", R) - 1) / 2
        angle = torch.acos(torch.cat([hinge, ball], 1).clamp(-1, 1))
        rise = (angle / self._full).clamp(0, 1)
        return ((rise * rise * (3 - 2 * rise)) @ self._influence).clamp(0, 1)
