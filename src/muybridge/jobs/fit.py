"""Photos -> a person's folder, with pictures that show how well the fit holds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from muybridge.errors import InputError, Interrupted
from muybridge.jobs import prepare
from muybridge.jobs.files import discard
from muybridge.jobs.job import Job
from muybridge.jobs.progress import Listener, Progress
from muybridge.person import Person
from muybridge.video import write_image

SIDES = ("front", "back")
_ORIGIN = "person.json"


@dataclass(frozen=True)
class Fitted:
    """A fitted person, where they lie, and how sure the fit is."""

    folder: Path
    person: Person
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "folder": str(self.folder),
            "seconds": round(self.seconds, 2),
            "height_metres": float(self.person.height),
            "confidence": {name: float(v) for name, v in self.person.confidence.items()},
            "warnings": list(self.person.warnings),
            "pictures": [f"{side}.render.png" for side, _ in zip(
                SIDES, self.person.photos, strict=False
            )],
        }


def fit(
    photo: str,
    out: Path,
    *,
    back: str | None = None,
    mask: str | None = None,
    layout: str = "auto",
    listener: Listener | None = None,
    force: bool = False,
) -> Fitted:
    """Fit a person and save them; the folder can be animated and is read by ``Person.load``.

    Beside the person it holds, for ``front`` and ``back`` as far as there are photos,
    ``SIDE.photo.png``, ``SIDE.mask.png``, and ``SIDE.render.png``: the fitted person seen by
    the photo's own camera, RGBA, in the photo's size.

    Args:
        photo: front, or front and back side by side.
        out: new, empty, or a person's folder, which is replaced.
        back: a photo from behind.
        mask: white where the person is.
        layout: ``auto``, ``sheet`` or ``single``.
        listener: told of progress and warnings.
        force: also replace a folder that holds other things.

    Raises:
        InputError: a photo can't be used, or the folder is not to be replaced.
        Interrupted: stopped; nothing was written.
    """
    job = Job(photo, "idle", back=back, mask=mask, layout=layout)
    prepare.input_digests(job)
    if out.exists() and not out.is_dir():
        raise InputError(out, "", "is a file", "name a folder with -o")
    if out.is_dir() and any(out.iterdir()) and not (out / _ORIGIN).is_file() and not force:
        raise InputError(
            out, "", "holds files that are not a person's",
            "name another folder with -o, or give --force",
        )
    progress = Progress({"fit": 45.0, "save": 2.0}, listener)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        with progress.stage("fit") as step:
            person = prepare.fit_person(job, step)
        with progress.stage("save"):
            person.save(part)
            write_pictures(person, part)
            discard(out)
            os.replace(part, out)
    except KeyboardInterrupt:
        raise Interrupted("stopped; nothing was written") from None
    finally:
        discard(part)
    for warning in person.warnings:
        progress.warn("fit", warning)
    return Fitted(out, person, progress.seconds["fit"])


def write_pictures(person: Person, folder: Path) -> None:
    """Photo, mask and render of each of the person's photos."""
    for index, (side, photo) in enumerate(zip(SIDES, person.photos, strict=False)):
        write_image(folder / f"{side}.photo.png", photo.image)
        alpha = np.rint(np.clip(photo.alpha, 0, 1) * 255).astype(np.uint8)
        write_image(folder / f"{side}.mask.png", alpha)
        write_image(folder / f"{side}.render.png", person.render_photo(index))
