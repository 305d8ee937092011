"""What a finished run looks like on disk: videos, mattes, the plate."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy import ndarray

from muybridge.camera import Cameras
from muybridge.camera.words import view_labels
from muybridge.jobs.files import discard
from muybridge.jobs.frames import FrameHash, FrameStore
from muybridge.jobs.job import Job
from muybridge.video import Grid, PlateBuilder, VideoWriter, view_grid, write_image

_WHITE = 255.0


def write_outputs(
    store: FrameStore, job: Job, cameras: Cameras, out: Path, step: Callable[..., None]
) -> list[dict[str, str]]:
    """Write ``views/``, ``matte/``, ``video.mp4``, ``plate.png``, and what else the job wants.

    Args:
        store: all frames.
        job: says which files.
        cameras: of the frames.
        out: the output folder.
        step: told of progress.

    Returns:
        For each view the SHA-256 of its frames and of its mattes.
    """
    hashes = []
    clear = job.background == "transparent"
    for folder in ("views", "matte", "frames"):
        discard(out / folder)
    for view in range(store.views):
        hashes.append(_write_view(store, job, view, out, clear))
        step(0.8 * (view + 1) / store.views, f"view {view + 1} of {store.views}")
    _write_grid(store, job, cameras, out, clear)
    step(1.0)
    return hashes


def _write_view(store: FrameStore, job: Job, view: int, out: Path, clear: bool) -> dict[str, str]:
    """One view's videos (and frames); all of them in one pass over its pictures."""
    fingerprint = FrameHash()
    size = (job.width, job.height)
    name = f"{view:02d}"
    (out / "views").mkdir(exist_ok=True)
    (out / "matte").mkdir(exist_ok=True)
    color = VideoWriter(out / "views" / f"{name}.mp4", job.fps, *size)
    matte = VideoWriter(out / "matte" / f"{name}.mp4", job.fps, *size)
    with color, matte:
        for t in range(store.frames):
            picture = store.get(view, t)
            fingerprint.add(picture)
            color.write(_over_white(picture) if clear else picture[..., :3])
            matte.write(np.ascontiguousarray(picture[..., 3]))
    if job.lossless or clear:
        path = out / "views" / f"{name}.mkv"
        with VideoWriter(path, job.fps, *size, codec="ffv1", alpha=clear) as exact:
            for t in range(store.frames):
                picture = store.get(view, t)
                exact.write(picture if clear else np.ascontiguousarray(picture[..., :3]))
    if job.save_frames:
        folder = out / "frames" / name
        folder.mkdir(parents=True, exist_ok=True)
        for t in range(store.frames):
            target = folder / f"{t:05d}.png"
            if clear:
                shutil.copyfile(store.path(view, t), target)
            else:
                write_image(target, np.ascontiguousarray(store.get(view, t)[..., :3]))
    return fingerprint.digest()


def _write_grid(
    store: FrameStore, job: Job, cameras: Cameras, out: Path, clear: bool
) -> None:
    """The video of all views, and the plate."""
    plate = PlateBuilder(
        store.views, store.frames, job.width, job.height, fps=job.fps,
        row_labels=list(view_labels(cameras)),
    )
    grid = Grid.of(store.views, job.width, job.height)
    with VideoWriter(out / "video.mp4", job.fps, *grid.size) as video:
        for t in range(store.frames):
            pictures = np.stack([store.get(view, t) for view in range(store.views)])
            rgb = _over_white(pictures) if clear else np.ascontiguousarray(pictures[..., :3])
            frames = torch.from_numpy(rgb).permute(0, 3, 1, 2).float() / 255
            plate.add(t, frames[:, None])
            video.write(view_grid(frames, grid))
    write_image(out / "plate.png", plate.image())


def _over_white(picture: ndarray) -> ndarray:
    """Straight RGBA ``[..., 4]`` over white, for formats without transparency."""
    share = picture[..., 3:].astype(np.float32) / 255
    rgb = picture[..., :3] * share + _WHITE * (1 - share)
    return np.rint(rgb).astype(np.uint8)

