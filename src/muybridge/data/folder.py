"""Clip folders: written whole or not at all, read with everything checked."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

import torch

from muybridge.camera import Cameras
from muybridge.data import members
from muybridge.data.pictures import encode
from muybridge.data.record import Clip, Reference
from muybridge.errors import InputError

MAX_BYTES = 1 << 32
"""A larger file in a clip folder is refused."""


def write_clip(clip: Clip, folder: str | PathLike[str], replace_old: bool = False) -> Path:
    """Writes a clip folder; the same clip always makes the same bytes.

    Args:
        clip: what to write.
        folder: where; its parent is made.
        replace_old: take the place of a clip that is there.

    Raises:
        InputError: the clip is not sound, or there is something in that place.
    """
    folder = Path(folder)
    clip.checked(str(folder))
    if folder.exists() and not (replace_old and (folder / members.PERSON).is_file()):
        raise InputError(folder, "", "is there already", "choose another place")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name[:60]}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        part.mkdir()
        _fill(clip, part)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(part, folder)
    except OSError as error:
        raise InputError(folder, "", f"can't be written ({error.strerror})",
                         "choose another place") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _fill(clip: Clip, folder: Path) -> None:
    rgb, matte = clip.raw()
    (folder / members.FRAMES).write_bytes(encode(rgb.reshape(-1, *rgb.shape[2:])))
    (folder / members.MATTE).write_bytes(encode(matte.reshape(-1, *matte.shape[2:])))
    clip.motion.save(folder / members.MOTION)
    clip.cameras.save(folder / members.CAMERAS)
    (folder / members.PERSON).write_bytes(members.describe(clip))
    if clip.references:
        write_references(list(clip.references.values()), folder / "reference")
    if clip.assets:
        (folder / "assets").mkdir()
        for name, rgba in clip.assets.items():
            (folder / "assets" / f"{name}.png").write_bytes(members.png(rgba))


def write_references(references: list[Reference], folder: Path) -> None:
    """Reference pictures of one size as PNG, with their cameras and poses, in a new folder.

    Raises:
        InputError: they differ in size.
    """
    folder.mkdir()
    first = references[0]
    cameras = Cameras(
        torch.cat([r.camera.K for r in references]),
        torch.cat([r.camera.T_cam_world for r in references]),
        first.camera.width, first.camera.height, "reference",
    )
    cameras.save(folder / members.CAMERAS)
    poses = [r.pose for r in references]
    face = {
        name: torch.cat([p.face.get(name, torch.zeros(1)) for p in poses])
        for name in dict.fromkeys(name for p in poses for name in p.face)
    }
    replace(
        first.pose, R_parent_joint=torch.cat([p.R_parent_joint for p in poses]),
        root_position=torch.cat([p.root_position for p in poses]), face=face,
    ).save(folder / members.MOTION)
    for reference in references:
        if reference.rgba.shape != first.rgba.shape:
            raise InputError(folder, reference.name, "differs in size from the first reference",
                             "give references of one size")
        (folder / f"{reference.name}.png").write_bytes(members.png(reference.rgba))


def read_clip(folder: str | PathLike[str]) -> Clip:
    """Reads a clip folder; its videos are decoded when pictures are asked for.

    Raises:
        InputError: it is no clip folder, or a file in it is missing or damaged.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(folder, "", "is no folder", "give a clip folder")
    return members.read_members(str(folder), files_in(folder))


def files_in(folder: Path, fixed: Sequence[str] = members.FIXED) -> members.Files:
    """The files of a clip folder by their names in it; others are left alone.

    Args:
        folder: of the clip.
        fixed: names outside of its inner folders.
    """
    paths = {name: folder / name for name in fixed}
    for inner in members.FOLDERS:
        if (folder / inner).is_dir():
            for path in sorted((folder / inner).iterdir()):
                paths[f"{inner}/{path.name}"] = path
    return {name: _Bytes(path) for name, path in paths.items() if path.is_file()}


class _Bytes:
    """Reads a file when it is called."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> bytes:
        try:
            if self._path.stat().st_size > MAX_BYTES:
                raise InputError(self._path, "", "is over 4 GB", "write the clip again")
            return self._path.read_bytes()
        except OSError as error:
            raise InputError(self._path, "", f"can't be read ({error.strerror})",
                             "check the folder") from None


def find_clips(root: str | PathLike[str]) -> list[Path]:
    """All clip folders in and below a folder, in the order of their paths.

    Hidden folders, which are still being written, are passed over.

    Raises:
        InputError: there is none.
    """
    root = Path(root)
    found: list[Path] = []
    for place, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        if members.PERSON in files:
            found.append(Path(place))
            folders.clear()
    if not found:
        raise InputError(root, "", "holds no clip", "give a folder of muybridge people")
    return found


def iter_clips(root: str | PathLike[str]) -> Iterator[Clip]:
    """Every clip in and below a folder, one after the other."""
    for folder in find_clips(root):
        yield read_clip(folder)
