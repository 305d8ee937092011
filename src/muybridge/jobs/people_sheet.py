"""A contact sheet of people: front, back, two views, and a moment of each motion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from muybridge.data import Clip, find_clips, read_clip
from muybridge.video import plate, write_image

MOST = 60
"""People on a sheet; of more, evenly chosen ones are shown."""
PICTURES = 6
"""Of each person."""
GROUND = 0.78


def write_sheet(folders: Sequence[Path], path: Path) -> None:
    """Writes the sheet of people's folders.

    Args:
        folders: one for each person, with clips in it.
        path: of the picture.
    """
    count = min(len(folders), MOST)
    chosen = [folders[round(k * (len(folders) - 1) / max(count - 1, 1))] for k in range(count)]
    across = 1 if count <= 4 else 2 if count <= 16 else 3
    strips = [_strip([read_clip(c) for c in find_clips(folder)]) for folder in chosen]
    blank = torch.ones_like(strips[0])
    strips += [blank] * (-len(strips) % across)
    rows = [torch.cat(strips[k : k + across]) for k in range(0, len(strips), across)]
    names = [f.name.lstrip("0") or "0" for f in chosen]
    labels = [names[k] for k in range(0, len(names), across)]
    heads = ["front", "back", "", "", "", ""] * across
    write_image(path, plate(torch.stack(rows), labels, heads, columns=across * PICTURES))


def _strip(clips: list[Clip]) -> Float[Tensor, "P 3 H W"]:
    """A person's pictures over grey."""
    first = clips[0]
    pictures = []
    for name in ("front", "back"):
        if name in first.references:
            reference = first.references[name]
            whole = reference.over_black + (1 - reference.matte) * GROUND
            height, width = first.size[1], first.size[0]
            pictures.append(
                interpolate(whole[None], (height, width), mode="bilinear", antialias=True)[0]
            )
    orbits = [c for c in clips if c.views > 1]
    moving = [c for c in clips if c.views == 1]
    places = [(c, v, c.frames // 2) for c in orbits[:1] for v in (c.views // 6, c.views * 2 // 3)]
    places += [(c, 0, c.frames // 2) for c in moving] + [(c, 0, 0) for c in moving]
    for clip, view, frame in places[: PICTURES - len(pictures)]:
        shot = clip.read([view], [frame])
        pictures.append(shot.frames[0, 0] + (1 - shot.matte[0, 0]) * GROUND)
    pictures += [torch.ones_like(pictures[0])] * (PICTURES - len(pictures))
    return torch.stack(pictures)
