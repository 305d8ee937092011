"""From what a user typed to cameras that see the whole motion.

A camera spec is a built-in name with options (``orbit:8,elevation=10``), a
sentence (``arc left slowly, then pull back``), or a camera file or folder.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.camera.framing import (
    JOINT_PADDING,
    Framing,
    check_points,
    followed,
    frame_points,
)
from muybridge.camera.paths import Track, rig16
from muybridge.camera.types import Cameras, Number
from muybridge.errors import InputError

BUILT_IN: dict[str, str] = {
    "orbit": "orbit[:VIEWS] - still cameras evenly on a circle, 8 if not said",
    "orbit-path": "orbit-path[:DEGREES] - one camera that circles the person, 360 if not said",
    "static": "static[:AZIMUTH,...] - still cameras; 0 front, 90 the subject's right, 180 back",
    "arc": "arc[:DEGREES] - one camera travels around; positive to its left, 45 if not said",
    "dolly": "dolly[:FACTOR] - the distance becomes so many times the first, 0.6 if not said",
    "crane": "crane[:METRES] - rises while looking at the person, 1 if not said",
    "zoom": "zoom[:FACTOR] - the focal length becomes so many times the first, 1.5 if not said",
    "rig16": "rig16 - the sixteen cameras of ReImagine's rig",
}
"""Every built-in name with one line of help."""

OPTIONS: dict[str, str] = {
    "start": "azimuth of the first view, degrees",
    "elevation": "of the cameras above the person's centre, degrees",
    "fov": "vertical field of view, degrees",
    "margin": "free border, fraction of the picture",
    "distance": "from the person's centre, metres, instead of framing",
    "views": "number of views (orbit)",
}
"""Every option that a built-in name takes, with one line of help."""

_NAME = re.compile(r"([a-z][a-z0-9-]*)\s*(?::(.*))?", re.S)


@dataclass(frozen=True)
class Spec:
    """A built-in name taken apart: its positional values and its options."""

    name: str
    values: tuple[float, ...] = ()
    options: dict[str, float] = field(default_factory=dict)


def _number(spec: str, field_name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError("camera", spec, f"{field_name} {text!r} is no number",
                         "write it like " + "orbit:8,elevation=10")
    return float(value)


def parse_spec(spec: str) -> Spec | None:
    """A built-in spec taken apart; ``None`` where the text does not start with a built-in name."""
    found = _NAME.fullmatch(spec.strip().lower())
    if not found or found[1] not in BUILT_IN:
        return None
    values: list[float] = []
    options: dict[str, float] = {}
    for part in (found[2] or "").split(","):
        key, equals, text = part.strip().partition("=")
        if equals:
            if key.strip() not in OPTIONS:
                raise InputError("camera", spec, f"{key.strip()!r} is no option",
                                 "options are " + ", ".join(OPTIONS))
            options[key.strip()] = _number(spec, key.strip(), text)
        elif key:
            values.append(_number(spec, "value", key))
    return Spec(found[1], tuple(values), options)


def _within(spec: str, name: str, value: Number, low: Number, high: Number) -> float:
    if not low <= value <= high:
        raise InputError("camera", spec, f"{name} {value:g} is out of range",
                         f"use {low:g} to {high:g}")
    return float(value)


def build_cameras(
    spec: str,
    points: Float[Tensor, "T P 3"],
    *,
    frames: int | None = None,
    width: int = 512,
    height: int = 512,
    fps: Fraction | Number = 24,
    follow: bool | str = "auto",
    fov: Number | None = None,
    elevation: Number | None = None,
    margin: Number | None = None,
    facing: Number | str = 0.0,
) -> Cameras:
    """The cameras that ``spec`` asks for, placed so that the whole motion is in the picture.

    Args:
        spec: a built-in name with options (see :data:`BUILT_IN`), words, or a path.
        points: the person's joints or vertices in the world, metres.
        frames: of the video; by default that of the points.
        width, height: of the pictures, pixels.
        fps: frames per second.
        follow: ``True``, ``False``, or ``"auto"``: travel with a person whose way
            spans more than a body height, or whom still cameras would show clearly
            smaller (:func:`muybridge.camera.frame_points`). Cameras from files stay
            as they are.
        fov: vertical field of view, degrees; 30 by default (a portrait lens).
        elevation: of the cameras, degrees; 5 by default.
        margin: free border as a fraction of the picture's side; 0.08 by default.
        facing: which way the person looks, as an azimuth in degrees, so that
            "front" is theirs; ``"auto"`` reads it off 55 joints in frame 0.

    Raises:
        InputError: for a spec that isn't understood, a bad file, or bad numbers.
    """
    if not isinstance(spec, str) or not spec.strip():
        raise InputError("camera", "", "nothing was asked for",
                         "name one of " + ", ".join(BUILT_IN) + ", a sentence or a file")
    if frames is not None and frames < 1:
        raise InputError("camera", "frames", f"{frames} frames", "ask for at least one")
    if not float(fps) > 0 or not math.isfinite(float(fps)):
        raise InputError("camera", "fps", f"{fps} frames per second", "use a positive number")
    count = frames or int(points.shape[0])
    turn = facing_of(points) if facing == "auto" else float(facing)
    asked = parse_spec(spec)
    given = {"fov": fov, "elevation": elevation, "margin": margin}
    numbers = {k: v for k, v in given.items() if v is not None}

    def frame(azimuths: list[float], **more: Number) -> Framing:
        options: dict[str, Number] = {**numbers, **more}
        return frame_points(
            points, width=width, height=height, azimuths=[a + turn for a in azimuths],
            follow=follow, fps=float(fps), frames=count,
            elevation=options.get("elevation", 5.0), fov=options.get("fov", 30.0),
            margin=options.get("margin", 0.08),
        )

    if asked is None:
        from muybridge.camera import formats, words

        found = formats.find(spec)
        if found is not None:
            loaded = formats.load_cameras(found[0], layout=found[1])
            return loaded.resampled(count).resized(width, height).check(str(found[0]))
        script = words.parse(spec)
        framing = frame(script.azimuths(), elevation=script.elevation_or(
            numbers.get("elevation", 5.0)))
        return script.cameras(framing, count, (width, height), turn, spec.strip(), float(fps))
    if asked.name == "rig16":
        _no_values(spec, asked, 0, ())
        return _rig16(points, count, (width, height), follow, float(fps))
    return _built_in(spec, asked, frame, count, (width, height), turn)


def _no_values(spec: str, asked: Spec, values: int, options: tuple[str, ...]) -> None:
    if len(asked.values) > values:
        raise InputError("camera", spec, f"{asked.name} takes at most {values} value"
                         + ("" if values == 1 else "s"), BUILT_IN[asked.name])
    for key in asked.options:
        if key not in options:
            raise InputError("camera", spec, f"{asked.name} takes no {key}", BUILT_IN[asked.name])


def _built_in(
    spec: str, asked: Spec, frame: Callable[..., Framing], count: int, size: tuple[int, int],
    turn: float,
) -> Cameras:
    common = ("start", "elevation", "fov", "margin", "distance")
    options = dict(asked.options)
    start = _within(spec, "start", options.pop("start", 0.0), -3600, 3600)
    distance = options.pop("distance", None)
    if distance is not None:
        _within(spec, "distance", distance, 0.05, 1000)
    value = asked.values[0] if asked.values else None
    if asked.name == "orbit":
        _no_values(spec, asked, 1, (*common, "views"))
        if value is not None and "views" in options and options["views"] != value:
            raise InputError("camera", spec, "says the number of views twice", "say it once")
        views = options.pop("views", 8.0 if value is None else value)
        if views != int(views):
            raise InputError("camera", spec, f"{views:g} views", "ask for a whole number")
        n = int(_within(spec, "views", views, 1, 1024))
        azimuths = [start + 360.0 * i / n for i in range(n)]
        visited = azimuths
    elif asked.name == "static":
        _no_values(spec, asked, 1024, common)
        azimuths = [start + _within(spec, "azimuth", a, -3600, 3600) for a in asked.values or (0,)]
        visited = azimuths
    else:
        _no_values(spec, asked, 1, common)
        azimuths = [start]
        sweep = {"orbit-path": 360.0, "arc": 45.0}.get(asked.name, 0.0)
        if sweep and value is not None:
            sweep = _within(spec, "degrees", value, -3600, 3600)
        visited = [start + a for a in np.linspace(0, sweep, 1 + min(36, int(abs(sweep) / 5)))]
    framing = frame(visited, **options)
    track = Track.still([a + turn for a in azimuths], count, distance or framing.distance,
                        framing.elevation)
    if asked.name == "orbit-path":
        track = track.arc(sweep, loop=abs(sweep) % 360 == 0)
    elif asked.name == "arc":
        track = track.arc(sweep)
    elif asked.name == "dolly":
        track = track.dolly(_within(spec, "factor", 0.6 if value is None else value, 0.05, 20))
    elif asked.name == "crane":
        track = track.crane(_within(spec, "metres", 1.0 if value is None else value, -100, 100))
    elif asked.name == "zoom":
        track = track.zoomed(_within(spec, "factor", 1.5 if value is None else value, 0.05, 20))
    return track.cameras(framing.center, size, framing.fov, spec.strip().lower(), framing.path)


def facing_of(points: Float[Tensor, "T 55 3"]) -> float:
    """Which way the person looks in frame 0, as an azimuth in degrees, from their 55 joints."""
    from muybridge.body.skeleton import JOINT_INDEX

    X = check_points(points)
    if X.shape[1] != 55:
        raise InputError("points", "", "facing can be read off the 55 joints only",
                         "give joints, or facing in degrees")
    across = sum(X[0, JOINT_INDEX[f"left_{p}"]] - X[0, JOINT_INDEX[f"right_{p}"]]
                 for p in ("hip", "shoulder"))
    # the left side is at +X when facing +Z: facing = across x up
    return math.degrees(math.atan2(across[2], across[0]))


def _rig16(points: Tensor, frames: int, size: tuple[int, int], follow: bool | str,
           fps: float) -> Cameras:
    path, X = followed(check_points(points), frames, fps, follow)
    low, high = X.min(0), X.max(0)
    center = (float(low[0] + high[0]) / 2, float(low[2] + high[2]) / 2)
    if points.shape[1] == 55:  # the body reaches beyond its joints
        reach = JOINT_PADDING * np.concatenate([np.eye(3), -np.eye(3)])
        X = (X[:, None] + reach).reshape(-1, 3)
    scale = 1.0
    for _ in range(40):
        rig = rig16(1, size, center, scale)
        pixels, depth = rig.project(torch.tensor(X, dtype=torch.float32))
        inside = (depth > 0.1) & (pixels > 0).all(-1) & (pixels[..., 0] < size[0])
        if bool((inside & (pixels[..., 1] < size[1])).all()):
            break
        scale *= 1.08
    return rig16(frames, size, center, scale, torch.tensor(path, dtype=torch.float32))
