"""What HVG is trained on, at its own size and ready to be read.

One file per person: blocks of views x frames with the reference as large as they are, the maps
that steer, and how the cameras are turned. Pictures are 8 bit, colours premultiplied over black;
everything is seen by cameras that have the pelvis in the middle (paper, 3.2).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float, UInt8
from torch import Tensor

from muybridge.training.corpus import damaged, files_in, read_tensors, write_tensors

FORMAT = "muybridge hvg subject 1"
MAPS = ("normal", "depth", "skeleton", "body_normal")
"""All maps that a block holds, in this order: those of the method, and those of its ablation."""
_PARTS = ("reference", "truth", "pose", "rotations")


@dataclass(frozen=True)
class Block:
    """Views and frames that belong together.

    Attributes:
        closed: the views go all the way round.
        reference: the person's picture, RGB over black, and matte.
        truth: RGB over black, and matte.
        pose: the maps of :data:`MAPS`, one behind the other.
        rotations: of each camera; see :func:`muybridge.methods.hvg.conditions.camera_rotations`.
    """

    closed: bool
    reference: UInt8[Tensor, "4 h w"]
    truth: UInt8[Tensor, "V T 4 h w"]
    pose: UInt8[Tensor, "V T C h w"]
    rotations: Float[Tensor, "V T 3 3"]


@dataclass(frozen=True)
class Subject:
    """A person to train on.

    Attributes:
        name: of the person.
        blocks: pictures of them.
    """

    name: str
    blocks: tuple[Block, ...]


def write_subject(subject: Subject, path: Path) -> None:
    """Write a person's file, whole or not at all."""
    tensors: dict[str, Tensor] = {}
    for number, block in enumerate(subject.blocks):
        for name in _PARTS:
            tensors[f"{number}.{name}"] = getattr(block, name)
    closed = json.dumps([block.closed for block in subject.blocks])
    write_tensors(path, tensors, FORMAT, {"name": subject.name, "closed": closed})


def read_subject(path: Path) -> Subject:
    """Read a person's file.

    Raises:
        InputError: it is damaged or something else.
    """
    tensors, about = read_tensors(path, FORMAT)
    try:
        blocks = tuple(
            Block(bool(closed), *(tensors[f"{n}.{name}"] for name in _PARTS))
            for n, closed in enumerate(json.loads(about["closed"]))
        )
        return Subject(about["name"], blocks)
    except (KeyError, ValueError) as error:
        raise damaged(path, error) from None


def read_subjects(folder: Path, limit: int | None = None) -> list[Subject]:
    """All people of a folder in the order of their names.

    Raises:
        InputError: there are none, or a file is damaged.
    """
    return [read_subject(path) for path in files_in(folder, limit)]
