"""What files a clip is made of, and how they are read, wherever their bytes lie.

=====================  ==============================================================
``person.json``        who, which body, how large the rest has to be, split, source
``frames.mkv``         FFV1: views, then frames; the person over black
``matte.mkv``          FFV1, grey: how much of each pixel is the person
``motion.npz``         the body's motion, on its own proportions
``cameras.json``       of every view and frame
``reference/*.png``    ``front`` and ``back``: RGBA, with ``cameras.json`` (a view each) and
                       ``motion.npz`` (a frame each)
``assets/*.png``       garments and face cut out, RGBA
=====================  ==============================================================
"""

from __future__ import annotations

import dataclasses
import io
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image

from muybridge.body import Shape
from muybridge.camera import Cameras
from muybridge.camera.formats.ours import parse as parse_cameras
from muybridge.data.pictures import CodedPictures, Pictures
from muybridge.data.record import Clip, Reference
from muybridge.errors import InputError
from muybridge.motion import Motion
from muybridge.motion.archive import member_names, read_npz
from muybridge.motion.npz import motion_from_members

VERSION = 1
PERSON, FRAMES, MATTE = "person.json", "frames.mkv", "matte.mkv"
MOTION, CAMERAS = "motion.npz", "cameras.json"
FIXED = (PERSON, FRAMES, MATTE, MOTION, CAMERAS)
FOLDERS = ("reference", "assets")
MAX_JSON = 1 << 26
MAX_SIDE = 16384
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

Files = Mapping[str, Callable[[], bytes]]
"""Names of a clip's files, with what gives the bytes of each."""


def describe(clip: Clip) -> bytes:
    """``person.json`` of a clip."""
    views, frames, height, width = clip.pictures.shape
    data = {
        "muybridge_clip": VERSION, "name": clip.name, "body": clip.body,
        "shape": dataclasses.asdict(clip.shape), "views": views, "frames": frames,
        "width": width, "height": height, "references": list(clip.references),
        "assets": list(clip.assets), "split": clip.split, "source": clip.source,
        "licence": clip.licence, "parameters": dict(clip.parameters),
    }
    return (json.dumps(data, indent=1) + "\n").encode()


def read_members(
    source: str, files: Files,
    pictures: Callable[[tuple[int, int, int, int]], Pictures] | None = None,
) -> Clip:
    """A clip from its files; its videos are not decoded yet.

    Args:
        source: what to call it in errors.
        files: everything that is there.
        pictures: gives them for views, frames, height and width, instead of the videos.

    Raises:
        InputError: a file is missing, damaged, or does not fit the others.
    """
    for name in FIXED:
        if name not in files and not (pictures and name in (FRAMES, MATTE)):
            raise InputError(source, name, "is missing", "write the clip again")
    said = _Said(f"{source}/{PERSON}", _json(f"{source}/{PERSON}", files[PERSON]()))
    if said.data.get("muybridge_clip") != VERSION:
        raise InputError(said.source, "muybridge_clip", "is not 1", "update muybridge")
    shape = (said.count("views"), said.count("frames"), said.count("height"), said.count("width"))
    clip = Clip(
        name=said.text("name"),
        pictures=pictures(shape) if pictures else CodedPictures(
            files[FRAMES], files[MATTE], shape, source
        ),
        cameras=_cameras(f"{source}/{CAMERAS}", files[CAMERAS]()),
        motion=_motion(f"{source}/{MOTION}", files[MOTION]()),
        body=said.text("body"),
        shape=said.shape(),
        references=_references(source, said.names("references"), files),
        assets={
            name: _png(f"{source}/assets/{name}.png", _need(source, files, f"assets/{name}.png"))
            for name in said.names("assets")
        },
        parameters=said.table("parameters"),
        split=said.text("split"), source=said.text("source"), licence=said.text("licence"),
    )
    return clip.checked(source)


