"""``muybridge guide``: only the maps that steer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from muybridge.cli.common import (
    Json,
    MaybeNumber,
    Out,
    listed,
    read,
    show,
    stop_on_terminate,
    table,
    use_threads,
)
from muybridge.jobs.job import Job, parse_fps, parse_size, parse_start


@dataclass
class Guide:
    """Write normals, depth, parts, skeleton and bone maps of a body in motion as videos.

    Writes MAP/NN.mp4 for each view, MAP.mp4 with all views, plate.png, cameras.json and
    motion.npz.

    Attributes:
        motion: a motion file or a clip; see muybridge motions.
        camera: a camera path, a sentence, or a file; see muybridge cameras.
        out: the output folder.
        person: the folder of a fitted person; an average body unless given.
        maps: names, as in depth,parts; all unless given. --list says what there is.
        frames: how many; the whole motion unless given.
        start: where in the motion: a frame such as 36, seconds such as 1.5s, or auto, which
            skips a calibration pose that a recording holds at first.
        fps: frames per second, such as 24 or 30000/1001.
        size: 512 (a square) or WIDTHxHEIGHT, in pixels.
        lossless: single views as FFV1 instead of H.264.
        list: say which maps there are, and do nothing else.
        force: replace a folder that holds other things.
        threads: to compute with; all cores unless given.
        quiet: no progress.
        json_: print for a program.
    """

    motion: str = "walk"
    camera: str = "orbit:8"
    out: Out = Path("maps")
    person: str = "average"
    maps: str = "all"
    frames: MaybeNumber = None
    start: str = "auto"
    fps: str = "24"
    size: str = "512"
    lossless: bool = False
    list: bool = False
    force: bool = False
    threads: MaybeNumber = None
    quiet: bool = False
    json_: Json = False


def main(argv: list[str]) -> int:
    """Run the verb; returns the exit code."""
    asked = read(Guide, "guide", argv)
    width, height = parse_size(asked.size)
    fps = parse_fps(asked.fps)
    job = Job(
        asked.person, asked.motion, camera=asked.camera, frames=asked.frames,
        start=parse_start(asked.start, fps), fps=fps, width=width, height=height,
    )
    use_threads(asked.threads)
    stop_on_terminate()
    if asked.list:
        from muybridge.render import MAPS

        facts = {name: entry.description for name, entry in MAPS.items()}
        show(facts, asked.json_, table(list(facts.items())))
        return 0
    from muybridge.jobs.guide import guide
    from muybridge.jobs.progress import listening

    names = None if asked.maps == "all" else listed(asked.maps, "--maps")
    with listening(asked.quiet) as listener:
        result = guide(
            job, asked.out, maps=names, lossless=asked.lossless, listener=listener,
            force=asked.force,
        )
    show({"folder": str(result.folder), **result.record}, asked.json_,
         str(result.folder / "plate.png"))
    return 0
