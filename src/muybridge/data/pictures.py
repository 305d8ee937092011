"""Pictures of a clip: in memory, or in lossless video that is decoded where it is asked for.

Frames are RGB premultiplied by the matte (the person over black), 8 bit, in the order of
views, then frames. Video is FFV1 in Matroska, each frame a key frame, so any one can be
read without the others; the same pictures always make the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import av
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from muybridge.errors import InputError

MAX_PIXELS = 1 << 32
"""Of all frames of one video together; more is refused."""
_FORMATS = {3: ("bgr0", "rgb24"), 1: ("gray", "gray")}


@runtime_checkable
class Pictures(Protocol):
    """Frames and mattes of ``views x frames`` pictures."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Views, frames, height, width."""

    def read(
        self, views: Sequence[int], frames: Sequence[int]
    ) -> tuple[UInt8[ndarray, "V T H W 3"], UInt8[ndarray, "V T H W"]]:
        """Chosen frames, premultiplied, and their mattes."""


@dataclass(frozen=True)
class HeldPictures:
    """Pictures in memory.

    Attributes:
        rgb: frames over black.
        matte: how much of each pixel is the person.
    """

    rgb: UInt8[ndarray, "V T H W 3"]
    matte: UInt8[ndarray, "V T H W"]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Views, frames, height, width."""
        views, frames, height, width = self.matte.shape
        return views, frames, height, width

    def read(
        self, views: Sequence[int], frames: Sequence[int]
    ) -> tuple[UInt8[ndarray, "V T H W 3"], UInt8[ndarray, "V T H W"]]:
        """Chosen frames, premultiplied, and their mattes."""
        at = np.ix_(list(views), list(frames))
        return self.rgb[at], self.matte[at]


@dataclass(frozen=True)
class CodedPictures:
    """Pictures in two videos, decoded when they are read.

    Attributes:
        rgb, matte: give the bytes of the videos.
        shape: views, frames, height, width, as they have to be.
        source: what to call it in errors.
    """

    rgb: Callable[[], bytes]
    matte: Callable[[], bytes]
    shape: tuple[int, int, int, int]
    source: str

    def read(
        self, views: Sequence[int], frames: Sequence[int]
    ) -> tuple[UInt8[ndarray, "V T H W 3"], UInt8[ndarray, "V T H W"]]:
        """Chosen frames, premultiplied, and their mattes.

        Raises:
            InputError: a video is damaged or not of the clip's size and length.
        """
        count, length, height, width = self.shape
        wanted = [v * length + t for v in views for t in frames]
        shape = (count * length, height, width)
        rgb = decode(self.rgb(), shape, 3, f"{self.source}/frames.mkv", wanted)
        matte = decode(self.matte(), shape, 1, f"{self.source}/matte.mkv", wanted)
        grid = (len(views), len(frames), height, width)
        return rgb.reshape(*grid, 3), matte.reshape(grid)


def encode(pictures: UInt8[ndarray, "N H W 3"] | UInt8[ndarray, "N H W"]) -> bytes:
    """Colour or grey pictures as a video, without loss; the same pictures give the same bytes."""
    coded, plain = _FORMATS[pictures.shape[3] if pictures.ndim == 4 else 1]
    buffer = io.BytesIO()
    options = {"fflags": "+bitexact"}  # without it the file holds a random number and a date
    with av.open(buffer, "w", format="matroska", container_options=options) as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt = coded
        stream.options = {
            "level": "3", "slicecrc": "1", "g": "1", "flags": "+bitexact",
            "slices": "4" if min(pictures.shape[1:3]) >= 64 else "0",
        }
        stream.codec_context.thread_count = 1
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=plain)
            frame = frame.reformat(format=coded)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def decode(
    data: bytes,
    shape: tuple[int, int, int],
    channels: int,
    source: str,
    wanted: Sequence[int] | None = None,
) -> UInt8[ndarray, "N H W 3"] | UInt8[ndarray, "N H W"]:
    """Frames of a video that :func:`encode` made; others than wanted ones are passed over.

    Args:
        data: the video.
        shape: frames, height and width that it has to have.
        channels: 3 or 1.
        source: what to call it in errors.
        wanted: numbers of the frames to give, in the order to give them; all by default.

    Raises:
        InputError: it is damaged, too large, or not of that shape.
    """
    count, height, width = shape
    if count * height * width > MAX_PIXELS:
        raise InputError(source, "size", f"{count} frames of {width}x{height}", "make it smaller")
    order = range(count) if wanted is None else wanted
    chosen = set(order)
    found: dict[int, ndarray] = {}
    number = 0
    try:
        with av.open(io.BytesIO(data)) as container:
            if not container.streams.video:
                raise InputError(source, "", "holds no video", "write the clip again")
            stream = container.streams.video[0]
            context = stream.codec_context
            if context is None or context.name != "ffv1":
                raise InputError(source, "", "is no FFV1 video", "write the clip again")
            if (context.height, context.width) != (height, width):
                raise InputError(
                    source, "size", f"is {context.width}x{context.height}, not {width}x{height}",
                    "write the clip again",
                )
            stream.thread_type = "NONE"
            for packet in container.demux(stream):
                if packet.size == 0 or packet.pts is None:
                    continue
                if number in chosen:
                    for frame in packet.decode():
                        found[number] = frame.to_ndarray(format=_FORMATS[channels][1])
                number += 1
    except av.FFmpegError as error:
        raise InputError(
            source, "", f"is damaged or cut off ({' '.join(str(error).split())[:100]})",
            "write the clip again",
        ) from None
    if number != count or len(found) != len(chosen):
        raise InputError(source, "frames", f"has {number}, not {count}", "write the clip again")
    return np.stack([found[n] for n in order])
