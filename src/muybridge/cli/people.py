"""``muybridge people``: people to learn from, made from numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from muybridge.cli.common import Json, Out, read, show, stop_on_terminate, table


@dataclass
class People:
    """Make people: bodies, faces, hair, clothes, motions, light, all from numbers.

    Writes a folder for each person with clip folders in it (frames, mattes, motion, cameras,
    reference pictures), SPLIT.json with checksums, and a sheet SPLIT.png; splits may share a
    folder. The same command goes on where a run was stopped; a larger N adds people.

    Attributes:
        count: how many people.
        out: the output folder.
        split: train, validation or test; they share no person, garment, light or motion.
        seed: which people; two seeds share none.
        views: cameras around the standing person; 0 for none.
        motions: motions of each person, seen by one camera.
        frames: of each motion.
        fps: frames per second of the motions.
        grid: cameras around one more motion; 0 for none.
        paths: cameras around one more motion of which every second one travels; 0 for none.
        path_motions: how many motions are seen by such cameras.
        size: of the pictures, WIDTHxHEIGHT.
        framing: tight: people fill their pictures, as small networks take them; wide: as the
            cameras of animate frame them.
        reference_scale: how many times larger than the others reference pictures are.
        canonical: also ReImagine's canonical person: 16 cameras around the standing person,
            front, back, face, garments and shoes cut out, normal maps; as a clip of --size, and
            as plain pictures in the release's layout.
        canonical_size: of those plain pictures, WIDTHxHEIGHT; none leaves them out.
        shards: also pack the clips into WebDataset tars.
        workers: processes, one thread each.
        dry_run: only say how long it will take and how large it will be.
        quiet: no progress.
        json_: print the result for a program.
    """

    count: Annotated[int, tyro.conf.Positional, tyro.conf.arg(metavar="N")]
    out: Out = Path("people")
    split: Literal["train", "validation", "test"] = "train"
    seed: int = 0
    views: int = 12
    motions: int = 2
    frames: int = 8
    fps: str = "12"
    grid: int = 0
    paths: int = 0
    path_motions: int = 1
    size: str = "96x128"
    framing: Literal["tight", "wide"] = "tight"
    reference_scale: int = 2
    canonical: bool = False
    canonical_size: str = "800x1328"
    shards: bool = False
    workers: int = 2
    dry_run: bool = False
    quiet: bool = False
    json_: Json = False


def main(argv: list[str]) -> int:
    """Run the verb; returns the exit code."""
    asked = read(People, "people", argv)
    stop_on_terminate()
    from muybridge.data.people import Programme
    from muybridge.jobs import parse_fps, parse_size
    from muybridge.jobs import people as job
    from muybridge.jobs.people_work import Order
    from muybridge.jobs.progress import listening

    programme = Programme(
        asked.views, asked.motions, asked.frames, str(parse_fps(asked.fps)), asked.grid,
        asked.canonical, parse_size(asked.size), asked.framing == "tight", asked.reference_scale,
        asked.paths, asked.path_motions,
    )
    plain = asked.canonical and asked.canonical_size != "none"
    order = Order(
        asked.split, programme, parse_size(asked.canonical_size) if plain else None
    )
    request = job.People(asked.count, asked.seed, order, asked.shards).checked()
    if asked.dry_run:
        cost = request.forecast(asked.workers)
        show(cost, asked.json_, table([(name, f"{value:g}") for name, value in cost.items()]))
        return 0
    with listening(asked.quiet) as listener:
        index = job.people(request, asked.out, workers=asked.workers, listener=listener)
    clips = sum(len(person["clips"]) for person in index["people"])
    show({"folder": str(asked.out), "people": index["count"], "clips": clips}, asked.json_,
         f"{asked.out}: {index['count']} people, {clips} clips")
    return 0
