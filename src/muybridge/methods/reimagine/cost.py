"""What ReImagine costs: pictures through the image model, the video model, normals, drawing.

The networks' work is counted, not guessed (``torch.utils.flop_counter``); what a machine does of
it in a second was measured on a CPU core, and for GPUs it is taken from what their makers say.
"""

from __future__ import annotations

from dataclasses import dataclass

from muybridge.methods.avatar.cost import cost as avatar_cost
from muybridge.methods.cost import Cost, Extent, Speed
from muybridge.methods.hvg.cost import along_time
from muybridge.methods.reimagine.config import CONFIGS, TOLD
from muybridge.sampling import PRESETS

_PER_PIXEL = 20_000
"""Operations of the networks that a core does in the time of a drawn pixel."""
_PER_CLOCK = {8: 1024, 9: 4096, 10: 4096}
"""Dense bfloat16 operations of a GPU's multiprocessor per clock, by its generation."""
_CLOCK = 1.7e9
_NORMALS = 3.0
"""Normals of a picture, in drawings of the networks' size."""
_FOLLOWED = 5.0
"""Following a picture's surface into its neighbours, likewise."""
_FINISH = 1.6
"""Pasting, detail and ground, in drawings of the result."""


@dataclass(frozen=True)
class _Work:
    """Of a size.

    Attributes:
        call: operations of a picture's way through ControlNet and transformer, once.
        video: of its way through its own video model, once; windows overlap. 0 without one.
        weights: numbers in memory.
        begin: operations before the first picture.
        share: of what a GPU could do that it does; small networks leave it waiting.
        kept: bytes that are kept of a picture for the whole video.
        held: bytes at work on a batch.
    """

    call: float
    video: float
    weights: float
    begin: float
    share: float
    kept: int
    held: int


_WORK = {
    "nano": _Work(3.05e9, 0.924e9, 6e6, 2e11, 0.01, 250_000, 600 << 20),
    "tiny": _Work(144e9, 87.1e9, 60e6, 1e12, 0.15, 1_000_000, 2 << 30),
    "paper": _Work(292e12, 0.0, 13.8e9, 1e13, 0.45, 1_100_000, 6 << 30),
}


def cost(extent: Extent, speed: Speed) -> Cost:
    """Seconds to make the extent with nano, and memory.

    Args:
        extent: the frames of the whole video for the time; of one piece for the memory.
        speed: of this machine.
    """
    return _cost("nano", extent, speed)


def tiny_cost(extent: Extent, speed: Speed) -> Cost:
    """As :func:`cost`, of the size tiny; on the GPU where there is one."""
    return _cost("tiny", extent, speed)


def paper_cost(extent: Extent, speed: Speed) -> Cost:
    """As :func:`cost`, of the real parts, neither quantised nor offloaded.

    On a GPU numbers have two bytes, on a CPU four. All weights pass through the machine's own
    memory when they are read, so a GPU does not spare it.
    """
    return _cost("paper", extent, speed)


def _cost(size: str, extent: Extent, speed: Speed) -> Cost:
    """See :func:`cost`."""
    config, work = CONFIGS[size], _WORK[size]
    on_gpu = gpu_operations() * work.share
    by_hvg = config.refine_with == "hvg"
    how = PRESETS[TOLD if by_hvg else config.refine]
    calls = how.steps * (2 if how.guidance != 1 else 1)
    moving = extent.frames > 1
    refined = work.video * calls if moving and not by_hvg else 0.0
    apart = along_time(extent, speed, calls) if moving and by_hvg else Cost(0.0, 0)
    followed = _FOLLOWED if moving and by_hvg else 0.0
    operations = work.begin + extent.pictures * (work.call * config.steps + refined)
    normals = Extent(extent.views, extent.frames, config.width, config.height)
    seconds = (
        _FINISH * avatar_cost(extent, speed).seconds
        + (_NORMALS + followed) * avatar_cost(normals, speed).seconds
        + operations / max(on_gpu, _PER_PIXEL / speed.pixel_seconds)
        + apart.seconds
    )
    memory = (
        avatar_cost(extent, speed).bytes + work.held + extent.pictures * work.kept
        + int(work.weights * (2 if on_gpu and size == "paper" else 4)) + apart.bytes
    )
    return Cost(seconds, memory)


def gpu_operations() -> float:
    """What this machine's GPU can do in a second, in bfloat16; 0 without one."""
    import torch

    if not torch.cuda.is_available():
        return 0.0
    found = torch.cuda.get_device_properties(0)
    per_clock = 2048 if (found.major, found.minor) == (8, 0) else _PER_CLOCK.get(found.major, 512)
    return float(found.multi_processor_count) * per_clock * _CLOCK
