"""The light of a studio, by number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Light:
    """A key light, a fill from the other side, light from all around, and the studio.

    Light is linear, and about 1 in all falls on what faces the key light.

    Attributes:
        direction: towards the key light, world, unit.
        key: its colour and strength.
        softness: 0 a hard lamp .. 1 an overcast sky: how far it reaches around a form.
        sky, bounce: light from straight above and from straight below.
        fill_direction: towards the fill light. ``fill``: its colour and strength.
        rim_direction: towards a light behind the person. ``rim``: its colour and strength.
        floor, backdrop: sRGB colours of the studio, 0..1.
    """

    direction: Colour
    key: Colour
    softness: float
    sky: Colour
    bounce: Colour
    fill_direction: Colour
    fill: Colour
    rim_direction: Colour
    rim: Colour
    floor: Colour
    backdrop: Colour

    @staticmethod
    def studio() -> Light:
        """Soft light from the upper left, on a light grey ground."""
        return Light(
            direction=_towards(-35.0, 42.0), key=(0.62, 0.6, 0.575), softness=0.55,
            sky=(0.46, 0.47, 0.5), bounce=(0.28, 0.265, 0.25),
            fill_direction=_towards(55.0, 15.0), fill=(0.14, 0.15, 0.165),
            rim_direction=_towards(160.0, 35.0), rim=(0.1, 0.1, 0.11),
            floor=(0.86, 0.86, 0.855), backdrop=(0.8, 0.805, 0.81),
        )

    @staticmethod
    def of(number: int) -> Light:
        """The light of a number: most are soft, some come strongly from one side.

        Args:
            number: 0 or more; the same number is the same light everywhere.
        """
        g = torch.Generator().manual_seed(0x119417 + number)
        draws = torch.rand(24, generator=g, dtype=torch.float64).tolist()

        def between(k: int, low: float, high: float) -> float:
            return low + (high - low) * draws[k]

        hard = draws[0] < 0.22
        side = -1.0 if draws[1] < 0.5 else 1.0
        azimuth = side * (between(2, 45, 95) if hard else between(2, 5, 65))
        elevation = between(3, 18, 50) if hard else between(3, 28, 68)
        warmth = between(4, -1.0, 1.0)
        key = between(5, 0.78, 0.95) if hard else between(5, 0.42, 0.72)
        around = 1.04 - 0.86 * key
        fill = between(6, 0.02, 0.08) if hard else between(6, 0.06, 0.22)
        rim = between(7, 0.15, 0.5) if draws[8] < 0.35 else between(7, 0.0, 0.1)
        sky_tint = _tint(-0.7 * warmth + between(9, -0.4, 0.2))
        key_tint = _tint(warmth)
        ground = between(11, 0.0, 1.0)
        grey = 0.9 - 0.75 * ground**1.6
        hue = _hue(draws[12], between(13, 0.0, 0.16))
        step = between(14, -0.06, 0.06)
        return Light(
            direction=_towards(azimuth, elevation), key=_times(key_tint, key),
            softness=between(15, 0.0, 0.35) if hard else between(15, 0.35, 0.95),
            sky=_times(sky_tint, around * between(16, 0.92, 1.08)),
            bounce=_times(_tint(0.4 * warmth), around * between(17, 0.4, 0.7)),
            fill_direction=_towards(-side * between(18, 30, 80), between(19, 0, 30)),
            fill=_times(_tint(-0.5 * warmth), fill),
            rim_direction=_towards(180 - side * between(20, 10, 50), between(21, 20, 50)),
            rim=_times(_tint(between(22, -1, 1)), rim),
            floor=_clamped([(grey + step) * h for h in hue]),
            backdrop=_clamped([grey * h for h in hue]),
        )


def _towards(azimuth: float, elevation: float) -> Colour:
    """Unit direction; 0 degrees is in front (+Z), positive to the person's left (+X)."""
    a, e = math.radians(azimuth), math.radians(elevation)
    return (math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e))


def _tint(warmth: float) -> Colour:
    """Near-white: 1 is evening sun, -1 a blue sky; of about equal brightness."""
    return (1.0 + 0.07 * warmth, 1.0, 1.0 - 0.11 * warmth)


def _hue(turn: float, strength: float) -> Colour:
    red, green, blue = (
        1 + strength * math.cos(2 * math.pi * (turn - k / 3)) for k in range(3)
    )
    return (red, green, blue)


def _times(colour: Colour, factor: float) -> Colour:
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def _clamped(values: list[float]) -> Colour:
    red, green, blue = (min(max(v, 0.03), 0.97) for v in values)
    return (red, green, blue)
