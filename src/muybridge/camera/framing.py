"""Put the camera where the whole motion fits the picture, for every view."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.camera.geometry import Array, orientation
from muybridge.camera.types import Number
from muybridge.errors import InputError

JOINT_PADDING = 0.13
"""How far the body reaches beyond the 55 joints, metres (crown, toes, fingertips)."""
SMALL = 0.68
"""A person whose stature is less of the picture's height than this, in some frame and view of
still cameras, is followed where that helps."""
GAIN = 1.15
"""How many times larger following has to show them there to be worth it."""


@dataclass(frozen=True)
class Framing:
    """Where to look from so that all points stay in the picture.

    Attributes:
        center: what the cameras look at, metres (in frame 0 where they follow).
        half_extents: half the size of the box around all points, metres.
        distance: of the cameras from the centre, metres.
        fov: vertical field of view, degrees.
        elevation: of the cameras above the centre, degrees.
        path: how far the cameras have followed the person by each frame, on
            the ground, metres; all zero where they stay.
    """

    center: Float[Tensor, "3"]  # noqa: F821
    half_extents: Float[Tensor, "3"]  # noqa: F821
    distance: float
    fov: float
    elevation: float
    path: Float[Tensor, "T 3"]


def check_points(points: Tensor) -> Array:
    """Points as float64; :class:`InputError` unless finite ``[T, P, 3]``."""
    if points.ndim != 3 or points.shape[-1] != 3 or 0 in points.shape:
        raise InputError("points", "", f"shape {tuple(points.shape)} is not [T, P, 3]",
                         "give the person's joints or vertices over the frames")
    array = points.detach().cpu().double().numpy()
    if not np.isfinite(array).all():
        raise InputError("points", "", "they hold NaN or infinity", "repair the motion")
    if float(np.abs(array).max()) > 1e5:
        raise InputError("points", "", "they lie over 100 km away", "give metres")
    return array


def ground_path(points: Array, frames: int, fps: Number, seconds: Number = 0.4) -> Array:
    """The smoothed way of the person over the ground, ``[frames, 3]``, 0 at the start.

    The pelvis is followed where the points are the 55 joints, their mean otherwise.
    """
    anchor = points[:, 0] if points.shape[1] == 55 else points.mean(1)
    if len(anchor) != frames:
        at = np.linspace(0, len(anchor) - 1, frames)
        old = np.arange(len(anchor))
        anchor = np.stack([np.interp(at, old, anchor[:, i]) for i in range(3)], 1)
    if frames > 1:
        sigma = min(seconds * fps, frames / 4)
        pad = min(frames - 1, math.ceil(4 * sigma))
        # mirrored through its ends, so that the ends stay where they are
        head = 2 * anchor[:1] - anchor[1 : pad + 1][::-1]
        tail = 2 * anchor[-1:] - anchor[-pad - 1 : -1][::-1]
        bell = np.exp(-0.5 * (np.arange(-pad, pad + 1) / sigma) ** 2)
        long = np.concatenate([head, anchor, tail])
        smooth = [np.convolve(long[:, i], bell / bell.sum(), "valid") for i in range(3)]
        anchor = np.stack(smooth, 1)
    path = anchor - anchor[:1]
    path[:, 1] = 0.0
    return path


def support(normals: Array, points: Array) -> Array:
    """How far ``points [N, 3]`` reach along each of ``normals [M, 3]``: ``[M]``, in chunks."""
    step = max(1, 8_000_000 // len(normals))
    best = np.full(len(normals), -np.inf)
    for start in range(0, len(points), step):
        best = np.maximum(best, (normals @ points[start : start + step].T).max(1))
    return best


def wants_follow(path: Array, height: float) -> bool:
    """Whether the way spans more than a body height, so that a still camera sees a small person."""
    return _span(path) > height


def _span(path: Array) -> float:
    spread = path.max(0) - path.min(0)
    return float(np.hypot(spread[0], spread[2]))


def _stature(points: Array) -> float:
    """How far the points reach up in the frame where they reach farthest, metres."""
    return max(float((points[..., 1].max(1) - points[..., 1].min(1)).max()), 0.5)


def sizes(points: Array, framing: Framing, R: Array, fps: Number, height: float) -> Array:
    """The stature as a fraction of the picture's height, for each view and frame ``[V, T]``.

    Args:
        points: ``[T, P, 3]``.
        framing: where the views are.
        R: their orientations ``[V, 3, 3]``.
        fps: frames per second.
        height: the stature, metres.
    """
    middle = (points.min(1) + points.max(1)) / 2
    if framing.path.any():
        middle = middle - ground_path(points, len(points), fps)
    depth = framing.distance + R[:, 2] @ (middle - framing.center.double().numpy()).T
    return np.asarray(height / (2 * math.tan(math.radians(framing.fov) / 2) * depth))


def followed(points: Array, frames: int, fps: Number, follow: bool | str) -> tuple[Array, Array]:
    """The way ``[frames, 3]`` that cameras go with the person, and all points as seen from it.

    The way is zero where they stay. The points ``[T, P, 3]`` come back as ``[T * P, 3]``.
    """
    path = ground_path(points, frames, fps)
    on = wants_follow(path, _stature(points)) if follow == "auto" else bool(follow)
    if not on:
        return np.zeros_like(path), points.reshape(-1, 3)
    return path, (points - ground_path(points, len(points), fps)[:, None]).reshape(-1, 3)


def frame_points(
    points: Float[Tensor, "T P 3"],
    *,
    width: int = 512,
    height: int = 512,
    azimuths: Sequence[Number] = (0.0,),
    elevation: Number = 5.0,
    fov: Number = 30.0,
    margin: Number = 0.08,
    pad: Number | None = None,
    follow: bool | str = False,
    fps: Number = 24.0,
    frames: int | None = None,
) -> Framing:
    """The nearest place from which every point, view and frame is in the picture.

    The distance is one for all views, so that the person has the same size in
    each; it is the exact optimum for the centre's height (a linear program).

    Args:
        azimuths: of the views, degrees.
        elevation: of the views, degrees.
        fov: vertical field of view, degrees.
        margin: free border on each side, as a fraction of the picture's side.
        pad: free space around each point, metres; by default the body's reach
            beyond the joints where there are 55 points, else none.
        follow: ``True``, ``False`` or ``"auto"``: where the way spans more than a body
            height, or where still cameras show a person smaller than :data:`SMALL` whom
            cameras that follow show :data:`GAIN` times larger.
        fps: frames per second, for the smoothness of the following.
        frames: length of ``Framing.path``; by default that of the points.

    Raises:
        InputError: for points, margins or angles that can't be used.
    """
    X = check_points(points)
    if not 0 <= margin < 0.45:
        raise InputError("framing", "margin", f"{margin} is out of range", "use 0 to 0.4")
    if not 1 <= fov <= 150:
        raise InputError("framing", "fov", f"{fov} degrees is out of range", "use 1 to 150")
    if not -89.9 <= elevation <= 89.9:
        raise InputError("framing", "elevation", f"{elevation} degrees is out of range",
                         "use -89 to 89")
    if width < 1 or height < 1:
        raise InputError("framing", "size", f"{width}x{height} is no picture size", "use pixels")
    frames = frames or len(X)
    if pad is None:
        pad = JOINT_PADDING if X.shape[1] == 55 else 0.0
    R = orientation(np.asarray(azimuths, float), np.full(len(azimuths), float(elevation)))
    lens = _Lens(R, float(width) / height, float(fov), float(elevation), float(margin), float(pad))
    stature = _stature(X)
    if follow != "auto" or wants_follow(ground_path(X, frames, fps), stature):
        return _nearest(lens, *followed(X, frames, fps, bool(follow)))
    still = _nearest(lens, *followed(X, frames, fps, False))
    if _span(ground_path(X, frames, fps)) < stature / 4:
        return still
    before = sizes(X, still, R, fps, stature + 2 * pad)
    if before.min() >= SMALL:
        return still
    along = _nearest(lens, *followed(X, frames, fps, True))
    gain = sizes(X, along, R, fps, stature + 2 * pad) / before
    return along if gain[before < SMALL].max() > GAIN else still


@dataclass(frozen=True)
class _Lens:
    """What all views have in common: orientations ``[V, 3, 3]``, width / height, degrees,
    the margin as a fraction, and the space around points in metres."""

    R: Array
    aspect: float
    fov: float
    elevation: float
    margin: float
    pad: float


def _nearest(lens: _Lens, path: Array, flat: Array) -> Framing:
    """The framing of the points ``flat [N, 3]`` that cameras see who go along ``path``."""
    from scipy.optimize import linprog  # takes a while to import

    R, pad = lens.R, lens.pad
    low, high = flat.min(0) - pad, flat.max(0) + pad
    center, half = (low + high) / 2, np.maximum((high - low) / 2, 0.05)

    ty = math.tan(math.radians(lens.fov) / 2) * (1 - 2 * lens.margin)
    tx = ty * lens.aspect
    # for each view and side of the picture: a . (p - s) <= limit * distance
    sides = [(axis, limit, sign) for axis, limit in ((0, tx), (1, ty)) for sign in (1.0, -1.0)]
    normals = np.concatenate([sign * R[:, axis] - limit * R[:, 2] for axis, limit, sign in sides])
    limits = np.repeat([limit for _, limit, _ in sides], len(R))
    free = np.array([R[0, 0], [0, 1.0, 0]] if len(R) == 1 else [[0, 1.0, 0]])
    rows = np.concatenate([-limits[:, None], -normals @ free.T], 1)
    bounds = -(support(normals, flat - center) + pad * np.hypot(1.0, limits))
    near = float(support(-R[:, 2], flat - center).max()) + pad + 0.05
    size = float(half.max()) * 2
    answer = linprog(
        [1.0] + [0.0] * len(free), A_ub=rows, b_ub=bounds,
        bounds=[(near, None)] + [(-size, size)] * len(free), method="highs",
    )
    if answer.status != 0:
        raise InputError("framing", "points", "no place was found from which they are all seen",
                         "use a smaller margin or a wider picture")
    place = answer.x[1:]
    if len(free) == 2:  # to the side there may be room to spare: stay in the middle
        left = bounds + limits * answer.x[0] * (1 + 1e-9) + 1e-9
        sideways = np.array([[1.0, 0.0, -1.0], [-1.0, 0.0, -1.0]])
        middle = linprog(
            [0.0, 0.0, 1.0], A_ub=np.concatenate([np.c_[rows[:, 1:], 0 * limits], sideways]),
            b_ub=np.concatenate([left, np.zeros(2)]),
            bounds=[(-size, size)] * 2 + [(0, None)], method="highs",
        )
        place = middle.x[:2] if middle.status == 0 else place
    shift = sum((s * d for s, d in zip(place, free, strict=True)), np.zeros(3))
    return Framing(
        torch.tensor(center + shift, dtype=torch.float32),
        torch.tensor(half, dtype=torch.float32),
        float(answer.x[0]), lens.fov, lens.elevation, torch.tensor(path, dtype=torch.float32),
    )
