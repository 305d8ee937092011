"""What one process does for ``muybridge people``: a person from their number to their folder."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from muybridge.data.canonical import write_canonical
from muybridge.data.folder import find_clips, write_clip
from muybridge.data.members import PERSON
from muybridge.data.people import Programme, canonical, clips
from muybridge.errors import InputError
from muybridge.jobs import digest
from muybridge.jobs.files import discard, read_json
from muybridge.synthetic.splits import Split

CANONICAL = "canonical"
"""Name of the folder in ReImagine's layout within a person's folder."""


@dataclass(frozen=True)
class Order:
    """What is made of each person.

    Attributes:
        split: that everything is taken from.
        programme: the clips.
        canonical_size: width and height of the pictures in a folder ``canonical`` in ReImagine's
            layout, 800 x 1328 in the release; ``None`` for no such folder.
    """

    split: Split = "train"
    programme: Programme = field(default_factory=Programme)
    canonical_size: tuple[int, int] | None = None


def folder_of(out: Path, order: Order, number: int) -> Path:
    """Where a person's clips lie."""
    return out / order.split / f"{number:07d}"


def make_person(number: int, order: Order, out: Path) -> int:
    """Makes a person's folder, whole or not at all; gives the number back."""
    target = folder_of(out, order, number)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        part.mkdir()
        for clip in clips(number, order.split, order.programme):
            write_clip(clip, part / clip.name.rsplit("-", 1)[1])
        if order.canonical_size is not None:
            write_canonical(canonical(number, order.split, order.canonical_size), part / CANONICAL)
        if not target.is_dir():
            os.replace(part, target)
    except OSError as error:
        raise InputError(target, "", f"can't be written ({error.strerror})",
                         "make room, or name another folder") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return number


def told(out: Path, order: Order, number: int) -> dict[str, Any]:
    """What ``SPLIT.json`` says of a person: their clips, with the SHA-256 of each folder."""
    folder = folder_of(out, order, number)
    for stale in folder.parent.glob(f".{folder.name}.*"):
        discard(stale)  # what a process left that was killed
    entries = []
    for clip in find_clips(folder):
        about = read_json(clip / PERSON)
        entries.append({
            "name": about["name"], "folder": clip.name, "views": about["views"],
            "frames": about["frames"], "sha256": digest.of_path(clip),
        })
    place = folder.relative_to(out).as_posix()
    said: dict[str, Any] = {"number": number, "folder": place, "clips": entries}
    if order.canonical_size is not None:
        said["canonical"] = digest.of_path(folder / CANONICAL)
    return said
