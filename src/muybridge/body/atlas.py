"""Texture coordinates for a mesh that comes without any.

Each body part is wrapped on a cylinder around its own long axis and gets one cell
of a 4 x 4 atlas. Every triangle is laid out whole: where one crosses the seam (the
far side of the part), it continues into the cell's margin, so no triangle is torn.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from muybridge.body.types import Part

_CELLS = 4
_MARGIN = 0.1
"""Share of a cell left on either side for triangles that cross the seam."""


def part_cylinders(
    vertices: Float[Tensor, "N 3"], faces: Int[Tensor, "F 3"], parts: UInt8[Tensor, "N"]  # noqa: F821
) -> tuple[Float[Tensor, "U 2"], Int[Tensor, "F 3"]]:
    """A texture coordinate for every corner, and the corners of every triangle.

    Args:
        vertices: skin in a T-pose, metres, facing +Z.
        faces: vertices of each triangle.
        parts: a :class:`Part` for each vertex.

    Returns:
        ``uv`` in [0, 1], origin top left, and ``faces_uv`` into it.
    """
    part = parts[faces].long().mode(1).values
    uv = vertices.new_zeros(len(faces), 3, 2)
    for number in part.unique().tolist():
        chosen = part == number
        corners = vertices[faces[chosen]]
        uv[chosen] = _place(_cylinder(corners, _upright(Part(number))), number - 1)
    flat, index = uv.reshape(-1, 2).unique(dim=0, return_inverse=True)
    return flat, index.reshape(-1, 3)


def _upright(part: Part) -> bool:
    return not any(word in part.name for word in ("ARM", "HAND"))


def _cylinder(corners: Float[Tensor, "f 3 3"], upright: bool) -> Float[Tensor, "f 3 2"]:
    """Turns (0 at the front, -0.5..0.5 and beyond) and height (0..1) of each corner."""
    if upright:
        across, along, front = corners.unbind(-1)
    else:
        along, across, front = corners.unbind(-1)
    middle = [(t.amin() + t.amax()) / 2 for t in (across, front)]
    turn = torch.atan2(across - middle[0], front - middle[1]) / (2 * math.pi)
    turn = turn - torch.round(turn - turn[:, :1])
    centre = turn.mean(1, keepdim=True)
    turn = turn - torch.round(centre)
    low, high = along.amin(), along.amax()
    height = (along - low) / (high - low).clamp(min=1e-9)
    return torch.stack([turn, 1 - height], -1)


def _place(cylinder: Float[Tensor, "f 3 2"], cell: int) -> Float[Tensor, "f 3 2"]:
    """A part's layout, moved into its cell."""
    u = ((cylinder[..., 0] + 0.5) * (1 - 2 * _MARGIN) + _MARGIN).clamp(0.005, 0.995)
    v = cylinder[..., 1] * 0.98 + 0.01
    row, column = divmod(cell, _CELLS)
    return torch.stack([column + u, row + v], -1) / _CELLS
