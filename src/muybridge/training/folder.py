"""The folder of a training run: what lies where, and that only one run writes there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from muybridge.errors import InputError
from muybridge.training.checkpoint import Checkpoints
from muybridge.video.atomic import replacing

RECORD = "train.json"
"""What is trained, how, and how far it has come."""
LOG = "log.jsonl"
DONE = "done.json"
LOCK = ".lock"
SPENT = "spent.json"


class RunFolder:
    """Names of everything in a run's folder.

    ``train.json``, ``log.jsonl``, ``plates/STAGE-STEP.png``, ``checkpoints/STAGE/STEP/``,
    ``stages/STAGE/`` (``files/``: what it made; ``averaged.safetensors`` and
    ``module.safetensors``: the state of a trained module; ``done.json``) and ``weights/``:
    what ships.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def log(self) -> Path:
        """The log."""
        return self.root / LOG

    @property
    def weights(self) -> Path:
        """What ships."""
        return self.root / "weights"

    def stage(self, name: str) -> Path:
        """A stage's folder; there for a training stage once it is done."""
        return self.root / "stages" / name

    def checkpoints(self, name: str) -> Checkpoints:
        """A stage's checkpoints."""
        return Checkpoints(self.root / "checkpoints" / name)

    def plate(self, name: str, step: int) -> Path:
        """A validation picture."""
        return self.root / "plates" / f"{name}-{step:07d}.png"

    def done(self, name: str) -> dict[str, Any] | None:
        """What a finished stage says about itself, or ``None``."""
        path = self.stage(name) / DONE
        return read_json(path) if path.is_file() else None

    def record(self) -> dict[str, Any]:
        """``train.json``.

        Raises:
            InputError: there is none, or it can't be read.
        """
        if not (self.root / RECORD).is_file():
            raise InputError(self.root, RECORD, "is not there, so there is no run to go on with",
                             "leave out --resume, or name the folder of a run with -o")
        return read_json(self.root / RECORD)

    def write_record(self, record: dict[str, Any]) -> None:
        """Write ``train.json``."""
        write_json(self.root / RECORD, record)

    def is_bare(self) -> bool:
        """Whether no stage has left anything to go on with."""
        kept = [p for name in ("stages", "checkpoints") for p in (self.root / name).rglob("*")]
        return not any(p.is_file() for p in kept)

    def clear(self) -> None:
        """Remove what a run without anything to go on with has written."""
        for path in (self.root / RECORD, self.log, self.root / LOCK):
            path.unlink(missing_ok=True)
        for name in ("stages", "checkpoints", "plates"):
            shutil.rmtree(self.root / name, ignore_errors=True)
        with suppress(OSError):  # somebody else's file is in it
            self.root.rmdir()

    @contextmanager
    def claim(self, resume: bool) -> Iterator[None]:
        """Take the folder for a run.

        Raises:
            InputError: it is a file, it can't be written, another run is writing there, it
                holds something and ``resume`` is false, or there is nothing to resume.
        """
        root = self.root
        if root.exists() and not root.is_dir():
            raise InputError(root, "", "is a file", "name a folder with -o")
        if resume:
            self.record()
        elif root.is_dir() and any(root.iterdir()):
            ours = (root / RECORD).is_file()
            raise InputError(
                root, "", "holds a training run" if ours else "holds files",
                "give --resume to go on with it, or name another folder with -o"
                if ours else "name another folder with -o",
            )
        try:
            root.mkdir(parents=True, exist_ok=True)
            lock = (root / LOCK).open("w")
        except OSError as error:
            raise InputError(root, "", f"can't be written ({error})",
                             "name another folder with -o") from None
        with lock:
            _lock(lock.fileno(), root)
            yield


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to fill; it becomes ``folder`` unless the block raises."""
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    yield part
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(part, folder)


def write_json(path: Path, data: Any) -> None:
    """Write plain values, whole or not at all."""
    with replacing(path) as temp:
        temp.write_text(json.dumps(data, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InputError: the file can't be read or holds something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(path, "", f"can't be read ({error})",
                         "give what muybridge wrote") from None
    if not isinstance(data, dict):
        raise InputError(path, "", "is no JSON object", "give what muybridge wrote")
    return data


def _lock(descriptor: int, folder: Path) -> None:
    """Hold the lock until the file is closed; a killed process lets go by itself."""
    with suppress(ImportError):  # Windows has no fcntl; there two runs are not told apart
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(folder, "", "another run is writing here",
                             "wait for it, or name another folder") from None
