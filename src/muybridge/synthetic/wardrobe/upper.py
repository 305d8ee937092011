"""Garments that hang from the shoulders: t-shirts to coats, and dresses.

Shoulders and sleeves are cut from the body's mesh; under the armpits a tube of rings is
sewn on, which hangs around torso, hips and legs down to the hem.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.synthetic.wardrobe.collar import collar
from muybridge.synthetic.wardrobe.cutting import Patch, boundary, clip, joined, parted, rimmed
from muybridge.synthetic.wardrobe.design import Design
from muybridge.synthetic.wardrobe.drape import (
    Hanging,
    by_angle,
    cleared,
    occupied,
    puffed,
    rounded,
    sewn,
    smoothed,
    smoothstep,
    tube_weights,
    wrapped,
)
from muybridge.synthetic.wardrobe.piece import Field, Panel, Piece
from muybridge.synthetic.wardrobe.section import Solid
from muybridge.synthetic.wardrobe.tailor import SIDES, Tailor, Worn

SLEEVE, NECK, FRONT, SEW = 1, 2, 3, 4
_THICKNESS = {
    "jersey": 0.003, "woven": 0.003, "satin": 0.003, "denim": 0.006, "knit": 0.007,
    "cable": 0.009, "fleece": 0.008, "wool": 0.008, "canvas": 0.006, "leather": 0.006,
    "quilt": 0.016, "corduroy": 0.006,
}
AROUND = 64
"""Vertices of each ring of a tube."""


@dataclass(frozen=True)
class Cut:
    """Where a garment ends: fields at the body's vertices, positive inside, metres."""

    sleeve: Float[Tensor, "N"]  # noqa: F821
    neck: Float[Tensor, "N"]  # noqa: F821
    wedge: Float[Tensor, "N"] | None  # noqa: F821
    front: Float[Tensor, "N"] | None  # noqa: F821


def make_upper(tailor: Tailor, design: Design, worn: Worn) -> Piece:
    """Cuts and hangs a garment of the upper body, or a dress.

    Args:
        tailor: the body.
        design: of a t-shirt, shirt, sweater, hoodie, jacket, coat or dress.
        worn: what is underneath.
    """
    s = tailor.scale
    cut = _cut(tailor, design)
    sew = tailor.armpit - 0.012 * s
    hem = tailor.hip - design.length * s
    cover = _cover(tailor, cut, hem)
    worn = _pressed(tailor, worn, cover)
    points = _shaped(tailor, design, worn)
    hanging = _hanging(tailor, design, worn, sew + 0.16 * s, hem)
    points = _eased(tailor, worn, hanging, points, sew)
    faces = tailor.canvas.faces
    y = tailor.vertices[:, 1]
    high = (y[faces] > sew - 0.06 * s).all(1) | (tailor.arm[faces] > 0.3).all(1)
    keep = high & ~tailor.inner & (y[faces] < tailor.neck[1] + 0.05 * s).any(1)
    patch = _with_fields(tailor, tailor.patch(keep, points), cut, hem)
    patch = clip(patch, patch.fields[:, 4], SLEEVE)
    patch = clip(patch, patch.fields[:, 5], NECK)
    if cut.wedge is not None:
        patch = clip(patch, patch.fields[:, 6], NECK)
    if cut.front is not None:
        patch = clip(patch, patch.fields[:, 7], FRONT)
    patch = clip(patch, patch.fields[:, 8], SEW)
    # the armhole: sleeves and body are laid out apart
    patch, _ = parted(patch, patch.fields[:, Field.SHARE] - 0.5)
    limb = patch.fields[:, Field.SHARE] > 0.5
    loop = by_angle(tailor, patch.vertices, (patch.tag == SEW) & ~limb)
    closed = cut.front is None
    rings = _rings(tailor, design, hanging, patch, loop, sew, hem)
    patch = sewn(tailor, patch, loop, rings, AROUND, closed)
    patch = replace(patch, fields=patch.fields[:, :4])
    panel = _panels(patch)
    neckline = patch
    count = len(patch.faces)
    patch = rimmed(patch, 0.0028 * s)
    rim = panel.new_full((len(patch.faces) - count,), 0)
    edges = boundary(neckline.faces)
    rim = _rim_panels(neckline, edges, rim)
    panel = torch.cat([panel, rim])
    ring = collar(tailor, design, neckline, neckline.tag == NECK)
    if ring is not None:
        patch = joined([patch, ring])
        panel = torch.cat([panel, panel.new_full((len(ring.faces),), Panel.COLLAR)])
    solid = Solid.of(patch.vertices, patch.faces[panel == Panel.BODY])
    after = Worn(
        torch.where(cover > 0, occupied(tailor, points), worn.occupied), (*worn.solids, solid)
    )
    slack = _slack(tailor, design, patch, hem)
    return Piece(
        design, patch, panel, slack, cover, True, after
    )


