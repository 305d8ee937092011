"""nerfstudio's ``transforms.json``: OpenGL cameras, camera-to-world, Z up.

nerfstudio's world has +Z up; a person who faces -Y there (as in Blender) faces
+Z here: ``(x, y, z) -> (x, z, -y)``. The file keeps its own metres, whatever
they are; ``scale`` says what a unit is. Distortion is dropped with a warning.
Its documentation puts pixel centres at whole numbers in words but samples at
+0.5; +0.5 is used here, as by its code.
"""

from __future__ import annotations

import json
import math
import warnings
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from muybridge.camera.checks import MAX_CAMERAS, check_size
from muybridge.camera.formats.common import (
    arrange,
    array,
    matrix,
    nearest_rotation,
    number,
    place,
    write_whole,
)
from muybridge.camera.geometry import Array, rigid
from muybridge.camera.types import Cameras
from muybridge.errors import InputError

Y_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # their world -> ours
FLIP = np.diag([1.0, -1.0, -1.0])  # OpenGL camera <-> OpenCV camera
_DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")


def parse(data: dict[str, Any], path: Path, layout: str = "auto",
          scale: float | int | None = None) -> Cameras:
    """The cameras of a ``transforms.json``'s content. Raises :class:`InputError`."""
    frames = data["frames"]
    if not isinstance(frames, list) or not frames:
        raise InputError(path, "frames", "is no list of pictures", "give nerfstudio's own file")
    if len(frames) > MAX_CAMERAS:
        raise InputError(path, "frames", f"{len(frames)} are too many",
                         f"use {MAX_CAMERAS} at most")
    model = data.get("camera_model", "OPENCV")
    if model not in ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "PERSPECTIVE", None):
        raise InputError(path, "camera_model", f"{str(model)[:30]!r} is no pinhole camera",
                         "undistort the pictures to a pinhole model first")
    names, Ks, Ts, sizes = [], [], [], []
    bent = False
    for i, frame in enumerate(frames):
        field = f"frames[{i}]"
        if not isinstance(frame, dict):
            raise InputError(path, field, "is no object", "repair the file")
        both = {**data, **frame}
        K, size = _intrinsics(path, field, both)
        bent |= any(both.get(k) not in (None, 0, 0.0) for k in _DISTORTION)
        M = array(path, f"{field}.transform_matrix", frame.get("transform_matrix"), (-1, 4))
        last = M[3] if M.shape[0] == 4 else np.array([0, 0, 0, 1.0])
        if M.shape[0] not in (3, 4) or np.abs(last - [0, 0, 0, 1]).max() > 1e-6:
            raise InputError(path, f"{field}.transform_matrix", "is no rigid 4x4 matrix",
                             "give camera-to-world with the last row 0 0 0 1")
        R = nearest_rotation(path, f"{field}.transform_matrix", M[:3, :3])
        center = Y_UP @ M[:3, 3] * (1.0 if scale is None else scale)
        Ts.append(rigid((Y_UP @ R @ FLIP).T, center))
        Ks.append(K)
        sizes.append(size)
        names.append(str(frame.get("file_path", "")))
    if bent:
        warnings.warn(f"{path}: lens distortion is dropped; undistort the pictures", stacklevel=2)
    T = np.stack(Ts)
    if np.abs(T).max() > 1e6:
        raise InputError(path, "frames", "a camera stands over 1000 km away", "give metres")
    return arrange(path, names, np.stack(Ks), T, sizes, layout, path.stem)


def _intrinsics(path: Path, field: str, both: dict[str, Any]) -> tuple[Array, tuple[int, int]]:
    if both.get("w") is None or both.get("h") is None:
        raise InputError(path, f"{field}.w, h", "the picture's size is missing", "add w and h")
    w, h = check_size(f"{path}: {field}", both["w"], both["h"])
    cx = number(path, f"{field}.cx", both.get("cx", w / 2))
    cy = number(path, f"{field}.cy", both.get("cy", h / 2))
    focal: list[float | None] = []
    for key, angle, side in (("fl_x", "camera_angle_x", w), ("fl_y", "camera_angle_y", h)):
        if both.get(key) is not None:
            focal.append(number(path, f"{field}.{key}", both[key]))
        elif both.get(angle) is not None:
            a = number(path, f"{field}.{angle}", both[angle])
            if not 1e-4 < a < math.pi - 1e-4:
                raise InputError(path, f"{field}.{angle}", f"{a:g} radians is no field of view",
                                 "use 0 to pi")
            focal.append(side / 2 / math.tan(a / 2))
        else:
            focal.append(None)
    fx = focal[0] if focal[0] is not None else focal[1]
    fy = focal[1] if focal[1] is not None else focal[0]
    if fx is None or fy is None:
        raise InputError(path, f"{field}.fl_x", "the focal length is missing",
                         "add fl_x or camera_angle_x")
    if not (1e-3 < fx < 1e8 and 1e-3 < fy < 1e8):
        raise InputError(path, f"{field}.fl_x", f"focal length {fx:g}, {fy:g} is out of range",
                         "give pixels")
    return matrix(fx, fy, cx, cy), (w, h)


def write(cameras: Cameras, path: str | PathLike[str]) -> None:
    """Write a ``transforms.json`` with intrinsics in each frame."""
    cameras.check("cameras")
    K = cameras.K.double().cpu().numpy()
    R = cameras.T_cam_world[..., :3, :3].double().cpu().numpy()
    center = cameras.centers.double().cpu().numpy()
    frames = []
    for v in range(cameras.views):
        for t in range(cameras.frames):
            M = np.eye(4)
            M[:3, :3] = Y_UP.T @ R[v, t].T @ FLIP
            M[:3, 3] = Y_UP.T @ center[v, t]
            k = K[v, t]
            frames.append({
                "file_path": "images/" + place(v, t), "fl_x": k[0, 0], "fl_y": k[1, 1],
                "cx": k[0, 2], "cy": k[1, 2], "w": cameras.width, "h": cameras.height,
                "transform_matrix": M.tolist(),
            })
    data = {"camera_model": "OPENCV", "orientation_override": "none", "frames": frames}
    write_whole(path, json.dumps(data, indent=1).encode())
