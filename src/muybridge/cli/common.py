"""What the verbs share: reading arguments, printing results, counting threads."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro

from muybridge.errors import InputError

T = TypeVar("T")

Out = Annotated[Path, tyro.conf.arg(aliases=["-o"])]
"""The option ``-o``."""
Json = Annotated[bool, tyro.conf.arg(name="json")]
"""The flag ``--json``; a field can't have the module's name."""
MaybeFile = Annotated[str | None, tyro.conf.arg(metavar="FILE")]
"""An option that names a file, or is left out."""
MaybeNumber = Annotated[int | None, tyro.conf.arg(metavar="N")]
"""An option that takes a whole number, or is left out."""


def read(kind: Callable[..., T], verb: str, argv: list[str]) -> T:
    """Arguments of a verb as an instance of its dataclass.

    Ends the process with code 2, and the reason on stderr, where they don't fit.
    """
    return tyro.cli(
        kind, prog=f"muybridge {verb}", args=argv,
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitSubcommandPrefixes),
    )


def show(data: Any, as_json: bool, text: str) -> None:
    """Print a result: as JSON for programs, as text for people."""
    print(json.dumps(data, indent=2) if as_json else text)


def use_threads(count: int | None) -> None:
    """Let every library compute with so many threads; all cores where ``None``.

    Raises:
        InputError: the number is not positive.
    """
    if count is not None:  # the libraries are not loaded for nothing
        from muybridge.jobs.threads import use_threads as use

        use(count)


def stop_on_terminate() -> None:
    """Let SIGTERM stop a run as Ctrl-C does: in order, and resumable, whatever it is doing."""
    from muybridge.jobs import stopping

    def stop(signum: int, frame: object) -> None:
        stopping.ask()
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def listed(text: str, option: str) -> list[str]:
    """``a,b,c`` as a list.

    Raises:
        InputError: nothing is in it, or a name is there twice.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or len(set(names)) < len(names):
        raise InputError(option, "", f"{text!r} is no list of names", "write a,b,c, each once")
    return names


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows of text in aligned columns."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))] if rows else []
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def warn(text: str) -> None:
    """Say something on stderr."""
    print(text, file=sys.stderr)
