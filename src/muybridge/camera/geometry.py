"""Where a camera stands and which way it looks, as matrices.

Angles that a user sees are degrees. A camera at azimuth 0 stands in front of
the canonical person (at +Z, looking to -Z); at +90 it stands at the person's
right side (at -X). Growing azimuth therefore moves the camera to its own left.
Elevation is positive above the person's centre.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

Array = np.ndarray[Any, np.dtype[np.float64]]


def direction(azimuth: Array | float | int, elevation: Array | float | int) -> Array:
    """Unit vectors ``[..., 3]`` from the person's centre to the camera; degrees in."""
    az, el = np.radians(np.asarray(azimuth, float)), np.radians(np.asarray(elevation, float))
    az, el = np.broadcast_arrays(az, el)
    return np.stack([-np.sin(az) * np.cos(el), np.sin(el), np.cos(az) * np.cos(el)], -1)


def angles(offset: Array) -> tuple[Array, Array]:
    """Azimuth (-180..180) and elevation in degrees of vectors ``[..., 3]`` from the centre."""
    azimuth = np.degrees(np.arctan2(-offset[..., 0], offset[..., 2]))
    flat = np.hypot(offset[..., 0], offset[..., 2])
    return np.asarray(azimuth), np.asarray(np.degrees(np.arctan2(offset[..., 1], flat)))


def orientation(azimuth: Array, elevation: Array, roll: Array | float | int = 0.0) -> Array:
    """World-to-camera rotations ``[..., 3, 3]`` that look from the direction to the centre.

    Defined for every angle, straight down included. Positive roll turns the
    camera clockwise as seen from behind it. Degrees in.
    """
    az, el = np.broadcast_arrays(np.asarray(azimuth, float), np.asarray(elevation, float))
    forward = -direction(az, el)
    a = np.radians(az)
    right = np.stack([np.cos(a), np.zeros_like(a), np.sin(a)], -1)
    down = np.cross(forward, right)
    r = np.radians(np.broadcast_to(np.asarray(roll, float), az.shape))[..., None]
    x, y = np.cos(r) * right + np.sin(r) * down, np.cos(r) * down - np.sin(r) * right
    return np.stack([x, y, forward], -2)


def rigid(R: Array, center: Array) -> Array:
    """World-to-camera transforms ``[..., 4, 4]`` of rotations and camera centres."""
    T = np.zeros((*R.shape[:-2], 4, 4))
    T[..., :3, :3] = R
    T[..., :3, 3] = -np.einsum("...ij,...j->...i", R, center)
    T[..., 3, 3] = 1.0
    return T


def focal_length(fov: float | int, height: int) -> float:
    """Focal length in pixels of a vertical field of view in degrees."""
    return height / 2 / math.tan(math.radians(fov) / 2)


def intrinsics(focal: Array | float | int, width: int, height: int) -> Array:
    """``[..., 3, 3]`` intrinsics with square pixels and the principal point in the middle."""
    f = np.asarray(focal, float)
    K = np.zeros((*f.shape, 3, 3))
    K[..., 0, 0] = K[..., 1, 1] = f
    K[..., 0, 2], K[..., 1, 2], K[..., 2, 2] = width / 2, height / 2, 1.0
    return K


def look_at(
    eye: Float[Tensor, "... 3"],
    target: Float[Tensor, "... 3"],
    up: tuple[float | int, float | int, float | int] = (0.0, 1.0, 0.0),
) -> Float[Tensor, "... 4 4"]:
    """World-to-camera transforms of cameras at ``eye`` that look at ``target``.

    Where the camera looks along ``up`` the picture's top is turned towards -Z.
    Raises ``ValueError`` where an eye lies on its target.
    """
    eye, target = torch.broadcast_tensors(eye, target)
    forward = (target - eye).double()
    length = forward.norm(dim=-1, keepdim=True)
    if bool((length < 1e-9).any()):
        raise ValueError("look_at: a camera stands on the point that it looks at")
    forward = forward / length
    top = forward.new_tensor(up).expand_as(forward)
    right = torch.linalg.cross(forward, top)
    steep = right.norm(dim=-1, keepdim=True) < 1e-6
    spare = torch.linalg.cross(forward, forward.new_tensor([0.0, 0.0, -1.0]).expand_as(forward))
    right = torch.where(steep, spare, right)
    right = right / right.norm(dim=-1, keepdim=True)
    R = torch.stack([right, torch.linalg.cross(forward, right), forward], dim=-2)
    T = torch.zeros(*R.shape[:-2], 4, 4, dtype=torch.float64, device=eye.device)
    T[..., :3, :3] = R
    T[..., :3, 3] = -(R @ eye.double()[..., None])[..., 0]
    T[..., 3, 3] = 1.0
    return T.to(eye.dtype)


def ease(u: Array) -> Array:
    """Smooth start and stop: 0 at 0, 1 at 1, level at both ends."""
    u = np.clip(u, 0.0, 1.0)
    return u * u * (3.0 - 2.0 * u)


def fractions(frames: int, loop: bool = False) -> Array:
    """Time of each frame, 0..1; a loop leaves out the last moment, which is the first again."""
    if frames == 1:
        return np.zeros(1)
    return np.arange(frames) / (frames if loop else frames - 1)
