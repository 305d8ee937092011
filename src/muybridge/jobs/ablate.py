"""Measure the variants of a method that its paper compares, and say whether its order holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from muybridge import methods
from muybridge.errors import InputError
from muybridge.evaluation.plates import FULL, Plates
from muybridge.evaluation.summary import badness, comparison, heading, markdown, number
from muybridge.jobs.ablate_training import Practice, train_variants
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
        practice: how variants are trained, for ablations that train some.
    """

    method: str
    plates: Plates = FULL
    people: int = 0
    body: BodyKind = "exact"
    practice: Practice = Practice()


def ablate(
    request: AblationRequest, out: Path, *, plates_folder: Path | None = None, workers: int = 2,
    threads: int = 1, again: bool = False, listener: Listener | None = None,
) -> dict[str, Any]:
    """Train variants where that is asked for, and measure every one in ``out/<variant>``.

    What is trained or measured already is kept.

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
    name = f"{spec.name}-{size}"
    trained = train_variants(name, asked.variants, request.practice, out, listener)
    plan = [(p, v) for v in asked.variants for p in asked.protocols_of(v)]
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for position, (protocol, variant) in enumerate(plan):
        measured = Evaluation(
            variant.method or name, request.plates, (protocol,),
            _people(request.people, asked.people.get(protocol, 0)), request.body,
            options=variant.options, weights=trained.get(variant.name),
        )
        found.setdefault(protocol, {})[variant.name] = evaluate(
            measured, out / variant.slug / protocol, plates_folder=plates_folder,
            workers=workers, threads=threads, again=again,
            listener=within(listener, f"{variant.name}, {protocol}", position, len(plan)),
        ) | {"label": variant.name}
    verdicts = [verdict(claim, found[claim.protocol]) for claim in asked.claims]
    told = {
        "muybridge_ablation": 1, "method": name, "note": asked.note,
        "budget": request.practice.budget if trained else "",
        "variants": {v.name: {"about": v.about, "folder": v.slug} for v in asked.variants},
        "verdicts": [asdict(v) | {"holds": v.holds, "text": v.text} for v in verdicts],
        "holds": all(v.holds for v in verdicts),
    }
    write_json(out / "ablation.json", told)
    budget = f"Trained anew, each for {request.practice.budget}." if trained else ""
    write_text(out / "table.md", page(asked, found, verdicts, budget))
    for protocol, scores in found.items():
        write_image(out / f"{protocol}.png", _sheet(out, asked.variants, protocol, scores))
    return told


def _people(asked: int, most: int) -> int:
    """How many people are measured, 0 for all."""
    return min(asked or most, most or asked)


def verdict(claim: Claim, found: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """Whether a claim holds, item by item and in the mean.

    Args:
        claim: of a paper.
        found: what ``scores.json`` says of the claim's protocol, by variant.

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
    asked: Ablation, found: Mapping[str, Mapping[str, Mapping[str, Any]]],
    verdicts: Sequence[Verdict], budget: str = "",
) -> str:
    """``table.md``: the variants' scores by protocol, and the verdicts.

    Args:
        asked: the ablation.
        found: what ``scores.json`` says, by protocol and variant.
        verdicts: on its claims.
        budget: a sentence on how long variants were trained, if any were.
    """
    first = next(iter(next(iter(found.values())).values()))
    lines = [*(f"- {line}" for line in header(first)), ""]
    if note := " ".join(filter(None, (asked.note, budget))):
        lines += [note, ""]
    for protocol, by_variant in found.items():
        people = next(iter(by_variant.values()))["plates"]["measured_people"]
        lines += [f"## {protocol}, {people} people", ""]
        lines += [markdown(*comparison(list(by_variant.values()), protocol)), ""]
    lines += ["## The paper's order", "", *(f"- {v.text}" for v in verdicts)]
    return "\n".join(lines) + "\n"


def _sheet(
    out: Path, variants: Sequence[Variant], protocol: str,
    found: Mapping[str, Mapping[str, Any]],
) -> Any:
    """The first item of a protocol: the truth, then every variant, row by row."""
    measured = [v for v in variants if v.name in found]
    first = next(iter(found[measured[0].name]["items"]))
    rows: list[torch.Tensor] = []
    labels: list[str] = []
    for variant in measured:
        file = out / variant.slug / protocol / "items" / f"{first}.png"
        strip = torch.from_numpy(read_image(file))
        truth, made = (strip.permute(2, 0, 1).float() / 255).chunk(2, 1)
        width = found[variant.name]["plates"]["size"][0]
        for name, half in (("truth", truth), (variant.name, made)):
            if name != "truth" or not rows:
                rows.append(torch.stack(list(half.split(width, 2))))
                labels.append(name)
    columns = [str(k) for k in range(min(STRIP, len(rows[0])))]
    return plate(torch.stack(rows), labels, columns, title=first)
