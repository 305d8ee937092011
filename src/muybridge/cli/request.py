"""The options that say what to make, shared by animate, compare and plan."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from muybridge.cli.common import MaybeFile, MaybeNumber
from muybridge.errors import InputError
from muybridge.jobs.job import Job, parse_fps, parse_size, parse_start


@dataclass(kw_only=True)
class Scene:
    """What to make, but for the person.

    Attributes:
        back: a photo from behind.
        mask: a mask of the person in the photo: white is the person.
        layout: of the photo: auto, sheet (front and back side by side) or single.
        motion: a motion file or a clip; see muybridge motions.
        camera: a camera path, a sentence, or a file; see muybridge cameras.
        frames: how many; the whole motion unless given.
        start: where in the motion: a frame such as 36, seconds such as 1.5s, or auto, which
            skips a calibration pose that a recording holds at first.
        fps: frames per second, such as 24 or 30000/1001.
        size: 512 (a square) or WIDTHxHEIGHT, in pixels.
        seed: of whatever is drawn at random.
        background: plain, keep (the photo's own), transparent, or a picture.
        cue: what methods with an appearance cue paint over: nerf or avatar.
        set: an option of the method, as name=value; repeatable.
    """

    motion: str = "walk"
    camera: str = "orbit:8"
    back: MaybeFile = None
    mask: MaybeFile = None
    layout: str = "auto"
    frames: MaybeNumber = None
    start: str = "auto"
    fps: str = "24"
    size: str = "512"
    seed: int = 0
    background: str = "plain"
    cue: Annotated[str | None, tyro.conf.arg(metavar="CUE")] = None
    set: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="K=V")] = ()

    def job_of(self, person: str, method: str, **more: Any) -> Job:
        """The scene with a person, as a job of one method.

        Raises:
            InputError: a value is out of range or no value of its kind.
        """
        width, height = parse_size(self.size)
        fps = parse_fps(self.fps)
        return Job(
            person=person, motion=self.motion, back=self.back, mask=self.mask,
            layout=self.layout, camera=self.camera, method=method, frames=self.frames,
            start=parse_start(self.start, fps), fps=fps, width=width, height=height, seed=self.seed,
            background=self.background, options=self._options(), **more,
        )

    def _options(self) -> dict[str, Any]:
        """Of the method: those of --set, and --cue."""
        return options(self.set) | ({"cue": self.cue} if self.cue else {})


@dataclass(kw_only=True)
class Request(Scene):
    """What to make.

    Attributes:
        person: a photo, or the folder of a fitted person.
    """

    person: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PERSON")]

    def job(self, method: str, **more: Any) -> Job:
        """The request as a job of one method; see :meth:`Scene.job_of`."""
        return self.job_of(self.person, method, **more)


def options(pairs: tuple[str, ...], of: str = "--set") -> dict[str, Any]:
    """``name=value`` pairs; values are read as JSON where they are JSON, else as text.

    Args:
        pairs: as given.
        of: option that they are of.

    Raises:
        InputError: there is no ``=``.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise InputError(of, "", f"{pair!r} is no option", "write name=value")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found
