"""Cloth as it looks close by: weave, knit, denim, wrinkles and folds."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.synthetic.noise import fractal_noise, value_noise
from muybridge.synthetic.wardrobe.charts import Swatch
from muybridge.synthetic.wardrobe.design import Design
from muybridge.synthetic.wardrobe.piece import Panel
from muybridge.synthetic.wardrobe.tailor import Tailor

GLOSS = {"leather": 0.5, "satin": 0.32, "quilt": 0.28, "denim": 0.06, "wool": 0.05, "knit": 0.04,
         "cable": 0.04, "fleece": 0.04, "corduroy": 0.08, "woven": 0.12}
"""How glossy each fabric is; 0.1 where it is not named."""
CHEST, LIMB = 0.155, 0.07
"""Radii that angles about torso and limbs are measured out with, metres for 1.75 m."""
Field1 = Float[Tensor, "P"]  # noqa: F821


def measures(design: Design, cloth: Swatch) -> tuple[Field1, Field1]:
    """How far around and how far down the cloth each texel lies, metres, as patterns run.

    Torso and skirts run around the body and down; sleeves and legs around the limb and
    along it. Lengths are those of a person of 1.75 m, so that patterns grow with people.
    """
    s = cloth.scale
    torso = (cloth.panel == Panel.BODY) | (cloth.panel == Panel.COLLAR)
    sleeve = ~torso & (design.role != "lower")
    down = torch.where(sleeve, cloth.limb, -cloth.position[:, 1]) / s
    arc = _arc(cloth) if torso.any() else cloth.angle * CHEST
    if design.role != "upper" or design.kind == "coat":
        arc = arc * _girth(cloth) / CHEST
    around = torch.where(torso, arc, cloth.angle * LIMB)
    return around, down


def _arc(cloth: Swatch) -> Field1:
    """Length around the torso from its front, by the mean section of the cloth, for 1.75 m."""
    turn = 2 * torch.pi
    body = cloth.panel == Panel.BODY
    column = (torch.remainder(cloth.angle[body], turn) / turn * 63.99).long()
    away = torch.hypot(cloth.position[body, 0], cloth.position[body, 2] - cloth.depth)
    count = torch.zeros(64).index_add(0, column, torch.ones(len(column)))
    radius = torch.zeros(64).index_add(0, column, away) / count.clamp(min=1)
    radius = torch.where(count > 0, radius, radius[count > 0].mean()) / cloth.scale
    slope = (radius.roll(-1) - radius.roll(1)) / (2 * turn / 64)
    step = torch.hypot(radius, slope) * (turn / 64)
    edge = torch.cat([torch.zeros(1), step.cumsum(0)])
    edge = edge * (turn * CHEST / edge[-1])
    place = torch.remainder(cloth.angle, turn) / turn * 64
    first = place.floor().long().clamp(max=63)
    rolls = torch.floor(cloth.angle / turn)
    return torch.lerp(edge[first], edge[first + 1], place - first) + rolls * turn * CHEST


def _girth(cloth: Swatch) -> Field1:
    """Radius of a torso's or skirt's cloth at each texel's height, for 1.75 m."""
    y = cloth.position[:, 1]
    low, high = y.aminmax()
    row = ((y - low) / (high - low).clamp(min=1e-6) * 31.99).long()
    radius = torch.hypot(cloth.position[:, 0], cloth.position[:, 2] - cloth.depth) / cloth.scale
    radius = radius * (cloth.panel == Panel.BODY)
    count = torch.zeros(32).index_add(0, row, (radius > 0).float())
    mean = torch.zeros(32).index_add(0, row, radius) / count.clamp(min=1)
    place = ((y - low) / (high - low).clamp(min=1e-6) * 32 - 0.5).clamp(0, 31)
    first = place.floor().long().clamp(max=30)
    return torch.lerp(mean[first], mean[first + 1], place - first).clamp(min=CHEST)


