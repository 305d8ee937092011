"""Training: recipes as data, and the engine that follows them."""

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

__all__ = [
    "Batch", "Context", "Draws", "Optimizer", "Recipe", "Schedule", "Shuffle", "Stage", "Trainee",
    "Validation", "Work", "generator_of",
]
