"""What a tailor adds: seams, hems, ribs, plackets, buttons, zips, pockets, waistbands, laces."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.synthetic.wardrobe.charts import Swatch
from muybridge.synthetic.wardrobe.design import Design
from muybridge.synthetic.wardrobe.piece import Panel
from muybridge.synthetic.wardrobe.tailor import Tailor

Field1 = Float[Tensor, "P"]  # noqa: F821


@dataclass
class Trim:
    """What is sewn onto the cloth, at each texel.

    Attributes:
        colour, share: of what covers the cloth, and how far it does.
        shade: by how much the cloth is darker (below 1) or brighter.
        height: over the cloth, metres. ``gloss``: where ``share`` is.
    """

    colour: Float[Tensor, "P 3"]
    share: Field1
    shade: Field1
    height: Field1
    gloss: Field1

    def cover(self, mask: Field1, colour: Tensor, gloss: float, height: float = 0.0) -> None:
        """Sews something on."""
        mask = mask.to(self.share)
        self.colour = torch.lerp(self.colour, colour.expand_as(self.colour), mask[:, None])
        self.share = torch.maximum(self.share, mask)
        self.gloss = torch.lerp(self.gloss, torch.full_like(self.gloss, gloss), mask)
        self.height = self.height + height * mask

    def seam(self, distance: Field1, where: Tensor | float = 1.0, depth: float = 0.25) -> None:
        """A seam where a distance (metres) is 0: a dark groove."""
        line = torch.exp(-(distance / 0.0022).square()) * where
        self.shade = self.shade * (1 - depth * line)
        self.height = self.height - 0.0012 * line

    def darken(self, mask: Field1, amount: float, height: float = 0.0) -> None:
        """A part that is darker, and higher than its surroundings."""
        mask = mask.to(self.shade)
        self.shade = self.shade * (1 - amount * mask)
        self.height = self.height + height * mask


def within(distance: Field1) -> Field1:
    """1 where a distance is positive, with a soft edge of two millimetres."""
    return (distance / 0.002 + 0.5).clamp(0, 1)


def box(x: Field1, y: Field1, wide: float, high: float) -> Field1:
    """Distance to the border of a rectangle about 0, positive inside, metres."""
    return torch.minimum(wide / 2 - x.abs(), high / 2 - y.abs())


def trimmed(
    tailor: Tailor, design: Design, cloth: Swatch, around: Field1, down: Field1
) -> Trim:
    """Seams and everything that is sewn onto a garment."""
    count = len(around)
    trim = Trim(
        torch.zeros(count, 3), torch.zeros(count), torch.ones(count), torch.zeros(count),
        torch.zeros(count),
    )
    if design.role == "lower":
        _lower(tailor, design, cloth, trim, around)
    else:
        _upper(tailor, design, cloth, trim, around)
    return trim


def _upper(tailor: Tailor, d: Design, c: Swatch, trim: Trim, around: Field1) -> None:
    s = c.scale
    x, y, _ = (c.position / s).unbind(1)
    torso = c.panel == Panel.BODY
    sleeve = (c.panel == Panel.LEFT) | (c.panel == Panel.RIGHT)
    collar = c.panel == Panel.COLLAR
    front = torso & (c.position[:, 2] > tailor.depth)
    edge, neck, limb = c.edge / s, c.neck / s, c.limb / s
    third = torch.tensor(d.colours[2])
    ground = torch.tensor(d.colours[0])
    ribbed = d.kind in ("sweater", "hoodie") or d.style in ("bomber", "track", "cardigan")
    cuff = _cuff(tailor, d, c)
    ribs = 0.5 + 0.5 * torch.cos(2 * torch.pi * around / 0.007)
    if ribbed:
        hem = within(0.055 - edge) * torso + within(0.05 - cuff) * sleeve * (d.sleeve > 1)
        hem = hem + within(0.022 - neck) * torso
        hem = hem.clamp(0, 1)
        trim.darken(hem * ribs, 0.16)
        trim.height = trim.height + 0.0015 * ribs * hem
        if d.style in ("bomber", "track") and d.number % 3 == 0:
            trim.cover(0.9 * hem, third, 0.06)
    else:
        trim.seam(edge - 0.02, torso)
        trim.seam(cuff - 0.018, sleeve)
    if d.neck in ("round", "scoop", "boat", "v") and d.kind in ("t-shirt", "dress"):
        band = within(0.018 - neck) * torso
        trim.darken(band, 0.12, 0.0006)
        trim.seam(neck - 0.019, torso)
        if d.kind == "t-shirt" and d.number % 4 == 0:
            trim.cover(band, torch.tensor(d.colours[1]), 0.08)
            trim.cover(within(0.018 - cuff) * sleeve, torch.tensor(d.colours[1]), 0.08)
    trim.seam((c.share - 0.5) * 0.09, torso | sleeve)
    trim.seam((c.angle.abs() - torch.pi / 2) * 0.14, torso & (limb < -0.02), 0.15)
    if d.buttons or d.style in ("zipped", "bomber", "leather", "puffer", "track"):
        _fastened(tailor, d, c, trim, front, x, y)
    if d.pockets:
        _pockets(tailor, d, trim, front, x, y)
    if collar.any():
        trim.darken(collar.to(x), 0.04)
        if d.neck == "turtle" or ribbed:
            trim.darken(collar * ribs, 0.14)
    if d.style == "trench" or (d.kind == "dress" and d.number % 3 == 0):
        waist = (tailor.hip / s + 0.13) - y
        belt = within(0.02 - waist.abs()) * torso
        trim.cover(belt, ground * 0.6 if d.kind == "coat" else third, 0.3, 0.002)
    if d.style == "track":
        trim.cover(within(0.008 - around.abs()) * sleeve * (c.share > 0.4), third, 0.1)


def _cuff(tailor: Tailor, d: Design, c: Swatch) -> Field1:
    """Distance from the sleeve's end, metres for a person of 1.75 m."""
    limb = tailor.canvas.limbs["left_arm"]
    end = d.sleeve * limb.upper if d.sleeve <= 1 else limb.upper + (d.sleeve - 1) * limb.lower
    return (end - c.limb) / c.scale


