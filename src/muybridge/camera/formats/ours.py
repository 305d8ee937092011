"""``cameras.json``: a rig whose file says what its numbers mean."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from muybridge.camera.checks import MAX_CAMERAS, check_size
from muybridge.camera.formats.common import array, write_whole
from muybridge.camera.geometry import Array
from muybridge.camera.types import Cameras
from muybridge.errors import InputError

VERSION = 1
CONVENTIONS = {
    "world": "right-handed, +Y up, ground at y = 0, a canonical person faces +Z, their left is +X",
    "camera": "OpenCV: x right, y down, z forward",
    "extrinsics": "T_cam_world is world-to-camera: X_cam = T_cam_world @ X_world, 3x4, row major",
    "intrinsics": "K in pixels: [fx, skew, cx, fy, cy]",
    "pixels": "the centre of the top left pixel is (0.5, 0.5)",
    "units": "metres",
    "layout": "one entry for each view; K and T_cam_world hold one row where it stands still, "
              "else one row for each frame",
}


def write(cameras: Cameras, path: str | PathLike[str]) -> None:
    """Write the rig whole or not at all; float32 values come back bit for bit."""
    cameras.check("cameras")
    K = cameras.K.detach().cpu().float().numpy()
    T = cameras.T_cam_world.detach().cpu().float().numpy()
    entries = np.stack([K[..., 0, 0], K[..., 0, 1], K[..., 0, 2], K[..., 1, 1], K[..., 1, 2]], -1)
    views = [
        {"view": v, "K": _rows(entries[v]), "T_cam_world": _rows(T[v, :, :3].reshape(-1, 12))}
        for v in range(cameras.views)
    ]
    head = {
        "muybridge_cameras": VERSION, "name": cameras.name, "conventions": CONVENTIONS,
        "width": cameras.width, "height": cameras.height,
        "views": cameras.views, "frames": cameras.frames,
    }
    text = json.dumps(head, indent=1)[:-2] + ',\n "cameras": [\n'
    text += ",\n".join("  " + json.dumps(view) for view in views) + "\n ]\n}\n"
    write_whole(path, text.encode())


def _rows(x: NDArray[np.float32]) -> list[list[float]]:
    """Shortest decimals that give the same float32 back; one row if all are the same."""
    x = x[:1] if bool((x == x[:1]).all()) else x
    out: list[list[float]] = x.astype("U32").astype(np.float64).tolist()
    return out


def parse(data: dict[str, Any], path: Path) -> Cameras:
    """The rig in the content of a ``cameras.json``. Raises :class:`InputError`."""
    version = data.get("muybridge_cameras")
    if version != VERSION:
        raise InputError(path, "muybridge_cameras", f"version {str(version)[:20]!r} is not known",
                         "update muybridge or write the file again")
    width, height = check_size(str(path), data.get("width"), data.get("height"))
    frames, views = data.get("frames"), data.get("cameras")
    if type(frames) is not int or frames < 1:
        raise InputError(path, "frames", f"{str(frames)[:20]!r} frames",
                         "give a whole number above 0")
    if not isinstance(views, list) or not views:
        raise InputError(path, "cameras", "there is no list of cameras", "write the file again")
    if len(views) * frames > MAX_CAMERAS:
        raise InputError(path, "frames", f"{len(views)} views x {frames} frames are too many",
                         f"use at most {MAX_CAMERAS} in all")
    K, T = np.zeros((len(views), frames, 3, 3)), np.zeros((len(views), frames, 4, 4))
    K[..., 2, 2] = T[..., 3, 3] = 1.0
    for v, view in enumerate(views):
        if not isinstance(view, dict):
            raise InputError(path, f"cameras[{v}]", "is no object", "write the file again")
        k = _frames(path, f"cameras[{v}].K", view.get("K"), 5, frames)
        K[v, :, 0], K[v, :, 1, 1:] = k[:, :3], k[:, 3:]
        T[v, :, :3] = _frames(path, f"cameras[{v}].T_cam_world", view.get("T_cam_world"), 12,
                              frames).reshape(-1, 3, 4)
    if max(np.abs(K).max(), np.abs(T).max()) > 1e30:
        raise InputError(path, "cameras", "a number is out of range", "repair the file")
    name = data.get("name", "cameras")
    return Cameras(
        torch.tensor(K, dtype=torch.float32), torch.tensor(T, dtype=torch.float32),
        width, height, name if isinstance(name, str) else "cameras",
    ).check(str(path))


def _frames(path: Path, field: str, value: Any, width: int, frames: int) -> Array:
    rows = array(path, field, value, (-1, width))
    if len(rows) not in (1, frames):
        raise InputError(path, field, f"has {len(rows)} rows for {frames} frames",
                         "give one row, or one for each frame")
    return rows
