"""What every method gives: a pipeline that streams frames, and the video they make."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.methods.background import Background
from muybridge.methods.spec import MethodSpec
from muybridge.motion import Motion, retarget
from muybridge.person import Person
from muybridge.video import VideoWriter, plate, write_image

Callback = Callable[[int, int], None]
"""Called as ``callback(frames_done, frames)`` after every piece of work."""
Tell = Callable[[float, str], None]
"""Called as ``tell(done, text)``, ``done`` in 0..1, while the first frames are still to come."""


class Chunk(NamedTuple):
    """Consecutive frames of all views.

    Attributes:
        start: number of its first frame.
        frames: RGB in [0, 1]; over the background, or straight (not premultiplied)
            colours where the background is transparent.
        matte: share of the person in each pixel, in [0, 1].
    """

    start: int
    frames: Float[Tensor, "V t 3 H W"]
    matte: Float[Tensor, "V t 1 H W"]


@dataclass(frozen=True)
class HumanVideo:
    """A video of a person from ``V`` views over ``T`` frames.

    Attributes:
        frames: RGB in [0, 1].
        matte: share of the person in each pixel, in [0, 1].
        fps: frames per second, exact.
        cameras: what each view was seen by.
        motion: what the body does.
    """

    frames: Float[Tensor, "V T 3 H W"]
    matte: Float[Tensor, "V T 1 H W"]
    fps: Fraction
    cameras: Cameras
    motion: Motion

    def save(self, folder: str | PathLike[str]) -> Path:
        """Write ``plate.png``, ``views/NN.mp4``, ``cameras.json`` and ``motion.npz``.

        The command line writes more (see :mod:`muybridge.jobs`): mattes, a grid video
        and ``run.json``. Files of the same names are replaced.

        Returns:
            The folder.
        """
        out = Path(folder)
        (out / "views").mkdir(parents=True, exist_ok=True)
        views, count, _, height, width = self.frames.shape
        for view in range(views):
            target = out / "views" / f"{view:02d}.mp4"
            with VideoWriter(target, self.fps, width, height) as writer:
                for t in range(count):
                    writer.write(self.frames[view, t])
        picked = spread(count, 8)
        picture = plate(
            self.frames[:, picked],
            row_labels=[f"view {v}" for v in range(views)],
            column_labels=[f"frame {t}" for t in picked],
        )
        write_image(out / "plate.png", picture)
        self.cameras.save(out / "cameras.json")
        self.motion.save(out / "motion.npz")
        return out


class HumanVideoPipeline(ABC):
    """A method with its weights loaded: person, motion, cameras in, frames out.

    Subclasses implement :meth:`make`. For every one of them holds, and the contract
    tests check: the same arguments give the same frames; the frames do not depend on
    ``chunk`` or on ``start``; memory depends on ``chunk`` and, but for ``kept_bytes`` a
    picture, not on the motion's length.
    """

    spec: MethodSpec
    size: str
    before: float = 0.0
    """Share of the whole work that is done before the first frame can be given."""
    kept_bytes: int = 0
    """What is kept of every picture for the whole video, such as latents; little, or nothing."""

    def driven_by(
        self, pictures: UInt8[Tensor, "T 4 H W"], hands: Float[Tensor, "F 2 2"] | None = None
    ) -> HumanVideoPipeline:
        """The same method with a driving video in place of the motion.

        The motion of :meth:`stream` then says where the person stands, for as many frames (see
        :mod:`muybridge.methods.driving`).

        Args:
            pictures: RGB premultiplied over black, and matte.
            hands: where the left and the right one are, shares of width and height; ``nan`` where
                that is not known (:func:`muybridge.methods.forearms.hand_places`).

        Raises:
            InputError: the method takes no driving video.
        """
        raise InputError(
            f"method {self.spec.name}", "motion", "takes no driving video",
            "give a motion, or use --method 3dimo",
        )

    @abstractmethod
    def make(
        self,
        person: Person,
        motion: Motion,
        cameras: Cameras,
        *,
        seed: int,
        background: Background,
        chunk: int,
        start: int,
        tell: Tell,
    ) -> Iterator[Chunk]:
        """Yield the frames from ``start`` on; what :meth:`stream` has checked and completed."""

    def stream(
        self,
        person: Person,
        motion: Motion,
        cameras: Cameras,
        *,
        seed: int = 0,
        background: Background | None = None,
        chunk: int = 4,
        start: int = 0,
        callback: Callback | None = None,
        tell: Tell | None = None,
    ) -> Iterator[Chunk]:
        """Frames in order, a few at a time.

        Args:
            person: who.
            motion: what they do. A motion of another body is retargeted to theirs.
            cameras: from where; as many frames as the motion.
            seed: of whatever is drawn at random.
            background: behind the person; a plain studio where none is given.
            chunk: frames per piece at most.
            start: first frame wanted; earlier ones are skipped (resume).
            callback: told of progress.
            tell: told of the work before the first frame, where there is much of it.

        Raises:
            InputError: the arguments do not fit each other.
        """
        check_request(motion, cameras, chunk, start)
        pieces = self.make(
            person, on_body(motion, person), cameras,
            seed=seed, background=background or Background(), chunk=chunk, start=start,
            tell=tell or _silent,
        )
        for piece in pieces:
            yield piece
            if callback is not None:
                callback(piece.start + piece.frames.shape[1], motion.frames)

    def __call__(
        self,
        person: Person,
        motion: Motion,
        cameras: Cameras,
        *,
        seed: int = 0,
        background: Background | None = None,
        chunk: int = 4,
        callback: Callback | None = None,
    ) -> HumanVideo:
        """All frames at once; arguments as for :meth:`stream`."""
        motion = on_body(motion, person)
        pieces = list(
            self.stream(
                person, motion, cameras,
                seed=seed, background=background, chunk=chunk, callback=callback,
            )
        )
        return HumanVideo(
            torch.cat([piece.frames for piece in pieces], dim=1),
            torch.cat([piece.matte for piece in pieces], dim=1),
            motion.fps, cameras, motion,
        )


def _silent(done: float, text: str) -> None:
    """Tells nobody."""


def on_body(motion: Motion, person: Person) -> Motion:
    """The motion on this person's proportions; itself where it already is."""
    rest = motion.rest_joints
    if rest is not None and torch.allclose(rest, person.rest_joints, atol=1e-4):
        return motion
    return retarget(motion, person.rest_joints)


def check_request(motion: Motion, cameras: Cameras, chunk: int, start: int) -> None:
    """Refuse arguments of a pipeline that do not fit each other.

    Raises:
        InputError: frame counts differ, there is nothing to make, or ``chunk`` or
            ``start`` is out of range.
    """
    if cameras.frames != motion.frames:
        raise InputError(
            "cameras", "frames", f"{cameras.frames} do not match the motion's {motion.frames}",
            "build the cameras with frames=motion.frames",
        )
    if motion.frames < 1 or cameras.views < 1:
        raise InputError("motion", "frames", "there are no frames or no views", "give at least one")
    if chunk < 1:
        raise InputError("chunk", "", f"is {chunk}", "give 1 or more")
    if not 0 <= start <= motion.frames:
        raise InputError("start", "", f"is {start}", f"give 0 to {motion.frames}")


def spread(count: int, most: int) -> list[int]:
    """At most ``most`` numbers of ``range(count)``, evenly spread, both ends included."""
    if count <= most:
        return list(range(count))
    return [round(i * (count - 1) / (most - 1)) for i in range(most)] if most > 1 else [0]
