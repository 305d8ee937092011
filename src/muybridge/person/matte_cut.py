"""A binary cut with a free choice of evidence, by OpenCV's graph cut.

`cv2.grabCut` minimises a colour likelihood plus a contrast-weighted boundary length.
Here the "colours" are features: channel 0 carries the evidence, scored by two fixed
Gaussians so that its log-likelihood ratio is linear in it; channels 1 and 2 carry the
contrast that the boundary should follow and weigh nothing by themselves.
"""

from __future__ import annotations

import cv2
import numpy as np

STRENGTH = 110.0
"""Log-odds of full evidence, against 50 per boundary link that crosses no contrast."""


def _gaussian_model(mean: float, variance: float) -> np.ndarray:
    """The 65 numbers of a five-component mixture of which one component is used."""
    model = np.zeros((1, 65), np.float64)
    model[0, 0] = 1.0
    model[0, 5:8] = (mean, 128.0, 128.0)
    model[0, 20:29] = np.diag([variance, 1e9, 1e9]).ravel()
    return model


def compress(values: np.ndarray, knee: float) -> np.ndarray:
    """Signed logarithm to uint8 around 128: steps near zero count most."""
    squeezed = np.sign(values) * np.log1p(np.abs(values) / knee)
    return np.clip(128 + 24 * squeezed, 0, 255).astype(np.uint8)


def cut(
    evidence: np.ndarray,
    contrast: tuple[np.ndarray, np.ndarray],
    person: np.ndarray,
    ground: np.ndarray,
    strength: float = STRENGTH,
) -> np.ndarray:
    """Cut a picture into person and ground.

    Args:
        evidence: ``[H, W]`` in -1 (ground) .. 1 (person).
        contrast: two uint8 ``[H, W]`` channels; the boundary prefers their edges.
        person: ``[H, W]`` bool, pixels that must be person.
        ground: ``[H, W]`` bool, pixels that must be ground (wins over ``person``).
        strength: log-odds of evidence 1.

    Returns:
        ``[H, W]`` bool, True where person.
    """
    open_rows = np.flatnonzero(~ground.all(1))
    open_columns = np.flatnonzero(~ground.all(0))
    if open_rows.size == 0:
        return np.zeros(evidence.shape, bool)
    window = (
        slice(max(0, open_rows[0] - 3), open_rows[-1] + 4),
        slice(max(0, open_columns[0] - 3), open_columns[-1] + 4),
    )
    result = np.zeros(evidence.shape, bool)
    first, second = contrast
    result[window] = _cut_window(
        evidence[window],
        (first[window], second[window]),
        person[window],
        ground[window],
        strength,
    )
    return result


def _cut_window(
    evidence: np.ndarray,
    contrast: tuple[np.ndarray, np.ndarray],
    person: np.ndarray,
    ground: np.ndarray,
    strength: float,
) -> np.ndarray:
    level = np.clip(np.round(127.5 + 127.5 * evidence), 0, 255).astype(np.uint8)
    features = np.ascontiguousarray(np.stack([level, *contrast], -1))
    labels = np.where(evidence > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[person] = cv2.GC_FGD
    labels[ground] = cv2.GC_BGD
    if not (labels & 1).any() or (labels & 1).all():
        return (labels & 1) > 0
    variance = 255.0**2 / (2 * strength)
    cv2.grabCut(
        features,
        labels,
        None,
        _gaussian_model(0.0, variance),
        _gaussian_model(255.0, variance),
        1,
        cv2.GC_EVAL_FREEZE_MODEL,
    )
    return (labels & 1) > 0
