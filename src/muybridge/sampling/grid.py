"""The grid of views x frames, the tiles of it that networks see, and passes over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.sampling.windows import Windows, single_windows


@dataclass(frozen=True)
class Tile:
    """Views and frames that go through the network together: ``F = views x frames`` items.

    Attributes:
        views: their numbers, in the network's order.
        frames: likewise. Items are ordered view by view.
        mode: what the pass said about it, for the network.
    """

    views: tuple[int, ...]
    frames: tuple[int, ...]
    mode: str = ""

    @property
    def index(self) -> tuple[Tensor, Tensor]:
        """Views and frames as an index into the first two axes of a grid."""
        return torch.tensor(self.views)[:, None], torch.tensor(self.frames)[None]

    def take(self, grid: Tensor) -> Tensor:
        """The items of something ``[V, T, ...]`` as ``[F, ...]``; reads nothing else of it."""
        return grid[self.index].flatten(0, 1)


class Prediction(NamedTuple):
    """What a network says about some tiles.

    Attributes:
        conditioned: with the reference.
        unconditioned: without it; ``None`` where nobody asked.
    """

    conditioned: Float[Tensor, "n F C h w"]
    unconditioned: Float[Tensor, "n F C h w"] | None = None


@runtime_checkable
class WindowModel(Protocol):
    """A network with what it needs to know about the whole video.

    It gets ``n`` tiles of equal extent, scaled noisy latents and the timestep as the scheduler
    gives them, and whether guidance needs the unconditioned output too. It gives what its
    scheduler calls the model output.
    """

    def __call__(
        self,
        latents: Float[Tensor, "n F C h w"],
        timestep: Tensor,
        tiles: Sequence[Tile],
        guided: bool,
    ) -> Prediction: ...


@dataclass(frozen=True)
class Pass:
    """One look at the whole grid, tile by tile.

    Attributes:
        views: windows over views; ``None``: each view by itself.
        frames: windows over frames; ``None``: each frame by itself.
        guidance: one number for all, or one for every view and frame (1 view or 1 frame stand
            for all); 1 asks for no unconditioned output.
        mode: handed to the network.
        weight: share of the pass where several make one step.
    """

    views: Windows | None = None
    frames: Windows | None = None
    guidance: Float[Tensor, "_ _"] | float = 1.0
    mode: str = ""
    weight: float = 1.0

    @property
    def guided(self) -> bool:
        """Whether any item is guided."""
        if isinstance(self.guidance, Tensor):
            return bool((self.guidance != 1).any())
        return self.guidance != 1

    def tiles(self, views: int, frames: int) -> list[tuple[Tile, Float[Tensor, "F"]]]:
        """All tiles of a grid of that size, each with its items' weights.

        Raises:
            ValueError: the windows are not made for this grid.
        """
        across, along = (
            made or single_windows(length)
            for made, length in ((self.views, views), (self.frames, frames))
        )
        for windows, length, what in ((across, views, "views"), (along, frames, "frames")):
            if windows.length != length:
                raise ValueError(f"windows over {windows.length} {what}; the grid has {length}")
        return [
            (Tile(some, then, self.mode), (mine[:, None] * theirs).flatten())
            for some, mine in zip(across.items, across.weights, strict=True)
            for then, theirs in zip(along.items, along.weights, strict=True)
        ]

    def images(self, views: int, frames: int) -> int:
        """Pictures that go through the network, without guidance: the cost of the pass."""
        counts = [
            length if windows is None else len(windows.items) * windows.size
            for windows, length in ((self.views, views), (self.frames, frames))
        ]
        return counts[0] * counts[1]


Plan = Callable[[int], Sequence[Pass]]
"""Which passes make step number 0, 1, ...; their outputs are averaged by weight."""


def combined(*passes: Pass) -> Plan:
    """Every step does all passes."""
    return lambda step: passes


def alternating(*passes: Pass, steps: int) -> Plan:
    """Each of ``steps`` steps does one pass, in turn; the last step does the last pass."""
    return lambda step: (passes[(step - steps) % len(passes)],)
