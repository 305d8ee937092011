"""Windows over frames or views: what goes through a network together, and with which weight.

All windows of a video have one size, so that they can share a batch; none is shorter than
asked for unless the video is. Where windows overlap, their outputs are mixed with weights that
sum to one at every item. Windows are kept in one order whatever order they are given in, so
that sums over them are rounded in one way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError


@dataclass(frozen=True)
class Windows:
    """Windows that cover ``length`` items.

    Attributes:
        length: number of items.
        items: of every window, in the order in which the network sees them.
        weights: of every item of every window; they sum to one over each item.
    """

    length: int
    items: tuple[tuple[int, ...], ...]
    weights: Float[Tensor, "N W"]

    @property
    def size(self) -> int:
        """Items in each window."""
        return len(self.items[0])

    @staticmethod
    def of(length: int, items: Iterable[Sequence[int]]) -> Windows:
        """Windows with triangular weights: an item counts more the nearer to the middle it is.

        Args:
            length: number of items to cover.
            items: of each window; all windows of one size. Equal windows count once.

        Raises:
            InputError: sizes differ, a window holds an item twice or one that does not
                exist, or an item is in no window.
        """
        ordered = sorted({tuple(window) for window in items})
        remedy = "use windows that cover every item"
        if len({len(window) for window in ordered}) != 1:
            raise InputError("windows", "size", "is not the same for all", remedy)
        flat = torch.tensor(ordered)
        if flat.numel() == 0 or int(flat.min()) < 0 or int(flat.max()) >= length:
            raise InputError("windows", "items", f"are not numbers of 0..{length - 1}", remedy)
        if any(len(set(window)) < len(window) for window in ordered):
            raise InputError("windows", "items", "a window holds one twice", remedy)
        size = flat.shape[1]
        place = (torch.arange(size, dtype=torch.float64) + 0.5) * 2 / size
        profile = torch.minimum(place, 2 - place).expand(flat.shape)
        total = torch.zeros(length, dtype=torch.float64)
        total.index_add_(0, flat.flatten(), profile.flatten())
        if not bool((total > 0).all()):
            alone = int((total == 0).nonzero()[0])
            raise InputError("windows", "items", f"number {alone} is in no window", remedy)
        return Windows(length, tuple(ordered), (profile / total[flat]).float())


def open_windows(length: int, size: int, overlap: int) -> Windows:
    """Windows from the first to the last item; the last window ends with the last item.

    Args:
        length: number of items.
        size: of a window; the video's length where that is less.
        overlap: items that neighbours share, at least.

    Raises:
        InputError: a number is out of range.
    """
    size, stride = _checked(length, size, overlap, least=0)
    starts = [*range(0, length - size, stride), length - size]
    return Windows.of(length, [range(start, start + size) for start in starts])


def looped_windows(length: int, size: int, overlap: int, shift: int = 0) -> Windows:
    """Windows on a ring: the item after the last is the first. Evenly spread.

    Args:
        length, size, overlap: as for :func:`open_windows`.
        shift: item with which the first window starts; a loop may turn it from step to step
            so that seams fall elsewhere.

    Raises:
        InputError: a number is out of range.
    """
    size, stride = _checked(length, size, overlap, least=0)
    count = 1 if size == length else -(-length // stride)
    starts = [shift + k * length // count for k in range(count)]
    return Windows.of(length, [[(s + j) % length for j in range(size)] for s in starts])


def anchored_windows(length: int, size: int, overlap: int) -> Windows:
    """Windows that all begin with item 0, as GAS's release has them for long videos.

    The windows are ``[0, i+1, ..., i+size-1]`` for ``i = 0, size-overlap, ...``; where they
    don't reach the end, a last one is ``[0, length-size+1, ..., length-1]``.

    Args:
        length, size, overlap: as for :func:`open_windows`; at least one item of overlap.

    Raises:
        InputError: a number is out of range.
    """
    size, stride = _checked(length, size, overlap, least=1)
    windows = [[0, *range(i + 1, i + size)] for i in range(0, length - size + 1, stride)]
    if windows[-1][-1] < length - 1:
        windows.append([0, *range(length - size + 1, length)])
    return Windows.of(length, windows)


def _checked(length: int, size: int, overlap: int, least: int) -> tuple[int, int]:
    """Size and stride of windows, after a look at the numbers."""
    if length < 1:
        raise InputError("windows", "length", f"is {length}", "give at least one item")
    if size < 1:
        raise InputError("windows", "size", f"is {size}", "give at least 1")
    if size >= length:
        return length, length
    if not least <= overlap < size:
        raise InputError(
            "windows", "overlap", f"{overlap} with windows of {size}",
            f"give {least} to {size - 1}",
        )
    return size, size - overlap
