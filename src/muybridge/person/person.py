"""A person: their body, what they wear, their colours, and the photos it came from."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from muybridge.body import Moves, PosedBody, Shape, ShapedBody, load_body
from muybridge.errors import InputError
from muybridge.motion import Motion
from muybridge.render import render_textured
from muybridge.video import read_image, write_image

if TYPE_CHECKING:
    from muybridge.person.known import KnownPicture

FORMAT = "muybridge person 1"
_RECORD, _ARRAYS, _TEXTURE = "person.json", "person.npz", "texture.png"
_MAX_RECORD = 1 << 20
"""Largest person.json that is read, bytes."""
_FARTHEST = 100.0
"""Lengths beyond this are no person's, metres."""


@dataclass(frozen=True)
class Photo:
    """A photo of the person, and how they and the camera stood for it.

    World: metres, +Y up, soles near y = 0, pelvis over the origin.

    Attributes:
        name: ``"front"`` or ``"back"``.
        image: RGB.
        alpha: the person's share of each pixel, 0..1.
        K: intrinsics, pixels.
        T_cam_world: extrinsics.
        R_parent_joint: the pose.
        root_position: pelvis, metres.
        drape: how the surface hung in this photo, on top of the person's offsets, in the
            bind pose, metres.
    """

    name: str
    image: UInt8[np.ndarray, "H W 3"]
    alpha: Float[np.ndarray, "H W"]
    K: Float[Tensor, "3 3"]
    T_cam_world: Float[Tensor, "4 4"]
    R_parent_joint: Float[Tensor, "55 3 3"]
    root_position: Float[Tensor, "3"]
    drape: Float[Tensor, "N 3"]


