"""HVG's progressive sampling: every step looks along time and around the views.

In each step the network denoises the whole grid of views x frames twice: in tiles that are
long in time and hold few views, and in tiles that hold many views and few frames. Each look is
fused from its tiles; both are averaged, and the scheduler steps once. So far frames and far
views agree, though the network never sees more than a tile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.sampling.grid import Pass, Plan
from muybridge.sampling.windows import Windows, looped_windows, open_windows

Share = Callable[[int], float]
"""The temporal look's share of step number 0, 1, ..., in 0..1."""
_GOLDEN = 0.6180339887


@dataclass(frozen=True)
class Reach:
    """How much goes through the network together.

    The defaults are the paper's examples, 24 frames and 6 views, and what makes 72 pictures of
    both kinds of tiles, as many as it trains with.

    Attributes:
        time: views and frames of a tile that looks along time.
        time_overlap: frames that neighbours of these share.
        around: views and frames of a tile that looks around.
        around_overlap: views that neighbours of these share.
        still: views of a tile where there is one frame only; the paper's first phase of
            training has 48.
    """

    time: tuple[int, int] = (3, 24)
    time_overlap: int = 6
    around: tuple[int, int] = (6, 12)
    around_overlap: int = 2
    still: int = 48

    def __post_init__(self) -> None:
        numbers = {
            "time": min(self.time), "around": min(self.around), "still": self.still,
            "time_overlap": self.time_overlap + 1, "around_overlap": self.around_overlap + 1,
        }
        for name, number in numbers.items():
            if number < 1:
                raise InputError("reach", name, f"is {getattr(self, name)}", "give 1 or more")
        for name, overlap, size in (
            ("time_overlap", self.time_overlap, self.time[1]),
            ("around_overlap", self.around_overlap, min(self.around[0], self.still)),
        ):
            if overlap >= size:
                raise InputError(
                    "reach", name, f"{overlap} with tiles of {size}", f"give less than {size}"
                )

    @property
    def images(self) -> int:
        """The most pictures of a tile of several frames."""
        return max(self.time[0] * self.time[1], self.around[0] * self.around[1])


def equal_share(step: int) -> float:
    """Both looks count the same in every step; the paper does not say how they are weighted."""
    return 0.5


def turns(steps: int) -> Share:
    """One look per step, in turn; the last along time, where flicker would show.

    Args:
        steps: of the sampler.
    """
    return lambda step: float((steps - 1 - step) % 2 == 0)


def progressive(
    views: int,
    frames: int,
    reach: Reach | None = None,
    *,
    order: Sequence[int] | None = None,
    closed: bool = False,
    share: Share | float = equal_share,
    guidance: Float[Tensor, "_ _"] | float = 1.0,
    turning: bool = True,
) -> Plan:
    """Which passes each step makes.

    What one tile can hold goes through in one; a look that sees no more than the other along
    its own axis is left out. So one view is sampled along time only, and one frame around only.

    Args:
        views, frames: of the video.
        reach: of the tiles.
        order: numbers of the views as they stand around the person; as they are by default.
        closed: whether the last of them stands beside the first.
        share: of the look along time; 1 or 0 leave the other look out.
        guidance: see :class:`~muybridge.sampling.Pass`.
        turning: where views are closed, begin at another view in each step, so that seams
            between tiles don't stay in place.

    Raises:
        InputError: a number is out of range, or the order isn't one of the views.
    """
    reach = reach or Reach()
    if views < 1 or frames < 1:
        raise InputError("plan", "size", f"{views} x {frames}", "give a view and a frame at least")
    standing = list(range(views)) if order is None else list(order)
    around = (reach.around[0] if frames > 1 else reach.still, reach.around[1])
    if views <= around[0] and frames <= reach.time[1] and (
        frames == 1 or views * frames <= reach.images
    ):
        whole = Pass(_open(views, views, 0), _open(frames, frames, 0), guidance, "joint")
        return lambda step: (whole,)
    longer = min(frames, reach.time[1]) > min(frames, around[1])
    wider = min(views, around[0]) > min(views, reach.time[0])
    if not longer and not wider:
        longer = frames > 1
    along_time = _open(frames, reach.time[1], reach.time_overlap)
    chunks = _open(frames, around[1], 0)

    def over_views(size: int, overlap: int, step: int) -> Windows:
        if not closed:
            return _open(views, size, overlap).renumbered(standing)
        stride = max(1, min(size, views) - overlap)
        shift = int((step * _GOLDEN % 1) * stride) if turning else 0
        return looped_windows(views, size, overlap, shift, "ramp").renumbered(standing)

    def passes(step: int) -> Sequence[Pass]:
        part = share(step) if callable(share) else float(share)
        if not 0 <= part <= 1:
            raise InputError("share", "", f"is {part}", "give 0 to 1")
        part = part if longer and wider else float(longer)
        both = (
            Pass(over_views(reach.time[0], 0, step), along_time, guidance, "time", part),
            Pass(
                over_views(around[0], reach.around_overlap, step), chunks, guidance, "around",
                1 - part,
            ),
        )
        return [each for each in both if each.weight > 0]

    return passes


def images_per_step(plan: Plan, steps: int, views: int, frames: int) -> float:
    """Pictures that go through the network in a step, without guidance; the mean of all steps.

    Args:
        plan: of the grid.
        steps: of the sampler.
        views, frames: of the grid.
    """
    total = sum(each.images(views, frames) for step in range(steps) for each in plan(step))
    return total / steps


def _open(length: int, size: int, overlap: int) -> Windows:
    return open_windows(length, size, overlap, "ramp")