def _fastened(
    tailor: Tailor, d: Design, c: Swatch, trim: Trim, front: Tensor, x: Field1, y: Field1
) -> None:
    """Placket and buttons, or a zip, down the front."""
    chest = tailor.armpit / c.scale
    low = tailor.hip / c.scale - d.length
    here = front
    top = chest + 0.2
    if d.style == "polo":
        low = chest + 0.03
    if d.neck == "lapel":
        top = chest + 0.02
    if d.buttons:
        middle = x + 0.012 if d.opening == 0 else x - d.opening - 0.012
        placket = within(0.016 - middle.abs()) * here * (y > low) * (y < top)
        trim.darken(placket, 0.05, 0.0008)
        trim.seam(middle.abs() - 0.016, here & (y > low) & (y < top), 0.2)
        big = d.kind in ("coat", "jacket")
        step, radius = (0.115, 0.011) if big else (0.085, 0.006)
        place = torch.remainder(y - low, step) - step / 2
        button = within(radius - torch.hypot(middle, place)) * here * (y < top) * (y > low + 0.02)
        own = torch.tensor(d.colours[0])
        tone = own * 0.45 + 0.1 if d.number % 3 else torch.tensor((0.86, 0.85, 0.82))
        if d.fabric == "denim":
            tone = torch.tensor((0.72, 0.5, 0.28))
        trim.cover(button, tone, 0.5, 0.002)
    elif d.opening == 0:
        teeth = within(0.004 - x.abs()) * here
        metal = torch.tensor((0.62, 0.62, 0.6)) * (0.4 if d.number % 2 else 1.0)
        trim.cover(teeth, metal, 0.6, 0.001)
        trim.seam(x.abs() - 0.014, here, 0.2)
    else:
        trim.seam(x.abs() - d.opening - 0.02, here, 0.2)


def _pockets(tailor: Tailor, d: Design, trim: Trim, front: Tensor, x: Field1, y: Field1) -> None:
    s = tailor.scale
    chest, hip = tailor.armpit / s, tailor.hip / s
    if d.neck == "hood" and d.kind == "hoodie":
        height = y - (hip + 0.06)
        wide = 0.26 - 0.5 * (height.clamp(min=0))
        pouch = torch.minimum(wide / 2 - x.abs(), 0.075 - height.abs())
        trim.darken(within(pouch) * front, 0.03, 0.0012)
        trim.seam(pouch, front, 0.3)
        return
    if d.kind in ("t-shirt", "shirt") or d.style == "denim":
        for sign in (1.0, -1.0):
            if d.kind != "shirt" and d.style != "denim" and sign < 0:
                continue
            place = box(x - sign * 0.085, y - chest - 0.0, 0.1, 0.11)
            trim.darken(within(place) * front, 0.03, 0.0008)
            trim.seam(place, front, 0.22)
            flap = box(x - sign * 0.085, y - chest - 0.045, 0.104, 0.03)
            trim.seam(flap, front, 0.16)
        return
    for sign in (1.0, -1.0):
        if d.kind == "coat" or d.style == "blazer":
            flap = box(x - sign * 0.12, y - hip - 0.03, 0.13, 0.045)
            trim.darken(within(flap) * front, 0.06, 0.0015)
            trim.seam(flap, front, 0.3)
        else:
            slit = (x - sign * 0.125) * sign + 0.35 * (y - hip - 0.07)
            trim.seam(slit, front & ((y - hip - 0.07).abs() < 0.07), 0.5)


