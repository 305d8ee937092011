"""Canonical people in ReImagine's layout: plain pictures that its own tools read as they are.

=========================  ==========================================================
``canonical.json``         who, which body, how large the rest is, split, source, licence
``reference.png``          front | back side by side over white: the release's reference
``reference/*.png``        ``front`` and ``back``, RGBA; ``cameras.json`` and ``motion.npz``
``assets/*.png``           face, garments and shoes cut out, RGBA
``images/cam_00.png``      the standing person by every camera of the rig, RGBA
``normals/cam_00.png``     normals of the body below the clothes, the release's colours
``cameras/cam_00/``        ``camera.npz``: ``intrinsic`` and ``extrinsic``, as MVHumanNet++
``cameras.json``           the same cameras
``motion.npz``             the pose
=========================  ==========================================================

The release has 16 cameras, 22.5 degrees apart from the front over the person's right, and
pictures of 800 x 1328 pixels. World: metres, +Y up, the front towards +Z, where camera 0 stands.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from muybridge.body import Body
from muybridge.data import members
from muybridge.data.folder import files_in, write_references
from muybridge.data.record import Clip
from muybridge.errors import InputError
from muybridge.render import normal_map
from muybridge.synthetic.assets import unmultiplied
from muybridge.video import read_image, read_image_alpha, write_image

RECORD, WIDE = "canonical.json", "reference.png"
SIZE = (800, 1328)
"""Width and height of the release's pictures."""
_REMEDY = "write the person again"


@dataclass(frozen=True)
class Canonical:
    """A person of the canonical data set.

    Attributes:
        clip: the rig's views, one frame, with references and assets.
        folder: where the rest lies.
    """

    clip: Clip
    folder: Path

    @property
    def wide(self) -> UInt8[ndarray, "H W 3"]:
        """Front | back over white, twice as wide as either.

        Raises:
            InputError: the picture is missing or damaged.
        """
        return read_image(self.folder / WIDE)

    def normals(self, views: Sequence[int] | None = None) -> Float[Tensor, "V 1 3 H W"]:
        """Normal maps of some cameras, all by default, in the release's colours, [0, 1].

        Raises:
            InputError: a map is missing, damaged or of another size.
        """
        chosen = range(self.clip.views) if views is None else views
        pictures = []
        for view in chosen:
            path = self.folder / "normals" / f"{camera_name(view)}.png"
            picture = read_image(path)
            _check_size(path, picture, self.clip.size)
            pictures.append(torch.from_numpy(picture).permute(2, 0, 1).float() / 255)
        return torch.stack(pictures)[:, None]


def camera_name(view: int) -> str:
    """What the release calls a camera of its rig: ``cam_00``."""
    return f"cam_{view:02d}"


def over_white(rgba: UInt8[ndarray, "H W 4"]) -> UInt8[ndarray, "H W 3"]:
    """Colours as they are and a matte, put on white."""
    share = rgba[..., 3:].astype(np.float32) / 255
    return np.rint(rgba[..., :3] * share + 255 * (1 - share)).astype(np.uint8)


