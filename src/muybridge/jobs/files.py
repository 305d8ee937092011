"""Files and the folder of a run: written whole or not at all, never somebody else's."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from muybridge.errors import InputError

WORK = ".muybridge"
"""Hidden folder of an unfinished run, inside the output folder."""
RECORD = "run.json"
OURS = (
    RECORD, "plate.png", "video.mp4", "video.mkv", "views", "matte", "frames", "cameras.json",
    "motion.npz", WORK,
)
"""What a run may replace. ``person`` is ours too, but kept while the photo is the same."""


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def write_json(path: Path, data: Any) -> None:
    """Write plain values as JSON, whole or not at all."""
    write_text(path, json.dumps(data, indent=2) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InputError: the file is absent, no JSON, or no object.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(path, "", f"can't be read ({error})", "check the name") from None
    except (ValueError, RecursionError) as error:
        raise InputError(path, "", f"is no JSON ({error})", "give what muybridge wrote") from None
    if not isinstance(data, dict):
        raise InputError(path, "", "is no JSON object", "give what muybridge wrote")
    return data


def is_ours(folder: Path) -> bool:
    """Whether a folder holds a run of muybridge, finished or not."""
    return (folder / RECORD).is_file() or (folder / WORK).is_dir()


@contextmanager
def claim(folder: Path, force: bool = False) -> Iterator[Path]:
    """Take an output folder for a run; yields its work folder.

    Args:
        folder: new, empty, or a run's.
        force: take it whatever it holds (files of other names stay).

    Raises:
        InputError: it is a file, it holds something else, it can't be written, or
            another run is writing there.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(folder, "", "is a file", "name a folder with -o")
    if folder.is_dir() and any(folder.iterdir()) and not is_ours(folder) and not force:
        raise InputError(
            folder, "", "holds files that are not a muybridge run",
            "name another folder with -o, or give --force",
        )
    work = folder / WORK
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = (work / "lock").open("w")
    except OSError as error:
        raise InputError(folder, "", f"can't be written ({error})", "name another folder") from None
    with lock:
        _lock(lock.fileno(), folder)
        yield work


def _lock(descriptor: int, folder: Path) -> None:
    """Hold the lock until the file is closed; a killed process lets go by itself."""
    with suppress(ImportError):  # Windows has no fcntl; there two runs are not told apart
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(
                folder, "", "another run is writing here", "wait for it, or name another folder"
            ) from None


def discard(path: Path) -> None:
    """Remove a file or a folder; nothing happens where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
