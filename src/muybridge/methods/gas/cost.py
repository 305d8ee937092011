"""What GAS's nano size costs: the network's windows, the cues, and drawing as the avatar does."""

from __future__ import annotations

from muybridge.methods.avatar.cost import cost as avatar_cost
from muybridge.methods.cost import Cost, Extent, Speed

_NERF = 6.0
"""A cue of the NeRF, in drawings of its size."""
_STEPS_PER_PICTURE = 2 * 1.3
"""Network calls per picture: steps, and the overlap of windows."""
_CALL = 90_000
"""A picture's share of a network call, in drawn pixels."""
_FINISH = 1.6
"""Pasting, detail and ground, in drawings of the result."""
_ENCODE_SECONDS = 25.0
"""Loading the networks and encoding the reference, in drawings of a megapixel."""
_BYTES = 600 << 20
"""Networks, and what one window needs."""
_BYTES_PER_PICTURE = 160_000
"""Latents, cues and normals that are kept for the whole video."""


def cost(extent: Extent, speed: Speed) -> Cost:
    """Seconds to make the extent, and memory.

    Args:
        extent: the frames of the whole video for the time; of one piece for the memory.
        speed: of this machine.
    """
    cues = Extent(extent.views, extent.frames, 96, 128)
    network = extent.pictures * _STEPS_PER_PICTURE * _CALL * speed.pixel_seconds
    seconds = (
        _FINISH * avatar_cost(extent, speed).seconds
        + _NERF * avatar_cost(cues, speed).seconds
        + network
        + _ENCODE_SECONDS * 1e6 * speed.pixel_seconds
    )
    memory = avatar_cost(extent, speed).bytes + _BYTES + extent.pictures * _BYTES_PER_PICTURE
    return Cost(seconds, memory)
