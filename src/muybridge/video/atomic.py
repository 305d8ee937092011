"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path

from muybridge.errors import InputError


def temporary(path: str | PathLike[str]) -> Path:
    """A name beside ``path`` with its suffix, for a file that is still being written.

    Makes the folder. Raises :class:`InputError` where ``path`` can't become a file.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(path, "", "is a folder", "name a file to write")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(path, "", f"its folder can't be made ({error.strerror})",
                         "choose another place") from None
    return path.with_name(f".{path.stem[:80]}.{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")


@contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[Path]:
    """A temporary path to write to; it becomes ``path`` unless the block raises."""
    temp = temporary(path)
    try:
        yield temp
        os.replace(temp, path)
    finally:
        with suppress(OSError):
            temp.unlink(missing_ok=True)
