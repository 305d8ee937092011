"""How fast is this machine? Measured once in about two seconds, then remembered."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path

import torch

from muybridge.body import Shape, load_body
from muybridge.camera import Cameras, build_cameras
from muybridge.jobs import digest
from muybridge.jobs.files import write_json
from muybridge.jobs.frames import FrameStore
from muybridge.jobs.job import Job
from muybridge.jobs.outputs import write_outputs
from muybridge.jobs.record import peak_memory
from muybridge.jobs.versions import versions
from muybridge.methods.avatar.draw import RelativeLight
from muybridge.methods.avatar.pipeline import compose
from muybridge.methods.avatar.scene import Moment
from muybridge.methods.avatar.shadow import shadow_maps
from muybridge.methods.background import Background
from muybridge.methods.cost import Speed
from muybridge.methods.ground import Ground
from muybridge.methods.pipeline import Chunk
from muybridge.motion import Motion
from muybridge.render import prepare_texture

_REFERENCE_PIXEL_SECONDS = 1.0e-7
"""Of the machine on which a fit was timed."""
_REFERENCE_FIT_SECONDS = 45.0
_REFERENCE_LOAD_SECONDS = 4.0
_SMALL, _LARGE = 128, 448


def cache_file() -> Path:
    """Where the measurement is kept."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "muybridge" / "speed.json"


def speed(refresh: bool = False) -> Speed:
    """This machine's speed, from the cache where it was measured before.

    Args:
        refresh: measure again.
    """
    path = cache_file()
    key = _machine()
    if not refresh:
        try:
            kept = json.loads(path.read_text())
            if kept.pop("machine") == key and set(kept) == {f.name for f in fields(Speed)}:
                return Speed(**kept)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # absent or damaged: measured again
    found = measure()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {**asdict(found), "machine": key})
    except OSError as error:
        print(f"the measured speed can't be kept in {path} ({error})", file=sys.stderr)
    return found


def measure() -> Speed:
    """Time a small scene at two sizes, and the encoding of a few frames."""
    body = load_body().with_shape(Shape())
    motion = Motion.still(2)
    posed = body.pose(motion)
    texture = prepare_texture(torch.full((256, 256, 3), 0.6), posed.mesh)
    light = RelativeLight(reference_up=torch.zeros(posed.vertices.shape[1]))

    def scene(size: int) -> tuple[Cameras, Callable[[], tuple[torch.Tensor, torch.Tensor]]]:
        cameras = build_cameras("orbit:2", posed.joints, frames=2, width=size, height=size)

        ground = Ground(Background(), cameras, motion.root_position)

        def draw() -> tuple[torch.Tensor, torch.Tensor]:
            vertices = body.pose(motion).vertices
            moment = Moment(vertices, posed.mesh, *shadow_maps(vertices))
            return compose(moment, texture, light, ground, 0)

        return cameras, draw

    seconds = []
    for size in (_SMALL, _LARGE):
        cameras, draw = scene(size)
        frames, matte = draw()  # the first call compiles and allocates
        seconds.append(min(_timed(draw) for _ in range(3)) / 4)
    pixel = max(seconds[1] - seconds[0], 1e-9) / (_LARGE**2 - _SMALL**2)
    picture = max(seconds[0] - pixel * _SMALL**2, 1e-5)
    encode = _encoding(cameras, Chunk(0, frames, matte))
    slower = pixel / _REFERENCE_PIXEL_SECONDS
    return Speed(
        picture_seconds=picture,
        pixel_seconds=pixel,
        encode_pixel_seconds=encode,
        fit_seconds=_REFERENCE_FIT_SECONDS * slower,
        load_seconds=_REFERENCE_LOAD_SECONDS * slower,
        base_bytes=peak_memory() or 1 << 30,
    )


def _encoding(cameras: Cameras, piece: Chunk) -> float:
    """Seconds per pixel to store, encode and print frames."""
    count = 6
    frames = piece.frames.repeat(1, count // 2, 1, 1, 1)
    matte = piece.matte.repeat(1, count // 2, 1, 1, 1)
    job = Job("bench", "bench", width=cameras.width, height=cameras.height)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)

        def encode() -> None:
            store = FrameStore(out / "frames_", cameras.views, count)
            store.put(Chunk(0, frames, matte))
            write_outputs(store, job, cameras, out, lambda *_: None)

        encode()
        seconds = _timed(encode)
    return seconds / (cameras.views * count * cameras.width * cameras.height)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _machine() -> str:
    """Fingerprint of what the measurement depends on."""
    return digest.of_data(
        [versions(), platform.node(), platform.processor(), os.cpu_count(), torch.get_num_threads()]
    )
