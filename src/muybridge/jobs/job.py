"""A request as data.

A :class:`Job` says what to make, not where to put it nor how fast: two runs of equal
jobs on equal inputs give equal frames. It goes into ``run.json`` and comes back.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from fractions import Fraction
from typing import Any

from muybridge.errors import InputError

LAYOUTS = ("auto", "sheet", "single")
MOST_PIXELS = 64_000_000
"""Of one picture."""
MOST_FRAMES = 1_000_000


@dataclass(frozen=True)
class Job:
    """A multi-view video to make.

    Attributes:
        person: a photo, the folder of a saved person, or a video, of which the first frame is
            taken.
        motion: a motion file, or the name of a clip; for methods that take a driving video also
            a video, a folder of pictures, or one picture, which is held.
        back: a photo from behind.
        mask: a mask of the person in the photo; white is the person.
        layout: of the photo: ``sheet`` is front and back side by side, ``single`` is one
            person, ``auto`` finds out.
        camera: a path such as ``orbit:8``, a sentence, or a file of cameras.
        method: name, or ``name-size``.
        frames: how many; ``None`` takes the whole motion.
        start: first frame of the motion to take, at ``fps``; ``None`` takes the first that
            is no calibration pose held for over a second.
        fps: frames per second of the result; the motion is resampled to it.
        width: of a picture, pixels.
        height: of a picture, pixels.
        seed: of whatever is drawn at random.
        background: ``plain``, ``keep``, ``transparent``, or a picture file.
        save_frames: also write every frame as PNG.
        lossless: also write every view as FFV1.
        options: of the method, by name.
        matte: of a motion that is a video: a video of the person's share of each pixel.
        keypoints: of a motion that is a video: a folder with a JSON of body keypoints for each of
            its pictures, which tell where the hands are.
    """

    person: str
    motion: str
    back: str | None = None
    mask: str | None = None
    layout: str = "auto"
    camera: str = "orbit:8"
    method: str = "avatar"
    frames: int | None = None
    start: int | None = None
    fps: Fraction = Fraction(24)
    width: int = 512
    height: int = 512
    seed: int = 0
    background: str = "plain"
    save_frames: bool = False
    lossless: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    matte: str | None = None
    keypoints: str | None = None

    def __post_init__(self) -> None:
        for name in ("person", "motion", "camera", "method", "background"):
            if not getattr(self, name) or "\0" in getattr(self, name):
                raise InputError("job", name, "is empty or no name", "give a file or a name")
        check_layout(self.layout)
        if self.frames is not None and not 1 <= self.frames <= MOST_FRAMES:
            raise InputError(
                "job", "frames", f"{self.frames} is out of range", f"give 1 to {MOST_FRAMES}"
            )
        if self.start is not None and not 0 <= self.start < MOST_FRAMES:
            raise InputError(
                "job", "start", f"{self.start} is out of range", f"give 0 to {MOST_FRAMES - 1}"
            )
        if not Fraction(1, 10) <= self.fps <= 1000:
            raise InputError("job", "fps", f"{self.fps} is out of range", "give 0.1 to 1000")
        if min(self.width, self.height) < 16 or self.width * self.height > MOST_PIXELS:
            raise InputError(
                "job", "size", f"{self.width}x{self.height} is out of range",
                f"give sides of at least 16 and at most {MOST_PIXELS // 10**6} million pixels",
            )
        if not -(2**63) <= self.seed < 2**63:
            raise InputError("job", "seed", "does not fit 64 bits", "give a smaller number")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; :meth:`from_dict` gives the same job back."""
        data = asdict(self)
        data["fps"] = str(self.fps)
        data["options"] = dict(self.options)
        return data

    def to_json(self) -> str:
        """The job as a JSON object."""
        return json.dumps(self.to_dict(), indent=2)

    @staticmethod
    def from_dict(data: Any, source: str = "job") -> Job:
        """Read :meth:`to_dict`'s values.

        Args:
            data: field -> value; absent fields take their defaults.
            source: where the values are from, for the text of an error.

        Raises:
            InputError: a field is unknown, of the wrong type, or out of range.
        """
        if not isinstance(data, Mapping):
            raise InputError(source, "", "is no JSON object", "give a job as an object")
        known = {f.name: str(f.type) for f in fields(Job)}
        for name in data:
            if name not in known:
                raise InputError(
                    source, str(name), "is no field of a job", "use " + ", ".join(known)
                )
        for name in ("person", "motion"):
            if name not in data:
                raise InputError(source, name, "is missing", "name a file")
        values = dict(data)
        for name, value in data.items():
            if not _fits(value, known[name]):
                raise InputError(
                    source, name, f"{value!r} is no {_in_words(known[name])}", "correct it"
                )
        if "fps" in values:
            values["fps"] = parse_fps(str(values["fps"]), source)
        try:
            return Job(**values)
        except InputError as error:
            raise InputError(source, error.field, error.problem, error.remedy) from None

    @staticmethod
    def from_json(text: str, source: str = "job") -> Job:
        """Read :meth:`to_json`'s text.

        Raises:
            InputError: the text is no JSON object or the job does not hold.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(
                source, "", f"is no JSON ({error})", "give what muybridge wrote"
            ) from None
        return Job.from_dict(data, source)


def check_layout(layout: str) -> None:
    """Refuse a layout of photos that there is not.

    Raises:
        InputError: it is none of :data:`LAYOUTS`.
    """
    if layout not in LAYOUTS:
        raise InputError(
            "job", "layout", f"{layout!r} is unknown", "use one of " + ", ".join(LAYOUTS)
        )


def parse_size(text: str) -> tuple[int, int]:
    """``512`` (a square) or ``WxH``, in pixels, as (width, height).

    Raises:
        InputError: the text is neither.
    """
    match = re.fullmatch(r"\s*(\d{1,6})(?:\s*[x×X]\s*(\d{1,6}))?\s*", text)
    if not match:
        raise InputError("--size", "", f"{text!r} is no size", "write 512, or WIDTHxHEIGHT")
    width = int(match[1])
    return width, int(match[2] or width)


def parse_fps(text: str, source: str = "--fps") -> Fraction:
    """Frames per second, exact: ``24``, ``29.97``, ``30000/1001``.

    Raises:
        InputError: the text is no positive number.
    """
    try:
        fps = Fraction(text.strip()[:32])
        if fps <= 0 or not math.isfinite(float(fps)):
            raise ValueError
    except (ValueError, ZeroDivisionError, OverflowError):
        raise InputError(
            source, "fps", f"{text!r} is no frame rate", "write 24, 29.97 or 30000/1001"
        ) from None
    # 29.97 and 23.976 mean 30000/1001 and 24000/1001
    for exact in (Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001)):
        if abs(fps - exact) < Fraction(1, 500) and fps != round(fps):
            return exact
    return fps


def parse_start(text: str, fps: Fraction) -> int | None:
    """``auto`` as ``None``, a frame (``36``), or seconds (``1.5s``) as the frame at ``fps``.

    Raises:
        InputError: the text is neither.
    """
    said = text.strip()[:32]
    if said == "auto":
        return None
    try:
        if said.endswith("s"):
            frame = round(Fraction(said[:-1].strip()) * fps)
        else:
            frame = int(said)
    except (ValueError, ZeroDivisionError):
        raise InputError(
            "--start", "", f"{text!r} is no place in a motion",
            "write a frame such as 36, seconds such as 1.5s, or auto",
        ) from None
    return frame


def _fits(value: Any, kind: str) -> bool:
    if value is None:
        return "None" in kind
    if kind.startswith("bool"):
        return isinstance(value, bool)
    if kind.startswith("int"):
        return isinstance(value, int) and not isinstance(value, bool)
    if kind.startswith("str"):
        return isinstance(value, str)
    if kind.startswith("Mapping"):
        return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
    return isinstance(value, str | int | float | Fraction) and not isinstance(value, bool)


def _in_words(kind: str) -> str:
    words = {"str": "text", "int": "whole number", "bool": "true or false", "Map": "object"}
    return next((word for start, word in words.items() if kind.startswith(start)), "number")
