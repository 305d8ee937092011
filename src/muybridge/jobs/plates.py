"""Make the benchmark Plates, or find it where it was made before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from muybridge.errors import InputError
from muybridge.evaluation.manifest import Truth, check, entry_of, manifest_of, worst
from muybridge.evaluation.plates import PER_SEED, SPLIT, Plates
from muybridge.jobs.files import read_json
from muybridge.jobs.people import PER_SEED as PEOPLE_PER_SEED
from muybridge.jobs.people import People, people
from muybridge.jobs.people_work import Order
from muybridge.jobs.progress import Listener

PICTURE_SECONDS, BUILD_SECONDS = 0.06, 4.0
"""Of one core: to take 192x256 pixels; to build a person and take their references."""


def request_of(plates: Plates) -> People:
    """Plates as a request for people."""
    assert PER_SEED == PEOPLE_PER_SEED
    seed, first = divmod(plates.numbers[0], PER_SEED)
    assert first == 0
    return People(plates.people, seed, Order(SPLIT, plates.programme)).checked()


def is_there(plates: Plates, folder: Path) -> bool:
    """Whether a folder holds all of these Plates.

    Raises:
        InputError: it holds people that were made otherwise.
    """
    index = folder / f"{SPLIT}.json"
    if not index.is_file():
        return False
    told, wanted = read_json(index), request_of(plates).to_dict()
    if {key: told.get(key) for key in wanted} != wanted:
        raise InputError(
            folder, "", f"holds people that are not Plates {plates.name!r}",
            "name another folder with --plates",
        )
    return int(told.get("count", 0)) >= plates.people and all(
        plates.folder_of(folder, n, clip).is_dir()
        for n in range(plates.people) for clip in plates.clips
    )


def make_plates(
    plates: Plates, folder: Path, *, workers: int = 2, listener: Listener | None = None
) -> Path:
    """Make Plates in a folder; what is there already is kept.

    Args:
        plates: which.
        folder: new, empty, or one where the same Plates were begun.
        workers: processes, each with one thread.
        listener: told of progress.

    Raises:
        InputError: the folder holds something else.
    """
    if not is_there(plates, folder):
        people(request_of(plates), folder, workers=workers, listener=listener)
    return folder


def checked(plates: Plates, folder: Path) -> Iterator[tuple[str, Truth]]:
    """Compares every clip with the manifest; yields ``PERSON/CLIP`` and what can be said.

    Raises:
        InputError: a clip is damaged, or not the benchmark's.
    """
    manifest = manifest_of(plates)
    for person in range(plates.people):
        for clip in plates.clips:
            name = f"{person:02d}/{clip}"
            yield name, check(plates.read(folder, person, clip), manifest.get(name))


def verdict(plates: Plates, folder: Path) -> Truth:
    """What can be said of all clips together; see :func:`checked`."""
    return worst([truth for _, truth in checked(plates, folder)])


def entries(plates: Plates, folder: Path) -> dict[str, Any]:
    """The clips of a manifest, from Plates that were just made."""
    return {
        f"{person:02d}/{clip}": entry_of(plates.read(folder, person, clip)).to_dict()
        for person in range(plates.people) for clip in plates.clips
    }


def forecast(plates: Plates, workers: int) -> dict[str, float]:
    """Expected seconds, and megabytes on disk."""
    width, height = plates.programme.size
    area = width * height / (192 * 256)
    seconds = plates.people * BUILD_SECONDS + plates.pictures * PICTURE_SECONDS * area
    return {
        "people": plates.people, "pictures": plates.pictures,
        "seconds": round(seconds / workers, 1),
        "megabytes": round(plates.pictures * 0.022 * area, 1),
    }
