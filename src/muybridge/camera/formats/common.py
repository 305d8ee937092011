"""What the camera formats share: reading numbers with care, writing files whole."""

from __future__ import annotations

import math
import os
import re
import secrets
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch

from muybridge.camera.checks import MAX_CAMERAS, check_size
from muybridge.camera.geometry import Array
from muybridge.camera.types import Cameras
from muybridge.errors import InputError

_PLACE = re.compile(r"view_?(\d{1,6})[/_-]+frame_?(\d{1,7})")


def number(source: Path, field: str, value: Any) -> float:
    """A finite number from JSON; :class:`InputError` otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError(source, field, f"{str(value)[:40]!r} is no number", "repair the file")
    try:
        out = float(value)
    except OverflowError:
        out = math.inf
    if not math.isfinite(out):
        raise InputError(source, field, "is NaN or infinite", "repair the file")
    return out


def array(source: Path, field: str, value: Any, shape: tuple[int, ...]) -> Array:
    """A finite array of a shape from nested JSON lists; -1 takes any length."""
    wrong = InputError(source, field, f"is no array of {'x'.join(str(s) for s in shape)} numbers"
                       .replace("-1", "any"), "repair the file")
    if not isinstance(value, (list, tuple)):
        raise wrong
    try:
        out = np.array(value, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        raise wrong from None
    if out.ndim != len(shape) or any(
            s not in (-1, n) for s, n in zip(shape, out.shape, strict=True)):
        raise wrong
    if not np.isfinite(out).all():
        raise InputError(source, field, "holds NaN or infinity", "repair the file")
    return out


def quaternion(source: Path, field: str, q: Array) -> Array:
    """Rotations ``[..., 3, 3]`` of wxyz quaternions, which need not be of unit length."""
    norm = np.linalg.norm(q, axis=-1, keepdims=True)
    if not (np.isfinite(norm).all() and (norm > 1e-6).all() and (norm < 1e6).all()):
        raise InputError(source, field, "a quaternion is zero or no number", "repair the file")
    w, x, y, z = np.moveaxis(q / norm, -1, 0)
    return np.stack([
        np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], -1),
        np.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], -1),
        np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], -1),
    ], -2)


def nearest_rotation(source: Path, field: str, R: Array) -> Array:
    """The rotation nearest to ``[3, 3]``, where it is one up to a file's few digits."""
    if not np.isfinite(R).all():
        raise InputError(source, field, "holds NaN or infinity", "repair the file")
    off = float(np.abs(R @ R.T - np.eye(3)).max())
    if not off < 0.02:
        raise InputError(source, field, f"is no rotation (off by {off:.3g})",
                         "give an orthonormal matrix without scale or shear")
    if np.linalg.det(R) < 0:
        raise InputError(source, field, "mirrors the world (determinant -1)",
                         "check the handedness of the axes")
    u, _, vt = np.linalg.svd(R)
    return np.asarray(u @ vt)


def matrix(fx: float, fy: float, cx: float, cy: float) -> Array:
    """Intrinsics from focal lengths and principal point, pixels."""
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])


def arrange(
    source: Path, names: Sequence[str], K: Array, T: Array, sizes: Sequence[tuple[int, int]],
    layout: str, name: str,
) -> Cameras:
    """A rig from a flat list of pictures.

    Pictures of other sizes than the first are brought to the first's by padding.

    Args:
        names: of the pictures; ``view_3/frame_0012`` says where one belongs.
        K, T: ``[N, 3, 3]`` intrinsics and ``[N, 4, 4]`` world-to-camera.
        sizes: width and height of each, pixels.
        layout: ``auto``, ``views`` or ``path``.
    """
    n = len(names)
    if n == 0:
        raise InputError(source, "", "there is no camera in it", "give at least one")
    if n > MAX_CAMERAS:
        raise InputError(source, "", f"{n} cameras are too many", f"use at most {MAX_CAMERAS}")
    width, height = check_size(str(source), *sizes[0])
    K = K.copy()
    for i, (w, h) in enumerate(sizes):
        if (w, h) != (width, height):
            check_size(str(source), w, h)
            s = min(width / w, height / h)
            A = matrix(s, s, (width - s * w) / 2, (height - s * h) / 2)
            K[i] = A @ K[i]
    places = [_PLACE.search(x) for x in names]
    order = np.arange(n)
    shape = (n, 1) if layout != "path" else (1, n)
    if layout == "auto" and all(places):
        where = [(int(p[1]), int(p[2])) for p in places if p]
        views, frames = sorted({v for v, _ in where}), sorted({t for _, t in where})
        if len(set(where)) == n == len(views) * len(frames):
            order = np.array(sorted(range(n), key=lambda i: where[i]))
            shape = (len(views), len(frames))
    return Cameras(
        torch.tensor(K[order].reshape(*shape, 3, 3), dtype=torch.float32),
        torch.tensor(T[order].reshape(*shape, 4, 4), dtype=torch.float32),
        width, height, name,
    ).check(str(source))


def place(view: int, frame: int, suffix: str = ".png") -> str:
    """The picture name from which :func:`arrange` knows the view and the frame."""
    return f"view_{view:02d}/frame_{frame:04d}{suffix}"


def write_whole(path: str | PathLike[str], data: bytes) -> None:
    """Write a file whole or not at all; makes its folder."""
    path = Path(path)
    if path.is_dir():
        raise InputError(path, "", "is a folder", "name a file to write")
    path.parent.mkdir(parents=True, exist_ok=True)
    temp = path.with_name(f".{path.name[:80]}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        temp.write_bytes(data)
        os.replace(temp, path)
    finally:
        temp.unlink(missing_ok=True)
