"""Read the photos of a person: one, a front and a back, or both side by side in one picture."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np

from muybridge.errors import InputError
from muybridge.person.face_detect import find_face, head_skin_share
from muybridge.person.ground_model import fit_ground
from muybridge.person.matte_evidence import certain_difference
from muybridge.video import read_image_alpha

Picture = str | PathLike[str] | np.ndarray

LEAST_SIDE = 64
"""Smallest side of a usable photo, in pixels."""


@dataclass(frozen=True)
class PhotoInput:
    """One view of the person, as given by the user.

    Attributes:
        name: "front" or "back".
        image: uint8 RGB ``[H, W, 3]``.
        alpha: float32 ``[H, W]`` in 0..1 where the user gave a matte, else None.
        source: the file that it comes from ("array" where it was given as one).
        sha256: hash of that file (or of the array's bytes).
        box: x0, y0, x1, y1 of the view in that file's picture.
        notes: what was decided while reading, in words.
    """

    name: str
    image: np.ndarray
    alpha: np.ndarray | None
    source: str
    sha256: str
    box: tuple[int, int, int, int]
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class _Read:
    image: np.ndarray
    alpha: np.ndarray | None
    source: str
    sha256: str


def _read(picture: Picture, what: str) -> _Read:
    if isinstance(picture, np.ndarray):
        source, alpha = f"{what} array", None
        if picture.dtype != np.uint8 or picture.ndim not in (2, 3):
            raise InputError(
                source,
                "",
                f"is {picture.dtype} {picture.shape}",
                "give uint8 [H, W, 3] or [H, W, 4]",
            )
        image = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, 2)
        if image.shape[2] == 4:
            alpha = image[..., 3] if image[..., 3].min(initial=255) < 255 else None
            image = image[..., :3]
        if image.shape[2] != 3:
            raise InputError(source, "shape", f"is {picture.shape}", "give RGB or RGBA")
        digest = hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()
    elif isinstance(picture, (str, PathLike)):
        source = str(picture)
        image, alpha = read_image_alpha(picture)
        digest = hashlib.sha256(Path(picture).read_bytes()).hexdigest()
    else:
        raise InputError(what, "", f"is {type(picture).__name__}", "give a picture's path")
    height, width = image.shape[:2]
    if min(height, width) < LEAST_SIDE:
        raise InputError(
            source,
            "size",
            f"is {width}x{height} pixels",
            f"give a photo of at least {LEAST_SIDE} pixels on each side",
        )
    matte = None
    if alpha is not None:
        matte = _checked_alpha(alpha.astype(np.float32) / 255, f"{source}: its transparency")
        image = _over_white(image, matte)
    return _Read(np.ascontiguousarray(image), matte, source, digest)


def _over_white(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Paint what is transparent white: its stored colour is arbitrary."""
    blend = image * alpha[..., None] + 255.0 * (1 - alpha[..., None])
    return np.clip(blend + 0.5, 0, 255).astype(np.uint8)


def _checked_alpha(alpha: np.ndarray, source: str) -> np.ndarray:
    share = float((alpha >= 0.5).mean())
    if share < 0.002:
        raise InputError(source, "", "holds no person", "make the person white in it")
    if share > 0.985:
        raise InputError(source, "", "covers the whole picture", "make the ground black in it")
    return np.ascontiguousarray(alpha, np.float32)


def read_mask(mask: Picture, what: str = "mask") -> tuple[np.ndarray, str]:
    """A user's mask as float32 ``[H, W]`` in 0..1, and where it comes from.

    White (or opaque, or 1) is the person. Arrays may be bool, uint8 0..255 or float 0..1.

    Raises:
        InputError: where it is no mask, holds nothing, or covers everything.
    """
    if isinstance(mask, np.ndarray):
        source, values = f"{what} array", mask
        if values.ndim == 3 and values.shape[2] in (1, 3, 4):
            values = values[..., -1] if values.shape[2] != 3 else values.mean(-1)
            values = values.astype(np.uint8) if mask.dtype == np.uint8 else values
        if values.ndim != 2 or values.dtype.kind not in "buf":
            raise InputError(source, "shape", f"is {mask.dtype} {mask.shape}", "give [H, W]")
        if values.dtype.kind == "u":
            values = values.astype(np.float32) / np.iinfo(values.dtype).max
        values = values.astype(np.float32)
        if not np.isfinite(values).all() or values.min(initial=0) < 0 or values.max(initial=0) > 1:
            raise InputError(source, "values", "are not in 0..1", "give 0 for ground, 1 for person")
    else:
        source = str(mask)
        image, alpha = read_image_alpha(mask)
        chosen = alpha if alpha is not None else image.mean(-1)
        values = chosen.astype(np.float32) / 255
    return _checked_alpha(values, source), source


def person_columns(image: np.ndarray, alpha: np.ndarray | None = None) -> list[tuple[int, int]]:
    """The runs of columns, left to right, that hold something as tall as a person."""
    if alpha is not None:
        occupied = alpha >= 0.5
    else:
        occupied = certain_difference(image, fit_ground(image))
    height, width = occupied.shape
    filled = occupied.sum(0) > max(2, 0.004 * height)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], filled.astype(np.int8), [0]])))
    runs = [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
    joined: list[tuple[int, int]] = []
    for start, end in runs:
        if joined and start - joined[-1][1] < 0.012 * width:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return [
        (a, b)
        for a, b in joined
        if b - a > 0.04 * width and np.ptp(np.flatnonzero(occupied[:, a:b].any(1))) > 0.35 * height
    ]


def find_seam(image: np.ndarray, left: int, right: int) -> tuple[int, bool]:
    """The column to split at between two people, and whether a seam shows there.

    Two photos side by side usually differ a little in the ground's tone: the seam is a
    column at which nearly every row steps. Without one, the split is midway.
    """
    left, right = max(1, left), min(image.shape[1] - 1, right)
    strip = image[:, left - 1 : right + 1].astype(np.int16)
    step = np.abs(np.diff(strip, axis=1)).sum(-1)
    share = (step >= 2).mean(0)
    strength = np.median(step, 0) + share
    middle = (right - left) / 2
    if strength.size == 0:
        return (left + right) // 2, False
    nearness = 1 - 0.3 * np.abs(np.arange(strength.size) - middle) / max(middle, 1)
    best = int((strength * nearness).argmax())
    others = np.delete(strength, best)
    typical = float(np.median(others)) if others.size else 0.0
    if share[best] > 0.6 and strength[best] > 2 * typical + 0.8:
        return left + best, True
    return round((left + right) / 2), False


def _split_column(read: _Read, layout: str) -> tuple[int, str] | None:
    """Where to split a sheet and why; None where the picture is a single photo."""
    height, width = read.image.shape[:2]
    if layout == "single" or (layout == "auto" and width < 0.6 * height):
        return None
    people = person_columns(read.image, read.alpha)
    if len(people) == 2:
        (a0, a1), (b0, b1) = people
        column, seam = find_seam(read.image, a1, b0)
        alike = min(a1 - a0, b1 - b0) > 0.4 * max(a1 - a0, b1 - b0)
        sides = column > 0.25 * width and column < 0.75 * width
        if layout == "sheet" or (alike and sides):
            where = "the seam" if seam else "the gap"
            return column, f"two people side by side: split at {where}, column {column}"
    if layout == "sheet":
        if len(people) > 2:
            raise InputError(
                read.source, "layout", f"shows {len(people)} people", "crop it to front and back"
            )
        column, seam = find_seam(read.image, round(0.4 * width), round(0.6 * width))
        where = "the seam" if seam else "the middle"
        return column, f"layout sheet: split at {where}, column {column}"
    return None


def _which_is_front(halves: list[_Read]) -> tuple[int, str]:
    """Index of the half that shows the face, and the reason in words."""
    scores, shares = [], []
    for half in halves:
        if half.alpha is not None:
            mask = half.alpha >= 0.5
        else:
            mask = certain_difference(half.image, fit_ground(half.image))
        face = find_face(half.image, mask)
        scores.append(face.score if face is not None else 0.0)
        shares.append(head_skin_share(half.image, mask))
    sides = ("left", "right")
    if (scores[0] > 0) != (scores[1] > 0) or abs(scores[0] - scores[1]) > 0.25:
        front = int(scores[1] > scores[0])
        return front, f"the {sides[front]} half is the front: it shows the face"
    if abs(shares[0] - shares[1]) > 0.12:
        front = int(shares[1] > shares[0])
        return front, f"the {sides[front]} half is taken for the front: more skin in the head"
    return 0, "could not tell front from back by the face: the left half is taken for the front"


def _crop(read: _Read, x0: int, x1: int) -> _Read:
    alpha = read.alpha[:, x0:x1].copy() if read.alpha is not None else None
    return _Read(read.image[:, x0:x1].copy(), alpha, read.source, read.sha256)


def _with_mask(read: _Read, mask: Picture | None, what: str) -> _Read:
    if mask is None:
        return read
    values, source = read_mask(mask, what)
    if values.shape != read.image.shape[:2]:
        height, width = read.image.shape[:2]
        raise InputError(
            source,
            "size",
            f"is {values.shape[1]}x{values.shape[0]}, the photo is {width}x{height}",
            "give a mask of the photo's own size",
        )
    return _Read(read.image, values, read.source, read.sha256)


def _photo(name: str, read: _Read, x0: int, notes: tuple[str, ...]) -> PhotoInput:
    height, width = read.image.shape[:2]
    box = (x0, 0, x0 + width, height)
    return PhotoInput(name, read.image, read.alpha, read.source, read.sha256, box, notes)


def _read_sheet(
    read: _Read, split: tuple[int, str], mask: Picture | None, back_mask: Picture | None
) -> list[PhotoInput]:
    column, why = split
    width = read.image.shape[1]
    if mask is not None:
        values, _ = read_mask(mask, "mask")
        if values.shape == read.image.shape[:2]:
            read, mask = _Read(read.image, values, read.source, read.sha256), None
    spans = [(0, column), (column, width)]
    halves = [_crop(read, a, b) for a, b in spans]
    for half in halves:
        if half.image.shape[1] < LEAST_SIDE:
            raise InputError(
                read.source, "layout", "one half is too narrow", "give front and back as two files"
            )
        if half.alpha is not None:
            _checked_alpha(half.alpha, f"{read.source}: mask of one half")
    front, reason = _which_is_front(halves)
    photos = []
    for name, index, own in (("front", front, mask), ("back", 1 - front, back_mask)):
        half = _with_mask(halves[index], own, "mask" if name == "front" else "back_mask")
        photos.append(_photo(name, half, spans[index][0], (why, reason)))
    return photos


def read_photo(
    front: Picture,
    back: Picture | None = None,
    mask: Picture | None = None,
    back_mask: Picture | None = None,
    layout: str = "auto",
) -> list[PhotoInput]:
    """Read one or two views of a person.

    Args:
        front: a picture's path (or uint8 RGB(A) array): the front, or front and back side
            by side.
        back: the same person from behind.
        mask: a matte of ``front`` (of the whole sheet, or of its front half), of its size.
        back_mask: a matte of the back.
        layout: "auto" looks whether two people stand side by side; "single" and "sheet"
            say so.

    Returns:
        The front, and the back where there is one.

    Raises:
        InputError: an unreadable picture, a mask of another size, empty or full, a layout
            that the picture can't have.
    """
    if layout not in ("auto", "single", "sheet"):
        raise InputError("layout", "", f"is {layout!r}", "choose auto, single or sheet")
    if back is not None and layout == "sheet":
        raise InputError("layout", "", "sheet holds the back already", "leave back out")
    read = _read(front, "front")
    if back is None:
        split = _split_column(read, layout)
        if split is not None:
            return _read_sheet(read, split, mask, back_mask)
        if back_mask is not None:
            raise InputError("back_mask", "", "there is no back photo", "give back too")
    photos = [_photo("front", _with_mask(read, mask, "mask"), 0, ())]
    if back is not None:
        other = _with_mask(_read(back, "back"), back_mask, "back_mask")
        photos.append(_photo("back", other, 0, ()))
    return photos
