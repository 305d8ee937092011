"""The same input through several methods: a run of each, and one plate of all."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from muybridge import methods
from muybridge.camera import Cameras
from muybridge.camera.words import view_labels
from muybridge.errors import InputError
from muybridge.jobs.files import RECORD, read_json, write_json
from muybridge.jobs.job import Job
from muybridge.jobs.progress import Listener, within
from muybridge.jobs.run import Result, run
from muybridge.methods.pipeline import spread
from muybridge.video import iter_video, plate, write_image

_VIEWS = 4
_COLUMNS = 6


@dataclass(frozen=True)
class Comparison:
    """Where the comparison lies, and the run of each method."""

    folder: Path
    runs: dict[str, Result]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "folder": str(self.folder), "plate": str(self.folder / "plate.png"),
            "methods": {name: result.record for name, result in self.runs.items()},
        }


def compare(
    job: Job, names: list[str], out: Path, *, listener: Listener | None = None, force: bool = False
) -> Comparison:
    """Run a job with each method into ``out/<method>`` and print ``out/plate.png``.

    The person is fitted once. A comparison that was stopped goes on when it is called
    again; finished methods are not run twice.

    Args:
        job: what to make; its method is replaced.
        names: of the methods.
        out: the folder.
        listener: told of progress; the stage is prefixed with the method's name.
        force: also take folders that hold other things.

    Raises:
        InputError: as :func:`muybridge.jobs.run.run`.
        MissingWeights: a method's weights are not on this machine; nothing was run.
        Interrupted: stopped.
    """
    if not names:
        raise InputError("--methods", "", "is empty", "name at least one method")
    for name in names:
        spec, size = methods.spec(name)
        spec.load(size)
    runs: dict[str, Result] = {}
    first: Path | None = None
    for position, name in enumerate(names):
        folder = out / name
        if first is not None and not (folder / "person").exists():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ".muybridge").mkdir(exist_ok=True)
            shutil.copytree(first / "person", folder / "person")
        asked = replace(job, method=name)
        done = _finished(asked, folder)
        runs[name] = done or run(
            asked, folder, listener=within(listener, name, position, len(names)), force=force
        )
        first = first or folder
    write_image(out / "plate.png", _plate(out, list(runs), job))
    write_json(out / "compare.json", {name: f"{name}/{RECORD}" for name in runs})
    return Comparison(out, runs)


def _finished(job: Job, folder: Path) -> Result | None:
    """The run of an equal job that is already there."""
    from muybridge.jobs import prepare

    if not (folder / RECORD).is_file():
        return None
    record = read_json(folder / RECORD)
    asked = prepare.absolute(job)
    same = record.get("job") == asked.to_dict()
    if same and record.get("inputs") == prepare.input_digests(asked):
        return Result(folder, record)
    return None


def _plate(out: Path, names: list[str], job: Job) -> Any:
    """Rows: for each of a few views every method; columns: moments."""
    cameras = Cameras.load(out / names[0] / "cameras.json")
    labels = view_labels(cameras)
    views = spread(cameras.views, _VIEWS)
    moments = spread(cameras.frames, _COLUMNS)
    rows, titles = [], []
    for view in views:
        for name in names:
            path = out / name / "views" / f"{view:02d}.mp4"
            kept = [f for t, f in enumerate(iter_video(path)) if t in set(moments)]
            pictures = torch.stack([torch.from_numpy(f).permute(2, 0, 1) for f in kept])
            rows.append(pictures.float() / 255)
            titles.append(f"{name}, {labels[view]}" if len(names) > 1 else labels[view])
    seconds = [f"{t / float(job.fps):.2f} s" for t in moments]
    return plate(torch.stack(rows), titles, seconds, title=" | ".join(names))
