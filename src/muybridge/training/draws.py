"""Random numbers that depend on nothing but (seed, stage, step, item).

A run that is broken off needs no state of a generator to go on, and N processes draw for
their part of a batch what one process would have drawn for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor


def seed_of(*key: int | str) -> int:
    """A seed in 0..2^63-1 for a key of numbers and names; different keys, different seeds."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in key)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator_of(*key: int | str) -> torch.Generator:
    """A fresh CPU generator for a key, such as ``(seed, stage, step, index)``."""
    # the CPU's generator takes 32 bits of a seed, so the best mixed ones are handed to it
    return torch.Generator().manual_seed(seed_of(*key) >> 31)


class Draws:
    """Noise for the items of a batch; each item has a generator of its own.

    Tensors come as ``[items, *shape]``. A second call goes on where the first ended, so the
    order of calls matters and their number may depend on nothing but the step.

    Args:
        seed: of the run.
        stage: its name.
        step: number of the training step, from 0.
        indices: numbers of the items within the global batch.
        device: where tensors are put; they are drawn on the CPU.
    """

    def __init__(
        self, seed: int, stage: str, step: int, indices: Sequence[int],
        device: torch.device | str = "cpu",
    ) -> None:
        self.step = step
        self.indices = tuple(indices)
        self.device = torch.device(device)
        self._generators = [
            generator_of(seed, stage, "loss", step, index) for index in self.indices
        ]

    def normal(self, *shape: int) -> Tensor:
        """Standard normal noise float32 ``[items, *shape]``."""
        drawn = [torch.randn(shape, generator=g) for g in self._generators]
        return torch.stack(drawn).to(self.device)

    def uniform(self, *shape: int) -> Tensor:
        """Uniform noise in [0, 1), float32 ``[items, *shape]``."""
        drawn = [torch.rand(shape, generator=g) for g in self._generators]
        return torch.stack(drawn).to(self.device)

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """Whole numbers ``low .. high - 1``, int64 ``[items, *shape]``."""
        drawn = [torch.randint(low, high, shape, generator=g) for g in self._generators]
        return torch.stack(drawn).to(self.device)


class Shuffle:
    """Which of ``count`` records item ``index`` of step ``step`` is: every record once a round.

    Stateless: each round has its own order, drawn from (seed, stage, round).

    Args:
        count: how many records there are; at least one.
        batch: items in a global batch.
        seed: of the run.
        stage: its name.
    """

    def __init__(self, count: int, batch: int, seed: int, stage: str) -> None:
        if count < 1 or batch < 1:
            raise ValueError(f"{count} records in batches of {batch}")
        self.count, self.batch = count, batch
        self._key = (seed, stage)
        self._order = lru_cache(maxsize=4)(self._draw)

    def _draw(self, number: int) -> Tensor:
        generator = generator_of(*self._key, "order", number)
        return torch.randperm(self.count, generator=generator)

    def __call__(self, step: int, index: int) -> int:
        """Number of the record, 0..count-1."""
        number, place = divmod(step * self.batch + index, self.count)
        return int(self._order(number)[place])
