"""What hangs from the waist: trousers and shorts cut from the legs, skirts hung as tubes."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.synthetic.wardrobe.cutting import Patch, boundary, clip, rimmed
from muybridge.synthetic.wardrobe.design import Design
from muybridge.synthetic.wardrobe.drape import (
    GAP,
    Hanging,
    cleared,
    occupied,
    puffed,
    rounded,
    smoothed,
    smoothstep,
    tube_faces,
    tube_weights,
)
from muybridge.synthetic.wardrobe.legs import Leg, leg_tube
from muybridge.synthetic.wardrobe.piece import Panel, Piece
from muybridge.synthetic.wardrobe.section import Solid
from muybridge.synthetic.wardrobe.tailor import SIDES, Tailor, Worn

WAIST, LEG = 1, 2
_AROUND = 88
"""Vertices of each ring of a skirt."""


def make_trousers(tailor: Tailor, design: Design, worn: Worn) -> Piece:
    """Trousers or shorts: hips and thighs cut from the body, a tube for each leg.

    Args:
        tailor: the body.
        design: of trousers or shorts.
        worn: what is underneath: shoes, a shirt that is tucked in.
    """
    s = tailor.scale
    top = tailor.hip + design.waist * s
    legs = [Leg(tailor, side) for side in SIDES]
    length = _leg_length(legs[0], design)
    parted = tailor.hip - tailor.crotch + 0.05 * s
    cut = min(parted, length)
    points = _waist(tailor, worn, _hips(tailor, design, worn), top)
    y = tailor.vertices[:, 1]
    left = tailor.vertices[:, 0] > 0
    limbs = [tailor.canvas.limbs[f"{side}_leg"] for side in SIDES]
    down = [-leg.local(tailor.vertices)[:, 1] for leg in legs]
    along = torch.where(left, down[0], down[1])
    share = torch.where(left, limbs[0].share, limbs[1].share)
    far = torch.full_like(y, 1.0)
    fields = torch.stack([
        along, share, top - y, length - along, torch.where(share > 0.3, cut - along, far)
    ], 1)
    faces = tailor.canvas.faces
    keep = (tailor.arm[faces] < 0.1).all(1) & ~tailor.inner & (y[faces] < top + 0.1 * s).any(1)
    patch = replace(tailor.patch(keep, points), fields=fields).compact()
    patch = clip(patch, patch.fields[:, 2], WAIST)
    patch = clip(patch, patch.fields[:, 4], LEG)
    patch = replace(patch, fields=patch.fields[:, :4])
    if length > parted + 0.03 * s:
        ends = (patch.tag == LEG).nonzero().squeeze(1)
        ease = _thickness(design) * s + (0.001 + 0.004 * design.ease) * s + GAP * s
        for leg in legs:
            loop = ends[patch.vertices[ends, 0] * leg.sign > 0]
            least = _girth(design, leg, parted, length) * s
            patch = leg_tube(
                tailor, patch, loop, leg, worn.solids[1:], (cut, length), least, ease
            )
    panel = _sides(patch, patch.faces)
    edges = boundary(patch.faces)
    hemmed = rimmed(patch, 0.003 * s)
    panel = torch.cat([panel, _sides(patch, torch.cat([edges, edges]))])
    below = torch.where(share > 0.3, length - along, far)
    cover = torch.minimum(top - y, below)
    cover = torch.where((tailor.arm > 0.1) | (tailor.head > 0.1), torch.full_like(y, -1.0), cover)
    after = Worn(
        torch.where(cover > 0, occupied(tailor, points), worn.occupied),
        (*worn.solids, Solid.of(hemmed.vertices, hemmed.faces)),
    )
    slack = torch.zeros(len(hemmed.vertices))
    return Piece(design, hemmed, panel, slack, cover, True, after)


def make_skirt(tailor: Tailor, design: Design, worn: Worn) -> Piece:
    """A skirt: a tube of rings around hips and legs.

    Args:
        tailor: the body.
        design: of a skirt.
        worn: what is underneath.
    """
    s = tailor.scale
    top = tailor.hip + design.waist * s
    hem = max(top - design.length * s, tailor.sole + 0.05 * s)
    rows = max(int((top - hem) / (0.02 * s)), 8)
    levels = torch.linspace(top, hem, rows)
    below = smoothstep(top - 0.03 * s, top - 0.16 * s, levels)
    taper = torch.lerp(torch.full_like(levels, 0.6), torch.full_like(levels, -design.flare), below)
    thickness = {"denim": 0.005, "wool": 0.006}.get(design.fabric, 0.003)
    hanging = Hanging(tailor, worn, top, hem, (0.002 + thickness) * s, taper)
    count = max(int((top - hem) / (0.026 * s)), 8)
    angle = torch.arange(_AROUND) * (2 * torch.pi / _AROUND)
    height = torch.linspace(top, hem, count + 1)[:, None].expand(-1, _AROUND)
    turn = angle.expand_as(height)
    flat = height.reshape(-1)
    radius = hanging.at(turn.reshape(-1), flat).reshape(height.shape)
    loose = radius - hanging.body_at(turn.reshape(-1), flat).reshape(height.shape)
    radius = radius + _skirt_folds(design, turn) * (0.16 * loose.clamp(0, 0.14))
    place = torch.stack(
        [radius * torch.sin(turn), height, radius * torch.cos(turn) + tailor.depth], 2
    )
    points = place.reshape(-1, 3)
    spread = (0.02 + 0.2 * (tailor.hip + 0.03 * s - flat).clamp(min=0)).clamp(max=0.09) * s
    weights, anchor = tube_weights(tailor, points, spread)
    down = top - flat
    far = torch.zeros_like(flat)
    fields = torch.stack([far - 1, far, down, flat - hem], 1)
    faces = tube_faces(count + 1, _AROUND, True)
    patch = Patch(points, weights, fields, torch.zeros_like(anchor), anchor, faces)
    patch = rimmed(patch, 0.003 * s)
    panel = torch.full((len(patch.faces),), int(Panel.BODY))
    y = tailor.vertices[:, 1]
    cover = torch.minimum(top - y, y - hem - 0.14 * s)
    cover = torch.where((tailor.arm > 0.1) | (tailor.head > 0.1), torch.full_like(y, -1.0), cover)
    tight = (y > tailor.crotch) & (cover > 0)
    out = torch.where(tight, worn.occupied + 0.006 * s, worn.occupied)
    after = Worn(out, (*worn.solids, Solid.of(patch.vertices, patch.faces)))
    free = smoothstep(0.08 * s, 0.3 * s, top - patch.vertices[:, 1])
    stiff = 0.35 if design.style == "pencil" else 0.75
    depth = ((top - patch.vertices[:, 1]) / (top - hem)).clamp(0, 1)
    slack = free * torch.lerp(torch.full_like(depth, stiff), torch.ones_like(depth), depth)
    return Piece(design, patch, panel, slack, cover, True, after)


def _skirt_folds(design: Design, angle: Tensor) -> Tensor:
    """Radial waves around a skirt, -1..1."""
    seed = float(design.number % 97)
    if design.style == "pleated":
        saw = torch.remainder(angle * 22 / (2 * torch.pi), 1.0)
        return 1.6 * (saw - 0.5)
    soft = 0.6 * torch.sin(8 * angle + seed) + 0.4 * torch.sin(13 * angle + 2 * seed)
    return soft * (1.4 if design.style == "circle" else 0.8)


def _leg_length(leg: Leg, design: Design) -> float:
    if design.length <= 1:
        return design.length * leg.upper
    return leg.upper + (design.length - 1) * leg.lower


def _thickness(design: Design) -> float:
    return {"jersey": 0.002, "denim": 0.005, "wool": 0.005}.get(design.fabric, 0.004)


def _girth(design: Design, leg: Leg, start: float, end: float) -> Float[Tensor, "K"]:  # noqa: F821
    """Least radius of a trouser leg from where it begins to its hem, for 1.75 m."""
    down = torch.linspace(start, end, 24)
    if design.style == "leggings":
        return torch.zeros_like(down)
    thigh = 0.08 + 0.03 * design.ease
    knee = 0.064 + 0.038 * design.ease
    hem = knee + 0.022 * design.flare - 0.002
    share = smoothstep(start, leg.upper, down)
    shin = smoothstep(leg.upper, leg.upper + leg.lower, down)
    least = thigh + (knee - thigh) * share + (hem - knee) * shin
    if design.style == "joggers":  # gathered at the ankle
        least = torch.lerp(least, torch.full_like(least, 0.04), smoothstep(end - 0.09, end - 0.03,
                                                                            down))
    return least


def _hips(tailor: Tailor, design: Design, worn: Worn) -> Float[Tensor, "N 3"]:
    """The body's vertices as the cloth lies over hips and thighs."""
    s = tailor.scale
    ease = _thickness(design) + 0.001 + 0.006 * design.ease
    points = puffed(tailor, worn, torch.full((len(tailor.vertices),), ease * s))
    if design.style != "leggings":
        for side in SIDES:
            limb = tailor.canvas.limbs[f"{side}_leg"]
            least = torch.full_like(limb.distance, (0.08 + 0.03 * design.ease) * s)
            share = smoothstep(0.05 * s, 0.22 * s, limb.distance) * smoothstep(0.4, 0.9, limb.share)
            points = rounded(points, limb.axis, least, share)
    return _apart(tailor, smoothed(tailor, worn, points, 6))


