"""Prints on chest or back: letters, numbers and simple emblems, drawn by code."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from muybridge.render import sample_texture
from muybridge.synthetic.wardrobe.charts import Swatch
from muybridge.synthetic.wardrobe.design import EMBLEMS, Design
from muybridge.synthetic.wardrobe.piece import Panel
from muybridge.synthetic.wardrobe.tailor import Tailor

_SIZE = 160


def printed(tailor: Tailor, design: Design, cloth: Swatch) -> Float[Tensor, "P"] | None:  # noqa: F821
    """Where ink lies, 0..1; ``None`` where nothing is printed."""
    if not design.print:
        return None
    s = tailor.scale
    mark, wide = stamp(design.print)
    width = (0.16 + 0.12 * min(1.0, design.size / 0.09)) * s
    if design.print in EMBLEMS:
        width = width * 0.75
    height = width / wide
    middle = tailor.armpit + 0.015 * s - (0.25 * height if design.neck == "hood" else 0.0)
    if design.neck in ("v", "scoop") and not design.print_back:
        middle = middle - 0.5 * height - 0.02 * s
    x = cloth.position[:, 0]
    ahead = cloth.position[:, 2] > tailor.depth
    if design.print_back:
        x, ahead = -x, ~ahead
    u = x / width + 0.5
    v = (middle - cloth.position[:, 1]) / height + 0.5
    inside = (u > 0) & (u < 1) & (v > 0) & (v < 1) & ahead & (cloth.panel == Panel.BODY)
    ink = sample_texture(mark[..., None], torch.stack([u, v], 1).clamp(0, 1))[:, 0]
    return ink * inside


@lru_cache(maxsize=64)
def stamp(word: str) -> tuple[Float[Tensor, "H W"], float]:
    """A word or an emblem as a mask, and how many times wider than high it is."""
    if word in EMBLEMS:
        image = Image.new("L", (_SIZE, _SIZE), 0)
        _EMBLEM[word](ImageDraw.Draw(image))
        return _mask(image), 1.0
    font = ImageFont.load_default(size=_SIZE)
    box = ImageDraw.Draw(Image.new("L", (8, 8))).textbbox((0, 0), word, font=font, stroke_width=6)
    width, height = int(box[2] - box[0]) + 8, int(box[3] - box[1]) + 8
    image = Image.new("L", (width, height), 0)
    ImageDraw.Draw(image).text(
        (4 - box[0], 4 - box[1]), word, fill=255, font=font, stroke_width=6
    )
    return _mask(image), width / height


def _mask(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.asarray(image, dtype=np.float32) / 255)


def _points(count: int, outer: float, inner: float) -> list[tuple[float, float]]:
    middle = _SIZE / 2
    out = []
    for k in range(2 * count):
        radius = outer if k % 2 == 0 else inner
        turn = math.pi * k / count
        out.append((middle + radius * math.sin(turn), middle - radius * math.cos(turn)))
    return out


def _disc(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse((10, 10, _SIZE - 10, _SIZE - 10), fill=255)
    draw.rectangle((10, 70, _SIZE - 10, 84), fill=0)
    draw.rectangle((10, 100, _SIZE - 10, 110), fill=0)


def _star(draw: ImageDraw.ImageDraw) -> None:
    draw.polygon(_points(5, 76, 32), fill=255)


def _heart(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse((14, 20, 86, 92), fill=255)
    draw.ellipse((74, 20, 146, 92), fill=255)
    draw.polygon([(20, 74), (140, 74), (80, 148)], fill=255)


def _bolt(draw: ImageDraw.ImageDraw) -> None:
    draw.polygon([(96, 4), (34, 90), (74, 90), (58, 156), (128, 62), (86, 62)], fill=255)


def _mountain(draw: ImageDraw.ImageDraw) -> None:
    draw.polygon([(4, 140), (62, 36), (92, 90), (112, 62), (156, 140)], fill=255)
    draw.ellipse((108, 12, 140, 44), fill=255)


def _ring(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse((8, 8, 152, 152), outline=255, width=16)
    draw.polygon(_points(3, 48, 24), fill=255)


def _cross(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle((62, 8, 98, 152), fill=255)
    draw.rectangle((8, 62, 152, 98), fill=255)


def _wave(draw: ImageDraw.ImageDraw) -> None:
    for row in (44, 80, 116):
        line = [(x, row + 16 * math.sin(x / 16)) for x in range(4, 157, 4)]
        draw.line(line, fill=255, width=14, joint="curve")


_EMBLEM = {
    "disc": _disc, "star": _star, "heart": _heart, "bolt": _bolt, "mountain": _mountain,
    "ring": _ring, "cross": _cross, "wave": _wave,
}