def _cut(tailor: Tailor, design: Design) -> Cut:
    s, v = tailor.scale, tailor.vertices
    sleeve = torch.full((len(v),), 10.0)
    for side in SIDES:
        limb = tailor.canvas.limbs[f"{side}_arm"]
        if design.sleeve <= 0:
            end = -0.012 * s
        elif design.sleeve <= 1:
            end = design.sleeve * limb.upper
        else:
            end = limb.upper + (design.sleeve - 1) * limb.lower
        ours = (v[:, 0] > 0) == (side == "left")
        away = 1.0 * (0.45 - limb.share).clamp(min=0) / 0.45
        found = end - tailor.sleeve_distance[side] + away
        sleeve = torch.where(ours, found, sleeve)
    neck = _neckline(tailor, design)
    front = v[:, 2] > tailor.neck[2] - 0.01 * s
    across = v[:, 0].abs()
    wedge = None
    depth = {"v": 0.11 + 0.05 * design.ease, "lapel": 0.2, "collar": 0.075}.get(design.neck, 0.0)
    if design.style == "cardigan":
        depth = 0.22
    if depth:
        top = float(tailor.neck[1]) - 0.02 * s
        slope = 0.07 / depth
        tip = top - depth * s
        cone = (across - slope * (v[:, 1] - tip)) / (1 + slope**2) ** 0.5
        wedge = torch.where(front, cone, torch.full_like(cone, 0.1))
    gape = None
    if design.opening > 0:
        hem = tailor.hip - design.length * s
        share = ((float(tailor.neck[1]) - v[:, 1]) / (float(tailor.neck[1]) - hem)).clamp(0, 1)
        gape = across - design.opening * s * (0.35 + 0.65 * share)
        gape = torch.where(v[:, 2] > tailor.depth, gape, torch.full_like(gape, 0.1))
    return Cut(sleeve, neck, wedge, gape)


def _neckline(tailor: Tailor, design: Design) -> Tensor:
    """Distance from the neckline, which runs from beside the neck down to front and back."""
    wide, ahead, behind = {
        "round": (0.016, 0.082, 0.028), "scoop": (0.036, 0.15, 0.06), "boat": (0.062, 0.055, 0.03),
        "v": (0.018, 0.075, 0.028), "collar": (0.01, 0.066, 0.02), "turtle": (0.006, 0.055, 0.01),
        "stand": (0.014, 0.066, 0.022), "hood": (0.02, 0.08, 0.03), "lapel": (0.016, 0.07, 0.026),
    }[design.neck]
    s, v = tailor.scale, tailor.vertices
    half = tailor.neck_girth + wide * s
    x, y, z = v[:, 0].abs(), v[:, 1], v[:, 2] - tailor.neck[2]
    beside = ((x - half).abs() < 0.014 * s) & (z.abs() < 0.045 * s) & (tailor.arm < 0.6)
    beside &= (y < tailor.neck[1] + 0.045 * s) & (y > tailor.neck[1] - 0.1 * s)
    top = float(y[beside].max())
    depth = behind + (ahead - behind) * smoothstep(-0.02 * s, 0.02 * s, z)
    down = (top - y).clamp(min=0) / (depth * s)
    return (torch.hypot(x / half, down) - 1) * half


def _cover(tailor: Tailor, cut: Cut, hem: float) -> Tensor:
    y = tailor.vertices[:, 1]
    cover = torch.minimum(cut.sleeve, cut.neck)
    cover = torch.minimum(cover, torch.where(tailor.arm > 0.5, torch.full_like(y, 1.0), y - hem))
    cover = torch.minimum(cover, 0.05 * tailor.scale + float(tailor.neck[1]) - y)
    cover = torch.where(tailor.head > 0.5, torch.full_like(y, -1.0), cover)
    for field in (cut.wedge, cut.front):
        if field is not None:
            cover = torch.minimum(cover, field)
    return cover


def _pressed(tailor: Tailor, worn: Worn, cover: Tensor) -> Worn:
    """What is worn, its sleeves pressed flat where they lie deep within these."""
    s = tailor.scale
    deep = smoothstep(0.075 * s, 0.13 * s, cover) * smoothstep(0.1, 0.6, tailor.arm)
    flat = worn.occupied.clamp(max=0.006 * s)
    return replace(worn, occupied=torch.lerp(worn.occupied, flat, deep))


