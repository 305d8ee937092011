"""How near pictures come to the truth: PSNR, SSIM, MS-SSIM and L1.

Every score is the mean over the pictures of an item, float32 colours in [0, 1]. Without a
suffix it counts the pixels in :attr:`~muybridge.evaluation.sample.Sample.foreground` alone;
``/frame`` is the whole frame, whose ground is the same in both and lifts every score.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.evaluation.metric import Metric
from muybridge.evaluation.sample import Sample
from muybridge.evaluation.similarity import LEAST_MULTISCALE, ms_ssim, ssim_image

MOST_PSNR = 100.0
"""Decibels of pictures that are equal, for which it would be infinite."""
_CHUNK = 1 << 22
"""Numbers to work on at once, so that memory stays bounded."""


def psnr(
    made: Float[Tensor, "N 3 H W"],
    truth: Float[Tensor, "N 3 H W"],
    mask: Bool[Tensor, "N 1 H W"] | None = None,
) -> Float[Tensor, "N"]:  # noqa: F821
    """Peak signal to noise of each picture in decibels, at most :data:`MOST_PSNR`.

    Args:
        made, truth: RGB in [0, 1].
        mask: the pixels that count; all by default. A picture without any is ``nan``.

    Raises:
        InputError: torchmetrics is not installed.
    """
    ratio = _torchmetrics().peak_signal_noise_ratio
    made, truth = _plain(made), _plain(truth)
    share = torch.ones(len(made), dtype=torch.float64)
    if mask is not None:
        # errors outside count as none; so the mean is too small by the mask's share
        made = torch.where(mask, made, truth)
        share = mask.double().mean((1, 2, 3))
    size = max(1, _CHUNK // made[0].numel()) if len(made) else 1
    each = [
        ratio(a, b, data_range=1.0, reduction="none", dim=(1, 2, 3))
        for a, b in zip(made.split(size), truth.split(size), strict=True)
    ]
    decibels = torch.cat([torch.zeros(0), *each]) + 10 * share.log10().float()
    return torch.where(share > 0, decibels.clamp(max=MOST_PSNR), torch.nan)


def ssim(
    made: Float[Tensor, "N 3 H W"],
    truth: Float[Tensor, "N 3 H W"],
    mask: Bool[Tensor, "N 1 H W"] | None = None,
) -> Float[Tensor, "N"]:  # noqa: F821
    """Structural similarity of each picture: the mean of its image over the mask.

    Args: as for :func:`psnr`.

    Raises:
        InputError: the pictures are smaller than the window.
    """
    return _mean(ssim_image(_plain(made), _plain(truth)), mask)


def l1(
    made: Float[Tensor, "N 3 H W"],
    truth: Float[Tensor, "N 3 H W"],
    mask: Bool[Tensor, "N 1 H W"] | None = None,
) -> Float[Tensor, "N"]:  # noqa: F821
    """Mean absolute difference of the colours of each picture, in [0, 1].

    Args: as for :func:`psnr`.
    """
    return _mean((_plain(made) - _plain(truth)).abs(), mask)


def picture_scores(
    made: Float[Tensor, "N 3 H W"],
    truth: Float[Tensor, "N 3 H W"],
    mask: Bool[Tensor, "N 1 H W"] | None = None,
) -> dict[str, float]:
    """``psnr`` in decibels and ``ssim``, means over the pictures, for a training's log.

    Args:
        made, truth: RGB in [0, 1].
        mask: where the person is; adds ``psnr_person`` and ``ssim_person``, which count only
            pixels inside it. Pictures whose mask is empty are left out of these.

    Raises:
        InputError: torchmetrics is not installed, or the pictures are too small.
    """
    similar = ssim_image(_plain(made), _plain(truth))
    found = mean_of("psnr", psnr(made, truth)) | mean_of("ssim", _mean(similar, None))
    if mask is not None:
        found |= mean_of("psnr_person", psnr(made, truth, mask))
        found |= mean_of("ssim_person", _mean(similar, mask))
    return found


def mean_of(name: str, each: Float[Tensor, "N"]) -> dict[str, float]:  # noqa: F821
    """The mean over the pictures that have a score; nothing where none has."""
    known = each[~each.isnan()]
    return {name: float(known.double().mean())} if len(known) else {}


def _mean(
    values: Float[Tensor, "N 3 H W"], mask: Bool[Tensor, "N 1 H W"] | None
) -> Float[Tensor, "N"]:  # noqa: F821
    """Means over the mask, ``nan`` where it is empty."""
    if mask is None:
        return values.double().mean((1, 2, 3)).float()
    inside = (values.double().mean(1, keepdim=True) * mask).sum((1, 2, 3))
    return (inside / mask.sum((1, 2, 3))).float()


def _plain(pictures: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N 3 H W"]:
    return pictures.detach().cpu().float().clamp(0, 1)


def _torchmetrics() -> Any:
    """Its functions, loaded at first use: it takes seconds."""
    try:
        from torchmetrics.functional import image
    except ImportError:
        raise InputError("torchmetrics", "", "is not installed, and scores need it",
                         'pip install "muybridge[eval]"') from None
    return image


# ------------------------------------------------------------------ metrics of an item


def _pairs(sample: Sample) -> tuple[Tensor, Tensor, Tensor]:
    """Made, truth, foreground, over views and frames."""
    return (sample.made.flatten(0, 1), sample.truth.flatten(0, 1),
            sample.foreground.flatten(0, 1))


def _psnr(sample: Sample) -> dict[str, float]:
    made, truth, mask = _pairs(sample)
    return mean_of("psnr", psnr(made, truth, mask)) | mean_of("psnr/frame", psnr(made, truth))


def _ssim(sample: Sample) -> dict[str, float]:
    made, truth, mask = _pairs(sample)
    similar = ssim_image(_plain(made), _plain(truth))
    return mean_of("ssim", _mean(similar, mask)) | mean_of("ssim/frame", _mean(similar, None))


def _l1(sample: Sample) -> dict[str, float]:
    made, truth, mask = _pairs(sample)
    return mean_of("l1", l1(made, truth, mask)) | mean_of("l1/frame", l1(made, truth))


def _ms_ssim(sample: Sample) -> dict[str, float]:
    made, truth, _ = _pairs(sample)
    if min(made.shape[-2:]) < LEAST_MULTISCALE:
        return {}
    return mean_of("ms-ssim/frame", ms_ssim(_plain(made), _plain(truth)))


METRICS: tuple[Metric, ...] = (
    Metric("psnr", "dB", "higher", "Peak signal to noise, the mean over the pictures; equal "
           f"ones count as {MOST_PSNR:.0f} dB.", _psnr),
    Metric("ssim", "", "higher", "Structural similarity, a Gaussian window of 11 pixels; its "
           "image is averaged over the foreground.", _ssim),
    Metric("ms-ssim", "", "higher", "Structural similarity over five scales, of the whole frame "
           f"alone; pictures below {LEAST_MULTISCALE} pixels a side have none.", _ms_ssim),
    Metric("l1", "", "lower", "Mean absolute difference of the colours, which are in [0, 1].",
           _l1),
)
