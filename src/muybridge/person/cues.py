"""Points of the body that a photo shows besides its outline: the face and the hands."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from muybridge.body import AnnyBody, Part

FACE_POINTS: dict[str, tuple[float, float]] = {
    "left_eye": (0.685, 0.38),
    "right_eye": (0.315, 0.38),
    "nose": (0.50, 0.59),
    "mouth": (0.50, 0.775),
    "chin": (0.50, 1.00),
}
"""Where a frontal face has its features within the box that OpenCV's cascade draws,
as shares of the box' width and height (measured on frontal studio portraits)."""


@dataclass(frozen=True)
class PointCue:
    """A named point of the body and where the photo shows it.

    Attributes:
        name: one of :data:`FACE_POINTS`, or ``left_hand`` / ``right_hand``.
        at: x, y in pixels of the photo.
        trust: weight, 1 for a point that is well seen.
    """

    name: str
    at: tuple[float, float]
    trust: float


def face_cues(box: tuple[float, float, float, float]) -> list[PointCue]:
    """Features of a frontal face from its box (left, top, width, height in pixels)."""
    left, top, width, height = box
    return [
        PointCue(name, (left + u * width, top + v * height), 0.6 if name == "chin" else 1.0)
        for name, (u, v) in FACE_POINTS.items()
    ]


def bare_arms(
    skin: np.ndarray, mask: np.ndarray, facing: str, face_bottom: float
) -> dict[str, np.ndarray]:
    """Patches of skin that end in a hand beside the body, by side.

    Args:
        skin: ``[H, W]`` 0..1 likeness to the person's skin.
        mask: ``[H, W]`` bool.
        facing: ``"front"`` or ``"back"``; tells the left arm from the right.
        face_bottom: y of the chin, pixels; skin above it is the head's.

    Returns:
        ``[H, W]`` bool for ``left`` and ``right``, where such a patch is seen.
    """
    rows, columns = np.nonzero(mask)
    top, bottom = rows.min(), rows.max() + 1
    height = bottom - top
    middle = float(np.median(columns[rows > top + 0.45 * height]))
    rim = mask & (cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5) < 0.012 * height)
    soft = cv2.GaussianBlur(np.where(mask, skin, 0).astype(np.float32), (0, 0), 0.004 * height)
    patch = ((soft > 0.33) & mask).astype(np.uint8)
    patch[: int(max(face_bottom, top + 0.2 * height))] = 0
    radius = max(1, round(0.003 * height))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    patch = cv2.morphologyEx(patch, cv2.MORPH_OPEN, kernel)
    count, label, stats, centers = cv2.connectedComponentsWithStats(patch)
    best: dict[str, tuple[float, int]] = {}
    for k in range(1, count):
        area = stats[k, cv2.CC_STAT_AREA] / height**2
        lowest = (stats[k, cv2.CC_STAT_TOP] + stats[k, cv2.CC_STAT_HEIGHT] - top) / height
        if not (0.0003 < area < 0.03 and 0.40 < lowest < 0.66):
            continue
        if abs(centers[k][0] - middle) < 0.04 * height:
            continue
        if (rim & (label == k)).sum() < 0.12 * stats[k, cv2.CC_STAT_AREA]:
            continue  # an arm hangs at the outline; what lies inside is skin-coloured cloth
        side = "right" if (centers[k][0] < middle) == (facing == "front") else "left"
        # of several patches the hand is the lowest, unless it is a mere speck
        rank = lowest + min(area, 0.002) * 60
        if side not in best or rank > best[side][0]:
            best[side] = (rank, k)
    return {side: label == k for side, (_, k) in best.items()}


def hand_cues(arms: dict[str, np.ndarray], height: float) -> list[PointCue]:
    """Where bare hands are: the lower ends of :func:`bare_arms` in a front photo.

    From behind, hands hide before the thighs and the skin in sight may be the forearm's.

    Args:
        arms: the patches.
        height: height of the person, pixels.
    """
    cues = []
    for side, patch in arms.items():
        y, x = np.nonzero(patch)
        low = y > y.max() - 0.075 * height
        at = (float(x[low].mean()) + 0.5, float(y[low].mean()) + 0.5)
        cues.append(PointCue(f"{side}_hand", at, 0.8))
    return cues


@cache
def face_vertices(body: AnnyBody) -> dict[str, np.ndarray]:
    """Vertices of the built-in body whose mean is each of :data:`FACE_POINTS`."""
    points = np.asarray(body.template)
    parts = np.asarray(body.mesh.parts)
    head = parts == int(Part.HEAD)
    lips = np.asarray(body.masks["lips"]) > 0.5
    eyes = np.array([name.startswith("eye_front") for name in body.label_names])[
        np.asarray(body.labels)
    ]
    outer = head & (np.asarray(body.masks["face"]) > 0.2) & ~eyes
    midline = outer & (np.abs(points[:, 0]) < 0.012)
    mouth = points[lips & head].mean(0)
    tip = np.nonzero(midline)[0][points[midline][:, 2].argmax()]
    below = head & (np.abs(points[:, 0]) < 0.015) & (points[:, 1] < mouth[1] - 0.02)
    below &= points[:, 2] > mouth[2] - 0.045
    chin = np.nonzero(below)[0][np.argsort(points[below][:, 1])[:6]]
    return {
        "left_eye": np.nonzero(eyes & (points[:, 0] > 0))[0],
        "right_eye": np.nonzero(eyes & (points[:, 0] < 0))[0],
        "nose": np.array([tip]),
        "mouth": np.nonzero(lips & head & (points[:, 2] > mouth[2] - 0.02))[0],
        "chin": chin,
    }


@cache
def scalp(body: AnnyBody) -> np.ndarray:
    """1 on the vertices of the built-in body's head where hair grows ``[N]``."""
    points = np.asarray(body.template)
    head = np.asarray(body.mesh.parts) == int(Part.HEAD)
    eyes = np.asarray(body.landmark_weights[1:3]) @ points
    ears = np.asarray(body.landmark_weights[3:5]) @ points
    eye, ear = eyes.mean(0), ears.mean(0)
    behind = points[:, 2] < ear[2] - 0.012
    above = points[:, 1] > eye[1] + 0.035
    nape = points[:, 1] > ear[1] - 0.045
    outer = ~np.array([n.startswith(("eye", "mouth", "tongue")) for n in body.label_names])[
        np.asarray(body.labels)
    ]
    return (head & outer & ((behind & nape) | above)).astype(float)


@cache
def hairless(body: AnnyBody) -> np.ndarray:
    """1 on the built-in body's face below the brows, and on its neck ``[N]``."""
    points = np.asarray(body.template)
    parts = np.asarray(body.mesh.parts)
    eye = (np.asarray(body.landmark_weights[1:3]) @ points).mean(0)
    features = (np.asarray(body.masks["face"]) > 0.2) & (points[:, 1] < eye[1] + 0.03)
    features &= (points[:, 2] > eye[2] - 0.05) & (np.abs(points[:, 0]) < 0.055)
    return (features | (parts == int(Part.NECK))).astype(float)
