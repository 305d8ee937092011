"""Windows over frames or views: what goes through a network together, and with which weight.

All windows of a video have one size, so that they can share a batch; none is shorter than
asked for unless the video is. Where windows overlap, their outputs are mixed with weights that
sum to one at every item. Windows are kept in one order whatever order they are given in, so
that sums over them are rounded in one way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError

Profile = Literal["triangle", "ramp"]
"""How weights run over a window. ``triangle``: an item counts more the nearer to the middle it
is (MimicMotion's and GAS's code). ``ramp``: fully, but where windows overlap, where one fades
into the next in equal steps (MimicMotion's and HVG's papers)."""


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
    def of(
        length: int, items: Iterable[Sequence[int]], profile: Float[Tensor, "N W"] | None = None
    ) -> Windows:
        """Windows with any items.

        Args:
            length: number of items to cover.
            items: of each window; all windows of one size. Equal windows count once.
            profile: of each window, positive; a triangle by default. Where windows overlap it is
                divided by its sum.

        Raises:
            InputError: sizes differ, a window holds an item twice or one that does not
                exist, an item is in no window, or the profile doesn't fit.
        """
        given = [tuple(window) for window in items]
        number = {window: k for k, window in enumerate(given)}
        ordered = sorted(number)
        remedy = "use windows that cover every item"
        if len({len(window) for window in ordered}) != 1:
            raise InputError("windows", "size", "is not the same for all", remedy)
        flat = torch.tensor(ordered)
        if flat.numel() == 0 or int(flat.min()) < 0 or int(flat.max()) >= length:
            raise InputError("windows", "items", f"are not numbers of 0..{length - 1}", remedy)
        if any(len(set(window)) < len(window) for window in ordered):
            raise InputError("windows", "items", "a window holds one twice", remedy)
        size = flat.shape[1]
        if profile is None:
            place = (torch.arange(size, dtype=torch.float64) + 0.5) * 2 / size
            profile = torch.minimum(place, 2 - place).expand(flat.shape)
        elif profile.shape != (len(given), size) or not bool((profile > 0).all()):
            raise InputError(
                "windows", "profile", "is not a positive number for each item of each window",
                "give one row per window",
            )
        else:
            profile = profile.double()[[number[window] for window in ordered]]
        total = torch.zeros(length, dtype=torch.float64)
        total.index_add_(0, flat.flatten(), profile.flatten())
        if not bool((total > 0).all()):
            alone = int((total == 0).nonzero()[0])
            raise InputError("windows", "items", f"number {alone} is in no window", remedy)
        return Windows(length, tuple(ordered), (profile / total[flat]).float())

    def renumbered(self, order: Sequence[int]) -> Windows:
        """The same windows over items that stand in another order.

        Args:
            order: the number of the item that stands first, second, ...; each number once.

        Raises:
            InputError: the numbers are not those of the items.
        """
        if sorted(order) != list(range(self.length)):
            raise InputError(
                "windows", "order", f"does not hold each of 0..{self.length - 1} once",
                "give a permutation",
            )
        items = [[int(order[i]) for i in window] for window in self.items]
        return Windows.of(self.length, items, self.weights)


def single_windows(length: int) -> Windows:
    """Every item by itself."""
    return open_windows(length, 1, 0)


def open_windows(
    length: int, size: int, overlap: int, profile: Profile = "triangle"
) -> Windows:
    """Windows from the first to the last item; the last window ends with the last item.

    Args:
        length: number of items.
        size: of a window; the video's length where that is less.
        overlap: items that neighbours share, at least.
        profile: of the weights.

    Raises:
        InputError: a number is out of range.
    """
    size, stride = _checked(length, size, overlap, least=0)
    starts = [*range(0, length - size, stride), length - size]
    shared = [0, *(a + size - b for a, b in zip(starts, starts[1:], strict=False)), 0]
    items = [range(start, start + size) for start in starts]
    return Windows.of(length, items, _profile(profile, size, shared))


def looped_windows(
    length: int, size: int, overlap: int, shift: int = 0, profile: Profile = "triangle"
) -> Windows:
    """Windows on a ring: the item after the last is the first. Evenly spread.

    Args:
        length, size, overlap, profile: as for :func:`open_windows`.
        shift: item with which the first window starts; a loop may turn it from step to step
            so that seams fall elsewhere.

    Raises:
        InputError: a number is out of range.
    """
    size, stride = _checked(length, size, overlap, least=0)
    count = 1 if size == length else -(-length // stride)
    starts = [k * length // count for k in range(count)]
    following = [*starts[1:], length]
    shared = [
        max(0, a + size - b) if count > 1 else 0 for a, b in zip(starts, following, strict=True)
    ]
    items = [[(shift + s + j) % length for j in range(size)] for s in starts]
    return Windows.of(length, items, _profile(profile, size, [shared[-1], *shared]))


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


def _profile(
    profile: Profile, size: int, shared: Sequence[int]
) -> Float[Tensor, "N W"] | None:
    """Weights before they are divided by their sum; ``None`` for those of ``Windows.of``.

    With ``L`` items shared with the window before and ``R`` with the next, a ramp is
    ``min(1, (p + 1) / (L + 1), (size - p) / (R + 1))`` at place ``p``; two ramps sum to one.

    Args:
        size: of a window.
        shared: items that each window shares with the one before it, and the last with the
            one after it.
    """
    if profile == "triangle":
        return None
    place = torch.arange(size, dtype=torch.float64)
    many = torch.tensor(shared, dtype=torch.float64)
    rising = (place + 1) / (many[:-1, None] + 1)
    falling = (size - place) / (many[1:, None] + 1)
    return torch.minimum(rising, falling).clamp(max=1)


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
