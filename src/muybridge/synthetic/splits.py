"""Training, validation and test, apart by construction.

Identities, garment designs, hats, lights and motions are whole numbers. A number that ends
in 8 is for validation, one that ends in 9 for tests, all others for training; so nothing
that a network was trained on turns up where it is measured.
"""

from __future__ import annotations

from typing import Literal

from muybridge.errors import InputError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def split_of(number: int) -> Split:
    """The split that a number belongs to."""
    return {8: SPLITS[1], 9: SPLITS[2]}.get(number % 10, SPLITS[0])


def number_in(split: Split, index: int) -> int:
    """The ``index``-th number of a split, from 0 on.

    Raises:
        InputError: an unknown split, or a negative index.
    """
    if index < 0:
        raise InputError("split", "index", f"is {index}", "count from 0")
    if split == "train":
        return 10 * (index // 8) + index % 8
    if split in SPLITS:
        return 10 * index + (8 if split == "validation" else 9)
    raise InputError("split", str(split), "is not known", "use one of " + ", ".join(SPLITS))