def _apart(tailor: Tailor, points: Tensor) -> Tensor:
    """Keeps each leg's cloth on its own side of the middle."""
    side = tailor.vertices[:, 0].sign()
    low = (tailor.leg > 0.5) & (tailor.vertices[:, 1] < tailor.crotch)
    away = torch.where(low, 0.003 * tailor.scale, 0.0)
    across = torch.where(points[:, 0] * side < away, side * away, points[:, 0])
    return torch.cat([torch.where(low, across, points[:, 0])[:, None], points[:, 1:]], 1)


def _waist(tailor: Tailor, worn: Worn, points: Tensor, top: float) -> Float[Tensor, "N 3"]:
    """The waistband, which spans hollows and holds what is tucked in."""
    s = tailor.scale
    rows = 12
    taper = torch.full((rows,), 3.0)
    hanging = Hanging(tailor, worn, top + 0.02 * s, top - 0.14 * s, 0.003 * s, taper)
    angle, radius = tailor.polar(points)
    wanted = hanging.at(angle, points[:, 1])
    share = smoothstep(top - 0.14 * s, top - 0.05 * s, points[:, 1])
    share = share * (tailor.arm < 0.1) * (points[:, 1] < top + 0.05 * s)
    grown = torch.lerp(radius, torch.maximum(radius, wanted), share)
    scale = (grown / radius.clamp(min=1e-6))[:, None]
    moved = torch.cat([
        points[:, :1] * scale, points[:, 1:2],
        (points[:, 2:] - tailor.depth) * scale + tailor.depth,
    ], 1)
    return cleared(tailor, worn, torch.where(share[:, None] > 0, moved, points))


def _sides(patch: Patch, corners: Tensor) -> Tensor:
    """Left or right, of each triangle or edge."""
    left = patch.vertices[:, 0][corners].mean(1) > 0
    return torch.where(left, int(Panel.LEFT), int(Panel.RIGHT))
