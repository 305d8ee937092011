"""Colours that people wear."""

from __future__ import annotations

import colorsys

from muybridge.synthetic.dice import Dice

RGB = tuple[float, float, float]


WHITES: tuple[RGB, ...] = ((0.94, 0.94, 0.93), (0.91, 0.88, 0.82), (0.87, 0.87, 0.88))
DARKS: tuple[RGB, ...] = (
    (0.07, 0.07, 0.08), (0.11, 0.11, 0.13), (0.10, 0.13, 0.22), (0.19, 0.19, 0.21),
    (0.16, 0.11, 0.10), (0.10, 0.16, 0.14),
)
MUTED: tuple[RGB, ...] = (
    (0.42, 0.43, 0.46), (0.62, 0.62, 0.63), (0.74, 0.66, 0.52), (0.55, 0.45, 0.33),
    (0.36, 0.37, 0.25), (0.28, 0.32, 0.38), (0.45, 0.28, 0.20), (0.68, 0.60, 0.53),
    (0.38, 0.20, 0.22), (0.32, 0.38, 0.33), (0.80, 0.75, 0.66), (0.30, 0.27, 0.26),
)
VIVID: tuple[RGB, ...] = (
    (0.75, 0.10, 0.12), (0.90, 0.30, 0.22), (0.93, 0.55, 0.12), (0.95, 0.78, 0.20),
    (0.55, 0.70, 0.22), (0.12, 0.50, 0.28), (0.05, 0.45, 0.45), (0.20, 0.62, 0.75),
    (0.15, 0.35, 0.75), (0.22, 0.20, 0.55), (0.48, 0.25, 0.60), (0.75, 0.20, 0.50),
    (0.90, 0.50, 0.62), (0.50, 0.10, 0.18),
)
PASTEL: tuple[RGB, ...] = (
    (0.93, 0.74, 0.74), (0.95, 0.86, 0.68), (0.76, 0.87, 0.76), (0.70, 0.83, 0.92),
    (0.80, 0.76, 0.90), (0.92, 0.80, 0.88),
)
LEATHER: tuple[RGB, ...] = (
    (0.06, 0.06, 0.06), (0.20, 0.12, 0.08), (0.36, 0.20, 0.11), (0.52, 0.33, 0.19),
    (0.30, 0.09, 0.09), (0.62, 0.52, 0.40), (0.12, 0.12, 0.13),
)
SOLES: tuple[RGB, ...] = (
    (0.92, 0.92, 0.90), (0.90, 0.88, 0.84), (0.10, 0.10, 0.10), (0.30, 0.22, 0.16),
    (0.62, 0.48, 0.32),
)


def varied(dice: Dice, colour: RGB, amount: float = 1.0) -> RGB:
    """A colour near the given one."""
    h, s, v = colorsys.rgb_to_hsv(*colour)
    h = (h + amount * dice.between(-0.025, 0.025)) % 1.0
    s = min(max(s * (1 + amount * dice.between(-0.2, 0.2)), 0.0), 1.0)
    v = min(max(v * (1 + amount * dice.between(-0.13, 0.13)), 0.04), 0.96)
    r, g, b = colorsys.hsv_to_rgb(h, s, v)
    return (round(r, 4), round(g, 4), round(b, 4))


def lively(dice: Dice) -> RGB:
    """Colour of a garment for the upper body: anything, dark and white more often."""
    kind = dice.between(0, 1)
    for share, colours in (
        (0.16, WHITES), (0.38, DARKS), (0.58, MUTED), (0.88, VIVID), (1.0, PASTEL),
    ):
        if kind < share:
            return varied(dice, dice.one_of(colours))
    return varied(dice, VIVID[0])


def muted(dice: Dice) -> RGB:
    """Colour of trousers and coats."""
    return varied(dice, dice.one_of((*DARKS, *MUTED)))


def denim(dice: Dice) -> RGB:
    """A wash of denim."""
    washes: tuple[RGB, ...] = (
        (0.12, 0.16, 0.28), (0.20, 0.28, 0.44), (0.34, 0.45, 0.60), (0.55, 0.65, 0.76),
        (0.16, 0.17, 0.20), (0.24, 0.33, 0.47),
    )
    return varied(dice, dice.one_of(washes), 0.6)


def leather(dice: Dice) -> RGB:
    """A colour of leather."""
    return varied(dice, dice.one_of(LEATHER), 0.5)


def contrasting(dice: Dice, colour: RGB) -> RGB:
    """A colour that stands out against another."""
    found = colour
    for _ in range(8):
        found = lively(dice)
        if sum(abs(a - b) for a, b in zip(found, colour, strict=True)) > 0.6:
            return found
    luminance = sum(colour) / 3
    return DARKS[0] if luminance > 0.5 else WHITES[0]
