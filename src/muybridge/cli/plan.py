"""``muybridge plan``: how long will it take, and how much memory?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from muybridge.cli.common import Json, MaybeNumber, read, show, table, use_threads
from muybridge.cli.request import Request

if TYPE_CHECKING:
    from muybridge.jobs import Job


@dataclass(kw_only=True)
class Plan(Request):
    """Forecast an animation without running it.

    The machine's speed is measured once (about ten seconds) and remembered.

    Attributes:
        method: see muybridge methods.
        save_frames: also write every frame as PNG.
        lossless: also write every view as FFV1.
        threads: to compute with; all cores unless given.
        measure: measure the machine's speed again.
        json_: print the forecast for a program.
    """

    method: str = "avatar"
    save_frames: bool = False
    lossless: bool = False
    threads: MaybeNumber = None
    measure: bool = False
    json_: Json = False


def main(argv: list[str]) -> int:
    """Run the verb; returns the exit code."""
    asked = read(Plan, "plan", argv)
    job = asked.job(asked.method, save_frames=asked.save_frames, lossless=asked.lossless)
    use_threads(asked.threads)
    forecast(job, asked.json_, asked.measure)
    return 0


def forecast(job: Job, as_json: bool, measure: bool = False) -> None:
    """Print what a job will take.

    Args:
        job: what to make.
        as_json: for a program.
        measure: the machine's speed again.

    Raises:
        InputError: a run of the job would be refused.
    """
    from muybridge.jobs.plan import plan
    from muybridge.jobs.speed import speed

    found = plan(job, known=speed(refresh=measure))
    extent = found.extent
    rows = [(stage, f"{seconds:.1f} s") for stage, seconds in found.seconds.items()]
    rows.append(("total", f"{found.total:.1f} s"))
    rows.append(("memory", f"{found.memory_bytes / 2**30:.2f} GiB"))
    rows.append(("disk while it runs", f"{found.disk_bytes / 2**20:.0f} MiB"))
    title = f"{extent.views} views x {extent.frames} frames at {extent.width}x{extent.height}"
    show(found.to_dict(), as_json, title + "\n" + table(rows))
