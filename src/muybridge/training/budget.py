"""How long to train: wall-clock time or steps, and how either becomes steps of a stage."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from muybridge.errors import InputError
from muybridge.training.recipe import Recipe, Schedule, Stage
from muybridge.training.schedule import decay_start

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_TIME = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
_STEPS = re.compile(r"(\d+)\s*steps?")
_EACH = re.compile(r"([\w-]+)[:=](\d+)")
_MOST_SECONDS = 366 * 24 * 3600.0
_MOST_STEPS = 10**9
_REMEDY = "write 2h, 30m, 1h30m, 90s, 500steps, or steps of each stage as image:900,video:300"


@dataclass(frozen=True)
class Budget:
    """One of the three.

    Attributes:
        seconds: of wall-clock time for all stages; checkpoints, validation and export count.
        steps: for all training stages together.
        each: steps by stage.
    """

    seconds: float | None = None
    steps: int | None = None
    each: Mapping[str, int] | None = None

    def __str__(self) -> str:
        if self.each is not None:
            return ",".join(f"{name}:{steps}" for name, steps in self.each.items())
        return f"{self.steps}steps" if self.steps is not None else f"{self.seconds:g}s"

    def stage_steps(self, recipe: Recipe) -> dict[str, int] | None:
        """Steps by training stage; ``None`` where the budget is one of time.

        Raises:
            InputError: a stage would get none, or a name is not the recipe's.
        """
        stages = [stage for stage in recipe.stages if isinstance(stage, Stage)]
        if self.each is not None:
            names = [stage.name for stage in stages]
            if set(self.each) != set(names):
                raise InputError("--budget", "", f"names the stages {', '.join(self.each)}",
                                 f"name {', '.join(names)}, each once")
            return {name: self.each[name] for name in names}
        if self.steps is None:
            return None
        if self.steps < len(stages):
            raise InputError("--budget", "", f"{self.steps} steps are less than one for each of "
                             f"{len(stages)} stages", "give more")
        whole = sum(stage.share for stage in stages)
        ends, done = [], 0.0
        for index, stage in enumerate(stages):
            done += stage.share
            low, high = index + 1, self.steps - (len(stages) - index - 1)
            ends.append(min(max(round(self.steps * done / whole), low), high))
        starts = [0, *ends]
        return {s.name: max(b - a, 1) for s, a, b in zip(stages, starts, ends, strict=False)}


def estimated(recipe: Recipe, seconds: float) -> Budget:
    """Steps of each stage for a time, by the recipe's own estimates of what a step takes.

    However fast a machine is and whatever else it does, the same steps come out. Stages that
    don't train get none of the time.

    Args:
        recipe: to be trained. ``seconds``: for all stages together.

    Raises:
        InputError: nothing is known of what a step takes.
    """
    stages = [stage for stage in recipe.stages if isinstance(stage, Stage)]
    whole = sum(stage.share for stage in stages)
    each = {}
    for stage in stages:
        if not stage.step_seconds:
            raise InputError("--budget", stage.name, "has no known time of a step",
                             "give steps, as 500steps")
        each[stage.name] = max(1, round(seconds * stage.share / whole / stage.step_seconds))
    return Budget(each=each)


def parse_budget(text: str) -> Budget:
    """Read ``2h``, ``30m``, ``1h30m``, ``90s``, ``500steps`` or ``image:900,video:300``.

    Raises:
        InputError: it is none of these, nothing, or beyond a year or 10^9 steps.
    """
    given = text.strip().lower()
    if found := _STEPS.fullmatch(given):
        return Budget(steps=_count(text, found[1]))
    if ":" in given or "=" in given:
        parts = [_EACH.fullmatch(part.strip()) for part in text.strip().split(",")]
        names = [part[1] for part in parts if part]
        if None in parts or len(set(names)) < len(parts):
            raise InputError("--budget", "", f"{text!r} is no list of steps by stage", _REMEDY)
        return Budget(each={part[1]: _count(text, part[2]) for part in parts if part})
    found = _TIME.fullmatch(given)
    if not given or not found:
        raise InputError("--budget", "", f"{text!r} is neither a time nor a number of steps",
                         _REMEDY)
    seconds = sum(
        float(value) * _UNITS[unit] for value, unit in zip(found.groups(), "hms", strict=True)
        if value
    )
    if not 1.0 <= seconds <= _MOST_SECONDS:
        raise InputError("--budget", "", f"{text!r} is no time between a second and a year",
                         _REMEDY)
    return Budget(seconds=seconds)


def _count(text: str, digits: str) -> int:
    steps = int(digits) if len(digits) < 12 else _MOST_STEPS + 1
    if not 1 <= steps <= _MOST_STEPS:
        raise InputError("--budget", "", f"{text!r} asks for no possible number of steps", _REMEDY)
    return steps


@dataclass(frozen=True)
class Cadence:
    """How often something is done while a stage trains: every so many seconds, or steps."""

    seconds: float = math.inf
    steps: int = _MOST_STEPS

    def due(self, seconds: float, steps: int) -> bool:
        """Whether it is time, so long after it was last done."""
        return seconds >= self.seconds or steps >= self.steps


def parse_cadence(text: str, option: str) -> Cadence:
    """Read ``5m``, ``90s`` or ``200steps``.

    Raises:
        InputError: it is none of these.
    """
    try:
        budget = parse_budget(text)
        if budget.each is not None:
            raise InputError(option, "", "", "")
    except InputError:
        raise InputError(option, "", f"{text!r} is neither a time nor a number of steps",
                         "write 5m, 90s or 200steps") from None
    if budget.seconds is not None:
        return Cadence(seconds=budget.seconds)
    return Cadence(steps=budget.steps or 1)


@dataclass
class Pace:
    """How many steps a stage has.

    With a budget in steps that is known from the start. With one in seconds the number is
    settled late: where the decay of the rate begins. Until then the rate does not depend
    on it, and by then the speed has been measured over a good part of the stage. From there
    on it stays, so that the rate is a function of steps alone: a run goes on, or is made
    again with the number given as ``--budget``, to the same weights.

    Attributes:
        schedule: of the stage.
        seconds: for the stage; ``None`` where ``total`` is given.
        total: the number of steps, once it is settled.
    """

    schedule: Schedule
    seconds: float | None
    total: int | None = None

    def settle(self, done: int, spent: float) -> bool:
        """Settle the number if it is time to; true where it was settled now.

        Args:
            done: steps done, at least one.
            spent: seconds spent on the stage.
        """
        if self.total is not None or self.seconds is None:
            return False
        if spent < (1 - self.schedule.decay) * self.seconds:
            return False
        total = max(round(done * self.seconds / max(spent, 1e-9)), done)
        while decay_start(total, self.schedule) < done:  # steps done had no decay
            total += 1
        self.total = total
        return True

    def expect(self, done: int, spent: float) -> float:
        """Share of the stage that is done, 0..1."""
        if self.total is not None:
            return min(done / self.total, 1.0)
        return min(spent / self.seconds, 1.0) if self.seconds else 0.0


def seconds_left(recipe: Recipe, budget: Budget, index: int, spent: float) -> float | None:
    """Seconds for stage ``index`` of what is left of a budget after ``spent`` seconds.

    Stages share what is left by their shares; one whose time others have used up still gets
    a tenth of its own. ``None`` where the budget is in steps.
    """
    if budget.seconds is None:
        return None
    shares = [stage.share for stage in recipe.stages]
    own = shares[index]
    planned = budget.seconds * own / sum(shares)
    left = (budget.seconds - spent) * own / max(sum(shares[index:]), 1e-12)
    return max(left, planned / 10)


def describe_budget(budget: Budget) -> dict[str, Any]:
    """Plain values."""
    return {"text": str(budget), "seconds": budget.seconds, "steps": budget.steps,
            "each": dict(budget.each) if budget.each is not None else None}
