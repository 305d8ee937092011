"""View consistency: whether one point of the surface has one colour from all sides.

Neighbouring views of a moment are compared point by point, through the exact surface. The
truth's colours differ a little too, as shine does with the view and detail with the angle;
so the ratio to the truth's own difference is given as well.
"""

from __future__ import annotations

from collections.abc import Mapping

from muybridge.evaluation.flicker import Compared, compared, error_scores, ratio_scores
from muybridge.evaluation.metric import Metric
from muybridge.evaluation.sample import Sample


def view_error(sample: Sample) -> Mapping[str, float]:
    """``view_error``, and ``view_error/pairs``: over how many pairs of views.

    The name is ``view_error[body]`` where only the bare body's surface is known. Nothing of
    one view, of views more than 60 degrees apart, or where there is no surface.
    """
    return error_scores("view_error", sample, _found(sample))


def view_ratio(sample: Sample) -> Mapping[str, float]:
    """``view_ratio``, or ``view_ratio[body]``; nothing where the truth does not differ."""
    return ratio_scores("view_ratio", sample, _found(sample))


def _found(sample: Sample) -> Compared | None:
    if sample.clip.views < 2 or sample.surface.kind == "none":
        return None
    return compared(sample, sample.surface.between_views)


METRICS = (
    Metric(
        "view_error", "", "lower",
        "mean absolute difference of a surface point's colour [0, 1] between neighbouring views "
        "of a moment that both see it, off silhouettes; views more than 60 degrees apart or with "
        "fewer than 32 points in common are left out; at most 192 pairs, evenly; [body]: by the "
        "bare body's surface",
        view_error,
    ),
    Metric(
        "view_ratio", "", "one",
        "view_error over the truth's own, which is not 0 as shine and detail differ with the "
        "view; below 1: plainer than the truth",
        view_ratio,
    ),
)
