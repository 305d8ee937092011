"""What hangs from the waist: trousers and shorts cut from the legs, skirts hung as tubes."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.synthetic.wardrobe.cutting import Patch, boundary, clip, joined, rimmed
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
    wrapped,
)
from muybridge.synthetic.wardrobe.piece import Panel, Piece
from muybridge.synthetic.wardrobe.section import Solid, hull_radius
from muybridge.synthetic.wardrobe.tailor import SIDES, Tailor, Worn

WAIST, LEG = 1, 2
_AROUND = 88
"""Vertices of each ring of a skirt."""


def make_trousers(tailor: Tailor, design: Design, worn: Worn) -> Piece:
    """Trousers or shorts.

    Args:
        tailor: the body.
        design: of trousers or shorts.
        worn: what is underneath: shoes, a shirt that is tucked in.
    """
    s = tailor.scale
    top = tailor.hip + design.waist * s
    wanted = _leg_length(tailor, design)
    limb = tailor.canvas.limbs["left_leg"]
    length = min(wanted, limb.upper + limb.lower - 0.03 * s)
    points = _legs(tailor, design, worn, length)
    points = _waist(tailor, worn, points, top)
    y = tailor.vertices[:, 1]
    left = tailor.vertices[:, 0] > 0
    limbs = [tailor.canvas.limbs[f"{side}_leg"] for side in SIDES]
    along = torch.where(left, tailor.leg_distance["left"], tailor.leg_distance["right"])
    share = torch.where(left, limbs[0].share, limbs[1].share)
    below = torch.where(share > 0.3, length - along, torch.full_like(y, 1.0))
    fields = torch.stack([along, share, top - y, below], 1)
    faces = tailor.canvas.faces
    keep = (tailor.arm[faces] < 0.1).all(1) & ~tailor.inner & (y[faces] < top + 0.1 * s).any(1)
    patch = replace(tailor.patch(keep, points), fields=fields).compact()
    patch = clip(patch, patch.fields[:, 2], WAIST)
    patch = clip(patch, patch.fields[:, 3], LEG)
    for side in SIDES:
        patch = _lengthened(tailor, worn, patch, side, wanted - length)
    patch.fields[:, 3] += max(0.0, wanted - length)
    panel = _sides(patch, patch.faces)
    edges = boundary(patch.faces)
    hemmed = rimmed(patch, 0.003 * s)
    rim = _sides(patch, torch.cat([edges, edges]))
    panel = torch.cat([panel, rim])
    cover = torch.minimum(top - y, below)
    cover = torch.where((tailor.arm > 0.1) | (tailor.head > 0.1), torch.full_like(y, -1.0), cover)
    solid = Solid.of(hemmed.vertices, hemmed.faces)
    after = Worn(
        torch.where(cover > 0, occupied(tailor, points), worn.occupied), (*worn.solids, solid)
    )
    wide = max(0.0, design.ease - 0.3)
    slack = wide * smoothstep(0.1 * s, 0.6 * s, hemmed.fields[:, 0].clamp(min=0)) * 0.6
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


def _leg_length(tailor: Tailor, design: Design) -> float:
    limb = tailor.canvas.limbs["left_leg"]
    if design.length <= 1:
        return design.length * limb.upper
    return limb.upper + (design.length - 1) * limb.lower


def _legs(tailor: Tailor, design: Design, worn: Worn, length: float) -> Float[Tensor, "N 3"]:
    """The body's vertices as the cloth lies over hips and legs."""
    s = tailor.scale
    thickness = {"jersey": 0.002, "denim": 0.005, "wool": 0.005}.get(design.fabric, 0.004)
    ease = 0.001 + 0.006 * design.ease
    points = puffed(
        tailor, worn, torch.full((len(tailor.vertices),), (thickness + ease) * s)
    )
    if design.style != "leggings":
        for side in SIDES:
            limb = tailor.canvas.limbs[f"{side}_leg"]
            knee = smoothstep(0.0, limb.upper, limb.distance)
            shin = smoothstep(limb.upper, limb.upper + limb.lower, limb.distance)
            thigh_r = 0.08 + 0.03 * design.ease
            knee_r = 0.064 + 0.038 * design.ease
            hem_r = knee_r + 0.022 * design.flare - 0.004
            if design.style in ("joggers",):
                hem_r = 0.05
            least = thigh_r + (knee_r - thigh_r) * knee + (hem_r - knee_r) * shin
            share = smoothstep(0.05 * s, 0.22 * s, limb.distance) * smoothstep(0.4, 0.9, limb.share)
            points = rounded(points, limb.axis, least * s, share)
            points = _over_shoes(tailor, worn, points, side, length)
    points = smoothed(tailor, worn, points, 6)
    return _apart(tailor, points)


