"""Pictures of data sets that keep one file a frame: read, masked and scaled when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from muybridge.errors import InputError
from muybridge.video import read_image, read_image_alpha

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class PhotoPictures:
    """Frames and masks in files of their own.

    Attributes:
        photos: files by view and frame.
        masks: the same; white (or opaque) is the person.
        full: height and width that every file has to have.
        size: height and width that are given; the same shape as ``full``, nearly.
    """

    photos: tuple[tuple[Path, ...], ...]
    masks: tuple[tuple[Path, ...], ...]
    full: tuple[int, int]
    size: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Views, frames, height, width."""
        return len(self.photos), len(self.photos[0]), *self.size

    def read(
        self, views: Sequence[int], frames: Sequence[int]
    ) -> tuple[UInt8[ndarray, "V T H W 3"], UInt8[ndarray, "V T H W"]]:
        """Chosen frames, premultiplied, and their mattes.

        Raises:
            InputError: a file is missing, damaged, or of another size.
        """
        rgb = np.zeros((len(views), len(frames), *self.size, 3), np.uint8)
        matte = np.zeros(rgb.shape[:-1], np.uint8)
        for i, v in enumerate(views):
            for k, t in enumerate(frames):
                photo = read_image(self.photos[v][t])
                mask = read_mask(self.masks[v][t])
                for path, picture in ((self.photos[v][t], photo), (self.masks[v][t], mask)):
                    if picture.shape[:2] != self.full:
                        raise InputError(
                            path, "size", f"is {picture.shape[1]}x{picture.shape[0]}, not "
                            f"{self.full[1]}x{self.full[0]}", "give pictures of one size",
                        )
                rgb[i, k], matte[i, k] = masked(photo, mask, self.size)
        return rgb, matte


def read_mask(path: Path) -> UInt8[ndarray, "H W"]:
    """A mask: its transparency where it has any, else its brightness."""
    rgb, alpha = read_image_alpha(path)
    return alpha if alpha is not None else rgb.max(-1)


def masked(
    photo: UInt8[ndarray, "H W 3"], mask: UInt8[ndarray, "H W"], size: tuple[int, int]
) -> tuple[UInt8[ndarray, "h w 3"], UInt8[ndarray, "h w"]]:
    """A photo over black, and its mask, scaled to a height and width by area."""
    share = mask.astype(np.float32) / 255
    stack = np.concatenate([photo * share[..., None], mask[..., None]], -1, dtype=np.float32)
    if stack.shape[:2] != size:
        shrinks = size[0] < stack.shape[0]
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        stack = cv2.resize(stack, (size[1], size[0]), interpolation=how)
    out = np.rint(stack).clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(out[..., :3]), np.ascontiguousarray(out[..., 3])


def picture_in(folder: Path, stem: str) -> Path:
    """The picture of that name, whatever its suffix.

    Raises:
        InputError: there is none.
    """
    for suffix in SUFFIXES:
        if (folder / (stem + suffix)).is_file():
            return folder / (stem + suffix)
    raise InputError(folder, stem, "is missing", "copy the data set again")


def stems_in(folder: Path) -> list[str]:
    """Names of the pictures in a folder, without suffix, in order."""
    if not folder.is_dir():
        raise InputError(folder, "", "is missing", "copy the data set again")
    return sorted({p.stem for p in folder.iterdir() if p.suffix.lower() in SUFFIXES})


def fitted(full: tuple[int, int], longest: int | None) -> tuple[int, int]:
    """Height and width with a longest side, the shape kept; as they are where ``None``."""
    if longest is None or max(full) <= longest:
        return full
    scale = longest / max(full)
    return max(1, round(full[0] * scale)), max(1, round(full[1] * scale))
