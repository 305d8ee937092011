"""Photos -> a person's folder, with pictures that show how well the fit holds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muybridge.errors import InputError, Interrupted
from muybridge.jobs.files import discard
from muybridge.jobs.job import check_layout
from muybridge.jobs.progress import Listener, Progress
from muybridge.person import Person
from muybridge.video import write_image

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
            "notes": list(self.person.notes),
            "photos": [photo.name for photo in self.person.photos],
        }


def fit(
    photo: str,
    out: Path,
    *,
    back: str | None = None,
    mask: str | None = None,
    layout: str = "auto",
    back_mask: str | None = None,
    keypoints: str | None = None,
    pose: str | None = None,
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
        mask: white where the person is. ``back_mask``: the same for ``back``.
        layout: ``auto``, ``sheet`` or ``single``.
        keypoints: a file of 2D keypoints of the photo.
        pose: a motion file whose first frames hold the pose, from a body estimator.
        listener: told of progress and warnings.
        force: also replace a folder that holds other things.

    Raises:
        InputError: a photo can't be used, or the folder is not to be replaced.
        Interrupted: stopped; nothing was written.
    """
    check_layout(layout)
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
            person = Person.from_photo(
                photo, back, mask, pose, layout,
                back_mask=back_mask, keypoints=keypoints, progress=step,
            )
        with progress.stage("save"):
            person.save(part)
            write_renders(person, part)
            discard(out)
            os.replace(part, out)
    except KeyboardInterrupt:
        raise Interrupted("stopped; nothing was written") from None
    finally:
        discard(part)
    for note in person.notes:
        progress.note("fit", note)
    for warning in person.warnings:
        progress.warn("fit", warning)
    return Fitted(out, person, progress.seconds["fit"])


def write_renders(person: Person, folder: Path) -> None:
    """The person as the camera of each of their photos saw them."""
    for index, photo in enumerate(person.photos):
        write_image(folder / f"{photo.name}.render.png", person.render_photo(index))
