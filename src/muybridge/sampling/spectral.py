"""Slow and coarse parts of a video's latents: low-pass filters over time and space.

Frequencies are in cycles per sample, 0..0.5: of latent frames, and of latents along rows and
columns. A cut-off of infinity lets everything along its axes through. A video is not periodic,
so before the transform it is continued by its mirror image in time.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

KINDS: tuple[str, ...] = ("gaussian", "butterworth", "ideal")
"""How a filter falls: ``exp(-d/2)``, ``1 / (1 + d^4)`` (FreeInit's), or from 1 to 0 at ``d = 1``,
where ``d`` is the sum of the squares of frequencies, each divided by its cut-off."""


def low_pass(
    size: tuple[int, int, int], time: float, space: float, kind: str = "gaussian"
) -> Float[Tensor, "L h f"] | None:
    """How much of each frequency passes, for :func:`filtered`; ``None`` where all of it does.

    Args:
        size: frames, rows and columns of the latents.
        time: cut-off along time; ``math.inf`` for none, 0 for the mean alone.
        space: cut-off along rows and columns.
        kind: of :data:`KINDS`.

    Returns:
        Of the mirrored video's ``torch.fft.rfftn``: the last axis is the halved one.
    """
    if math.isinf(time) and math.isinf(space):
        return None
    frames, rows, columns = size
    along = torch.fft.fftfreq(_mirrored(frames), dtype=torch.float64)
    down = torch.fft.fftfreq(rows, dtype=torch.float64)
    across = torch.fft.rfftfreq(columns, dtype=torch.float64)
    distance = (
        _over(along, time)[:, None, None] + _over(down, space)[:, None] + _over(across, space)
    )
    if kind == "gaussian":
        mask = torch.exp(-distance / 2)
    elif kind == "butterworth":
        mask = 1 / (1 + distance**4)
    else:
        mask = (distance <= 1).double()
    return mask.float()


def filtered(
    latents: Float[Tensor, "V T C h w"], mask: Float[Tensor, "L h f"] | None
) -> Float[Tensor, "V T C h w"]:
    """What a mask of :func:`low_pass` lets through, every view and channel by itself.

    Args:
        latents: of the size that the mask was made for.
        mask: see there; ``None`` lets everything through.
    """
    if mask is None:
        return latents
    frames = latents.shape[1]
    values = latents.transpose(1, 2).float()
    if frames > 2:
        values = torch.cat([values, values[:, :, 1:-1].flip(2)], 2)
    spectrum = torch.fft.rfftn(values, dim=(2, 3, 4)) * mask.to(values.device)
    passed = torch.fft.irfftn(spectrum, s=values.shape[2:], dim=(2, 3, 4))
    return passed[:, :, :frames].transpose(1, 2).to(latents.dtype)


def blended(
    estimate: Float[Tensor, "V T C h w"],
    guide: Float[Tensor, "V T C h w"],
    mask: Float[Tensor, "L h f"] | None,
    amount: float,
) -> Float[Tensor, "V T C h w"]:
    """The estimate with its slow and coarse part moved towards the guide's.

    Args:
        estimate: of the video model.
        guide: latents of the image-first frames.
        mask: what counts as slow and coarse, see :func:`low_pass`.
        amount: 0 leaves the estimate, 1 replaces that part.
    """
    if amount == 0:
        return estimate
    if mask is None:
        return torch.lerp(estimate, guide, amount)
    return estimate + amount * filtered(guide - estimate, mask)


def with_detail(
    refined: Float[Tensor, "T C h w"],
    before: Float[Tensor, "T C h w"],
    original: Float[Tensor, "T C H W"],
    amount: float = 1.0,
) -> Float[Tensor, "T C H W"]:
    """Refined pictures at the originals' size, with the detail that the video model can't have.

    A video model is smaller than the pictures, and its autoencoder loses detail. What the
    originals have beyond what went through it is returned; where nothing was changed, the result
    is the original.

    Args:
        refined: pictures in [0, 1], of the video model's size.
        before: the same without refinement: encoded and decoded only.
        original: what they were made of.
        amount: of the detail, 0..1.
    """
    size = (int(original.shape[-2]), int(original.shape[-1]))
    if amount == 0:
        return resized(refined, size).clamp(0, 1)
    lost = original - resized(before, size)
    return (resized(refined, size) + amount * lost).clamp(0, 1)


def resized(
    pictures: Float[Tensor, "T C H W"], size: tuple[int, int]
) -> Float[Tensor, "T C h w"]:
    """Pictures at another size, rows and columns; smoothed where they shrink."""
    if tuple(pictures.shape[-2:]) == size:
        return pictures
    return F.interpolate(pictures, size, mode="bicubic", antialias=True, align_corners=False)


def _mirrored(frames: int) -> int:
    """Frames of a video with its mirror image behind it; the turning points stand once."""
    return 2 * frames - 2 if frames > 2 else frames


def _over(frequency: Tensor, cut: float) -> Tensor:
    """Squares of frequencies divided by a cut-off."""
    if cut == 0:
        return torch.where(frequency == 0, 0.0, math.inf).double()
    return (frequency / cut).square()
