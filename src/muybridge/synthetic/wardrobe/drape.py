"""Cloth over the body: pushed outward, made round over limbs, smoothed, hung from its widest point.

All of it moves vertices along normals or radii only, so that textures do not slide.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from muybridge.synthetic.wardrobe.cutting import Patch
from muybridge.synthetic.wardrobe.section import hang, hull_radius
from muybridge.synthetic.wardrobe.tailor import Tailor, Worn

GAP = 0.004
"""Least distance between cloth and what is beneath it, metres for a person of 1.75 m."""


def smoothstep(low: float, high: float, x: Tensor) -> Tensor:
    """0 up to ``low``, 1 from ``high`` on, smooth between; ``low`` may be the greater."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def puffed(
    tailor: Tailor, worn: Worn, thickness: Float[Tensor, "N"]  # noqa: F821
) -> Float[Tensor, "N 3"]:
    """The body's vertices, moved out by a cloth's thickness over what is worn already."""
    distance = worn.occupied + thickness + GAP * tailor.scale
    return tailor.vertices + tailor.normals * distance[:, None]


def rounded(
    points: Float[Tensor, "N 3"],
    axis: Float[Tensor, "N 3"],
    least: Float[Tensor, "N"],  # noqa: F821
    share: Float[Tensor, "N"],  # noqa: F821
) -> Float[Tensor, "N 3"]:
    """Points around a limb, moved out to a least radius about its axis.

    Args:
        points: metres.
        axis: nearest point of the limb's bones to each.
        least: radius, metres.
        share: how far each point is moved.
    """
    away = points - axis
    radius = away.norm(dim=1)
    wanted = torch.where(radius < least, least * 0.85 + radius * 0.15, radius)
    scale = torch.lerp(torch.ones_like(radius), wanted / radius.clamp(min=1e-6), share)
    return torch.where(share[:, None] > 0, axis + away * scale[:, None], points)


def smoothed(
    tailor: Tailor, worn: Worn, points: Float[Tensor, "N 3"], steps: int
) -> Float[Tensor, "N 3"]:
    """Points smoothed along the normals, then kept clear of what is worn."""
    normals = tailor.normals
    for _ in range(steps):
        pull = 1.4 * ((tailor.canvas.smoothed(points, 1) - points) * normals).sum(1)
        points = points + pull[:, None] * normals
    return cleared(tailor, worn, points)


def cleared(tailor: Tailor, worn: Worn, points: Float[Tensor, "N 3"]) -> Float[Tensor, "N 3"]:
    """Points moved out until they clear what is worn."""
    normals = tailor.normals
    height = ((points - tailor.vertices) * normals).sum(1)
    least = worn.occupied + GAP * tailor.scale
    return points + normals * (least - height).clamp(min=0)[:, None]


def occupied(tailor: Tailor, points: Float[Tensor, "N 3"]) -> Float[Tensor, "N"]:  # noqa: F821
    """How far out points lie from the body's vertices, along its normals, metres."""
    return ((points - tailor.vertices) * tailor.normals).sum(1).clamp(min=0)


class Hanging:
    """How cloth hangs around torso and legs, at every height and angle.

    Args:
        tailor: the body.
        worn: what it hangs outside of.
        top, bottom: heights, metres.
        ease: distance from what is beneath, metres.
        taper: how much narrower the cloth may become per metre downwards at a height;
            negative widens.
    """

    ANGLES = 96

    def __init__(
        self,
        tailor: Tailor,
        worn: Worn,
        top: float,
        bottom: float,
        ease: float,
        taper: Float[Tensor, "K"],  # noqa: F821
    ) -> None:
        self.tailor = tailor
        self.levels = torch.linspace(top, bottom, len(taper))
        self.angles = torch.arange(self.ANGLES) * (2 * torch.pi / self.ANGLES)
        solids = worn.solids if worn.solids else (tailor.torso,)
        hull = hull_radius(solids, tailor.axis, self.levels, self.angles)
        self.hull = F.max_pool1d(hull.T[None], 3, 1, 1)[0].T
        step = (top - bottom) / (len(taper) - 1)
        clear = self.hull + ease + GAP * tailor.scale
        radius = hang(clear, None, torch.full_like(taper, step), taper)
        kernel = torch.tensor([0.25, 0.5, 0.25])
        for _ in range(2):  # only ever outwards
            wide = torch.cat([radius[:, -1:], radius, radius[:, :1]], 1)
            around = F.conv1d(wide[:, None], kernel[None, None])[:, 0]
            radius = torch.maximum(radius, around)
        self.radius = radius

    def at(self, angle: Float[Tensor, "P"], height: Float[Tensor, "P"]) -> Float[Tensor, "P"]:  # noqa: F821
        """Radius of the cloth there, metres."""
        return self._sampled(self.radius, angle, height)

    def body_at(self, angle: Float[Tensor, "P"], height: Float[Tensor, "P"]) -> Float[Tensor, "P"]:  # noqa: F821
        """Radius of what is underneath, metres."""
        return self._sampled(self.hull, angle, height)

    def _sampled(self, table: Tensor, angle: Tensor, height: Tensor) -> Tensor:
        rows = len(self.levels)
        span = self.levels[-1] - self.levels[0]
        row = ((height - self.levels[0]) / span * (rows - 1)).clamp(0, rows - 1)
        column = torch.remainder(angle / (2 * torch.pi) * self.ANGLES, self.ANGLES)
        r, c = row.floor().long().clamp(max=rows - 2), column.floor().long() % self.ANGLES
        d = (c + 1) % self.ANGLES
        fr, fc = row - r, column - column.floor()
        upper = torch.lerp(table[r, c], table[r, d], fc)
        lower = torch.lerp(table[r + 1, c], table[r + 1, d], fc)
        return torch.lerp(upper, lower, fr)


