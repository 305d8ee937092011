"""What a copy costs: less than a drawing."""

from __future__ import annotations

from muybridge.methods.avatar.cost import cost as avatar_cost
from muybridge.methods.cost import Cost, Extent, Speed

_DRAWINGS = 0.7
"""Pasting and ground, in drawings of the avatar."""
_BYTES_PER_PIXEL = 90


def cost(extent: Extent, speed: Speed) -> Cost:
    """Seconds to make the extent, and memory.

    Args:
        extent: the frames of the whole video for the time; of one piece for the memory.
        speed: of this machine.
    """
    seconds = _DRAWINGS * avatar_cost(extent, speed).seconds
    return Cost(seconds, extent.pixels * _BYTES_PER_PIXEL)
