"""What GAS's video network is trained on, at its own size and ready to be read.

One file per person: the reference, and rows of pictures (the views of a moment, or the
frames of a view) with their cues and normal maps, for the exact body and for one that is a
little wrong. All are 8 bit; colours are premultiplied over black.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from muybridge.errors import InputError
from muybridge.methods.gas.config import Mode

FORMAT = "muybridge gas subject 1"


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


def to_bytes(pictures: Float[Tensor, "*S"]) -> UInt8[Tensor, "*S"]:
    """Pictures in [0, 1] in 8 bit."""
    return (pictures.clamp(0, 1) * 255).round().to(torch.uint8)


def to_range(pictures: UInt8[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """8 bit pictures in [-1, 1], as autoencoders take them."""
    return pictures.float() / 127.5 - 1


def write_subject(subject: Subject, path: Path) -> None:
    """Write a person's file, whole or not at all."""
    tensors = {"reference": subject.reference.contiguous()}
    for number, row in enumerate(subject.rows):
        for name in ("truth", "guides", "cues"):
            tensors[f"{number}.{name}"] = getattr(row, name).contiguous()
    modes = json.dumps([row.mode for row in subject.rows])
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    save_file(tensors, part, {"format": FORMAT, "name": subject.name, "modes": modes})
    os.replace(part, path)


def read_subject(path: Path) -> Subject:
    """Read a person's file.

    Raises:
        InputError: it is damaged or something else.
    """
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            if about.get("format") != FORMAT:
                raise ValueError("another format")
            rows = tuple(
                Row(
                    "view" if mode == "view" else "pose",
                    *(file.get_tensor(f"{n}.{name}") for name in ("truth", "guides", "cues")),
                )
                for n, mode in enumerate(json.loads(about["modes"]))
            )
            return Subject(about["name"], file.get_tensor("reference"), rows)
    except Exception as error:  # safetensors raises its own kind and several others
        raise InputError(
            path, "", f"is no training file ({type(error).__name__})", "remove it; it is made anew"
        ) from None


def read_subjects(folder: Path, limit: int | None = None) -> list[Subject]:
    """All people of a folder in the order of their names.

    Raises:
        InputError: there are none, or a file is damaged.
    """
    files = sorted(folder.glob("*.safetensors"))[:limit]
    if not files:
        raise InputError(folder, "", "holds no people", "make them with muybridge people")
    return [read_subject(path) for path in files]
