"""Mattes over any ground: GrabCut from a central prior, and `rembg` where installed."""

from __future__ import annotations

import cv2
import numpy as np

from muybridge.errors import InputError
from muybridge.person.matte_evidence import disc

_SIDE = 480


def central_prior(height: int, width: int) -> np.ndarray:
    """Where a person stands in a portrait photo, ``[H, W]`` in 0..1."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    half = 0.24 * min(width, 0.75 * height)
    across = np.abs(x - (width - 1) / 2) / half
    down = np.abs(y - 0.53 * height) / (0.45 * height)
    return np.clip(1.35 - np.maximum(across, down) ** 2, 0, 1)


def cut_busy(image: np.ndarray, prior: np.ndarray | None, seed: int) -> tuple[np.ndarray, float]:
    """Cut a person out of a picture whose ground is not plain.

    Args:
        image: uint8 RGB ``[H, W, 3]``.
        prior: ``[H, W]`` in 0..1 or None for the middle of the picture.
        seed: seed of OpenCV's colour clustering.

    Returns:
        Mask ``[H, W]`` bool and a confidence of at most 0.5 (0.6 with a prior).
    """
    height, width = image.shape[:2]
    shrink = min(1.0, _SIDE / max(height, width))
    size = (max(16, round(width * shrink)), max(16, round(height * shrink)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if prior is None:
        likely = central_prior(size[1], size[0])
    else:
        likely = cv2.resize(prior, size, interpolation=cv2.INTER_AREA)
    labels = np.where(likely > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[likely < 0.03] = cv2.GC_BGD
    labels[likely > 0.985] = cv2.GC_FGD if prior is not None else cv2.GC_PR_FGD
    if not ((labels & 1) > 0).any() or not ((labels & 1) == 0).any():
        return np.zeros((height, width), bool), 0.0
    cv2.setRNGSeed(int(seed) & 0x7FFFFFFF)
    bgr = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    cv2.grabCut(bgr, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 6, cv2.GC_INIT_WITH_MASK)
    found = (labels & 1).astype(np.uint8)
    found = cv2.morphologyEx(found, cv2.MORPH_OPEN, disc(1))
    count, parts, stats, _ = cv2.connectedComponentsWithStats(found)
    if count < 2:
        return np.zeros((height, width), bool), 0.0
    largest = parts == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    rows, columns = np.flatnonzero(largest.any(1)), np.flatnonzero(largest.any(0))
    upright = np.ptp(rows) > 1.1 * np.ptp(columns)
    rim = np.concatenate([largest[0], largest[:, 0], largest[:, -1]]).mean()
    confidence = 0.45 - 0.2 * (not upright) - min(0.2, rim) + (0.15 if prior is not None else 0)
    mask = cv2.resize(largest.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return mask > 0.5, float(np.clip(confidence, 0.05, 0.6))


def rembg_alpha(image: np.ndarray) -> np.ndarray:
    """Alpha ``[H, W]`` float32 by the optional package `rembg` and its own weights."""
    try:
        from rembg import remove  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise InputError(
            "backend",
            "",
            "rembg is not installed",
            "install rembg, use backend 'auto', or give a mask",
        ) from error
    alpha = np.asarray(remove(image, only_mask=True))
    alpha = alpha[..., -1] if alpha.ndim == 3 else alpha
    return np.ascontiguousarray(alpha, np.float32) / 255
