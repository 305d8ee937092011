"""How near pictures come to the truth: PSNR and SSIM, of the frame and of the person in it."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from muybridge.errors import InputError

MOST_PSNR = 100.0
"""Decibels of pictures that are equal, for which it would be infinite."""
MIN_SIDE = 6
"""Least side of a picture, pixels: SSIM's window is mirrored at the border."""


def picture_scores(
    made: Float[Tensor, "N 3 H W"],
    truth: Float[Tensor, "N 3 H W"],
    mask: Bool[Tensor, "N 1 H W"] | None = None,
) -> dict[str, float]:
    """``psnr`` in decibels and ``ssim``, means over the pictures.

    Args:
        made, truth: RGB in [0, 1].
        mask: where the person is; adds ``psnr_person`` and ``ssim_person``, which count only
            pixels inside it. Pictures whose mask is empty are left out of these.

    Raises:
        InputError: torchmetrics is not installed, or the pictures are too small.
    """
    metrics = _torchmetrics()
    if min(made.shape[-2:]) < MIN_SIDE:
        raise InputError("pictures", "size", f"{made.shape[-1]}x{made.shape[-2]} pixels",
                         f"give at least {MIN_SIDE} a side")
    made, truth = made.detach().float().clamp(0, 1), truth.detach().float().clamp(0, 1)
    similar = metrics.structural_similarity_index_measure(
        made, truth, data_range=1.0, return_full_image=True, reduction="none"
    )[1]
    every = torch.ones_like(made[:, :1], dtype=torch.bool)
    found = _within(metrics, made, truth, similar, every)
    if mask is not None:
        inside = _within(metrics, made, truth, similar, mask)
        found |= {f"{name}_person": value for name, value in inside.items()}
    return found


def _within(
    metrics: Any,
    made: Float[Tensor, "N 3 H W"],
    truth: Float[Tensor, "N 3 H W"],
    similar: Float[Tensor, "N 3 H W"],
    mask: Bool[Tensor, "N 1 H W"],
) -> dict[str, float]:
    """PSNR and SSIM of the pixels inside a mask."""
    decibels, likeness = [], []
    for a, b, s, m in zip(made, truth, similar, mask.expand_as(made), strict=True):
        if m.any():
            value = metrics.peak_signal_noise_ratio(a[m], b[m], data_range=1.0)
            decibels.append(value.clamp(max=MOST_PSNR))
            likeness.append(s[m].mean())
    if not decibels:
        return {}
    return {"psnr": float(torch.stack(decibels).mean()),
            "ssim": float(torch.stack(likeness).mean())}


def _torchmetrics() -> Any:
    """Its functions for pictures, loaded at first use: it takes seconds."""
    try:
        from torchmetrics.functional import image
    except ImportError:
        raise InputError("torchmetrics", "", "is not installed, and scores need it",
                         'pip install "muybridge[train]"') from None
    return image
