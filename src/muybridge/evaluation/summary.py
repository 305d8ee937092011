"""What the scores of many items say together, and the tables that show it.

Scores of a method are plain values (``scores.json``), so that pages can be made of several
methods' without measuring anything again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muybridge.evaluation.manifest import UNKNOWN, Truth
from muybridge.evaluation.metric import Better
from muybridge.evaluation.metrics import metric_of

ARROWS: dict[Better, str] = {"higher": "↑", "lower": "↓", "one": "→1"}
"""Which way is better, in tables."""
HEADLINE = "psnr"
"""The score that worst cases are chosen by."""
_COUNTS = "/pairs"
"""End of the names of scores that only count what others were taken from."""
_EXTRAS = ("seconds", "times avatar")


@dataclass(frozen=True)
class Result:
    """One item, measured.

    Attributes:
        item: name of the item.
        protocol: that it is of.
        pictures: how many were made.
        scores: by name.
        seconds: that the method took.
        person_seconds: that its person took; 0 where they were at hand.
        yardstick: seconds that the avatar takes for one picture here; 0 where not measured.
        truth: how the true pictures compare to the benchmark's checksums.
        digest: of everything that the scores depend on.
        code: of the program that measured.
    """

    item: str
    protocol: str
    pictures: int
    scores: Mapping[str, float]
    seconds: float = 0.0
    person_seconds: float = 0.0
    yardstick: float = 0.0
    truth: Truth = UNKNOWN
    digest: str = ""
    code: str = ""

    @property
    def picture_seconds(self) -> float:
        """Of the method, for one picture."""
        return self.seconds / max(self.pictures, 1)


def summarise(results: Sequence[Result]) -> dict[str, Any]:
    """Means, spreads and worst items of a protocol's scores, and times.

    Returns:
        ``items``, ``pictures``, ``scores`` (by name: ``mean``, ``std``, ``n``, ``worst`` with
        ``item`` and ``value``), ``seconds`` (of a picture, the median) and ``cost`` (times the
        avatar's).
    """
    names = list(dict.fromkeys(name for r in results for name in r.scores))
    return {
        "items": len(results), "pictures": sum(r.pictures for r in results),
        "scores": {name: _spread(name, results) for name in names},
        "seconds": _median([r.picture_seconds for r in results]),
        "cost": _median([r.picture_seconds / r.yardstick for r in results if r.yardstick]),
    }


def _spread(name: str, results: Sequence[Result]) -> dict[str, Any]:
    found = [(r.item, r.scores[name]) for r in results if name in r.scores]
    values = [value for _, value in found]
    mean = math.fsum(values) / len(values)
    variance = math.fsum((v - mean) ** 2 for v in values) / max(len(values) - 1, 1)
    item, value = max(found, key=lambda pair: badness(name, pair[1]))
    return {"mean": mean, "std": math.sqrt(variance), "n": len(values),
            "worst": {"item": item, "value": value}}


def badness(score: str, value: float) -> float:
    """A number that is larger for worse values of a score."""
    metric = metric_of(score)
    better = "lower" if metric is None else metric.better
    if better == "one":
        return abs(math.log(max(value, 1e-9)))
    return -value if better == "higher" else value


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0.0


def heading(score: str) -> str:
    """A score's name with its unit and which way is better."""
    metric = metric_of(score)
    if metric is None:
        return f"{score} ↓"
    unit = f", {metric.unit}" if metric.unit else ""
    return f"{score}{unit} {ARROWS[metric.better]}"


def number(value: float, digits: int = 4) -> str:
    """A value with as many digits as are worth reading."""
    if value == 0 or not math.isfinite(value) or abs(value) >= 1e4:
        return f"{value:.{digits}g}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(places, 5)}f}"


def rows_of(scores: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """One method's table: a row for each score, a column for each protocol.

    Args:
        scores: of ``scores.json``.

    Returns:
        The head, and the rows; cells are the mean over items ± their standard deviation.
    """
    protocols: Mapping[str, Any] = scores["protocols"]
    found = dict.fromkeys(n for p in protocols.values() for n in p["scores"])
    names = [n for n in found if not n.endswith(_COUNTS)]
    rows = [
        [heading(name), *(_cell(p["scores"].get(name)) for p in protocols.values())]
        for name in names
    ]
    sets = list(dict.fromkeys(n for p in protocols.values() for n in p.get("sets", {})))
    rows += [
        [f"{name} ↓", *(p.get("sets", {}).get(name, {}).get("text", "") for p in
                        protocols.values())]
        for name in sets
    ]
    rows.append(["seconds a picture", *(number(p["seconds"]) for p in protocols.values())])
    rows.append(["times the avatar's", *(number(p["cost"]) for p in protocols.values())])
    rows.append(["items, pictures",
                 *(f"{p['items']}, {p['pictures']}" for p in protocols.values())])
    return ["", *protocols], rows


def _cell(score: Mapping[str, Any] | None) -> str:
    if score is None:
        return ""
    spread = f" ±{number(score['std'], 2)}" if score["n"] > 1 else ""
    return number(score["mean"]) + spread


def comparison(
    several: Sequence[Mapping[str, Any]], protocol: str, chosen: Sequence[str] | None = None
) -> tuple[list[str], list[list[str]]]:
    """Several methods' table for one protocol: a row for each method, a column for each score.

    Args:
        several: what their ``scores.json`` hold; those without the protocol are left out.
        protocol: its name.
        chosen: names of scores, of items or of sets; all by default.
    """
    there = [s for s in several if protocol in s["protocols"]]
    parts = [s["protocols"][protocol] for s in there]
    own = dict.fromkeys(n for p in parts for n in (*p["scores"], *p.get("sets", {})))
    names = [n for n in own if (n in chosen if chosen else not n.endswith(_COUNTS))]
    rows = []
    for told, part in zip(there, parts, strict=True):
        cells = [
            number(part["scores"][n]["mean"]) if n in part["scores"]
            else part.get("sets", {}).get(n, {}).get("text", "") for n in names
        ]
        rows.append([told["label"], *cells, number(part["seconds"]), number(part["cost"])])
    return ["", *map(heading, names), *_EXTRAS], rows


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
