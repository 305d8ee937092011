"""The evidence of every pixel, weighed: from -1 (ground) to 1 (person)."""

from __future__ import annotations

import cv2
import numpy as np

from muybridge.person.ground_model import CHROMA_WEIGHT
from muybridge.person.matte_evidence import Evidence, disc

SHOE_SHARE = 0.11
"""Share of the person's height, from below, in which dark grey may be shadow."""

DEEPEST_SHADOW = 42.0
"""Loss of L that a contact shadow may cause on the ground."""


def floor_weight(evidence: Evidence) -> np.ndarray:
    """``[H, 1]`` in 0..1: 1 beside the shoes, 0 above the shins."""
    rows = np.arange(evidence.distance.shape[0], dtype=np.float32)[:, None]
    start = evidence.box[3] - SHOE_SHARE * evidence.height
    return np.clip((rows - start) / (0.03 * evidence.height), 0, 1)


def shadow_free_distance(evidence: Evidence) -> np.ndarray:
    """Distance from the ground in any soft light: darker ground of its own hue is near."""
    lab, ground = evidence.lab, evidence.ground
    darker = ground[..., 0] - lab[..., 0]
    scale = np.clip(lab[..., 0] / np.maximum(ground[..., 0], 1), 0, 1)[..., None]
    tint = lab[..., 1:] - ground[..., 1:] * scale
    chroma = CHROMA_WEIGHT * np.hypot(tint[..., 0], tint[..., 1])
    beyond = np.maximum(-darker, 0) + np.maximum(darker - DEEPEST_SHADOW, 0)
    return np.minimum(np.hypot(chroma, beyond), evidence.distance)


def broad_weak(evidence: Evidence) -> np.ndarray:
    """Enclosed places that look nearly like the ground and are too large for artefacts.

    Compression makes small false pockets, 16 pixels wide, beside strong edges; only
    larger places are believed without a colour difference. ``[H, W]`` in 0..1.
    """
    fine = max(1, round(0.002 * evidence.height))
    coarse = max(3, round(0.009 * evidence.height))
    inside = cv2.erode(evidence.enclosed, disc(fine))
    weak = np.where(evidence.distance < evidence.knee, inside, 0.0).astype(np.float32)
    return cv2.morphologyEx(weak, cv2.MORPH_OPEN, disc(coarse))


def scores(evidence: Evidence) -> np.ndarray:
    """Evidence in -1 (ground) .. 1 (person) from colour and contours, ``[H, W]``.

    A clear colour difference decides by itself. Inside a contour, a little away from it
    (edges have width), a pixel is person even where it looks like the ground. On the
    floor, where shadows are darker than the ground but have no contour, contours decide.
    """
    knee = evidence.knee
    colour = np.tanh((evidence.distance - knee) / (0.6 * knee))
    above = np.maximum(colour, 1.2 * broad_weak(evidence) - 0.6)

    free = np.tanh((shadow_free_distance(evidence) - 1.5 * knee) / knee)
    inside = cv2.erode(evidence.enclosed, disc(1))
    on_floor = np.maximum(free, np.clip(2.5 * (inside - 0.62), -1, 0.8))
    weight = floor_weight(evidence)
    return np.clip(above * (1 - weight) + on_floor * weight, -1, 1).astype(np.float32)
