"""How shoes look: sole, toe cap, heel counter, laces, stripes; painted on one foot for both."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.synthetic.layers import Material, Matter
from muybridge.synthetic.noise import value_noise
from muybridge.synthetic.wardrobe.charts import Swatch
from muybridge.synthetic.wardrobe.design import Design
from muybridge.synthetic.wardrobe.details import within
from muybridge.synthetic.wardrobe.painting import as_material

Field1 = Float[Tensor, "P"]  # noqa: F821
SOLE = {"flat": 0.008, "loafer": 0.014, "derby": 0.016, "runner": 0.03, "work": 0.03}
"""Height of the sole, metres for a person of 1.75 m; 22 mm where it is not named."""


def paint_shoes(design: Design, cloth: Swatch) -> Material:
    """Colours and relief of a pair of shoes.

    Args:
        design: of the shoes.
        cloth: texels; ``limb`` is the height over the ground, ``angle`` 0 at the toe and
            half a turn at the heel.
    """
    height = cloth.limb / cloth.scale
    turn = cloth.angle.abs()
    ground, second, sole = (torch.tensor(c) for c in design.colours)
    edge = SOLE.get(design.style, 0.022)
    grain = value_noise(cloth.position, 160 / cloth.scale, design.number)
    colour = ground.expand(len(height), 3) * (0.94 + 0.12 * grain)[:, None]
    relief = 0.0004 * grain
    gloss = torch.full_like(height, 0.5 if design.fabric == "leather" else 0.12)
    soft = design.kind == "sneakers"
    if soft:
        colour, relief = _sneaker(design, colour, relief, height, turn, second)
    elif design.style == "derby":
        cap = torch.exp(-((height - 0.06 + 0.1 * (turn - 0.25)) / 0.002).square()) * (turn < 0.5)
        colour = colour * (1 - 0.35 * cap)[:, None]
        relief = relief - 0.0012 * cap
        colour, relief = _laces(colour, relief, height, turn, ground * 0.5, 0.05)
    elif design.style in ("work", "ankle") and design.number % 2:
        colour, relief = _laces(colour, relief, height, turn, second * 0.7, 0.05)
    elif design.style == "loafer":
        strap = within(0.012 - (height - 0.052).abs()) * (turn < 0.9)
        colour = colour * (1 - 0.25 * strap)[:, None]
        relief = relief + 0.002 * strap
    rubber = within(edge - height)
    colour = torch.lerp(colour, sole.expand_as(colour), rubber[:, None])
    gloss = torch.lerp(gloss, torch.full_like(gloss, 0.15), rubber)
    groove = torch.exp(-((height - edge) / 0.0015).square())
    colour = colour * (1 - 0.45 * groove - 0.5 * within(0.002 - height))[:, None].clamp(min=0.2)
    sock = (cloth.share > 0.5).float()
    knit = torch.tensor((0.93, 0.93, 0.92)) if design.number % 3 else second
    knit = torch.tensor((0.09, 0.09, 0.1)) if design.kind == "shoes" else knit
    ribs = 0.92 + 0.08 * torch.sin(60 * cloth.angle)
    band = 1 - 0.75 * within(0.006 - (cloth.edge / cloth.scale - 0.02).abs()) * (design.number % 2)
    colour = torch.lerp(colour, knit * (ribs * band)[:, None], sock[:, None])
    relief = torch.lerp(relief, 0.0006 * ribs, sock)
    gloss = torch.lerp(gloss, torch.full_like(gloss, 0.04), sock)
    planes = torch.cat([
        colour.clamp(0.02, 0.98), gloss[:, None], relief[:, None],
        (0.0025 * torch.sin(height * 420) * (turn < 1.2) * (height > edge) * (1 - sock))[:, None],
    ], 1)
    matter = Matter.LEATHER if design.fabric == "leather" else Matter.CLOTH
    return as_material(matter, cloth, planes)


def _sneaker(
    design: Design, colour: Tensor, relief: Tensor, height: Field1, turn: Field1, second: Tensor
) -> tuple[Tensor, Tensor]:
    toe = within(0.006 * torch.cos(turn) + 0.032 - height) * (turn < 0.7)
    white = torch.tensor((0.92, 0.92, 0.9))
    if design.style != "runner":
        colour = torch.lerp(colour, white.expand_as(colour), toe[:, None])
    heel = within((turn - 2.55) * 0.05)
    if design.pattern == "blocks":
        colour = torch.lerp(colour, second.expand_as(colour), heel[:, None])
    if design.pattern == "side":
        flash = within(0.006 - (height - 0.032 - 0.03 * (turn - 1.2)).abs())
        flash = flash * (turn > 0.9) * (turn < 2.2)
        colour = torch.lerp(colour, second.expand_as(colour), flash[:, None])
    tone = white if float(colour.mean()) < 0.75 else torch.tensor((0.75, 0.75, 0.76))
    return _laces(colour, relief, height, turn, tone, 0.042)


def _laces(
    colour: Tensor, relief: Tensor, height: Field1, turn: Field1, tone: Tensor, low: float
) -> tuple[Tensor, Tensor]:
    """Rows of laces over the instep, and the tongue between."""
    instep = within(0.02 - turn * (0.09 - 0.3 * (height - low))) * within(height - low)
    colour = colour * (1 - 0.25 * instep)[:, None]
    row = torch.remainder(height - 0.25 * (turn * 0.02), 0.0085) - 0.00425
    lace = within(0.0024 - row.abs()) * instep
    return torch.lerp(colour, tone.expand_as(colour), lace[:, None]), relief + 0.0025 * lace
