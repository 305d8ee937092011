"""Horizontal sections: what cloth that hangs around a body has to clear.

At each height the convex hull of everything underneath is taken, as cloth under its own
weight spans hollows; from there down it falls, no steeper inwards than its cut allows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

_DIRECTIONS = 72


@dataclass(frozen=True)
class Solid:
    """A surface that cloth hangs outside of.

    Attributes:
        points: metres.
        edges: pairs of points.
    """

    points: Float[Tensor, "N 3"]
    edges: Int[Tensor, "E 2"]

    @staticmethod
    def of(points: Float[Tensor, "N 3"], faces: Int[Tensor, "F 3"]) -> Solid:
        """The surface of a mesh."""
        edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        edges = torch.stack([edges.amin(1), edges.amax(1)], 1)
        key = (edges[:, 0] * len(points) + edges[:, 1]).unique()
        return Solid(points, torch.stack([key // len(points), key % len(points)], 1))


def hull_radius(
    solids: tuple[Solid, ...],
    centre: Float[Tensor, "3"] | Float[Tensor, "K 3"],
    levels: Float[Tensor, "K"],  # noqa: F821
    angles: Float[Tensor, "A"],  # noqa: F821
) -> Float[Tensor, "K A"]:
    """Radius of the convex hull of each horizontal section, about a centre.

    Args:
        solids: what is inside.
        centre: a point inside the sections, the same for all or one for each.
        levels: heights of the sections, metres.
        angles: 0 towards +z, pi/2 towards +x.

    Returns:
        metres; 0 where a section is empty.
    """
    phi = torch.arange(_DIRECTIONS) * (2 * torch.pi / _DIRECTIONS)
    support = torch.zeros(len(levels), _DIRECTIONS)
    for solid in solids:
        a, b = (solid.points[solid.edges[:, k]] for k in (0, 1))
        low, high = torch.minimum(a[:, 1], b[:, 1]), torch.maximum(a[:, 1], b[:, 1])
        crossed = (levels[:, None] >= low) & (levels[:, None] < high)
        level, edge = crossed.nonzero(as_tuple=True)
        start, end = a[edge], b[edge]
        t = ((levels[level] - start[:, 1]) / (end[:, 1] - start[:, 1]))[:, None]
        middle = centre if centre.ndim == 1 else centre[level]
        at = torch.lerp(start, end, t) - middle
        reach = at[:, :1] * torch.sin(phi) + at[:, 2:] * torch.cos(phi)
        index = level[:, None].expand(-1, _DIRECTIONS)
        support = support.scatter_reduce(0, index, reach, "amax")
    turn = torch.cos(angles[:, None] - phi)
    inverse = torch.where(turn > 0.2, 1 / turn.clamp(min=0.2), torch.full_like(turn, torch.inf))
    return (support[:, None, :].clamp(min=1e-4) * inverse).amin(2)


def hang(
    clear: Float[Tensor, "K A"],
    first: Float[Tensor, "A"] | None,  # noqa: F821
    steps: Float[Tensor, "K"],  # noqa: F821
    taper: Float[Tensor, "K"],  # noqa: F821
) -> Float[Tensor, "K A"]:
    """Radii of cloth that hangs, ring under ring.

    Args:
        clear: radius that each ring must have at least, metres.
        first: of the ring above the topmost, where there is one.
        steps: height between each ring and the one above, metres.
        taper: how much narrower the cloth may become per metre of height; negative widens.
    """
    rings: list[Tensor] = []
    above = first
    for ring, step, narrow in zip(clear, steps.tolist(), taper.tolist(), strict=True):
        radius = ring if above is None else torch.maximum(ring, above - narrow * step)
        rings.append(radius)
        above = radius
    return torch.stack(rings)
