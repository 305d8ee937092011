"""How far a run has come: events for any listener, and two listeners for a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import IO, Any, Protocol, cast, runtime_checkable

from muybridge.jobs import stopping


@dataclass(frozen=True)
class Event:
    """Something happened.

    Attributes:
        stage: what is being done, such as ``fit`` or ``render``.
        done: how much of the stage is done, 0..1.
        overall: how much of the run is done, 0..1.
        text: what to say, where there is something to say.
        kind: ``begin``, ``step`` or ``end`` of a stage, ``warning``, or ``note``.
    """

    stage: str
    done: float
    overall: float
    text: str = ""
    kind: str = "step"


Listener = Callable[[Event], None]


@runtime_checkable
class Stream(Protocol):
    """Something to print to: stderr, or a buffer."""

    def write(self, text: str, /) -> object:
        """Take text."""

    def flush(self) -> object:
        """Pass it on."""

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return False


class Progress:
    """Turns stages of known weight into events.

    Args:
        stages: name -> expected seconds, in order; the overall share is made from them.
        listener: told of every event; ``None`` keeps silent.
    """

    def __init__(self, stages: dict[str, float], listener: Listener | None = None) -> None:
        total = sum(stages.values()) or 1.0
        self._share = {name: seconds / total for name, seconds in stages.items()}
        self._before = 0.0
        self._listener = listener
        stopping.forget()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, text: str = "") -> Iterator[Callable[..., None]]:
        """Enter a stage; yields ``step(done, text="")`` with ``done`` in 0..1."""
        share = self._share.get(name, 0.0)
        began = time.perf_counter()

        def step(done: float, text: str = "") -> None:
            stopping.check()
            done = min(max(float(done), 0.0), 1.0)
            self._tell(Event(name, done, self._before + share * done, text))

        stopping.check()
        self._tell(Event(name, 0.0, self._before, text, "begin"))
        yield step
        self._before = min(self._before + share, 1.0)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began
        self._tell(Event(name, 1.0, self._before, "", "end"))

    def warn(self, stage: str, text: str) -> None:
        """Say something that the user should know."""
        self._tell(Event(stage, 0.0, self._before, text, "warning"))

    def note(self, stage: str, text: str) -> None:
        """Say how something was understood, where nothing is wrong."""
        self._tell(Event(stage, 0.0, self._before, text, "note"))

    def _tell(self, event: Event) -> None:
        if self._listener is not None:
            self._listener(event)


def within(
    listener: Listener | None, name: str, position: int, count: int
) -> Listener | None:
    """A listener for one of several runs, whose whole is all of them.

    Args:
        listener: told of the whole.
        name: of the run; put before its stages.
        position: of the run, from 0 on. ``count``: of runs.
    """
    if listener is None:
        return None

    def tell(event: Event) -> None:
        overall = (position + event.overall) / count
        listener(replace(event, stage=f"{name} {event.stage}", overall=overall))

    return tell


class LineLog:
    """A listener for logs: a line when a stage begins and ends, and every ten seconds."""

    def __init__(self, stream: Stream | None = None, every: float = 10.0) -> None:
        self._stream = stream or sys.stderr
        self._every = every
        self._began = self._last = time.monotonic()
        self._came: tuple[float, float] | None = None
        """When this run came in, and how much of it had been done before."""

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        if self._came is None or event.text.startswith("goes on"):
            self._came = (now, event.overall)
        if event.kind in ("warning", "note"):
            self._line(f"{event.kind}: {event.text}")
        elif event.kind == "begin":
            self._stage_began = self._last = now
            self._line(f"{event.stage}: {event.text or 'begins'}")
        elif event.kind == "end":
            self._line(f"{event.stage}: done in {now - self._stage_began:.1f} s")
        elif now - self._last >= self._every:
            self._last = now
            self._line(
                f"{event.stage}: {event.done:4.0%}, whole run {event.overall:4.0%}, "
                f"{self._left(now, event.overall)}{event.text}".rstrip()
            )

    def _left(self, now: float, overall: float) -> str:
        """The time left, by what was done since this run came in."""
        since, before = self._came or (self._began, 0.0)
        if overall - before < 1e-3:
            return ""
        return f"about {(now - since) * (1 - overall) / (overall - before):.0f} s left "

    def _line(self, text: str) -> None:
        print(f"[{time.monotonic() - self._began:6.1f} s] {text}", file=self._stream, flush=True)


class Bars:
    """A listener for terminals: a bar for the run and one for the stage, with the time left."""

    def __init__(self, progress: Any) -> None:
        self._bars = progress
        self._whole = progress.add_task("whole run", total=1.0)
        self._stage = progress.add_task("", total=1.0, visible=False)

    def __call__(self, event: Event) -> None:
        from rich.text import Text

        if event.kind in ("warning", "note"):
            colour = "yellow" if event.kind == "warning" else "cyan"
            said = Text.assemble((f"{event.kind}:", colour), f" {event.text}")
            self._bars.console.print(said, highlight=False)
            return
        if event.kind == "begin":
            self._bars.reset(self._stage, total=1.0, visible=True, description=f"  {event.stage}")
        self._bars.update(self._whole, completed=event.overall)
        self._bars.update(
            self._stage, completed=event.done,
            description=f"  {event.stage} {event.text}".rstrip(),
        )


@contextmanager
def terminal(stream: Stream | None = None) -> Iterator[Listener]:
    """A listener on stderr: bars on a terminal, lines elsewhere."""
    stream = stream or sys.stderr
    if not stream.isatty():
        yield LineLog(stream)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    bars = RichProgress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(file=cast(IO[str], stream)),
    )
    with bars:
        yield Bars(bars)


def listening(quiet: bool = False) -> AbstractContextManager[Listener | None]:
    """:func:`terminal`, or nothing where ``quiet``."""
    return nullcontext() if quiet else terminal()
