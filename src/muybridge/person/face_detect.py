"""Find the face in a photo of a person, and know when there is none.

OpenCV's Haar cascades propose; the colour of skin in the middle of the box decides. A
head seen from behind has hair there, or bare skin without eyes, brows and mouth.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from cv2.data import haarcascades

from muybridge.person.ground_model import rgb_to_lab
from muybridge.person.skin import SkinModel, looks_like_skin
from muybridge.person.skin import skin_model as _skin_model

_LOCK = threading.Lock()
_HEAD_WIDTH = 220.0


@dataclass(frozen=True)
class Face:
    """A face in a photo, in pixels of that photo.

    Attributes:
        box: x0, y0, x1, y1, from brows to chin.
        eyes: centres (x, y) of the eye at the picture's left and right; None where they
            were not found.
        score: 0..1, how sure it is.
    """

    box: tuple[int, int, int, int]
    eyes: tuple[tuple[float, float], tuple[float, float]] | None
    score: float


@lru_cache(maxsize=8)
def _cascade(name: str) -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(str(Path(haarcascades) / f"haarcascade_{name}.xml"))


def _detect(name: str, gray: np.ndarray, neighbors: int, least: int) -> np.ndarray:
    with _LOCK:
        found = _cascade(name).detectMultiScale(
            gray, scaleFactor=1.06, minNeighbors=neighbors, minSize=(least, least)
        )
    return np.asarray(found, np.int64).reshape(-1, 4)


def head_region(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """x0, y0, x1, y1 around a standing person's head and neck; None for an empty mask."""
    rows = np.flatnonzero(mask.any(1))
    if rows.size < 24:
        return None
    top, height = int(rows[0]), int(rows[-1] - rows[0] + 1)
    columns = mask[top : top + max(3, round(0.12 * height))].sum(0).astype(np.float64)
    middle = float(np.average(np.arange(mask.shape[1]), weights=columns + 1e-9))
    x0 = max(0, round(middle - 0.13 * height))
    x1 = min(mask.shape[1], round(middle + 0.13 * height))
    y0 = max(0, top - round(0.02 * height))
    y1 = min(mask.shape[0], top + round(0.24 * height))
    return (x0, y0, x1, y1) if x1 - x0 >= 12 and y1 - y0 >= 12 else None


def _face_evidence(lab: np.ndarray, box: np.ndarray) -> tuple[float, float]:
    """Share of skin in the middle of a box, and how much darker features vary inside."""
    x, y, w, h = (int(v) for v in box)
    inner = lab[y + round(0.2 * h) : y + round(0.85 * h), x + round(0.2 * w) : x + round(0.8 * w)]
    if inner.size == 0:
        return 0.0, 0.0
    skin = looks_like_skin(inner)
    light = cv2.GaussianBlur(np.ascontiguousarray(inner[..., 0]), (0, 0), max(1.0, 0.015 * w))
    features = light - cv2.GaussianBlur(light, (0, 0), max(2.0, 0.1 * w))
    return float(skin.mean()), float(features.std())


def _eyes(
    gray: np.ndarray, box: np.ndarray
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """The best pair of eyes in a face box, in the coordinates of ``gray``."""
    x, y, w, h = (int(v) for v in box)
    y0, y1 = y + round(0.15 * h), y + round(0.6 * h)
    upper = np.ascontiguousarray(gray[y0:y1, x : x + w])
    if min(upper.shape) < 20:
        return None
    best: tuple[float, tuple[tuple[float, float], tuple[float, float]]] | None = None
    for name in ("eye_tree_eyeglasses", "eye"):
        found = _detect(name, upper, 3, max(8, round(0.12 * w)))
        centers = [(x + ex + ew / 2, y0 + ey + eh / 2) for ex, ey, ew, eh in found]
        for left in centers:
            for right in centers:
                apart = (right[0] - left[0]) / w
                slant = abs(right[1] - left[1]) / w
                off = abs((left[0] + right[0]) / 2 - (x + w / 2)) / w
                if 0.28 < apart < 0.6 and slant < 0.12 and off < 0.12:
                    cost = abs(apart - 0.42) + 2 * slant + off
                    if best is None or cost < best[0]:
                        best = cost, (left, right)
        if best is not None:
            return best[1]
    return None


def find_face(image: np.ndarray, mask: np.ndarray) -> Face | None:
    """Find the face of the person in a photo.

    Args:
        image: uint8 RGB ``[H, W, 3]``.
        mask: ``[H, W]`` bool, the person.

    Returns:
        The face, or None where none is seen (a back view, an empty mask).
    """
    region = head_region(mask)
    if region is None:
        return None
    x0, y0, x1, y1 = region
    crop = image[y0:y1, x0:x1]
    zoom = 2 * _HEAD_WIDTH / (x1 - x0)
    method = cv2.INTER_CUBIC if zoom > 1 else cv2.INTER_AREA
    crop = cv2.resize(crop, None, fx=zoom, fy=zoom, interpolation=method)
    gray = cv2.equalizeHist(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY))
    lab = rgb_to_lab(crop)
    person = cv2.resize(mask[y0:y1, x0:x1].astype(np.float32), crop.shape[1::-1])

    best: tuple[float, np.ndarray] | None = None
    for name in ("frontalface_default", "frontalface_alt2", "frontalface_alt"):
        for box in _detect(name, gray, 2, round(0.3 * _HEAD_WIDTH)):
            x, y, w, h = (int(v) for v in box)
            if person[y : y + h, x : x + w].mean() < 0.5 or w > 1.5 * _HEAD_WIDTH:
                continue
            skin, features = _face_evidence(lab, box)
            if skin < 0.45 or features < 1.2:
                continue
            value = skin * min(1.0, features / 4.0) * (0.5 + 0.5 * min(1.0, w / _HEAD_WIDTH))
            if best is None or value > best[0]:
                best = value, box
    if best is None:
        return None
    value, box = best
    eyes = _eyes(gray, box)
    left, top, wide, high = (float(v) for v in box)
    score = float(np.clip(0.45 + 0.4 * value + (0.25 if eyes else 0.0), 0, 1))
    corners = (left, top, left + wide, top + high)
    placed = tuple(round(v / zoom + o) for v, o in zip(corners, (x0, y0, x0, y0), strict=True))
    if eyes is not None:
        (lx, ly), (rx, ry) = eyes
        eyes = (
            (float(lx / zoom + x0), float(ly / zoom + y0)),
            (float(rx / zoom + x0), float(ry / zoom + y0)),
        )
    return Face((placed[0], placed[1], placed[2], placed[3]), eyes, score)


def head_skin_share(image: np.ndarray, mask: np.ndarray) -> float:
    """Share of skin-coloured pixels in the head: high in front views, low in back views."""
    region = head_region(mask)
    if region is None:
        return 0.0
    x0, y0, x1, y1 = region
    inside = mask[y0:y1, x0:x1]
    if not inside.any():
        return 0.0
    return float(looks_like_skin(rgb_to_lab(image[y0:y1, x0:x1]))[inside].mean())


def skin_model(
    image: np.ndarray,
    mask: np.ndarray,
    face: Face | None,
    *,
    reference: SkinModel | None = None,
    light: np.ndarray | None = None,
) -> SkinModel:
    """The skin colour of the person in a photo; see :func:`muybridge.person.skin.skin_model`."""
    box = face.box if face is not None else None
    return _skin_model(image, mask, box, reference=reference, light=light)
