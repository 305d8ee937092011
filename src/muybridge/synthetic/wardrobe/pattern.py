"""Patterns: how much of the second and third colour shows at each point of the cloth."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.synthetic.noise import fractal_noise, value_noise
from muybridge.synthetic.wardrobe.charts import Swatch
from muybridge.synthetic.wardrobe.design import Design
from muybridge.synthetic.wardrobe.piece import Panel

Field1 = Float[Tensor, "P"]  # noqa: F821
_SOFT = 0.0012
"""Half of the width over which an edge of a pattern goes over, metres."""


def soft(distance: Field1) -> Field1:
    """1 inside (positive distance), 0 outside, going over within two millimetres."""
    return (distance / (2 * _SOFT) + 0.5).clamp(0, 1)


def bands(place: Field1, period: float, width: float) -> Field1:
    """Bands of a width that repeat; 1 within."""
    within = (torch.remainder(place, period) - period / 2).abs()
    return soft(width / 2 - within)


def pattern(
    design: Design, cloth: Swatch, around: Field1, down: Field1
) -> tuple[Field1, Field1]:
    """Shares of the second and the third colour, 0..1.

    Args:
        design: whose pattern it is.
        cloth: the texels.
        around, down: place on the cloth, metres.
    """
    none = torch.zeros_like(around)
    make = _PATTERNS.get(design.pattern)
    return (none, none) if make is None else make(design, cloth, around, down)


def _number(design: Design, salt: int) -> float:
    """A number in [0, 1) that a design has of its own."""
    return ((design.number * 7919 + salt * 104729) % 9973) / 9973


def _stripes(d: Design, c: Swatch, a: Field1, y: Field1) -> tuple[Field1, Field1]:
    share = 0.25 + 0.4 * _number(d, 1)
    first = bands(y, d.size, d.size * share)
    if _number(d, 2) < 0.3:
        return first, bands(y + d.size / 2, d.size, d.size * 0.14)
    return first, torch.zeros_like(a)


def _pinstripes(d: Design, c: Swatch, a: Field1, y: Field1) -> tuple[Field1, Field1]:
    step = 0.014 + 0.02 * _number(d, 1)
    return 0.65 * bands(a, step, 0.0022), torch.zeros_like(a)


def _plaid(d: Design, c: Swatch, a: Field1, y: Field1) -> tuple[Field1, Field1]:
    size = 0.05 + 0.6 * d.size
    wide = size * (0.35 + 0.2 * _number(d, 1))
    weft, warp = bands(y, size, wide), bands(a, size, wide)
    thin = torch.maximum(bands(y + size / 2, size, 0.004), bands(a + size / 2, size, 0.004))
    return 0.5 * (weft + warp), 0.8 * thin


def _check(d: Design, c: Swatch, a: Field1, y: Field1) -> tuple[Field1, Field1]:
    size = 0.012 + 0.25 * d.size
    return 0.5 * (bands(y, size, size / 2) + bands(a, size, size / 2)), torch.zeros_like(a)


def _dots(d: Design, c: Swatch, a: Field1, y: Field1) -> tuple[Field1, Field1]:
    size = 0.02 + 0.5 * d.size
    row = torch.floor(y / size)
    x = torch.remainder(a / size + 0.5 * torch.remainder(row, 2), 1) - 0.5
    z = torch.remainder(y / size, 1) - 0.5
    return soft((0.27 - torch.hypot(x, z)) * size), torch.zeros_like(a)


def _flowers(d: Design, c: Swatch, a: Field1, y: Field1) -> tuple[Field1, Field1]:
    size = 0.03 + 0.7 * d.size
    petals, hearts = torch.zeros_like(a), torch.zeros_like(a)
    for layer, grow in ((0, 1.0), (1, 0.62)):
        cell = size * grow
        v = y / cell + 0.59 * layer
        j = torch.floor(v)
        u = a / cell + 0.37 * layer + 0.5 * torch.remainder(j, 2)
        i = torch.floor(u)
        lattice = torch.stack([i, j, torch.full_like(i, 3.0 + layer)], 1) + 0.5
        dx = value_noise(lattice * 1.0, 1.7, d.number) - 0.5
        dy = value_noise(lattice * 1.0, 1.3, d.number + 1) - 0.5
        x, z = u - i - 0.5 - 0.5 * dx, v - j - 0.5 - 0.5 * dy
        turn = torch.atan2(z, x) + 6 * dx
        radius = torch.hypot(x, z)
        reach = 0.2 + 0.1 * torch.cos(5 * turn)
        petals = torch.maximum(petals, soft((reach - radius) * cell))
        hearts = torch.maximum(hearts, soft((0.08 - radius) * cell))
    return petals, hearts


def _blocks(d: Design, c: Swatch, a: Field1, y: Field1) -> tuple[Field1, Field1]:
    top, bottom = _reach(c)
    line = bottom + (top - bottom) * (0.4 + 0.3 * _number(d, 1))
    slant = (0.0, 0.0, 0.35)[int(3 * _number(d, 2))] * c.position[:, 0]
    height = c.position[:, 1] + slant
    if _number(d, 3) < 0.45:
        band = 0.07 * c.scale
        return soft(band - (height - line).abs()), torch.zeros_like(a)
    return soft(line - height), soft(0.012 * c.scale - (height - line).abs())


def _camouflage(d: Design, c: Swatch, a: Field1, y: Field1) -> tuple[Field1, Field1]:
    place = c.position / c.scale
    first = fractal_noise(place, 11.0, 2, d.number + 20)
    second = fractal_noise(place, 13.0, 2, d.number + 21)
    return ((first - 0.52) * 40).clamp(0, 1), ((second - 0.6) * 40).clamp(0, 1)


def _sleeves(d: Design, c: Swatch, a: Field1, y: Field1) -> tuple[Field1, Field1]:
    on = soft(0.2 * (c.share - 0.5)) * ((c.panel == Panel.LEFT) | (c.panel == Panel.RIGHT))
    return on, torch.zeros_like(a)


def _gradient(d: Design, c: Swatch, a: Field1, y: Field1) -> tuple[Field1, Field1]:
    top, bottom = _reach(c)
    share = ((top - c.position[:, 1]) / (top - bottom)).clamp(0, 1)
    return ((share - 0.25) * 1.6).clamp(0, 1), torch.zeros_like(a)


def _yoke(d: Design, c: Swatch, a: Field1, y: Field1) -> tuple[Field1, Field1]:
    top, _ = _reach(c)
    line = top - (0.16 + 0.06 * _number(d, 1)) * c.scale
    edge = c.position[:, 1] - line
    return soft(edge), 0.9 * soft(0.008 * c.scale - (edge + 0.02 * c.scale).abs())


def _argyle(d: Design, c: Swatch, a: Field1, y: Field1) -> tuple[Field1, Field1]:
    wide, tall = 0.07, 0.11
    u, v = a / wide, y / tall
    x, z = torch.remainder(u, 1) - 0.5, torch.remainder(v, 1) - 0.5
    diamond = soft((0.5 - x.abs() - z.abs()) * 0.05)
    line = (torch.remainder(u + v, 1) - 0.5).abs(), (torch.remainder(u - v, 1) - 0.5).abs()
    return diamond, 0.8 * soft(0.0015 - torch.minimum(*line) * 0.05)


def _side(d: Design, c: Swatch, a: Field1, y: Field1) -> tuple[Field1, Field1]:
    on = ((c.panel == Panel.LEFT) | (c.panel == Panel.RIGHT)) & (c.share > -1)
    place = a - 0.006
    if _number(d, 1) < 0.4:
        three = bands(place, 0.012, 0.006) * (place.abs() < 0.018)
        return three * on, torch.zeros_like(a)
    wide = 0.012 + 0.012 * _number(d, 2)
    return soft(wide - place.abs()) * on, torch.zeros_like(a)


def _reach(c: Swatch) -> tuple[Tensor, Tensor]:
    y = c.position[:, 1]
    return y.max(), y.min()


_PATTERNS: dict[str, Callable[..., tuple[Field1, Field1]]] = {
    "stripes": _stripes, "pinstripes": _pinstripes, "plaid": _plaid, "check": _check,
    "dots": _dots, "flowers": _flowers, "blocks": _blocks, "camouflage": _camouflage,
    "sleeves": _sleeves, "gradient": _gradient, "yoke": _yoke, "argyle": _argyle,
    "side": _side,
}
