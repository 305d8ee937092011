"""The textures of hats: crown in the upper half, brim below it, cuff or band at the foot."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.synthetic.layers import Material, Matter
from muybridge.synthetic.looks.paint import bump, step
from muybridge.synthetic.noise import value_noise

if TYPE_CHECKING:
    from muybridge.synthetic.looks.hats import Hat

SIZE = 256


def hat_material(hat: Hat) -> Material:
    """The texture of a hat."""
    grid = (torch.arange(SIZE) + 0.5) / SIZE
    v, u = torch.meshgrid(grid, grid, indexing="ij")
    crown = v < 0.5
    main, second = torch.tensor(hat.colour), torch.tensor(hat.second)
    colour = torch.where(crown[..., None], main, second).clone()
    turn = u * 2 * math.pi
    relief = torch.zeros(SIZE, SIZE)
    if hat.kind == "beanie":
        ribs = (turn * 34).cos()
        relief += 0.0011 * ribs
        rows = (v * 2 * math.pi * 90).cos()
        colour *= (0.93 + 0.06 * ribs + 0.03 * rows)[..., None]
        if hat.pattern == "stripes":
            band = ((v * 2 * math.pi * 7).sin() > 0.2) & crown
            colour = torch.where(band[..., None], second * (0.93 + 0.06 * ribs)[..., None], colour)
    else:
        thread = 1.0
        if hat.kind == "brimmed":
            weave = (u * 2 * math.pi * 90).sin() * (v * 2 * math.pi * 70).sin()
            thread = 0.06 if max(hat.colour) > 0.5 else 0.03
            colour *= (1 + thread * weave)[..., None]
        else:
            seams = bump(((u * 6) % 1) - 0.5, 0.02) * crown
            relief -= 0.0008 * seams
            colour *= (1 - 0.25 * seams)[..., None]
            stitches = bump(((v - 0.52) * 40) % 1 - 0.5, 0.08) * ~crown
            relief += 0.0005 * stitches
            colour *= (1 - 0.10 * stitches)[..., None]
        if hat.pattern == "halves" and hat.kind == "cap":
            front = ((u - 0.5).abs() < 1 / 6) & crown
            colour = torch.where(front[..., None], second, colour)
    flat = torch.stack([turn.cos(), turn.sin(), 6 * v], -1).reshape(-1, 3) + 9.0
    blotch = value_noise(flat, 3.0, hat.number % 1013).reshape(SIZE, SIZE) - 0.5
    colour *= (1 + 0.08 * blotch)[..., None]
    # where crown meets brim or cuff it is darker
    colour *= (1 - 0.25 * step(0.44, 0.48, v) * crown)[..., None]
    if hat.logo and hat.kind != "brimmed":
        ink = _logo(hat)
        light = torch.tensor([0.93, 0.92, 0.88])
        dark = torch.tensor([0.10, 0.10, 0.12])
        paint = light if float(main.mean()) < 0.5 else dark
        colour += (paint - colour) * ink[..., None]
        relief += 0.0008 * ink
    gloss = torch.full((SIZE, SIZE), 0.12)
    return Material(Matter.CLOTH, colour.clamp(0, 1), gloss, relief, torch.zeros(SIZE, SIZE))


def _logo(hat: Hat) -> Float[Tensor, "S S"]:
    """Letters on the front of the crown, 0..1 (the crown's front is the picture's middle)."""
    picture = np.zeros((SIZE * 2, SIZE * 2), np.float32)
    # a texel of the crown is about 2.2 times as high as wide on a head
    low = 0.74 if hat.kind == "cap" else 0.52
    size = 1.5 if len(hat.logo) == 1 else 1.15
    font = cv2.FONT_HERSHEY_DUPLEX
    (wide, high), _ = cv2.getTextSize(hat.logo, font, size, 4)
    place = (SIZE - wide // 2, int(SIZE * low) + high // 2)
    cv2.putText(picture, hat.logo, place, font, size, 1.0, 5, cv2.LINE_AA)
    return _to_size(torch.from_numpy(picture))


def _to_size(picture: Tensor) -> Float[Tensor, "S S"]:
    return torch.nn.functional.avg_pool2d(picture[None, None], 2)[0, 0]
