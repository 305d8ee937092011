"""Places inside a person's outline that show the ground: between legs, under an arm.

They look like the ground behind them. So may a white print, a button or a white shirt;
those lie inside the trunk, and an opening does not.
"""

from __future__ import annotations

import cv2
import numpy as np

from muybridge.person.matte_evidence import STRONG, Evidence, disc, touching
from muybridge.person.matte_scores import broad_weak, floor_weight


def trunk(core: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """Rough place of chest and belly, ``[H, W]`` bool: the middle between neck and crotch."""
    _, top, _, bottom = box
    height = bottom - top
    columns = core[top + height // 8 : top + round(0.6 * height)].sum(0).astype(np.float64)
    place = np.zeros_like(core)
    if columns.any():
        middle = float(np.average(np.arange(core.shape[1]), weights=columns))
        half = 0.085 * height
        x0, x1 = max(0, round(middle - half)), round(middle + half)
        place[top + round(0.16 * height) : top + round(0.47 * height), x0:x1] = True
    return place


def openings(evidence: Evidence) -> np.ndarray:
    """Pixels inside the outline that show the ground, ``[H, W]`` bool."""
    alike = (evidence.enclosed > 0.2) & (evidence.distance < evidence.threshold + 0.6 * STRONG)
    kernel = np.ones((3, 3), np.uint8)
    cores = cv2.erode(alike.astype(np.uint8), kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(cores, connectivity=4)
    result = np.zeros_like(alike)
    if count < 2:
        return result
    flat = labels.ravel()
    area = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    mean = np.bincount(flat, evidence.distance.ravel(), count) / area
    inner = trunk(evidence.core, evidence.box).ravel().astype(np.float64)
    in_trunk = np.bincount(flat, inner, count) / area
    chosen = (
        (area > 2.5e-5 * evidence.height**2) & (mean < evidence.threshold + 1.2) & (in_trunk < 0.5)
    )
    chosen[0] = False
    picked = chosen[labels].astype(np.uint8)
    return (cv2.dilate(picked, kernel) > 0) & alike


def framed(opened: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The openings whose rim is mostly the cut itself, ``[H, W]`` bool."""
    free = (opened & ~mask).astype(np.uint8)
    count, labels = cv2.connectedComponents(free)
    wide = cv2.dilate(labels.astype(np.float32), disc(5)).astype(np.int32)
    ring = (wide > 0) & (labels == 0)
    total = np.bincount(wide[ring], minlength=count)
    solid = np.bincount(wide[ring & mask], minlength=count)
    keep = solid > 0.6 * np.maximum(total, 1)
    keep[0] = False
    return keep[labels]


def fill_holes(mask: np.ndarray, opened: np.ndarray) -> np.ndarray:
    """Fill the holes of a cut that are not openings."""
    inverse = (~mask).astype(np.uint8)
    count, labels = cv2.connectedComponents(inverse, connectivity=4)
    keep = np.zeros(count, bool)
    rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    keep[rim] = True
    keep[labels[opened & ~mask]] = True
    keep[0] = False
    return ~keep[labels]


def peel(mask: np.ndarray, evidence: Evidence) -> np.ndarray:
    """Take off the slivers of ground that a cut keeps along a strong edge.

    They look like the ground, touch it, and are narrow: part of no broad pale place.
    """
    pale = evidence.distance < 0.9 * evidence.knee
    pale &= floor_weight(evidence) < 0.5
    pale &= ~(cv2.dilate(broad_weak(evidence), disc(2)) > 0.45)
    outside = cv2.dilate((~mask).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    slivers = touching(mask & pale, outside)
    return mask & ~slivers


def drop_lines(mask: np.ndarray) -> np.ndarray:
    """Take off thin level strips that reach the picture's sides: where wall meets floor."""
    if not mask[:, [0, -1]].any():
        return mask
    tall = max(5, 2 * round(0.012 * mask.shape[0]) + 1)
    kept = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((tall, 1), np.uint8))
    strips = mask & ~(kept > 0)
    rim = np.zeros_like(mask)
    rim[:, [0, -1]] = True
    return mask & ~touching(strips, rim)
