"""What a feature extractor is: pictures or clips in, one row of numbers each out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError

Kind = Literal["picture", "clip"]
Frames = Float[Tensor, "N T 3 H W"]
_TOLERANCE = 1e-3
"""By which values may leave [0, 1]: rounding, not another range."""
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Extractor:
    """Makes features of pictures or clips, and says what a score has to name with them.

    Attributes:
        name: what stands in brackets, such as ``inception-2015``.
        score: what the Frechet distance between its features is called: ``fid``, ``fvd``.
        kernel: what the kernel distance between them is called: ``kid``, ``kvd``.
        kind: whether an item is one picture or a clip.
        length: frames of an item; 1 for pictures.
        stride: frames from the start of one clip to the start of the next.
        size: height and width, in pixels, that pictures are brought to.
        resize: how, in words.
        dimension: number of features ``D``.
        digest: sha256 of the weights, hexadecimal.
        run: the network: items in [0, 1] on any device to ``[N, D]``.
        chunk: items it takes at once.
        device: where it runs.
        comparable: whether papers report scores with it.
    """

    name: str
    score: str
    kernel: str
    kind: Kind
    length: int
    stride: int
    size: int
    resize: str
    dimension: int
    digest: str
    run: Callable[[Tensor], Tensor] = field(repr=False, compare=False)
    chunk: int = 8
    device: torch.device | str = "cpu"
    comparable: bool = True

    @property
    def label(self) -> str:
        """Name of its score in tables, such as ``fid[inception-2015]``."""
        return f"{self.score}[{self.name}]"

    @torch.no_grad()
    def features(self, frames: Frames) -> Float[Tensor, "N D"]:
        """One row of features per item, on the CPU.

        An item's features do not depend on the items beside it, but for the last bits.

        Args:
            frames: RGB in [0, 1], ``T`` the extractor's length; of any height and width.

        Raises:
            InputError: no items, another length, values that are not in [0, 1], or a network
                that gives something else than one row of ``D`` numbers per item.
        """
        if not len(frames) or frames.shape[1] != self.length:
            raise InputError(
                self.label, "frames", f"are {frames.shape[0]} items of {frames.shape[1]} frames",
                f"give at least one of {self.length} frames, as extractors.cut makes them",
            )
        low, high = (float(bound) for bound in torch.aminmax(frames))
        if not (low >= -_TOLERANCE and high <= 1 + _TOLERANCE):  # a NaN is in no range
            raise InputError(self.label, "frames", f"have values from {low:g} to {high:g}",
                             "give RGB in [0, 1]")
        rows = []
        for first in range(0, len(frames), self.chunk):
            part = frames[first : first + self.chunk].to(self.device, torch.float32)
            row = self.run(part)
            if row.shape != (len(part), self.dimension):
                raise InputError(
                    self.label, "weights", f"give {list(row.shape)} for {len(part)} items instead "
                    f"of {[len(part), self.dimension]}", "give the file made for this extractor",
                )
            rows.append(row.float().cpu())
        return torch.cat(rows)


def to_square(
    frames: Frames, size: int, mode: str, antialias: bool
) -> Float[Tensor, "N T 3 {size} {size}"]:
    """Pictures brought to ``size`` by ``size`` pixels, stretched where they are not square.

    Pixel centres are at +0.5 (``align_corners=False``). With ``antialias`` a smaller picture
    is made of all pixels under it, as Pillow does; without it of the nearest ones alone.
    """
    flat = F.interpolate(
        frames.flatten(0, 1), (size, size), mode=mode, align_corners=False, antialias=antialias
    )
    return flat.unflatten(0, frames.shape[:2])


def digest_of(*files: Path) -> str:
    """sha256 of a file; of several, of their names and sums in the order of the names.

    Raises:
        InputError: a file can't be read.
    """
    sums = {}
    for file in files:
        total = hashlib.sha256()
        try:
            with file.open("rb") as stream:
                while block := stream.read(_BLOCK):
                    total.update(block)
        except OSError as error:
            raise InputError(
                file, "", f"can't be read ({error.strerror})", "check the name"
            ) from None
        sums[file.name] = total.hexdigest()
    if len(sums) == 1:
        return next(iter(sums.values()))
    lines = "".join(f"{name} {sums[name]}\n" for name in sorted(sums))
    return hashlib.sha256(lines.encode()).hexdigest()