def weave(design: Design, cloth: Swatch, around: Field1, down: Field1) -> tuple[Field1, Field1]:
    """Brightness (about 1) and height (metres) of the cloth's structure."""
    tau = 2 * torch.pi
    flat = torch.zeros_like(around)
    speckle = value_noise(cloth.position, 420 / cloth.scale, design.number + 3)
    if design.fabric in ("knit", "cable"):
        rows = 0.5 + 0.5 * torch.sin(tau * around / 0.009)
        if design.fabric == "cable":
            twist = torch.sin(tau * down / 0.07) * 0.008
            strand = torch.cos(tau * (around + twist) / 0.045)
            return 0.86 + 0.1 * rows + 0.1 * strand, 0.0025 * strand + 0.0008 * rows
        return 0.9 + 0.14 * rows, 0.0012 * rows
    if design.fabric == "corduroy":
        ribs = 0.5 + 0.5 * torch.sin(tau * around / 0.008)
        return 0.82 + 0.25 * ribs, 0.0012 * ribs
    if design.fabric == "quilt":
        puff = torch.sin(torch.pi * down / 0.062).abs().sqrt()
        return 0.86 + 0.16 * puff, 0.011 * puff
    if design.fabric == "denim":
        streak = value_noise(
            torch.stack([around * 900, down * 90, flat], 1), 1.0, design.number + 5
        )
        return 0.9 + 0.12 * streak + 0.1 * (speckle - 0.5), 0.0002 * speckle
    if design.fabric == "leather":
        grain = value_noise(cloth.position, 140 / cloth.scale, design.number + 6)
        return 0.96 + 0.08 * grain, 0.0006 * grain
    if design.fabric == "wool":
        return 0.93 + 0.14 * speckle, 0.0003 * speckle
    amount = 0.05 if design.fabric == "satin" else 0.08
    return 1 + amount * (speckle - 0.5), 0.0001 * speckle


def ridges(cloth: Swatch, around: Field1, down: Field1, seed: int) -> Field1:
    """Folds that run around a limb or the torso, slanted; -1..1."""
    bent = fractal_noise(cloth.position, 7 / cloth.scale, 1, seed + 1) - 0.5
    place = torch.stack([around * 5, down * 21 + around * 7 + bent * 2.2, bent * 2], 1)
    return 1 - 4 * (value_noise(place, 1.0, seed) - 0.5).abs()


def wrinkles(cloth: Swatch, design: Design) -> tuple[Field1, Field1]:
    """Large soft folds and their shading, -1..1, and finer ones."""
    place = cloth.position / cloth.scale
    place = torch.stack([place[:, 0] + 0.4 * place[:, 1], 0.6 * place[:, 1], place[:, 2]], 1)
    large = 1 - 4 * (value_noise(place, 11.0, design.number + 11) - 0.5).abs()
    fine = 2 * value_noise(place, 27.0, design.number + 12) - 1
    return large, fine


def bending(tailor: Tailor, design: Design, cloth: Swatch) -> Field1:
    """Where the body bends under the cloth, 0..1: elbows, knees, armpits, hips, waist."""
    s = cloth.scale
    names = ["lowerarm01.L", "lowerarm01.R", "upperarm01.L", "upperarm01.R"]
    reach = 0.1
    if design.role == "lower":
        names = ["lowerleg01.L", "lowerleg01.R", "upperleg01.L", "upperleg01.R"]
        reach = 0.13
    joints = torch.stack([tailor.canvas.head_of(name) for name in names])
    near = torch.exp(-(torch.cdist(cloth.position, joints) / (reach * s)).square())
    total = near.sum(1)
    if design.role in ("upper", "full"):
        waist = torch.exp(-((cloth.position[:, 1] - tailor.hip - 0.14 * s) / (0.09 * s)).square())
        total = total + 0.7 * waist * (cloth.panel == Panel.BODY)
    return total.clamp(max=1)
