"""The grid of views x frames, the strips of it that networks see, and passes over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from muybridge.sampling.windows import Windows

Axis = Literal["time", "views"]


@dataclass(frozen=True)
class Strip:
    """Items of the grid that go through the network together.

    Attributes:
        axis: ``time``: one view over some frames; ``views``: one frame from some views.
        line: number of that view or frame.
        items: numbers of the frames or views, in the network's order.
        mode: what the pass said about it, for the network.
    """

    axis: Axis
    line: int
    items: tuple[int, ...]
    mode: str = ""

    @property
    def views(self) -> list[int]:
        """The view of each item."""
        return [self.line] * len(self.items) if self.axis == "time" else list(self.items)

    @property
    def frames(self) -> list[int]:
        """The frame of each item."""
        return list(self.items) if self.axis == "time" else [self.line] * len(self.items)

    def take(self, grid: Tensor) -> Tensor:
        """The items of something ``[V, T, ...]`` as ``[F, ...]``."""
        return grid[self.views, self.frames]


class Prediction(NamedTuple):
    """What a network says about some strips.

    Attributes:
        conditioned: with the reference.
        unconditioned: without it; ``None`` where nobody asked.
    """

    conditioned: Float[Tensor, "n F C h w"]
    unconditioned: Float[Tensor, "n F C h w"] | None = None


@runtime_checkable
class WindowModel(Protocol):
    """A network with what it needs to know about the whole video.

    It gets ``n`` strips of equal length, scaled noisy latents and the timestep as the scheduler
    gives them, and whether guidance needs the unconditioned output too. It gives what its
    scheduler calls the model output.
    """

    def __call__(
        self,
        latents: Float[Tensor, "n F C h w"],
        timestep: Tensor,
        strips: Sequence[Strip],
        guided: bool,
    ) -> Prediction: ...


@dataclass(frozen=True)
class Pass:
    """One look at the whole grid, line by line.

    Attributes:
        axis: along which the windows run.
        windows: over the frames (``time``) or views (``views``) of each line.
        guidance: for each item along the axis, or one number for all; 1 asks for no
            unconditioned output.
        mode: handed to the network.
        weight: share of the pass where several make one step.
    """

    axis: Axis
    windows: Windows
    guidance: Float[Tensor, "N"] | float = 1.0
    mode: str = ""
    weight: float = 1.0

    @property
    def guided(self) -> bool:
        """Whether any item is guided."""
        if isinstance(self.guidance, Tensor):
            return bool((self.guidance != 1).any())
        return self.guidance != 1

    def strips(self, views: int, frames: int) -> list[Strip]:
        """All strips of a grid of that size, line by line."""
        lines = views if self.axis == "time" else frames
        return [
            Strip(self.axis, line, items, self.mode)
            for line in range(lines) for items in self.windows.items
        ]


Plan = Callable[[int], Sequence[Pass]]
"""Which passes make step number 0, 1, ...; their outputs are averaged by weight."""


def combined(*passes: Pass) -> Plan:
    """Every step does all passes."""
    return lambda step: passes


def alternating(*passes: Pass, steps: int) -> Plan:
    """Each of ``steps`` steps does one pass, in turn; the last step does the last pass."""
    return lambda step: (passes[(step - steps) % len(passes)],)
