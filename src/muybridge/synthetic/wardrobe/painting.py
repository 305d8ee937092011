"""A garment's material: fabric, pattern, print, seams and folds put together."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.synthetic.layers import Material, Matter
from muybridge.synthetic.wardrobe.charts import Swatch
from muybridge.synthetic.wardrobe.design import Design
from muybridge.synthetic.wardrobe.details import trimmed
from muybridge.synthetic.wardrobe.fabric import (
    GLOSS,
    bending,
    measures,
    ridges,
    weave,
    wrinkles,
)
from muybridge.synthetic.wardrobe.pattern import pattern
from muybridge.synthetic.wardrobe.prints import printed
from muybridge.synthetic.wardrobe.tailor import Tailor


def paint(tailor: Tailor, design: Design, cloth: Swatch) -> Material:
    """Colours and relief of a garment.

    Args:
        tailor: whose body it is on.
        design: what it looks like.
        cloth: the texels that show it.
    """
    around, down = measures(design, cloth)
    ground, second, third = (torch.tensor(c) for c in design.colours)
    one, two = pattern(design, cloth, around, down)
    colour = _mixed(ground.expand(len(around), 3), second, one)
    colour = _mixed(colour, third, two)
    shade, height = weave(design, cloth, around, down)
    large, fine = wrinkles(cloth, design)
    colour = colour * (shade + 0.025 * large)[:, None]
    mark = printed(tailor, design, cloth)
    if mark is not None:
        ink = second if design.pattern == "plain" else third
        colour = _mixed(colour, ink, mark)
    trim = trimmed(tailor, design, cloth, around, down)
    colour = _mixed(colour * trim.shade[:, None], trim.colour, trim.share)
    stiff = {"leather": 0.6, "quilt": 0.35, "knit": 0.5, "cable": 0.4, "wool": 0.6}.get(
        design.fabric, 1.0
    )
    close = 0.35 if design.ease < 0.1 else 1.0
    relief = height + trim.height + 0.0075 * stiff * close * large + 0.0018 * stiff * fine
    bend = bending(tailor, design, cloth)
    fold = ridges(cloth, around, down, design.number + 31)
    creases = 0.015 * stiff * bend * fold
    relief = relief + 0.15 * creases
    gloss = torch.full_like(around, GLOSS.get(design.fabric, 0.1))
    gloss = torch.lerp(gloss, trim.gloss, trim.share)
    matter = Matter.LEATHER if design.fabric == "leather" else Matter.CLOTH
    planes = torch.cat([colour.clamp(0.02, 0.98), gloss[:, None], relief[:, None],
                        creases[:, None]], 1)
    return as_material(matter, cloth, planes)


def as_material(matter: Matter, cloth: Swatch, planes: Float[Tensor, "P 6"]) -> Material:
    """Textures of colour, gloss, relief and creases at the texels."""
    texture = cloth.spread(planes)
    return Material(
        matter, texture[..., :3].contiguous(), texture[..., 3].contiguous(),
        texture[..., 4].contiguous(), texture[..., 5].contiguous(),
    )


def _mixed(colour: Tensor, other: Tensor, share: Tensor) -> Tensor:
    return torch.lerp(colour, other.expand_as(colour), share[:, None])
