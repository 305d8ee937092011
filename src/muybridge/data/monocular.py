"""Videos of one camera with a mask and a tracked motion, as clips of one view.

A folder holds, under any of these names:

==========  ==================================================================
pictures    ``video.*`` (mp4, mov, mkv, webm, avi) or a folder ``frames``, ``images``
masks       ``mask.*``, ``matte.*`` or a folder ``masks``, ``mattes``
motion      ``hmr4d_results.pt`` (GVHMR), ``*.pkl`` (4D-Humans, PHALP), ``motion.*`` or one
            ``.npz`` (AMASS, SMPL-X, our own)
cameras     ``cameras.json``, ``transforms.json``; not needed beside a tracker's file
==========  ==================================================================

Trackers say where the person is before the camera, so the camera follows from their file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from os import PathLike
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from muybridge.body import Shape
from muybridge.camera import load_cameras
from muybridge.data.facing import facing_references
from muybridge.data.photos import (
    SUFFIXES,
    fitted,
    masked,
    picture_in,
    read_mask,
    stems_in,
)
from muybridge.data.record import Clip
from muybridge.data.tracked import Tracked, from_gvhmr, from_phalp
from muybridge.errors import InputError
from muybridge.motion import load_motion
from muybridge.motion.loading import sniff
from muybridge.video import VIDEOS, iter_video, probe_video, read_image


@dataclass(frozen=True)
class FilmPictures:
    """One view whose frames and masks are videos, or folders of pictures.

    Attributes:
        film, mask: video file or folder of each.
        first: frame of the film that is frame 0 here. ``frames``: how many there are here.
        full: height and width of the film.
        size: height and width that are given.
    """

    film: Path
    mask: Path
    first: int
    frames: int
    full: tuple[int, int]
    size: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Views (1), frames, height, width."""
        return 1, self.frames, *self.size

    def read(
        self, views: Sequence[int], frames: Sequence[int]
    ) -> tuple[UInt8[ndarray, "V T H W 3"], UInt8[ndarray, "V T H W"]]:
        """Chosen frames, premultiplied, and their mattes; a film is decoded from its start.

        Raises:
            InputError: film or mask is damaged, too short, or of another size.
        """
        if any(views):
            raise IndexError("a film has one view")
        rgb = np.zeros((1, len(frames), *self.size, 3), np.uint8)
        matte = np.zeros(rgb.shape[:-1], np.uint8)
        wanted = {self.first + t for t in frames}
        photos = dict(_some(self.film, wanted, mask=False))
        masks = dict(_some(self.mask, wanted, mask=True))
        for k, t in enumerate(frames):
            for path, found in ((self.film, photos), (self.mask, masks)):
                if self.first + t not in found:
                    raise InputError(path, "frames", f"has no frame {self.first + t}",
                                     "give film, mask and motion of one length")
                if found[self.first + t].shape[:2] != self.full:
                    height, width = found[self.first + t].shape[:2]
                    raise InputError(path, "size", f"is {width}x{height}, not "
                                     f"{self.full[1]}x{self.full[0]}", "give both at one size")
            rgb[0, k], matte[0, k] = masked(
                photos[self.first + t], masks[self.first + t], self.size
            )
        shape = (len(views), len(frames), *self.size)
        return np.broadcast_to(rgb, (*shape, 3)).copy(), np.broadcast_to(matte, shape).copy()


def _some(path: Path, wanted: set[int], mask: bool) -> Iterator[tuple[int, ndarray]]:
    """Number and picture of the wanted frames of a film or a folder; masks as grey."""
    if path.is_dir():
        for number, stem in enumerate(stems_in(path)):
            if number in wanted:
                file = picture_in(path, stem)
                yield number, read_mask(file) if mask else read_image(file)
        return
    last = max(wanted, default=-1)
    # the file is let go of as soon as the last one is there
    with closing(iter_video(path)) as film:  # type: ignore[type-var]
        for number, picture in enumerate(film):
            if number in wanted:
                yield number, picture.max(-1) if mask else picture
            if number >= last:
                return


