"""Train a size of a method, go on with a run, or say what a training will take."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from muybridge import methods
from muybridge.errors import InputError, Interrupted
from muybridge.jobs.progress import Listener, Progress
from muybridge.jobs.threads import threads as use_threads
from muybridge.jobs.versions import versions
from muybridge.training import (
    Options,
    Recipe,
    Trained,
    forecast,
    parse_budget,
    parse_cadence,
)
from muybridge.training import train as follow
from muybridge.training.folder import RunFolder

_PACKAGES = ("accelerate", "diffusers", "transformers", "safetensors", "torchmetrics")


@dataclass(frozen=True)
class Training:
    """What is asked for.

    Attributes:
        method: ``gas`` or ``gas-nano``.
        size: of the method; the one named with it, or its first, where empty.
        budget: ``2h``, ``30m``, ``500steps``, ``image:900,video:300``.
        seed: everything random follows from it.
        data: folder of the training data, for recipes that take one.
        init: weights to begin with, for recipes that take them.
        files_from: a run on the same data, to take over what it has made of it and stages that
            would come out the same.
        threads: to compute with; as it is where ``None``.
        precision: ``fp32`` or ``bf16``; fp32 where empty.
        device, compile: see :class:`muybridge.training.Options`.
        checkpoint_every, validate_every: ``5m``, ``200steps``.
        log_every: steps between two lines of the log.
        changes: further arguments of the recipe, as ablations have them.
    """

    method: str
    size: str = ""
    budget: str = ""
    seed: int = 0
    data: str | None = None
    init: str | None = None
    files_from: str | None = None
    threads: int | None = None
    precision: str = ""
    device: str = "auto"
    compile: bool = False
    checkpoint_every: str = "5m"
    validate_every: str = "10m"
    log_every: int = 10
    changes: Mapping[str, Any] = field(default_factory=dict)

    def recipe(self) -> Recipe:
        """The recipe of the method's size.

        Raises:
            InputError: there is no such method or size, or it has nothing to train.
        """
        spec, size = methods.spec(self.method)
        if self.size and "-" in self.method and self.size != size:
            raise InputError("--size", "", f"is {self.size!r}, and the method is {self.method!r}",
                             "name the size once")
        made = spec.make_recipe(self.size or size, **self.changes)
        if not isinstance(made, Recipe):
            raise InputError(f"method {spec.name}", "recipe", f"{spec.recipe} gives no Recipe",
                             "correct the package that has this method")
        return made

    def options(self) -> Options:
        """How to compute and how often to look."""
        return Options(
            precision=self.precision or "fp32", compile=self.compile, device=self.device,
            checkpoint=parse_cadence(self.checkpoint_every, "--checkpoint-every"),
            validate=parse_cadence(self.validate_every, "--validate-every"),
            log_every=self.log_every,
        )

    def plain(self) -> dict[str, Any]:
        """What a run is gone on with where it is not said again."""
        return {"size": self.recipe().size, "budget": self.budget, "data": self.data,
                "init": self.init, "precision": self.precision}


def train(
    asked: Training, out: Path, *, resume: bool = False, listener: Listener | None = None
) -> Trained:
    """Train into a folder, or go on with the run that is there.

    Args:
        asked: what to train; see :func:`taken_up` for a run that goes on.
        out: the folder.
        resume: go on.
        listener: told of progress, notes and warnings.

    Raises:
        InputError: something that was given can't be used.
        Interrupted: stopped; the text says how to go on.
        Diverged: the loss is no number any more.
    """
    try:
        recipe, options = asked.recipe(), asked.options()
        if not asked.budget:
            raise InputError("--budget", "", "is not given", "say how long to train, as 2h or 30m")
        budget = parse_budget(asked.budget)
        data, init, shared = (
            Path(p).absolute() if p else None for p in (asked.data, asked.init, asked.files_from)
        )
        weights = {f.name: f.share for f in forecast(recipe, budget)}
        watcher = _Relay(Progress(weights, listener), list(weights))
        with use_threads(asked.threads):
            return follow(
                recipe, out, budget, seed=asked.seed, resume=resume, data=data, init=init,
                files_from=shared, options=options, watcher=watcher, facts=_facts(asked),
            )
    except KeyboardInterrupt:
        raise Interrupted("stopped; nothing was written") from None


def taken_up(asked: Training, out: Path, seed: int | None) -> Training:
    """A request to go on, with what the run's own record says wherever it says nothing.

    Args:
        asked: the request; all but the method may be empty.
        out: the run's folder.
        seed: as given, if it was.

    Raises:
        InputError: there is no run in the folder, or its record can't be read.
    """
    record = RunFolder(out).record()
    before = record.get("request")
    before = before if isinstance(before, dict) else {}
    threads = record.get("torch_threads")
    kept: dict[str, Any] = {
        name: getattr(asked, name) or before.get(name)
        for name in ("budget", "size", "data", "init", "precision")
        if isinstance(before.get(name), str) and not (name == "size" and "-" in asked.method)
    }
    return replace(
        asked, **kept,
        seed=int(record.get("seed", 0)) if seed is None else seed,
        threads=asked.threads or (threads if isinstance(threads, int) else None),
    )


def outline(asked: Training) -> dict[str, Any]:
    """What a training will take, as plain values; nothing is made or trained.

    Raises:
        InputError: something that was given can't be used.
    """
    recipe = asked.recipe()
    asked.options()
    if not asked.budget:
        raise InputError("--budget", "", "is not given", "say how long to train, as 2h or 30m")
    budget = parse_budget(asked.budget)
    stages = [stage.to_dict() for stage in forecast(recipe, budget)]
    return {"method": recipe.name, "size": recipe.size, "budget": str(budget), "stages": stages}


def first_process() -> bool:
    """Whether this process tells people what happens: the only one, or the first of many."""
    return os.environ.get("RANK", "0") == "0"


class _Relay:
    """Passes what the engine says on to a job's progress."""

    def __init__(self, progress: Progress, stages: list[str]) -> None:
        self._progress, self._waiting = progress, stages
        self._open: AbstractContextManager[Any] | None = None
        self._step: Any = None

    def begin(self, stage: str, text: str) -> None:
        """Enter a stage; those before it were done by an earlier call."""
        while self._waiting and self._waiting[0] != stage:
            with self._progress.stage(self._waiting.pop(0), "was done before"):
                pass
        self._waiting = self._waiting[1:]
        self._open = self._progress.stage(stage, text)
        self._step = self._open.__enter__()

    def step(self, stage: str, done: float, text: str) -> None:
        """So much of it is done."""
        self._step(done, text)

    def end(self, stage: str) -> None:
        """Leave the stage."""
        if self._open is not None:
            self._open.__exit__(None, None, None)
            self._open = None

    def note(self, stage: str, text: str) -> None:
        """All is well."""
        self._progress.note(stage, text)

    def warn(self, stage: str, text: str) -> None:
        """Something is amiss."""
        self._progress.warn(stage, text)


def _facts(asked: Training) -> dict[str, Any]:
    """For the record: the request, versions and the machine."""
    found = dict(versions())
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = ""
    return {
        "request": asked.plain(),
        "versions": found,
        "machine": {"system": platform.platform(), "processor": platform.machine(),
                    "cores": os.cpu_count() or 0},
    }
