"""What a job will cost, before anything runs: seconds of each stage, and memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muybridge import methods
from muybridge.body import Shape, load_body
from muybridge.jobs import driving, prepare
from muybridge.jobs.job import Job
from muybridge.jobs.run import piece_frames
from muybridge.jobs.speed import speed
from muybridge.methods.cost import Cost, Extent, Speed
from muybridge.methods.spec import resolve

_PREPARE_SECONDS = 1.0
_PREPARE_FRAME_SECONDS = 0.004
_GRID_BYTES_PER_PIXEL = 60
"""Pictures that the video encoder looks ahead at, per pixel of the grid of views."""
_FIT_BYTES = 900 << 20


@dataclass(frozen=True)
class Plan:
    """A forecast.

    Attributes:
        extent: views, frames and size.
        seconds: of each stage: ``load``, ``fit``, ``prepare``, ``render``, ``encode``.
        memory_bytes: the most held at once.
        disk_bytes: of frames kept while the run goes on.
    """

    extent: Extent
    seconds: dict[str, float]
    memory_bytes: int
    disk_bytes: int

    @property
    def total(self) -> float:
        """Seconds of the whole run."""
        return sum(self.seconds.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "views": self.extent.views, "frames": self.extent.frames,
            "width": self.extent.width, "height": self.extent.height,
            "seconds": {**self.seconds, "total": self.total},
            "memory_bytes": self.memory_bytes, "disk_bytes": self.disk_bytes,
        }


def plan(job: Job, *, known: Speed | None = None) -> Plan:
    """Forecast a run of a job on this machine; nothing is written.

    Args:
        job: what to make. Its files are checked as a run would check them.
        known: the machine's speed, where it need not be looked up.

    Raises:
        InputError: a run of the job would be refused.
    """
    prepare.input_digests(job)
    motion, _ = prepare.check_early(job)
    body = load_body().with_shape(Shape())
    placed = prepare.place(job, motion.slice(0, min(8, motion.frames)), body.rest_joints)
    cameras = prepare.aim(job, body.pose(placed).joints)
    extent = Extent(cameras.views, motion.frames, job.width, job.height)
    spec, size = methods.spec(job.method)
    machine = known or speed()
    forecast = resolve(spec.cost_of(size))
    whole: Cost = forecast(extent, machine)
    step = min(piece_frames(cameras), motion.frames)
    piece: Cost = forecast(Extent(cameras.views, step, job.width, job.height), machine)
    fitted = driving.is_saved(job.person)
    seconds = {
        "load": machine.load_seconds,
        "fit": 0.5 if fitted else machine.fit_seconds,
        "prepare": _PREPARE_SECONDS + _PREPARE_FRAME_SECONDS * motion.frames,
        "render": whole.seconds + driving.reading_seconds(job, motion.frames),
        "encode": extent.pixels * machine.encode_pixel_seconds * _encode_factor(job),
    }
    grid = min(extent.views * job.width * job.height, 4096 * 4096)
    work = max(piece.bytes, grid * _GRID_BYTES_PER_PIXEL, 0 if fitted else _FIT_BYTES)
    return Plan(extent, seconds, machine.base_bytes + work, extent.pixels)


def _encode_factor(job: Job) -> float:
    """More to write takes longer: lossless video and single frames."""
    more = 0.6 if job.lossless or job.background == "transparent" else 0.0
    return 1.0 + more + (0.8 if job.save_frames else 0.0)
