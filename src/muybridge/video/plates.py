"""Plates: contact sheets whose rows are views and whose columns are moments.

After Muybridge's own plates, which printed what a ring of cameras saw of a
moving person.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from muybridge.errors import InputError

GROUND = (243, 241, 236)
INK = (58, 54, 48)
FAINT = (128, 122, 112)


class PlateBuilder:
    """A plate that grows as frames arrive and keeps only the thumbnails it shows.

    Args:
        views, frames: how many of each there will be.
        width, height: of the frames, pixels.
        fps: for the column labels; without it they show the frame's number.
        row_labels: one for each view; "view 0", ... by default.
        columns: at most so many moments, evenly spaced, the first and last among them.
        max_width, max_height: of the whole sheet, pixels.
        title: a line above, if any.
    """

    def __init__(
        self,
        views: int,
        frames: int,
        width: int,
        height: int,
        *,
        fps: Fraction | float | int | None = None,
        row_labels: Sequence[str] | None = None,
        column_labels: Sequence[str] | None = None,
        columns: int = 12,
        max_width: int = 3840,
        max_height: int = 8000,
        title: str = "",
    ) -> None:
        if min(views, frames, width, height, columns) < 1:
            raise InputError("plate", "size",
                             f"{views} views x {frames} frames of {width}x{height}",
                             "give at least one of each")
        if row_labels is not None and len(row_labels) != views:
            raise InputError("plate", "row_labels", f"{len(row_labels)} for {views} views",
                             "give one for each view")
        if column_labels is not None and len(column_labels) != frames:
            raise InputError("plate", "column_labels", f"{len(column_labels)} for {frames} frames",
                             "give one for each frame")
        n = min(columns, frames)
        self.picked = sorted({round(i * (frames - 1) / max(n - 1, 1)) for i in range(n)})
        self.rows = [str(r) for r in row_labels or (f"view {v}" for v in range(views))]
        if column_labels is not None:
            self.columns = [str(column_labels[t]) for t in self.picked]
        elif fps:
            self.columns = [f"{t / float(fps):.2f} s" for t in self.picked]
        else:
            self.columns = [str(t) for t in self.picked]
        self.views, self.title = views, title
        cols = len(self.picked)
        # the label strip is a share of the thumbnail, so solve for the thumbnail first
        room = (max_width / (cols + 0.75), max_height / (views + 0.6))
        scale = min(1.0, room[0] / width, room[1] / height)
        self.thumb = (max(8, int(width * scale)), max(8, int(height * scale)))
        self._kept = np.zeros((views, cols, self.thumb[1], self.thumb[0], 3), np.uint8)
        self._kept[:] = np.array(GROUND, np.uint8) - 10
        self._column = {t: i for i, t in enumerate(self.picked)}

    def add(self, start: int, frames: Float[Tensor, "V t 3 H W"]) -> None:
        """Give frames ``start, start + 1, ...`` of every view, RGB in [0, 1], in any order."""
        if frames.shape[0] != self.views:
            raise ValueError(f"{frames.shape[0]} views, not {self.views}")
        wanted = [t for t in range(frames.shape[1]) if start + t in self._column]
        if not wanted:
            return
        size = (self.thumb[1], self.thumb[0])
        for t in wanted:
            x = frames[:, t].detach().float().cpu()
            if tuple(x.shape[-2:]) != size:
                x = torch.nn.functional.interpolate(x, size, mode="bilinear", antialias=True)
            rgb = (x.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
            self._kept[:, self._column[start + t]] = rgb

    def image(self) -> Image.Image:
        """The sheet as far as frames have come; missing ones are blank."""
        w, h = self.thumb
        cols, gap = len(self.picked), max(2, round(min(w, h) * 0.02))
        size = int(np.clip(min(w * 0.14, h * 0.10), 11, 36))
        font = ImageFont.load_default(size)
        draw = ImageDraw.Draw(Image.new("RGB", (8, 8)))
        row_width = max(draw.textlength(r, font=font) for r in self.rows)
        column_width = max(draw.textlength(c, font=font) for c in self.columns)
        every = max(1, math.ceil((column_width + size) / (w + gap)))
        edge = max(8, size)
        left, top = int(row_width + edge * 1.75), int(edge + size * 1.8)
        wide = max(0, int((column_width - w) / 2 - edge / 2))
        head = int(size * 2.2) if self.title else 0
        sheet = Image.new("RGB", (left + cols * (w + gap) - gap + edge + wide,
                                  head + top + self.views * (h + gap) - gap + edge), GROUND)
        draw = ImageDraw.Draw(sheet)
        if self.title:
            draw.text((edge, edge), self.title, INK, ImageFont.load_default(int(size * 1.25)))
        for c in range(0, cols, every):
            x = left + c * (w + gap)
            at = (x + w / 2, head + top - size * 0.5)
            draw.text(at, self.columns[c], FAINT, font, anchor="ms")
        for v in range(self.views):
            y = head + top + v * (h + gap)
            draw.text((left - edge * 0.75, y + h / 2), self.rows[v], INK, font, anchor="rm")
            for c in range(cols):
                sheet.paste(Image.fromarray(self._kept[v, c]), (left + c * (w + gap), y))
        return sheet


def plate(
    frames: Float[Tensor, "V T 3 H W"],
    row_labels: Sequence[str] | None = None,
    column_labels: Sequence[str] | None = None,
    *,
    fps: Fraction | float | int | None = None,
    columns: int = 12,
    max_width: int = 3840,
    title: str = "",
) -> Image.Image:
    """A plate of frames in [0, 1]; see :class:`PlateBuilder` for the options."""
    views, count, _, height, width = frames.shape
    builder = PlateBuilder(
        views, count, width, height, fps=fps, row_labels=row_labels,
        column_labels=column_labels, columns=columns, max_width=max_width, title=title,
    )
    builder.add(0, frames)
    return builder.image()


@dataclass(frozen=True)
class Grid:
    """How many columns and rows of views fit a wide screen best, and how large.

    Attributes:
        views: how many there are.
        columns, rows: of the grid.
        tile: width and height of each view in it, pixels.
    """

    views: int
    columns: int
    rows: int
    tile: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the whole, pixels."""
        return self.columns * self.tile[0], self.rows * self.tile[1]

    @staticmethod
    def of(views: int, width: int, height: int, max_side: int = 4096) -> Grid:
        """The grid for ``views`` pictures of a size, scaled down to ``max_side`` where needed."""
        if min(views, width, height) < 1:
            raise InputError("grid", "size", f"{views} views of {width}x{height}",
                             "give at least one of each")

        def worth(columns: int) -> float:
            rows = math.ceil(views / columns)
            shape = math.log(columns * width / (rows * height) / 1.7)
            return abs(shape) + 4.0 * (columns * rows - views) / (columns * rows)

        columns = min(range(1, views + 1), key=worth)
        rows = math.ceil(views / columns)
        scale = min(1.0, max_side / (columns * width), max_side / (rows * height))
        tile = (max(1, int(width * scale)), max(1, int(height * scale)))
        return Grid(views, columns, rows, tile)


def view_grid(
    frames: Float[Tensor, "V 3 H W"], grid: Grid | None = None
) -> Float[Tensor, "3 h w"]:
    """One moment of every view as one picture; empty places are white."""
    views, _, height, width = frames.shape
    grid = grid or Grid.of(views, width, height)
    w, h = grid.tile
    if (w, h) != (width, height):
        frames = torch.nn.functional.interpolate(
            frames, (h, w), mode="bilinear", antialias=True
        ).clamp(0, 1)
    room = grid.columns * grid.rows
    if room > views:
        frames = torch.cat([frames, frames.new_ones(room - views, 3, h, w)])
    tiles = frames.reshape(grid.rows, grid.columns, 3, h, w)
    return tiles.permute(2, 0, 3, 1, 4).reshape(3, grid.rows * h, grid.columns * w)
