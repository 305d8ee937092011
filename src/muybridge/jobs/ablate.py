"""Measure the variants of a method that its paper compares, and say whether its order holds."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from muybridge import methods
from muybridge.errors import InputError
from muybridge.evaluation.plates import FULL, Plates
from muybridge.evaluation.summary import badness, comparison, heading, markdown, number
from muybridge.jobs.evaluate import Evaluation, evaluate
from muybridge.jobs.evaluate_report import header
from muybridge.jobs.evaluate_work import STRIP, BodyKind
from muybridge.jobs.files import write_json, write_text
from muybridge.jobs.progress import Listener, within
from muybridge.methods.ablation import Ablation, Claim, Variant
from muybridge.methods.spec import resolve
from muybridge.video import plate, read_image, write_image


@dataclass(frozen=True)
class Verdict:
    """Whether a claim holds here.

    Attributes:
        claim: of the paper.
        better, worse: means of the two variants' scores.
        items: that both were measured on; ``wins``: of them, where the claim holds.
        chance: that so many wins, or more, come from tossing a coin (sign test).
    """

    claim: Claim
    better: float
    worse: float
    items: int
    wins: int
    chance: float

    @property
    def holds(self) -> bool:
        """The better variant's mean is better."""
        name = self.claim.metric
        return badness(name, self.better) < badness(name, self.worse)

    @property
    def text(self) -> str:
        """One line."""
        c = self.claim
        return (
            f"{'holds' if self.holds else 'DOES NOT HOLD'}: {c.better} before {c.worse}, "
            f"{c.protocol}, {heading(c.metric)}: {number(self.better)} and {number(self.worse)}; "
            f"better in {self.wins} of {self.items} items (by chance: {self.chance:.2g}); "
            f"{c.source}"
        )


@dataclass(frozen=True)
class AblationRequest:
    """What is measured.

    Attributes:
        method: its name, or name and size.
        plates: on which people. ``people``: only the first ones; 0 for all.
        body: see :class:`muybridge.jobs.evaluate.Evaluation`.
    """

    method: str
    plates: Plates = FULL
    people: int = 0
    body: BodyKind = "exact"


def ablate(
    request: AblationRequest, out: Path, *, plates_folder: Path | None = None, workers: int = 2,
    threads: int = 1, again: bool = False, listener: Listener | None = None,
) -> dict[str, Any]:
    """Measure every variant in ``out/<variant>``; what is measured already is kept.

    Args:
        request: what is measured.
        out: the output folder.
        plates_folder, workers, threads, again, listener: as of
            :func:`muybridge.jobs.evaluate.evaluate`.

    Returns:
        What ``ablation.json`` says: scores of the variants, and the verdicts.

    Raises:
        InputError: the method has no ablation, or as ``evaluate``.
        MissingWeights, Interrupted: as ``evaluate``.
    """
    spec, size = methods.spec(request.method)
    if not spec.ablation:
        raise InputError(
            request.method, "ablation", "the method has none",
            "use one of " + ", ".join(n for n, s in methods.specs().items() if s.ablation),
        )
    asked: Ablation = resolve(spec.ablation)
    protocols = tuple(dict.fromkeys(claim.protocol for claim in asked.claims))
    found: dict[str, dict[str, Any]] = {}
    for position, variant in enumerate(asked.variants):
        measured = Evaluation(
            variant.method or f"{spec.name}-{size}", request.plates, protocols, request.people,
            request.body, options=variant.options,
        )
        found[variant.name] = evaluate(
            measured, out / folder_of(variant), plates_folder=plates_folder, workers=workers,
            threads=threads, again=again,
            listener=within(listener, variant.name, position, len(asked.variants)),
        ) | {"label": variant.name}
    verdicts = [verdict(claim, found) for claim in asked.claims]
    told = {
        "muybridge_ablation": 1, "method": f"{spec.name}-{size}", "note": asked.note,
        "variants": {v.name: {"about": v.about, "folder": folder_of(v)} for v in asked.variants},
        "verdicts": [asdict(v) | {"holds": v.holds, "text": v.text} for v in verdicts],
        "holds": all(v.holds for v in verdicts),
    }
    write_json(out / "ablation.json", told)
    write_text(out / "table.md", page(asked, list(found.values()), verdicts))
    for protocol in protocols:
        write_image(out / f"{protocol}.png", _sheet(out, asked.variants, protocol, found))
    return told


def folder_of(variant: Variant) -> str:
    """The name of a variant's folder."""
    return re.sub(r"[^a-z0-9]+", "-", variant.name.lower()).strip("-")


def verdict(claim: Claim, found: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """Whether a claim holds, item by item and in the mean.

    Args:
        claim: of a paper.
        found: what ``scores.json`` says, by variant.

    Raises:
        InputError: the two share no item that has the metric.
    """
    pairs = []
    ours, theirs = (found[name]["items"] for name in (claim.better, claim.worse))
    for name, item in ours.items():
        other = theirs.get(name)
        if item["protocol"] == claim.protocol and other is not None:
            a, b = (x["scores"].get(claim.metric) for x in (item, other))
            if a is not None and b is not None:
                pairs.append((float(a), float(b)))
    if not pairs:
        raise InputError(
            "ablation", claim.metric, f"was measured on no item of {claim.protocol}",
            "correct the claim",
        )
    wins = sum(badness(claim.metric, a) < badness(claim.metric, b) for a, b in pairs)
    count = len(pairs)
    chance = sum(math.comb(count, k) for k in range(wins, count + 1)) / 2**count
    better, worse = (math.fsum(p[k] for p in pairs) / count for k in (0, 1))
    return Verdict(claim, better, worse, count, wins, chance)


def page(
    asked: Ablation, scores: Sequence[Mapping[str, Any]], verdicts: Sequence[Verdict]
) -> str:
    """``table.md``: the variants' scores by protocol, and the verdicts."""
    lines = [*(f"- {line}" for line in header(scores[0])), ""]
    if asked.note:
        lines += [asked.note, ""]
    for name in scores[0]["protocols"]:
        lines += [f"## {name}", "", markdown(*comparison(scores, name)), ""]
    lines += ["## The paper's order", "", *(f"- {v.text}" for v in verdicts)]
    return "\n".join(lines) + "\n"


def _sheet(
    out: Path, variants: Sequence[Variant], protocol: str,
    found: Mapping[str, Mapping[str, Any]],
) -> Any:
    """The first item of a protocol: the truth, then every variant, row by row."""
    first = next(
        name for name, item in found[variants[0].name]["items"].items()
        if item["protocol"] == protocol
    )
    rows: list[torch.Tensor] = []
    labels: list[str] = []
    for variant in variants:
        strip = torch.from_numpy(read_image(out / folder_of(variant) / "items" / f"{first}.png"))
        truth, made = (strip.permute(2, 0, 1).float() / 255).chunk(2, 1)
        width = found[variant.name]["plates"]["size"][0]
        for name, half in (("truth", truth), (variant.name, made)):
            if name != "truth" or not rows:
                rows.append(torch.stack(list(half.split(width, 2))))
                labels.append(name)
    columns = [str(k) for k in range(min(STRIP, len(rows[0])))]
    return plate(torch.stack(rows), labels, columns, title=first)
