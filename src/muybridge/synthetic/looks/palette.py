"""Colours that people's skin, hair, eyes and lips have, as sRGB in 0..1."""

from __future__ import annotations

Colour = tuple[float, float, float]

SKIN: tuple[Colour, ...] = (
    (0.965, 0.835, 0.765),
    (0.930, 0.765, 0.665),
    (0.865, 0.675, 0.545),
    (0.745, 0.545, 0.405),
    (0.590, 0.400, 0.280),
    (0.430, 0.280, 0.195),
    (0.285, 0.180, 0.130),
)
"""From the lightest tone (0) to the darkest (1), evenly spaced."""

HAIR: dict[str, Colour] = {
    "black": (0.060, 0.052, 0.052),
    "soft black": (0.095, 0.075, 0.066),
    "dark brown": (0.165, 0.110, 0.078),
    "brown": (0.270, 0.175, 0.112),
    "light brown": (0.400, 0.275, 0.175),
    "dark blond": (0.530, 0.405, 0.255),
    "blond": (0.720, 0.575, 0.365),
    "platinum": (0.860, 0.785, 0.640),
    "auburn": (0.340, 0.140, 0.080),
    "red": (0.560, 0.235, 0.105),
    "grey": (0.520, 0.515, 0.510),
    "white": (0.860, 0.855, 0.840),
    "pink": (0.850, 0.400, 0.560),
    "blue": (0.170, 0.290, 0.560),
    "green": (0.150, 0.420, 0.290),
    "violet": (0.400, 0.210, 0.510),
}
"""Of hair, by name."""

EYES: dict[str, Colour] = {
    "dark brown": (0.150, 0.085, 0.050),
    "brown": (0.300, 0.175, 0.090),
    "amber": (0.450, 0.290, 0.130),
    "hazel": (0.380, 0.340, 0.180),
    "green": (0.290, 0.420, 0.270),
    "blue": (0.290, 0.450, 0.640),
    "grey": (0.430, 0.490, 0.530),
}
"""Of the iris, by name."""


def mixed(a: Colour, b: Colour, share: float) -> Colour:
    """``a`` with a share of ``b``."""
    return (
        round(a[0] + (b[0] - a[0]) * share, 4),
        round(a[1] + (b[1] - a[1]) * share, 4),
        round(a[2] + (b[2] - a[2]) * share, 4),
    )


def scaled(colour: Colour, factor: float) -> Colour:
    """A colour made darker or lighter, kept in 0..1."""
    red, green, blue = (round(min(max(c * factor, 0.0), 1.0), 4) for c in colour)
    return (red, green, blue)


def skin_colour(tone: float, undertone: float) -> Colour:
    """Base colour of skin.

    Args:
        tone: 0 lightest .. 1 darkest.
        undertone: -1 pink .. 1 yellow or olive.
    """
    place = min(max(tone, 0.0), 1.0) * (len(SKIN) - 1)
    at = min(int(place), len(SKIN) - 2)
    red, green, blue = mixed(SKIN[at], SKIN[at + 1], place - at)
    shift = 0.030 * undertone
    return (
        round(min(max(red * (1 - 0.35 * shift), 0.0), 1.0), 4),
        round(min(max(green * (1 + 0.35 * shift), 0.0), 1.0), 4),
        round(min(max(blue * (1 - 1.6 * shift), 0.0), 1.0), 4),
    )
