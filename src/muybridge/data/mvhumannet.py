"""MVHumanNet and MVHumanNet++: 16 to 60 still cameras around a clothed person who moves.

==============  ====================================  ====================================
of an outfit    MVHumanNet                            MVHumanNet++
==============  ====================================  ====================================
pictures        ``images_lr/CAMERA/0005_img.jpg``     ``images/cam_00/0025.jpg``
masks           ``fmask_lr/CAMERA/0005_img_fmask.*``  ``masks/cam_00/0025.*``
cameras         ``camera_*.json``, ``camera_scale``   ``cameras/cam_00/camera.npz``
body            ``smplx/smpl/000000.json``            ``smplx_params.npz``
frame of file   ``number / 5 - 1``                    ``number / 25 - 1``
A-pose          none marked                           ``A-NNNN``: the last row
==============  ====================================  ====================================

Older downloads call the folders ``images`` and ``fmask``. Neither set says its frame rate;
25 raw frames a second are assumed. Both are for non-commercial research (their terms of use).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body import Body, Shape
from muybridge.camera import Cameras
from muybridge.camera.checks import read_json
from muybridge.camera.formats import mvhumannet as rig_files
from muybridge.data.facing import facing_references
from muybridge.data.mvhumannet_body import fit_of_frames, fit_of_table, placed
from muybridge.data.photos import PhotoPictures, fitted, picture_in, stems_in
from muybridge.data.record import Clip, Reference
from muybridge.errors import InputError
from muybridge.motion.archive import read_bytes, read_npz
from muybridge.video import read_image

LICENCE = "MVHumanNet terms of use: non-commercial research and education"
RAW_RATE = 25
"""Raw frames a second; assumed, the data sets do not say."""


@dataclass(frozen=True)
class _Layout:
    """Where one of the two sets keeps things."""

    name: str
    images: Path
    masks: Path
    every: int
    mask_ending: str

    def number(self, stem: str) -> int | None:
        """The raw frame of a picture, ``None`` where it is no frame of the motion."""
        digits = stem.removesuffix("_img")
        return int(digits) if digits.isdigit() else None

    def index(self, stem: str) -> int:
        """The row of a picture in the body's parameters."""
        number = self.number(stem)
        if number is None or number < self.every or number % self.every:
            raise InputError(self.images, stem, f"is no multiple of {self.every}",
                             "copy the data set again")
        return number // self.every - 1


def read_mvhumannet(
    folder: str | PathLike[str],
    *,
    cameras: Sequence[str] | None = None,
    frames: Sequence[int] | None = None,
    longest: int | None = None,
    body: Body | None = None,
) -> Clip:
    """One outfit of MVHumanNet or MVHumanNet++; the layout says which.

    The world is turned so that +Y is up, and lifted so that feet touch y = 0; cameras and
    motion together, so that the body stays in the pictures. In MVHumanNet++ camera 0 comes to
    stand towards +Z, which is where ReImagine's normal maps are blue. Without the model file the
    pelvis is the mean body's (about a centimetre off) and the hands are relaxed.

    Args:
        folder: of the outfit, as ``100842``.
        cameras: names of those to take, by default all.
        frames: places in the list of pictures to take, by default all.
        longest: scale pictures and cameras down to this many pixels a side.
        body: SMPL-X from the user's own model file.

    Raises:
        InputError: something is missing, damaged, or does not fit the rest.
    """
    folder = Path(folder)
    layout = _layout(folder)
    plus = layout.every == 25
    names, rig = _plus_cameras(folder) if plus else _rig(folder, layout)
    ahead = _ahead(rig) if plus else None
    if cameras is not None:
        unknown = [c for c in cameras if c not in names]
        if unknown or not cameras:
            raise InputError(folder, "cameras", f"has no {unknown[:1] or 'camera'}",
                             "use some of " + ", ".join(names[:20]))
        rig = rig.select([names.index(c) for c in cameras])
        names = list(cameras)
    taken = _stems(layout, names, frames)
    full = read_image(layout.images / names[0] / _file(layout, names[0], taken[0])).shape[:2]
    size = fitted((full[0], full[1]), longest)
    rows = [layout.index(stem) for stem in taken]
    fit = fit_of_table(folder, rows) if plus else fit_of_frames(folder / "smplx" / "smpl", rows)
    rate = Fraction(RAW_RATE, layout.every)
    still = rig.resampled(1).resized(size[1], size[0], "stretch")
    motion, rig = placed(fit, still, rate, body, ahead)
    pictures = _photos(layout, names, taken, (full[0], full[1]), size)
    motion = replace(motion, name=folder.resolve().name).with_note(
        f"{layout.name} does not say its frame rate; {RAW_RATE} raw frames a second are assumed."
    )
    still = rig.resampled(len(taken))
    references = facing_references(pictures, still, motion, [int(np.argmin(rows))])
    if plus:
        references = _a_pose(folder, layout, names, rig, size, fit.betas, body) or references
    return Clip(
        folder.resolve().name, pictures, still, motion, "smplx", Shape(betas=fit.betas),
        references, {}, {"cameras": names, "frames": taken}, "", layout.name, LICENCE,
    ).checked(str(folder))