def _shaped(tailor: Tailor, design: Design, worn: Worn) -> Float[Tensor, "N 3"]:
    """The body's vertices as the cloth lies over shoulders, chest and arms."""
    s = tailor.scale
    thickness = _THICKNESS[design.fabric] * s
    ease = (0.001 + 0.006 * design.ease) * s
    points = puffed(tailor, worn, torch.full((len(tailor.vertices),), thickness + ease))
    long = design.sleeve > 1
    for side in SIDES:
        limb = tailor.canvas.limbs[f"{side}_arm"]
        along = tailor.sleeve_distance[side]
        top = (0.058 + 0.03 * design.ease + 2 * _THICKNESS[design.fabric] * 0.5) * s
        end = limb.upper + limb.lower
        if long:
            cuff = (0.04 + 0.014 * design.ease) * s + thickness
            least = top + (cuff - top) * (along / end).clamp(0, 1)
        else:
            least = top + 0.06 * design.ease * along.clamp(min=0)
        share = smoothstep(0.02 * s, 0.16 * s, along) * smoothstep(0.3, 0.8, limb.share)
        points = rounded(points, limb.axis, least, share)
    return smoothed(tailor, worn, points, 5)


def _hanging(
    tailor: Tailor, design: Design, worn: Worn, top: float, hem: float
) -> Hanging:
    s = tailor.scale
    rows = max(int((top - hem) / (0.02 * s)), 6)
    levels = torch.linspace(top, hem, rows)
    waist = tailor.hip + 0.13 * s
    fitted = 0.75 - 0.85 * design.ease
    if design.kind in ("dress", "coat"):
        above = 0.75 if design.kind == "dress" else fitted
        taper = torch.where(levels > waist, max(above, 0.0), -design.flare)
    else:
        taper = torch.full_like(levels, max(fitted, 0.0))
    if design.tucked:
        taper = torch.where(levels > tailor.hip + 0.2 * s, taper, torch.full_like(taper, 1.2))
    ease = (0.002 + 0.010 * design.ease + _THICKNESS[design.fabric]) * s
    return Hanging(tailor, worn, top, hem, ease, taper)


def _eased(
    tailor: Tailor, worn: Worn, hanging: Hanging, points: Tensor, sew: float
) -> Float[Tensor, "N 3"]:
    """The torso's points above the tube, led over to how it hangs."""
    s = tailor.scale
    angle, radius = tailor.polar(points)
    wanted = hanging.at(angle, points[:, 1])
    share = smoothstep(sew + 0.13 * s, sew + 0.005 * s, tailor.vertices[:, 1])
    share = share * smoothstep(0.35, 0.0, tailor.arm)
    grown = torch.lerp(radius, torch.maximum(radius, wanted), share)
    scale = (grown / radius.clamp(min=1e-6))[:, None]
    moved = torch.cat([points[:, :1] * scale, points[:, 1:2],
                       (points[:, 2:] - tailor.depth) * scale + tailor.depth], 1)
    return cleared(tailor, worn, torch.where(share[:, None] > 0, moved, points))


def _with_fields(tailor: Tailor, patch: Patch, cut: Cut, hem: float) -> Patch:
    """What is known at the body's vertices: the columns of Field, then the lines of the cut."""
    left = tailor.vertices[:, 0] > 0
    limbs = [tailor.canvas.limbs[f"{side}_arm"] for side in SIDES]
    along = torch.where(left, tailor.sleeve_distance["left"], tailor.sleeve_distance["right"])
    share = torch.where(left, limbs[0].share, limbs[1].share)
    share = tailor.canvas.smoothed(share[:, None], 6)[:, 0]
    y = tailor.vertices[:, 1]
    sew = tailor.armpit - 0.012 * tailor.scale
    torso = torch.where(share > 0.3, torch.full_like(y, 1.0), y - sew)
    ones = torch.ones_like(y)
    columns = [
        along, share, cut.neck if cut.wedge is None else torch.minimum(cut.neck, cut.wedge),
        y - hem, cut.sleeve, cut.neck, ones if cut.wedge is None else cut.wedge,
        ones if cut.front is None else cut.front, torso,
    ]
    return replace(patch, fields=torch.stack(columns, 1))


