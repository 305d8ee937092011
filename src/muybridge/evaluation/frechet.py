"""The Frechet distance between two sets: FID, FID-VID, FVD, by whose features it is taken.

Both sets are described by mean and covariance of their features, as if they were normal
distributions; the distance is ``|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^1/2)`` (Dowson and
Landau 1982; Heusel et al. 2017). It says nothing without its conditions, so a score names the
extractor and the sum of its weights, the length and stride of clips, the resize, and how many
items both sets had.

A covariance is estimated from few items with an error that makes the distance larger, also
between two halves of one set. :func:`chance` is the distance that two sets of one
distribution have for this reason; it falls as ``1/N``. Below the floor the score is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from muybridge.errors import InputError
from muybridge.evaluation.extractors.extractor import Extractor, Kind

LEAST = 256
"""Items of either set below which no score that papers report is given."""


@dataclass(frozen=True)
class Moments:
    """How many items, their mean, and the sum of their squared deviations, in float64.

    Sets are taken in in parts and the parts added; the order changes the last bits alone.
    One holds ``D^2`` numbers (32 MB for 2048 features): keep one per set, and features per
    video.

    Attributes:
        count: number of items ``N``.
        mean: of the features.
        scatter: sum over the items of ``(x - mean)(x - mean)^T``.
    """

    count: int
    mean: Float64[Tensor, "D"]
    scatter: Float64[Tensor, "D D"]

    @classmethod
    def of(cls, features: Float[Tensor, "N D"]) -> Moments:
        """Those of some features; of none where ``N`` is 0.

        Raises:
            InputError: a feature is not finite.
        """
        if not bool(torch.isfinite(features).all()):
            raise InputError("features", "", "have a value that is not finite",
                             "check the weights of the extractor")
        x = features.double().cpu()
        mean = x.mean(0) if len(x) else x.new_zeros(x.shape[1])
        off = x - mean
        return cls(len(x), mean, off.T @ off)

    def __add__(self, other: Moments) -> Moments:
        """Those of both sets together."""
        if self.mean.shape != other.mean.shape:
            raise InputError(
                "features", "", f"are {len(self.mean)} and {len(other.mean)} per item",
                "use one extractor for all",
            )
        count = self.count + other.count
        if not count:
            return self
        off = other.mean - self.mean
        weight = other.count / count
        return Moments(
            count,
            self.mean + off * weight,
            self.scatter + other.scatter + torch.outer(off, off) * (self.count * weight),
        )

    @property
    def covariance(self) -> Float64[Tensor, "D D"]:
        """The unbiased estimate, with ``N - 1``.

        Raises:
            InputError: there are fewer than two items.
        """
        if self.count < 2:
            raise InputError("features", "N", f"is {self.count}", "give more items")
        return self.scatter / (self.count - 1)


def merged(parts: Iterable[Moments]) -> Moments:
    """The moments of all parts together.

    Raises:
        InputError: there are no parts, or they are of different extractors.
    """
    total: Moments | None = None
    for part in parts:
        total = part if total is None else total + part
    if total is None:
        raise InputError("features", "N", "is 0", "give more items")
    return total


@dataclass(frozen=True)
class SetScore:
    """A score of a whole set, with everything it can't be compared without.

    Attributes:
        label: what stands in tables, such as ``fid[inception-2015]``; lower is better.
        value: the distance.
        margin: what it could be off by: see the kinds below.
        extractor: name of whose features. digest: sha256 of its weights.
        kind: of items: pictures or clips.
        length: frames of an item. stride: frames between the starts of two clips.
        size: height and width, in pixels, that items are brought to. resize: how.
        made: items of the set that is scored. truth: items of the true set.
        comparable: whether papers report this score. Their clips, numbers and resize may
            still differ.
    """

    label: str
    value: float
    margin: float
    extractor: str
    digest: str
    kind: Kind
    length: int
    stride: int
    size: int
    resize: str
    made: int
    truth: int
    comparable: bool

    @property
    def conditions(self) -> str:
        """Under which the value holds, in one line for below a table."""
        items = f"{self.made} against {self.truth} "
        if self.kind == "clip":
            items += f"clips of {self.length} frames, one every {self.stride}"
        else:
            items += "pictures"
        told = (
            f"{self.label}: {items}; {self.size} x {self.size} ({self.resize}); "
            f"weights {self.digest[:8]}"
        )
        return told if self.comparable else f"{told}; not comparable to papers"

    def as_dict(self) -> dict[str, Any]:
        """All of it, for a JSON file."""
        return asdict(self)


@dataclass(frozen=True)
class FrechetScore(SetScore):
    """A Frechet distance; ``margin`` is what two sets of the true distribution would score."""

    @property
    def text(self) -> str:
        """For a cell of a table: the distance, and that by chance."""
        return f"{self.value:.4g} ({self.margin:.2g} by chance)"


def floor_of(extractor: Extractor) -> int:
    """Items that either set has to have: twice the features, and 256 of those of papers.

    From ``N`` items no more than ``N - 1`` directions of a covariance are known. At ``N = 2 D``
    all are, and chance adds at most a quarter of the total variance per set (``D / 2N``, where
    all variances are equal; less in practice). Papers' own advice is thousands. The features of
    our own are few, and their scores are for trends alone.
    """
    return max(2 * extractor.dimension, LEAST if extractor.comparable else 0)


def frechet(extractor: Extractor, made: Moments, truth: Moments) -> FrechetScore:
    """The score of a set against the true one.

    Args:
        extractor: whose features both are.
        made: of the set that is scored.
        truth: of the true one.

    Raises:
        InputError: either has fewer items than :func:`floor_of`, or other features.
    """
    least = floor_of(extractor)
    for name, moments in (("made", made), ("truth", truth)):
        check_dimension(extractor, len(moments.mean))
        if moments.count < least:
            raise InputError(
                extractor.label, f"N of {name}",
                f"is {moments.count}; below {least} the distance is mostly chance",
                f"use {extractor.kernel}[{extractor.name}], which has no bias, or give more items",
            )
    return FrechetScore(
        value=frechet_distance(made, truth), margin=chance(truth, made.count, truth.count),
        **described(extractor, extractor.label, made.count, truth.count),
    )


def described(extractor: Extractor, label: str, made: int, truth: int) -> dict[str, Any]:
    """The conditions of a score, as :class:`SetScore` takes them."""
    return {
        "label": label, "extractor": extractor.name, "digest": extractor.digest,
        "kind": extractor.kind, "length": extractor.length, "stride": extractor.stride,
        "size": extractor.size, "resize": extractor.resize, "made": made, "truth": truth,
        "comparable": extractor.comparable,
    }


def check_dimension(extractor: Extractor, features: int) -> None:
    """Refuses features that are of another extractor.

    Raises:
        InputError: their number is not the extractor's.
    """
    if features != extractor.dimension:
        raise InputError(
            extractor.label, "features",
            f"are {features} per item instead of {extractor.dimension}",
            "use one extractor for all",
        )


def frechet_distance(first: Moments, second: Moments) -> float:
    """``|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^1/2)``, never below 0.

    The trace of the root is the sum of the singular values of ``S1^1/2 S2^1/2``: symmetric,
    real, and exact to the last digits also where a covariance is singular, which a root of the
    product itself is not.

    Raises:
        InputError: a set has fewer than two items.
    """
    values1, vectors1 = _spectrum(first)
    values2, vectors2 = _spectrum(second)
    across = (values1.sqrt()[:, None] * (vectors1.T @ vectors2)) * values2.sqrt()
    shared = torch.linalg.svdvals(across).sum()
    apart = (first.mean - second.mean).square().sum()
    return max(0.0, float(apart + values1.sum() + values2.sum() - 2 * shared))


def chance(truth: Moments, made: int, true: int) -> float:
    """The distance expected between two sets of ``made`` and ``true`` items of one distribution.

    To the first order in ``1/N``, of a normal one: ``(1/N1 + 1/N2)`` times the total variance
    plus half the sum over pairs of directions of ``l_i l_j (1 + [i = j]) / (l_i + l_j)``, with
    ``l`` the variances along the principal axes.

    Args:
        truth: where the variances are taken from.
        made: items of one set. true: items of the other.
    """
    values = torch.linalg.eigvalsh(truth.covariance).clamp_min(0)
    both = values[:, None] + values
    pairs = torch.where(both > 0, values[:, None] * values / both, 0).sum() + values.sum() / 2
    return float((1 / made + 1 / true) * (values.sum() + pairs / 2))


def _spectrum(moments: Moments) -> tuple[Tensor, Tensor]:
    values, vectors = torch.linalg.eigh(moments.covariance)
    return values.clamp_min(0), vectors
