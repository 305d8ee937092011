"""Folders of a method's networks that muybridge writes: an index beside the networks' folders."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muybridge.errors import InputError

_REMEDY = "use a folder that muybridge wrote"


@dataclass(frozen=True)
class OwnFolder:
    """How a method's folders are told from others.

    Attributes:
        index: name of the file that holds the config.
        format: what it says it is.
        version: of the layout.
    """

    index: str
    format: str
    version: int = 1

    def is_at(self, folder: Path) -> bool:
        """Whether a folder is one of these; looks at its index only."""
        try:
            values = json.loads((folder / self.index).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return False
        return isinstance(values, dict) and values.get("format") == self.format

    def write(
        self, folder: Path, config: Mapping[str, Any], fill: Callable[[Path], None]
    ) -> None:
        """Write a folder, whole or not at all.

        Args:
            folder: new, empty, or one of these, which is replaced.
            config: plain values for the index.
            fill: writes the networks into the folder it is given.

        Raises:
            InputError: the folder holds something else.
        """
        other = folder.exists() and not self.is_at(folder)
        if other and (folder.is_file() or any(folder.iterdir())):
            raise InputError(folder, "", "holds something else", "name another folder")
        part = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
        try:
            part.mkdir(parents=True)
            fill(part)
            index = {"format": self.format, "version": self.version, "config": config}
            (part / self.index).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(part, folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def read(self, folder: Path) -> dict[str, Any]:
        """The config in a folder's index, as it stands there.

        Raises:
            InputError: there is none, or it is of a newer version or broken.
        """
        path = folder / self.index
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(path, "", f"can't be read ({error})", _REMEDY) from None
        if not isinstance(values, dict) or values.get("format") != self.format:
            raise InputError(path, "format", f"is not {self.format}", _REMEDY)
        if values.get("version") != self.version:
            raise InputError(
                path, "version",
                f"is {values.get('version')!r}; this muybridge knows {self.version}",
                "install the muybridge that wrote it",
            )
        if not isinstance(values.get("config"), dict):
            raise InputError(path, "config", "is missing", _REMEDY)
        return values["config"]
