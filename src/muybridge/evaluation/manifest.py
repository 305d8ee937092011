"""What the pictures of Plates have to be: their SHA-256, and thumbnails for other processors.

Pictures are rendered in floating point and rounded to 8 bit, and not every processor adds in the
same order. Where a clip's sum differs, its thumbnails tell pictures that differ in the last bit
from other pictures.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64, Shaped, UInt8
from numpy import ndarray

from muybridge.data.record import Clip
from muybridge.errors import InputError
from muybridge.evaluation.plates import VERSION, Plates

Truth = Literal[
    "byte-identical", "equal within 1 level in the mean, another CPU", "no checksums known"
]
"""How pictures compare to the manifest's."""
SAME: Truth = "byte-identical"
NEAR: Truth = "equal within 1 level in the mean, another CPU"
UNKNOWN: Truth = "no checksums known"
_WORSE: tuple[Truth, ...] = (SAME, NEAR, UNKNOWN)
CELLS = 8
"""Of a thumbnail, across and down."""
_SHOWN = 6
"""Pictures of a clip that have a thumbnail, references apart."""
_LEVEL = 1.5
"""Most that a cell's mean may differ: one level of 255, and the rounding of what is kept."""


@dataclass(frozen=True)
class Entry:
    """A clip of the manifest.

    Attributes:
        sha256: of its pictures, see :func:`digest_of`.
        thumbnails: of some of its pictures.
    """

    sha256: str
    thumbnails: UInt8[ndarray, "P 8 8 4"]

    def to_dict(self) -> dict[str, str]:
        """Plain values for JSON."""
        packed = zlib.compress(self.thumbnails.tobytes(), 9)
        return {"sha256": self.sha256, "thumbnails": base64.b85encode(packed).decode()}

    @staticmethod
    def from_dict(data: Mapping[str, str]) -> Entry:
        """What :meth:`to_dict` told."""
        raw = zlib.decompress(base64.b85decode(data["thumbnails"]))
        shape = (-1, CELLS, CELLS, 4)
        return Entry(data["sha256"], np.frombuffer(raw, np.uint8).reshape(shape))


def entry_of(clip: Clip) -> Entry:
    """What the manifest says of a clip."""
    return Entry(digest_of(clip), np.rint(cells_of(clip)).astype(np.uint8))


def digest_of(clip: Clip) -> str:
    """SHA-256 of the pixels of a clip and its references, whatever codec they lie in."""
    digest = hashlib.sha256()
    rgb, matte = clip.raw()
    for pixels in (rgb, matte, *(clip.references[n].rgba for n in sorted(clip.references))):
        digest.update(repr(pixels.shape).encode())
        digest.update(np.ascontiguousarray(pixels).tobytes())
    return digest.hexdigest()


def cells_of(clip: Clip) -> Float64[ndarray, "P 8 8 4"]:
    """Means of the cells of a few pictures and of the references, RGB over black and matte."""
    rgb, matte = clip.raw()
    whole = np.concatenate([rgb, matte[..., None]], -1).reshape(-1, *rgb.shape[2:4], 4)
    count = len(whole)
    shown = sorted({k * count // _SHOWN for k in range(_SHOWN)})
    means = [_means(whole[k]) for k in shown]
    for name in sorted(clip.references):
        rgba = clip.references[name].rgba.astype(np.float64)
        rgba[..., :3] *= rgba[..., 3:] / 255
        means.append(_means(rgba))
    return np.stack(means)


def _means(picture: Shaped[ndarray, "H W 4"]) -> Float64[ndarray, "8 8 4"]:
    """Means of the cells of a picture; cells are as equal as pixels allow."""
    rows = np.linspace(0, picture.shape[0], CELLS + 1).astype(int)
    columns = np.linspace(0, picture.shape[1], CELLS + 1).astype(int)
    sums = np.add.reduceat(np.add.reduceat(picture.astype(np.float64), rows[:-1], 0),
                           columns[:-1], 1)
    return np.asarray(sums / (np.diff(rows)[:, None] * np.diff(columns))[..., None])


def check(clip: Clip, entry: Entry | None) -> Truth:
    """How a clip compares to the manifest.

    Args:
        clip: as it lies on the disk.
        entry: what it should be; ``None`` where no manifest knows it.

    Raises:
        InputError: its pictures are others.
    """
    if entry is None:
        return UNKNOWN
    if digest_of(clip) == entry.sha256:
        return SAME
    found = cells_of(clip)
    if found.shape == entry.thumbnails.shape and np.abs(found - entry.thumbnails).max() <= _LEVEL:
        return NEAR
    raise InputError(
        clip.name, "pictures", "are not those of the benchmark",
        "remove its folder and make Plates again, with this version of muybridge",
    )


def worst(found: list[Truth]) -> Truth:
    """What can be said of several clips together."""
    return max(found, key=_WORSE.index, default=UNKNOWN)


@cache
def manifest_of(plates: Plates) -> Mapping[str, Entry]:
    """The shipped entries of Plates by ``PERSON/CLIP``; none for sets of one's own."""
    file = files("muybridge.evaluation").joinpath(f"data/plates-{plates.name}.json")
    if not file.is_file():
        return {}
    data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if data["plates"] != described(plates):
        return {}
    return {name: Entry.from_dict(entry) for name, entry in data["clips"].items()}


def described(plates: Plates) -> dict[str, Any]:
    """What a set of people is made by, as plain values."""
    p = plates.programme
    return {
        "version": VERSION, "name": plates.name, "people": plates.people, "orbit": p.views,
        "motions": p.motions, "views": p.grid, "frames": p.frames, "fps": p.fps,
        "size": list(p.size), "reference_scale": p.reference_scale,
    }
