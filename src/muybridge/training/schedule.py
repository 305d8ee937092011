"""The learning rate as a function of steps alone."""

from __future__ import annotations

import math

from muybridge.training.recipe import Schedule


def decay_start(total: int, schedule: Schedule) -> int:
    """The first step, of ``total``, at which the rate no longer stays: ``0..total``."""
    return total - int(total * schedule.decay)


def rate(step: int, total: int | None, highest: float, schedule: Schedule) -> float:
    """The learning rate of a step.

    Args:
        step: from 0.
        total: steps of the stage; ``None`` while that is not settled (there is no decay yet).
        highest: the rate between warm-up and decay.
        schedule: see :class:`muybridge.training.recipe.Schedule`.
    """
    value = highest
    if schedule.warmup:
        value *= min(1.0, (step + 1) / schedule.warmup)
    if total is None:
        return value
    start = decay_start(total, schedule)
    if step < start:
        return value
    return value * 0.5 * (1 + math.cos(math.pi * (step - start) / max(total - start, 1)))
