"""Asset pictures: a face, garments and shoes, each alone, which make up a person.

They come from a user's files (cut out already, or product photos on a plain ground), from a
person of the project's own data sets, or from a fitted person's photos. Networks see each of
them by itself, over the ground of their pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray
from torch import Tensor

from muybridge.errors import InputError
from muybridge.methods.reimagine.condition_encoder import ASSETS
from muybridge.person.ground_model import fit_ground, lab_distance, rgb_to_lab
from muybridge.video import read_image_alpha

if TYPE_CHECKING:
    from muybridge.data import Clip
    from muybridge.methods.reimagine.config import ReImagineConfig
    from muybridge.person import Person

COMBINATIONS = "face + upper + lower (+ shoes), face + full (+ shoes), or front; each (+ back)"
"""What makes a person; the release documents the same."""
_PLAIN = 0.8
"""Share of the border that a plain ground explains."""
_LEAST = 0.01
"""Of a picture that an asset has to cover."""
_HOLE = 0.004
"""Holes below this share of an asset are filled."""
SHOWN = 20
"""Level of a mask from which on a picture is cropped to it."""
_SHARES = {
    "face": (0.38, 0.38), "upper": (0.62, 0.38), "lower": (0.38, 0.56), "full": (0.62, 0.75),
    "shoes": (0.5, 0.19), "front": (1.0, 1.0), "back": (1.0, 1.0),
}
"""Width and height of each asset's canvas, as shares of the networks' pictures' height; of
front and back as shares of the pictures."""
Rgba = UInt8[ndarray, "_ _ 4"]
"""Colours as they are (not premultiplied), and the asset's mask."""


@dataclass(frozen=True)
class Anchor:
    """Where the body that wears a garment is in the garment's picture, pixels.

    Attributes:
        x, y: the neck of tops and dresses, the pelvis of what is worn below.
        width: of the waist, or of the hips; see :class:`muybridge.methods.reimagine.marks.Marks`.
    """

    x: float
    y: float
    width: float


@dataclass(frozen=True)
class AssetPictures:
    """What a person is made of.

    Attributes:
        pictures: RGBA by the names of the release: ``face``, ``upper``, ``lower``, ``full``,
            ``shoes``, ``front``, ``back``. Front and back are whole people.
        behind: the same things from behind, where they are known; garments only.
        anchors: of garments whose wearer is known, as ``upper`` and, from behind,
            ``upper-back``; others are measured in their pictures.
    """

    pictures: Mapping[str, ndarray]
    behind: Mapping[str, ndarray] = field(default_factory=dict)
    anchors: Mapping[str, Anchor] = field(default_factory=dict)

    @property
    def front_only(self) -> AssetPictures:
        """The same without what is known from behind."""
        shown = {k: v for k, v in self.pictures.items() if k != "back"}
        return AssetPictures(shown, anchors=self.anchors)

    def checked(self, source: str = "assets") -> AssetPictures:
        """This set, if it makes a person.

        Args:
            source: what to call it in errors.

        Raises:
            InputError: an unknown name, a combination that makes nobody, a picture that is
                none or shows nothing.
        """
        given = set(self.pictures)
        for name in (*self.pictures, *self.behind):
            if name not in ASSETS:
                raise InputError(source, name, "is no asset", f"use {', '.join(ASSETS)}")
        if "full" in given and given & {"upper", "lower"}:
            raise InputError(source, "full", "is given beside upper or lower",
                             "leave out one or the other")
        if "front" not in given and not {"face", "full"} <= given:
            missing = [name for name in ("face", "upper", "lower") if name not in given]
            if missing:
                raise InputError(source, missing[0], "is missing", f"give {COMBINATIONS}")
        for name, rgba in (*self.pictures.items(), *self.behind.items()):
            if rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.dtype != np.uint8:
                raise InputError(source, name, f"is {rgba.dtype} {rgba.shape}",
                                 "give uint8 [H, W, 4]")
            if min(rgba.shape[:2]) < 8 or float((rgba[..., 3] > 127).mean()) < _LEAST:
                raise InputError(source, name, "shows nothing",
                                 "give a picture that the asset fills, with its mask")
        return self


def read_assets(
    files: Mapping[str, str | PathLike[str]],
    behind: Mapping[str, str | PathLike[str]] | None = None, whole: bool = True,
) -> AssetPictures:
    """Assets from pictures: with transparency, or on a plain ground that is then cut away.

    Args:
        files: by the names of :class:`AssetPictures`. ``behind``: the same from behind.
        whole: they have to make a person.

    Raises:
        InputError: a picture can't be read or cut out, or they make nobody.
    """
    made = AssetPictures(
        {name: read_asset(path, name) for name, path in files.items()},
        {name: read_asset(path, name) for name, path in (behind or {}).items()},
    )
    return made.checked() if whole else made


def read_asset(path: str | PathLike[str], name: str) -> Rgba:
    """One asset, cut out and cropped to itself.

    Args:
        path: of the picture.
        name: of the asset, for errors.

    Raises:
        InputError: it can't be read, or its ground is not plain and it has no transparency.
    """
    rgb, alpha = read_image_alpha(path)
    if alpha is None:
        alpha = cut_from_plain(rgb, Path(path), name)
    return cropped(np.concatenate([rgb, alpha[..., None]], -1))


