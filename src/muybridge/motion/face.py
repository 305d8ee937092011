"""Face actions: the 52 names of ARKit, and tracks of them.

Source of the names: Apple ARKit, ``ARFaceAnchor.BlendShapeLocation``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.motion.types import Motion

FACE_ACTIONS: tuple[str, ...] = (
    *("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    *("cheekPuff", "cheekSquintLeft", "cheekSquintRight"),
    *("eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight"),
    *("eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight"),
    *("eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight"),
    *("eyeWideLeft", "eyeWideRight"),
    *("jawForward", "jawLeft", "jawOpen", "jawRight"),
    *("mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight"),
    *("mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight"),
    *("mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight"),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *("mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight"),
    *("mouthUpperUpLeft", "mouthUpperUpRight"),
    *("noseSneerLeft", "noseSneerRight", "tongueOut"),
)
"""ARKit's 52 face actions."""


def check_face(
    face: Mapping[str, Float[Tensor, " T"]], source: str = "face"
) -> Mapping[str, Float[Tensor, " T"]]:
    """The tracks, if all names are known and all values are in 0..1.

    Raises:
        InputError: an unknown name, a value out of range.
    """
    for name, values in face.items():
        if name not in FACE_ACTIONS:
            raise InputError(source, name, "is no face action", "use one of ARKit's 52 names")
        if not bool(torch.isfinite(values).all()) or float(values.min()) < -1e-4:
            raise InputError(source, name, "is below 0 or no number", "give values in 0..1")
        if float(values.max()) > 1 + 1e-4:
            raise InputError(source, name, "is above 1", "give values in 0..1")
    return face


def mirror_name(name: str) -> str:
    """The same action on the other side of the face."""
    for a, b in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(a):
            return name[: -len(a)] + b
    return name


def blink_track(
    frames: int, fps: Fraction, at: Iterable[float] = (0.8, 3.6), seconds: float = 0.22
) -> dict[str, Float[Tensor, " T"]]:
    """Both eyes blink at the given times: they close fast and open slower.

    Args:
        frames: length of the tracks.
        fps: frames per second.
        at: seconds at which a blink starts.
        seconds: how long a blink takes.
    """
    time = torch.arange(frames, dtype=torch.float64) / float(fps)
    track = torch.zeros(frames, dtype=torch.float64)
    for start in at:
        u = (time - start) / seconds
        close = (u / 0.35).clamp(0, 1)
        reopen = ((1 - u) / 0.65).clamp(0, 1)
        lid = torch.minimum(close, reopen)
        track = torch.maximum(track, lid * lid * (3 - 2 * lid))
    values = track.float()
    return {"eyeBlinkLeft": values, "eyeBlinkRight": values.clone()}


def expression(
    frames: int, **actions: float | int | Sequence[float | int]
) -> dict[str, Float[Tensor, " T"]]:
    """Tracks that hold (a number) or interpolate evenly between (a list) action values.

    Example:
        ``expression(48, mouthSmileLeft=0.6, jawOpen=[0, 0.4, 0])``

    Raises:
        InputError: an unknown name or a value outside 0..1.
    """
    tracks = {}
    for name, value in actions.items():
        keys = torch.as_tensor([value] if isinstance(value, int | float) else list(value)).double()
        if len(keys) == 0:
            raise InputError("face", name, "has no values", "give at least one number")
        x = torch.linspace(0, len(keys) - 1, frames, dtype=torch.float64)
        low = x.floor().long().clamp(0, max(len(keys) - 2, 0))
        high = (low + 1).clamp(max=len(keys) - 1)
        tracks[name] = torch.lerp(keys[low], keys[high], x - low).float()
    check_face(tracks)
    return tracks


def with_face(motion: Motion, tracks: Mapping[str, Float[Tensor, " T"]]) -> Motion:
    """The motion with these tracks added (or put in place of those of the same name).

    Raises:
        InputError: an unknown name, a value outside 0..1, another length.
    """
    check_face(tracks)
    for name, values in tracks.items():
        if len(values) != motion.frames:
            raise InputError(
                "face", name, f"{len(values)} values for {motion.frames} frames", "make them equal"
            )
    return replace(motion, face={**motion.face, **tracks})