def _apart(tailor: Tailor, points: Tensor) -> Tensor:
    """Keeps each leg's cloth on its own side of the middle."""
    side = tailor.vertices[:, 0].sign()
    low = (tailor.leg > 0.5) & (tailor.vertices[:, 1] < tailor.crotch)
    away = torch.where(low, 0.003 * tailor.scale, 0.0)
    across = torch.where(points[:, 0] * side < away, side * away, points[:, 0])
    return torch.cat([torch.where(low, across, points[:, 0])[:, None], points[:, 1:]], 1)


def _over_shoes(
    tailor: Tailor, worn: Worn, points: Tensor, side: str, length: float
) -> Float[Tensor, "N 3"]:
    """Trouser legs, moved out until they clear the shoes they fall on."""
    if len(worn.solids) < 2:
        return points
    s = tailor.scale
    limb = tailor.canvas.limbs[f"{side}_leg"]
    centre = tailor.canvas.head_of(f"foot.{side[0].upper()}")
    sign = 1.0 if side == "left" else -1.0
    ours = []
    for solid in worn.solids[1:]:
        inside = (solid.points[:, 0] * sign > 0)[solid.edges].all(1)
        ours.append(Solid(solid.points, solid.edges[inside]))
    levels = torch.linspace(float(centre[1]) + 0.3 * s, tailor.sole + 0.03 * s, 24)
    angles = torch.arange(48) * (2 * torch.pi / 48)
    hull = hull_radius(tuple(ours), centre, levels, angles)
    low = (limb.share > 0.5) & (points[:, 1] < levels[0]) & (limb.distance > 0.5 * limb.upper)
    chosen = low.nonzero().squeeze(1)
    away = points[chosen] - centre
    angle = torch.remainder(torch.atan2(away[:, 0], away[:, 2]), 2 * torch.pi)
    column = (angle / (2 * torch.pi) * 48).round().long() % 48
    row = (levels[0] - points[chosen, 1]) / (levels[0] - levels[-1]) * 23
    row = row.round().long().clamp(0, 23)
    table = torch.nn.functional.max_pool2d(hull[None], 3, 1, 1)[0]
    need = table[row, column]
    need = torch.where(need > 0.01 * s, need + GAP * s, torch.zeros_like(need))
    radius = torch.hypot(away[:, 0], away[:, 2])
    scale = torch.where(radius < need, need / radius.clamp(min=1e-6), torch.ones_like(need))
    scale = scale.clamp(max=1.8)
    moved = torch.stack([
        centre[0] + away[:, 0] * scale, points[chosen, 1], centre[2] + away[:, 2] * scale
    ], 1)
    return points.index_copy(0, chosen, moved)


def _lengthened(
    tailor: Tailor, worn: Worn, patch: Patch, side: str, more: float
) -> Patch:
    """A trouser leg, carried on below where it was cut, over the shoe."""
    s = tailor.scale
    if more <= 0.004 * s:
        return patch
    sign = 1.0 if side == "left" else -1.0
    ankle = tailor.canvas.head_of(f"foot.{side[0].upper()}")
    ours = (patch.tag == LEG) & (patch.vertices[:, 0] * sign > 0)
    index = ours.nonzero().squeeze(1)
    away = patch.vertices[index] - ankle
    index = index[wrapped(torch.atan2(away[:, 0], away[:, 2])).argsort()]
    top = patch.vertices[index]
    away = top - ankle
    radius = torch.hypot(away[:, 0], away[:, 2])
    angle = torch.atan2(away[:, 0], away[:, 2])
    ahead = 0.5 + 0.5 * torch.cos(angle - torch.atan2(
        *(tailor.canvas.head_of(f"toe3-1.{side[0].upper()}") - ankle)[[0, 2]]))
    count = max(2, round(more / (0.018 * s)))
    rings, fields = [], []
    for k in range(1, count + 1):
        drop = more * k / count
        y = top[:, 1] - drop * (1 - 0.45 * ahead)
        out = radius * (1 + 0.12 * k / count * ahead) + 0.002 * s
        rings.append(torch.stack([
            ankle[0] + out * torch.sin(angle), y, ankle[2] + out * torch.cos(angle)
        ], 1))
        field = patch.fields[index].clone()
        field[:, 0] += drop
        field[:, 3] -= drop
        fields.append(field)
    anchor = patch.anchor[index]
    tube = Patch(
        torch.cat(rings), patch.weights[index].repeat(count, 1), torch.cat(fields),
        torch.full((count * len(index),), LEG), anchor.repeat(count), patch.faces[:0],
    )
    faces = tube_faces(count + 1, len(index), True)
    row = torch.cat([index, torch.arange(len(tube.vertices)) + len(patch.vertices)])
    both = joined([patch, tube])
    return replace(both, faces=torch.cat([patch.faces, row[faces]]))


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
