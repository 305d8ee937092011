"""Where an arm ends and the trunk begins in a photo, told by their colours.

The outline of the whole person says nothing about an arm that hangs before the
trunk. Where the arm's colour differs from what is behind it (a bare arm before a
shirt, a sleeve before trousers) a graph cut within a band around the drawn limb
finds its true border.
"""

from __future__ import annotations

import cv2
import numpy as np

from muybridge.person.observation import Observation

_BAND = 0.035
"""How far from the drawn border the true one is looked for, person heights."""
_APART = 1.6
"""Least distance of two limbs' colours, in their own spread, that is believed."""
_APART_BARE = 1.15
"""The same for a bare arm before something that is not skin."""


def cut_limb(observation: Observation, drawn: np.ndarray, body: np.ndarray) -> np.ndarray | None:
    """The limb's true region in the photo.

    Args:
        observation: the photo.
        drawn: ``[H, W]`` bool, where the posed body draws the limb.
        body: ``[H, W]`` bool, where it draws anything else.

    Returns:
        ``[H, W]`` bool, or ``None`` where colours don't tell the limb from the rest.
    """
    o = observation
    if drawn.sum() < 0.001 * o.height**2:
        return None
    band = max(2, round(_BAND * o.height))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * band + 1,) * 2)
    around = cv2.dilate(drawn.astype(np.uint8), kernel) > 0
    rows, columns = np.nonzero(around)
    top, left = max(rows.min() - 4, 0), max(columns.min() - 4, 0)
    window = np.s_[top : rows.max() + 5, left : columns.max() + 5]
    image, limb, rest = o.image[window], drawn[window], body[window]
    person, near = o.mask[window], around[window]
    # a limb is thin: what is sure is its middle, not what lies a band inside it
    depth = cv2.distanceTransform((limb & person).astype(np.uint8), cv2.DIST_L2, 5)
    middle = depth > 0.6 * np.minimum(depth.max(), 0.018 * o.height)
    apart = cv2.distanceTransform((~limb).astype(np.uint8), cv2.DIST_L2, 5)
    other = rest & person & (apart > 0.012 * o.height)
    if middle.sum() < 60 or other.sum() < 200:
        return None
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.float32)
    apart_by = _APART
    if o.skin is not None:
        skin, beside = o.skin[window], other & near
        if beside.any() and skin[middle].mean() > 0.3 > 2 * skin[beside].mean():
            apart_by = _APART_BARE
    if _separation(lab[middle], lab[other & near]) < apart_by:
        return None
    state = np.full(limb.shape, cv2.GC_BGD, np.uint8)
    state[person & near] = np.where(limb[person & near], cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    state[middle] = cv2.GC_FGD
    state[other & ~near] = cv2.GC_BGD
    cv2.grabCut(
        np.ascontiguousarray(image[..., ::-1]), state, None,
        np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK,
    )
    found = ((state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)).astype(np.uint8)
    found = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, label, stats, _ = cv2.connectedComponentsWithStats(found)
    if count < 2:
        return None
    keep = label == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    share = keep.sum() / max(int((limb & person).sum()), 1)
    if not 0.5 < share < 1.6:
        return None
    out = np.zeros(o.mask.shape, bool)
    out[window] = keep
    return out


def _separation(a: np.ndarray, b: np.ndarray) -> float:
    """How far the colours ``a`` lie from those of ``b``: the median distance to the nearest
    of three clusters of ``b``, in that cluster's spread. Lightness counts half."""
    if len(a) < 20 or len(b) < 20:
        return 0.0
    scale = np.array([0.5, 1.0, 1.0], np.float32)
    a, b = a * scale, np.ascontiguousarray((b * scale)[:: max(1, len(b) // 4000)])
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    cv2.setRNGSeed(0)
    _, label, centers = cv2.kmeans(b, 3, None, criteria, 2, cv2.KMEANS_PP_CENTERS)  # type: ignore[call-overload]
    label = label.ravel()
    spread = np.stack(
        [np.maximum(np.abs(b[label == k] - centers[k]).mean(0), 2.5) for k in range(3)]
    )
    distance = np.sqrt((((a[:, None] - centers) / spread) ** 2).mean(2)).min(1)
    return float(np.median(distance))
