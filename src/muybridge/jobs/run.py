"""Run a job into a folder; stop it anywhere, run it again, and it goes on.

A run passes four stages: *fit* (the person, kept in ``person/``), *prepare* (motion and
cameras, written to files), *render* (frames, kept losslessly in a hidden folder as they
come) and *encode* (videos, plate, ``run.json``). Every stage reads what the one before
left on disk, so a run that was broken off gives the same frames as an unbroken one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import muybridge
from muybridge import methods
from muybridge.camera import Cameras
from muybridge.errors import InputError, Interrupted
from muybridge.jobs import digest, driving, prepare
from muybridge.jobs.files import OURS, RECORD, WORK, claim, discard, read_json, write_json
from muybridge.jobs.frames import FrameStore
from muybridge.jobs.job import Job
from muybridge.jobs.outputs import write_outputs
from muybridge.jobs.progress import Listener, Progress
from muybridge.jobs.record import make_record
from muybridge.jobs.threads import threads
from muybridge.methods.pipeline import HumanVideoPipeline
from muybridge.motion import Motion
from muybridge.person import Person

_STATE = "state.json"
_FRAMES = "frames"
_ORIGIN = "origin.json"
_PIECE_BYTES = 192 << 20
"""What the frames of one piece may take, by rough count."""
_BYTES_PER_PIXEL = 64
_READ = 0.3
"""Share of rendering that reading a driving video takes, roughly."""


@dataclass(frozen=True)
class Result:
    """Where a run lies, and its record (the contents of ``run.json``)."""

    folder: Path
    record: dict[str, Any]


def run(
    job: Job,
    out: Path,
    *,
    listener: Listener | None = None,
    force: bool = False,
    expected: dict[str, float] | None = None,
    source: Path | None = None,
    inputs: dict[str, dict[str, str]] | None = None,
) -> Result:
    """Make what a job asks for, or go on where a stopped run of it left off.

    Args:
        job: what to make.
        out: the folder; new, empty, or an earlier run's, which is replaced. A person
            fitted there from the same photos is used again.
        listener: told of progress and warnings.
        force: also take a folder that holds other things.
        expected: seconds of each stage, for the share of the whole; see
            :func:`muybridge.jobs.plan.plan`.
        source: folder of a run whose person, motion and cameras to use as they are
            instead of preparing them (a replay).
        inputs: what that run was made from, for the record.

    Raises:
        InputError: something that the user gave can't be used.
        MissingWeights: the method's weights are not on this machine.
        Interrupted: stopped by Ctrl-C; the same call goes on from there.
    """
    fresh = not out.exists()
    try:
        job = prepare.absolute(job)
        spec, size = methods.spec(job.method)
        pipeline = methods.load(f"{spec.name}-{size}", **job.options)
        inputs = inputs or {} if source else prepare.input_digests(job)
        motion, views = (None, 1) if source else prepare.check_early(job)
        pictures = views * (motion.frames if motion else 1)
        progress = Progress(expected or usual_seconds(job, pictures, source), listener)
        state = {"job": job.to_dict(), "inputs": inputs, "version": muybridge.__version__,
                 "source": str(source or "")}
        with claim(out, force) as work, threads(_threads_before(work, state)):
            try:
                return _Run(job, out, work, pipeline, inputs, progress, state).go(motion, source)
            except (InputError, KeyboardInterrupt):
                _tidy(out, work, fresh)
                raise
    except KeyboardInterrupt:
        raise Interrupted(_how_to_resume(out)) from None


def _threads_before(work: Path, state: dict[str, Any]) -> int:
    """Of the run that is gone on with; otherwise as many as there are now. Noted in the state."""
    state["threads"] = torch.get_num_threads()
    if (work / _STATE).is_file():
        before = read_json(work / _STATE).get("threads")
        if isinstance(before, int) and {**state, "threads": before} == read_json(work / _STATE):
            state["threads"] = before
    return int(state["threads"])


def usual_seconds(job: Job, pictures: int, source: Path | None = None) -> dict[str, float]:
    """Seconds of each stage on a usual machine; only their shares of the whole matter."""
    size = pictures * (0.1 + job.width * job.height / 512**2)
    seconds = {"fit": 45.0, "prepare": 0.5, "render": 0.09 * size, "encode": 0.05 * size}
    if source is not None:  # a replay fits and prepares nothing
        return {name: seconds[name] for name in ("render", "encode")}
    return {**seconds, "fit": 0.5} if driving.is_saved(job.person) else seconds


class _Run:
    """The stages of one run; what they share."""

    def __init__(
        self, job: Job, out: Path, work: Path, pipeline: HumanVideoPipeline,
        inputs: dict[str, dict[str, str]], progress: Progress, state: dict[str, Any],
    ) -> None:
        self.job, self.out, self.work = job, out, work
        self.pipeline, self.inputs, self.progress, self.state = pipeline, inputs, progress, state

    def go(self, motion: Motion | None, source: Path | None) -> Result:
        """All stages, skipping what an earlier run of the same job has done."""
        again = (self.work / _STATE).is_file() and read_json(self.work / _STATE) == self.state
        if not again:
            for name in OURS:
                if name != WORK:
                    discard(self.out / name)
            discard(self.work / _FRAMES)
            write_json(self.work / _STATE, self.state)
        if source is None:
            person = self._fit()
            self._prepare(person, motion, again)
        else:
            self._copy(source, again)
            person = Person.load(self.out / "person")
        motion = Motion.load(self.out / "motion.npz")
        cameras = Cameras.load(self.out / "cameras.json")
        for note in (*person.notes, *motion.notes):
            self.progress.note("prepare", note)
        for warning in person.warnings:
            self.progress.warn("fit", warning)
        store = FrameStore(self.work / _FRAMES, cameras.views, motion.frames)
        resumed_at = store.held()
        self._render(store, person, motion, cameras, resumed_at)
        with self.progress.stage("encode", "videos and plate") as step:
            hashes = write_outputs(store, self.job, cameras, self.out, step)
        record = make_record(
            self.job, spec=self.pipeline.spec, size=self.pipeline.size, person=person,
            motion=motion, cameras=cameras, inputs=self.inputs, files=self._files(),
            hashes=hashes, seconds=self.progress.seconds, resumed_at=resumed_at,
        )
        write_json(self.out / RECORD, record)
        discard(self.work)
        return Result(self.out, record)

    def _fit(self) -> Person:
        """The person: loaded, found in the folder, or fitted to the photos."""
        folder = self.out / "person"
        origin = prepare.fit_origin(self.job, self.inputs)
        with self.progress.stage("fit") as step:
            kept = folder / _ORIGIN
            if kept.is_file() and read_json(kept) == origin:
                return Person.load(folder)
            part = self.work / "person"
            discard(part)
            if driving.is_saved(self.job.person):
                Person.load(self.job.person)  # before it is copied: is it one?
                shutil.copytree(self.job.person, part)
            else:
                prepare.fit_person(self.job, step).save(part)
            write_json(part / _ORIGIN, origin)
            discard(folder)
            os.replace(part, folder)
            return Person.load(folder)

    def _prepare(self, person: Person, motion: Motion | None, again: bool) -> None:
        """Motion and cameras, as files."""
        if again and self._has("motion.npz", "cameras.json"):
            return
        assert motion is not None
        with self.progress.stage("prepare", "motion and cameras"):
            prepare.place(self.job, motion, person.rest_joints).save(self.out / "motion.npz")
            placed = Motion.load(self.out / "motion.npz")
            cameras = prepare.aim(self.job, prepare.frame_points(self.job, person, placed))
            cameras.save(self.out / "cameras.json")

    def _copy(self, source: Path, again: bool) -> None:
        """Person, motion and cameras of another run."""
        if again and self._has("motion.npz", "cameras.json", "person"):
            return
        discard(self.out / "person")
        shutil.copytree(source / "person", self.out / "person")
        for name in ("motion.npz", "cameras.json"):
            shutil.copyfile(source / name, self.out / name)

    def _has(self, *names: str) -> bool:
        return all((self.out / name).exists() for name in names)

    def _render(
        self, store: FrameStore, person: Person, motion: Motion, cameras: Cameras, held: int
    ) -> None:
        """The frames that are not there yet."""
        text = f"{store.views} views x {store.frames} frames"
        with self.progress.stage("render", text) as step:
            if held:
                step(held / store.frames, f"goes on at frame {held}")
            pipeline, before = self.pipeline, self.pipeline.before
            if held < store.frames and driving.drives(self.job.motion):
                pictures = driving.pictures(
                    self.job, person, motion.frames, lambda done, text: step(_READ * done, text)
                )
                hands = driving.hands(self.job, motion.frames)
                pipeline, step = pipeline.driven_by(pictures, hands), _after(step)
            pieces = pipeline.stream(
                person, motion, cameras,
                seed=self.job.seed, background=prepare.make_background(self.job, person),
                chunk=piece_frames(cameras), start=held, callback=_counted(step, before),
                tell=lambda done, text: step(before * done, text),
            )
            if held < store.frames:
                for piece in pieces:
                    store.put(piece)

    def _files(self) -> dict[str, str]:
        """Fingerprints of what a replay needs."""
        return {
            name: digest.of_path(self.out / name)
            for name in ("person", "motion.npz", "cameras.json")
        }


def piece_frames(cameras: Cameras) -> int:
    """How many frames of all views are made at once, so that memory stays bounded."""
    frame = cameras.views * cameras.width * cameras.height * _BYTES_PER_PIXEL
    return max(1, min(16, _PIECE_BYTES // frame))


def _counted(step: Callable[..., None], before: float) -> Callable[[int, int], None]:
    def callback(done: int, total: int) -> None:
        step(before + (1 - before) * done / total, f"frame {done} of {total}")

    return callback


def _after(step: Callable[..., None]) -> Callable[..., None]:
    """Progress of what comes after the driving video was read."""

    def later(done: float, text: str = "") -> None:
        step(_READ + (1 - _READ) * done, text)

    return later


def _tidy(out: Path, work: Path, fresh: bool) -> None:
    """After a failure: leave nothing behind that a later run could not use."""
    if (out / "person").exists() or (work / _FRAMES).is_dir():
        return
    if fresh:
        shutil.rmtree(out, ignore_errors=True)


def _how_to_resume(out: Path) -> str:
    if not (out / WORK).is_dir():
        return "stopped; nothing was written"
    frames = out / WORK / _FRAMES
    held = "the frames so far are" if frames.is_dir() and any(frames.iterdir()) else "the person is"
    return f"stopped; {held} kept in {out}. The same command again goes on from there"
