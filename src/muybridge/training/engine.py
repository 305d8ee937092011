"""Follows a recipe, stage by stage; can be broken off anywhere and goes on from there."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, InitProcessGroupKwargs
from accelerate.utils import DistributedType
from safetensors.torch import save_file

from muybridge.errors import InputError, Interrupted
from muybridge.training.budget import Budget, Pace, describe_budget, seconds_left
from muybridge.training.draws import seed_of
from muybridge.training.folder import (
    DONE,
    SPENT,
    RunFolder,
    read_json,
    whole_folder,
    write_json,
)
from muybridge.training.log import Log
from muybridge.training.loop import StageLoop
from muybridge.training.recipe import Recipe, Stage, Work
from muybridge.training.session import Options, Session, Silence, Watcher
from muybridge.training.sharing import take_files, take_stages
from muybridge.training.state import module_state
from muybridge.training.stop import Stop

_SHARDED = (DistributedType.FSDP, DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM)


@dataclass(frozen=True)
class Trained:
    """Where a run lies, what ships, and its record (the contents of ``train.json``)."""

    folder: Path
    weights: Path
    record: dict[str, Any]


def train(
    recipe: Recipe,
    out: Path,
    budget: Budget,
    *,
    seed: int = 0,
    resume: bool = False,
    data: Path | None = None,
    init: Path | None = None,
    files_from: Path | None = None,
    threads: int | None = None,
    options: Options | None = None,
    watcher: Watcher | None = None,
    facts: Mapping[str, Any] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Trained:
    """Train what a recipe says, or go on where a stopped run left off.

    A run that goes on gives the same weights, to the last bit, as one that was not stopped,
    where its number of steps is the same, it computes with as many threads, processes and on
    the same kind of machine. Under ``torchrun`` or ``accelerate launch`` every process calls
    this; they share each step's batch.

    Args:
        recipe: what to do.
        out: the run's folder; see :class:`muybridge.training.folder.RunFolder`.
        budget: see :class:`muybridge.training.budget.Budget`.
        seed: everything random follows from it.
        resume: go on in ``out``.
        data, init: for the recipe; see :class:`muybridge.training.recipe.Context`.
        files_from: a run to take over the files of work stages from, and trained stages that would
            come out the same; see :mod:`muybridge.training.sharing`. Not looked at where a run
            goes on.
        threads: to compute with; as it is where ``None``.
        options: how to compute, how often to look.
        watcher: told of progress.
        facts: further plain values for the record, such as versions.
        clock: seconds from some moment, for the budget.

    Raises:
        InputError: the folder, budget, data or recipe do not fit.
        Interrupted: stopped by Ctrl-C or SIGTERM; all is kept.
        Diverged: the loss is no number any more.
    """
    options = options or Options()
    _check_inputs(recipe, data, init)
    budget.stage_steps(recipe)
    if threads is not None:
        torch.set_num_threads(threads)
    accelerator = Accelerator(
        cpu=options.on_cpu, mixed_precision="bf16" if options.precision == "bf16" else "no",
        kwargs_handlers=[InitProcessGroupKwargs(timeout=timedelta(days=7))],
    )
    if accelerator.distributed_type in _SHARDED:
        raise InputError("accelerate", "distributed_type", "a sharded model can't be kept yet",
                         "use plain data parallelism (MULTI_GPU or MULTI_CPU)")
    folder = RunFolder(out)
    with ExitStack() as stack:
        stack.callback(accelerator.end_training)
        if accelerator.is_main_process:
            stack.enter_context(folder.claim(resume))
            first = {"init": str(init or ""), "precision": options.precision}
            record = _open_record(folder, recipe, budget, seed, resume, first | dict(facts or {}))
            if files_from is not None and not resume:
                _take_over(recipe, budget, folder, files_from)
        accelerator.wait_for_everyone()
        record = folder.record()
        stop = stack.enter_context(Stop())
        stack.enter_context(_own_random_state())
        session = Session(
            accelerator, folder, seed, options, stop=stop, clock=clock, data=data, init=init,
            watch=watcher if watcher and accelerator.is_main_process else Silence(),
        )
        stack.callback(_close_log, session)
        run = _Run(recipe, budget, session, record)
        try:
            return run.go()
        except KeyboardInterrupt:
            kept = not (session.main and _clear_if_bare(folder, resume))
            raise Interrupted(
                f"stopped; what was finished is kept in {out}. The same command with --resume "
                "goes on from there" if kept else "stopped; nothing was written"
            ) from None
        except InputError:
            if session.main:
                _clear_if_bare(folder, resume)
            raise


def _close_log(session: Session) -> None:
    if session.log is not None:
        session.log.close()


def _take_over(recipe: Recipe, budget: Budget, folder: RunFolder, other: Path) -> None:
    """Take over what another run has; a run that can't is not begun."""
    try:
        take_files(recipe, folder, other)
        take_stages(recipe, budget, folder, other)
    except InputError:
        folder.clear()
        raise


