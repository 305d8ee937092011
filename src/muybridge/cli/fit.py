"""``muybridge fit``: photos -> a person."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from muybridge.cli.common import (
    Json,
    MaybeFile,
    MaybeNumber,
    Out,
    read,
    show,
    stop_on_terminate,
    use_threads,
)


@dataclass
class Fit:
    """Fit a person to photos: matte, body, clothing, texture.

    Writes a folder that muybridge animate takes in place of a photo, with front.photo.png,
    front.mask.png and front.render.png (the fitted person seen by the photo's own camera),
    and the same for back.

    Attributes:
        photo: of the front, or of front and back side by side.
        out: the output folder.
        back: a photo from behind.
        mask: a mask of the person in the photo: white is the person.
        back_mask: a mask of the person in the photo from behind.
        keypoints: a file of 2D keypoints of the photo.
        pose: a motion file whose first frame is the pose in the photo, such as GVHMR's.
        layout: of the photo: auto, sheet (front and back side by side) or single.
        force: replace a folder that holds other things.
        threads: to compute with; all cores unless given.
        quiet: no progress.
        json_: print confidence and warnings for a program.
    """

    photo: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PHOTO")]
    out: Out = Path("person")
    back: MaybeFile = None
    mask: MaybeFile = None
    back_mask: MaybeFile = None
    keypoints: MaybeFile = None
    pose: MaybeFile = None
    layout: str = "auto"
    force: bool = False
    threads: MaybeNumber = None
    quiet: bool = False
    json_: Json = False


def main(argv: list[str]) -> int:
    """Run the verb; returns the exit code."""
    asked = read(Fit, "fit", argv)
    use_threads(asked.threads)
    stop_on_terminate()
    from muybridge.jobs.fit import fit
    from muybridge.jobs.progress import listening

    with listening(asked.quiet) as listener:
        fitted = fit(
            asked.photo, asked.out, back=asked.back, mask=asked.mask, layout=asked.layout,
            back_mask=asked.back_mask, keypoints=asked.keypoints, pose=asked.pose,
            listener=listener, force=asked.force,
        )
    show(fitted.to_dict(), asked.json_, str(fitted.folder))
    return 0
