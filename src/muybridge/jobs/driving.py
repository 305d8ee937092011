"""Jobs whose motion comes as pictures: a video, a folder of pictures, or one picture, held.

Such a motion is read twice. Before anything runs, only how long it is, which gives the motion of
a body that stands (:func:`muybridge.methods.driving.standing`); then, frame by frame, the
pictures that the networks look at.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from muybridge import methods
from muybridge.errors import InputError
from muybridge.jobs.job import MOST_FRAMES, Job
from muybridge.jobs.refine_source import PICTURES, Clip, Frames, clips_of, pictures_of
from muybridge.methods.driving import LONGEST, compact, picked, standing
from muybridge.methods.forearms import read_hands
from muybridge.methods.reference import reference_of
from muybridge.motion import Motion, clips
from muybridge.person import Person
from muybridge.person.cutting import cut_out
from muybridge.video import VIDEOS, read_image

HELD = 24
"""Frames that one picture is held for, where nothing else is asked for."""
_SAVED = "person.json"
_CUT_SECONDS = 0.25
"""Cutting a person out of one frame."""


def is_moving(name: str) -> bool:
    """Whether a name is that of a video, or of a folder of pictures."""
    path = Path(name)
    if path.is_dir():
        return not (path / _SAVED).is_file() and bool(pictures_of(path))
    return path.suffix.lower() in VIDEOS


def is_saved(name: str) -> bool:
    """Whether a name is that of a folder, and not of one with a video's pictures."""
    return Path(name).is_dir() and not is_moving(name)


def drives(name: str) -> bool:
    """Whether a motion's name is that of pictures; a clip's never is."""
    if name in clips.NAMES:
        return False
    return is_moving(name) or Path(name).suffix.lower() in PICTURES or (
        Path(name) / _SAVED).is_file()


def stand_in(job: Job) -> Motion:
    """The motion of a body that stands while pictures move it; as many frames as will be.

    Args:
        job: whose motion :func:`drives`.

    Raises:
        InputError: the method takes no driving video, there is no such video, it has too few
            frames, or keypoints are not its.
    """
    spec, _ = methods.spec(job.method)
    if "driving video" not in spec.reference:
        able = [s.name for s in methods.specs().values() if "driving video" in s.reference]
        raise InputError(
            job.motion, "motion", f"is a driving video; {spec.name} takes none",
            "use --method " + " or ".join(able),
        )
    if is_moving(job.motion):
        frames = len(_numbers(job, _clip(job)))
        hands(job, frames)
        note = f"The body stands at the origin; {Path(job.motion).name} moves it."
    else:
        if not Path(job.motion).exists():
            raise InputError(job.motion, "", "is not there", "check the name")
        frames = job.frames or HELD
        note = f"The body stands at the origin, posed as in {Path(job.motion).name}."
    return standing(frames, job.fps, Path(job.motion).stem).with_note(note)


def pictures(
    job: Job, person: Person, frames: int, step: Callable[[float, str], None]
) -> UInt8[Tensor, "T 4 H W"]:
    """What the networks look at, RGB premultiplied over black, and matte.

    Args:
        job: whose motion :func:`drives`.
        person: of the job; where the motion is their picture, it is their first photo's.
        frames: how many.
        step: told ``step(done, text)`` as it goes on.

    Raises:
        InputError: a file is damaged, or nobody is told from the ground.
    """
    if not is_moving(job.motion):
        return _held(job, person)[None].expand(frames, -1, -1, -1)
    clip = _clip(job)
    source = Frames(clip, 4)
    made: list[Tensor] = []
    whole = True
    for number in _numbers(job, clip)[:frames]:
        step(len(made) / frames, f"frame {len(made) + 1} of {frames} of the driving video")
        picture = source.seen(number, number + 1)
        whole = whole and float(picture[:, 3].amin()) == 1
        made.append(compact(picture))
    if whole:
        raise InputError(
            job.motion, "", "nobody is told from the ground in it",
            "give a video of the matte with --matte",
        )
    return torch.cat(made)


def hands(job: Job, frames: int) -> Float[Tensor, "T 2 2"] | None:
    """Where the hands are in what :func:`pictures` gives, if keypoints tell that.

    Args:
        job: whose motion :func:`drives`.
        frames: how many.

    Raises:
        InputError: keypoints are damaged, or not those of this video.
    """
    if job.keypoints is None:
        return None
    if not is_moving(job.motion):
        raise InputError("job", "keypoints", "the motion is no video", "leave it out")
    clip = _clip(job)
    return read_hands(
        Path(job.keypoints), clip.frames, _numbers(job, clip)[:frames], clip.width, clip.height
    )


def reading_seconds(job: Job, frames: int) -> float:
    """How long it takes to read what drives a job, roughly; nothing where a motion does."""
    if not drives(job.motion) or not is_moving(job.motion) or job.matte is not None:
        return 0.0
    return _CUT_SECONDS * frames


def first_picture(job: Job) -> tuple[Any, Any]:
    """The picture that a person is fitted to, and its mask, where the person is a video's.

    Args:
        job: whose person :func:`is_moving`. Its matte is of the motion's video; it is the
            mask where both are one.

    Returns:
        RGB; and the mask, a file's name, a picture, or ``None``.

    Raises:
        InputError: it can't be read.
    """
    known = job.matte is not None and Path(job.person).resolve() == Path(job.motion).resolve()
    matte = Path(job.matte) if known and job.matte else None
    source = Frames(clips_of(Path(job.person), job.fps, matte)[0], 4 if matte else 3)
    picture = _bytes(source.whole(0, 1))
    if job.mask is not None or matte is None:
        return picture, job.mask
    return picture, _bytes(source.seen(0, 1)[:, 3:])[..., 0]


def _clip(job: Job) -> Clip:
    """The driving video."""
    return clips_of(Path(job.motion), job.fps, Path(job.matte) if job.matte else None)[0]


def _numbers(job: Job, clip: Clip) -> list[int]:
    """Which of its pictures are looked at, in order.

    Raises:
        InputError: there are fewer than are asked for.
    """
    start = job.start or 0
    found = list(picked(clip.frames, clip.fps, job.fps, start))[: job.frames or MOST_FRAMES]
    if len(found) < (job.frames or 1):
        raise InputError(
            job.motion, "frames",
            f"has {len(found)} frames from frame {start} on at {float(job.fps):g} per second, "
            f"{job.frames or 'some'} are asked for", "ask for fewer, or for an earlier start",
        )
    return found


def _held(job: Job, person: Person) -> UInt8[Tensor, "4 H W"]:
    """One picture that drives."""
    if Path(job.motion).resolve() == Path(job.person).resolve():
        picture = _reference(person)
    elif Path(job.motion).is_dir():
        picture = _reference(Person.load(job.motion))
    else:
        rgb = read_image(job.motion)
        matte = torch.from_numpy(cut_out(rgb))[None, None].float() / 255
        colour = torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255
        picture = torch.cat([colour * matte, matte], 1)
    return compact(picture)[0]


def _reference(person: Person) -> Tensor:
    """The first photo of a person, as methods see it."""
    return reference_of(person, LONGEST * 3 // 4, LONGEST).picture[None]


def _bytes(picture: Tensor) -> np.ndarray:
    """``[1, C, H, W]`` in [0, 1] as ``[H, W, C]`` bytes."""
    return np.asarray((picture[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy())
