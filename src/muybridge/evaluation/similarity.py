"""Structural similarity, SSIM and MS-SSIM, of pictures in [0, 1].

Wang et al. 2004 and 2003: a Gaussian window of 11 pixels with a deviation of 1.5, constants
0.01 and 0.03. Borders are mirrored. The sums are made in float64: where a picture is flat,
as the ground behind a person is, a variance is the difference of two nearly equal numbers, and
float32 changes the score in its fourth digit. The values are those of torchmetrics in float64
(tested), which takes ten to twenty times as long.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from muybridge.errors import InputError

WINDOW, DEVIATION = 11, 1.5
"""Side and standard deviation of the window, pixels."""
LEAST = WINDOW // 2 + 1
"""Least side of a picture, pixels: the window is mirrored at the border."""
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of MS-SSIM's scales, from the finest; each is half as large as the one before."""
LEAST_MULTISCALE = WINDOW * 2 ** (len(SCALES) - 1)
"""Least side of a picture for MS-SSIM, pixels: its window has to fit into the coarsest scale."""
_C1, _C2 = 0.01**2, 0.03**2
_KERNEL = cv2.getGaussianKernel(WINDOW, DEVIATION, cv2.CV_64F)


class _Likeness(NamedTuple):
    """Of one picture, per pixel and channel, float64."""

    similarity: Float[ndarray, "H W 3"]
    contrast: Float[ndarray, "H W 3"]


def ssim_image(
    made: Float[Tensor, "N 3 H W"], truth: Float[Tensor, "N 3 H W"]
) -> Float[Tensor, "N 3 H W"]:
    """Structural similarity around every pixel, on the CPU, float32, in [-1, 1].

    Raises:
        InputError: a side is shorter than :data:`LEAST`.
    """
    _check(made, LEAST)
    found = torch.zeros(made.shape)
    # picture by picture: the work on one fits into the processor's cache
    for n, (a, b) in enumerate(zip(_last(made), _last(truth), strict=True)):
        found[n] = torch.from_numpy(_likeness(a, b).similarity).permute(2, 0, 1)
    return found


def ms_ssim(
    made: Float[Tensor, "N 3 H W"], truth: Float[Tensor, "N 3 H W"]
) -> Float[Tensor, "N"]:  # noqa: F821
    """Structural similarity over five scales, of each picture, in [0, 1].

    Similarity is taken at the coarsest scale, contrast and structure at the finer ones, without
    the border where the window is mirrored; negative means count as 0.

    Raises:
        InputError: a side is shorter than :data:`LEAST_MULTISCALE`.
    """
    _check(made, LEAST_MULTISCALE)
    border = slice(WINDOW // 2, -(WINDOW // 2))
    found = torch.ones(len(made), dtype=torch.float64)
    a, b = made.detach().double(), truth.detach().double()
    for scale, weight in enumerate(SCALES):
        last = scale == len(SCALES) - 1
        for n, (x, y) in enumerate(zip(_last(a), _last(b), strict=True)):
            like = _likeness(x, y)
            part = like.similarity if last else like.contrast[border, border]
            found[n] *= max(float(part.mean()), 0.0) ** weight
        if not last:
            a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return found.float()


def _likeness(a: Float[ndarray, "H W 3"], b: Float[ndarray, "H W 3"]) -> _Likeness:
    """Similarity, and its factor of contrast and structure."""
    mean_a, mean_b = _around(a), _around(b)
    square_a, square_b, product = mean_a * mean_a, mean_b * mean_b, mean_a * mean_b
    variance = np.maximum(_around(a * a) - square_a, 0) + np.maximum(_around(b * b) - square_b, 0)
    contrast = (2 * (_around(a * b) - product) + _C2) / (variance + _C2)
    return _Likeness((2 * product + _C1) / (square_a + square_b + _C1) * contrast, contrast)


def _around(values: Float[ndarray, "H W 3"]) -> Float[ndarray, "H W 3"]:
    """Means in the window around each pixel."""
    return cv2.sepFilter2D(values, -1, _KERNEL, _KERNEL, borderType=cv2.BORDER_REFLECT_101)


def _last(pictures: Float[Tensor, "N 3 H W"]) -> Float[ndarray, "N H W 3"]:
    """Float64, colours last, as OpenCV takes them."""
    moved = pictures.detach().cpu().double().permute(0, 2, 3, 1)
    return np.ascontiguousarray(moved.numpy())


def _check(pictures: Float[Tensor, "N 3 H W"], least: int) -> None:
    height, width = pictures.shape[-2:]
    if min(height, width) < least:
        raise InputError("pictures", "size", f"{width}x{height} pixels",
                         f"give at least {least} a side")
