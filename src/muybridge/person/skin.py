"""The colour of a person's skin, learned from the person's own face."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from muybridge.person.ground_model import rgb_to_lab

_TYPICAL_MEAN = np.array([58.0, 15.0, 18.0], np.float32)
_TYPICAL_SPREAD = np.array([18.0, 5.5, 7.0], np.float32)


@dataclass(frozen=True)
class SkinModel:
    """A Gaussian in CIE Lab.

    Attributes:
        mean: ``[3]`` L, a, b.
        covariance: ``[3, 3]``.
        samples: number of pixels it was learned from; 0 for the general model.
    """

    mean: np.ndarray
    covariance: np.ndarray
    samples: int

    def distance(self, image: np.ndarray) -> np.ndarray:
        """Squared Mahalanobis distance of each pixel of uint8 RGB ``[H, W, 3]``."""
        return self._distance(rgb_to_lab(image))

    def likelihood(self, image: np.ndarray) -> np.ndarray:
        """How skin-coloured each pixel is, ``[H, W]`` float32 in 0..1 (1 at the mean)."""
        return np.exp(-0.5 * self.distance(image)).astype(np.float32)

    def shifted(self, difference: np.ndarray) -> SkinModel:
        """The same skin under another light: ``difference [3]`` in Lab is added."""
        mean = self.mean + np.asarray(difference, np.float32)
        return SkinModel(mean, self.covariance, self.samples)

    def _distance(self, lab: np.ndarray) -> np.ndarray:
        inverse = np.linalg.inv(self.covariance).astype(np.float32)
        offset = lab - self.mean
        return np.maximum(np.einsum("...i,ij,...j->...", offset, inverse, offset), 0)


def general_skin() -> SkinModel:
    """Skin of any person in ordinary light: wide in L, a wedge of warm hues."""
    return SkinModel(_TYPICAL_MEAN, np.diag(_TYPICAL_SPREAD**2), 0)


def looks_like_skin(lab: np.ndarray) -> np.ndarray:
    """Rough test by hue that holds from very dark to very light skin, bool ``[H, W]``."""
    light, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    chroma = np.hypot(a, b)
    hue = np.degrees(np.arctan2(b, np.maximum(a, 1e-3)))
    return (a > 2.5) & (hue > 18) & (hue < 80) & (chroma > 8) & (chroma < 55) & (light > 14)


def learn(samples: np.ndarray, rounds: int = 4) -> SkinModel | None:
    """Trimmed Gaussian of Lab samples ``[N, 3]``; None with fewer than 50 of them."""
    kept = samples
    for _ in range(rounds):
        if len(kept) < 50:
            return None
        mean = np.median(kept, 0).astype(np.float32)
        offset = kept - mean
        covariance = offset.T @ offset / len(kept) + np.diag([60.0, 6.0, 6.0])
        model = SkinModel(mean, covariance.astype(np.float32), len(kept))
        kept = samples[model._distance(samples) < 9.0]
    return model


def bare_places(mask: np.ndarray) -> np.ndarray:
    """Where a standing person's skin usually shows: neck and ears, hands; bool ``[H, W]``."""
    place = np.zeros_like(mask)
    rows = np.flatnonzero(mask.any(1))
    if rows.size == 0:
        return place
    top, height = int(rows[0]), int(rows[-1] - rows[0] + 1)
    place[top + round(0.04 * height) : top + round(0.16 * height)] = True
    rim = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3) < 0.04 * height
    first, last = top + round(0.48 * height), top + round(0.62 * height)
    place[first:last] = rim[first:last]
    return place & mask


def skin_model(
    image: np.ndarray,
    mask: np.ndarray,
    face: tuple[int, int, int, int] | None,
    *,
    reference: SkinModel | None = None,
    light: np.ndarray | None = None,
) -> SkinModel:
    """Learn the skin colour of the person in a photo.

    Args:
        image: uint8 RGB ``[H, W, 3]``.
        mask: ``[H, W]`` bool, the person.
        face: x0, y0, x1, y1 of the face, where there is one.
        reference: the model of another photo of the person, for a photo without a face.
        light: ``[3]`` Lab difference of this photo's ground from the other's.

    Returns:
        The learned model; without enough skin in sight, the (shifted) reference or the
        general model.
    """
    lab = rgb_to_lab(image)
    if face is not None:
        x0, y0, x1, y1 = face
        oval = np.zeros(mask.shape, np.uint8)
        center = (round((x0 + x1) / 2), round(y0 + 0.52 * (y1 - y0)))
        axes = (max(2, round(0.36 * (x1 - x0))), max(2, round(0.42 * (y1 - y0))))
        cv2.ellipse(oval, center, axes, 0, 0, 360, 1, -1)
        inside = (oval > 0) & mask
        hued = inside & looks_like_skin(lab)
        learned = learn(lab[hued] if hued.sum() > 200 else lab[inside])
        if learned is not None:
            return learned
    start = reference if reference is not None else general_skin()
    if reference is not None and light is not None:
        start = reference.shifted(light)
    wide = SkinModel(start.mean, start.covariance * (2.0 if reference else 1.0), start.samples)
    near = bare_places(mask) & looks_like_skin(lab) & (wide._distance(lab) < 7.0)
    near = cv2.morphologyEx(near.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    if near.sum() < 0.002 * mask.sum():
        return start
    return learn(lab[near]) or start