@dataclass(frozen=True)
class Person:
    """A person who can take any pose.

    Attributes:
        shape: of the body.
        body: name of the body model, or the path of its file.
        offsets: clothes, hair and shoes as offsets of the body's bind pose, metres.
        texture: colours, laid out by the body's texture coordinates.
        photos: what the person was made from; may be empty.
        confidence: how sure each step was, 0..1, by its name.
        warnings: what a user should know about this person.
        notes: how the photos were read.
    """

    shape: Shape
    body: str
    offsets: Float[Tensor, "N 3"]
    texture: UInt8[np.ndarray, "S S2 3"]
    photos: tuple[Photo, ...] = ()
    confidence: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def shaped(self) -> ShapedBody:
        """The naked body of this person's shape."""
        return load_body(self.body).with_shape(self.shape)

    @property
    def rest_joints(self) -> Float[Tensor, "55 3"]:
        """Joints of the zero pose, soles on y = 0, metres; motions are retargeted to them."""
        return self.shaped.rest_joints

    @property
    def height(self) -> float:
        """Stature of the body, metres."""
        return self.shaped.height

    def posed(self, motion: Moves) -> PosedBody:
        """The clothed person in every frame of a motion, world, metres."""
        return self.shaped.pose(motion, offsets=self.offsets)

    def render_photo(self, index: int) -> UInt8[np.ndarray, "H W 4"]:
        """The person as the camera of photo ``index`` saw them, RGBA, in the photo's size.

        Raises:
            IndexError: there is no such photo.
        """
        photo = self.photos[index]
        moves = Motion(photo.R_parent_joint[None], photo.root_position[None])
        posed = self.shaped.pose(moves, offsets=self.offsets + photo.drape)
        height, width = photo.image.shape[:2]
        rgb, alpha = render_textured(
            posed.vertices, posed.mesh, torch.from_numpy(self.texture), photo.K[None],
            photo.T_cam_world[None], height, width, supersample=3,
        )
        straight = rgb[0] / alpha[0].clamp(min=1e-4)
        picture = torch.cat([straight * (alpha[0] > 0), alpha[0]]).permute(1, 2, 0)
        return np.asarray((picture.clamp(0, 1) * 255).round().to(torch.uint8).numpy())

    @staticmethod
    def from_photo(
        front: str | PathLike[str] | np.ndarray,
        back: str | PathLike[str] | np.ndarray | None = None,
        mask: str | PathLike[str] | np.ndarray | None = None,
        fit: str | PathLike[str] | Motion | None = None,
        layout: str = "auto",
        *,
        back_mask: str | PathLike[str] | np.ndarray | None = None,
        keypoints: str | PathLike[str] | None = None,
        back_keypoints: str | PathLike[str] | None = None,
        progress: Callable[[float, str], None] | None = None,
    ) -> Person:
        """Fits a person to one photo, or to a front and a back.

        Args:
            front: a picture (path, or uint8 RGB(A) array) of the front, or of front and
                back side by side.
            back: the same person from behind. Without it the back is inferred.
            mask: white where the person is; found in the photo unless given.
            fit: a motion file or Motion whose first frame (and second, for the back)
                holds the pose in the photo, from a body estimator such as GVHMR.
            layout: ``auto``, ``single``, or ``sheet`` (front and back side by side).
            back_mask: a mask for ``back``.
            keypoints: a file of 2D keypoints of the front (of its half of a sheet), in pixels:
                COCO, OpenPose, DWPose or MediaPipe.
            back_keypoints: the same of the back.
            progress: told the fraction done and what is being done.

        Raises:
            InputError: a picture, mask or file can't be used, or nobody is seen.
        """
        from muybridge.person.from_photo import person_from_photo

        return person_from_photo(
            front, back, mask, fit, layout,
            back_mask=back_mask, keypoints=keypoints, back_keypoints=back_keypoints,
            progress=progress,
        )

    @staticmethod
    def from_known(
        front: KnownPicture, back: KnownPicture | None = None, *, shape: Shape
    ) -> Person:
        """Dresses a body that is known in what one picture, or two, show of it.

        Args:
            front: a picture with its camera and pose, such as a clip's reference. It may be
                seen from any side; what it does not show is continued.
            back: another one, from the opposite side.
            shape: of the naked body.

        Raises:
            InputError: a picture, camera or pose can't be used, or nobody is seen.
        """
        from muybridge.person.known import person_from_known

        return person_from_known(front, back, shape=shape)

    def save(self, folder: str | PathLike[str]) -> None:
        """Writes the person as a folder, whole or not at all.

        An existing folder of the same name is replaced if it holds a person.

        Raises:
            InputError: the folder holds something else, or can't be written.
        """
        try:
            out = Path(folder).resolve()
            if out.exists() and not (out.is_dir() and _replaceable(out)):
                raise InputError(out, "", "holds something else", "name a new folder")
            part = out.with_name(f".{out.name}.{os.getpid()}.saving")
            old = out.with_name(f".{out.name}.{os.getpid()}.replaced")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
        except (OSError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                str(folder)[:200], "", f"can't be written ({error})", "name another folder"
            ) from None
        try:
            self._write(part)
            if out.exists():  # the old person goes only once the new one is in its place
                os.replace(out, old)
            try:
                os.replace(part, out)
            except BaseException:
                if old.exists():
                    os.replace(old, out)
                raise
        finally:
            shutil.rmtree(part, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)

    def _write(self, folder: Path) -> None:
        arrays: dict[str, np.ndarray] = {"offsets": self.offsets.numpy()}
        for photo in self.photos:
            for name in ("K", "T_cam_world", "R_parent_joint", "root_position", "drape"):
                arrays[f"{photo.name}.{name}"] = getattr(photo, name).numpy()
            write_image(folder / f"{photo.name}.photo.png", photo.image)
            alpha = np.round(np.clip(photo.alpha, 0, 1) * 255).astype(np.uint8)
            write_image(folder / f"{photo.name}.mask.png", alpha)
        np.savez_compressed(folder / _ARRAYS, **arrays)  # type: ignore[arg-type]
        write_image(folder / _TEXTURE, self.texture)
        record = {
            "format": FORMAT,
            "body": self.body,
            "shape": asdict(self.shape),
            "photos": [p.name for p in self.photos],
            "confidence": self.confidence,
            "warnings": list(self.warnings),
            "notes": list(self.notes),
        }
        (folder / _RECORD).write_text(json.dumps(record, indent=1))

    @staticmethod
    def load(folder: str | PathLike[str]) -> Person:
        """Reads a person that :meth:`save` wrote.

        Raises:
            InputError: a file is missing, damaged, or not a person's.
        """
        source = Path(folder)
        record = _read_record(source)
        arrays = _read_arrays(source / _ARRAYS)
        shape = _read_shape(record.get("shape"), source)
        try:
            names = _strings(record["photos"])
            confidence = {str(k): _number(v) for k, v in record["confidence"].items()}
            warnings = _strings(record["warnings"])
            notes = _strings(record.get("notes", []))
            body = record["body"]
            if not isinstance(body, str) or len(body) > 4096 or "\0" in body:
                raise TypeError("body is no name")
            if len(set(names)) != len(names):
                raise ValueError("the same photo twice")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise _damaged(source / _RECORD, _words(error)) from None
        try:
            vertices = len(load_body(body).with_shape(shape).bind_vertices)
        except OSError as error:
            raise InputError(
                source / _RECORD, "body", f"can't be read ({_words(error)})", "check the path"
            ) from None
        offsets = _array(arrays, "offsets", (vertices, 3), source)
        texture = read_image(source / _TEXTURE)
        photos = tuple(_read_photo(source, n, arrays, vertices) for n in names)
        return Person(shape, body, offsets, texture, photos, confidence, warnings, notes)


def _replaceable(folder: Path) -> bool:
    """Whether a folder is empty or a person's; a person.json of others does not make it one."""
    record = folder / _RECORD
    if not record.is_file():
        return not any(folder.iterdir())
    with record.open("rb") as file:
        return FORMAT.rsplit(" ", 1)[0].encode() in file.read(4096)


