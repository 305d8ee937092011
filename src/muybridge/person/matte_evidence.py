"""What speaks for person and what for ground, pixel by pixel, over a plain ground."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from muybridge.person.ground_model import Ground, lab_distance, rgb_to_lab

STRONG = 4.5
"""Lab distance, above the ground's own spread, that speaks for person by itself."""

FLOOR_SHARE = 0.22
"""Share of the person's height, from below, in which shadows on the floor are looked for."""


@dataclass(frozen=True)
class Evidence:
    """Measurements of one picture against its ground.

    Attributes:
        lab: ``[H, W, 3]`` the picture in Lab.
        ground: ``[H, W, 3]`` the ground in Lab with the floor's soft shadows in it.
        distance: ``[H, W]`` Lab distance between them, colour fringes reduced.
        enclosed: ``[H, W]`` 0..1, how firmly contours shut the pixel off from the ground.
        threshold: distance above which a pixel is more likely person than ground.
        box: x0, y0, x1, y1 of what certainly differs from the ground.
        core: ``[H, W]`` bool, what certainly differs from the ground.
    """

    lab: np.ndarray
    ground: np.ndarray
    distance: np.ndarray
    enclosed: np.ndarray
    threshold: float
    box: tuple[int, int, int, int]
    core: np.ndarray

    @property
    def height(self) -> int:
        """Rows between the top and the bottom of the certain part."""
        return self.box[3] - self.box[1]

    @property
    def knee(self) -> float:
        """Distance that speaks for person by itself."""
        return STRONG + self.threshold


