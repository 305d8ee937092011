"""Motion that comes as pictures: how the body stands meanwhile, and the pictures themselves.

A driving video says how a body moves, not where it is in the world. So the person stands at the
origin and looks to azimuth 0 for as many frames as the video has; cameras, ground and shadow go
by that, and only the networks look at the video.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from muybridge.motion import Motion, clips, face_forward

LONGEST = 512
"""Longer side of kept pictures, pixels; larger ones are reduced. Networks see fewer."""


def standing(frames: int, fps: Fraction, name: str = "driven") -> Motion:
    """A body that stands quietly at the origin and looks to azimuth 0.

    Args:
        frames: how many, all alike.
        fps: frames per second.
        name: of the motion.
    """
    pose = face_forward(clips.make("idle", 1, fps))
    return replace(
        pose,
        R_parent_joint=pose.R_parent_joint.expand(frames, -1, -1, -1).clone(),
        root_position=pose.root_position.expand(frames, -1).clone(),
        face={}, name=name,
    )


def outstretched(motion: Motion) -> Motion:
    """The same places and directions with arms stretched out to the sides.

    How far a filmed person reaches is not known; cameras and crops leave this much room.

    Args:
        motion: of a body that stands.
    """
    rotations = torch.eye(3).to(motion.R_parent_joint).expand_as(motion.R_parent_joint).clone()
    rotations[:, 0] = motion.R_parent_joint[:, 0]
    return replace(motion, R_parent_joint=rotations)


def compact(pictures: Float[Tensor, "T 4 H W"]) -> UInt8[Tensor, "T 4 h w"]:
    """Pictures as they are kept for a whole video: bytes, at most :data:`LONGEST` long.

    Args:
        pictures: RGB premultiplied over black, and matte, in [0, 1].
    """
    height, width = pictures.shape[-2:]
    scale = LONGEST / max(height, width)
    if scale < 1:
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        pictures = F.interpolate(pictures, size, mode="area")
    return (pictures.clamp(0, 1) * 255).round().to(torch.uint8)


def picked(count: int, given: Fraction, fps: Fraction, start: int = 0) -> Sequence[int]:
    """Which pictures of a video are its frames at another rate: the nearest in time.

    Args:
        count: pictures of the video.
        given: its pictures per second. ``fps``: those wanted.
        start: first frame wanted, at ``fps``.

    Returns:
        Numbers of pictures, to the end of the video.
    """
    found = []
    t = start
    while (number := int(t * given / fps + Fraction(1, 2))) < count:
        found.append(number)
        t += 1
    return found
