"""``muybridge train``: a recipe and a budget -> weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from muybridge.cli.common import (
    Json,
    MaybeFile,
    MaybeNumber,
    Out,
    read,
    show,
    stop_on_terminate,
    table,
)


@dataclass
class Train:
    """Train the networks of a method.

    Stopped by Ctrl-C, a crash or kill -9, the same command with --resume goes on to the same
    weights. Several processes share the work under torchrun or accelerate launch.

    Attributes:
        method: see muybridge methods; gas, or gas-nano.
        size: of the method.
        budget: how long: 2h, 30m, 500steps, or steps by stage as image:900,video:300.
        out: the run's folder.
        resume: go on with the run that is there; size, budget, data, init, seed, threads and
            precision are as they were where they are not given.
        data: folder of the training data, where the recipe takes one.
        seed: everything random follows from it; 0 unless given.
        threads: to compute with; all cores unless given.
        init: weights to begin with, where the recipe takes them.
        part: of the method's networks, where one can be trained beside others: assets, of
            reimagine, with --init. Given again with --resume.
        files_from: folder of a run of this method and size on the same data; what it has made of
            the data is not made again, nor are stages trained that would come out the same.
        dry_run: only say what it will take: stages, steps, parameters, memory.
        precision: fp32 (unless given), or bf16 (autocast).
        device: auto, cpu or cuda.
        compile: compile the networks.
        checkpoint_every: how often to keep the state: 5m, 200steps.
        validate_every: how often to score and to draw a plate: 10m, 200steps.
        log_every: steps between two lines of log.jsonl.
        quiet: no progress.
        json_: print the result for a program.
    """

    method: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="METHOD")]
    size: str = ""
    budget: str = ""
    out: Out = Path("run")
    resume: bool = False
    data: MaybeFile = None
    seed: MaybeNumber = None
    threads: MaybeNumber = None
    init: MaybeFile = None
    part: str = ""
    files_from: MaybeFile = None
    dry_run: bool = False
    precision: str = ""
    device: str = "auto"
    compile: bool = False
    checkpoint_every: str = "5m"
    validate_every: str = "10m"
    log_every: int = 10
    quiet: bool = False
    json_: Json = False


def main(argv: list[str]) -> int:
    """Run the verb; returns the exit code."""
    asked = read(Train, "train", argv)
    stop_on_terminate()
    from muybridge.jobs.progress import listening
    from muybridge.jobs.train import Training, first_process, outline, taken_up, train

    wanted = Training(
        asked.method, asked.size, asked.budget, asked.seed or 0, asked.data, asked.init,
        asked.files_from, asked.threads, asked.precision, asked.device, asked.compile,
        asked.checkpoint_every, asked.validate_every, asked.log_every,
        {"part": asked.part} if asked.part else {},
    )
    if asked.resume:
        wanted = taken_up(wanted, asked.out, asked.seed)
    if asked.dry_run:
        plan = outline(wanted)
        show(plan, asked.json_, _outline_text(plan))
        return 0
    with listening(asked.quiet or not first_process()) as listener:
        made = train(wanted, asked.out, resume=asked.resume, listener=listener)
    if first_process():
        show({"folder": str(made.folder), "weights": str(made.weights), **made.record},
             asked.json_, str(made.weights))
    return 0


def _outline_text(plan: dict[str, Any]) -> str:
    rows = [("stage", "share", "time", "steps", "batch", "parameters", "trained", "memory")]
    for stage in plan["stages"]:
        seconds, memory = stage["seconds"], stage["memory_bytes"]
        rows.append((
            stage["name"], f"{stage['share']:.0%}",
            "?" if seconds is None else f"{seconds / 60:.1f} min",
            *("-" if stage["kind"] == "work" else _count(stage[key])
              for key in ("steps", "batch", "parameters", "trained")),
            "-" if memory is None else f"{memory / 2**20:.0f} MiB",
        ))
    return (
        f"{plan['method']}-{plan['size']}, {plan['budget']}. Steps of a time are estimated for two "
        f"CPU cores; memory is without activations.\n{table(rows)}"
    )


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"
