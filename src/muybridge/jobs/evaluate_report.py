"""What an evaluation leaves behind: scores, tables, and plates of the worst cases."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from muybridge.evaluation.extractors.extractor import Extractor
from muybridge.evaluation.frechet import FrechetScore, Moments, floor_of, frechet, merged
from muybridge.evaluation.kernel import LEAST, KernelScore, kernel
from muybridge.evaluation.manifest import described, worst
from muybridge.evaluation.protocols import PROTOCOLS
from muybridge.evaluation.summary import (
    HEADLINE,
    Result,
    badness,
    markdown,
    number,
    rows_of,
    summarise,
)
from muybridge.jobs.evaluate_work import STRIP, Task, loaded_extractor, told
from muybridge.jobs.files import discard, write_json, write_text
from muybridge.jobs.versions import code, versions
from muybridge.methods.pipeline import spread
from muybridge.video import plate, read_image, write_image

if TYPE_CHECKING:
    from muybridge.jobs.evaluate import Evaluation

FORMAT = 1
WORST = 3
"""Items of a protocol that are drawn."""


def write_report(
    request: Evaluation, results: Sequence[Result], tasks: Sequence[Task], out: Path,
    workers: int, threads: int, seconds: float,
) -> dict[str, Any]:
    """Writes ``scores.json``, ``table.md`` and ``worst/``; gives what the first one says.

    Args:
        request: that was measured.
        results: of all items. ``tasks``: in the same order.
        out: the output folder.
        workers, threads: that measured.
        seconds: that this took.
    """
    by_protocol: dict[str, list[tuple[Task, Result]]] = {}
    for task, result in zip(tasks, results, strict=True):
        by_protocol.setdefault(result.protocol, []).append((task, result))
    protocols = {}
    for name, pairs in by_protocol.items():
        protocols[name] = summarise([r for _, r in pairs]) | {"sets": set_scores(
            [t for t, _ in pairs], request.extractors
        )}
    asked = request.to_dict()
    label = request.method + "".join(f" {k}={v}" for k, v in request.options.items())
    codes = sorted({r.code for r in results})
    scores: dict[str, Any] = {
        "muybridge_scores": FORMAT, "label": label, **asked,
        "plates": described(request.plates) | {
            "measured_people": request.people or request.plates.people,
            "truth": worst([r.truth for r in results]),
        },
        "protocols": protocols,
        "items": {r.item: told(r) for r in results},
        "run": {
            "date": datetime.now(UTC).date().isoformat(), "seconds": round(seconds, 1),
            "workers": workers, "threads": threads, "code": code(), "codes": codes,
            "machine": {"system": platform.platform(), "processor": _processor(),
                        "cores": os.cpu_count() or 0},
            "versions": versions(),
        },
    }
    write_json(out / "scores.json", scores)
    write_text(out / "table.md", page(scores))
    discard(out / "worst")
    for name, pairs in by_protocol.items():
        _draw_worst(out / "worst" / f"{name}.png", pairs)
    return scores


def set_scores(tasks: Sequence[Task], extractors: Mapping[str, str]) -> dict[str, Any]:
    """Distances between all that was made and all that is true, by each extractor.

    Where there are too few items for a Frechet distance, the kernel distance is given; where
    there are too few for that as well, nothing.
    """
    found: dict[str, Any] = {}
    for name, path in extractors.items():
        sides: dict[str, list[torch.Tensor]] = {"made": [], "truth": []}
        for task in tasks:
            with np.load(task.feature_file, allow_pickle=False) as kept:
                for side, parts in sides.items():
                    if f"{side}:{name}" in kept:
                        parts.append(torch.from_numpy(kept[f"{side}:{name}"]))
        if not sides["made"]:
            continue
        score = _distance(loaded_extractor(name, path), sides["made"], sides["truth"])
        if score is not None:
            found[score.label] = score.as_dict() | {
                "text": score.text, "conditions": score.conditions,
            }
    return found


def _distance(
    extractor: Extractor, made: list[torch.Tensor], truth: list[torch.Tensor]
) -> FrechetScore | KernelScore | None:
    """The distance that so many items allow."""
    count = sum(map(len, made))
    if count >= floor_of(extractor):
        return frechet(extractor, merged(map(Moments.of, made)), merged(map(Moments.of, truth)))
    return kernel(extractor, torch.cat(made), torch.cat(truth)) if count >= LEAST else None


def page(scores: Mapping[str, Any]) -> str:
    """``table.md``: what was measured, how, and the table."""
    plates, run = scores["plates"], scores["run"]
    lines = [
        f"# {scores['label']} on Plates {plates['name']!r}", "",
        *(f"- {line}" for line in header(scores)), "",
        markdown(*rows_of(scores)), "",
    ]
    for name in scores["protocols"]:
        lines.append(f"- **{name}** ({PROTOCOLS[name].paper}): {PROTOCOLS[name].about}")
    told_sets = [s["conditions"] for p in scores["protocols"].values()
                 for s in p["sets"].values()]
    lines += ["", *(f"- {text}" for text in dict.fromkeys(told_sets))]
    lines += ["", "Versions: " + ", ".join(f"{k} {v}" for k, v in run["versions"].items() if v)]
    return "\n".join(lines) + "\n"


def header(scores: Mapping[str, Any]) -> list[str]:
    """What a table can't be read without, a line each."""
    plates, run = scores["plates"], scores["run"]
    lines = [
        f"Plates {plates['name']!r}, version {plates['version']}: {plates['measured_people']} "
        f"people, {plates['size'][0]}x{plates['size'][1]} pixels, {plates['truth']}",
        f"body {scores['body']}, reference {scores['reference']}",
        f"{run['date']}, muybridge {run['versions']['muybridge']}, code {run['code']}, "
        f"{run['machine']['processor']}, {run['workers']} processes of {run['threads']} threads, "
        f"{run['seconds']:g} s",
    ]
    if run["codes"] != [run["code"]]:
        lines.append("some items were measured by other code: " + ", ".join(run["codes"]))
    return lines


def _processor() -> str:
    """Its name where the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _draw_worst(path: Path, pairs: Sequence[tuple[Task, Result]]) -> None:
    """A plate of the worst items: truth and what was made, row below row."""
    scored = [(t, r) for t, r in pairs if HEADLINE in r.scores]
    chosen = sorted(scored, key=lambda p: badness(HEADLINE, p[1].scores[HEADLINE]))[::-1][:WORST]
    rows, labels = [], []
    for task, result in chosen:
        width = task.plates.programme.size[0]
        strip = torch.from_numpy(read_image(task.strip_file)).permute(2, 0, 1).float() / 255
        for half, name in zip(strip.chunk(2, 1), ("truth", "made"), strict=True):
            rows.append(torch.stack(list(half.split(width, 2))))
            labels.append(
                f"{task.item.name.partition('/')[2]} {name}" if name == "truth"
                else f"{name}, {number(result.scores[HEADLINE])} dB"
            )
    if not rows:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    item = chosen[0][0].item
    shown = spread(item.pictures, STRIP)
    many = len(item.frames)
    columns = [f"view {item.views[k // many]}" + (f", frame {item.frames[k % many]}"
                                                  if many > 1 else "") for k in shown]
    write_image(path, plate(torch.stack(rows), labels, columns,
                            title=f"worst of {item.protocol}"))
