"""Videos as pictures: GIF for a page, PNG frames for other programs."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from muybridge.errors import InputError
from muybridge.video.atomic import replacing
from muybridge.video.images import Array, to_uint8, write_image

_BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16 - 15 / 32


def _rgb(frame: Any) -> Array:
    x = to_uint8(frame)
    return np.repeat(x[..., None], 3, -1) if x.ndim == 2 else x[..., :3]


def write_gif(
    path: str | PathLike[str],
    frames: Iterable[Any],
    fps: Fraction | int | float,
    max_side: int = 640,
    colors: int = 256,
) -> int:
    """A looping GIF with one palette for all frames; returns how many frames it has.

    The palette is drawn from frames over the whole time, and a fixed dither
    pattern is used, so that still parts do not crawl. Delays are whole
    hundredths of a second whose sum stays true to ``fps``; above 50 per second
    frames are left out, since no viewer shows more.
    """
    if not 0 < fps <= 1000:
        raise InputError(path, "fps", f"{fps} frames per second", "use 0 to 1000")
    small: list[Image.Image] = []
    for frame in frames:
        image = Image.fromarray(_rgb(frame))
        if max(image.size) > max_side:
            scale = max_side / max(image.size)
            image = image.resize((max(1, round(image.width * scale)),
                                  max(1, round(image.height * scale))), Image.Resampling.LANCZOS)
        small.append(image)
    if not small:
        raise ValueError(f"{path}: a GIF of no frames")
    total = len(small) / Fraction(fps)
    count = min(len(small), max(1, int(total * 50)))
    kept = [small[i * len(small) // count] for i in range(count)]
    ticks = [round(100 * total * i / count) for i in range(count + 1)]
    palette = _palette(kept, colors)
    pattern = np.tile(_BAYER, (kept[0].height // 4 + 1, kept[0].width // 4 + 1))
    pattern = pattern[: kept[0].height, : kept[0].width, None] * 10
    mapped = []
    for image in kept:
        exact = np.asarray(image, np.float32)
        near = image.quantize(palette=palette, dither=Image.Dither.NONE)
        missed = np.abs(np.asarray(near.convert("RGB"), np.float32) - exact).max(-1, keepdims=True)
        # flat grounds whose colour the palette has stay flat
        dithered = np.clip(exact + pattern * (missed > 3), 0, 255).astype(np.uint8)
        mapped.append(Image.fromarray(dithered).quantize(palette=palette, dither=Image.Dither.NONE))
    with replacing(path) as temp:
        if temp.suffix.lower() != ".gif":
            raise InputError(path, "", "is not named .gif", "end the name in .gif")
        mapped[0].save(
            temp, save_all=True, append_images=mapped[1:], loop=0, optimize=False,
            duration=[10 * (b - a) for a, b in zip(ticks, ticks[1:], strict=False)],
        )
    return count


def _palette(frames: list[Image.Image], colors: int) -> Image.Image:
    step = max(1, len(frames) // 16)
    chosen = frames[::step][:17]
    tiles = [f.resize((min(192, f.width), min(192, f.height)), Image.Resampling.NEAREST)
             for f in chosen]
    sheet = Image.new("RGB", (tiles[0].width * len(tiles), tiles[0].height))
    for i, tile in enumerate(tiles):
        sheet.paste(tile, (i * tile.width, 0))
    return sheet.quantize(colors, method=Image.Quantize.MEDIANCUT, kmeans=2)


def write_png_frames(folder: str | PathLike[str], frames: Iterable[Any], start: int = 0) -> int:
    """``0000.png``, ``0001.png``, ... in ``folder``, each whole; returns how many."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(folder, "", "is a file", "name a folder")
    count = 0
    for frame in frames:
        write_image(folder / f"{start + count:04d}.png", to_uint8(frame))
        count += 1
    return count
