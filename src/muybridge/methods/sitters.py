"""People of a data set, gathered from their clips, as the training of methods sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from muybridge.body import ShapedBody, load_body
from muybridge.camera import Cameras
from muybridge.data import Clip, Reference, find_clips, read_clip
from muybridge.errors import InputError

Mode = Literal["view", "pose"]
"""One moment from all around, or one view over time."""


@dataclass(frozen=True)
class Line:
    """A row of a clip: one moment from all sides, or one view over time.

    Attributes:
        clip: that it is of.
        mode: ``view`` or ``pose``.
        number: of the frame, or of the view.
    """

    clip: Clip
    mode: Mode
    number: int

    @property
    def select(self) -> Clip:
        """The row as a clip of its own."""
        if self.mode == "view":
            return self.clip.select(frames=[self.number])
        return self.clip.select(views=[self.number])


@dataclass(frozen=True)
class Sitter:
    """A person of a data set.

    Attributes:
        name: of the person.
        reference: how they are known.
        clips: all that there is of them.
    """

    name: str
    reference: Reference
    clips: tuple[Clip, ...]

    @property
    def body(self) -> ShapedBody:
        """The naked body of the person's own shape."""
        return load_body().with_shape(self.clips[0].shape)

    @property
    def lines(self) -> tuple[Line, ...]:
        """Moments seen by several cameras, and views that last several frames."""
        found: list[Line] = []
        for clip in self.clips:
            if clip.views > 1:
                middle = clip.frames // 2
                found.append(Line(clip, "view", middle))
            if clip.frames > 1:
                found.append(Line(clip, "pose", 0))
        return tuple(found)


def pictures_of(clip: Clip) -> UInt8[Tensor, "V T 4 H W"]:
    """RGB premultiplied over black, and matte, 8 bit."""
    rgb, matte = clip.raw()
    whole = torch.cat([torch.from_numpy(rgb), torch.from_numpy(matte)[..., None]], -1)
    return whole.permute(0, 1, 4, 2, 3).contiguous()


def reference_picture(reference: Reference) -> Float[Tensor, "4 H W"]:
    """A reference as RGB premultiplied over black, and matte, in [0, 1]."""
    return torch.cat([reference.over_black, reference.matte])


def flat(cameras: Cameras) -> tuple[Float[Tensor, "B 3 3"], Float[Tensor, "B 4 4"]]:
    """Intrinsics and extrinsics of all pictures, view by view."""
    return cameras.K.flatten(0, 1).float(), cameras.T_cam_world.flatten(0, 1).float()


def folders_of_people(data: Path, split: str) -> list[Path]:
    """Folders of people of a split, by name.

    Args:
        data: what ``muybridge people`` wrote, or a folder of clips of another source.
        split: ``train`` or ``validation``.

    Raises:
        InputError: there is none.
    """
    root = data / split
    people = sorted({clip.parent for clip in find_clips(root)}) if root.is_dir() else []
    if not people:
        raise InputError(
            root, "", "holds no people",
            f"make some with: muybridge people 300 --split {split} -o {data}",
        )
    return people


def read_sitter(folder: Path) -> Sitter | None:
    """The person of a folder of clips; nobody where none of these has a reference.

    Raises:
        InputError: a clip is damaged.
    """
    clips = tuple(read_clip(path) for path in find_clips(folder))
    for clip in clips:
        if "front" in clip.references:
            return Sitter(f"{folder.parent.name}-{folder.name}", clip.references["front"], clips)
    return None


def read_sitters(folders: list[Path]) -> Iterator[Sitter]:
    """Everybody in some folders who has a reference."""
    for folder in folders:
        found = read_sitter(folder)
        if found is not None:
            yield found