def png(rgba: UInt8[ndarray, "_ _ 4"]) -> bytes:
    """An RGBA picture as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgba)).save(buffer, format="PNG")
    return buffer.getvalue()


class _Said:
    """``person.json``, field by field."""

    def __init__(self, source: str, data: dict[str, Any]) -> None:
        self.source, self.data = source, data

    def _refuse(self, key: str, problem: str) -> InputError:
        return InputError(self.source, key, problem, "write the clip again")

    def text(self, key: str) -> str:
        value = self.data.get(key)
        if not isinstance(value, str) or len(value) > 1000:
            raise self._refuse(key, "is missing or no text")
        return value

    def count(self, key: str) -> int:
        value = self.data.get(key)
        most = MAX_SIDE if key in ("width", "height") else 100_000
        if type(value) is not int or not 1 <= value <= most:
            raise self._refuse(key, f"is {str(value)[:20]!r}, not 1 to {most}")
        return value

    def names(self, key: str) -> list[str]:
        value = self.data.get(key)
        if not isinstance(value, list) or len(value) > 100:
            raise self._refuse(key, "is missing or no list of names")
        for name in value:
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise self._refuse(key, f"holds {str(name)[:40]!r}, which is no name")
        return value

    def table(self, key: str) -> dict[str, Any]:
        value = self.data.get(key)
        if not isinstance(value, dict):
            raise self._refuse(key, "is missing or no table")
        return value

    def shape(self) -> Shape:
        values = dict(self.table("shape"))
        betas = values.pop("betas", [])
        known = {f.name for f in dataclasses.fields(Shape)} - {"betas"}
        numbers = [*values.values(), *(betas if isinstance(betas, list) else [None])]
        sound = all(type(v) in (int, float) and abs(v) < 100 for v in numbers)
        if set(values) - known or not sound or len(numbers) > 500:
            raise self._refuse("shape", "is not that of a body")
        return Shape(**{k: float(v) for k, v in values.items()}, betas=tuple(map(float, betas)))


def _need(source: str, files: Files, name: str) -> bytes:
    if name not in files:
        raise InputError(source, name, "is missing", "write the clip again")
    return files[name]()


def _json(source: str, data: bytes) -> dict[str, Any]:
    if len(data) > MAX_JSON:
        raise InputError(source, "", f"is {len(data) / 1e6:.0f} MB large", "write the clip again")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(source, "", f"is no JSON ({error})", "write the clip again") from None
    if not isinstance(value, dict):
        raise InputError(source, "", "is no JSON object", "write the clip again")
    return value


def _cameras(source: str, data: bytes) -> Cameras:
    from pathlib import Path

    return parse_cameras(_json(source, data), Path(source))


def _motion(source: str, data: bytes) -> Motion:
    names = {name.removesuffix(".npy") for name in member_names(data)}
    return motion_from_members(source, read_npz(source, data, names))


def _references(source: str, names: list[str], files: Files) -> dict[str, Reference]:
    if not names:
        return {}
    cameras = _cameras(f"{source}/reference/{CAMERAS}",
                       _need(source, files, f"reference/{CAMERAS}"))
    poses = _motion(f"{source}/reference/{MOTION}", _need(source, files, f"reference/{MOTION}"))
    if cameras.views != len(names) or poses.frames != len(names) or cameras.frames != 1:
        raise InputError(
            source, "reference", f"has {cameras.views} cameras and {poses.frames} poses for "
            f"{len(names)} pictures", "write the clip again",
        )
    return {
        name: Reference(
            name,
            _png(f"{source}/reference/{name}.png", _need(source, files, f"reference/{name}.png")),
            cameras.select([number]), poses.slice(number, number + 1),
        )
        for number, name in enumerate(names)
    }


def _png(source: str, data: bytes) -> UInt8[ndarray, "H W 4"]:
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.mode != "RGBA" or max(image.size) > MAX_SIDE:
                raise InputError(
                    source, "", f"is {image.mode} of {image.size[0]}x{image.size[1]}, not RGBA",
                    "write the clip again",
                )
            return np.asarray(image).copy()
    except InputError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on broken bytes
        raise InputError(
            source, "", f"is no whole PNG ({type(error).__name__})", "write the clip again"
        ) from None
