"""Training: recipes as data, and the engine that follows them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from muybridge.training.budget import Budget, Cadence, estimated, parse_budget, parse_cadence
from muybridge.training.draws import Draws, Shuffle, generator_of
from muybridge.training.recipe import (
    Batch,
    Context,
    Optimizer,
    Recipe,
    Schedule,
    Stage,
    Trainee,
    Validation,
    Work,
)

if TYPE_CHECKING:
    from muybridge.training.engine import Trained as Trained
    from muybridge.training.engine import train as train
    from muybridge.training.forecast import forecast as forecast
    from muybridge.training.session import Diverged as Diverged
    from muybridge.training.session import Options as Options
    from muybridge.training.session import Watcher as Watcher

_LAZY = {  # a recipe can be made without accelerate
    "Diverged": "session", "Options": "session", "Trained": "engine", "Watcher": "session",
    "forecast": "forecast", "train": "engine",
}

__all__ = [
    "Batch", "Budget", "Cadence", "Context", "Diverged", "Draws", "Optimizer", "Options",
    "Recipe", "Schedule", "Shuffle", "Stage", "Trained", "Trainee", "Validation", "Watcher",
    "Work", "estimated", "forecast", "generator_of", "parse_budget", "parse_cadence", "train",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(import_module(f"muybridge.training.{_LAZY[name]}"), name)
        globals()[name] = value  # the function, not the module of the same name
        return value
    raise AttributeError(f"module 'muybridge.training' has no attribute {name!r}")