def _damaged(path: Path, why: str) -> InputError:
    return InputError(path, "", f"is damaged ({why})", "run muybridge fit again")


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def _number(value: Any) -> float:
    """A finite number of a record."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{str(value)[:40]!r} is no number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no finite number")
    return number


def _strings(value: Any) -> tuple[str, ...]:
    """A list of strings of a record."""
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise TypeError("photos, warnings and notes must be lists of words")
    return tuple(value)


def _read_shape(record: Any, source: Path) -> Shape:
    """The body's shape; that each number is in range is for the body to say."""
    path = source / _RECORD
    if not isinstance(record, dict):
        raise _damaged(path, "no shape")
    unknown = sorted(set(record) - {f.name for f in fields(Shape)})
    if unknown:
        raise InputError(
            path, f"shape.{unknown[0][:40]}", "is unknown", "run muybridge fit again"
        )
    try:
        betas = record.get("betas", [])
        if not isinstance(betas, list):
            raise TypeError("betas must be a list")
        plain = {k: _number(v) for k, v in record.items() if k != "betas"}
        return Shape(**plain, betas=tuple(_number(b) for b in betas))
    except (TypeError, ValueError, OverflowError) as error:
        raise _damaged(path, _words(error)) from None


def _read_record(source: Path) -> dict[str, Any]:
    path = source / _RECORD
    try:
        found = path.is_file()
        size = path.stat().st_size if found else 0
    except (OSError, ValueError) as error:
        raise InputError(
            str(source)[:200], "", f"can't be opened ({_words(error)})", "check the path"
        ) from None
    if not found:
        raise InputError(
            source, "", "is not a person's folder (no person.json)",
            "give a folder written by muybridge fit, or a photo",
        )
    if size > _MAX_RECORD:
        raise _damaged(path, f"{size >> 20} MiB")
    try:
        record = json.loads(path.read_bytes())
    except (ValueError, OSError, RecursionError) as error:
        raise _damaged(path, type(error).__name__) from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise InputError(path, "format", "is not one this version reads", "run muybridge fit again")
    return record


def _read_arrays(path: Path) -> dict[str, Any]:
    from muybridge.body.restricted import load_npz

    return load_npz(path)


def _array(
    arrays: dict[str, Any], name: str, shape: tuple[int, ...], source: Path
) -> Tensor:
    value = arrays.get(name)
    if not isinstance(value, np.ndarray) or value.shape != shape:
        found = "is missing" if value is None else f"has shape {getattr(value, 'shape', None)}"
        raise InputError(
            source / _ARRAYS, name, f"{found}, not {shape}", "run muybridge fit again"
        )
    if value.dtype.kind != "f" or not np.isfinite(value).all():
        raise InputError(source / _ARRAYS, name, "is not finite", "run muybridge fit again")
    if float(np.abs(value).max(initial=0)) > (1e6 if name.endswith(".K") else _FARTHEST):
        raise InputError(source / _ARRAYS, name, "is out of range", "run muybridge fit again")
    return torch.from_numpy(value.astype(np.float32))


def _read_photo(source: Path, name: str, arrays: dict[str, Any], vertices: int) -> Photo:
    if name not in ("front", "back"):
        raise _damaged(source / _RECORD, f"a photo named {name!r}")
    image = read_image(source / f"{name}.photo.png")
    grey = read_image(source / f"{name}.mask.png")[..., 0]
    if grey.shape != image.shape[:2]:
        raise InputError(
            source / f"{name}.mask.png", "size", "differs from the photo's",
            "run muybridge fit again",
        )
    shapes = {
        "K": (3, 3), "T_cam_world": (4, 4), "R_parent_joint": (55, 3, 3),
        "root_position": (3,), "drape": (vertices, 3),
    }
    values = {k: _array(arrays, f"{name}.{k}", s, source) for k, s in shapes.items()}
    bad = _impossible(values)
    if bad:
        raise InputError(
            source / _ARRAYS, f"{name}.{bad[0]}", bad[1], "run muybridge fit again"
        )
    return Photo(name, image, grey.astype(np.float32) / 255, **values)


def _impossible(values: dict[str, Tensor]) -> tuple[str, str] | None:
    """What no photo's camera or pose can be: the field and its fault."""
    K, T, R = values["K"], values["T_cam_world"], values["R_parent_joint"]
    lowest = torch.tensor([0.0, 0.0, 1.0])
    if float(K.diagonal()[:2].min()) <= 0 or float((K[2] - lowest).abs().max()) > 1e-4:
        return "K", "is singular or no camera's"
    if float((T[3] - torch.tensor([0.0, 0.0, 0.0, 1.0])).abs().max()) > 1e-4:
        return "T_cam_world", "does not end in 0 0 0 1"
    for field_name, rotation in (("T_cam_world", T[None, :3, :3]), ("R_parent_joint", R)):
        off = (rotation @ rotation.transpose(-1, -2) - torch.eye(3)).abs().max()
        if float(off) > 1e-3 or float(torch.linalg.det(rotation).min()) < 0:
            return field_name, "holds a matrix that is not a rotation"
    return None


__all__ = ["Person", "Photo"]
