"""Only the maps that steer: one video per map and view, and a plate of all maps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

import muybridge
from muybridge.body import PosedBody, Shape, load_body
from muybridge.camera import Cameras
from muybridge.camera.words import view_labels
from muybridge.errors import InputError, Interrupted
from muybridge.jobs import prepare
from muybridge.jobs.files import discard, write_json
from muybridge.jobs.job import Job
from muybridge.jobs.progress import Listener, Progress
from muybridge.jobs.run import piece_frames
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.render import MAPS
from muybridge.video import Grid, PlateBuilder, VideoWriter, view_grid, write_image

_RECORD = "guide.json"
_COLUMNS = 6


@dataclass(frozen=True)
class Guided:
    """Where the maps lie, and what they are."""

    folder: Path
    record: dict[str, Any]


def guide(
    job: Job,
    out: Path,
    *,
    maps: list[str] | None = None,
    lossless: bool = False,
    listener: Listener | None = None,
    force: bool = False,
) -> Guided:
    """Write the maps of a body in motion as videos.

    The folder gets ``MAP/NN.mp4`` for each view, ``MAP.mp4`` with all views in a grid,
    ``plate.png``, ``cameras.json``, ``motion.npz`` and ``guide.json``.

    Args:
        job: motion, camera, frames, size; its person is the folder of a fitted person,
            or ``"average"`` for the built-in body.
        out: new, empty, or an earlier guide's, which is replaced.
        maps: of :data:`muybridge.render.MAPS`; all where not given.
        lossless: FFV1 (``.mkv``) instead of H.264 for the single views.
        listener: told of progress.
        force: also replace a folder that holds other things.

    Raises:
        InputError: there is no such map, or motion, camera or folder can't be used.
        Interrupted: stopped; nothing was written.
    """
    names = list(maps) if maps else list(MAPS)
    unknown = [name for name in names if name not in MAPS]
    if unknown:
        raise InputError("--maps", unknown[0], "is no map", "use " + ", ".join(MAPS))
    if out.exists() and not out.is_dir():
        raise InputError(out, "", "is a file", "name a folder with -o")
    if out.is_dir() and any(out.iterdir()) and not (out / _RECORD).is_file() and not force:
        raise InputError(
            out, "", "holds files that are not a guide",
            "name another folder with -o, or give --force",
        )
    motion, _ = prepare.check_early(job)
    body = _body(job)
    motion = prepare.place(job, motion, body.rest_joints)
    cameras = prepare.aim(job, _framing(body, motion))
    progress = Progress({name: 1.0 for name in names}, listener)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    record = {
        "muybridge": muybridge.__version__, "job": job.to_dict(), "views": cameras.views,
        "frames": motion.frames, "maps": {name: MAPS[name].description for name in names},
    }
    try:
        part.mkdir(parents=True)
        plate = PlateBuilder(
            len(names), motion.frames, job.width, job.height, fps=job.fps, row_labels=names,
            columns=_COLUMNS, title=view_labels(cameras)[0],
        )
        sheets = []
        for name in names:
            sheets.append(_write_map(name, body, motion, cameras, job, part, lossless, progress))
        for t in range(len(plate.picked)):
            plate.add(plate.picked[t], torch.stack([sheet[t] for sheet in sheets])[:, None])
        write_image(part / "plate.png", plate.image())
        motion.save(part / "motion.npz")
        cameras.save(part / "cameras.json")
        write_json(part / _RECORD, record)
        discard(out)
        os.replace(part, out)
    except KeyboardInterrupt:
        raise Interrupted("stopped; nothing was written") from None
    finally:
        discard(part)
    return Guided(out, record)


class _Average:
    """The built-in body without clothes, shaped like a person of the house."""

    def __init__(self) -> None:
        self._shaped = load_body().with_shape(Shape())
        self.rest_joints: Float[Tensor, "55 3"] = self._shaped.rest_joints

    def posed(self, motion: Motion) -> PosedBody:
        """The body in every frame."""
        return self._shaped.pose(motion)


class _Naked:
    """A fitted person's body without clothes: what steers a method is the body."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self.rest_joints: Float[Tensor, "55 3"] = person.rest_joints

    def posed(self, motion: Motion) -> PosedBody:
        """The body in every frame."""
        return self._person.shaped.pose(motion)


def _body(job: Job) -> _Average | _Naked:
    return _Average() if job.person == "average" else _Naked(Person.load(job.person))


def _framing(body: _Average | _Naked, motion: Motion) -> Float[Tensor, "T P 3"]:
    pieces = []
    for first in range(0, motion.frames, 32):
        posed = body.posed(motion.slice(first, min(first + 32, motion.frames)))
        pieces.append(torch.cat([posed.joints, posed.vertices[:, ::61]], 1))
    return torch.cat(pieces)


def _write_map(
    name: str, body: _Average | _Naked, motion: Motion, cameras: Cameras, job: Job, out: Path,
    lossless: bool, progress: Progress,
) -> list[Float[Tensor, "3 H W"]]:
    """All videos of one map; returns the pictures of the first view that the plate shows."""
    picked = set(PlateBuilder(1, motion.frames, 64, 64, columns=_COLUMNS).picked)
    grid = Grid.of(cameras.views, job.width, job.height)
    codec, suffix = ("ffv1", "mkv") if lossless else ("h264", "mp4")
    (out / name).mkdir()
    kept = []
    with progress.stage(name) as step, ExitStack() as stack:
        all_views = stack.enter_context(VideoWriter(out / f"{name}.mp4", job.fps, *grid.size))
        views = [
            stack.enter_context(
                VideoWriter(
                    out / name / f"{view:02d}.{suffix}", job.fps, job.width, job.height, codec
                )
            )
            for view in range(cameras.views)
        ]
        for t, pictures in _pictures(name, body, motion, cameras):
            for view, writer in enumerate(views):
                writer.write(pictures[view])
            all_views.write(view_grid(pictures, grid))
            if t in picked:
                kept.append(pictures[0].clone())
            step((t + 1) / motion.frames, f"frame {t + 1} of {motion.frames}")
    return kept


def _pictures(
    name: str, body: _Average | _Naked, motion: Motion, cameras: Cameras
) -> Iterator[tuple[int, Float[Tensor, "V 3 H W"]]]:
    """Frame by frame, made a piece at a time."""
    size = piece_frames(cameras)
    for first in range(0, motion.frames, size):
        last = min(first + size, motion.frames)
        posed = body.posed(motion.slice(first, last))
        frames = MAPS[name].function(posed, cameras.slice(first, last))
        for t in range(first, last):
            yield t, frames[:, t - first]