def read_monocular(
    folder: str | PathLike[str],
    *,
    motion: str | PathLike[str] | None = None,
    cameras: str | PathLike[str] | None = None,
    track: int | str | None = None,
    shape: Shape | None = None,
    body: str | None = None,
    longest: int | None = None,
    split: str = "",
    licence: str = "",
) -> Clip:
    """A clip of one view from a folder (see the module's table).

    Args:
        folder: with film, masks, motion and maybe cameras in it.
        motion, cameras: files to use instead of those found.
        track: person in a tracker's file.
        shape: of the body; by default what the tracker's file says.
        body: model that the shape is for; by default the tracker's, else ``anny``.
        longest: scale pictures and camera down to this many pixels a side.
        split, licence: to note in the record.

    Raises:
        InputError: something is missing, damaged, or film, mask, motion and cameras differ in
            length or size.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(folder, "", "is no folder", "give a folder with video, mask and motion")
    film = _found(folder, ("video",), ("frames", "images"), "video.mp4 or frames/")
    mask = _found(folder, ("mask", "matte"), ("masks", "mattes"), "mask.mp4 or masks/")
    length, full, rate = _extent(film)
    if _extent(mask)[1] != full:
        raise InputError(mask, "size", "is not the film's", "give both at one size")
    path = _motion_file(folder) if motion is None else Path(motion)
    where = folder if cameras is None else Path(cameras)
    tracked = _tracked(path, where, rate, length, full, track, given=cameras is not None)
    count = tracked.motion.frames
    if tracked.first + count > length:
        raise InputError(path, "frames", f"needs {tracked.first + count}, the film has {length}",
                         "give the film that the motion was tracked in")
    size = fitted(full, longest)
    rig = tracked.cameras.resized(size[1], size[0], "stretch")
    pictures = FilmPictures(film, mask, tracked.first, count, full, size)
    steps = sorted({round(k * (count - 1) / 8) for k in range(9)})
    moved = replace(tracked.motion, name=folder.resolve().name)
    return Clip(
        folder.resolve().name, pictures, rig, moved, body or tracked.body,
        shape or tracked.shape, facing_references(pictures, rig, moved, steps), {},
        {"motion": path.name, "first_frame": tracked.first}, split, f"monocular: {tracked.by}",
        licence,
    ).checked(str(folder))


def _found(folder: Path, files: Sequence[str], folders: Sequence[str], say: str) -> Path:
    for name in files:
        for suffix in VIDEOS:
            if (folder / (name + suffix)).is_file():
                return folder / (name + suffix)
    for name in folders:
        if (folder / name).is_dir():
            return folder / name
    raise InputError(folder, files[0], "is missing", f"put {say} there")


def _extent(path: Path) -> tuple[int, tuple[int, int], Fraction | None]:
    """Frames, height and width, and frames per second where it is a video."""
    if path.is_dir():
        stems = stems_in(path)
        if not stems:
            raise InputError(path, "", "holds no pictures", "give " + ", ".join(SUFFIXES))
        height, width = read_image(picture_in(path, stems[0])).shape[:2]
        return len(stems), (height, width), None
    info = probe_video(path)
    count = info.frames or sum(1 for _ in iter_video(path))
    return count, (info.height, info.width), info.fps


def _motion_file(folder: Path) -> Path:
    names = sorted(p.name for p in folder.iterdir() if p.is_file())
    for wanted in (
        ["hmr4d_results.pt"], [n for n in names if n.startswith("motion.")],
        [n for n in names if n.endswith((".pt", ".pkl"))],
        [n for n in names if n.endswith((".npz", ".bvh"))],
    ):
        there = [n for n in wanted if n in names]
        if len(there) > 1:
            raise InputError(folder, "motion", "could be " + " or ".join(there[:4]),
                             "say which one")
        if there:
            return folder / there[0]
    raise InputError(folder, "motion", "is missing",
                     "put hmr4d_results.pt, a PHALP .pkl or motion.npz there")


def _tracked(
    path: Path, where: Path, rate: Fraction | None, length: int, full: tuple[int, int],
    track: int | str | None, given: bool,
) -> Tracked:
    """Motion and cameras of a film, from a tracker's file or from two files."""
    kind = sniff(path)
    if kind == "gvhmr":
        found = from_gvhmr(path, rate, full)
    elif kind == "phalp":
        found = from_phalp(path, rate, full, track)
    else:
        motion = load_motion(path, align=False, file_fps=rate if kind != "bvh" else None)
        if rate is not None and motion.fps != rate:
            motion = load_motion(path, align=False, fps=rate)
        rig = load_cameras(where, "auto")
        return Tracked(motion, rig.resized(full[1], full[0], "stretch"), 0, by=kind).fitted(length)
    if given:
        rig = load_cameras(where, "auto").resized(full[1], full[0], "stretch")
        found = replace(found, cameras=rig).fitted(length)
    return found
