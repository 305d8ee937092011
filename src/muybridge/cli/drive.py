"""``muybridge drive``: a person in the motion of a video."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from muybridge.cli.request import Scene
from muybridge.errors import InputError

if TYPE_CHECKING:
    from muybridge.jobs import Job


@dataclass(kw_only=True)
class Drive(Scene):
    """Let a video of somebody move a person, seen by a camera that goes by words.

    The person stands on the spot and looks to the front at first, whichever way the filmed one
    looks, and turns as they do; viewpoints count from there. Writes what muybridge animate writes,
    and goes on likewise.

    Attributes:
        person: a photo, or the folder of a fitted person.
        driver: a video, or a folder of pictures; a motion file or a clip are animated as by
            muybridge animate.
        out: the output folder.
        method: one that takes a driving video.
        matte: video of the filmed person's share of each pixel; found by itself if absent.
        keypoints: folder with a JSON of body keypoints (OpenPose, DWPose, COCO, MediaPipe) for each
            picture of the video; they tell where the hands are.
        still: other views of the photo itself, which is held for so many frames.
        stabilise: PERSON is a video, driven by itself; its first frame is the photo.
        camera: a sentence, a camera path, or a file; see muybridge cameras. By default the
            camera remains static; with --still it goes around.
        frames: how many; the whole video unless given.
        start: where in the video: a frame such as 36, or seconds such as 1.5s.
        fps: frames per second, such as 24 or 30000/1001; the video's own unless given.
        save_frames: also write every frame as PNG.
        lossless: also write every view as FFV1.
        force: write into a folder that holds other things.
        dry_run: only say how long it will take, as muybridge plan does.
        threads: to compute with; all cores unless given.
        quiet: no progress.
        json_: print the record of the run.
    """

    person: Annotated[
        str | None, tyro.conf.Positional, tyro.conf.arg(metavar="PERSON")
    ] = None
    driver: Annotated[
        str | None, tyro.conf.Positional, tyro.conf.arg(metavar="VIDEO|MOTION")
    ] = None
    out: Out = Path("out")
    method: str = "3dimo"
    matte: MaybeFile = None
    keypoints: MaybeFile = None
    still: MaybeNumber = None
    stabilise: bool = False
    motion: tyro.conf.Suppress[str] = ""
    camera: str = ""
    fps: str = ""
    save_frames: bool = False
    lossless: bool = False
    force: bool = False
    dry_run: bool = False
    threads: MaybeNumber = None
    quiet: bool = False
    json_: Json = False


def main(argv: list[str]) -> int:
    """Run the verb; returns the exit code."""
    asked = read(Drive, "drive", argv)
    job = job_of(asked)
    use_threads(asked.threads)
    if asked.dry_run:
        from muybridge.cli.plan import forecast

        forecast(job, asked.json_)
        return 0
    stop_on_terminate()
    from muybridge.jobs.progress import listening
    from muybridge.jobs.run import run

    with listening(asked.quiet) as listener:
        result = run(job, asked.out, listener=listener, force=asked.force)
    show(
        {"folder": str(result.folder), **result.record}, asked.json_,
        str(result.folder / "plate.png"),
    )
    return 0


def job_of(asked: Drive) -> Job:
    """The request as a job.

    Raises:
        InputError: what is asked for does not fit together.
    """
    person, driver = asked.person, asked.driver
    if person is None:
        raise InputError("drive", "PERSON", "is missing", "name a photo")
    if asked.stabilise and asked.still is not None:
        raise InputError("drive", "--still", "a video is stabilised", "give one of the two")
    if (driver is None) == (asked.still is None and not asked.stabilise):
        raise InputError(
            "drive", "VIDEO", "is missing" if driver is None else "is one too many",
            "name what drives, or give --still N or --stabilise",
        )
    from muybridge.jobs.driving import is_moving
    from muybridge.methods.threedimo.uses import AROUND, STATIC

    more: dict[str, Any] = {"matte": asked.matte, "keypoints": asked.keypoints}
    if asked.stabilise != is_moving(person):
        raise InputError(
            person, "", "is no video" if asked.stabilise else "is a video, not a photo",
            "name a video or a folder of pictures" if asked.stabilise
            else "give --stabilise, or a photo",
        )
    if asked.stabilise and asked.layout == "auto":
        asked = replace(asked, layout="single")
    if asked.still is not None:
        asked = replace(asked, frames=asked.still)
    motion = driver or person
    return replace(
        asked, motion=motion, fps=asked.fps or _rate(motion),
        camera=asked.camera or (AROUND if asked.still is not None else STATIC),
    ).job_of(person, asked.method, save_frames=asked.save_frames, lossless=asked.lossless, **more)


def _rate(motion: str) -> str:
    """Frames per second of a video; 24 of everything else."""
    from muybridge.jobs.driving import is_moving
    from muybridge.video import probe_video

    if is_moving(motion) and Path(motion).is_file():
        return str(probe_video(motion).fps)
    return "24"