def tube_faces(rings: int, around: int, closed: bool) -> Int[Tensor, "F 3"]:
    """Triangles of a tube whose vertices lie ring under ring, angles rising leftwards.

    Args:
        rings: how many rings.
        around: vertices of each.
        closed: whether the last vertex of a ring is joined to the first.
    """
    columns = torch.arange(around if closed else around - 1)
    a = (torch.arange(rings - 1)[:, None] * around + columns).reshape(-1)
    b = (torch.arange(rings - 1)[:, None] * around + (columns + 1) % around).reshape(-1)
    c, d = a + around, b + around
    return torch.cat([torch.stack([a, c, d], 1), torch.stack([a, d, b], 1)])


def tube_weights(
    tailor: Tailor, points: Float[Tensor, "P 3"], spread: Float[Tensor, "P"]  # noqa: F821
) -> tuple[Float[Tensor, "P B"], Int[Tensor, "P"]]:  # noqa: F821
    """Skinning weights of cloth that hangs around the body, blended from what is near.

    Args:
        tailor: the body.
        points: of the cloth, metres.
        spread: over what distance the body's weights are blended, metres.

    Returns:
        Weights, and the nearest vertex of the body. Shanks and feet count as thighs: a
        bent knee does not pull a hem along.
    """
    body = tailor.canvas.body
    chosen = ((tailor.arm < 0.3) & (tailor.head < 0.3)).nonzero().squeeze(1)
    foot = tailor.canvas.share_of("foot")
    chosen = chosen[foot[chosen] < 0.3]
    distance = torch.cdist(points, tailor.vertices[chosen])
    near, index = distance.topk(24, dim=1, largest=False)
    away = near - near[:, :1]
    share = torch.exp(-0.5 * (away / spread[:, None]).square())
    share = share / share.sum(1, keepdim=True)
    weights = body.rig.weights[chosen]
    out = (weights[index] * share[:, :, None]).sum(1)
    names = body.rig.bones
    for s in ("L", "R"):
        thigh = names.index(f"upperleg02.{s}")
        lower = [
            i for i, n in enumerate(names)
            if n.endswith(f".{s}") and n.startswith(("lowerleg", "foot", "toe"))
        ]
        out[:, thigh] += out[:, lower].sum(1)
        out[:, lower] = 0
    return out / out.sum(1, keepdim=True), chosen[index[:, 0]]


def zipper(
    above: Float[Tensor, "A"], below: Float[Tensor, "B"], closed: bool  # noqa: F821
) -> Int[Tensor, "F 3"]:
    """Triangles between two rows of vertices whose angles rise.

    Args:
        above, below: angles of the vertices of both rows.
        closed: whether the rows go all the way round.

    Returns:
        Indices: those of the row above, then those of the row below.
    """
    n, m = len(above), len(below)
    under = torch.searchsorted(below, above) - 1
    over = torch.searchsorted(above, below, right=True) - 1
    first = 0 if closed else 1
    i, j = torch.arange(first, n), torch.arange(first, m)
    if closed:
        under, over = under % m, over % n
    under, over = under.clamp(min=0), over.clamp(min=0)
    upper = torch.stack([(i - 1) % n, n + under[i], i], 1)
    lower = torch.stack([over[j], n + (j - 1) % m, n + j], 1)
    return torch.cat([upper, lower])


def sewn(
    tailor: Tailor, above: Patch, loop: Int[Tensor, "A"], rings: Patch, around: int,  # noqa: F821
    closed: bool,
) -> Patch:
    """A patch with rings sewn to a loop of its vertices.

    Args:
        tailor: the body.
        above: the patch.
        loop: its vertices by rising angle.
        rings: ``around`` vertices per ring, by rising angle; its faces are not read.
        around: vertices of each ring.
        closed: whether loop and rings go all the way round.
    """
    offset = len(above.vertices)
    high = wrapped(tailor.polar(above.vertices[loop])[0])
    low = wrapped(tailor.polar(rings.vertices[:around])[0])
    seam = zipper(_rising(high), _rising(low), closed)
    index = torch.cat([loop, torch.arange(around) + offset])
    faces = tube_faces(len(rings.vertices) // around, around, closed) + offset
    return Patch(
        torch.cat([above.vertices, rings.vertices]), torch.cat([above.weights, rings.weights]),
        torch.cat([above.fields, rings.fields]), torch.cat([above.tag, rings.tag]),
        torch.cat([above.anchor, rings.anchor]), torch.cat([above.faces, index[seam], faces]),
    )


def _rising(angle: Tensor) -> Tensor:
    """Angles that never fall from one to the next."""
    return torch.cummax(angle, 0).values


def wrapped(angle: Tensor) -> Tensor:
    """Angles in [0, 2 pi)."""
    return torch.remainder(angle, 2 * torch.pi)


def by_angle(
    tailor: Tailor, points: Float[Tensor, "N 3"], chosen: Bool[Tensor, "N"]  # noqa: F821
) -> Int[Tensor, "A"]:  # noqa: F821
    """The chosen vertices in the order of their angle, from the front to the left and round."""
    index = chosen.nonzero().squeeze(1)
    angle, _ = tailor.polar(points[index])
    return index[wrapped(angle).argsort()]
