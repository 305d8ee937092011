"""``muybridge animate``: a person, a motion and cameras -> multi-view video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from muybridge.cli.common import Json, MaybeNumber, Out, read, show, stop_on_terminate, use_threads
from muybridge.cli.request import Scene
from muybridge.errors import InputError


@dataclass(kw_only=True)
class Animate(Scene):
    """Make a multi-view video of a person from a photo.

    Writes plate.png (rows are views, columns are moments), video.mp4 (all views), views/,
    matte/, cameras.json, motion.npz, person/ (the fit; used again next time) and run.json.
    A run that was stopped goes on when the same command is given again.

    Attributes:
        person: a photo, or the folder of a fitted person.
        out: the output folder.
        method: see muybridge methods.
        from_: a run.json to run again, instead of a person; the same frames come out.
        save_frames: also write every frame as PNG.
        lossless: also write every view as FFV1.
        force: write into a folder that holds other things.
        threads: to compute with; all cores unless given.
        quiet: no progress.
        json_: print the record of the run.
    """

    person: Annotated[
        str | None, tyro.conf.Positional, tyro.conf.arg(metavar="PERSON")
    ] = None
    out: Out = Path("out")
    method: str = "avatar"
    from_: Annotated[Path | None, tyro.conf.arg(name="from", metavar="RUN.JSON")] = None
    save_frames: bool = False
    lossless: bool = False
    force: bool = False
    threads: MaybeNumber = None
    quiet: bool = False
    json_: Json = False


def main(argv: list[str]) -> int:
    """Run the verb; returns the exit code."""
    asked = read(Animate, "animate", argv)
    if (asked.person is None) == (asked.from_ is None):
        raise InputError(
            "animate", "", "needs either a photo or --from", "name one photo, or one run.json"
        )
    use_threads(asked.threads)
    stop_on_terminate()
    from muybridge.jobs.progress import listening

    with listening(asked.quiet) as listener:
        if asked.person is not None:
            from muybridge.jobs.run import run

            job = asked.job_of(
                asked.person, asked.method,
                save_frames=asked.save_frames, lossless=asked.lossless,
            )
            result = run(job, asked.out, listener=listener, force=asked.force)
        elif asked.from_ is not None:
            from muybridge.jobs.replay import replay

            result = replay(asked.from_, asked.out, listener=listener, force=asked.force)
    show(
        {"folder": str(result.folder), **result.record}, asked.json_,
        str(result.folder / "plate.png"),
    )
    return 0
