"""Files of a training corpus: one for each person, tensors and a few words, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from muybridge.errors import InputError


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], kind: str, about: Mapping[str, str]
) -> None:
    """Write a safetensors file; an unfinished one never has the name.

    Args:
        path: of the file; its folder is made.
        tensors: by name.
        kind: says what the file holds.
        about: a few words more.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(whole, part, {**about, "format": kind})
    os.replace(part, path)


def read_tensors(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file that :func:`write_tensors` wrote, and its words.

    Raises:
        InputError: it is damaged, or holds something else.
    """
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            if about.get("format") != kind:
                raise ValueError("another format")
            return {name: file.get_tensor(name) for name in file.keys()}, about  # noqa: SIM118
    except Exception as error:  # safetensors raises its own kind and several others
        raise damaged(path, error) from None


def damaged(path: Path, error: Exception) -> InputError:
    """The refusal of a file that can't be used."""
    return InputError(
        path, "", f"is no training file ({type(error).__name__})", "remove it; it is made anew"
    )


def files_in(folder: Path, limit: int | None = None) -> list[Path]:
    """A corpus's files in the order of their names.

    Raises:
        InputError: there are none.
    """
    files = sorted(folder.glob("*.safetensors"))[:limit]
    if not files:
        raise InputError(folder, "", "holds no people", "make them with muybridge people")
    return files


def to_bytes(pictures: Float[Tensor, "*S"]) -> UInt8[Tensor, "*S"]:
    """Pictures in [0, 1] in 8 bit."""
    return (pictures.clamp(0, 1) * 255).round().to(torch.uint8)


def to_range(pictures: UInt8[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """8 bit pictures in [-1, 1], as autoencoders take them."""
    return pictures.float() / 127.5 - 1
