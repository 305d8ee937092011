"""What a recipe will do, without doing it: steps, parameters, memory."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch

from muybridge.training.budget import Budget, seconds_left
from muybridge.training.recipe import Recipe, Stage

_WEIGHT = 4
"""Bytes of a weight."""
_TRAINED = 16
"""Bytes more of a trained one: its gradient, two moments, its average."""


@dataclass(frozen=True)
class StageForecast:
    """What is known of a stage before it runs.

    Attributes:
        name: of the stage.
        kind: ``train`` or ``work``.
        share: of the budget, 0..1.
        seconds: for it; ``None`` where the budget is in steps and a step's time is unknown.
        steps: of it; ``None`` for work, and where the time of a step is unknown.
        batch: items in a step.
        parameters, trained: numbers of them; ``None`` where the recipe does not say.
        memory_bytes: of weights, gradients, moments and averages, without activations.
    """

    name: str
    kind: str
    share: float
    seconds: float | None = None
    steps: int | None = None
    batch: int | None = None
    parameters: int | None = None
    trained: int | None = None
    memory_bytes: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def forecast(recipe: Recipe, budget: Budget) -> list[StageForecast]:
    """What each stage will take. Estimates of steps rest on the recipe's ``step_seconds``.

    Raises:
        InputError: the budget does not fit the recipe.
    """
    fixed = budget.stage_steps(recipe)
    shares = sum(stage.share for stage in recipe.stages)
    spent, found = 0.0, []
    for index, stage in enumerate(recipe.stages):
        seconds = seconds_left(recipe, budget, index, spent)
        spent += seconds or 0.0
        if not isinstance(stage, Stage):
            found.append(StageForecast(stage.name, "work", stage.share / shares, seconds))
            continue
        steps = fixed[stage.name] if fixed else None
        if stage.step_seconds and steps is not None:
            seconds = steps * stage.step_seconds
        elif stage.step_seconds and seconds is not None:
            steps = max(1, int(seconds / stage.step_seconds))
        found.append(StageForecast(stage.name, "train", stage.share / shares, seconds, steps,
                                   stage.batch, *_weigh(stage)))
    return found


def _weigh(stage: Stage) -> tuple[int | None, int | None, int | None]:
    """Parameters, trained ones, bytes."""
    if stage.sketch is None:
        return None, None, None
    with torch.device("meta"):
        module = stage.sketch()
    every = sum(p.numel() for p in module.parameters())
    trained = sum(p.numel() for p in module.parameters() if p.requires_grad)
    return every, trained, _WEIGHT * every + _TRAINED * trained
