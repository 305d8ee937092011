"""Shoes: a last around each foot, built of horizontal contours from the sole to the opening."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.synthetic.wardrobe.cutting import Patch, clip, joined, rimmed
from muybridge.synthetic.wardrobe.design import Design
from muybridge.synthetic.wardrobe.drape import smoothstep, tube_faces
from muybridge.synthetic.wardrobe.piece import Field, Panel, Piece
from muybridge.synthetic.wardrobe.section import Solid, hull_radius
from muybridge.synthetic.wardrobe.tailor import SIDES, Tailor, Worn

_AROUND = 44
OPENING = {"flat": 0.046, "loafer": 0.062, "derby": 0.07, "low": 0.074, "runner": 0.076}
"""Height of the opening of low shoes over the ground, metres."""


def make_shoes(tailor: Tailor, design: Design, worn: Worn) -> Piece:
    """A pair of shoes.

    Args:
        tailor: the body.
        design: of sneakers, shoes or boots.
        worn: what is underneath.
    """
    s = tailor.scale
    top = (OPENING.get(design.style, 0.078) + design.length) * s
    pair = [_shoe(tailor, design, worn, side, top) for side in SIDES]
    parts = [rimmed(p, 0.003 * s, o) for p, o in pair]
    if design.sleeve > 0:
        parts = [
            joined([part, _sock(tailor, design, side, top)])
            for part, side in zip(parts, SIDES, strict=True)
        ]
    patch = joined(parts)
    panel = torch.full((len(patch.faces),), int(Panel.LEFT))
    panel[len(parts[0].faces) :] = int(Panel.RIGHT)
    y = tailor.vertices[:, 1]
    foot = tailor.canvas.share_of("foot")
    near = (tailor.leg > 0.5) & (y < tailor.sole + top + (0.05 + design.sleeve) * s)
    high = top + max(0.02, design.sleeve) * s
    cover = torch.where(near, tailor.sole + high - y, torch.full_like(y, -1.0))
    cover = torch.where((foot > 0.9) & (y < tailor.sole + 0.05 * s), cover.clamp(min=0.04), cover)
    solid = Solid.of(patch.vertices, patch.faces)
    after = Worn(
        torch.where(cover > 0, worn.occupied + 0.006 * s, worn.occupied), (*worn.solids, solid)
    )
    slack = torch.zeros(len(patch.vertices))
    return Piece(design, patch, panel, slack, cover, True, after)


def _shoe(
    tailor: Tailor, design: Design, worn: Worn, side: str, top: float
) -> tuple[Patch, Tensor]:
    """One shoe, and which of its open edges are hemmed."""
    s = tailor.scale
    sign = 1.0 if side == "left" else -1.0
    suffix = side[0].upper()
    ankle = tailor.canvas.head_of(f"foot.{suffix}")
    toe = tailor.canvas.head_of(f"toe3-1.{suffix}")
    ahead = F.normalize((toe - ankle) * torch.tensor([1.0, 0.0, 1.0]), dim=0)
    heights, inside, outset = _rings(design, top, s)
    middle = torch.lerp(ankle, toe, 0.62)
    share = smoothstep(0.03 * s, 0.085 * s, heights)[:, None]
    centre = torch.lerp(middle.expand(len(heights), 3), ankle.expand(len(heights), 3), share)
    turn = torch.arange(_AROUND) * (2 * torch.pi / _AROUND)
    turn = turn - 0.28 * torch.sin(2 * turn)
    angle = torch.remainder(torch.atan2(ahead[0], ahead[2]) + sign * turn, 2 * torch.pi)
    solids = _around(tailor, worn, sign, design)
    hull = hull_radius(solids, centre, tailor.sole + inside, angle)
    hull = hull + outset[:, None]
    skin = hull - 0.4 * outset[:, None]
    hull = _pointed(design, hull, turn)
    kernel = torch.tensor([0.25, 0.5, 0.25])[None, None]
    for _ in range(2):
        hull = F.conv1d(F.pad(hull[:, None], (1, 1), mode="circular"), kernel)[:, 0]
    hull = torch.maximum(hull, skin)
    x = centre[:, :1] + hull * torch.sin(angle)
    z = centre[:, 2:] + hull * torch.cos(angle)
    y = (tailor.sole + heights)[:, None].expand_as(x).clone()
    lift = 0.012 * s * smoothstep(0.16 * s, 0.23 * s, (x - ankle[0]) * ahead[0]
                                  + (z - ankle[2]) * ahead[2])
    y = y + lift * smoothstep(0.05 * s, 0.0, heights)[:, None] * 0.6
    rings = torch.stack([x, y, z], 2)
    points = torch.cat([rings.reshape(-1, 3), rings[0].mean(0, keepdim=True)])
    faces = tube_faces(len(heights), _AROUND, True)
    # rings run upwards, and against the clock on the left foot only
    faces = faces if sign < 0 else faces.flip(1)
    a = torch.arange(_AROUND)
    fan = torch.stack([torch.full_like(a, len(points) - 1), a, (a + 1) % _AROUND], 1)
    faces = torch.cat([faces, fan if sign < 0 else fan.flip(1)])
    weights, anchor = _foot_weights(tailor, points, side)
    ring = torch.cat([heights.repeat_interleave(_AROUND), torch.zeros(1)])
    around = torch.cat([turn.repeat(len(heights)), torch.zeros(1)])
    fields = torch.stack([ring, torch.zeros_like(ring), around, top - ring], 1)
    patch = Patch(points, weights, fields, torch.zeros_like(anchor), anchor, faces)
    return patch, torch.ones(_AROUND, dtype=torch.bool)


def _sock(tailor: Tailor, design: Design, side: str, top: float) -> Patch:
    """What shows of a sock over the shoe."""
    s = tailor.scale
    sign = 1.0 if side == "left" else -1.0
    v, y = tailor.vertices, tailor.vertices[:, 1] - tailor.sole
    ours = (tailor.leg > 0.9) & (v[:, 0] * sign > 0)
    keep = ours[tailor.canvas.faces].all(1)
    ankle = tailor.canvas.head_of(f"foot.{side[0].upper()}")
    toe = tailor.canvas.head_of(f"toe3-1.{side[0].upper()}")
    ahead = torch.atan2(*(toe - ankle)[[0, 2]])
    away = v - ankle
    turn = (torch.atan2(away[:, 0], away[:, 2]) - ahead) * sign
    turn = torch.remainder(turn + torch.pi, 2 * torch.pi) - torch.pi
    high = top + design.sleeve * s
    fields = torch.stack([y, torch.ones_like(y), turn, high - y], 1)
    patch = tailor.patch(keep, v + tailor.normals * 0.003 * s)
    patch = replace(patch, fields=fields).compact()
    patch = clip(patch, patch.fields[:, Field.LIMB] - top + 0.012 * s, 1)
    patch = clip(patch, patch.fields[:, Field.EDGE], 2)
    return rimmed(patch, 0.002 * s)


def _rings(
    design: Design, top: float, s: float
) -> tuple[Float[Tensor, "K"], Float[Tensor, "K"], Float[Tensor, "K"]]:  # noqa: F821
    """Heights of the contours, the foot's heights they are taken at, how far outside it."""
    sole = {"flat": 0.008, "loafer": 0.014, "derby": 0.016, "runner": 0.03, "work": 0.03}.get(
        design.style, 0.022
    )
    low = torch.tensor([0.0, 0.003, sole - 0.002, sole, sole + 0.002]) * s
    count = max(int((top - low[-1]) / (0.009 * s)), 4)
    if top > 0.13 * s:
        count = int(9 + (top - 0.1 * s) / (0.022 * s))
    high = torch.linspace(float(low[-1]), top, count + 1)[1:]
    heights = torch.cat([low, high])
    box = torch.where(heights < 0.06 * s, 0.62 * heights, heights - 0.0228 * s)
    inside = torch.lerp(box, heights, smoothstep(0.05 * s, 0.1 * s, heights))
    inside = inside.clamp(min=0.006 * s)
    skin = torch.full_like(heights, 0.005 * s)
    edge = torch.tensor([0.002, 0.007, 0.008, 0.0075, 0.004]) * s
    if design.style == "flat":
        edge = torch.tensor([0.0, 0.003, 0.004, 0.004, 0.003]) * s
    skin[:5] = edge
    skin = skin + 0.004 * s * smoothstep(0.1 * s, 0.16 * s, heights)
    return heights, inside, skin