def _lower(tailor: Tailor, d: Design, c: Swatch, trim: Trim, around: Field1) -> None:
    s = c.scale
    x, y, _ = (c.position / s).unbind(1)
    front = c.position[:, 2] > tailor.depth
    edge, top = c.edge / s, c.neck / s
    skirt = d.kind == "skirt"
    trim.seam(edge - 0.022, edge < 0.1)
    band = within(0.036 - top)
    soft = d.style in ("joggers", "leggings", "track", "sport")
    ribs = 0.5 + 0.5 * torch.cos(2 * torch.pi * around / 0.008)
    trim.darken(band * (ribs if soft else 1.0), 0.12, 0.0012)
    trim.seam(top - 0.037)
    if skirt:
        if d.style == "pleated":
            fold = torch.remainder(c.angle * 22 / (2 * torch.pi), 1.0)
            trim.shade = trim.shade * (0.82 + 0.25 * fold * within(top - 0.06))
        if d.buttons:
            place = torch.remainder(y, 0.07) - 0.035
            trim.cover(within(0.007 - torch.hypot(x, place)) * front, torch.tensor((0.7, 0.5, 0.3)),
                       0.6, 0.002)
        trim.seam((c.angle.abs() - torch.pi / 2) * 0.15, depth=0.15)
        return
    jeans = d.fabric == "denim"
    outer = c.angle * 0.08
    trim.seam(outer, depth=0.3)
    trim.seam((c.angle.abs() - torch.pi) * 0.08, depth=0.3)
    trim.seam(x, top < 0.3, 0.3)
    if jeans:
        _worn_denim(tailor, trim, x, y, front)
        thread = torch.tensor((0.74, 0.52, 0.26))
        for place in (top - 0.004, top - 0.033, edge - 0.014):
            stitch = torch.exp(-(place / 0.0012).square()) * 0.5
            trim.cover(stitch, thread, 0.06)
    if d.pockets:
        slant = (x.abs() - 0.085) - 0.55 * (top - 0.036)
        trim.seam(slant, front & (top > 0.036) & (top < 0.17), 0.45)
        seat = box(x.abs() - 0.085, top - 0.14, 0.115, 0.125)
        trim.darken(within(seat) * ~front, 0.04, 0.001)
        trim.seam(seat, ~front, 0.3)
        if d.style == "cargo":
            bag = box(outer, y - tailor.knee / s - 0.16, 0.13, 0.17)
            trim.darken(within(bag), 0.07, 0.003)
            trim.seam(bag, depth=0.4)
    if d.buttons:
        if d.number % 2 == 0:
            leather = torch.tensor(((0.1, 0.08, 0.07), (0.3, 0.18, 0.1))[d.number // 2 % 2])
            trim.cover(within(0.015 - (top - 0.018).abs()), leather, 0.4, 0.002)
            buckle = box(x, top - 0.018, 0.046, 0.036)
            trim.cover(within(buckle) * front, torch.tensor((0.7, 0.68, 0.6)), 0.8, 0.001)
        else:
            trim.cover(within(0.008 - torch.hypot(x, top - 0.018)) * front,
                       torch.tensor((0.6, 0.55, 0.45)), 0.7, 0.002)
        fly = torch.where(y > tailor.crotch / s + 0.07, x - 0.032, torch.full_like(x, 1.0))
        trim.seam(fly, front & (top > 0.036), 0.3)
    if d.style == "joggers":
        cuff = within(0.05 - edge)
        trim.darken(cuff * ribs, 0.15, 0.001)


def _worn_denim(tailor: Tailor, trim: Trim, x: Field1, y: Field1, front: Tensor) -> None:
    """Paler on the thighs and knees, where denim wears off."""
    s = tailor.scale
    thigh = torch.exp(-((y - (tailor.hip / s - 0.2)) / 0.14).square())
    knee = 0.7 * torch.exp(-((y - tailor.knee / s) / 0.08).square())
    middle = torch.exp(-((x.abs() - 0.125) / 0.05).square())
    trim.shade = trim.shade * (1 + 0.32 * (thigh + knee).clamp(max=1) * middle * front)