def cut_from_plain(
    rgb: UInt8[ndarray, "H W 3"], source: Path | str, name: str = ""
) -> UInt8[ndarray, "H W"]:
    """The mask of what stands before a plain ground.

    Args:
        rgb: the picture. ``source``, ``name``: for errors.

    Raises:
        InputError: the ground is not plain, or nothing differs from it.
    """
    ground = fit_ground(rgb)
    remedy = "give a PNG with transparency around the asset, or a photo on a plain ground"
    if ground.plainness < _PLAIN:
        raise InputError(source, name, "has no transparency, and its ground is not plain", remedy)
    apart = lab_distance(rgb_to_lab(rgb) - ground.lab)
    low = max(2.5, 4 * ground.noise)
    share = np.clip((apart - low) / low, 0, 1)
    solid = (share > 0.5).astype(np.uint8)
    reach = max(1, round(0.004 * max(solid.shape)))
    solid = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((2 * reach + 1,) * 2, np.uint8))
    ground_alone = (_without_specks(solid, 0.02) == 0).astype(np.uint8)
    solid = (_without_specks(ground_alone, _HOLE) == 0).astype(np.uint8)
    if float(solid.mean()) < _LEAST:
        raise InputError(source, name, "shows nothing that differs from its ground", remedy)
    inner = cv2.erode(solid, np.ones((3, 3), np.uint8))
    rim = cv2.dilate(solid, np.ones((3, 3), np.uint8))
    matte = np.where(inner > 0, 1.0, np.where(rim > 0, np.maximum(share, 0.5 * solid), 0.0))
    return np.rint(255 * matte).astype(np.uint8)


def _without_specks(mask: UInt8[ndarray, "H W"], share: float) -> UInt8[ndarray, "H W"]:
    """A 0/1 mask without components below a share of its largest one."""
    count, labels, about, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count < 2:
        return mask
    area = about[:, cv2.CC_STAT_AREA].astype(np.float64)
    keep = area >= share * area[1:].max()
    keep[0] = False
    return keep[labels].astype(np.uint8)


def without_holes(mask: Bool[ndarray, "H W"]) -> Bool[ndarray, "H W"]:
    """A mask with everything filled that it encloses."""
    ringed = np.pad((~mask).astype(np.uint8), 1, constant_values=1)
    labels = cv2.connectedComponents(ringed, connectivity=4)[1]
    return np.asarray(labels[1:-1, 1:-1] != labels[0, 0])


def cropped(rgba: Rgba, margin: float = 0.0) -> Rgba:
    """A picture cropped to what is in it; as it is where there is nothing.

    Args:
        rgba: the picture.
        margin: free border, as a share of the longer side; as far as the picture goes.
    """
    rows = np.flatnonzero((rgba[..., 3] > SHOWN).any(1))
    columns = np.flatnonzero((rgba[..., 3] > SHOWN).any(0))
    if not len(rows):
        return rgba
    room = round(margin * max(rows[-1] - rows[0], columns[-1] - columns[0]))
    top, left = max(0, rows[0] - room), max(0, columns[0] - room)
    return np.ascontiguousarray(rgba[top : rows[-1] + 1 + room, left : columns[-1] + 1 + room])


def assets_of_clip(clip: Clip, *, back: bool = False) -> AssetPictures:
    """The assets of a person of our own data sets.

    Args:
        clip: with assets, as ``muybridge people --canonical`` makes them.
        back: also the whole person from behind.

    Raises:
        InputError: the clip has no assets.
    """
    found: dict[str, dict[str, Rgba]] = {"front": {}, "back": {}}
    for name, rgba in clip.assets.items():
        what, _, side = name.rpartition("-")
        if what in ASSETS and side in found and float((rgba[..., 3] > 127).mean()) >= _LEAST:
            found[side][what] = cropped(rgba)
    if not found["front"]:
        raise InputError(clip.name, "assets", "are none", "make people with --canonical")
    if back and "back" in clip.references:
        found["front"]["back"] = clip.references["back"].rgba
    return AssetPictures(found["front"], found["back"]).checked(clip.name)


def shown_whole(person: Person) -> dict[str, Rgba]:
    """The front and the back of a fitted person, as far as there are photos, cut out."""
    return {
        photo.name: cropped(np.concatenate(
            [photo.image, np.rint(255 * photo.alpha[..., None]).astype(np.uint8)], -1
        ))
        for photo in person.photos if photo.name in ("front", "back")
    }


def canvas_size(config: ReImagineConfig, name: str) -> tuple[int, int]:
    """Width and height in which networks of a size see an asset, pixels.

    Args:
        config: of the size. ``name``: of the asset.
    """
    token = 2 * config.latent_patch
    across, down = _SHARES[name]
    width = config.width if name in ("front", "back") else config.height
    return (
        max(token, round(across * width / token) * token),
        max(token, round(down * config.height / token) * token),
    )


def canvas(rgba: Rgba, width: int, height: int) -> Float[Tensor, "4 h w"]:
    """An asset as large as it fits into a canvas, in the middle; nothing around it.

    Args:
        rgba: the asset. ``width``, ``height``: of the canvas, pixels.

    Returns:
        RGB premultiplied over black, and matte, in [0, 1].
    """
    rows, columns = rgba.shape[:2]
    scale = min(width / columns, height / rows)
    wide = max(1, min(width, round(columns * scale)))
    high = max(1, min(height, round(rows * scale)))
    small = resized(rgba, wide, high)
    made = torch.zeros(4, height, width)
    top, left = (height - high) // 2, (width - wide) // 2
    made[:, top : top + high, left : left + wide] = small
    return made


def resized(rgba: Rgba, width: int, height: int) -> Float[Tensor, "4 h w"]:
    """A picture at another size, RGB premultiplied over black, and matte, in [0, 1]."""
    share = rgba[..., 3:].astype(np.float32) / 255
    whole = np.concatenate([rgba[..., :3].astype(np.float32) / 255 * share, share], -1)
    shrinks = width * height < whole.shape[0] * whole.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    small = cv2.resize(whole, (width, height), interpolation=how)
    return torch.from_numpy(np.ascontiguousarray(small.transpose(2, 0, 1))).clamp(0, 1)
