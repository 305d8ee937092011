"""Variants that are trained anew: each the same recipe with something changed, equally long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from muybridge.errors import InputError
from muybridge.jobs.progress import Listener, within
from muybridge.jobs.train import Training, train
from muybridge.methods.ablation import Variant
from muybridge.training import estimated, parse_budget
from muybridge.training.folder import RunFolder

TRAINED = "trained"
"""Folder in the ablation's where runs lie."""


@dataclass(frozen=True)
class Practice:
    """How variants are trained.

    Attributes:
        data: people of the training and the validation split.
        budget: steps, as ``500steps`` or ``image:900,video:300``; or a time, as ``30m``, for
            which each variant gets as many steps as the recipe estimates. Equal for all.
        seed, precision, threads: see :class:`muybridge.jobs.train.Training`.
    """

    data: Path | None = None
    budget: str = ""
    seed: int = 0
    precision: str = ""
    threads: int | None = None

    def checked(self) -> Practice:
        """This, if variants can be trained by it.

        Raises:
            InputError: data or budget are missing.
        """
        if self.data is None:
            raise InputError("--data", "", "is not given, and variants are to be trained",
                             "make people: muybridge people 300, and --split validation")
        if not self.budget:
            raise InputError(
                "--budget", "", "is not given, and variants are to be trained",
                "write 500steps, steps of each stage as image:900,video:300, or 30m",
            )
        return self


def train_variants(
    method: str, variants: Sequence[Variant], practice: Practice, out: Path,
    listener: Listener | None = None,
) -> dict[str, Path]:
    """Train what is not trained yet; a run that was stopped goes on.

    Args:
        method: name and size.
        variants: of the ablation; those without ``changes`` are left out.
        practice: how.
        out: the ablation's folder; runs lie in ``out/trained``.
        listener: told of progress.

    Returns:
        The folder of weights of every variant that is trained, by the variant's name.

    Raises:
        InputError: as of :func:`muybridge.jobs.train.train`, or a run there is another.
        Interrupted: stopped; the same call goes on.
    """
    wanted = [v for v in variants if v.changes is not None and not v.method]
    groups: dict[str, Variant] = {}
    for variant in wanted:
        groups.setdefault(repr(sorted((variant.changes or {}).items())), variant)
    if not groups:
        return {}
    practice = practice.checked()
    found, first = {}, None
    for position, (key, variant) in enumerate(groups.items()):
        run = out / TRAINED / variant.slug
        asked = _training(method, variant.changes or {}, practice, first)
        found[key] = _trained(
            asked, run, within(listener, f"train {variant.name}", position, len(groups))
        )
        first = first or run
    return {v.name: found[repr(sorted((v.changes or {}).items()))] for v in wanted}


def _training(
    method: str, changes: Mapping[str, Any], practice: Practice, first: Path | None
) -> Training:
    asked = Training(
        method, budget=practice.budget, seed=practice.seed, data=str(practice.data),
        files_from=None if first is None else str(first), threads=practice.threads,
        precision=practice.precision, validate_every="100000steps", changes=changes,
    )
    seconds = parse_budget(practice.budget).seconds
    if seconds is None:
        return asked
    return replace(asked, budget=str(estimated(asked.recipe(), seconds)))


def _trained(asked: Training, run: Path, listener: Listener | None) -> Path:
    """The weights of a run: those that are there, or trained now."""
    folder = RunFolder(run)
    started = False
    with suppress(InputError):
        started = bool(folder.record())
    weights = run / "weights"
    if started and weights.is_dir():
        there = folder.record().get("request")
        if isinstance(there, dict) and any(
            there.get(k) not in (None, v) for k, v in asked.plain().items()
            if k in ("budget", "precision")
        ):
            raise InputError(
                run, "", "was trained with another budget or precision",
                "name another folder with -o, or remove this one",
            )
        return weights
    return train(asked, run, resume=started, listener=listener).weights
