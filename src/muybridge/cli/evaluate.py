"""``muybridge evaluate``: a method, or frames -> scores on the benchmark Plates."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from muybridge.cli.common import Json, listed, read, show, stop_on_terminate, table

MaybeFolder = Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")]
"""An option that names a folder, or is left out."""


@dataclass
class Evaluate:
    """Measure a method, or anybody's frames, on the benchmark Plates.

    Writes scores.json, table.md, worst/ (plates of the worst items) and items/ (the scores of
    each). The same command goes on where a run was stopped. Plates are made at first use.

    Attributes:
        method: see muybridge methods; with --frames-from any name for the frames.
        protocol: names, as novel-view,novel-pose; --list says which. All by default.
        fast: on two people and few pictures.
        people: only the first N people.
        plates: folder of Plates; the user's cache by default.
        out: the output folder; evaluation/METHOD by default.
        body: exact: the method is given the true body, pose and camera of the reference;
            fitted: they are found in the reference.
        reference: front, or front+back; the least that the method takes by default.
        set: options of the method, NAME=VALUE.
        weights: folder of weights of the method, as your own training writes them.
        frames_from: measure the frames of this folder; --list says what it has to hold.
        frames_to: also write all frames, as --frames-from takes them.
        extractor: more for sets, NAME=PATH of weights, as "fid[inception-2015]=FILE".
        lpips: also score LPIPS, BACKBONE=PATH of torchvision's weights, as squeeze=FILE.
        workers: processes.
        threads: of each process.
        again: measure everything anew.
        list: only list the items: references, motion and cameras, and where frames belong.
        dry_run: only say how much there is to do and how long it will take.
        quiet: no progress.
        json_: print the result for a program.
    """

    method: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="METHOD")] = ""
    protocol: str = ""
    fast: bool = False
    people: int = 0
    plates: MaybeFolder = None
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="FOLDER")] = None
    body: Literal["exact", "fitted"] = "exact"
    reference: Literal["", "front", "front+back"] = ""
    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE")] = ()
    weights: MaybeFolder = None
    frames_from: MaybeFolder = None
    frames_to: MaybeFolder = None
    extractor: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=PATH")] = ()
    lpips: Annotated[tuple[str, ...], tyro.conf.arg(metavar="BACKBONE=PATH")] = ()
    workers: int = 2
    threads: int = 1
    again: bool = False
    list: bool = False
    dry_run: bool = False
    quiet: bool = False
    json_: Json = False


def main(argv: list[str]) -> int:
    """Run the verb; returns the exit code."""
    asked = read(Evaluate, "evaluate", argv)
    stop_on_terminate()
    from muybridge.cli.request import options
    from muybridge.errors import InputError
    from muybridge.evaluation.plates import FAST, FULL, cache_folder
    from muybridge.jobs import evaluate as job
    from muybridge.jobs.progress import listening

    plates = FAST if asked.fast else FULL
    protocols = tuple(listed(asked.protocol, "--protocol")) if asked.protocol else ()
    root = asked.plates or cache_folder(plates)
    if asked.list:
        found = job.wanted(plates, protocols, asked.people, root)
        show(found, asked.json_, _list_text(found))
        return 0
    if not asked.method:
        raise InputError("evaluate", "METHOD", "is missing", "name one of muybridge methods")
    request = job.Evaluation(
        asked.method, plates, protocols, asked.people, asked.body, asked.reference,
        options(asked.set), asked.frames_from,
        _paths(asked.extractor, "--extractor"), _paths(asked.lpips, "--lpips"), asked.weights,
    ).checked()
    if asked.dry_run:
        cost = job.forecast(request, asked.workers, root)
        show(cost, asked.json_, table([(name, f"{value:g}") for name, value in cost.items()]))
        return 0
    out = asked.out or Path("evaluation") / request.method
    with listening(asked.quiet) as listener:
        scores = job.evaluate(
            request, out, plates_folder=root, workers=asked.workers, threads=asked.threads,
            again=asked.again, save_frames=asked.frames_to, listener=listener,
        )
    if asked.json_:
        show(scores, True, "")
    else:
        _print(scores, out)
    return 0


def _paths(pairs: tuple[str, ...], of: str) -> dict[str, str]:
    """``NAME=PATH`` by name."""
    from muybridge.cli.request import options

    return {name: str(path) for name, path in options(pairs, of).items()}


def _print(scores: dict[str, Any], out: Path) -> None:
    """The table, for a terminal; elsewhere as wide as it is."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from muybridge.evaluation.summary import rows_of
    from muybridge.jobs.evaluate_report import header

    head, rows = rows_of(scores)
    grid = Table(title=Text(f"{scores['label']} on Plates {scores['plates']['name']!r}"))
    for k, name in enumerate(head):
        grid.add_column(name, justify="right" if k else "left", no_wrap=not k)
    for row in rows:
        grid.add_row(*map(Text, row))  # brackets in names are no markup
    console = Console() if sys.stdout.isatty() else Console(width=250)
    console.print(grid)
    for line in (*header(scores), str(out)):
        print(line)


def _list_text(found: dict[str, Any]) -> str:
    rows = [("item", "references", "motion and cameras", "views", "frames", "seed")]
    for item in found["items"]:
        rows.append((
            item["name"], " ".join(item["references"]), item["clip_folder"],
            _span(item["views"]), _span(item["frames"]), str(item["seed"]),
        ))
    return f"{table(rows)}\n\n{found['layout']}"


def _span(numbers: list[int]) -> str:
    if len(numbers) > 1:
        return f"{numbers[0]}-{numbers[-1]}"
    return str(numbers[0])
