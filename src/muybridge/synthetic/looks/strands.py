"""What hair looks like from near: bright and dark strands along the flow, roots and tips."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.synthetic.layers import Material, Matter
from muybridge.synthetic.looks.identity import HairLook
from muybridge.synthetic.looks.paint import step
from muybridge.synthetic.noise import fractal_noise

SIZE = 256
"""Texels a side of hair's textures."""
LANES = 8
"""Strips side by side in the texture of ribbons; each ribbon shows one of them."""


def streaks(
    seed: int, columns: int, rows: int, size: int = SIZE
) -> Float[Tensor, "S S"]:
    """Noise in [0, 1] that runs down the picture: many columns, few rows; smooth between."""
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(1, 1, size, size)
    for octave, weight in ((1, 0.5), (2, 0.3), (4, 0.2)):
        grid = torch.rand(1, 1, rows + 1, min(columns * octave, size), generator=generator)
        fine = F.interpolate(grid, size=(size, size), mode="bilinear", align_corners=True)
        total = total + weight * fine
    return total[0, 0]


def strand_colours(
    look: HairLook, shade: Float[Tensor, "*S"], along: Float[Tensor, "*S"], grain: Tensor
) -> Float[Tensor, "*S 3"]:
    """Colours of strands.

    Args:
        look: whose.
        shade: 0 the darkest .. 1 the brightest strand.
        along: 0 root .. 1 tip.
        grain: 0..1, which strands are grey.
    """
    base, tips = torch.tensor(look.colour), torch.tensor(look.tips)
    level = float(base.mean())
    spread = 0.95 if level < 0.35 else 0.55
    colour = base + (tips - base) * step(0.35, 0.95, along)[..., None]
    colour = colour * (1 - 0.5 * spread + spread * shade)[..., None]
    # light comes through thin tips, roots lie in shadow
    warm = torch.tensor([1.16, 1.08, 1.0]) if level > 0.12 else torch.tensor([1.1, 1.07, 1.05])
    colour = colour * (1 + (warm - 1) * step(0.5, 1.0, along)[..., None])
    colour = colour * (0.70 + 0.30 * step(0.0, 0.30, along))[..., None]
    if look.grey > 0:
        silver = step(1.02 - 0.5 * look.grey, 1.08 - 0.5 * look.grey, grain)[..., None]
        colour = colour + (torch.tensor([0.78, 0.77, 0.76]) - colour) * silver * 0.75
    return colour.clamp(0, 1)


def ribbon_material(look: HairLook) -> Material:
    """The texture of ribbons: :data:`LANES` strips, roots at the top."""
    shade = streaks(look.seed % 99991, 96, 3)
    grain = streaks(look.seed % 99991 + 7, 110, 2)
    lane = streaks(look.seed % 99991 + 13, LANES, 1)
    shade = (0.75 * shade + 0.4 * (lane - 0.5) + 0.12).clamp(0, 1)
    along = ((torch.arange(SIZE) + 0.5) / SIZE)[:, None].expand(SIZE, SIZE)
    across = (((torch.arange(SIZE) + 0.5) / SIZE * LANES) % 1)[None].expand(SIZE, SIZE)
    colour = strand_colours(look, shade, along, grain)
    # a ribbon is a lock of many strands: darker at both edges, where it turns away
    colour = colour * (0.72 + 0.28 * (4 * across * (1 - across)).clamp(0, 1).sqrt())[..., None]
    return Material(
        Matter.HAIR, colour, 0.30 + 0.45 * shade, 0.0006 * shade, torch.zeros(SIZE, SIZE)
    )


def cap_material(
    look: HairLook,
    skin: tuple[float, float, float],
    points: Float[Tensor, "S S 3"],
    inside: Float[Tensor, "S S"],
    curls: float,
) -> Material:
    """The texture of the cap below the ribbons.

    Args:
        look: whose hair. skin: colour that shows between strands at the hairline.
        points: where the texels lie, metres of the standard head.
        inside: how far within the hairline they are, metres.
        curls: 0 strands run down the texture .. 1 curls without direction.
    """
    seed = look.seed % 89989
    straight = streaks(seed, 100, 4)
    flat = (points + 1.0).reshape(-1, 3)
    size = points.shape[0]
    round_ = fractal_noise(flat, 130.0, 2, seed).reshape(size, size)
    patch = fractal_noise(flat, 28.0, 2, seed + 3).reshape(size, size)
    shade = (1 - curls) * straight + curls * (1.6 * (round_ - 0.5) + 0.5)
    shade = (0.8 * shade + 0.5 * (patch - 0.5) + 0.1).clamp(0, 1)
    along = step(0.0, 0.05, inside) * 0.30 + 0.12
    colour = strand_colours(look, shade, along, streaks(seed + 11, 110, 3))
    thin = step(0.009, 0.001, inside + 0.010 * (straight - 0.5))
    colour = colour + (torch.tensor(skin) * 0.9 - colour) * (0.55 * thin)[..., None]
    return Material(
        Matter.HAIR, colour.clamp(0, 1), 0.25 + 0.40 * shade,
        (0.0008 + 0.0022 * curls) * shade, torch.zeros(size, size),
    )
