"""Flicker: how much one point of the surface changes from a frame to the next.

Each point is followed by exact flow, so movement itself is none. What is measured is along
the true surface: somebody who moves otherwise than asked flickers as well, and a person
without any detail less than the truth. So the ratio to the truth's own change is given too:
light moves over the truth, and bilinear sampling blurs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.evaluation.geometry import Matches
from muybridge.evaluation.metric import Metric
from muybridge.evaluation.sample import Sample

LEAST = 32
"""Points that a pair of pictures has to share."""
_WHOLE = 0.98
"""Share of a pixel from which on there is no ground in it."""
_STILL = 1e-3
"""Change of the truth below which no ratio is formed; a quarter of an 8 bit step."""


def change(
    pictures: Float[Tensor, "V T 3 H W"], matches: Matches,
    counted: Float[Tensor, "M"],  # noqa: F821
) -> float:
    """Mean absolute difference of the points' colours in the two pictures of their pairs.

    Args:
        pictures: [0, 1].
        matches: the points.
        counted: 1 for points that count, else 0.
    """
    apart = (matches.at_second(pictures) - matches.at_first(pictures)).abs().mean(0)
    return float((apart * counted).sum() / counted.sum())


def counted_points(
    matches: Matches, matte: Float[Tensor, "V T 1 H W"]
) -> tuple[Float[Tensor, "M"], int]:  # noqa: F821
    """Points off the silhouettes of both pictures, of pairs that share enough of them.

    Returns:
        1 for points that count, else 0; and how many pairs are left.
    """
    inside = (matches.at_first(matte) > _WHOLE) & (matches.at_second(matte) > _WHOLE)
    share = torch.zeros(len(matches.pairs)).index_add_(0, matches.pair, inside[0].float())
    enough = share >= LEAST
    return (inside[0] & enough[matches.pair]).float(), int(enough.sum())


class Compared(NamedTuple):
    """Change of what was made and of the truth, and over how many pairs."""

    made: float
    truth: float
    pairs: int


def compared(sample: Sample, matches: Matches) -> Compared | None:
    """What was made beside the truth; ``None`` where no pair shares enough points."""
    counted, pairs = counted_points(matches, sample.truth_matte)
    if not pairs:
        return None
    made, truth = (change(p, matches, counted) for p in (sample.made, sample.truth))
    return Compared(made, truth, pairs)


def error_scores(name: str, sample: Sample, found: Compared | None) -> dict[str, float]:
    """Change of what was made under a metric's name, and the number of pairs behind it."""
    if found is None:
        return {}
    full = name + sample.surface.label
    return {full: found.made, f"{full}/pairs": float(found.pairs)}


def ratio_scores(name: str, sample: Sample, found: Compared | None) -> dict[str, float]:
    """That change over the truth's own; nothing where the truth does not change."""
    if found is None or found.truth < _STILL:
        return {}
    return {name + sample.surface.label: found.made / found.truth}


def flicker(sample: Sample) -> Mapping[str, float]:
    """``flicker``, and ``flicker/pairs``: over how many pairs of frames.

    The name is ``flicker[body]`` where only the bare body's surface is known. Nothing of
    single frames, or where there is no surface.
    """
    return error_scores("flicker", sample, _found(sample))


def flicker_ratio(sample: Sample) -> Mapping[str, float]:
    """``flicker_ratio``, or ``flicker_ratio[body]``; nothing where the truth stands still."""
    return ratio_scores("flicker_ratio", sample, _found(sample))


def _found(sample: Sample) -> Compared | None:
    if sample.clip.frames < 2 or sample.surface.kind == "none":
        return None
    return compared(sample, sample.surface.over_time)


METRICS = (
    Metric(
        "flicker", "", "lower",
        "mean absolute change of a surface point's colour [0, 1] from a frame to the next, "
        "followed by exact flow where both frames see it, off silhouettes; at most 192 pairs of "
        "frames, evenly; [body]: followed by the bare body's flow",
        flicker,
    ),
    Metric(
        "flicker_ratio", "", "one",
        "flicker over the truth's own, which is not 0 as light and sampling change; below 1: "
        "smoother than the truth",
        flicker_ratio,
    ),
)
