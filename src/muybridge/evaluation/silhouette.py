"""How well the outline of a person is met: overlap of mattes, and distance of outlines."""

from __future__ import annotations

import math
from collections.abc import Mapping

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from muybridge.evaluation.metric import Metric
from muybridge.evaluation.sample import Sample

_FAR = 0.95


def soft_iou(
    a: Float[Tensor, "*B 1 H W"], b: Float[Tensor, "*B 1 H W"]
) -> Float[Tensor, "*B"]:
    """Smaller over larger share of each pixel, summed; 1 where both are empty.

    Of masks that are 0 or 1 everywhere it is the intersection over union.
    """
    both = torch.minimum(a, b).flatten(-3).sum(-1)
    either = torch.maximum(a, b).flatten(-3).sum(-1)
    return torch.where(either > 0, both / either.clamp(min=1e-9), torch.ones_like(both))


def outline_distances(a: Bool[ndarray, "H W"], b: Bool[ndarray, "H W"]) -> Float[ndarray, "P"]:  # noqa: F821
    """From each pixel of either outline to the nearest one of the other, pixels.

    An outline is what of a mask touches the ground, not where the picture cuts it off. Where
    one mask has no outline and the other has, every distance is the picture's diagonal.
    """
    first, second = _outline(a), _outline(b)
    if not first.any() or not second.any():
        count = int(first.sum() + second.sum())
        return np.full(count, math.hypot(*a.shape), np.float32)
    return np.concatenate([_distance(second)[first], _distance(first)[second]])


def overlap(sample: Sample) -> dict[str, float]:
    """``iou`` of the mattes as they are, ``iou/hard`` of what is at least half covered."""
    made, truth = sample.silhouette, sample.truth_matte
    half = [(matte >= 0.5).float() for matte in (made, truth)]
    return {
        "iou": float(soft_iou(made, truth).mean()), "iou/hard": float(soft_iou(*half).mean())
    }


def boundary(sample: Sample) -> dict[str, float]:
    """Mean over pictures of the mean (``boundary``) and 95 % (``boundary/95``) distance.

    Pictures where neither has an outline are left out; nothing where that is all.
    """
    made, truth = (
        (matte >= 0.5).flatten(0, 2).numpy() for matte in (sample.silhouette, sample.truth_matte)
    )
    means, far = [], []
    for a, b in zip(made, truth, strict=True):
        distances = outline_distances(a, b)
        if len(distances):
            means.append(float(distances.mean()))
            far.append(float(np.quantile(distances, _FAR)))
    if not means:
        return {}
    return {"boundary": float(np.mean(means)), "boundary/95": float(np.mean(far))}


def _outline(mask: ndarray) -> ndarray:
    """Pixels of a mask with ground above, below, left or right of them."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = cv2.erode(mask.astype(np.uint8), cross, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    return mask & (inner == 0)


def _distance(outline: ndarray) -> ndarray:
    """From every pixel to the nearest one of an outline."""
    return cv2.distanceTransform(
        (~outline).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )


def _iou(sample: Sample) -> Mapping[str, float]:
    return overlap(sample)


def _boundary(sample: Sample) -> Mapping[str, float]:
    return boundary(sample)


METRICS = (
    Metric(
        "iou", "", "higher",
        "overlap of the silhouette with the true one, whole frame: soft (smaller over larger "
        "share of each pixel) and, as iou/hard, of what is at least half covered",
        _iou,
    ),
    Metric(
        "boundary", "px", "lower",
        "distance between the two outlines, both ways: mean, and as boundary/95 what 95 % of "
        "them stay below; the picture's diagonal where nobody was made",
        _boundary,
    ),
)
