"""What the avatar costs: linear in pictures and pixels, memory only in the piece."""

from __future__ import annotations

from muybridge.methods.cost import Cost, Extent, Speed

BYTES_PER_PIXEL = 110
"""Of one piece: colours, matte, ground, rays, shadow and what the drawing holds."""


def cost(extent: Extent, speed: Speed) -> Cost:
    """Seconds to render the extent, and the memory of a piece of it.

    Args:
        extent: the frames of the whole video for the time; of one piece for the memory.
        speed: of this machine.
    """
    seconds = extent.pictures * speed.picture_seconds + extent.pixels * speed.pixel_seconds
    return Cost(seconds, extent.pixels * BYTES_PER_PIXEL)