def disc(radius: int) -> np.ndarray:
    """A round structuring element."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def edge_strength(lab: np.ndarray, sigma: float = 0.8) -> np.ndarray:
    """Length of the Lab gradient per pixel after a small blur."""
    smooth = cv2.GaussianBlur(lab, (0, 0), sigma)
    gx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.125)
    gy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.125)
    return np.sqrt(lab_distance(gx) ** 2 + lab_distance(gy) ** 2)


def masked_blur(
    values: np.ndarray, mask: np.ndarray, sigma: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of ``values [H, W, C]`` over masked neighbours, and the weight that was found."""
    weighted = values * mask[..., None].astype(np.float32)
    weight = mask.astype(np.float32)
    shape = mask.shape[::-1]
    step = 1 if sigma < 4 else 2 if sigma < 8 else 4
    if step > 1:
        size = (max(1, shape[0] // step), max(1, shape[1] // step))
        weighted = cv2.resize(weighted, size, interpolation=cv2.INTER_AREA)
        weight = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    weight = cv2.GaussianBlur(weight, (0, 0), sigma / step)
    mean = cv2.GaussianBlur(weighted, (0, 0), sigma / step)
    mean /= np.maximum(weight, 1e-6)[..., None]
    if step > 1:
        mean = cv2.resize(mean, shape, interpolation=cv2.INTER_LINEAR)
        weight = cv2.resize(weight, shape, interpolation=cv2.INTER_LINEAR)
    return mean, weight


def largest_parts(mask: np.ndarray, share: float = 0.02) -> np.ndarray:
    """The largest component and those near in size (at least ``share`` of it)."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return np.zeros_like(mask, dtype=bool)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return (areas >= share * areas.max())[labels]


def touching(mask: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """The components of ``mask`` that hold at least one seed pixel."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    keep = np.zeros(labels.max() + 1, bool)
    keep[labels[seeds & mask]] = True
    keep[0] = False
    return keep[labels]


def soft_shadow(lab: np.ndarray, ground: Ground, floor: np.ndarray) -> np.ndarray:
    """Pixels of the floor that are the ground in a soft, colourless shadow.

    They are darker than the ground, of its colour, without edges, and joined to ground
    that is in full light.
    """
    change = lab - ground.lab
    dark = np.maximum(-change[..., 0], 0)
    chroma = np.hypot(change[..., 1], change[..., 2])
    calm = edge_strength(lab) < 0.9 + 0.03 * dark
    like = (chroma < 2.5 + 0.12 * dark) & (change[..., 0] < 1.5) & (dark < 40)
    candidates = floor & calm & like
    opened = cv2.morphologyEx(
        candidates.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)
    )
    joined = opened > 0
    seeds = ground.seen & (lab_distance(change) < 3.0)
    return touching(joined | (seeds & floor), seeds & floor) & ~seeds


def steady_chroma(lab: np.ndarray, radius: int = 8) -> np.ndarray:
    """Lab whose a and b follow the edges of L (a guided filter): no JPEG colour fringes."""
    size = (2 * radius + 1, 2 * radius + 1)
    light = lab[..., 0]
    mean = cv2.blur(light, size)
    variance = cv2.blur(light * light, size) - mean * mean
    result = lab.copy()
    for channel in (1, 2):
        values = lab[..., channel]
        average = cv2.blur(values, size)
        slope = (cv2.blur(light * values, size) - mean * average) / (variance + 1.0)
        offset = average - slope * mean
        result[..., channel] = cv2.blur(slope, size) * light + cv2.blur(offset, size)
    return result


def ground_distance(lab: np.ndarray, steady: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Lab distance from the ground; of both colours, the one nearer to the ground counts."""
    return np.minimum(lab_distance(lab - level), lab_distance(steady - level))


def enclosure(lab: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """How firmly contours shut pixels off from the ground, ``[H, W]`` in 0..1.

    The ground floods the picture from ``seeds`` wherever edges are weaker than a limit;
    the share of limits (and of gap closings) that keep a pixel dry is its enclosure.
    """
    height, width = seeds.shape
    edges = edge_strength(lab * np.array([1.0, 0.5, 0.5], np.float32))
    edges = cv2.dilate(edges, np.ones((2, 2), np.uint8))[::2, ::2]
    sources = seeds[::2, ::2]
    dry = np.zeros(edges.shape, np.float32)
    limits, gaps = (0.6, 1.0, 1.6, 2.4, 3.5), (0, 1, 2)
    for limit in limits:
        for gap in gaps:
            kernel = np.ones((2 * gap + 1, 2 * gap + 1), np.uint8)
            wall = (edges > limit).astype(np.uint8)
            wall = cv2.dilate(wall, kernel) > 0 if gap else wall > 0
            kept = (~touching(~wall, sources & ~wall)).astype(np.uint8)
            dry += cv2.erode(kept, kernel) if gap else kept
    dry /= len(limits) * len(gaps)
    return cv2.resize(dry, (width, height), interpolation=cv2.INTER_LINEAR)


def certain_difference(image: np.ndarray, ground: Ground) -> np.ndarray:
    """What surely is not ground, ``[H, W]`` bool: its largest parts, shadows included."""
    return _core(lab_distance(rgb_to_lab(image) - ground.lab))


def _core(difference: np.ndarray) -> np.ndarray:
    kernel = np.ones((3, 3), np.uint8)
    core = cv2.morphologyEx((difference > 14.0).astype(np.uint8), cv2.MORPH_OPEN, kernel)
    return largest_parts(core > 0)


def gather(image: np.ndarray, ground: Ground) -> Evidence | None:
    """Measure a picture against its ground; None where nothing differs from it."""
    lab = rgb_to_lab(image)
    difference = lab_distance(lab - ground.lab)
    height, width = difference.shape
    core = _core(difference)
    if core.sum() < 0.002 * core.size:
        return None
    rows, columns = np.flatnonzero(core.any(1)), np.flatnonzero(core.any(0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)

    level = ground.lab
    floor = np.zeros((height, width), bool)
    floor[round(box[3] - FLOOR_SHARE * (box[3] - box[1])) :] = True
    shadow = soft_shadow(lab, ground, floor)
    if shadow.any():
        known = shadow | (ground.seen & floor)
        sigma = max(2.0, 0.005 * height)
        near, weight = masked_blur(lab - ground.lab, known, sigma)
        trust = np.clip(weight / 0.15, 0, 1)[..., None] * floor[..., None]
        level = ground.lab + (near * trust).astype(np.float32)
    distance = ground_distance(lab, steady_chroma(lab), level)
    distance[shadow] = np.minimum(distance[shadow], 1.0)
    threshold = 1.4 + 2.2 * min(ground.noise, 3.0)
    outer = np.zeros((height, width), bool)
    outer[:, [0, -1]] = outer[0] = True
    enclosed = enclosure(lab, ground.seen | (outer & ~core))
    return Evidence(lab, level, distance, enclosed, threshold, box, core)
