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
    share = share * share * (3 - 2 * share)
    base = corner.long()
    out = torch.zeros_like(share[:, 0])
    for number in range(8):
        step = torch.tensor([number & 1, number >> 1 & 1, number >> 2], device=points.device)
        weight = torch.where(step.bool(), share, 1 - share).prod(1)
        out = out + weight * _lattice(base + step, seed)
    return out


def fractal_noise(
    points: Float[Tensor, "P 3"], frequency: float, octaves: int, seed: int
) -> Float[Tensor, "P"]:  # noqa: F821
    """Octaves of :func:`value_noise`, each twice as fine and half as strong; in [0, 1]."""
    total = torch.zeros_like(points[:, 0])
    for octave in range(octaves):
        layer = value_noise(points, frequency * 2**octave, seed + 7919 * octave)
        total = total + 0.5 ** (octave + 1) * layer
    return total / (1 - 0.5**octaves)


def _lattice(cell: Tensor, seed: int) -> Tensor:
    """A number in [0, 1) for every whole-numbered cell (a multiply-xorshift hash)."""
    h = (seed * 2654435761) & _MASK
    mixed = torch.full_like(cell[:, 0], h)
    for axis, prime in enumerate(_PRIMES):
        mixed = mixed ^ (cell[:, axis] * prime & _MASK)
    for shift, factor in ((15, 0x2C1B3C6D), (12, 0x297A2D39)):
        mixed = (mixed ^ (mixed >> shift)) * factor & _MASK
    mixed = mixed ^ (mixed >> 15)
    return (mixed & 0xFFFFFF).float() / float(1 << 24)
