"""From a binary cut to an alpha matte: fractions at the edge, strands of hair.

Where the ground behind a pixel is known and the person's colour beside it is too, the
pixel's alpha is its place on the line between both colours (the compositing equation
solved for alpha). Where the two colours are too alike, the cut itself, softened by the
width of one pixel, is the answer.
"""

from __future__ import annotations

import cv2
import numpy as np

from muybridge.person.ground_model import CHROMA_WEIGHT, lab_distance
from muybridge.person.matte_evidence import disc, masked_blur

HAIR_MIX = 30.0
"""Lab distance from the ground below which a pixel among hair may be half ground."""


def soften(mask: np.ndarray, sigma: float = 0.7) -> np.ndarray:
    """A mask with an edge about one pixel wide, float32 ``[H, W]``."""
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), sigma)


def line_alpha(
    lab: np.ndarray, person: np.ndarray, ground: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Alpha of each pixel on the line ground -> person, and the length of that line."""
    weights = np.array([1.0, CHROMA_WEIGHT, CHROMA_WEIGHT], np.float32)
    axis = (person - ground) * weights
    length2 = (axis * axis).sum(-1)
    along = ((lab - ground) * weights * axis).sum(-1) / np.maximum(length2, 1e-3)
    return along, np.sqrt(length2)


def ground_nearby(
    lab: np.ndarray, ground: np.ndarray, mask: np.ndarray, reach: np.ndarray
) -> np.ndarray:
    """The ground's colour beside the person: spilled light and shadows included."""
    outside = ~(cv2.dilate(mask.astype(np.uint8), disc(3)) > 0)
    outside &= ~reach | (lab_distance(lab - ground) < 4.0)
    local, weight = masked_blur(lab - ground, outside, 4.0)
    return ground + local * np.clip(weight / 0.1, 0, 1)[..., None]


def refine(
    lab: np.ndarray,
    ground: np.ndarray,
    mask: np.ndarray,
    *,
    hair: np.ndarray,
    inner: int = 2,
    noise: float = 0.5,
) -> np.ndarray:
    """Alpha of a cut.

    Args:
        lab: ``[H, W, 3]`` picture in Lab.
        ground: ``[H, W, 3]`` ground in Lab, shadows included.
        mask: ``[H, W]`` bool cut.
        hair: ``[H, W]`` bool, the band on both sides of the cut where strands may be.
        inner: pixels inside the cut's border that may be mixed.
        noise: spread of the ground's pixels (Lab).

    Returns:
        float32 ``[H, W]`` in 0..1.
    """
    behind = ground_nearby(lab, ground, mask, hair)
    far = lab_distance(lab - behind)
    solid = cv2.erode(mask.astype(np.uint8), disc(inner), borderValue=1) > 0
    solid &= ~(hair & (far < HAIR_MIX))
    rim = cv2.dilate(mask.astype(np.uint8), disc(2)) > 0
    band = (rim | hair) & ~solid

    near, near_weight = masked_blur(lab, solid, inner + 1.0)
    wide, wide_weight = masked_blur(lab, solid, 4.0 * (inner + 1.0))
    person = np.where((near_weight > 0.02)[..., None], near, wide)
    along, length = line_alpha(lab, person, behind)
    dead = np.clip((1.5 + 3.0 * noise) / np.maximum(length, 1.0), 0.04, 0.3)
    along = np.clip((along - dead) / (0.94 - dead), 0, 1)

    edge = soften(mask)
    trust = np.clip((length - 8.0) / 12.0, 0, 1) * (wide_weight > 1e-4)
    mixed = trust * along + (1 - trust) * edge
    # Inside the cut, a colour that is off the line is clothing or skin, not ground.
    residual = lab_distance(lab - behind - (person - behind) * along[..., None])
    foreign = np.clip((residual - 10.0) / 10.0, 0, 1) * mask
    mixed = np.maximum(mixed, foreign * edge)
    return np.where(solid, 1.0, np.where(band, mixed, 0.0)).astype(np.float32)


def attached(alpha: np.ndarray, mask: np.ndarray, level: float = 0.12) -> np.ndarray:
    """Alpha without the islands that hang on nothing."""
    _, labels = cv2.connectedComponents((alpha > level).astype(np.uint8))
    keep = np.zeros(labels.max() + 1, bool)
    keep[labels[mask & (alpha > level)]] = True
    keep[0] = False
    joined = cv2.dilate(keep[labels].astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.where(joined, alpha, 0).astype(np.float32)
