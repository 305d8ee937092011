"""Methods that paint a crop around the person: where it lies, and how it goes into the picture.

Small networks know people who fill the picture, so they are shown crops
(:mod:`muybridge.camera.crop`). What is painted is put back, on the ground with its shadow.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.camera.crop import Crop, follow
from muybridge.methods.avatar.pipeline import on_ground
from muybridge.methods.avatar.scene import AvatarScene
from muybridge.methods.background import Background
from muybridge.methods.ground import Ground
from muybridge.methods.pipeline import Chunk, HumanVideoPipeline, Tell
from muybridge.motion import Motion
from muybridge.person import Person

BLOCK = 8
"""Frames that are prepared together, whatever is asked for, so that chunks change no bit."""
_SKIN_POINTS = 7
"""Every so manieth vertex is enough to bound a person."""

Show = Callable[[int, int], Float[Tensor, "V t 4 h w"]]
"""``show(start, stop)``: crops of these frames, RGB premultiplied over black, and matte."""


def crop_around(
    person: Person, motion: Motion, cameras: Cameras, width: int, height: int
) -> Crop:
    """Crops in which the person's body is seen whole.

    Args:
        person: who. ``motion``: on their proportions.
        cameras: of the whole pictures.
        width, height: of the crops, pixels.
    """
    points = [
        person.shaped.pose(motion.slice(first, first + BLOCK)).vertices[:, ::_SKIN_POINTS]
        for first in range(0, motion.frames, BLOCK)
    ]
    return follow(cameras, torch.cat(points), width, height)


class Blocks:
    """Frames of a video, shown in blocks of fixed length, the last block kept.

    Args:
        show: gives all views of the frames ``start <= t < stop``.
        frames: of the video.
        size: of a block.
    """

    def __init__(self, show: Show, frames: int, size: int = BLOCK) -> None:
        self._show, self._frames, self._size = show, frames, size
        self._number = -1
        self._block: Tensor | None = None

    def frame(self, t: int) -> Float[Tensor, "V 1 C h w"]:
        """All views of one frame."""
        number = t // self._size
        if self._block is None or number != self._number:
            first = number * self._size
            self._block = self._show(first, min(first + self._size, self._frames))
            self._number = number
        return self._block[:, t - number * self._size, None]


def pieces(
    start: int, frames: int, chunk: int,
    finished: Callable[[int], tuple[Float[Tensor, "V 1 3 H W"], Float[Tensor, "V 1 1 H W"]]],
) -> Iterator[Chunk]:
    """Frames from ``start`` on, ``chunk`` at a time, of a method that finishes them one by one.

    Args:
        start, frames, chunk: of :meth:`HumanVideoPipeline.make`.
        finished: gives all views of a frame, and their mattes.
    """
    for first in range(start, frames, chunk):
        made = [finished(t) for t in range(first, min(first + chunk, frames))]
        yield Chunk(first, torch.cat([f for f, _ in made], 1), torch.cat([m for _, m in made], 1))


class CroppedPipeline(HumanVideoPipeline):
    """A method that shows any frame by itself, in a crop of a fixed size.

    Attributes:
        width, height: of the crops, pixels.
    """

    width: int
    height: int

    @abstractmethod
    def painter(self, person: Person, motion: Motion, cameras: Cameras) -> Show:
        """What paints the crops of a video.

        Args:
            person: who. ``motion``: on their proportions.
            cameras: of the crops.
        """

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
        """See :meth:`HumanVideoPipeline.make`. Nothing is drawn at random here."""
        if start >= motion.frames:
            return
        crop = crop_around(person, motion, cameras, self.width, self.height)
        painted = Blocks(self.painter(person, motion, crop.cameras), motion.frames)
        bodies = AvatarScene.of(person, motion).bodies
        ground = Ground(background, cameras, motion.root_position)

        def finished(t: int) -> tuple[Tensor, Tensor]:
            whole = crop.paste(painted.frame(t), t).clamp(0, 1)
            matte = whole[:, :, 3:]
            color = torch.minimum(whole[:, :, :3], matte)
            return on_ground(color, matte, bodies.between(t, t + 1), ground, t), matte

        yield from pieces(start, motion.frames, chunk, finished)
