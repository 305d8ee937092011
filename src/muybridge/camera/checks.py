"""What makes a rig usable, and guarded reading of the files that describe one."""

from __future__ import annotations

import json
import math
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from muybridge.camera.types import Cameras
from muybridge.errors import InputError

MAX_BYTES = 512 * 2**20
MAX_SIDE = 32768
MAX_CAMERAS = 2_000_000


def check_size(source: str, width: Any, height: Any) -> tuple[int, int]:
    """Width and height as ints; :class:`InputError` unless 1..32768 whole pixels."""
    for field, value in (("width", width), ("height", height)):
        whole = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not whole or not math.isfinite(value) or value != int(value):
            raise InputError(source, field, f"{value!r} is no whole number of pixels",
                             "give the picture's size in pixels")
        if not 1 <= value <= MAX_SIDE:
            raise InputError(source, field, f"{value} pixels is out of range",
                             f"use 1 to {MAX_SIDE}")
    return int(width), int(height)


def check_cameras(cameras: Cameras, source: str) -> None:
    """Raise :class:`InputError` unless every camera is finite, invertible and rigid."""
    check_size(source, cameras.width, cameras.height)
    K, T = cameras.K, cameras.T_cam_world
    if K.shape[0] == 0 or K.shape[1] == 0:
        raise InputError(source, "", "there is no camera in it", "give at least one view and frame")
    if K.shape != (*T.shape[:2], 3, 3) or T.shape[2:] != (4, 4):
        raise InputError(source, "K, T_cam_world",
                         f"shapes {tuple(K.shape)} and {tuple(T.shape)} do not belong together",
                         "give K [V,T,3,3] and T_cam_world [V,T,4,4]")

    def at(bad: torch.Tensor) -> str:
        v, t = (int(i) for i in bad.nonzero()[0])
        return f"view {v}, frame {t}"

    Kd, Td = K.double(), T.double()
    for name, x in (("K", Kd), ("T_cam_world", Td)):
        bad = ~torch.isfinite(x).flatten(2).all(-1)
        if bool(bad.any()):
            raise InputError(source, name, f"{at(bad)} holds NaN or infinity", "repair the file")
    bad = (Kd[..., 0, 0] <= 1e-3) | (Kd[..., 1, 1] <= 1e-3)
    if bool(bad.any()):
        raise InputError(source, "K", f"{at(bad)} has a focal length that is zero or negative",
                         "focal lengths are positive, in pixels")
    bad = (Kd[..., 0, 0] > 1e8) | (Kd[..., 1, 1] > 1e8)
    if bool(bad.any()):
        raise InputError(source, "K", f"{at(bad)} has a focal length above 1e8 pixels",
                         "give focal lengths in pixels")
    lower = torch.stack([Kd[..., 1, 0], Kd[..., 2, 0], Kd[..., 2, 1], Kd[..., 2, 2] - 1], -1)
    bad = lower.abs().amax(-1) > 1e-6
    if bool(bad.any()):
        raise InputError(source, "K", f"{at(bad)} is not upper triangular with a 1 at its end",
                         "give [[fx,s,cx],[0,fy,cy],[0,0,1]]")
    bad = Kd[..., :2, 1:].flatten(2).abs().amax(-1) > 1e8
    if bool(bad.any()):
        raise InputError(source, "K", f"{at(bad)} is out of range",
                         "give the principal point in pixels")
    R = Td[..., :3, :3]
    eye = torch.eye(3, dtype=R.dtype, device=R.device)
    off = (R @ R.transpose(-1, -2) - eye).abs().amax((-1, -2))
    bad = off > 1e-3
    if bool(bad.any()):
        raise InputError(source, "T_cam_world",
                         f"{at(bad)} has a rotation that is not orthonormal (off by "
                         f"{float(off[bad][0]):.3g})", "give a rotation without scale or shear")
    bad = torch.linalg.det(R) < 0
    if bool(bad.any()):
        raise InputError(source, "T_cam_world", f"{at(bad)} mirrors the world (determinant -1)",
                         "give a rotation; check the handedness of the axes")
    bad = (Td[..., 3, :] - Td.new_tensor([0.0, 0, 0, 1])).abs().amax(-1) > 1e-6
    if bool(bad.any()):
        raise InputError(source, "T_cam_world", f"{at(bad)} does not end in the row 0 0 0 1",
                         "give rigid 4x4 transforms")
    bad = Td[..., :3, 3].abs().amax(-1) > 1e6
    if bool(bad.any()):
        raise InputError(source, "T_cam_world", f"{at(bad)} stands over 1000 km away",
                         "give translations in metres")


def read_bytes(path: str | PathLike[str], limit: int = MAX_BYTES) -> bytes:
    """A file's bytes; :class:`InputError` where it is absent, a folder, empty or too large."""
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(path, "", "is a folder", "name a file in it")
        size = path.stat().st_size
        if size > limit:
            raise InputError(path, "", f"is {size / 2**20:.0f} MB", "this is no camera file")
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(path, "", "there is no such file", "check the path") from None
    except (OSError, ValueError) as error:
        raise InputError(path, "", f"can't be read ({error})", "check the path and rights"
                         ) from None
    if not data:
        raise InputError(path, "", "is empty", "write it again")
    return data


def read_json(path: str | PathLike[str]) -> Any:
    """A JSON file's content; :class:`InputError` where it is not JSON."""
    data = read_bytes(path)
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InputError(path, "", "is not UTF-8 text", "give a JSON file") from None
    except json.JSONDecodeError as error:
        raise InputError(path, f"line {error.lineno}", f"is not JSON ({error.msg})",
                         "repair or write the file again") from None
    except (RecursionError, ValueError) as error:
        raise InputError(path, "", f"is not usable JSON ({error})", "repair the file") from None
