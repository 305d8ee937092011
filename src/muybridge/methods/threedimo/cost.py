"""What 3DiMo's nano size costs: windows through the transformer, the driver, and drawing."""

from __future__ import annotations

from muybridge.methods.avatar.cost import cost as avatar_cost
from muybridge.methods.cost import Cost, Extent, Speed
from muybridge.methods.threedimo.config import NANO

_CALL = 90_000
"""A picture's share of a window in the transformer, in drawn pixels."""
_DRIVER = 12.0
"""Showing a frame's driver and reading it, in drawings of the networks' size."""
_FINISH = 1.6
"""Pasting, detail and ground, in drawings of the result."""
_BEGIN = 20.0
"""Loading the networks and making the figure, in drawings of a megapixel."""
_BYTES = 700 << 20
"""Networks, the figure, and what one window needs."""
_BYTES_PER_PICTURE = 240_000
"""Latents, tokens and cues that are kept for the whole video."""


def cost(extent: Extent, speed: Speed) -> Cost:
    """Seconds to make the extent, and memory.

    Args:
        extent: the frames of the whole video for the time; of one piece for the memory.
        speed: of this machine.
    """
    stride = NANO.window - NANO.overlap
    windows = 1 + max(0, -(-(extent.frames - NANO.window) // stride))
    seen = windows * NANO.window * extent.views * NANO.steps
    driver = Extent(1, extent.frames, NANO.width, NANO.height)
    seconds = (
        _FINISH * avatar_cost(extent, speed).seconds
        + _DRIVER * avatar_cost(driver, speed).seconds
        + seen * _CALL * speed.pixel_seconds
        + _BEGIN * 1e6 * speed.pixel_seconds
    )
    memory = avatar_cost(extent, speed).bytes + _BYTES + extent.pictures * _BYTES_PER_PICTURE
    return Cost(seconds, memory)