def _clear_if_bare(folder: RunFolder, resume: bool) -> bool:
    """Remove a new run that has nothing to go on with, so that the same command works again."""
    if resume or not folder.is_bare():
        return False
    folder.clear()
    return True


class _Run:
    """The stages of one run; what they share."""

    def __init__(
        self, recipe: Recipe, budget: Budget, session: Session, record: dict[str, Any]
    ) -> None:
        self.recipe, self.budget, self.session = recipe, budget, session
        self.record, self.folder = record, session.folder
        self.spent = 0.0

    def go(self) -> Trained:
        """All stages, skipping what is done."""
        for index, stage in enumerate(self.recipe.stages):
            done = self.folder.done(stage.name)
            if done is None:
                done = self._train(index, stage) if isinstance(stage, Stage) else \
                    self._work(stage)
            self.spent += float(done["seconds"])
            self.record["stages"][stage.name] = done
            self.session.accelerator.wait_for_everyone()
        if self.session.main:
            self._finish()
        self.session.accelerator.wait_for_everyone()
        return Trained(self.folder.root, self.folder.weights, self.record)

    def _work(self, stage: Work) -> dict[str, Any]:
        """Make a stage's files."""
        session, name = self.session, stage.name
        context = session.context(name)
        kept = self.folder.stage(name) / SPENT
        before = float(read_json(kept)["seconds"]) if kept.is_file() else 0.0
        began = noted = session.clock()
        self._open_log(None)
        session.watch.begin(name, "goes on" if context.folder().exists() else "begins")
        session.write("begin", stage=name)
        context.folder().mkdir(parents=True, exist_ok=True)

        def tell(done: float, text: str = "") -> None:
            nonlocal noted
            session.stop.check()
            session.watch.step(name, min(max(done, 0.0), 1.0), text)
            now = session.clock()
            if session.main and now - noted >= 5.0:
                write_json(kept, {"seconds": before + now - began})
                noted = now

        torch.manual_seed(seed_of(session.seed, name, "work"))
        session.stop.check()
        stage.work(context, tell)
        session.accelerator.wait_for_everyone()
        done = {"seconds": before + session.clock() - began}
        return self._close(name, done)

    def _train(self, index: int, stage: Stage) -> dict[str, Any]:
        """Train a stage and write its result."""
        session, name = self.session, stage.name
        began = session.clock()
        torch.manual_seed(seed_of(session.seed, name, "prepare"))
        trainee = stage.prepare(session.context(name))
        steps = self.budget.stage_steps(self.recipe)
        pace = Pace(stage.schedule, seconds_left(self.recipe, self.budget, index, self.spent),
                    steps[name] if steps else None)
        loop = StageLoop(session, stage, trainee, pace)
        asked = pace.total
        found = loop.resume()
        if found is None:
            loop.charge(session.clock() - began)
        self._open_log(None if found is None else int(found.state["log_bytes"]))
        text = f"goes on at step {loop.step}" if found else "begins"
        session.watch.begin(name, text)
        session.write("resume" if found else "begin", stage=name, step=loop.step,
                      total=pace.total, seconds_left=pace.seconds)
        if found and found.state["threads"] != torch.get_num_threads():
            session.watch.warn(name, f"it was trained with {found.state['threads']} threads so "
                               "far; the last bits of the weights depend on their number")
        if found and asked not in (None, pace.total):
            session.watch.warn(name, f"it was begun with {pace.total} steps and goes on to these, "
                               f"not to {asked}: the learning rate follows from them")
        loop.run()
        done = {
            "seconds": loop.spent, "steps": loop.step, "skipped": loop.skipped,
            "scores": loop.scores, "digests": dict(trainee.digests),
            "parameters": sum(p.numel() for p in trainee.module.parameters()),
        }
        if session.main:
            with whole_folder(self.folder.stage(name)) as part:
                files = part / "files"
                files.mkdir()
                save_file(module_state(trainee.module), part / "module.safetensors")
                trainee.module.eval()
                with torch.no_grad(), loop.average.applied():
                    save_file(module_state(trainee.module), part / "averaged.safetensors")
                    trainee.export(trainee.module, files)
                done["seconds"] = loop.spent
                write_json(part / DONE, done)
        session.accelerator.wait_for_everyone()
        loop.release()
        return self._close(name, done)

    def _close(self, name: str, done: dict[str, Any]) -> dict[str, Any]:
        """A stage is done."""
        session = self.session
        if session.main:
            session.write("end", stage=name, **done)
            write_json(self.folder.stage(name) / DONE, done)
            shutil.rmtree(self.folder.checkpoints(name).root, ignore_errors=True)
            self.record["stages"][name] = done
            self.folder.write_record(self.record)
        session.watch.end(name)
        session.accelerator.wait_for_everyone()
        return self.folder.done(name) or done

    def _finish(self) -> None:
        """Put together what ships, and complete the record."""
        with whole_folder(self.folder.weights) as part:
            if self.recipe.finish is not None:
                last = self.recipe.stages[-1].name
                self.recipe.finish(self.session.context(last), part)
            else:
                name = [s.name for s in self.recipe.stages if isinstance(s, Stage)][-1]
                shutil.copytree(self.folder.stage(name) / "files", part, dirs_exist_ok=True)
        steps = {name: done["steps"] for name, done in self.record["stages"].items()
                 if "steps" in done}
        self.record |= {"finished": True, "seconds": self.spent,
                        "again": f"--budget {Budget(each=steps)} --seed {self.session.seed}"}
        self.folder.write_record(self.record)

    def _open_log(self, keep: int | None) -> None:
        """Go on with the log; once, when the first unfinished stage is known."""
        if self.session.log is None and self.session.main:
            self.session.log = Log(self.folder.log, keep)


