"""One layer over another: an outer garment, or hair, stays outside what lies below it.

Every loose vertex remembers the vertex of the layers below that it lay over in the bind
pose, and keeps on the outer side of the surface there. Where two loose garments slide on
one another, what has still come through is at last put back under the nearest cloth.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

_REACH = 0.07
"""Metres within which a vertex lies over another one."""
_DEEPEST = 0.01
"""Metres below the surface at which a vertex doesn't count as lying over it."""
_GAP = 0.006
"""Metres that layers keep apart, unless they lay closer in the bind pose."""
_EDGE = 0.025
"""Metres along an outer layer within which a vertex lies under one of its vertices."""
_SLID = 0.04
"""The same for vertices that have come through in some pose."""
_DRIFT = 0.12
"""Metres along the surface after which a vertex has slid off what it lay over."""
_PAIRS = 1 << 24
"""Distances that are measured at once."""


@dataclass(frozen=True)
class Sheet:
    """Some vertices of a person and the triangles around them.

    Attributes:
        vertex: ``O`` of all vertices, in any order and number.
        faces: triangles around them, among all vertices.
        corner, owner: for each corner that one of them is, the triangle and the one.
    """

    vertex: Int[Tensor, "O"]  # noqa: F821
    faces: Int[Tensor, "G 3"]
    corner: Int[Tensor, "A"]  # noqa: F821
    owner: Int[Tensor, "A"]  # noqa: F821

    @staticmethod
    def of(vertex: Int[Tensor, "O"], faces: Int[Tensor, "F 3"]) -> Sheet:  # noqa: F821
        """The triangles of a person around some vertices."""
        unique, place = vertex.unique(return_inverse=True)
        number = torch.full((int(faces.max()) + 1,), -1, dtype=torch.long)
        number[unique] = torch.arange(len(unique))
        faces = faces[(number[faces] >= 0).any(1)]
        at = number[faces].reshape(-1)
        order = torch.argsort(at, stable=True)
        order = order[int((at < 0).sum()) :]
        count = torch.bincount(at[order], minlength=len(unique))
        start = torch.cumsum(count, 0) - count
        owner = torch.repeat_interleave(torch.arange(len(vertex)), count[place])
        step = torch.arange(len(owner)) - torch.repeat_interleave(
            torch.cumsum(count[place], 0) - count[place], count[place]
        )
        corner = order[start[place][owner] + step].div(3, rounding_mode="floor")
        return Sheet(vertex, faces, corner, owner)

    def normals(self, vertices: Float[Tensor, "3 T N"]) -> Float[Tensor, "3 T O"]:
        """Unit normals at its vertices."""
        a, b, c = (vertices.index_select(2, self.faces[:, k]) for k in range(3))
        across = torch.linalg.cross(b - a, c - a, dim=0)
        total = across.new_zeros(3, across.shape[1], len(self.vertex))
        total.index_add_(2, self.owner, across.index_select(2, self.corner))
        return F.normalize(total, dim=0)


@dataclass(frozen=True)
class Below:
    """What ``O`` of ``M`` loose vertices lie over.

    Attributes:
        over: which of them.
        sheet: its vertices are what each lies over.
        gap: that each keeps, metres.
    """

    over: Int[Tensor, "O"]  # noqa: F821
    sheet: Sheet
    gap: Float[Tensor, "O"]  # noqa: F821

    def push(
        self,
        points: Float[Tensor, "3 T M"],
        ground: Float[Tensor, "3 T O"],
        normals: Float[Tensor, "3 T O"],
    ) -> Float[Tensor, "3 T O"]:
        """How far to move the vertices that lie over something, metres.

        Args:
            points: all loose vertices. ``ground``: what those of ``over`` lie over.
            normals: there.
        """
        apart = points.index_select(2, self.over) - ground
        height = (apart * normals).sum(0)
        slid = (apart.square().sum(0) - height.square()).clamp(min=0).sqrt()
        hold = (1 - slid / _DRIFT).clamp(min=0)
        return normals * ((self.gap - height).clamp(0, 0.06) * hold)


def what_lies_below(
    vertices: Float[Tensor, "N 3"],
    normals: Float[Tensor, "N 3"],
    faces: Int[Tensor, "F 3"],
    loose: Int[Tensor, "M"],  # noqa: F821
    candidates: Int[Tensor, "C"],  # noqa: F821
) -> Below | None:
    """Finds what each loose vertex lies over, in the bind pose.

    Args:
        vertices, normals, faces: of the whole person.
        loose: vertices to keep out. ``candidates``: vertices of the layers below.

    Returns:
        ``None`` where nothing lies over anything.
    """
    if not len(candidates):
        return None
    nearest = torch.cdist(vertices[loose], vertices[candidates]).argmin(1)
    vertex = candidates[nearest]
    apart = vertices[loose] - vertices[vertex]
    height = (apart * normals[vertex]).sum(1)
    over = ((apart.norm(dim=1) < _REACH) & (height > -_DEEPEST)).nonzero().squeeze(1)
    if not len(over):
        return None
    return Below(over, Sheet.of(vertex[over], faces), height[over].clamp(max=_GAP))


def lies_under(
    vertices: Float[Tensor, "N 3"],
    normals: Float[Tensor, "N 3"],
    inner: Int[Tensor, "M"],  # noqa: F821
    outer: Int[Tensor, "O"],  # noqa: F821
) -> Bool[Tensor, "M"]:  # noqa: F821
    """Which vertices of an inner garment an outer one covers in the bind pose."""
    vertex = outer[torch.cdist(vertices[inner], vertices[outer]).argmin(1)]
    apart = vertices[inner] - vertices[vertex]
    height = (apart * normals[vertex]).sum(1)
    along = (apart.square().sum(1) - height.square()).clamp(min=0).sqrt()
    return (height < 0) & (height > -_REACH) & (along < _EDGE)


def tucked(
    inner: Float[Tensor, "3 T M"], outer: Float[Tensor, "3 T O"], normals: Float[Tensor, "3 T O"]
) -> Float[Tensor, "3 T M"]:
    """Vertices of an inner garment, those that came through the outer one put back under it.

    Args:
        inner: vertices that may be moved. ``outer``, ``normals``: the layer above them.
    """
    moved = inner.clone()
    step = max(1, _PAIRS // max(1, inner.shape[2] * outer.shape[2]))
    for start in range(0, inner.shape[1], step):
        t = slice(start, start + step)
        apart = torch.cdist(inner[:, t].permute(1, 2, 0), outer[:, t].permute(1, 2, 0))
        nearest = apart.argmin(2)[None].expand(3, -1, -1)
        up = normals[:, t].gather(2, nearest)
        away = inner[:, t] - outer[:, t].gather(2, nearest)
        height = (away * up).sum(0)
        along = (away.square().sum(0) - height.square()).clamp(min=0).sqrt()
        deep = (height + _GAP).clamp(0, _REACH) * (along < _SLID)
        moved[:, t] -= up * deep
    return moved
