"""What a method's work costs, told before it is done.

Plain data and arithmetic: :mod:`muybridge.jobs.plan` measures the machine once
(:class:`Speed`), a method turns extent and speed into seconds and bytes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Extent:
    """How much is asked for: views, frames, and the size of a picture in pixels."""

    views: int
    frames: int
    width: int
    height: int

    @property
    def pictures(self) -> int:
        """Number of pictures, ``views * frames``."""
        return self.views * self.frames

    @property
    def pixels(self) -> int:
        """Number of pixels of all pictures."""
        return self.pictures * self.width * self.height


@dataclass(frozen=True)
class Speed:
    """What this machine does, measured.

    Attributes:
        picture_seconds: fixed cost of one rendered picture (skinning, projection, edges).
        pixel_seconds: cost of one rendered pixel.
        encode_pixel_seconds: cost of storing and encoding one pixel.
        fit_seconds: cost of fitting a person to a pair of photos.
        load_seconds: starting up: imports, body, texture.
        base_bytes: memory of a process that has loaded everything and rendered nothing.
    """

    picture_seconds: float
    pixel_seconds: float
    encode_pixel_seconds: float
    fit_seconds: float
    load_seconds: float
    base_bytes: int


@dataclass(frozen=True)
class Cost:
    """Seconds of work and the most memory held at once, in bytes (beyond the base)."""

    seconds: float
    bytes: int
