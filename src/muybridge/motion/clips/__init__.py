"""Built-in clips: motions made by code, for any body, any length and any frame rate.

>>> from muybridge.motion import clips
>>> clips.make("walk", frames=48).frames
48
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.motion.clips import dance as _dance
from muybridge.motion.clips import exercise, gestures, locomotion
from muybridge.motion.clips.rig import Rig
from muybridge.motion.face import blink_track
from muybridge.motion.nominal import nominal_rest_joints
from muybridge.motion.types import MAX_FRAMES, Motion

__all__ = [
    "CLIPS",
    "NAMES",
    "Clip",
    "make",
    *("walk", "run", "turn", "wave"),
    *("jump", "squat", "dance", "idle"),
]


@dataclass(frozen=True)
class Clip:
    """A built-in clip.

    Attributes:
        name: what to ask for.
        about: one sentence.
        seconds: how long it is at its natural pace (one cycle, where it goes round).
        cyclic: whether it goes round without an end; others begin and end standing.
        travels: whether it goes through the world.
        pose: poses a rig; gets the seconds that a cycle or the clip takes.
    """

    name: str
    about: str
    seconds: float
    cyclic: bool
    travels: bool
    pose: Callable[..., None]


CLIPS: dict[str, Clip] = {
    clip.name: clip
    for clip in (
        Clip("walk", "An easy walk straight ahead.", 1.0, True, True, locomotion.walk),
        Clip("run", "An easy run straight ahead.", 0.72, True, True, locomotion.run),
        Clip("turn", "A full turn on the spot in small steps.", 4.0, False, False, locomotion.turn),
        Clip("wave", "The right hand waves hello.", 3.0, False, False, gestures.wave),
        Clip("jump", "A jump on the spot.", 1.6, False, False, exercise.jump),
        Clip("squat", "A deep squat, arms ahead.", 2.4, False, False, exercise.squat),
        Clip(
            "dance",
            "Eight beats of side steps, arms low, then high.",
            4.0,
            True,
            False,
            _dance.dance,
        ),
        Clip(
            "idle", "Quiet standing: breath and a shift of weight.", 6.0, True, False, gestures.idle
        ),
    )
}
"""All clips by name."""

NAMES: tuple[str, ...] = tuple(CLIPS)
"""Names of the clips."""


def make(
    name: str,
    frames: int | None = None,
    fps: Fraction | int | float = 24,
    *,
    rest_joints: Float[Tensor, "55 3"] | None = None,
    in_place: bool = False,
) -> Motion:
    """Makes a clip.

    A clip that goes round (walk, run, dance, idle) keeps its pace and is fitted to whole
    rounds where that changes the pace by 12 % at most, so that the last frame leads to the
    first again. Any other clip is shown whole: it is played faster when ``frames`` are
    fewer than it takes, and followed by standing when they are more.

    Args:
        name: one of :data:`NAMES`.
        frames: how many; by default one clip (two rounds of a walk or run).
        fps: frames per second.
        rest_joints: the body it is made for, T-pose, soles on y = 0; by default a nominal adult.
        in_place: walk or run on the spot.

    Raises:
        InputError: an unknown clip, or a number of frames or a rate that can't be.
    """
    if name not in CLIPS:
        raise InputError("motion", name, "is no built-in clip", "use one of " + ", ".join(NAMES))
    clip = CLIPS[name]
    rate = Fraction(fps).limit_denominator(1_000_000)
    if not 0 < rate <= 1000:
        raise InputError("motion", "fps", f"is {float(fps):g}", "give a rate in 0..1000")
    if frames is None:
        rounds = 2 if clip.cyclic and clip.seconds < 2 else 1
        frames = max(1, round(clip.seconds * rounds * rate))
    if not 1 <= frames <= MAX_FRAMES:
        raise InputError("motion", "frames", f"is {frames}", f"give 1 to {MAX_FRAMES}")
    span = frames / float(rate)
    if clip.cyclic:
        rounds = max(1, round(span / clip.seconds))
        fitted = span / rounds
        seconds = fitted if abs(fitted / clip.seconds - 1) <= 0.12 else clip.seconds
    else:
        # The last frame stands again: it is one step before the clip's end.
        seconds = min(clip.seconds, max(span, 0.4 * clip.seconds))
    time = torch.arange(frames, dtype=torch.float64) / float(rate)
    rest = nominal_rest_joints() if rest_joints is None else rest_joints.cpu()
    rig = Rig(time if clip.cyclic else time.clamp(max=seconds), rest)
    if clip.travels:
        clip.pose(rig, seconds, in_place)
    else:
        clip.pose(rig, seconds)
    motion = rig.motion(rate, name)
    return replace(motion, face=blink_track(frames, rate, at=(0.9, 3.7, 7.1, 10.4)))


def walk(
    frames: int | None = None, fps: Fraction | int | float = 24, *, in_place: bool = False
) -> Motion:
    """An easy walk straight ahead; see :func:`make`."""
    return make("walk", frames, fps, in_place=in_place)


def run(
    frames: int | None = None, fps: Fraction | int | float = 24, *, in_place: bool = False
) -> Motion:
    """An easy run straight ahead; see :func:`make`."""
    return make("run", frames, fps, in_place=in_place)


def turn(frames: int | None = None, fps: Fraction | int | float = 24) -> Motion:
    """A full turn on the spot; see :func:`make`."""
    return make("turn", frames, fps)


def wave(frames: int | None = None, fps: Fraction | int | float = 24) -> Motion:
    """The right hand waves hello; see :func:`make`."""
    return make("wave", frames, fps)


def jump(frames: int | None = None, fps: Fraction | int | float = 24) -> Motion:
    """A jump on the spot; see :func:`make`."""
    return make("jump", frames, fps)


def squat(frames: int | None = None, fps: Fraction | int | float = 24) -> Motion:
    """A deep squat; see :func:`make`."""
    return make("squat", frames, fps)


def dance(frames: int | None = None, fps: Fraction | int | float = 24) -> Motion:
    """Side steps, arms low, then high; see :func:`make`."""
    return make("dance", frames, fps)


def idle(frames: int | None = None, fps: Fraction | int | float = 24) -> Motion:
    """Quiet standing; see :func:`make`."""
    return make("idle", frames, fps)
