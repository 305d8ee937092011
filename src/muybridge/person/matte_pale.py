"""White clothes on a white ground: the part of a person that colour alone can't show.

Head, hands, trousers and shoes are found by colour and give the body's axis and height.
Between them, weak evidence is collected: a lasting small difference from the ground, the
grain of cloth, faint contours that shut a place off, and where a standing body is.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from muybridge.person.ground_model import Ground
from muybridge.person.matte_cut import compress, cut
from muybridge.person.matte_evidence import (
    Evidence,
    disc,
    edge_strength,
    largest_parts,
    touching,
)


@dataclass(frozen=True)
class Stance:
    """A standing body's frame in the picture, from its clearly visible parts (pixels).

    Attributes:
        top, bottom: first row of the hair, last row of the shoes.
        collar: row at which the head and neck end.
        head_x, foot_x: columns of the head and between the feet.
    """

    top: int
    bottom: int
    collar: int
    head_x: float
    foot_x: float

    @property
    def height(self) -> int:
        """Rows from hair to shoes."""
        return self.bottom - self.top

    def axis(self, rows: np.ndarray) -> np.ndarray:
        """Column of the body's middle at each row."""
        share = np.clip((rows - self.collar) / max(self.bottom - self.collar, 1), 0, 1)
        return self.head_x + (self.foot_x - self.head_x) * share


def find_stance(mask: np.ndarray) -> Stance | None:
    """The frame of a standing body; None where the visible parts don't look like one."""
    rows = np.flatnonzero(mask.any(1))
    if rows.size < 40:
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    height = bottom - top
    head_rows = mask[top : top + max(3, round(0.09 * height))]
    feet_rows = mask[bottom - max(3, round(0.12 * height)) : bottom]
    columns = np.arange(mask.shape[1], dtype=np.float64)
    head_x = float(np.average(columns, weights=head_rows.sum(0) + 1e-9))
    feet = np.flatnonzero(feet_rows.any(0))
    foot_x = float((feet[0] + feet[-1]) / 2)
    if abs(head_x - foot_x) > 0.25 * height:
        return None
    half = max(2, round(0.02 * height))
    strip = mask[top:bottom, max(0, round(head_x) - half) : round(head_x) + half + 1]
    empty = np.flatnonzero(strip.mean(1) < 0.5)
    empty = empty[empty > 0.06 * height]
    collar = top + round(0.17 * height)
    if empty.size and empty[0] < 0.3 * height:
        collar = min(collar, top + int(empty[0]))
    return Stance(top, bottom, collar, head_x, foot_x)


def body_prior(stance: Stance, shape: tuple[int, int]) -> np.ndarray:
    """Where a standing body is likely, ``[H, W]`` in -1 (surely not) .. 1.

    Trunk and legs are likely; a band beside them, where sleeves, arms and the gaps
    between them are, is open; far away it falls to -1.
    """
    height, width = shape
    rows = np.arange(height, dtype=np.float32)
    axis = stance.axis(rows)[:, None]
    x = np.abs(np.arange(width, dtype=np.float32)[None] - axis) / stance.height
    y = ((rows - stance.top) / stance.height)[:, None]
    collar = (stance.collar - stance.top) / stance.height

    def steps(values: list[tuple[float, float]]) -> np.ndarray:
        return np.interp(y, [v[0] for v in values], [v[1] for v in values])

    likely = steps(
        [
            (collar - 0.01, 0.0),
            (collar + 0.01, 0.05),
            (collar + 0.05, 0.095),
            (0.52, 0.09),
            (0.55, 0.07),
            (0.56, 0.0),
        ]
    )
    possible = steps(
        [
            (-0.02, 0.0),
            (0.0, 0.07),
            (collar - 0.02, 0.09),
            (collar + 0.03, 0.16),
            (collar + 0.12, 0.2),
            (0.55, 0.22),
            (0.75, 0.17),
            (1.0, 0.15),
            (1.02, 0.0),
        ]
    )
    inside = np.clip((likely - x) / 0.02, 0, 1)
    beyond = np.clip((x - possible) / 0.04, 0, 1)
    return (inside - beyond).astype(np.float32)


def grain(light: np.ndarray) -> np.ndarray:
    """Local strength of the finest detail of L (cloth has some, a lit wall has none)."""
    detail = np.abs(light - cv2.GaussianBlur(light, (0, 0), 1.5))
    return cv2.blur(np.minimum(detail, 2.0), (9, 9))


def faint_enclosure(change: np.ndarray, seeds: np.ndarray, noise: float) -> np.ndarray:
    """Like ``matte_evidence.enclosure`` for contours that are hardly there."""
    height, width = seeds.shape
    edges = edge_strength(change * np.array([1.0, 0.3, 0.3], np.float32), 1.2)
    edges = cv2.dilate(edges, np.ones((2, 2), np.uint8))[::2, ::2]
    sources = seeds[::2, ::2]
    dry = np.zeros(edges.shape, np.float32)
    base = 0.12 + 0.12 * min(noise, 1.5)
    limits, gaps = (1.0, 1.5, 2.2, 3.2), (0, 1, 2, 3)
    for limit in limits:
        for gap in gaps:
            wall = (edges > base * limit).astype(np.uint8)
            wall = cv2.dilate(wall, disc(gap)) > 0 if gap else wall > 0
            kept = (~touching(~wall, sources & ~wall)).astype(np.uint8)
            dry += cv2.erode(kept, disc(gap)) if gap else kept
    dry /= len(limits) * len(gaps)
    return cv2.resize(dry, (width, height), interpolation=cv2.INTER_LINEAR)


