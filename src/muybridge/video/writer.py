"""Write frames as H.264 for people, or as FFV1 for numbers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from fractions import Fraction
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import av
import numpy as np
from av.video.stream import VideoStream

from muybridge.errors import InputError
from muybridge.video.atomic import temporary
from muybridge.video.images import Array, to_uint8

BT709 = 1
LIMITED_RANGE = 1
SUFFIXES = {"h264": (".mp4", ".mov", ".mkv"), "ffv1": (".mkv",)}


class VideoWriter:
    """A video that is written frame by frame and there whole or not at all.

    ``with VideoWriter(path, fps, width, height) as video: video.write(frame)``

    ``h264`` is yuv420p at crf 18 with the index in front and BT.709 tags, for
    every player; odd sizes are padded by repeating the last row or column.
    ``ffv1`` in ``.mkv`` is bit exact.

    Args:
        path: where it goes; it appears when the block ends without an exception.
        fps: frames per second, exact.
        width, height: of the frames, pixels.
        codec: ``h264`` or ``ffv1``.
        metadata: kept as JSON in the file's ``comment``.
        alpha: keep a fourth channel, coverage (``ffv1`` only); frames then have four.

    Raises:
        InputError: for a codec, size, rate or suffix that can't be written.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        fps: Fraction | int | float,
        width: int,
        height: int,
        codec: str = "h264",
        metadata: Mapping[str, Any] | None = None,
        alpha: bool = False,
    ) -> None:
        self.path = Path(path)
        if alpha and codec != "ffv1":
            raise InputError(path, "alpha", f"{codec} has no transparency", "use ffv1")
        if codec not in SUFFIXES:
            raise InputError(path, "codec", f"{codec!r} is not known", "use h264 or ffv1")
        if self.path.suffix.lower() not in SUFFIXES[codec]:
            suffix = self.path.suffix or "a file without suffix"
            raise InputError(path, "", f"{codec} can't be kept in {suffix}",
                             "use " + " or ".join(SUFFIXES[codec]))
        if isinstance(fps, float) and not np.isfinite(fps):
            raise InputError(path, "fps", f"{fps} frames per second", "use a positive number")
        self.fps = Fraction(fps).limit_denominator(100_000)
        if not 0 < self.fps <= 1000:
            raise InputError(path, "fps", f"{fps} frames per second", "use 0 to 1000")
        if not (1 <= width <= 16384 and 1 <= height <= 16384):
            raise InputError(path, "size", f"{width}x{height}", "use 1 to 16384 pixels a side")
        self.width, self.height, self.codec = width, height, codec
        self.frames = 0
        self._channels = 4 if alpha else 3
        self._pad = ((-height) % 2, (-width) % 2) if codec == "h264" else (0, 0)
        self._comment = json.dumps({"fps": str(self.fps), "size": [width, height],
                                    **(metadata or {})}, default=str)
        self._temp: Path | None = None

    @property
    def _exact(self) -> str:
        """FFV1's pixel format."""
        return "bgra" if self._channels == 4 else "bgr0"

    def __enter__(self) -> VideoWriter:
        self._temp = temporary(self.path)
        options = {"movflags": "+faststart+use_metadata_tags"}
        try:
            self._container = av.open(
                str(self._temp), "w",
                container_options=options if self._temp.suffix.lower() != ".mkv" else {},
            )
            self._container.metadata["comment"] = self._comment
            name = "libx264" if self.codec == "h264" else "ffv1"
            stream = cast(VideoStream, self._container.add_stream(name, rate=self.fps))
            stream.width, stream.height = self.width + self._pad[1], self.height + self._pad[0]
            context = stream.codec_context
            context.time_base = 1 / self.fps
            if self.codec == "h264":
                stream.pix_fmt = "yuv420p"
                stream.options = {"crf": "18", "preset": "fast"}
                context.color_primaries = context.color_trc = context.colorspace = BT709
                context.color_range = LIMITED_RANGE
            else:
                stream.pix_fmt = self._exact
                slices = "4" if min(self.width, self.height) >= 64 else "0"
                stream.options = {"level": "3", "slicecrc": "1", "slices": slices}
            self._stream = stream
        except Exception:
            self._abandon()
            raise
        return self

    def write(self, frame: Any) -> None:
        """Add a frame: float ``[3 or 1, H, W]`` in [0, 1] or uint8 ``[H, W, 3]`` or ``[H, W]``.

        With ``alpha``: four channels, colours not premultiplied.
        """
        if self._temp is None:
            raise ValueError("VideoWriter: write inside its with block")
        rgb = to_uint8(frame)
        if rgb.ndim == 2:
            rgb = np.repeat(rgb[..., None], 3, -1)
        shape = (self.height, self.width, self._channels)
        if rgb.shape != shape:
            raise ValueError(f"frame of shape {rgb.shape}, not {shape}")
        if any(self._pad):
            rgb = np.pad(rgb, ((0, self._pad[0]), (0, self._pad[1]), (0, 0)), mode="edge")
        picture = av.VideoFrame.from_ndarray(rgb, format="rgba" if self._channels == 4 else "rgb24")
        if self.codec == "h264":
            picture = picture.reformat(
                format="yuv420p", src_colorspace="ITU709", dst_colorspace="ITU709",
                src_color_range="JPEG", dst_color_range="MPEG",
            )
            picture.color_primaries = picture.color_trc = picture.colorspace = BT709
            picture.color_range = LIMITED_RANGE
        else:
            picture = picture.reformat(format=self._exact)
        picture.pts, picture.time_base = self.frames, 1 / self.fps
        self._container.mux(self._stream.encode(picture))
        self.frames += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None or self._temp is None:
            self._abandon()
            return
        if self.frames == 0:
            self._abandon()
            raise ValueError(f"{self.path}: a video of no frames")
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
            os.replace(self._temp, self.path)
        except BaseException:
            self._abandon()
            raise
        self._temp = None

    def _abandon(self) -> None:
        with suppress(Exception):
            self._container.close()
        if self._temp is not None:
            with suppress(OSError):
                self._temp.unlink(missing_ok=True)
        self._temp = None


def write_video(
    path: str | PathLike[str],
    frames: Iterable[Any],
    fps: Fraction | int | float,
    codec: str = "h264",
    metadata: Mapping[str, Any] | None = None,
) -> int:
    """Write frames from any iterable; returns how many. See :class:`VideoWriter`."""
    source = iter(frames)
    first = next(source, None)
    if first is None:
        raise ValueError(f"{path}: a video of no frames")
    first = to_uint8(first)
    height, width = first.shape[:2]
    with VideoWriter(path, fps, width, height, codec, metadata) as video:
        video.write(first)
        for frame in source:
            video.write(frame)
    return video.frames


__all__ = ["Array", "VideoWriter", "write_video"]
