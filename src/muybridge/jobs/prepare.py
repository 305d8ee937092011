"""From a job's names to what a pipeline takes: person, motion, cameras, background."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body import Shape, load_body
from muybridge.camera import Cameras, build_cameras, parse_spec
from muybridge.errors import InputError
from muybridge.jobs import digest, driving
from muybridge.jobs.job import Job
from muybridge.methods.background import KINDS, Background, parse_kind
from muybridge.methods.driving import outstretched
from muybridge.motion import Motion, clips, load_motion, retarget
from muybridge.person import Person


def absolute(job: Job) -> Job:
    """The same job with its files named from the root, so that it runs from any folder."""
    changed: dict[str, Any] = {role: str(path.resolve()) for role, path in _files(job).items()}
    return replace(job, **changed)


def input_digests(job: Job) -> dict[str, dict[str, str]]:
    """Path and SHA-256 of every file and folder that the job names, by role.

    Raises:
        InputError: a photo, a person's folder or a mask is not there.
    """
    files = _files(job)
    for role in ("person", "back", "mask", "matte", "keypoints"):
        if getattr(job, role) and role not in files:
            raise InputError(getattr(job, role), "", "is not there", "check the name")
    return {
        role: {"path": str(path), "sha256": digest.of_path(path)} for role, path in files.items()
    }


def _files(job: Job) -> dict[str, Path]:
    """The names of the job that are files or folders; clips, paths and words are not."""
    found: dict[str, Path] = {}
    roles = ("person", "back", "mask", "motion", "matte", "keypoints", "camera", "background")
    for role in roles:
        name = getattr(job, role)
        by_name = {
            "motion": name in clips.NAMES,
            "camera": name is not None and parse_spec(name) is not None,
            "background": name in KINDS,
        }
        if not name or by_name.get(role, False):
            continue
        with suppress(OSError, ValueError):  # a sentence can be too long for a file name
            if Path(name).exists():
                found[role] = Path(name)
    return found


def read_motion(job: Job) -> Motion:
    """The job's motion from its start on, at its frame rate and length, on its own body.

    Of a driving video, the motion of a body that stands.

    Raises:
        InputError: no such clip or file, a damaged file, or too few frames in it; or a driving
            video for a method that takes none.
    """
    if driving.drives(job.motion):
        return driving.stand_in(job)
    for name in ("matte", "keypoints"):
        if getattr(job, name) is not None:
            raise InputError("job", name, "the motion is no video", "leave it out")
    start = "auto" if job.start is None else job.start
    motion = load_motion(job.motion, fps=job.fps, frames=job.frames, start=start)
    if job.frames is not None and job.frames > motion.frames:
        after = f" after frame {job.start}" if job.start else ""
        raise InputError(
            job.motion, "frames",
            f"the motion has {motion.frames} frames{after} at {float(job.fps):g} per second, "
            f"{job.frames} are asked for",
            f"ask for {motion.frames} or fewer, or for more frames per second",
        )
    return motion


def place(job: Job, motion: Motion, rest_joints: Float[Tensor, "55 3"]) -> Motion:
    """The motion on a person's own proportions, feet on the ground."""
    return retarget(motion, rest_joints)


def aim(job: Job, points: Float[Tensor, "T P 3"]) -> Cameras:
    """The job's cameras around a moving body.

    Raises:
        InputError: the words are not understood, or the camera file is no good.
    """
    return build_cameras(
        job.camera, points, frames=points.shape[0], width=job.width, height=job.height, fps=job.fps
    )


def check_early(job: Job) -> tuple[Motion, int]:
    """Find what is wrong with motion, cameras and background before the long work begins.

    Returns:
        The motion of :func:`read_motion`, and how many views there will be.
    """
    motion = read_motion(job)
    body = load_body().with_shape(Shape())
    rehearsal = place(job, motion.slice(0, min(2, motion.frames)), body.rest_joints)
    views = aim(job, body.pose(rehearsal).joints).views
    if parse_kind(job.background) == "picture":
        Background.of_file(job.background)
    return motion, views


def fit_origin(job: Job, inputs: dict[str, dict[str, str]]) -> dict[str, str]:
    """What a fit depends on; two equal origins give the same person."""
    asked = ("person", "back", "mask", *(("matte",) if driving.is_moving(job.person) else ()))
    roles = [role for role in asked if role in inputs]
    origin: dict[str, str] = {role: inputs[role]["sha256"] for role in roles}
    return {**origin, "layout": job.layout}


def fit_person(job: Job, step: Callable[..., None]) -> Person:
    """The person of the job's photos.

    Args:
        job: names the photos.
        step: told ``step(done, text)`` as the fit goes on.
    """
    front: Any = job.person
    mask: Any = job.mask
    if driving.is_moving(job.person):
        front, mask = driving.first_picture(job)
    return Person.from_photo(
        front, back=job.back, mask=mask, layout=job.layout, progress=step
    )


def make_background(job: Job, person: Person) -> Background:
    """What stands behind the person.

    Raises:
        InputError: ``keep`` was asked for and the person has no photo, or no picture
            is at the given name.
    """
    kind = parse_kind(job.background)
    if kind == "picture":
        return Background.of_file(job.background)
    if kind == "keep":
        if not person.photos:
            raise InputError(
                "--background", "keep", "this person was saved without a photo",
                "use plain, transparent or a picture",
            )
        photo = person.photos[0]
        return Background.of_photo(photo.image, photo.alpha)
    return Background(kind)


def frame_points(job: Job, person: Person, motion: Motion) -> Float[Tensor, "T P 3"]:
    """Points that cameras have to keep in the picture: joints and outermost skin.

    A thinned-out skin bounds the picture as well as all of it does. Of a driving video nothing
    is known yet; there is room for arms stretched out.
    """
    if driving.drives(job.motion):
        motion = outstretched(motion)
    pieces = []
    for first in range(0, motion.frames, 32):
        posed = person.posed(motion.slice(first, min(first + 32, motion.frames)))
        pieces.append(torch.cat([posed.joints, posed.vertices[:, ::61]], 1))
    return torch.cat(pieces)

