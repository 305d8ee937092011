"""How many threads compute. Sums are rounded in the order that threads add them up, so
the number belongs to what makes two runs equal to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import cv2
import torch

from muybridge.errors import InputError


def use_threads(count: int | None) -> None:
    """Let every library compute with so many threads; leave it as it is where ``None``.

    Raises:
        InputError: the number is not positive.
    """
    if count is None:
        return
    if not 1 <= count <= 1024:
        raise InputError("--threads", "", f"is {count}", "give 1 or more")
    cv2.setNumThreads(count)
    with suppress(ImportError):
        import numba

        numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    torch.set_num_threads(count)  # the last word, as others start pools of their own


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """:func:`use_threads` for a while."""
    before = torch.get_num_threads()
    if count == before:
        yield
        return
    use_threads(count)
    try:
        yield
    finally:
        use_threads(before)
