"""Draws that depend on a name and a number alone: the same on every machine, in any order."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A stream of draws for one purpose and one number.

    Only ``random.Random.random`` is used, whose stream Python keeps the same for ever.

    Args:
        purpose: what is drawn, as ``"motion"``; other purposes give other streams.
        number: whose draws these are.
    """

    def __init__(self, purpose: str, number: int) -> None:
        self._random = random.Random(f"muybridge/{purpose}/{number}")

    def between(self, low: float | int, high: float | int) -> float:
        """A number in ``low .. high``, evenly."""
        return low + (high - low) * self._random.random()

    def near(self, middle: float | int, reach: float | int) -> float:
        """A number in ``middle - reach .. middle + reach``, oftener near the middle."""
        return middle + reach * (self._random.random() + self._random.random() - 1)

    def whole(self, low: int, high: int) -> int:
        """A whole number in ``low .. high``, both ends included."""
        return min(low + int(self._random.random() * (high - low + 1)), high)

    def chance(self, share: float | int) -> bool:
        """True in that share of cases."""
        return self._random.random() < share

    def one_of(self, things: Sequence[T]) -> T:
        """One of them, evenly."""
        return things[self.whole(0, len(things) - 1)]

    def weighted(self, weights: Mapping[str, float | int]) -> str:
        """One of the names, as often as its weight says."""
        place = self._random.random() * sum(weights.values())
        for name, weight in weights.items():
            place -= weight
            if place < 0:
                return name
        return next(reversed(list(weights)))
