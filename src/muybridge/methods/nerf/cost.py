"""What the human NeRF alone costs: its pictures, and pasting them."""

from __future__ import annotations

from muybridge.methods.avatar.cost import cost as avatar_cost
from muybridge.methods.cost import Cost, Extent, Speed

_NERF = 6.0
"""A picture of the NeRF, in drawings of its size."""
_PASTE = 0.7
"""Pasting and ground, in drawings of the result."""
_ENCODE_SECONDS = 10.0
"""Encoding the reference, in drawings of a megapixel."""
_BYTES = 400 << 20


def cost(extent: Extent, speed: Speed) -> Cost:
    """Seconds to make the extent, and memory.

    Args:
        extent: the frames of the whole video for the time; of one piece for the memory.
        speed: of this machine.
    """
    cues = Extent(extent.views, extent.frames, 96, 128)
    seconds = (
        _PASTE * avatar_cost(extent, speed).seconds + _NERF * avatar_cost(cues, speed).seconds
        + _ENCODE_SECONDS * 1e6 * speed.pixel_seconds
    )
    return Cost(seconds, avatar_cost(extent, speed).bytes + _BYTES)