def _layout(folder: Path) -> _Layout:
    if not folder.is_dir():
        raise InputError(folder, "", "is no folder", "give an outfit's folder, as 100842")
    if (folder / "masks").is_dir() and (folder / "cameras").is_dir():
        return _Layout("MVHumanNet++", folder / "images", folder / "masks", 25, "")
    for images, masks in (("images_lr", "fmask_lr"), ("images", "fmask")):
        if (folder / images).is_dir() and (folder / masks).is_dir():
            return _Layout("MVHumanNet", folder / images, folder / masks, 5, "_fmask")
    raise InputError(folder, "", "is of neither MVHumanNet nor MVHumanNet++",
                     "look for images_lr and fmask_lr, or images, masks and cameras")


def _stems(layout: _Layout, names: list[str], frames: Sequence[int] | None) -> list[str]:
    """Pictures that every camera has, in order, and of them those that are asked for."""
    common = set(stems_in(layout.images / names[0]))
    for name in names[1:]:
        common &= set(stems_in(layout.images / name))
    stems = sorted(s for s in common if layout.number(s) is not None)
    if not stems:
        raise InputError(layout.images, "", "no frame is there for all cameras",
                         "copy the data set again")
    if frames is None:
        return stems
    if not frames or not all(0 <= t < len(stems) for t in frames):
        raise InputError(layout.images, "frames", f"has {len(stems)} pictures",
                         "ask for places within them")
    return [stems[t] for t in frames]


def _file(layout: _Layout, camera: str, stem: str) -> str:
    return picture_in(layout.images / camera, stem).name


def _photos(
    layout: _Layout, names: list[str], stems: list[str], full: tuple[int, int],
    size: tuple[int, int],
) -> PhotoPictures:
    photos = tuple(
        tuple(picture_in(layout.images / n, s) for s in stems) for n in names
    )
    masks = tuple(
        tuple(picture_in(layout.masks / n, s + layout.mask_ending) for s in stems) for n in names
    )
    return PhotoPictures(photos, masks, full, size)


def _rig(folder: Path, layout: _Layout) -> tuple[list[str], Cameras]:
    """The cameras that have pictures, in the order of their names."""
    rig = rig_files.read(folder)
    keys = read_json(folder / "camera_extrinsics.json")
    names = sorted(key.rsplit(".", 1)[0].split("_")[-1] or key for key in keys)
    shown = [n for n in names if (layout.images / n).is_dir()]
    if not shown:
        raise InputError(layout.images, "", "holds no folder of a known camera",
                         "copy the data set again")
    return shown, rig.select([names.index(n) for n in shown])


def _plus_cameras(folder: Path) -> tuple[list[str], Cameras]:
    names = sorted(p.name for p in (folder / "cameras").iterdir() if p.is_dir())
    if not names:
        raise InputError(folder / "cameras", "", "holds no camera", "copy the data set again")
    K = torch.zeros(len(names), 1, 3, 3)
    T = torch.eye(4).repeat(len(names), 1, 1, 1)
    for v, name in enumerate(names):
        path = folder / "cameras" / name / "camera.npz"
        found = read_npz(path, read_bytes(path, 1 << 20), ("intrinsic", "extrinsic"))
        for key, shapes in (("intrinsic", ((3, 3),)), ("extrinsic", ((3, 4), (4, 4)))):
            if key not in found or found[key].shape not in shapes or found[key].dtype.kind != "f":
                raise InputError(path, key, "is missing or no matrix", "copy the data set again")
        K[v, 0] = torch.tensor(found["intrinsic"]).float()
        T[v, 0, :3] = torch.tensor(found["extrinsic"][:3]).float()
    size = _plus_size(folder, names[0])
    rig = Cameras(K, T, size[1], size[0], folder.resolve().name)
    return names, rig.check(str(folder / "cameras"))


def _ahead(rig: Cameras) -> Float[Tensor, "3"]:
    """From the middle of the rig to its first camera, in the rig's own world."""
    centers = rig.centers[:, 0]
    return centers[0] - centers.mean(0)


def _plus_size(folder: Path, camera: str) -> tuple[int, int]:
    images = folder / "images" / camera
    stems = stems_in(images)
    if not stems:
        raise InputError(images, "", "holds no pictures", "copy the data set again")
    height, width = read_image(picture_in(images, stems[0])).shape[:2]
    return height, width


def _a_pose(
    folder: Path, layout: _Layout, names: list[str], rig: Cameras, size: tuple[int, int],
    betas: tuple[float, ...], body: Body | None,
) -> dict[str, Reference]:
    """References from the picture in A-pose that MVHumanNet++ marks; none where it is absent."""
    marked = [s for s in stems_in(layout.images / names[0]) if s.startswith("A-")]
    if not marked:
        return {}
    fit = fit_of_table(folder, [-1])
    still = _plus_cameras(folder)
    chosen = still[1].select([still[0].index(n) for n in names])
    motion, cameras = placed(
        fit, chosen.resized(size[1], size[0], "stretch"), Fraction(1), body, _ahead(still[1])
    )
    full = (chosen.height, chosen.width)
    return facing_references(
        _photos(layout, names, marked[:1], full, size), cameras, motion, [0]
    )