def _check_inputs(recipe: Recipe, data: Path | None, init: Path | None) -> None:
    name = f"{recipe.name}-{recipe.size}"
    if recipe.needs_data and data is None:
        raise InputError("--data", "", f"{name} is trained on data, and none is named",
                         "name its folder")
    if data is not None and not data.is_dir():
        raise InputError(data, "", "is no folder", "name the folder of the training data")
    if init is not None and not recipe.takes_init:
        raise InputError("--init", "", f"{name} always starts from nothing", "leave it out")
    if init is not None and not init.exists():
        raise InputError(init, "", "there is no such file or folder", "check the name")


def _open_record(
    folder: RunFolder, recipe: Recipe, budget: Budget, seed: int, resume: bool,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """The record of a new run, or of the one to go on with, made sure to be of this recipe."""
    told = recipe.describe()
    if not resume:
        record = {"kind": "training", "recipe": told, "seed": seed, "finished": False,
                  "stages": {}}
    else:
        record = folder.record()
        if record.get("recipe") != told:
            raise InputError(folder.root, "recipe", "the run was begun with other settings: "
                             + _difference(record.get("recipe"), told), "begin a new run")
        if record.get("seed") != seed:
            raise InputError("--seed", "", f"is {seed}, but the run has {record.get('seed')}",
                             "leave it out, or begin a new run")
    record |= {"budget": describe_budget(budget), "torch_threads": torch.get_num_threads(),
               **facts}
    folder.write_record(record)
    return record


def _difference(before: Any, now: Any, where: str = "") -> str:
    """The first place where two plain values differ, in words."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in (*before, *now):
            if before.get(key) != now.get(key):
                return _difference(before.get(key), now.get(key), f"{where}.{key}".lstrip("."))
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, (a, b) in enumerate(zip(before, now, strict=True)):
            if a != b:
                return _difference(a, b, f"{where}[{index}]")
    return f"{where or 'all'} was {before!r} and is {now!r}"


@contextmanager
def _own_random_state() -> Iterator[None]:
    """Torch's global generators are as before afterwards."""
    with torch.random.fork_rng():
        yield
