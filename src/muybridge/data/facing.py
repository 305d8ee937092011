"""Which pictures of a clip show the person from the front, and which from behind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.data.pictures import Pictures
from muybridge.data.record import Reference
from muybridge.motion import Motion
from muybridge.motion.kinematics import heading

SQUARE = 0.5
"""Cosine of the angle off the front (or back) that a reference may be seen under."""


def facing(cameras: Cameras, motion: Motion) -> Float[Tensor, "V T"]:
    """How squarely each picture sees the person: 1 from the front, -1 from behind."""
    angle = heading(motion.R_parent_joint[:, 0])
    ahead = torch.stack([angle.sin(), torch.zeros_like(angle), angle.cos()], -1)
    away = cameras.centers - motion.root_position
    level = away * away.new_tensor([1.0, 0.0, 1.0])
    return (F.normalize(level, dim=-1) * ahead).sum(-1)


def facing_references(
    pictures: Pictures, cameras: Cameras, motion: Motion, frames: Sequence[int] | None = None
) -> dict[str, Reference]:
    """Front and back: the pictures that see them most squarely; left out where none does.

    Args:
        pictures, cameras, motion: of a clip.
        frames: to choose among; all by default.
    """
    wanted = list(range(motion.frames) if frames is None else frames)
    grid = facing(cameras, motion)[:, wanted]
    found = {}
    for name, squarely in (("front", grid), ("back", -grid)):
        view, place = divmod(int(squarely.argmax()), len(wanted))
        if float(squarely[view, place]) >= SQUARE:
            t = wanted[place]
            found[name] = Reference(
                name, rgba_of(pictures, view, t), cameras.select([view]).slice(t, t + 1),
                motion.slice(t, t + 1),
            )
    return found


def rgba_of(pictures: Pictures, view: int, frame: int) -> UInt8[ndarray, "H W 4"]:
    """One picture with its matte as RGBA, colours as they are."""
    rgb, matte = pictures.read([view], [frame])
    share = matte[0, 0, ..., None].astype(np.float32)
    colour = np.rint(rgb[0, 0] * (255 / np.maximum(share, 1))).clip(0, 255).astype(np.uint8)
    return np.concatenate([colour, matte[0, 0, ..., None]], -1)
