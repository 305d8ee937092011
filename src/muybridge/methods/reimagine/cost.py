"""What ReImagine's nano size costs: the pictures it paints, normals, refinement, and drawing."""

from __future__ import annotations

from muybridge.methods.avatar.cost import cost as avatar_cost
from muybridge.methods.cost import Cost, Extent, Speed
from muybridge.methods.reimagine.config import NANO

_CALL = 150_000
"""A picture through the networks once, in drawn pixels."""
_NORMALS = 3.0
"""Normals of a picture, in drawings of the networks' size."""
_REFINED = 2.0
"""Refinement of a picture, in calls."""
_FINISH = 1.6
"""Pasting, detail and ground, in drawings of the result."""
_ENCODE_SECONDS = 10.0
"""Loading the networks and encoding the reference, in drawings of a megapixel."""
_BYTES = 600 << 20
"""Networks, and what a batch of pictures needs."""
_BYTES_PER_PICTURE = 250_000
"""Latents and normals that are kept for the whole video."""


def cost(extent: Extent, speed: Speed) -> Cost:
    """Seconds to make the extent, and memory.

    Args:
        extent: the frames of the whole video for the time; of one piece for the memory.
        speed: of this machine.
    """
    normals = Extent(extent.views, extent.frames, NANO.width, NANO.height)
    calls = extent.pictures * (NANO.steps + _REFINED)
    seconds = (
        _FINISH * avatar_cost(extent, speed).seconds
        + _NORMALS * avatar_cost(normals, speed).seconds
        + calls * _CALL * speed.pixel_seconds
        + _ENCODE_SECONDS * 1e6 * speed.pixel_seconds
    )
    memory = avatar_cost(extent, speed).bytes + _BYTES + extent.pictures * _BYTES_PER_PICTURE
    return Cost(seconds, memory)
