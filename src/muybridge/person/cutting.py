"""People cut out of frames of a video: quick, and at a small size."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import UInt8

from muybridge.errors import InputError
from muybridge.person.matte import matte
from muybridge.video.images import MAX_PIXELS

_SIDE = 320
"""Longer side at which people are cut out, pixels."""


def cut_out(picture: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "H W"]:
    """The person's share of each pixel, 0 to 255; all of it where nobody is found.

    Args:
        picture: RGB.
    """
    height, width = picture.shape[:2]
    if height * width > MAX_PIXELS or min(height, width) < 32:
        return np.full((height, width), 255, np.uint8)
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(32, round(width * scale)), max(32, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    try:
        alpha = matte(np.ascontiguousarray(small)).alpha
    except InputError:
        return np.full((height, width), 255, np.uint8)
    large = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.rint(np.clip(large, 0, 1) * 255), np.uint8)
