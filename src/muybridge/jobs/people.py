"""Make people to learn from: clip folders of many, in parallel, resumable, the same every time.

A person's folder appears whole or not at all, so a run that was stopped, however hard, goes
on with the next person. What a person looks like and does follows from their number alone;
how many processes work on it changes nothing.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from muybridge.errors import InputError
from muybridge.jobs.files import RECORD, claim, read_json, write_json
from muybridge.jobs.people_sheet import write_sheet
from muybridge.jobs.people_work import Order, folder_of, make_person, told
from muybridge.jobs.pool import each
from muybridge.jobs.progress import Listener, Progress

SHARDS = "shards"
PER_SEED = 100_000
"""People of one seed; other seeds are other people."""
BUILD_SECONDS, PICTURE_SECONDS, PICTURE_BYTES = 1.7, 0.035, 11_000
"""Of one core with the compiled rasteriser: to build a person; to take 96x128 pixels; on disk."""
CANONICAL_PICTURES = 27
"""Views, references and assets of a canonical person."""
CANONICAL_SECONDS, CANONICAL_BYTES = 0.9e-6, 0.38
"""For each of their pixels, normal maps and files included."""


@dataclass(frozen=True)
class People:
    """A request for people.

    Attributes:
        count: how many.
        seed: which ones; the people of two seeds share nothing but their split.
        order: what is made of each.
        shards: also pack the clips into WebDataset tars.
        clips_per_shard: at most so many in each.
    """

    count: int
    seed: int = 0
    order: Order = field(default_factory=Order)
    shards: bool = False
    clips_per_shard: int = 256

    def checked(self) -> People:
        """This request, if it can be done.

        Raises:
            InputError: a number is out of range.
        """
        programme = self.order.programme
        for name, value, low, high in (
            ("N", self.count, 1, PER_SEED), ("--seed", self.seed, 0, 10_000),
            ("--views", programme.views, 0, 256), ("--motions", programme.motions, 0, 1000),
            ("--frames", programme.frames, 1, 10_000), ("--grid", programme.grid, 0, 256),
            ("--paths", programme.paths, 0, 256),
            ("--path-motions", programme.path_motions, 1, 1000),
            ("width", programme.size[0], 16, 4096), ("height", programme.size[1], 16, 4096),
            ("--reference-scale", programme.reference_scale, 1, 16),
            ("clips per shard", self.clips_per_shard, 1, 1_000_000),
            *(("--canonical-size", side, 16, 4096) for side in self.order.canonical_size or ()),
        ):
            if not low <= value <= high:
                raise InputError("people", name, f"is {value}", f"give {low} to {high}")
        if programme.pictures == 0:
            raise InputError("people", "", "nothing is to be taken",
                             "give --views, --motions, --grid, --paths or --canonical")
        return self

    @property
    def numbers(self) -> range:
        """The people's numbers within their split."""
        first = self.seed * PER_SEED
        return range(first, first + self.count)

    def forecast(self, workers: int) -> dict[str, float]:
        """Expected seconds, megabytes and pictures.

        Args:
            workers: processes, each on a core of its own.
        """
        programme = self.order.programme
        area = programme.size[0] * programme.size[1] / (96 * 128)
        pictures = self.count * (programme.pictures + 2)
        seconds = self.count * BUILD_SECONDS + pictures * PICTURE_SECONDS * (0.6 + 0.4 * area)
        size = pictures * PICTURE_BYTES * area
        if self.order.canonical_size is not None:
            width, height = self.order.canonical_size
            pixels = self.count * CANONICAL_PICTURES * width * height
            pictures += self.count * CANONICAL_PICTURES
            seconds += self.count * BUILD_SECONDS + pixels * CANONICAL_SECONDS
            size += pixels * CANONICAL_BYTES
        return {
            "people": self.count, "pictures": pictures, "seconds": round(seconds / workers, 1),
            "megabytes": round(size / 1e6, 1),
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; the number of people is not among them, it may grow."""
        programme = asdict(self.order.programme) | {"size": list(self.order.programme.size)}
        if not self.order.programme.paths:
            del programme["paths"]  # as folders say that were made before there were any
        if programme["path_motions"] == 1 or not self.order.programme.paths:
            del programme["path_motions"]  # likewise, and nothing without cameras on paths
        said: dict[str, Any] = {
            "seed": self.seed, "split": self.order.split, "programme": programme,
        }
        if self.order.canonical_size is not None:
            said["canonical_size"] = list(self.order.canonical_size)
        return said


def people(
    request: People, out: Path, *, workers: int = 2, listener: Listener | None = None
) -> dict[str, Any]:
    """Make people; what is there of them already is kept.

    Args:
        request: who, and what is taken.
        out: the output folder: new, empty, or one that was begun with the same request (the
            number of people may grow).
        workers: processes, each with one thread.
        listener: told of progress.

    Returns:
        What ``SPLIT.json`` says; splits lie beside each other in a folder.

    Raises:
        InputError: the request can't be done, or the folder holds something else.
    """
    request.checked()
    if not 1 <= workers <= 256:
        raise InputError("people", "--workers", f"is {workers}", "give 1 to 256")
    if (out / RECORD).exists():
        raise InputError(out, "", "holds a run of muybridge animate", "name another folder")
    with claim(out) as work:
        _same_request(work / f"{request.order.split}.json", request)
        todo = [n for n in request.numbers if not folder_of(out, request.order, n).is_dir()]
        seconds = request.forecast(workers)["seconds"]
        stages = {"people": max(seconds, 0.1)} | ({"shards": 1.0} if request.shards else {})
        progress = Progress(stages | {"sheet": 1.0}, listener)
        kept = request.count - len(todo)
        with progress.stage("people", f"{request.count} people, {kept} are there") as step:
            began = time.monotonic()
            make = partial(make_person, order=request.order, out=out)
            for done, _ in enumerate(each(todo, make, workers), 1):
                rate = done / max(time.monotonic() - began, 1e-6)
                left = (len(todo) - done) / rate
                step((kept + done) / request.count,
                     f"{kept + done} of {request.count}, {60 * rate:.0f} a minute, "
                     f"about {left:.0f} s left")
        entries = [told(out, request.order, number) for number in request.numbers]
        index: dict[str, Any] = {
            "muybridge_people": 1, **request.to_dict(), "count": request.count, "people": entries,
        }
        if request.shards:
            with progress.stage("shards"):
                index["shards"] = _shards(request, out, entries)
        with progress.stage("sheet"):
            sheet = out / f"{request.order.split}.png"
            write_sheet([out / entry["folder"] for entry in entries], sheet)
        write_json(out / f"{request.order.split}.json", index)
    return index


def _same_request(path: Path, request: People) -> None:
    if path.is_file():
        if read_json(path) != request.to_dict():
            raise InputError(
                path.parent.parent, "", "holds people made with other options",
                "give the same options, or name another folder",
            )
        return
    write_json(path, request.to_dict())


def _shards(request: People, out: Path, entries: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Packs all clips; gives name and SHA-256 of each tar."""
    from muybridge.data import write_shards
    from muybridge.jobs import digest

    clips = [(out / e["folder"] / c["folder"], c["name"]) for e in entries for c in e["clips"]]
    paths = write_shards(
        [folder for folder, _ in clips], out / SHARDS, [name for _, name in clips],
        request.order.split, request.clips_per_shard,
    )
    return [{"file": f"{SHARDS}/{p.name}", "sha256": digest.of_file(p)} for p in paths]
