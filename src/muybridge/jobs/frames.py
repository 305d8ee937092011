"""Frames of an unfinished run, kept losslessly on disk.

One PNG (RGB and matte) per view and frame, written whole or not at all: a killed run
loses at most the piece it was working on, and memory holds one piece.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from numpy import ndarray

from muybridge.errors import InputError
from muybridge.methods.pipeline import Chunk

_FAST = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]


class FrameStore:
    """Frames of ``views`` x ``frames`` pictures in a folder.

    Args:
        folder: created where absent.
        views: number of views.
        frames: number of frames of each.
    """

    def __init__(self, folder: Path, views: int, frames: int) -> None:
        self.folder = folder
        self.views = views
        self.frames = frames
        folder.mkdir(parents=True, exist_ok=True)
        for part in folder.glob(".*.part"):
            part.unlink()

    def path(self, view: int, frame: int) -> Path:
        """Where a picture lies: a PNG with RGB and matte."""
        return self.folder / self._name(view, frame)

    def held(self) -> int:
        """How many frames, from the first on, are held in all views."""
        present = {entry.name for entry in os.scandir(self.folder)}
        for t in range(self.frames):
            if any(self._name(view, t) not in present for view in range(self.views)):
                return t
        return self.frames

    def put(self, chunk: Chunk) -> None:
        """Keep a piece. Colours and matte are rounded to 8 bits here, once."""
        rgba = torch.cat([chunk.frames, chunk.matte], dim=2).clamp(0, 1).mul(255).round()
        pixels = rgba.to(torch.uint8).permute(0, 1, 3, 4, 2).contiguous().numpy()
        views, count = pixels.shape[:2]
        order = [(view, t) for t in range(count) for view in range(views)]
        with ThreadPoolExecutor(2) as pool:
            jobs = [pool.submit(self._write, v, t, chunk.start, pixels) for v, t in order]
        for job in jobs:
            job.result()

    def get(self, view: int, frame: int) -> UInt8[ndarray, "H W 4"]:
        """RGB and matte of one picture.

        Raises:
            InputError: the file is damaged.
        """
        path = self.path(view, frame)
        picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if picture is None or picture.ndim != 3 or picture.shape[2] != 4:
            raise InputError(path, "", "is damaged", "remove it and run again")
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA))

    def _write(self, view: int, t: int, start: int, pixels: ndarray) -> None:
        path = self.path(view, start + t)
        done, data = cv2.imencode(
            ".png", cv2.cvtColor(pixels[view, t], cv2.COLOR_RGBA2BGRA), _FAST
        )
        if not done:
            raise InputError(path, "", "can't be encoded", "make the pictures smaller")
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(data.tobytes())
        os.replace(part, path)

    @staticmethod
    def _name(view: int, frame: int) -> str:
        return f"{frame:06d}_{view:03d}.png"


class FrameHash:
    """SHA-256 of the 8-bit RGB and matte of a view's frames, in order."""

    def __init__(self) -> None:
        self._color = hashlib.sha256()
        self._matte = hashlib.sha256()

    def add(self, picture: UInt8[ndarray, "H W 4"]) -> None:
        """Take the next frame in."""
        self._color.update(np.ascontiguousarray(picture[..., :3]).data)
        self._matte.update(np.ascontiguousarray(picture[..., 3]).data)

    def digest(self) -> dict[str, str]:
        """``{"rgb": ..., "matte": ...}``, hexadecimal."""
        return {"rgb": self._color.hexdigest(), "matte": self._matte.hexdigest()}
