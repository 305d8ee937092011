"""What can be refined: a video, a folder of pictures, or the views of a run of muybridge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from muybridge.errors import InputError
from muybridge.jobs.files import RECORD
from muybridge.person.cutting import cut_out
from muybridge.video import iter_video, probe_video, read_image

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
VIDEOS = (".mkv", ".mp4")


@dataclass(frozen=True)
class Clip:
    """One video of the source.

    Attributes:
        name: where it goes, without a suffix: ``video`` or ``views/00``.
        path: a video file, or a folder of pictures.
        matte: a video of the person's share of each pixel; ``None`` where there is none.
        frames: how many pictures.
        fps: per second.
        width, height: pixels.
    """

    name: str
    path: Path
    matte: Path | None
    frames: int
    fps: Fraction
    width: int
    height: int

    def files(self) -> list[Path]:
        """All files that it is made of."""
        own = pictures_of(self.path) if self.path.is_dir() else [self.path]
        return own if self.matte is None else [*own, self.matte]


def clips_of(
    source: Path, fps: Fraction | None = None, matte: Path | None = None
) -> list[Clip]:
    """The videos of a source.

    Args:
        source: a video, a folder of pictures, or a run's folder, of which all views are taken.
        fps: of a folder of pictures; 25 by default. Videos say it themselves.
        matte: video of the person's share of each pixel; runs have one of each view.

    Raises:
        InputError: it can't be read, or holds nothing of the kind.
    """
    if not source.exists():
        raise InputError(source, "", "is not there", "give a video or a folder of pictures")
    if source.is_file():
        return [_video("video", source, matte)]
    if (source / RECORD).is_file() and (source / "views").is_dir():
        if matte is not None:
            raise InputError("--matte", "", "a run has its own", "leave it out")
        found = {path.stem: path for suffix in reversed(VIDEOS)
                 for path in sorted((source / "views").glob(f"*{suffix}"))}
        if not found:
            raise InputError(source / "views", "", "holds no video", "run animate again")
        mattes = {name: source / "matte" / f"{name}.mp4" for name in found}
        return [
            _video(f"views/{name}", path, mattes[name] if mattes[name].is_file() else None)
            for name, path in sorted(found.items())
        ]
    files = pictures_of(source)
    if not files:
        raise InputError(source, "", "holds no pictures", "give PNG or JPEG files in it")
    height, width = read_image(files[0]).shape[:2]
    clip = Clip("video", source, matte, len(files), fps or Fraction(25), width, height)
    return [_with_matte(clip)]


def pictures_of(folder: Path) -> list[Path]:
    """Its pictures in the order of their names, numbers in them counted as numbers."""
    found = [p for p in folder.iterdir() if p.suffix.lower() in PICTURES and p.is_file()
             and not p.name.startswith(".")]
    return sorted(found, key=lambda p: (_numbered(p.stem), p.name))


def _numbered(name: str) -> list[tuple[int, int, str]]:
    """A name as text and numbers, to be compared."""
    parts: list[tuple[int, int, str]] = []
    word = ""
    for letter in f"{name}.":
        same = not word or word[-1].isdecimal() == letter.isdecimal()
        if not same or letter == ".":
            if word:
                number = word.isdecimal()
                parts.append((0, int(word), "") if number else (1, 0, word))
            word = ""
        word += letter
    return parts


def _video(name: str, path: Path, matte: Path | None) -> Clip:
    info = probe_video(path)
    frames = info.frames or sum(1 for _ in iter_video(path))
    return _with_matte(Clip(name, path, matte, frames, info.fps, info.width, info.height))


def _with_matte(clip: Clip) -> Clip:
    """The clip, if its matte fits it."""
    if clip.matte is not None:
        info = probe_video(clip.matte)
        if (info.width, info.height) != (clip.width, clip.height):
            raise InputError(
                clip.matte, "size", f"{info.width}x{info.height} instead of "
                f"{clip.width}x{clip.height}", "give the matte of this video",
            )
    return clip


class Frames:
    """Pictures of a clip, read once from first to last; only those still asked for are kept.

    Args:
        clip: what is read.
        channels: 3 for RGB; 4 for RGB premultiplied over black, and matte.
    """

    def __init__(self, clip: Clip, channels: int) -> None:
        self.clip, self.channels = clip, channels
        self._next = 0
        self._kept: dict[int, tuple[ndarray, ndarray | None]] = {}
        self._pictures = self._read()
        self._mattes = iter_video(clip.matte) if clip.matte is not None else None

    def whole(self, first: int, stop: int) -> Float[Tensor, "T 3 H W"]:
        """RGB in [0, 1] of the pictures ``first <= t < stop``, as they are.

        Raises:
            InputError: a file is damaged, or there are fewer pictures than were said.
        """
        self._fetch(first, stop)
        return _tensor(np.stack([self._kept[t][0] for t in range(first, stop)]))

    def seen(self, first: int, stop: int) -> Float[Tensor, "T C H W"]:
        """The same as the video model sees them.

        Raises:
            InputError: see :meth:`whole`.
        """
        whole = self.whole(first, stop)
        if self.channels == 3:
            return whole
        mattes = [self._kept[t][1] for t in range(first, stop)]
        matte = _tensor(np.stack([m[..., None] for m in mattes if m is not None]))
        return torch.cat([whole * matte, matte], 1)

    def _fetch(self, first: int, stop: int) -> None:
        for t in [t for t in self._kept if t < first]:
            del self._kept[t]
        while self._next < stop:
            picture = next(self._pictures, None)
            if picture is None:
                raise InputError(
                    self.clip.path, "", f"ends after {self._next} of {self.clip.frames} pictures",
                    "write or download it again",
                )
            matte = self._matte() if self.channels == 4 else None
            if self._next >= first:
                if self.channels == 4 and matte is None:
                    matte = cut_out(picture)
                self._kept[self._next] = (picture, matte)
            self._next += 1

    def _matte(self) -> ndarray | None:
        """The next picture of the matte's video."""
        if self._mattes is None:
            return None
        matte = next(self._mattes, None)
        if matte is None:
            raise InputError(
                str(self.clip.matte), "", f"ends after {self._next} pictures",
                "give the matte of this video",
            )
        return np.asarray(matte[..., 0])

    def _read(self) -> Iterator[ndarray]:
        if self.clip.path.is_file():
            yield from iter_video(self.clip.path)
            return
        for path in pictures_of(self.clip.path):
            picture = read_image(path)
            if picture.shape[:2] != (self.clip.height, self.clip.width):
                raise InputError(
                    path, "size", f"{picture.shape[1]}x{picture.shape[0]} instead of "
                    f"{self.clip.width}x{self.clip.height}", "give pictures of one size",
                )
            yield picture


def _tensor(pictures: ndarray) -> Tensor:
    """``[T, H, W, C]`` bytes as ``[T, C, H, W]`` in [0, 1]."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
