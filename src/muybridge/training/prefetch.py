"""Batches that are fetched while the step before them is computed."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from muybridge.training.recipe import Batch, Sampler


class Prefetch:
    """Gives a sampler's batches in order; what comes does not depend on ``workers``.

    Args:
        sampler: see :class:`muybridge.training.recipe.Sampler`.
        parts: the items of each batch of a step, in order.
        first: the first step.
        workers: threads; 0 fetches a batch when it is asked for.
    """

    def __init__(
        self, sampler: Sampler, parts: Sequence[Sequence[int]], first: int, workers: int
    ) -> None:
        self._sampler, self._parts = sampler, parts
        self._next = (first, 0)
        self._waiting: deque[Future[Batch]] = deque()
        self._pool = ThreadPoolExecutor(workers, "batch") if workers else None
        self._ahead = max(2 * workers, len(parts)) if workers else 0

    def __enter__(self) -> Prefetch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def get(self) -> Batch:
        """The next batch: the parts of the first step, then those of the second, ..."""
        if self._pool is None:
            step, part = self._advance()
            return self._sampler(step, self._parts[part])
        while len(self._waiting) <= self._ahead:
            step, part = self._advance()
            self._waiting.append(self._pool.submit(self._sampler, step, self._parts[part]))
        return self._waiting.popleft().result()

    def _advance(self) -> tuple[int, int]:
        step, part = self._next
        self._next = (step, part + 1) if part + 1 < len(self._parts) else (step + 1, 0)
        return step, part
