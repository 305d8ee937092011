"""What 3DiMo on Wan costs: windows through the transformer; all else is little beside it.

Operations are counted from the weights: two for each weight and token, and those of
self-attention. What a machine does of them in a second: :mod:`muybridge.methods.reimagine.cost`.
"""

from __future__ import annotations

from math import ceil

from muybridge.methods.avatar.cost import cost as avatar_cost
from muybridge.methods.cost import Cost, Extent, Speed
from muybridge.methods.reimagine.cost import gpu_operations
from muybridge.methods.threedimo.config import PAPER, PAPER_WAN21, ThreeDimoConfig

_PER_PIXEL = 20_000
"""Operations of the networks that a core does in the time of a drawn pixel."""
_SHARE = 0.45
"""Of what a GPU could do that it does."""
_BEGIN = 3e13
"""Operations before the first step: texts, the reference, the driver."""
_PIXELS = 480 * 832
_WEIGHTS = {"paper": (5.11e9, 6.4e9), "paper-wan21": (16.63e9, 6.4e9)}
"""Of the transformer with motion, and of the encoders and the autoencoder."""
_PER_LATENT = {"paper": 16, "paper-wan21": 8}
"""Pixels of a latent's side."""


def paper_cost(extent: Extent, speed: Speed) -> Cost:
    """Seconds to make the extent on Wan 2.2's 5B model, and memory.

    On a GPU numbers have two bytes, on a CPU four. All weights pass through the machine's own
    memory when they are read, so a GPU does not spare it.

    Args:
        extent: the frames of the whole video for the time; of one piece for the memory.
        speed: of this machine.
    """
    return _cost(PAPER, extent, speed)


def wan21_cost(extent: Extent, speed: Speed) -> Cost:
    """As :func:`paper_cost`, on Wan 2.1's 14B model."""
    return _cost(PAPER_WAN21, extent, speed)


def operations_of_call(config: ThreeDimoConfig, latents: int) -> float:
    """Operations of so many latent frames' way through the transformer, once.

    Args:
        config: of a size on Wan. ``latents``: latent frames, the reference's among them.
    """
    shape = config.transformer
    width = shape["num_attention_heads"] * shape["attention_head_dim"]
    patch = _PER_LATENT[config.size] * shape["patch_size"][1]
    tokens = latents * _PIXELS / patch**2
    return tokens * (
        2 * _WEIGHTS[config.size][0] + 4 * shape["num_layers"] * tokens * width
    )


def _cost(config: ThreeDimoConfig, extent: Extent, speed: Speed) -> Cost:
    """See :func:`paper_cost`."""
    window, overlap = (n // config.compression for n in (config.window - 1, config.overlap))
    latents = ceil(extent.frames / config.compression)
    windows = 1 + max(0, ceil((latents - window) / (window - overlap)))
    calls = extent.views * windows * config.steps * (2 if config.guidance != 1 else 1)
    operations = _BEGIN + calls * operations_of_call(config, 1 + min(latents, window))
    on_gpu = gpu_operations() * _SHARE
    seconds = avatar_cost(extent, speed).seconds + operations / max(
        on_gpu, _PER_PIXEL / speed.pixel_seconds
    )
    each = 2 if on_gpu else 4
    memory = (
        avatar_cost(extent, speed).bytes + int(sum(_WEIGHTS[config.size]) * each)
        + (6 << 30) + extent.pictures * 7 * _PIXELS
    )
    return Cost(seconds, memory)
