"""Collars, stand-up necks, lapels and hoods: rings built on the neckline.

A collar first stands, close around the neck, and may then be turned down into a flap that
lies on the garment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from muybridge.synthetic.wardrobe.cutting import Patch, joined, rimmed
from muybridge.synthetic.wardrobe.design import Design
from muybridge.synthetic.wardrobe.drape import smoothstep, tube_faces
from muybridge.synthetic.wardrobe.piece import Field
from muybridge.synthetic.wardrobe.tailor import Tailor

_AROUND = 48
"""Vertices of each ring of a collar."""


@dataclass(frozen=True)
class _Shape:
    """How a collar is cut; metres for a person of 1.75 m, behind and ahead.

    Attributes:
        rise: height of the stand. ``flap``: how far it is turned down.
        ease: distance from the neck. ``bag``: whether the flap hangs as a hood.
        peak: width of a lapel's flap on the chest.
    """

    rise: tuple[float, float]
    flap: tuple[float, float] = (0.0, 0.0)
    ease: float = 0.008
    bag: bool = False
    peak: float = 0.0


_SHAPES = {
    "turtle": _Shape((0.062, 0.056), (0.035, 0.032), 0.006),
    "stand": _Shape((0.048, 0.042), ease=0.014),
    "collar": _Shape((0.034, 0.018), (0.034, 0.042), 0.007),
    "lapel": _Shape((0.032, 0.0), (0.055, 0.02), 0.012, peak=0.055),
    "hood": _Shape((0.05, 0.012), (0.15, 0.03), 0.02, bag=True),
}


def collar(
    tailor: Tailor, design: Design, patch: Patch, neckline: Bool[Tensor, "N"]  # noqa: F821
) -> Patch | None:
    """The collar of a garment; ``None`` where it has none.

    Args:
        tailor: the body.
        design: of the garment.
        patch: the garment without collar.
        neckline: its vertices along the neckline.
    """
    shape = _SHAPES.get(design.neck)
    if shape is None:
        return None
    s = tailor.scale
    closed = not _is_open(design)
    index = neckline.nonzero().squeeze(1)
    angle = torch.remainder(_angle(tailor, patch.vertices[index]), 2 * torch.pi)
    order = angle.argsort()
    index, angle = index[order], angle[order]
    table = torch.cat([patch.vertices[index], patch.normals[index]], 1)
    index, table, angle = _resampled(index, table, angle, closed)
    base, normal = table[:, :3], F.normalize(table[:, 3:], dim=1)
    ahead = 0.5 + 0.5 * torch.cos(angle)
    rise = (shape.rise[0] + (shape.rise[1] - shape.rise[0]) * ahead) * s
    low = smoothstep(-0.02 * s, -0.07 * s, base[:, 1] - float(tailor.neck[1]))
    rise = rise * (1 - low)
    top = _standing(tailor, base, rise, shape.ease * s)
    stand = [base - 0.003 * s * normal, torch.lerp(base, top, 0.5), top]
    rows = _strip(patch, index, stand, (0.0, 0.3), closed)
    if not shape.flap[0]:
        return rimmed(rows, 0.002 * s)
    flap = [top, *_turned_down(tailor, patch, shape, base, normal, top, ahead, low, closed)]
    turned = _strip(patch, index, flap, (0.35, 1.0), closed)
    # what was inside on the stand is outside on the flap
    turned = replace(turned, faces=turned.faces.flip(1))
    return joined([rows, rimmed(turned, 0.002 * s)])


def _strip(
    patch: Patch, index: Tensor, rings: list[Tensor], rise: tuple[float, float], closed: bool
) -> Patch:
    """Rings from below upwards as a patch that moves with a neckline.

    Args:
        patch: the garment. ``index``: the vertex of it that each column moves with.
        rings: a column each for every vertex of the neckline.
        rise: height on the collar's texture of the first ring and the last.
        closed: whether the rings go all the way round.
    """
    count = len(rings)
    vertices = torch.stack(rings).reshape(-1, 3)
    fields = patch.fields[index].repeat(count, 1)
    fields[:, Field.NECK] = torch.linspace(*rise, count).repeat_interleave(_AROUND)
    fields[:, Field.LIMB] = -1.0
    fields[:, Field.SHARE] = 0.0
    return Patch(
        vertices, patch.weights[index].repeat(count, 1), fields,
        torch.zeros(len(vertices), dtype=torch.long), patch.anchor[index].repeat(count),
        tube_faces(count, _AROUND, closed).flip(1),
    )


def _is_open(design: Design) -> bool:
    """Whether the collar has two ends in front."""
    return design.opening > 0 or design.neck in ("lapel", "collar") or design.style == "cardigan"


def _angle(tailor: Tailor, points: Tensor) -> Tensor:
    """Angle of points about the neck, 0 ahead."""
    centre = tailor.neck
    return torch.atan2(points[:, 0] - centre[0], points[:, 2] - centre[2] - 0.008 * tailor.scale)


def _standing(
    tailor: Tailor, base: Tensor, rise: Tensor, ease: float
) -> Float[Tensor, "A 3"]:
    """The upper edge of a collar that stands on the neckline, around the neck."""
    s = tailor.scale
    axis = tailor.neck_axis
    centre = tailor.neck + torch.tensor([0.0, 0.0, 0.008]) * s
    up = axis * rise[:, None]
    point = base + up
    away = point - centre
    along = away @ axis
    flat = away - along[:, None] * axis
    radius = flat.norm(dim=1)
    wanted = tailor.neck_radius(flat, along) + ease
    pull = smoothstep(0.0, 0.025 * s, rise)
    new = torch.lerp(radius, torch.maximum(wanted, 0.75 * radius), pull)
    return centre + along[:, None] * axis + flat * (new / radius)[:, None]


def _turned_down(
    tailor: Tailor, patch: Patch, shape: _Shape, base: Tensor, normal: Tensor, top: Tensor,
    ahead: Tensor, low: Tensor, closed: bool,
) -> list[Tensor]:
    """The rings of the flap, from the fold to its edge."""
    s = tailor.scale
    run = _tangent(base, closed)
    outward = F.normalize(torch.linalg.cross(normal, run), dim=1)
    centre = tailor.neck
    away = (base - centre) * torch.tensor([1.0, 0.0, 1.0])
    outward = outward * (outward * away).sum(1, keepdim=True).sign()
    side = F.normalize((base - centre) * torch.tensor([1.0, 0.0, 0.0]) + 1e-6, dim=1)
    outward = F.normalize(torch.lerp(outward, side, (0.5 * low)[:, None]), dim=1)
    width = (shape.flap[0] + (shape.flap[1] - shape.flap[0]) * ahead) * s
    if shape.peak:
        chest = smoothstep(-0.2 * s, -0.06 * s, base[:, 1] - float(centre[1]))
        width = torch.where(low > 0, shape.peak * s * chest.clamp(min=0.06), width)
    if shape.bag:
        return _hood(tailor, base, top, ahead, width)
    fold = top + outward * 0.005 * s - tailor.neck_axis * 0.002 * s
    if not closed and not shape.peak:  # a shirt's collar ends in two points
        width = width * (1 + 0.5 * smoothstep(0.93, 1.0, ahead))
    edge = base + outward * width[:, None] * 0.8 + normal * 0.008 * s
    if closed and not shape.peak:  # a turtleneck is folded upon itself
        edge = top + outward * 0.004 * s - tailor.neck_axis * width[:, None]
    middle = torch.lerp(fold, edge, 0.55) + normal * 0.006 * s
    return [fold, _outside(patch, middle, 0.005 * s), _outside(patch, edge, 0.004 * s)]


def _hood(
    tailor: Tailor, base: Tensor, top: Tensor, ahead: Tensor, width: Tensor
) -> list[Tensor]:
    """A hood that lies on the back."""
    s = tailor.scale
    centre = tailor.neck
    out = F.normalize((base - centre) * torch.tensor([1.0, 0.0, 1.0]), dim=1)
    up = torch.tensor([0.0, 1.0, 0.0])
    behind = (1 - ahead)[:, None]
    rings = []
    for outward, upward in ((0.28, 0.12), (0.5, -0.1), (0.55, -0.5), (0.36, -0.85), (0.1, -0.9)):
        step = out * outward * width[:, None] + up * upward * width[:, None]
        lift = out * (0.012 + 0.02 * behind) * s
        rings.append(torch.lerp(top, base, max(0.0, -upward)) + step + lift)
    return rings


def _outside(patch: Patch, points: Tensor, gap: float) -> Tensor:
    """Points, moved out of a garment to a distance over it."""
    normals = patch.normals
    for _ in range(2):
        near = torch.cdist(points, patch.vertices).argmin(1)
        normal = normals[near]
        height = ((points - patch.vertices[near]) * normal).sum(1)
        points = points + normal * (gap - height).clamp(min=0, max=0.03)[:, None]
    return points


def _tangent(points: Tensor, closed: bool) -> Tensor:
    """Direction of a row of points."""
    if closed:
        return F.normalize(points.roll(-1, 0) - points.roll(1, 0), dim=1)
    step = points[1:] - points[:-1]
    step = torch.cat([step[:1], step[1:] + step[:-1], step[-1:]])
    return F.normalize(step, dim=1)


def _resampled(
    index: Tensor, table: Tensor, angle: Tensor, closed: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """A neckline of evenly spread angles: the nearest vertices, what is known there, angles."""
    if closed:
        even = torch.arange(_AROUND) * (2 * torch.pi / _AROUND)
        index = torch.cat([index[-1:], index, index[:1]])
        table = torch.cat([table[-1:], table, table[:1]])
        angle = torch.cat([angle[-1:] - 2 * torch.pi, angle, angle[:1] + 2 * torch.pi])
    else:
        even = torch.linspace(float(angle[0]), float(angle[-1]), _AROUND)
    angle = torch.cummax(angle, 0).values
    upper = torch.searchsorted(angle, even).clamp(1, len(angle) - 1)
    step = (angle[upper] - angle[upper - 1]).clamp(min=1e-6)
    t = ((even - angle[upper - 1]) / step).clamp(0, 1)
    between = torch.lerp(table[upper - 1], table[upper], t[:, None])
    nearest = torch.where(t < 0.5, index[upper - 1], index[upper])
    return nearest, between, even
