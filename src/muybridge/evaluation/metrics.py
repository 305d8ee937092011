"""All metrics of an item, and the scores of a sample by all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

from muybridge.evaluation.metric import Metric
from muybridge.evaluation.sample import Sample


@cache
def metrics() -> tuple[Metric, ...]:
    """Every metric of an item, in the order of tables."""
    from muybridge.evaluation import (
        consistency,
        crops,
        drift,
        flicker,
        identity,
        joints,
        pictures,
        silhouette,
    )

    rooms = (pictures, crops, identity, silhouette, joints, flicker, consistency, drift)
    return tuple(metric for room in rooms for metric in room.METRICS)


@cache
def with_lpips(backbones: tuple[tuple[str, str], ...]) -> tuple[Metric, ...]:
    """Every metric, and LPIPS by each backbone that the user has.

    Args:
        backbones: names (``squeeze``, ``alex``, ``vgg``) and paths of their weights.

    Raises:
        InputError, MissingWeights: the weights can't be used.
    """
    if not backbones:
        return metrics()
    from muybridge.evaluation.lpips import lpips_metrics

    first, *rest = metrics()
    return (first, *lpips_metrics(dict(backbones)), *rest)


def scores_of(sample: Sample, chosen: Sequence[Metric] | None = None) -> dict[str, float]:
    """Scores by name; what can't be told of a sample is left out.

    Args:
        sample: what was made, and the truth.
        chosen: metrics; all by default.
    """
    found: dict[str, float] = {}
    for metric in metrics() if chosen is None else chosen:
        for name, value in metric.function(sample).items():
            if math.isfinite(value):
                found[name] = float(value)
    return found


def metric_of(score: str) -> Metric | None:
    """The metric that a score, such as ``psnr/frame`` or ``flicker[body]``, is of."""
    stem = score.partition("[")[0].partition("/")[0]
    return next((m for m in metrics() if m.name in (score, stem)), None)
