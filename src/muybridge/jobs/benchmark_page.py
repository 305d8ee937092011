"""The page of the benchmark: our table of all methods, beside what the papers report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from muybridge.errors import InputError
from muybridge.evaluation.protocols import PROTOCOLS
from muybridge.evaluation.published import PUBLISHED, Published
from muybridge.evaluation.summary import comparison, markdown
from muybridge.jobs.evaluate_report import FORMAT, header
from muybridge.jobs.files import read_json

SHOWN = (
    "psnr", "ssim", "psnr/frame", "ssim/frame", "iou", "boundary", "joint_shift", "flicker_ratio",
    "view_ratio", "identity[hog]", "fd[nano]", "kd[nano]",
)
"""Scores in the page's tables; all others stand in the methods' own."""
_REAL = (
    "## Real people", "",
    "Of real people only their photos are true: `python benchmarks/real_people.py PERSON ...` "
    "shows each method to the photos' own cameras; `benchmarks/results/real_people.md` has three "
    "studio pairs. The front is the reference there, so a copy of it wins; the avatar has seen "
    "the back.",
)
_SETTINGS = ("plates", "body", "metrics")
"""What has to be equal where methods stand in one table."""


def read_scores(path: Path) -> dict[str, Any]:
    """A ``scores.json``.

    Raises:
        InputError: it can't be read, or is something else.
    """
    told = read_json(path)
    if told.get("muybridge_scores") != FORMAT:
        raise InputError(path, "muybridge_scores", f"is {told.get('muybridge_scores')!r}",
                         "give a scores.json of muybridge evaluate")
    return told


def benchmark_page(
    several: Sequence[Mapping[str, Any]], ablations: Mapping[str, str], *, date: str, commit: str,
    commands: Sequence[str],
) -> str:
    """``docs/benchmark.md``.

    Args:
        several: what the ``scores.json`` of methods say, in the order of the tables' rows.
        ablations: ``table.md`` of ablations, by the method's name.
        date: of the page, as in 2026-01-31.
        commit: that everything was measured with.
        commands: that made it.

    Raises:
        InputError: there are no scores, or they can't stand in one table.
    """
    if not several:
        raise InputError("benchmark", "", "no scores were given", "give scores.json files")
    first = several[0]
    for told in several[1:]:
        for name in _SETTINGS:
            if _setting(told, name) != _setting(first, name):
                raise InputError(
                    str(told["label"]), name, f"differs from that of {first['label']}",
                    "measure both in the same way",
                )
    lines = [
        "# Benchmark", "",
        "Made by a command, not by hand. Everybody in it is from the test split: no network has "
        "seen these people, garments, lights or motions. What is measured, and how: "
        "[Measuring](guide/evaluate.md).", "",
        f"{date}, commit {commit}.", "",
        "```sh", *commands, "```", "",
        *(f"- {line}" for line in header(first)), "",
        "Pictures of small methods (`nano`) are enlarged from 96x128 pixels around the person.", "",
    ]
    for name, protocol in PROTOCOLS.items():
        if not any(name in told["protocols"] for told in several):
            continue
        lines += [
            f"## {name}", "", f"{protocol.about[0].upper()}{protocol.about[1:]} (after "
            f"{protocol.paper}).", "", markdown(*comparison(several, name, SHOWN)), "",
        ]
        for table in PUBLISHED:
            if table.protocol == name:
                lines += _published(table)
    for method, text in ablations.items():
        lines += [f"## Ablation of {method}", "", text.replace("\n## ", "\n### ").strip(), ""]
    return "\n".join([*lines, *_REAL, ""])


def _setting(told: Mapping[str, Any], name: str) -> Any:
    """A setting, without what may differ."""
    value = told[name]
    if name == "plates":
        return {k: v for k, v in value.items() if k != "truth"}
    return value


def _published(table: Published) -> list[str]:
    rows = [[name, *(f"{value:g}" for value in values)] for name, values in table.rows]
    return [
        f"For comparison of orders only, **other data**: {table.paper}, {table.table} "
        f"({table.data}).", "", markdown(["", *table.metrics], rows), "",
    ]
