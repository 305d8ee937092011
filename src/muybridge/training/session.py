"""What the stages of a run share: processes, folder, log, listener, clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from accelerate import Accelerator

from muybridge.errors import InputError, MuybridgeError
from muybridge.training.budget import Cadence
from muybridge.training.folder import RunFolder
from muybridge.training.log import Log
from muybridge.training.recipe import Context
from muybridge.training.stop import Stop

PRECISIONS = ("fp32", "bf16")
DEVICES = ("auto", "cpu", "cuda")


class Diverged(MuybridgeError):
    """The loss is no number any more; the text says what was kept and what to change."""


@runtime_checkable
class Watcher(Protocol):
    """Is told how far a run has come; may raise ``KeyboardInterrupt`` to stop it."""

    def begin(self, stage: str, text: str) -> None:
        """A stage begins, or goes on."""

    def step(self, stage: str, done: float, text: str) -> None:
        """So much of the stage is done, 0..1."""

    def end(self, stage: str) -> None:
        """A stage is done."""

    def note(self, stage: str, text: str) -> None:
        """Something is as it should be, and worth knowing."""

    def warn(self, stage: str, text: str) -> None:
        """Something is not as it should be."""


class Silence:
    """A :class:`Watcher` that keeps quiet."""

    def begin(self, stage: str, text: str) -> None:
        """See :class:`Watcher`."""

    def step(self, stage: str, done: float, text: str) -> None:
        """See :class:`Watcher`."""

    def end(self, stage: str) -> None:
        """See :class:`Watcher`."""

    def note(self, stage: str, text: str) -> None:
        """See :class:`Watcher`."""

    def warn(self, stage: str, text: str) -> None:
        """See :class:`Watcher`."""


@dataclass(frozen=True)
class Options:
    """How to compute and how often to look; none of it belongs to the recipe.

    Attributes:
        precision: ``fp32``, or ``bf16`` for autocast.
        compile: compile the module's forward.
        device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.
        checkpoint, validate: how often; both also happen at the end of a stage.
        log_every: steps between two lines of the log.
    """

    precision: str = "fp32"
    compile: bool = False
    device: str = "auto"
    checkpoint: Cadence = Cadence(seconds=300.0)
    validate: Cadence = Cadence(seconds=600.0)
    log_every: int = 10

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise InputError("--precision", "", f"there is no {self.precision!r}",
                             "use " + " or ".join(PRECISIONS))
        if self.device not in DEVICES:
            raise InputError("--device", "", f"there is no {self.device!r}",
                             "use one of " + ", ".join(DEVICES))
        if self.device == "cuda" and not torch.cuda.is_available():
            raise InputError("--device", "", "no GPU is seen", "use cpu")
        if self.log_every < 1:
            raise InputError("--log-every", "", f"is {self.log_every}", "give 1 or more")

    @property
    def on_cpu(self) -> bool:
        """Whether the CPU computes."""
        return self.device == "cpu" or (self.device == "auto" and not torch.cuda.is_available())


@dataclass
class Session:
    """See the module.

    Attributes:
        accelerator: of accelerate.
        folder: of the run.
        seed: of the run.
        options: see :class:`Options`.
        watch: the listener; silent in all processes but the first.
        stop: a wish to stop.
        log: written by the first process only.
        clock: seconds from some moment.
        data, init: see :class:`muybridge.training.recipe.Context`.
    """

    accelerator: Accelerator
    folder: RunFolder
    seed: int
    options: Options
    watch: Watcher
    stop: Stop
    log: Log | None = None
    clock: Callable[[], float] = time.monotonic
    data: Path | None = None
    init: Path | None = None

    @property
    def main(self) -> bool:
        """Whether this is the first process."""
        return bool(self.accelerator.is_main_process)

    @property
    def processes(self) -> int:
        """How many there are."""
        return int(self.accelerator.num_processes)

    def context(self, stage: str) -> Context:
        """What a stage is told."""
        return Context(
            out=self.folder.root, stage=stage, seed=self.seed, device=self.accelerator.device,
            data=self.data, init=self.init, rank=int(self.accelerator.process_index),
            processes=self.processes,
        )

    def write(self, event: str, **fields: Any) -> None:
        """Add a line to the log."""
        if self.log is not None:
            self.log.write(event, **fields)

    def total(self, values: list[float]) -> list[float]:
        """The sum of each value over all processes."""
        if self.processes == 1:
            return values
        tensor = torch.tensor(values, dtype=torch.float64, device=self.accelerator.device)
        return [float(v) for v in self.accelerator.reduce(tensor, "sum")]

    def from_main(self, value: int) -> int:
        """The first process' value."""
        return int(self.total([float(value) if self.main else 0.0])[0])