def write_canonical(
    clip: Clip, folder: str | PathLike[str], *, body: Body | None = None
) -> Path:
    """Writes a person's folder, whole or not at all; the same clip makes the same bytes.

    Args:
        clip: one frame, with front and back among its references (their sizes may differ from
            the views').
        folder: where; its parent is made.
        body: the clip's body model, if it isn't the built-in one.

    Raises:
        InputError: the clip can't be written so, or there is something in that place.
    """
    folder = Path(folder)
    clip.checked(str(folder))
    if clip.frames != 1:
        raise InputError(clip.name, "frames", f"are {clip.frames}", "select one of them")
    for name in ("front", "back"):
        if name not in clip.references:
            raise InputError(clip.name, "references", f"have no {name}", "give front and back")
    if folder.exists():
        raise InputError(folder, "", "is there already", "choose another place")
    part = folder.with_name(f".{folder.name[:60]}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        part.mkdir(parents=True)
        _fill(clip, part, body)
        os.replace(part, folder)
    except OSError as error:
        raise InputError(folder, "", f"can't be written ({error.strerror})",
                         "choose another place") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _fill(clip: Clip, folder: Path, body: Body | None) -> None:
    (folder / RECORD).write_bytes(members.describe(clip))
    clip.motion.save(folder / members.MOTION)
    clip.cameras.save(folder / members.CAMERAS)
    write_references(list(clip.references.values()), folder / "reference")
    halves = [over_white(clip.references[name].rgba) for name in ("front", "back")]
    write_image(folder / WIDE, np.concatenate(halves, 1))
    for name, rgba in clip.assets.items():
        write_image(folder / "assets" / f"{name}.png", rgba)
    posed = clip.posed(body)
    for view in range(clip.views):  # one after the other: a picture is a million pixels
        name = camera_name(view)
        rgb, matte = clip.raw([view])
        write_image(folder / "images" / f"{name}.png", unmultiplied(rgb[0, 0], matte[0, 0]))
        camera = clip.cameras.select([view])
        write_image(folder / "normals" / f"{name}.png", normal_map(posed, camera)[0, 0])
        place = folder / "cameras" / name
        place.mkdir(parents=True)
        np.savez(place / "camera.npz", intrinsic=camera.K[0, 0].double().numpy(),
                 extrinsic=camera.T_cam_world[0, 0, :3].double().numpy())


def read_canonical(folder: str | PathLike[str]) -> Canonical:
    """Reads a person's folder; pictures of the rig are read when they are asked for.

    Raises:
        InputError: it is no such folder, or a file in it is missing or damaged.
    """
    folder = Path(folder)
    if not (folder / RECORD).is_file():
        raise InputError(folder, RECORD, "is missing",
                         "give a folder that muybridge people --canonical wrote")
    files = files_in(folder, (RECORD, members.MOTION, members.CAMERAS))
    said = {members.PERSON if name == RECORD else name: read for name, read in files.items()}
    clip = members.read_members(str(folder), said, pictures=lambda shape: _Stills(folder, shape))
    if clip.frames != 1 or not {"front", "back"} <= set(clip.references):
        raise InputError(folder, RECORD, "is not one frame with front and back", _REMEDY)
    for view in range(clip.views):
        for kind in ("images", "normals"):
            path = folder / kind / f"{camera_name(view)}.png"
            if not path.is_file():
                raise InputError(path, "", "is missing", _REMEDY)
    return Canonical(clip, folder)


def find_canonical(root: str | PathLike[str]) -> list[Path]:
    """All folders of canonical people in and below a folder, in the order of their paths.

    Raises:
        InputError: there is none.
    """
    found: list[Path] = []
    for place, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        if RECORD in files:
            found.append(Path(place))
            folders.clear()
    if not found:
        raise InputError(root, "", "holds no canonical person",
                         "give a folder of muybridge people --canonical")
    return found


@dataclass(frozen=True)
class _Stills:
    """The rig's RGBA pictures, read when they are asked for."""

    folder: Path
    shape: tuple[int, int, int, int]

    def read(
        self, views: Sequence[int], frames: Sequence[int]
    ) -> tuple[UInt8[ndarray, "V T H W 3"], UInt8[ndarray, "V T H W"]]:
        height, width = self.shape[2:]
        rgb = np.zeros((len(views), len(frames), height, width, 3), np.uint8)
        matte = np.zeros((len(views), len(frames), height, width), np.uint8)
        for row, view in enumerate(views):
            path = self.folder / "images" / f"{camera_name(view)}.png"
            colour, share = read_image_alpha(path)
            _check_size(path, colour, (width, height))
            share = np.full((height, width), 255, np.uint8) if share is None else share
            rgb[row] = np.rint(colour * (share[..., None].astype(np.float32) / 255))
            matte[row] = share
        return rgb, matte


def _check_size(path: Path, picture: ndarray, size: tuple[int, int]) -> None:
    if picture.shape[:2] != (size[1], size[0]):
        raise InputError(path, "size", f"is {picture.shape[1]}x{picture.shape[0]}, not "
                         f"{size[0]}x{size[1]}", _REMEDY)
