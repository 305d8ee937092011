"""The plain ground behind a person, as a smooth colour field.

A studio ground varies slowly: lamps, vignettes, the sweep from wall to floor. It is
fitted in CIE Lab from the pixels that look like it and are connected to the picture's
border: first a robust low-order polynomial, then the low frequencies that are left.
How well the border follows that field says whether the ground is plain at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

CHROMA_WEIGHT = 1.5
"""Weight of a and b against L in the distance from the ground."""

_FIT_SIDE = 360
_STRIP = 0.06


@dataclass(frozen=True)
class Ground:
    """A fitted ground.

    Attributes:
        lab: ``[H, W, 3]`` float32, L in 0..100, a and b in about -127..127.
        noise: robust spread of the ground's own pixels around ``lab`` (Lab units).
        plainness: 0..1, how much of the border the field explains.
        seen: ``[H, W]`` bool, pixels that the fit took for ground.
    """

    lab: np.ndarray
    noise: float
    plainness: float
    seen: np.ndarray


def rgb_to_lab(image: np.ndarray) -> np.ndarray:
    """uint8 or float [0, 1] RGB ``[H, W, 3]`` -> float32 CIE Lab (L 0..100)."""
    if image.dtype == np.uint8:
        values = image.astype(np.float32) * np.float32(1 / 255)
    else:
        values = image.astype(np.float32)
    return cv2.cvtColor(np.ascontiguousarray(values), cv2.COLOR_RGB2LAB)


def lab_distance(difference: np.ndarray) -> np.ndarray:
    """Length of Lab differences ``[..., 3]``, chroma weighted over lightness."""
    lightness, a, b = difference[..., 0], difference[..., 1], difference[..., 2]
    return np.sqrt(lightness * lightness + CHROMA_WEIGHT**2 * (a * a + b * b))


def _powers(height: int, width: int, degree: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    x = 2 * (x + 0.5) / width - 1
    y = 2 * (y + 0.5) / height - 1
    in_x = [np.ones_like(x), x, x * x, x * x * x, (x * x) ** 2]
    in_y = [np.ones_like(y), y, y * y, y * y * y, (y * y) ** 2]
    terms = [in_x[i] * in_y[j] for i in range(degree + 1) for j in range(degree + 1 - i)]
    return np.stack(terms, -1).reshape(height * width, -1)


def _border(height: int, width: int) -> np.ndarray:
    """Strips where ground is likely: left, right and top, and the bottom's corners."""
    strip = max(2, round(_STRIP * min(height, width)))
    mask = np.zeros((height, width), bool)
    mask[:strip] = True
    mask[:, :strip] = True
    mask[:, -strip:] = True
    mask[-strip:, : width // 6] = True
    mask[-strip:, -(width // 6) :] = True
    return mask


def _edge_strength(lab: np.ndarray) -> np.ndarray:
    smooth = cv2.GaussianBlur(lab, (0, 0), 0.8)
    gx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.25)
    gy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.25)
    return np.sqrt(lab_distance(gx) ** 2 + lab_distance(gy) ** 2)


def _connected_to_border(mask: np.ndarray) -> np.ndarray:
    """The part of a mask whose components touch the picture's rim."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    rim = np.concatenate([labels[0], labels[:, 0], labels[:, -1], labels[-1]])
    touching = np.zeros(labels.max() + 1, bool)
    touching[rim] = True
    touching[0] = False
    return touching[labels]


def _robust_polynomial(
    lab: np.ndarray, chosen: np.ndarray, degree: int, scale: float, rounds: int
) -> np.ndarray:
    """Tukey-weighted polynomial field through the chosen pixels."""
    height, width = chosen.shape
    basis = _powers(height, width, degree)
    rows = np.flatnonzero(chosen.ravel())
    if rows.size > 12000:
        rows = rows[:: rows.size // 12000 + 1]
    picked, target = basis[rows], lab.reshape(-1, 3)[rows].astype(np.float64)
    weights = np.ones(rows.size)
    center = np.median(target, 0)
    coefficients = np.zeros((basis.shape[1], 3))
    ridge = 1e-4 * np.eye(basis.shape[1]) * rows.size
    ridge[0, 0] = 0
    for turn in range(rounds):
        weighted = picked * weights[:, None]
        normal = weighted.T @ picked + ridge
        coefficients = np.linalg.solve(
            normal + 1e-9 * np.eye(len(normal)), weighted.T @ (target - center)
        )
        distance = lab_distance(target - center - picked @ coefficients)
        limit = scale * max(3.0, 6.0 - turn)
        weights = np.clip(1 - (distance / limit) ** 2, 0, 1) ** 2 + 1e-9
    return (basis @ coefficients + center).reshape(height, width, 3).astype(np.float32)


def _low_frequencies(residual: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """Blur of a residual over the weighted pixels, falling to zero away from them."""
    blurred = cv2.GaussianBlur(weight, (0, 0), sigma)
    total = cv2.GaussianBlur(residual * weight[..., None], (0, 0), sigma)
    return total / (blurred[..., None] + 0.02)


def fit_ground(image: np.ndarray, avoid: np.ndarray | None = None) -> Ground:
    """Fit the ground of a picture.

    Args:
        image: uint8 RGB ``[H, W, 3]``.
        avoid: ``[H, W]`` bool, pixels known to belong to the person.

    Returns:
        The ground at the picture's own size.
    """
    height, width = image.shape[:2]
    shrink = min(1.0, _FIT_SIDE / max(height, width))
    small_size = (max(8, round(width * shrink)), max(8, round(height * shrink)))
    lab = rgb_to_lab(cv2.resize(image, small_size, interpolation=cv2.INTER_AREA))
    rows, columns = lab.shape[:2]
    border = _border(rows, columns)
    allowed = np.ones((rows, columns), bool)
    if avoid is not None:
        share = cv2.resize(avoid.astype(np.float32), small_size, interpolation=cv2.INTER_AREA)
        allowed = share < 0.02
    quiet = (_edge_strength(lab) < 1.2) & allowed

    start = border & quiet
    if start.sum() < 0.2 * border.sum():
        start = border & allowed if (border & allowed).any() else border
    typical = np.median(lab[start], 0)
    spread = float(np.median(lab_distance(lab[start] - typical)))
    field = _robust_polynomial(lab, start, 2, max(2.0, 1.5 * spread), 6)
    seen = start
    for degree, limit in ((2, 5.0), (3, 4.0), (4, 3.0), (4, 2.5)):
        distance = lab_distance(lab - field)
        near = _connected_to_border((distance < limit) & quiet)
        core = cv2.erode(near.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        if core.sum() < 0.05 * core.size:
            break
        seen = core
        field = _robust_polynomial(lab, seen, degree, 1.5, 6)
        for sigma in (0.12, 0.05):
            distance = lab_distance(lab - field)
            weight = (seen & (distance < limit)).astype(np.float32)
            field = field + _low_frequencies(lab - field, weight, sigma * max(rows, columns))

    distance = lab_distance(lab - field)
    own = distance[seen]
    noise = float(1.48 * np.median(own)) if own.size else 50.0
    inside = border & allowed
    plainness = float(np.mean(distance[inside] < 4.0)) if inside.any() else 0.0
    full = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)
    seen_full = cv2.resize(seen.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    return Ground(full, noise, plainness, seen_full > 0)
