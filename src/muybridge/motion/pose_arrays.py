"""Arrays of strangers' pose files: checked numbers, rows and axis-angles."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np
import roma
import torch
from torch import Tensor

from muybridge.errors import InputError
from muybridge.motion.types import MAX_FRAMES


def numbers(path: str | PathLike[str], key: str, value: Any) -> np.ndarray:
    """A finite float64 array of any shape, not too large.

    Raises:
        InputError: it is none.
    """
    try:
        if isinstance(value, Tensor):
            value = value.detach().cpu().numpy()
        array = np.asarray(value)
        if array.dtype.kind not in "fiu":
            raise ValueError
        array = array.astype(np.float64)
    except (ValueError, TypeError, OverflowError, RuntimeError, RecursionError):
        raise InputError(path, key, "is no array of numbers", "export the file again") from None
    if array.size > 55 * 9 * MAX_FRAMES:
        raise InputError(path, key, f"has {array.size} numbers", f"give up to {MAX_FRAMES} frames")
    if not np.isfinite(array).all():
        raise InputError(path, key, "holds numbers that are not finite", "export the file again")
    return array


def rows(path: str | PathLike[str], key: str, value: Any, width: int) -> np.ndarray:
    """(T, width); one frame may be flat."""
    array = numbers(path, key, value)
    if (
        array.size == 0
        or array.size % width
        or (array.ndim > 1 and array.size != len(array) * width)
    ):
        raise InputError(path, key, f"has the shape {array.shape}", f"give (T, {width})")
    return array.reshape(-1, width)


def axis_angle(
    path: str | PathLike[str], key: str, value: Any, counts: tuple[int, ...]
) -> np.ndarray:
    """(T, J, 3) axis-angle from axis-angle or matrices, for one of the joint counts."""
    array = numbers(path, key, value)
    if array.shape[-2:] == (3, 3) and array.ndim >= 3 and array.size % 9 == 0:
        joints = array.shape[-3] if array.ndim >= 4 else (len(array) if len(array) in counts else 1)
        if joints in counts and array.size:
            R = torch.from_numpy(array.reshape(-1, joints, 3, 3))
            gram = R @ R.transpose(-1, -2) - torch.eye(3, dtype=R.dtype)
            if float(gram.abs().max()) > 0.02 or float(torch.linalg.det(R).min()) < 0:
                raise InputError(path, key, "holds a matrix that is no rotation", "export it again")
            return roma.rotmat_to_rotvec(roma.special_procrustes(R)).numpy()
    for joints in counts:
        width = joints * 3
        flat = array.ndim == 1 and array.size == width
        table = array.ndim == 2 and array.shape == (len(array), width)
        split = array.ndim >= 2 and array.shape[-2:] == (joints, 3)
        squeezed = array.ndim == 3 and array.shape[1:] == (1, width)
        if array.size and (flat or table or split or squeezed):
            if float(np.abs(array).max()) > 100:
                raise InputError(path, key, "has angles above 100", "give axis-angle in radians")
            return array.reshape(-1, joints, 3)
    wanted = " or ".join(str(3 * c) for c in counts)
    raise InputError(path, key, f"has the shape {array.shape}", f"give (T, {wanted})")
