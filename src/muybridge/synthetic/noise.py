"""Smooth random fields in space: value noise from a hash, the same on every machine.

The lattice values come from whole-number arithmetic, so a seed means the same field
everywhere; no table is kept and no state is read.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

_PRIMES = (73856093, 19349663, 83492791)
_MASK = 0x7FFFFFFF


def value_noise(
    points: Float[Tensor, "P 3"], frequency: float, seed: int
) -> Float[Tensor, "P"]:  # noqa: F821
    """Noise in [0, 1] with features about ``1 / frequency`` long, smoothly interpolated.

    Args:
        points: where, in the unit that ``1 / frequency`` is given in.
        frequency: lattice cells per unit.
        seed: of the field.
    """
    place = points * frequency
    corner = place.floor()
    share = place - corner
    x, y, z = (share * share * (3 - 2 * share)).unbind(1)
    cells = []
    for axis, prime in enumerate(_PRIMES):
        first = corner[:, axis].long() * prime
        cells.append((first & _MASK, (first + prime) & _MASK))
    own = (seed * 2654435761) & _MASK
    planes = []
    for k in (0, 1):
        rows = []
        for j in (0, 1):
            left, right = (
                _lattice(own ^ cells[0][i] ^ cells[1][j] ^ cells[2][k]) for i in (0, 1)
            )
            rows.append(torch.lerp(left, right, x))
        planes.append(torch.lerp(rows[0], rows[1], y))
    return torch.lerp(planes[0], planes[1], z)


def fractal_noise(
    points: Float[Tensor, "P 3"], frequency: float, octaves: int, seed: int
) -> Float[Tensor, "P"]:  # noqa: F821
    """Octaves of :func:`value_noise`, each twice as fine and half as strong; in [0, 1]."""
    total = torch.zeros_like(points[:, 0])
    for octave in range(octaves):
        layer = value_noise(points, frequency * 2**octave, seed + 7919 * octave)
        total = total + 0.5 ** (octave + 1) * layer
    return total / (1 - 0.5**octaves)


def _lattice(mixed: Tensor) -> Tensor:
    """A number in [0, 1) for every whole number (a multiply-xorshift hash)."""
    for shift, factor in ((15, 0x2C1B3C6D), (12, 0x297A2D39)):
        mixed = mixed ^ (mixed >> shift)
        mixed *= factor
        mixed &= _MASK
    mixed = mixed ^ (mixed >> 15)
    mixed &= 0xFFFFFF
    return mixed.float() / float(1 << 24)
