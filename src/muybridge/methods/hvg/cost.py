"""What HVG's nano size costs: the pictures that its tiles hold, bone maps, and drawing."""

from __future__ import annotations

from muybridge.methods.avatar.cost import cost as avatar_cost
from muybridge.methods.cost import Cost, Extent, Speed
from muybridge.methods.hvg.config import NANO
from muybridge.methods.hvg.diffuse import reach_of
from muybridge.sampling import images_per_step, progressive

_CALL = 108_000
"""A picture's share of a network call, in drawn pixels."""
_MAPS = 3.0
"""Bone maps of a picture, in drawings of the networks' size."""
_FINISH = 1.6
"""Pasting, detail and ground, in drawings of the result."""
_ENCODE_SECONDS = 10.0
"""Loading the networks and encoding the reference, in drawings of a megapixel."""
_BYTES = 600 << 20
"""Networks, and what one tile needs."""
_BYTES_PER_PICTURE = 300_000
"""Latents and maps that are kept for the whole video."""
_WEIGHTS = 24 << 20
"""Networks alone."""


def cost(extent: Extent, speed: Speed) -> Cost:
    """Seconds to make the extent, and memory. Views are taken to stand all the way round.

    Args:
        extent: the frames of the whole video for the time; of one piece for the memory.
        speed: of this machine.
    """
    plan = progressive(
        extent.views, extent.frames, reach_of(NANO), closed=extent.views > 2,
        share=NANO.time_share,
    )
    seen = images_per_step(plan, 1, extent.views, extent.frames) * NANO.steps
    maps = Extent(extent.views, extent.frames, NANO.width, NANO.height)
    seconds = (
        _FINISH * avatar_cost(extent, speed).seconds
        + _MAPS * avatar_cost(maps, speed).seconds
        + seen * _CALL * speed.pixel_seconds
        + _ENCODE_SECONDS * 1e6 * speed.pixel_seconds
    )
    memory = avatar_cost(extent, speed).bytes + _BYTES + extent.pictures * _BYTES_PER_PICTURE
    return Cost(seconds, memory)


def along_time(extent: Extent, speed: Speed, steps: int) -> Cost:
    """What it costs besides to send the pictures of another method through nano along time.

    Args:
        extent: the frames of the whole video for the time; of one piece for the memory.
        speed: of this machine.
        steps: of the sampler.
    """
    window = NANO.time_window[1]
    seen = extent.pictures * steps * window / (window - window // 4)
    maps = Extent(extent.views, extent.frames, NANO.width, NANO.height)
    seconds = (
        _MAPS * avatar_cost(maps, speed).seconds
        + seen * _CALL * speed.pixel_seconds
        + _ENCODE_SECONDS * 1e6 * speed.pixel_seconds
    )
    return Cost(seconds, _WEIGHTS + extent.pictures * _BYTES_PER_PICTURE)
