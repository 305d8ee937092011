"""The kernel distance between two sets, which is fair for few items too: KID, KVD.

The squared maximum mean discrepancy of the polynomial kernel ``(x . y / D + 1)^3`` (Binkowski
et al. 2018), without bias: between two sets of one distribution it is 0 on average, however
few they are, and can be below 0. It is taken over all pairs, not over random subsets, so that
the same features always give the same value.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.evaluation.extractors.extractor import Extractor
from muybridge.evaluation.frechet import SetScore, check_dimension, described

LEAST = 16
"""Items of either set; of fewer even the error can't be told."""
_BLOCK = 1024


@dataclass(frozen=True)
class KernelScore(SetScore):
    """A kernel distance; ``margin`` is its standard error."""

    @property
    def text(self) -> str:
        """For a cell of a table: the distance and its standard error."""
        return f"{self.value:.4g} ± {self.margin:.2g}"


def kernel(
    extractor: Extractor, made: Float[Tensor, "N D"], truth: Float[Tensor, "M _"]
) -> KernelScore:
    """The score of a set against the true one, from the features of all items.

    Args:
        extractor: whose features both are.
        made: of the set that is scored.
        truth: of the true one.

    Raises:
        InputError: either has fewer items than :data:`LEAST`, features of another extractor,
            or such as are not finite.
    """
    label = f"{extractor.kernel}[{extractor.name}]"
    for name, features in (("made", made), ("truth", truth)):
        check_dimension(extractor, features.shape[1])
        if len(features) < LEAST:
            raise InputError(label, f"N of {name}", f"is {len(features)}, below {LEAST}",
                             "give more items")
        if not bool(torch.isfinite(features).all()):
            raise InputError(label, name, "has a feature that is not finite",
                             "check the weights of the extractor")
    value, error = kernel_distance(made, truth)
    return KernelScore(
        value=value, margin=error, **described(extractor, label, len(made), len(truth))
    )


def kernel_distance(
    first: Float[Tensor, "N D"], second: Float[Tensor, "M D"]
) -> tuple[float, float]:
    """The squared discrepancy without bias, and its standard error.

    The error is the jackknife's of both sets: every item is left out once. Between sets of one
    distribution it is about 1.4 times too large; items that belong together (frames of a
    video) make it too small.

    Args:
        first: features of one set, at least three items. second: those of the other.
    """
    x, y = first.double().cpu(), second.double().cpu()
    n, m = len(x), len(y)
    within_x, within_y = _to_all(x, x)[0] - _same(x), _to_all(y, y)[0] - _same(y)
    to_y, to_x = _to_all(x, y)
    sum_x, sum_y, between = within_x.sum(), within_y.sum(), to_y.sum()
    part_x, part_y = sum_x / (n * (n - 1)), sum_y / (m * (m - 1))
    value = part_x + part_y - 2 * between / (n * m)
    less_x = (sum_x - 2 * within_x) / ((n - 1) * (n - 2)) - 2 * (between - to_y) / ((n - 1) * m)
    less_y = (sum_y - 2 * within_y) / ((m - 1) * (m - 2)) - 2 * (between - to_x) / (n * (m - 1))
    variance = sum(
        (len(left) - 1) / len(left) * (left - left.mean()).square().sum()
        for left in (less_x, less_y)
    )
    return float(value), float(variance) ** 0.5


def _to_all(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Of every ``x`` the sum of its kernels with all ``y``, and the other way round."""
    rows = []
    columns = x.new_zeros(len(y))
    for part in x.split(_BLOCK):
        values = (part @ y.T / x.shape[1] + 1) ** 3
        rows.append(values.sum(1))
        columns += values.sum(0)
    return torch.cat(rows), columns


def _same(x: Tensor) -> Tensor:
    return (x.square().sum(1) / x.shape[1] + 1) ** 3
