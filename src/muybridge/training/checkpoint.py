"""Checkpoints: folders that are there whole or not at all, and are checked when read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from muybridge.errors import InputError

STATE = "state.json"
KEPT = 2
"""How many checkpoints of a stage are kept."""


@dataclass(frozen=True)
class Checkpoint:
    """What was read.

    Attributes:
        folder: where from.
        state: plain values.
        tensors: file's stem -> tensors by name, on the CPU.
    """

    folder: Path
    state: dict[str, Any]
    tensors: dict[str, dict[str, Tensor]]


def save_checkpoint(
    folder: Path, state: Mapping[str, Any], tensors: Mapping[str, Mapping[str, Tensor]]
) -> None:
    """Write a folder of ``STEM.safetensors`` and ``state.json``, whole or not at all.

    A folder that is there is replaced.
    """
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    files = {}
    for stem, values in tensors.items():
        path = part / f"{stem}.safetensors"
        save_file(dict(values), path)
        files[path.name] = _fingerprint(path)
        _to_disk(path)
    path = part / STATE
    path.write_text(json.dumps({**state, "files": files}, indent=1) + "\n")
    _to_disk(path)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(part, folder)
    _to_disk(folder.parent)


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read what :func:`save_checkpoint` wrote.

    Raises:
        InputError: a file is absent, damaged, or not the one that was written.
    """
    remedy = "use another checkpoint"
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        files = dict(state.pop("files"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(folder / STATE, "", f"can't be read ({error})", remedy) from None
    tensors = {}
    for name, fingerprint in files.items():
        path = folder / Path(name).name
        try:
            if _fingerprint(path) != fingerprint:
                raise InputError(path, "", "is damaged (its fingerprint differs)", remedy)
            tensors[path.stem] = load_file(path)
        except (OSError, SafetensorError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(path, "", f"can't be read ({error})", remedy) from None
    return Checkpoint(folder, state, tensors)


class Checkpoints:
    """The checkpoints of a stage, by step; the last :data:`KEPT` stay.

    Args:
        root: their folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def steps(self) -> list[int]:
        """Steps of which there is one, in order."""
        if not self.root.is_dir():
            return []
        return sorted(int(p.name) for p in self.root.iterdir() if p.name.isdecimal())

    def save(
        self, step: int, state: Mapping[str, Any], tensors: Mapping[str, Mapping[str, Tensor]]
    ) -> None:
        """Write one and remove those that are too old."""
        save_checkpoint(self.folder(step), state, tensors)
        for old in self.steps()[:-KEPT]:
            shutil.rmtree(self.folder(old), ignore_errors=True)

    def newest(self, warn: Callable[[str], None]) -> Checkpoint | None:
        """The newest that can be read; ``None`` where there is none at all.

        Args:
            warn: told of each that is damaged and passed over.

        Raises:
            InputError: there are some, and all are damaged.
        """
        for broken in self.root.glob(".*.part"):
            shutil.rmtree(broken, ignore_errors=True)
        for step in reversed(self.steps()):
            try:
                return load_checkpoint(self.folder(step))
            except InputError as error:
                warn(f"{error.source}: {error.problem}; the checkpoint before it is used")
                folder = self.folder(step)
                aside = folder.with_name(f"{folder.name}.damaged")
                shutil.rmtree(aside, ignore_errors=True)
                folder.rename(aside)
        if any(self.root.glob("*.damaged")):
            raise InputError(
                self.root, "", "every checkpoint of this stage is damaged",
                "put one back without .damaged in its name if it is whole after all, or remove "
                "this folder to train the stage from its start",
            )
        return None

    def folder(self, step: int) -> Path:
        """Where the checkpoint of a step lies."""
        return self.root / f"{step:09d}"


def _fingerprint(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _to_disk(path: Path) -> None:
    """Wait until it is on the disk; a loss of power then finds it whole."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
