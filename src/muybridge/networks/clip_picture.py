"""Pictures as SVD shows them to CLIP.

SVD resizes with a Gaussian blur and bicubic interpolation that aligns corners, on values in
[-1, 1], where CLIP's own preparation crops and resizes differently. The released weights know
SVD's way.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_MEAN = (0.48145466, 0.4578275, 0.40821073)
_DEVIATION = (0.26862954, 0.26130258, 0.27577711)


def clip_picture(
    pictures: Float[Tensor, "B 3 H W"], side: int = 224
) -> Float[Tensor, "B 3 side side"]:
    """RGB in [0, 1] as CLIP's pixel values, ``side x side``."""
    signed = pictures * 2 - 1
    height, width = pictures.shape[-2:]
    signed = _blur(signed, height / side, -2)
    signed = _blur(signed, width / side, -1)
    resized = F.interpolate(signed, size=(side, side), mode="bicubic", align_corners=True)
    mean = resized.new_tensor(_MEAN)[:, None, None]
    deviation = resized.new_tensor(_DEVIATION)[:, None, None]
    return ((resized + 1) / 2 - mean) / deviation


def _blur(pictures: Tensor, factor: float, axis: int) -> Tensor:
    """Gaussian blur along one axis, fit for making it ``factor`` times shorter."""
    sigma = max((factor - 1) / 2, 0.001)
    size = int(max(4 * sigma, 3))
    size += 1 - size % 2
    place = torch.arange(size, dtype=pictures.dtype, device=pictures.device) - size // 2
    bell = torch.exp(-place.square() / (2 * sigma * sigma))
    bell = bell / bell.sum()
    pad = [0, 0, 0, 0]
    pad[2 * (-1 - axis)] = pad[2 * (-1 - axis) + 1] = size // 2
    kernel = bell[None, None, :, None] if axis == -2 else bell[None, None, None, :]
    channels = pictures.shape[1]
    padded = F.pad(pictures, pad, mode="reflect")
    return F.conv2d(padded, kernel.expand(channels, -1, -1, -1), groups=channels)
