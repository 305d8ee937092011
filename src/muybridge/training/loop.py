"""One training stage: steps, and what happens between them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from accelerate.utils import send_to_device
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from muybridge.errors import InputError, Interrupted
from muybridge.training.budget import Pace
from muybridge.training.checkpoint import Checkpoint, load_checkpoint
from muybridge.training.draws import Draws, seed_of
from muybridge.training.ema import Averaged
from muybridge.training.prefetch import Prefetch
from muybridge.training.recipe import Batch, Stage, Trainee, Validation
from muybridge.training.schedule import rate
from muybridge.training.session import Diverged, Session
from muybridge.training.state import (
    load_module_state,
    load_optimizer_state,
    module_state,
    on_cpu,
    optimizer_state,
)
from muybridge.video import write_image

PATIENCE = 20
"""So many steps in a row may give no finite gradient before the run is stopped."""


class _Objective(nn.Module):
    """The module under its loss: what accelerate wraps, so that a loss may call any part."""

    def __init__(self, module: nn.Module, loss: Any) -> None:
        super().__init__()
        self.module = module
        self._loss = loss

    def forward(self, batch: Batch, draws: Draws) -> tuple[Tensor, dict[str, Tensor]]:
        loss, scalars = self._loss(self.module, batch, draws)
        return loss, {k: torch.as_tensor(v).detach() for k, v in scalars.items()}


class StageLoop:
    """Trains one stage, from its start or from a checkpoint.

    Args:
        session: of the run.
        stage: its settings.
        trainee: its live things.
        pace: how many steps.

    Attributes:
        step: steps done.
        spent: seconds spent on the stage.
        scores: of the last validation.
    """

    def __init__(self, session: Session, stage: Stage, trainee: Trainee, pace: Pace) -> None:
        self.session, self.stage, self.trainee, self.pace = session, stage, trainee, pace
        self.module = trainee.module
        self.step = 0
        self.skipped = 0
        self.scores: dict[str, float] = {}
        self._bad_in_row = 0
        self._validated = -1
        self._sums: dict[str, float] = {}
        self._before, self._began = 0.0, session.clock()
        self._parts = _own_parts(stage, session)
        if session.options.compile:
            self.module.compile()
        self._objective, self._optimizer = session.accelerator.prepare(
            _Objective(self.module, trainee.loss), stage.optimizer.over(self.module)
        )
        self._names = {n: p for n, p in self.module.named_parameters() if p.requires_grad}
        self.average = Averaged(self.module, stage.ema)
        self._checkpoints = session.folder.checkpoints(stage.name)

    @property
    def spent(self) -> float:
        """Seconds spent on the stage so far."""
        return self._before + self.session.clock() - self._began

    def charge(self, seconds: float) -> None:
        """Count seconds that were spent on the stage before it was here."""
        self._before += seconds

    def release(self) -> None:
        """Let go of what was prepared, so that the next stage has its memory."""
        self.session.accelerator.free_memory()

    def resume(self) -> Checkpoint | None:
        """Take up the newest checkpoint, if there is one; every process calls it.

        Raises:
            InputError: all are damaged, or it is of something else.
        """
        session, name = self.session, self.stage.name
        found = None
        if session.main:
            found = self._checkpoints.newest(lambda text: session.watch.warn(name, text))
        step = session.from_main(-1 if found is None else int(found.state["step"]))
        if step < 0:
            return None
        found = found or load_checkpoint(self._checkpoints.folder(step))
        state = found.state
        if state["digests"] != dict(self.trainee.digests):
            raise InputError("--data", "", "is not what this run was trained on so far",
                             "give the same data, or begin a new run")
        try:
            load_module_state(self.module, found.tensors["module"])
            self.average.load(found.tensors["averaged"])
            inner = self._optimizer.optimizer
            load_optimizer_state(inner, self._names, found.tensors["optimizer"])
        except (ValueError, KeyError) as error:
            raise InputError(found.folder, "", f"is of another model ({error})",
                             "begin a new run") from None
        self.step, self.skipped = step, int(state["skipped"])
        self._bad_in_row, self._sums = int(state["bad_in_row"]), dict(state["sums"])
        self._before, self._began = float(state["spent"]), session.clock()
        if state["total"] is not None:
            self.pace.total = state["total"]
        elif self.pace.total is not None:  # begun with a budget of time, gone on with one of steps
            self.pace.total = max(self.pace.total, state["step"])
        self.scores, self._validated = dict(state["scores"]), int(state["validated"])
        return found

    def run(self) -> None:
        """All steps that are left, and a checkpoint and validation at the end.

        Raises:
            Interrupted: stopped; everything so far is kept.
            Diverged: the loss is no number any more.
        """
        saved = seen = (self.spent, self.step)
        with Prefetch(self.trainee.sampler, self._parts, self.step, self.stage.workers) as batches:
            while self.pace.total is None or self.step < self.pace.total:
                save, look, stop = self._agree(self._train_step(batches), saved, seen)
                if save or stop:
                    self.save()
                    saved = (self.spent, self.step)
                if stop:
                    raise Interrupted(
                        f"stopped after step {self.step} of stage {self.stage.name}; it is kept "
                        f"in {self.session.folder.root}. The same command with --resume goes on "
                        "from there"
                    )
                if look:
                    self._validate()
                    seen = (self.spent, self.step)
        if self.step != saved[1]:
            self.save()
        if self.step != self._validated:
            self._validate()

    def _train_step(self, batches: Prefetch) -> dict[str, float]:
        """One step; the means over the items of this process."""
        accelerator = self.session.accelerator
        values: dict[str, float] = {}
        self.module.train()
        for number, part in enumerate(self._parts):
            batch = send_to_device(batches.get(), accelerator.device)
            draws = Draws(self.session.seed, self.stage.name, self.step, part, accelerator.device)
            # what a module draws by itself (dropout) follows from the step too
            torch.manual_seed(seed_of(self.session.seed, self.stage.name, self.step, part[0]))
            last = number == len(self._parts) - 1
            weight = len(part) / sum(map(len, self._parts))
            with (nullcontext() if last else accelerator.no_sync(self._objective),
                  self._attention()):
                loss, scalars = self._objective(batch, draws)
                accelerator.backward(loss * weight)
            for name, value in {"loss": loss.detach(), **scalars}.items():
                values[name] = values.get(name, 0.0) + weight * float(value)
        if self.step == 0:
            self._refuse_idle()
        clip = self.stage.optimizer.clip or math.inf
        norm = float(accelerator.clip_grad_norm_(list(self._names.values()), clip))
        bad = not (math.isfinite(norm) and math.isfinite(values["loss"]))
        if not any(self.session.total([float(bad)])):
            lr = rate(self.step, self.pace.total, self.stage.optimizer.lr, self.stage.schedule)
            for group in self._optimizer.param_groups:
                group["lr"] = lr * group["share"]
            self._optimizer.step()
            self.average.update(self.step)
            values |= {"lr": lr, "norm": norm}
            self._bad_in_row = 0
        else:
            self._bad_in_row += 1
            self.skipped += 1
        self._optimizer.zero_grad()
        self.step += 1
        return values

    def _attention(self) -> AbstractContextManager[Any]:
        """On a processor a compiler does better on attention that it sees the inside of: a step
        of 3DiMo's pictures took .77 s so, 1.5 s with the fused one, 1.76 s not compiled."""
        plain = self.session.options.compile and self.session.accelerator.device.type == "cpu"
        return sdpa_kernel(SDPBackend.MATH) if plain else nullcontext()

    def _refuse_idle(self) -> None:
        """A parameter that gets no gradient would wait in vain for other processes."""
        idle = [name for name, p in self._names.items() if p.grad is None]
        if idle:
            raise ValueError(
                f"stage {self.stage.name}: {len(idle)} parameters are trained but take no part, "
                f"such as {idle[0]}; set their requires_grad to false in prepare"
            )

    def _agree(
        self, values: dict[str, float], saved: tuple[float, int], seen: tuple[float, int]
    ) -> tuple[bool, bool, bool]:
        """After a step: log it, settle the pace; whether to save, to validate, to stop."""
        session, options, spent = self.session, self.session.options, self.spent
        mine = [float(session.stop.asked), 0.0, 0.0, 0.0]
        if session.main:
            if self.pace.settle(self.step, spent):
                mine[1] = float(self.pace.total or 0)
            mine[2] = float(options.checkpoint.due(spent - saved[0], self.step - saved[1]))
            mine[3] = float(options.validate.due(spent - seen[0], self.step - seen[1]))
        names = sorted(values)
        means = [values[name] / session.processes for name in names]
        told = session.total([*mine, *means])
        stop, settled, save, look = told[:4]
        if settled:
            self.pace.total = int(settled)
            session.write("settled", stage=self.stage.name, step=self.step,
                          total=self.pace.total, seconds=spent)
        self._log(dict(zip(names, told[4:], strict=True)), spent)
        if self._bad_in_row >= PATIENCE:
            raise Diverged(self._diverged_text())
        done = self.pace.expect(self.step, spent)
        of = f" of {self.pace.total}" if self.pace.total else ""
        try:
            session.watch.step(self.stage.name, done,
                               f"step {self.step}{of}, loss {told[4 + names.index('loss')]:.4g}")
        except KeyboardInterrupt:
            session.stop.asked = True
        return bool(save), bool(look), bool(stop)

    def _log(self, values: dict[str, float], spent: float) -> None:
        """Gather the means of some steps into a line."""
        if "norm" not in values:
            self.session.write("skipped", stage=self.stage.name, step=self.step,
                               loss=values["loss"], in_row=self._bad_in_row)
            if self._bad_in_row == 1:
                self.session.watch.warn(self.stage.name, f"step {self.step} gave no finite loss "
                                        "or gradient and is left out")
            return
        for name, value in {**values, "steps": 1.0}.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        if self.step % self.session.options.log_every == 0 or self.step == self.pace.total:
            steps = self._sums.pop("steps")
            means: Mapping[str, Any] = {k: v / steps for k, v in self._sums.items()}
            self.session.write("step", stage=self.stage.name, step=self.step,
                               **{**means, "lr": values["lr"], "seconds": spent})
            self._sums = {}

    def save(self) -> None:
        """Write a checkpoint."""
        session = self.session
        if not session.main:
            return
        spent = self.spent
        session.write("checkpoint", stage=self.stage.name, step=self.step, seconds=spent)
        inner = self._optimizer.optimizer
        state = {
            "stage": self.stage.name, "step": self.step, "total": self.pace.total,
            "spent": spent, "skipped": self.skipped, "bad_in_row": self._bad_in_row,
            "sums": self._sums, "scores": self.scores,
            "validated": self._validated, "digests": dict(self.trainee.digests),
            "log_bytes": session.log.length if session.log else 0,
            "threads": torch.get_num_threads(), "processes": session.processes,
        }
        self._checkpoints.save(self.step, state, {
            "module": module_state(self.module),
            "averaged": {name: on_cpu(value) for name, value in self.average.values.items()},
            "optimizer": optimizer_state(inner, self._names),
        })

    def _validate(self) -> None:
        """Scores and a plate of the averaged weights, by the first process."""
        session = self.session
        if self.trainee.validate is None or not session.main:
            return
        self.module.eval()
        with torch.no_grad(), self.average.applied():
            found: Validation = self.trainee.validate(self.module, self.step)
        self._validated = self.step
        self.scores = {name: float(value) for name, value in found.scores.items()}
        session.write("validation", stage=self.stage.name, step=self.step, scores=self.scores,
                      seconds=self.spent)
        text = ", ".join(f"{name} {value:.4g}" for name, value in self.scores.items())
        session.watch.note(self.stage.name, f"step {self.step}: {text or 'validated'}")
        if found.plate is not None:
            write_image(session.folder.plate(self.stage.name, self.step), found.plate)

    def _diverged_text(self) -> str:
        steps = self._checkpoints.steps()
        kept = f"the last weights that were kept are of step {steps[-1]}" if steps else \
            "no weights were kept"
        return (
            f"stage {self.stage.name}: {PATIENCE} steps in a row up to step {self.step} gave no "
            f"finite loss or gradient; {kept}. Lower the recipe's learning rate, or compute in fp32"
        )


def _own_parts(stage: Stage, session: Session) -> list[range]:
    """Items of the global batch that this process takes, in the parts it takes them in.

    Raises:
        InputError: the batch can't be divided by the number of processes.
    """
    processes, batch = session.processes, stage.batch
    if batch % processes:
        raise InputError(
            f"stage {stage.name}", "batch", f"{batch} items can't be divided by {processes} "
            "processes", "use a number of processes that divides it",
        )
    count = batch // processes
    first = int(session.accelerator.process_index) * count
    size = stage.micro or count
    return [range(a, min(a + size, first + count)) for a in range(first, first + count, size)]
