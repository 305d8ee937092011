"""Read videos frame by frame, or whole where they fit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from muybridge.errors import InputError
from muybridge.video.images import MAX_PIXELS, Array, _words

MAX_READ_BYTES = 4 * 2**30
VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
"""Suffixes that videos are known by."""


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says of itself.

    Attributes:
        fps: frames per second, exact.
        width, height: of the upright frames, pixels.
        frames: how many, where the file says so; else 0.
        metadata: what muybridge wrote into its ``comment``; empty for others' files.
    """

    fps: Fraction
    width: int
    height: int
    frames: int
    metadata: dict[str, Any] = field(default_factory=dict)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    if path.is_dir():
        raise InputError(path, "", "is a folder", "name one video in it")
    if not path.exists():
        raise InputError(path, "", "there is no such file", "check the path")
    if path.stat().st_size == 0:
        raise InputError(path, "", "is empty", "write or download the video again")
    try:
        container = av.open(str(path), metadata_errors="replace")
    except Exception as error:
        raise InputError(path, "", f"is no video that can be read ({_words(error)})",
                         "give an mp4, mov, mkv, webm or avi file") from None
    try:
        with container:
            if not container.streams.video:
                raise InputError(path, "", "has no pictures in it, only sound or data",
                                 "give a video")
            if container.streams.video[0].codec_context is None:
                raise InputError(path, "", "is coded in a way that is not known",
                                 "convert it to H.264")
            yield container, container.streams.video[0]
    except av.FFmpegError as error:
        raise InputError(path, "", f"is damaged or cut off ({_words(error)})",
                         "write or download the video again") from None


def _info(path: Path, container: InputContainer, stream: VideoStream) -> VideoInfo:
    metadata: dict[str, Any] = {}
    try:
        said = json.loads(container.metadata.get("comment", "") or "{}")
        metadata = said if isinstance(said, dict) else {}
    except (ValueError, RecursionError):
        metadata = {}
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate
    if not rate or rate <= 0 or rate > 1000:
        raise InputError(path, "fps", f"{rate} frames per second", "write the video again")
    fps = Fraction(rate)
    try:
        stated = Fraction(str(metadata.get("fps", "")))
        if abs(stated - fps) < fps / 100:  # Matroska keeps whole milliseconds only
            fps = stated
    except (ValueError, ZeroDivisionError):
        pass
    width, height = stream.codec_context.width, stream.codec_context.height
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise InputError(path, "size", f"{width}x{height} pixels", "give a video of a usual size")
    size = metadata.get("size")
    if (isinstance(size, list) and len(size) == 2 and all(type(s) is int for s in size)
            and 0 <= width - size[0] <= 1 and 0 <= height - size[1] <= 1 and min(size) > 0):
        width, height = size  # what was written, before padding to even sides
    return VideoInfo(fps, width, height, int(stream.frames or 0), metadata)


def probe_video(path: str | PathLike[str]) -> VideoInfo:
    """Rate, size and metadata; decodes one frame at most. Raises :class:`InputError`."""
    path = Path(path)
    with _opened(path) as (container, stream):
        info = _info(path, container, stream)
        first = next(container.decode(stream), None)
    if first is None:
        raise InputError(path, "", "has no frame that can be decoded",
                         "write or download the video again")
    if _turns(first) % 2:
        info = replace(info, width=info.height, height=info.width)
    return info


def iter_video(path: str | PathLike[str]) -> Iterator[Array]:
    """The frames, uint8 RGB ``[H, W, 3]``, upright, one at a time; memory stays bounded.

    A video that muybridge padded to an even size is cropped to what was written.

    Raises:
        InputError: where the file is absent, no video, damaged or without frames.
    """
    path = Path(path)
    count = 0
    with _opened(path) as (container, stream):
        info = _info(path, container, stream)
        stream.thread_type = "AUTO"
        context = stream.codec_context
        padded = (context.width, context.height) != (info.width, info.height)
        shape: tuple[int, ...] | None = None
        for frame in container.decode(stream):
            if frame.width * frame.height > MAX_PIXELS:
                raise InputError(path, "size", "a frame is over 100 megapixels", "make it smaller")
            rgb = _rgb(frame)
            if padded:
                rgb = rgb[: info.height, : info.width]
            if shape is not None and rgb.shape != shape:
                raise InputError(path, f"frame {count}", "has another size than those before",
                                 "write the video again at one size")
            shape = rgb.shape
            count += 1
            yield rgb
    if count == 0:
        raise InputError(path, "", "has no frame that can be decoded",
                         "write or download the video again")


def _turns(frame: av.VideoFrame) -> int:
    """Quarter turns counterclockwise that bring a frame upright, as a phone notes them."""
    return round((frame.rotation or 0) / 90) % 4


def _rgb(frame: av.VideoFrame) -> Array:
    # an untagged stream is taken as BT.709 where it is HD, BT.601 below, as players do
    space = int(frame.colorspace)
    known = {1: "ITU709", 5: "ITU601", 6: "ITU601", 7: "SMPTE240M", 4: "FCC"}
    default = "ITU709" if frame.height >= 720 else "ITU601"
    full = int(frame.color_range) == 2 or frame.format.name.startswith("yuvj")
    name = known.get(space, default)
    if frame.format.is_rgb:
        rgb = frame.to_ndarray(format="rgb24")
    else:
        rgb = frame.reformat(
            format="rgb24", src_colorspace=name, dst_colorspace=name,
            src_color_range="JPEG" if full else "MPEG", dst_color_range="JPEG",
            interpolation="BICUBIC",
        ).to_ndarray()
    turns = _turns(frame)
    return np.ascontiguousarray(np.rot90(rgb, turns)) if turns else rgb


def read_video(
    path: str | PathLike[str], max_frames: int | None = None
) -> tuple[Array, Fraction]:
    """All frames, uint8 RGB ``[T, H, W, 3]``, and the exact rate.

    Raises:
        InputError: as :func:`iter_video`, and where the frames need over 4 GB.
    """
    info = probe_video(path)
    frames: list[Array] = []
    total = 0
    for frame in iter_video(path):
        frames.append(frame)
        total += frame.nbytes
        if total > MAX_READ_BYTES:
            raise InputError(path, "", f"needs over {MAX_READ_BYTES / 2**30:.0f} GB when decoded",
                             "give a shorter or smaller video")
        if max_frames is not None and len(frames) >= max_frames:
            break
    return np.stack(frames), info.fps
