"""What stands behind the person.

``plain`` is an endless studio: a bright floor that fades into the backdrop, with a
pool of light where the person is. It lives in the world, so it moves with the camera.
``keep`` is the photo's own ground with the person painted out, ``image`` any picture;
both fill the frame and stand still. ``transparent`` is nothing at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from muybridge.errors import InputError
from muybridge.video import read_image

KINDS = ("plain", "keep", "transparent")

@dataclass(frozen=True)
class Background:
    """A ground to put the person on; make one with :meth:`of_picture`, :meth:`of_photo` or
    :meth:`of_file`.

    Attributes:
        kind: ``plain``, ``transparent`` or ``picture``.
        picture: for ``picture``: RGB in [0, 1], any size.
    """

    kind: str = "plain"
    picture: Float[Tensor, "3 h w"] | None = None

    @staticmethod
    def of_picture(image: UInt8[ndarray, "h w 3"]) -> Background:
        """A picture that fills the frame (scaled to cover it, cut at the centre)."""
        return Background(
            "picture", torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float() / 255
        )

    @staticmethod
    def of_photo(image: UInt8[ndarray, "h w 3"], alpha: Float[ndarray, "h w"]) -> Background:
        """A photo's own ground: the person painted out.

        Args:
            image: the photo.
            alpha: share of the person in each pixel, 0 to 1.
        """
        return Background.of_picture(paint_out(image, alpha))

    @staticmethod
    def of_file(path: str | PathLike[str]) -> Background:
        """A picture from disk.

        Raises:
            InputError: the file is no picture.
        """
        return Background.of_picture(read_image(path))


def paint_out(
    image: UInt8[ndarray, "h w 3"], alpha: Float[ndarray, "h w"]
) -> UInt8[ndarray, "h w 3"]:
    """A picture without what ``alpha`` covers, filled smoothly from around it.

    Pull-push: the picture is averaged down a pyramid, known pixels only, and the holes
    are filled from the coarser level on the way up (Gortler et al., The Lumigraph, 1996).
    """
    reach = max(2, round(0.008 * max(image.shape[:2])))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    hole = cv2.dilate((alpha > 0.02).astype(np.uint8), disc)
    weight = 1.0 - cv2.GaussianBlur(hole.astype(np.float32), (0, 0), 2.0)
    weight[hole > 0] = 0
    if not weight.any():
        return np.full_like(image, 235)
    filled = _pull_push(image.astype(np.float32) * weight[..., None], weight)
    return np.clip(np.rint(filled), 0, 255).astype(np.uint8)


def _pull_push(color: ndarray, weight: ndarray) -> ndarray:
    """Colours (premultiplied by their weight) with the gaps filled from coarser levels."""
    height, width = weight.shape
    known = color / np.maximum(weight, 1e-6)[..., None]
    if min(height, width) <= 2 or (weight > 0).all():
        mean = color.sum((0, 1)) / max(float(weight.sum()), 1e-6)
        return np.where(weight[..., None] > 0, known, mean)
    half = ((width + 1) // 2, (height + 1) // 2)
    small = cv2.resize(color, half, interpolation=cv2.INTER_AREA)
    small_weight = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    coarse = _pull_push(small, small_weight)
    up = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    trust = np.clip(weight, 0, 1)[..., None]
    return known * trust + up * (1 - trust)


def cover(
    picture: Float[Tensor, "3 h w"], width: int, height: int
) -> Float[Tensor, "3 {height} {width}"]:
    """A picture ``[3, h, w]`` scaled to cover a frame, cut at the centre."""
    h, w = picture.shape[1:]
    scale = max(width / w, height / h)
    size = (max(height, round(h * scale)), max(width, round(w * scale)))
    grown = torch.nn.functional.interpolate(
        picture[None], size=size, mode="bilinear", align_corners=False, antialias=True
    )[0].clamp(0, 1)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return grown[:, top : top + height, left : left + width]


def parse_kind(text: str) -> str:
    """``plain``, ``keep``, ``transparent`` or ``picture`` for what ``--background`` was given.

    Raises:
        InputError: neither one of these words nor a file.
    """
    if text in KINDS:
        return text
    if Path(text).is_file():
        return "picture"
    raise InputError(
        "--background", "", f"{text!r} is neither a kind nor a file",
        "use " + ", ".join(KINDS) + " or a picture",
    )
