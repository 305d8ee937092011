"""Averaged weights: an exponential moving average of what is trained (EMA)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


def ema_decay(highest: float, update: int) -> float:
    """Decay at an update, from 0: small at first, so that the start is soon forgotten."""
    return min(highest, (1 + update) / (12 + update))


class Averaged:
    """The moving average of the trained parameters of a module, in float32.

    Parameters that are not trained are not averaged.

    Args:
        module: whose parameters; the average begins with their values.
        highest: the decay that :func:`ema_decay` rises to.
    """

    def __init__(self, module: nn.Module, highest: float) -> None:
        self.highest = highest
        self._trained = {n: p for n, p in module.named_parameters() if p.requires_grad}
        self.values: dict[str, Tensor] = {
            name: p.detach().float().clone() for name, p in self._trained.items()
        }

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the parameters as they are after step ``step`` (from 0)."""
        average = get_ema_multi_avg_fn(ema_decay(self.highest, step))
        now = [p.detach().float() for p in self._trained.values()]
        average(list(self.values.values()), now, 0)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The module has the averaged weights for a while."""
        before = {name: p.data for name, p in self._trained.items()}
        try:
            for name, parameter in self._trained.items():
                parameter.data = self.values[name].to(parameter.dtype)
            yield
        finally:
            for name, parameter in self._trained.items():
                parameter.data = before[name]

    def load(self, values: Mapping[str, Tensor]) -> None:
        """Put back what :attr:`values` was.

        Raises:
            ValueError: it is of other parameters.
        """
        if {n: v.shape for n, v in values.items()} != {
            n: v.shape for n, v in self.values.items()
        }:
            raise ValueError("the average is of other parameters")
        for name, value in values.items():
            self.values[name].copy_(value)
