"""Noise that belongs to a place in the video, not to a run.

Each (view, frame) has a random generator of its own, on the CPU. So windows, chunks, devices
and the number of workers change nothing, and a longer video begins with the same noise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def item_generator(seed: int, *numbers: int) -> torch.Generator:
    """A fresh CPU generator for one item, named by numbers such as (view, frame)."""
    name = ",".join(str(int(number)) for number in (seed, *numbers))
    digest = hashlib.sha256(name.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def draw_noise(
    seed: int, views: Sequence[int], frames: Sequence[int], shape: tuple[int, int, int]
) -> Float[Tensor, "V T C h w"]:
    """Standard normal noise of some views and frames.

    Args:
        seed: of the video.
        views, frames: their numbers in the whole video.
        shape: channels, height, width of one latent picture.
    """
    noise = torch.empty(len(views), len(frames), *shape)
    for v, view in enumerate(views):
        for t, frame in enumerate(frames):
            noise[v, t] = torch.randn(shape, generator=item_generator(seed, view, frame))
    return noise
