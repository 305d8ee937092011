"""Fingerprints of inputs and frames (SHA-256, hexadecimal)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def of_file(path: Path) -> str:
    """Of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_path(path: Path) -> str:
    """Of a file, or of a folder: names and contents of all files below it."""
    if not path.is_dir():
        return of_file(path)
    names = sorted(p for p in path.rglob("*") if p.is_file())
    return of_data([[p.relative_to(path).as_posix(), of_file(p)] for p in names])


def of_data(data: Any) -> str:
    """Of plain values."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
