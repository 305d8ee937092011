"""``muybridge ablate``: a method with parts taken away -> does the paper's order hold?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from muybridge.cli.common import Json, read, show, stop_on_terminate
from muybridge.cli.evaluate import MaybeFolder


@dataclass
class Ablate:
    """Measure a method with parts of it taken away, as its paper does.

    Some methods train every variant anew, equally long: give --data and --budget. Writes
    ablation.json, table.md, a sheet for each protocol, a folder for each variant as muybridge
    evaluate does, and trained/. The same command goes on where a run was stopped.

    Attributes:
        method: see muybridge methods.
        fast: on two people and few pictures.
        people: only the first N people.
        plates: folder of Plates; the user's cache by default.
        out: the output folder; ablation/METHOD by default.
        body: exact, or fitted to the reference.
        data: folder of people, where variants are trained anew.
        budget: of each training: 500steps, steps by stage as image:900,video:300, or 30m, by what
            steps are known to take, whatever this machine needs for them.
        precision: of the training: fp32 (unless given), or bf16 (autocast).
        workers: processes.
        threads: of each process.
        again: measure everything anew.
        quiet: no progress.
        json_: print the result for a program.
    """

    method: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="METHOD")]
    fast: bool = False
    people: int = 0
    plates: MaybeFolder = None
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="FOLDER")] = None
    body: Literal["exact", "fitted"] = "exact"
    data: MaybeFolder = None
    budget: str = ""
    precision: str = ""
    workers: int = 2
    threads: int = 1
    again: bool = False
    quiet: bool = False
    json_: Json = False


def main(argv: list[str]) -> int:
    """Run the verb; returns the exit code."""
    asked = read(Ablate, "ablate", argv)
    stop_on_terminate()
    from muybridge.evaluation.plates import FAST, FULL
    from muybridge.jobs.ablate import AblationRequest, ablate
    from muybridge.jobs.ablate_training import Practice
    from muybridge.jobs.progress import listening

    request = AblationRequest(
        asked.method, FAST if asked.fast else FULL, asked.people, asked.body,
        Practice(asked.data, asked.budget, 0, asked.precision, asked.workers * asked.threads),
    )
    out = asked.out or Path("ablation") / asked.method
    with listening(asked.quiet) as listener:
        told = ablate(
            request, out, plates_folder=asked.plates, workers=asked.workers,
            threads=asked.threads, again=asked.again, listener=listener,
        )
    show(told, asked.json_, (out / "table.md").read_text(encoding="utf-8"))
    return 0
