"""The release's scheduler, made of diffusers' own.

The release shifts noise levels by 3 whatever the picture's size, and takes the last step from
just above nothing; Kontext in diffusers shifts by the size, and stops its levels at ``1 / steps``.
"""

from __future__ import annotations

from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)

SHIFT = 3.0
"""Noise level ``u`` becomes ``3 u / (1 + 2 u)``."""
LEAST = 0.003 / 1.002
"""The last noise level before the shift; after it comes 0."""


def release_levels(steps: int) -> list[float]:
    """Noise levels before the shift, from 1 down to :data:`LEAST`, evenly apart.

    They are what ``sigmas`` of a Flux pipeline takes.

    Args:
        steps: of the sampler, at least one.

    Raises:
        ValueError: fewer.
    """
    if steps < 1:
        raise ValueError(f"{steps} steps; give at least one")
    apart = (1.0 - LEAST) / max(1, steps - 1)
    return [1.0 - apart * step for step in range(steps)]


def release_scheduler(steps: int | None = None) -> FlowMatchEulerDiscreteScheduler:
    """Euler steps on the flow path, at the release's noise levels.

    Args:
        steps: set its timesteps for so many; left for later where ``None``.
    """
    scheduler = FlowMatchEulerDiscreteScheduler(
        num_train_timesteps=1000, shift=SHIFT, use_dynamic_shifting=False
    )
    if steps is not None:
        scheduler.set_timesteps(sigmas=release_levels(steps))
    return scheduler
