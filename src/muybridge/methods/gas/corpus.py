"""What GAS's video network is trained on, at its own size and ready to be read.

One file per person: the reference, and rows of pictures (the views of a moment, or the
frames of a view) with their cues and normal maps, for the exact body and for one that is a
little wrong. All are 8 bit; colours are premultiplied over black.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from muybridge.methods.gas.config import Mode
from muybridge.training.corpus import damaged, files_in, read_tensors, write_tensors

FORMAT = "muybridge gas subject 1"
_PARTS = ("truth", "guides", "cues")


@dataclass(frozen=True)
class Row:
    """Pictures that belong together.

    Attributes:
        mode: ``view``: one moment from all around; ``pose``: one view over time.
        truth: RGB over black, and matte.
        guides: normals of the body and its share of the pixel; ``K`` bodies, the exact first.
        cues: RGB over black and matte, as the cue shows the person; for the same bodies.
    """

    mode: Mode
    truth: UInt8[Tensor, "F 4 h w"]
    guides: UInt8[Tensor, "K F 4 h w"]
    cues: UInt8[Tensor, "K F 4 h w"]


@dataclass(frozen=True)
class Subject:
    """A person to train on.

    Attributes:
        name: of the person.
        reference: RGB over black, and matte.
        rows: pictures of them.
    """

    name: str
    reference: UInt8[Tensor, "4 h w"]
    rows: tuple[Row, ...]


def write_subject(subject: Subject, path: Path) -> None:
    """Write a person's file, whole or not at all."""
    tensors = {"reference": subject.reference}
    for number, row in enumerate(subject.rows):
        for name in _PARTS:
            tensors[f"{number}.{name}"] = getattr(row, name)
    modes = json.dumps([row.mode for row in subject.rows])
    write_tensors(path, tensors, FORMAT, {"name": subject.name, "modes": modes})


def read_subject(path: Path) -> Subject:
    """Read a person's file.

    Raises:
        InputError: it is damaged or something else.
    """
    tensors, about = read_tensors(path, FORMAT)
    try:
        rows = tuple(
            Row(
                "view" if mode == "view" else "pose",
                *(tensors[f"{n}.{name}"] for name in _PARTS),
            )
            for n, mode in enumerate(json.loads(about["modes"]))
        )
        return Subject(about["name"], tensors["reference"], rows)
    except (KeyError, ValueError) as error:
        raise damaged(path, error) from None


def read_subjects(folder: Path, limit: int | None = None) -> list[Subject]:
    """All people of a folder in the order of their names.

    Raises:
        InputError: there are none, or a file is damaged.
    """
    return [read_subject(path) for path in files_in(folder, limit)]
