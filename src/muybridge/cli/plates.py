"""``muybridge plates``: make the benchmark's people, and compare them with their checksums."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from muybridge.cli.common import Json, read, show, stop_on_terminate, table


@dataclass
class MakePlates:
    """Make Plates, the people that methods are measured on.

    The same command goes on where a run was stopped. At the end every clip is compared with the
    checksums that muybridge ships. muybridge evaluate does this by itself at first use.

    Attributes:
        out: the folder; the user's cache by default.
        fast: two people and few pictures.
        workers: processes, one thread each.
        dry_run: only say how long it will take and how large it will be.
        quiet: no progress.
        json_: print the result for a program.
    """

    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="FOLDER")] = None
    fast: bool = False
    workers: int = 2
    dry_run: bool = False
    quiet: bool = False
    json_: Json = False


def main(argv: list[str]) -> int:
    """Run the verb; returns the exit code."""
    asked = read(MakePlates, "plates", argv)
    stop_on_terminate()
    from muybridge.evaluation.plates import FAST, FULL, cache_folder
    from muybridge.jobs import plates as job
    from muybridge.jobs.progress import listening

    plates = FAST if asked.fast else FULL
    if asked.dry_run:
        cost = job.forecast(plates, asked.workers)
        show(cost, asked.json_, table([(name, f"{value:g}") for name, value in cost.items()]))
        return 0
    out = asked.out or cache_folder(plates)
    with listening(asked.quiet) as listener:
        job.make_plates(plates, out, workers=asked.workers, listener=listener)
    truth = job.verdict(plates, out)
    show({"folder": str(out), "people": plates.people, "pictures": plates.pictures,
          "truth": truth}, asked.json_,
         f"{out}: {plates.people} people, {plates.pictures} pictures, {truth}")
    return 0