def _around(tailor: Tailor, worn: Worn, sign: float, design: Design) -> tuple[Solid, ...]:
    """What a shoe encloses: foot and shank, and slim trousers within tall boots."""
    v = tailor.vertices
    faces = tailor.canvas.faces
    ours = ((v[:, 0] * sign > 0) & (tailor.leg > 0.5))[faces].all(1)
    solids = [Solid.of(v, faces[ours])]
    if design.style == "tall":
        for solid in worn.solids[1:]:
            inside = (solid.points[:, 0] * sign > 0)[solid.edges].all(1)
            solids.append(Solid(solid.points, solid.edges[inside]))
    return tuple(solids)


def _pointed(design: Design, hull: Tensor, turn: Tensor) -> Tensor:
    """The toe as the cut has it: longer, and rounder or more pointed."""
    reach = {"derby": 0.012, "loafer": 0.008, "flat": 0.004, "ankle": 0.01, "tall": 0.008}.get(
        design.style, 0.009
    )
    toe = torch.cos(turn).clamp(min=0) ** 12
    return hull + reach * toe


def _foot_weights(
    tailor: Tailor, points: Tensor, side: str
) -> tuple[Float[Tensor, "P B"], Int[Tensor, "P"]]:  # noqa: F821
    """Weights of the nearest parts of foot and shank, blended."""
    v = tailor.vertices
    sign = 1.0 if side == "left" else -1.0
    chosen = ((v[:, 0] * sign > 0) & (tailor.leg > 0.9)).nonzero().squeeze(1)
    low = v[chosen][:, 1] < tailor.sole + 0.6 * tailor.scale
    chosen = chosen[low]
    near, index = torch.cdist(points, v[chosen]).topk(10, dim=1, largest=False)
    share = torch.exp(-0.5 * ((near - near[:, :1]) / (0.012 * tailor.scale)).square())
    share = share / share.sum(1, keepdim=True)
    weights = (tailor.canvas.body.rig.weights[chosen][index] * share[:, :, None]).sum(1)
    return weights / weights.sum(1, keepdim=True), chosen[index[:, 0]]
