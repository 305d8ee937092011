"""The normalisations that the human NeRF's convolutions may use."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Norm = Literal["batch_statistics", "batch", "group"]
"""``batch_statistics``: BatchNorm that always uses the statistics of the picture at hand,
as the release runs it (its networks never leave training mode, one person at a time);
``batch``: ordinary BatchNorm; ``group``: GroupNorm."""


class OwnStatistics(nn.BatchNorm1d):
    """BatchNorm with the statistics of each item at hand, also after training.

    Takes ``[B, C, ...]``. Each item of a batch is normalised on its own, so that nobody's
    features depend on who else is in the batch. The running statistics are kept only
    because checkpoints hold them.
    """

    def forward(self, input: Float[Tensor, "B C *S"]) -> Float[Tensor, "B C *S"]:
        """Normalises over all but the first two axes."""
        return F.instance_norm(input, weight=self.weight, bias=self.bias, eps=self.eps)


class AnyBatchNorm(nn.BatchNorm1d):
    """BatchNorm over ``[B, C, ...]`` of any number of axes."""

    def _check_input_dim(self, input: Tensor) -> None:
        del input


def make_norm(kind: Norm, channels: int, eps: float = 1e-5) -> nn.Module:
    """A norm over ``[B, C, ...]``.

    Raises:
        ValueError: an unknown kind.
    """
    if kind == "batch_statistics":
        return OwnStatistics(channels, eps=eps)
    if kind == "batch":
        return AnyBatchNorm(channels, eps=eps)
    if kind == "group":
        return nn.GroupNorm(next(g for g in (8, 4, 2, 1) if channels % g == 0), channels)
    raise ValueError(f"norm is {kind!r}, not batch_statistics, batch or group")