def _usual(values: np.ndarray, where: np.ndarray, least: float, percent: float = 93.0) -> float:
    """A high percentile of what the plain ground shows, never below ``least``."""
    return max(least, float(np.percentile(values[where], percent))) if where.any() else least


def pale_scores(
    evidence: Evidence, ground: Ground, stance: Stance, prior: np.ndarray
) -> np.ndarray:
    """Evidence in -1 .. 1 for pale parts of the person, ``[H, W]``.

    Args:
        evidence: the picture's measurements.
        ground: its ground.
        stance: the body's frame.
        prior: ``[H, W]`` in -1 .. 1, where a body is likely.
    """
    change = evidence.lab - evidence.ground
    reach = max(2, round(0.003 * stance.height))
    size = (2 * reach + 1, 2 * reach + 1)
    calm = np.stack(
        [
            cv2.blur(change[..., 0], size),
            cv2.blur(change[..., 1], (17, 17)),
            cv2.blur(change[..., 2], (17, 17)),
        ],
        -1,
    )
    outside = ground.seen & (prior < -0.9)
    light, tint = np.abs(calm[..., 0]), np.hypot(calm[..., 1], calm[..., 2])
    size_of_noise = np.hypot(light / _usual(light, outside, 0.3), tint / _usual(tint, outside, 0.4))
    different = np.tanh(size_of_noise - 1.2)

    texture = grain(evidence.lab[..., 0])
    usual = _usual(texture, outside, 0.05, 98.0)
    textured = np.tanh((texture - 1.3 * usual - 0.05) / (usual + 0.1))

    seeds = ground.seen & (prior < -0.5)
    shut = 2.0 * faint_enclosure(change, seeds, ground.noise) - 0.8

    strong = cv2.dilate((evidence.distance > 14.0).astype(np.uint8), disc(8)) > 0
    measured = 0.45 * different + 0.25 * textured + 0.45 * shut
    measured = np.where(strong, 0.3 * measured - 0.1, measured)
    # A trunk joins head and legs: that nothing is seen there doesn't speak against it.
    measured = np.maximum(measured, np.where(prior > 0.3, -0.15, -1.0))
    return np.clip(measured + 0.45 * np.minimum(prior, 0.8) - 0.1, -1, 1)


def add_pale(
    mask: np.ndarray,
    opened: np.ndarray,
    evidence: Evidence,
    ground: Ground,
    stance: Stance,
    prior: np.ndarray,
) -> np.ndarray:
    """Grow a cut by the pale parts of the person.

    Args:
        mask: ``[H, W]`` bool, what colour showed.
        opened: ``[H, W]`` bool, openings framed by the cut, which stay open.
        evidence: the picture's measurements.
        ground: its ground.
        stance: the body's frame.
        prior: ``[H, W]`` in -1 .. 1, where a body is likely.

    Returns:
        ``[H, W]`` bool, a superset of ``mask``.
    """
    score = pale_scores(evidence, ground, stance, prior)
    score[opened] = -0.6
    change = cv2.GaussianBlur(evidence.lab - evidence.ground, (0, 0), 0.8)
    contrast = (
        compress(change[..., 0], 0.7),
        compress(0.5 * (change[..., 1] + change[..., 2]), 0.7),
    )
    grown = cut(score, contrast, mask, (prior < -0.95) & ~mask)
    added = grown & ~mask
    added = cv2.morphologyEx(added.astype(np.uint8), cv2.MORPH_OPEN, disc(3)) > 0
    count, labels, stats, _ = cv2.connectedComponentsWithStats(added.astype(np.uint8))
    flat, area = labels.ravel(), stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    mean = np.bincount(flat, score.ravel(), count) / area
    trunk = np.bincount(flat, (prior > 0.3).ravel().astype(np.float64), count) / area
    # Compression and spilled light leave small doubtful patches beside strong edges;
    # clothing is large, and either lies on the trunk or is clearly there.
    keep = (area > (0.03 * stance.height) ** 2) & ((mean > 0.45) | ((trunk > 0.15) & (mean > 0.1)))
    keep[0] = False
    near = cv2.dilate(keep[labels].astype(np.uint8), disc(3)) > 0
    whole = mask | (grown & near)
    closed = cv2.morphologyEx(whole.astype(np.uint8), cv2.MORPH_CLOSE, disc(2)) > 0
    whole |= closed & near
    # A faint edge is found within a few pixels only: cloth has a smooth outline.
    sigma = max(1.0, 0.0045 * stance.height)
    smooth = cv2.GaussianBlur(whole.astype(np.float32), (0, 0), sigma) > 0.5
    touched = cv2.dilate((whole & ~mask).astype(np.uint8), disc(round(2 * sigma))) > 0
    whole = np.where(touched, smooth, whole) | mask
    return largest_parts(whole, 0.004)
