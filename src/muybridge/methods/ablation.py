"""Ablations as data: variants of a method, and the order in which its paper has them.

``muybridge ablate`` measures every variant on the same items and says of each claim whether
it holds here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from muybridge.errors import InputError


@dataclass(frozen=True)
class Variant:
    """A method with something changed.

    Attributes:
        name: as in the paper's table.
        about: what is changed, in a sentence.
        options: of the method's loader.
        method: another method that stands for the variant, as in ``nerf``; empty for its own.
        changes: of the method's recipe, where the variant is trained anew; ``None`` for the
            weights that there are. Variants with equal changes share a training.
    """

    name: str
    about: str
    options: Mapping[str, Any] = field(default_factory=dict)
    method: str = ""
    changes: Mapping[str, Any] | None = None

    @property
    def slug(self) -> str:
        """The name of its folder."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


@dataclass(frozen=True)
class Claim:
    """That one variant is better than another.

    Attributes:
        better, worse: names of variants.
        protocol: it is measured by; see :mod:`muybridge.evaluation.protocols`.
        metric: that shows it.
        source: where the paper says so.
    """

    better: str
    worse: str
    protocol: str
    metric: str
    source: str


@dataclass(frozen=True)
class Ablation:
    """What a paper takes away, and what it found.

    Attributes:
        variants: the whole method first.
        claims: of the paper.
        note: how these variants differ from the paper's, as in "not trained anew".
        people: most people that a protocol is measured on, by its name, where it takes long.
    """

    variants: tuple[Variant, ...]
    claims: tuple[Claim, ...]
    note: str = ""
    people: Mapping[str, int] = field(default_factory=dict)

    def protocols_of(self, variant: Variant) -> tuple[str, ...]:
        """Protocols that a variant is measured by: those of the claims that name it."""
        named = [c.protocol for c in self.claims if variant.name in (c.better, c.worse)]
        return tuple(dict.fromkeys(named))

    def __post_init__(self) -> None:
        names = [variant.name for variant in self.variants]
        strange = {n for c in self.claims for n in (c.better, c.worse)} - set(names)
        if strange or len(set(names)) < len(names) or not names:
            raise InputError(
                "ablation", "variants", f"{names} do not fit the claims' {sorted(strange)}",
                "name every variant once",
            )
