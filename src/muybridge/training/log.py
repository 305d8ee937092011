"""``log.jsonl``: what happened in a run, a JSON object a line."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from muybridge.errors import InputError


class Log:
    """Writes the log; every line is on its way to the disk when :meth:`write` returns.

    Args:
        path: the file; lines are added to what is there.
        keep: bytes of it to keep, where a run goes on from a checkpoint: what was written
            after the checkpoint happens again. ``None`` keeps all whole lines.
    """

    def __init__(self, path: Path, keep: int | None = None) -> None:
        path.touch()
        held = path.read_bytes()
        end = held.rfind(b"\n") + 1
        if keep is not None:
            end = held.rfind(b"\n", 0, keep) + 1 if keep < len(held) else end
        if end < len(held):
            os.truncate(path, end)
        self._file = path.open("ab")

    def write(self, event: str, **fields: Any) -> None:
        """Add a line; numbers that are not finite are written as ``null``."""
        line = json.dumps({"event": event, **{k: _plain(v) for k, v in fields.items()}},
                          allow_nan=False)
        self._file.write(line.encode() + b"\n")
        self._file.flush()

    @property
    def length(self) -> int:
        """Bytes so far."""
        return self._file.tell()

    def close(self) -> None:
        """Nothing more will be written."""
        self._file.close()


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    return value


def read_log(path: Path) -> list[dict[str, Any]]:
    """All events of a log; a last line that is not whole yet is left out.

    Raises:
        InputError: the file is absent, or a line is no JSON object.
    """
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise InputError(path, "", f"can't be read ({error.strerror})", "check the name") from None
    events = []
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict) or "event" not in event:
            raise InputError(path, f"line {number}", "is no event", "remove the line")
        events.append(event)
    return events