def _rings(
    tailor: Tailor, design: Design, hanging: Hanging, patch: Patch, loop: Tensor,
    sew: float, hem: float,
) -> Patch:
    """The tube under a loop of vertices, without its faces."""
    s = tailor.scale
    step = 0.024 if design.length < 0.15 else 0.03
    count = max(int((sew - hem) / (step * s)), 3)
    t = torch.linspace(0, 1, count + 1)[1:, None]
    if design.opening > 0:  # the two fronts swing apart towards the hem
        at, first = tailor.polar(patch.vertices[loop])
        gape = design.opening * s * (0.35 + 0.65 * t) / first[wrapped(at) < 1].mean()
        turn = gape + (2 * torch.pi - 2 * gape) * torch.linspace(0, 1, AROUND)
    else:
        turn = (torch.arange(AROUND) * (2 * torch.pi / AROUND)).expand(count, -1)
    end = torch.full((AROUND,), hem)
    if design.style in ("dress shirt", "casual", "blouse") and not design.tucked:
        end = end + 0.012 * s - 0.022 * s * torch.cos(2 * turn[-1])
    height = sew + (end - sew) * t
    flat_angle, flat_height = turn.reshape(-1), height.reshape(-1)
    radius = hanging.at(flat_angle, flat_height).reshape(height.shape)
    line = patch.vertices[loop]
    at, out = tailor.polar(line)
    match = torch.cdist(_directions(turn[0]), _directions(at)).argmin(1)
    first = out[match]
    fade = torch.exp(-(sew - height) / (0.05 * s))
    there = hanging.at(turn[0], torch.full_like(turn[0], sew))
    radius = radius + (first - there).clamp(min=0) * fade
    loose = (radius - hanging.body_at(flat_angle, flat_height).reshape(height.shape))
    drop = smoothstep(0.0, 1.0, ((tailor.hip + 0.1 * s - height) / (0.3 * s)))
    waves = _waves(design, turn) * (0.1 * loose.clamp(0, 0.12) + 0.0)
    radius = radius + waves * drop.clamp(min=0.15)
    x = radius * torch.sin(turn)
    z = radius * torch.cos(turn) + tailor.depth
    points = torch.stack([x, height, z], 2).reshape(-1, 3)
    spread = (0.02 + 0.16 * (tailor.hip + 0.02 * s - flat_height).clamp(min=0)).clamp(max=0.09) * s
    weights, anchor = tube_weights(tailor, points, spread)
    blend = smoothstep(0.0, 0.1 * s, sew - flat_height)[:, None]
    weights = torch.lerp(patch.weights[loop[match]].repeat(count, 1), weights, blend)
    far = torch.full_like(flat_height, -1.0)
    fields = torch.stack([far, 0 * far, 0 * far + 0.5, (height - end).reshape(-1)], 1)
    fields = torch.cat([fields, torch.ones(len(fields), patch.fields.shape[1] - 4)], 1)
    tag = torch.zeros(len(points), dtype=torch.long)
    return Patch(points, weights, fields, tag, anchor, torch.zeros(0, 3, dtype=torch.long))


def _directions(angle: Tensor) -> Tensor:
    """Unit vectors of angles about the upright axis."""
    return torch.stack([torch.sin(angle), torch.cos(angle)], 1)


def _waves(design: Design, angle: Tensor) -> Tensor:
    """Folds around a hem, -1..1."""
    seed = design.number * 0.7
    return 0.6 * torch.sin(7 * angle + seed) + 0.4 * torch.sin(11 * angle + 2.3 * seed + 1)


def _panels(patch: Patch) -> Tensor:
    share = patch.fields[:, Field.SHARE][patch.faces].mean(1)
    left = patch.vertices[:, 0][patch.faces].mean(1) > 0
    limb = torch.where(left, int(Panel.LEFT), int(Panel.RIGHT))
    return torch.where(share > 0.5, limb, torch.full_like(limb, int(Panel.BODY)))


def _rim_panels(patch: Patch, edges: Tensor, rim: Tensor) -> Tensor:
    """The panel of each triangle of a rim: that of the edge it hems."""
    share = patch.fields[:, Field.SHARE][edges].mean(1)
    left = patch.vertices[:, 0][edges].mean(1) > 0
    limb = torch.where(left, int(Panel.LEFT), int(Panel.RIGHT))
    panel = torch.where(share > 0.5, limb, torch.full_like(limb, int(Panel.BODY)))
    return torch.cat([panel, panel]).to(rim.dtype)


def _slack(tailor: Tailor, design: Design, patch: Patch, hem: float) -> Tensor:
    """How freely each vertex hangs."""
    s = tailor.scale
    limb = patch.fields[:, Field.SHARE] > 0.5
    top = tailor.hip + 0.12 * s
    y = patch.vertices[:, 1]
    down = smoothstep(0.0, 1.0, (top - y) / (0.35 * s))
    loose = down * (0.25 + 0.75 * min(1.0, design.ease + 2 * design.flare))
    cuff = 0.25 * design.ease * smoothstep(0.0, 0.3 * s, patch.fields[:, Field.LIMB])
    slack = torch.where(limb, cuff, loose)
    return slack * (0.0 if design.tucked else 1.0)
