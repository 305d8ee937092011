"""``muybridge plan``: how long will it take, and how much memory?"""

from __future__ import annotations

from dataclasses import dataclass

from muybridge.cli.common import Json, MaybeNumber, read, show, table, use_threads
from muybridge.cli.request import Request


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
    from muybridge.jobs.plan import plan
    from muybridge.jobs.speed import speed

    forecast = plan(job, known=speed(refresh=asked.measure))
    extent = forecast.extent
    rows = [(stage, f"{seconds:.1f} s") for stage, seconds in forecast.seconds.items()]
    rows.append(("total", f"{forecast.total:.1f} s"))
    rows.append(("memory", f"{forecast.memory_bytes / 2**30:.2f} GiB"))
    rows.append(("disk while it runs", f"{forecast.disk_bytes / 2**20:.0f} MiB"))
    title = f"{extent.views} views x {extent.frames} frames at {extent.width}x{extent.height}"
    show(forecast.to_dict(), asked.json_, title + "\n" + table(rows))
    return 0
