"""Drift: whether a video gets worse towards its end, against the truth.

The first quarter is set against the last one. Where the person turns, later frames can be
harder than the first ones; so a drift says something beside another method's on the same
items, and little alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from muybridge.evaluation.metric import Metric
from muybridge.evaluation.sample import Sample

SHORTEST = 8
"""Frames of a video that drift can be told of."""
_BEST = 60.0
"""dB; closer than this to the truth is the same, so that no drift is infinite."""

_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_WHITE = (0.95047, 1.0, 1.08883)
"""Of D65, as the matrix has it."""


def window(frames: int) -> int:
    """Frames of the first and of the last window: a quarter of the video."""
    return max(1, frames // 4)


def person_psnr(
    made: Float[Tensor, "V T 3 H W"], truth: Float[Tensor, "V T 3 H W"],
    where: Bool[Tensor, "V T 1 H W"],
) -> float | None:
    """PSNR over all chosen pixels together, at most 60 dB; ``None`` where none is chosen."""
    count = 3 * int(where.sum())
    if not count:
        return None
    error = float(((made - truth).square() * where).double().sum()) / count
    return min(_BEST, -10 * math.log10(max(error, 1e-12)))


def cielab(colours: Float[Tensor, "3 P"]) -> Float[Tensor, "3 P"]:
    """CIELAB under D65, L in 0..100, of sRGB colours in [0, 1] (IEC 61966-2-1, CIE 15)."""
    rgb = colours.double()
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055).clamp(min=0) ** 2.4, rgb / 12.92)
    xyz = (rgb.new_tensor(_XYZ) @ linear) / rgb.new_tensor(_WHITE)[:, None]
    bend = (6 / 29) ** 3
    x, y, z = torch.where(xyz > bend, xyz.clamp(min=bend) ** (1 / 3), xyz * 841 / 108 + 4 / 29)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def mean_lab(
    frames: Float[Tensor, "V T 3 H W"], where: Bool[Tensor, "V T 1 H W"]
) -> Float[Tensor, "3"]:  # noqa: F821
    """Mean CIELAB colour of all chosen pixels."""
    return cielab(frames.movedim(2, 0)[:, where[:, :, 0]]).mean(1)


def drift(sample: Sample) -> Mapping[str, float]:
    """``drift``: PSNR in the foreground of the first window less that of the last, dB.

    Nothing of videos below 8 frames, or with nobody in a window.
    """
    frames = sample.clip.frames
    if frames < SHORTEST:
        return {}
    k = window(frames)
    where = sample.foreground
    early, late = (
        person_psnr(sample.made[:, part], sample.truth[:, part], where[:, part])
        for part in (slice(k), slice(frames - k, frames))
    )
    return {} if early is None or late is None else {"drift": early - late}


def colour_drift(sample: Sample) -> Mapping[str, float]:
    """``colour_drift``: how far the person's mean colour moves beside the truth's, CIELAB.

    The mean is over the true person's pixels, in the result and in the truth; the length is
    of ``(made last - made first) - (truth last - truth first)``. Nothing of videos below 8
    frames, or with nobody in a window.
    """
    frames = sample.clip.frames
    if frames < SHORTEST:
        return {}
    k = window(frames)
    where = sample.truth_matte >= 0.5
    first, last = slice(k), slice(frames - k, frames)
    if not (bool(where[:, first].any()) and bool(where[:, last].any())):
        return {}
    made, truth = (
        mean_lab(of[:, last], where[:, last]) - mean_lab(of[:, first], where[:, first])
        for of in (sample.made, sample.truth)
    )
    return {"colour_drift": float((made - truth).norm())}


METRICS = (
    Metric(
        "drift", "dB", "lower",
        "PSNR in the foreground of the first quarter of the frames less that of the last: "
        "above 0 it gets worse; videos of 8 frames or more",
        drift,
    ),
    Metric(
        "colour_drift", "dE", "lower",
        "how far the person's mean CIELAB colour moves from the first quarter of the frames to "
        "the last, beside the truth's; videos of 8 frames or more",
        colour_drift,
    ),
)
