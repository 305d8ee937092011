"""Pictures with a known matte, for the tests of mattes."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from muybridge.person.ground_model import fit_ground, rgb_to_lab


def drawn_person(
    height: int = 400,
    width: int = 260,
    ground: tuple[int, int, int] = (236, 236, 240),
    shirt: tuple[int, int, int] = (70, 90, 150),
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """A simple standing figure with a gap between its legs: picture and truth mask."""
    rng = np.random.default_rng(seed)
    scale = height / 400

    def at(*points: tuple[float, float]) -> np.ndarray:
        middle = width / 2
        return np.array([[(middle + x * scale) * 8, y * scale * 8] for x, y in points], np.int32)

    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    light = 1 - 0.05 * ((x / width - 0.5) ** 2 + (y / height - 0.4) ** 2)
    picture = np.array(ground, np.float32) * light[..., None]
    truth = np.zeros((height, width), np.uint8)
    shadow = np.zeros((height, width), np.float32)
    cv2.ellipse(shadow, (width // 2, round(378 * scale)), (round(60 * scale), 8), 0, 0, 360, 1, -1)
    picture *= (1 - 0.18 * cv2.GaussianBlur(shadow, (0, 0), 6))[..., None]
    parts = (
        ((200, 150, 120), at((-14, 62), (14, 62), (12, 84), (-12, 84))),
        (
            shirt,
            at(
                (-44, 82),
                (44, 82),
                (58, 150),
                (40, 152),
                (36, 205),
                (-36, 205),
                (-40, 152),
                (-58, 150),
            ),
        ),
        ((200, 150, 120), at((-58, 148), (-44, 148), (-42, 205), (-54, 205))),
        ((200, 150, 120), at((44, 148), (58, 148), (54, 205), (42, 205))),
        (
            (40, 45, 60),
            at(
                (-36, 200),
                (36, 200),
                (32, 365),
                (10, 365),
                (3, 225),
                (-3, 225),
                (-10, 365),
                (-32, 365),
            ),
        ),
        ((30, 30, 32), at((-36, 362), (-8, 362), (-8, 382), (-40, 382))),
        ((30, 30, 32), at((8, 362), (36, 362), (40, 382), (8, 382))),
    )
    for color, outline in parts:
        area = np.zeros((height, width), np.uint8)
        cv2.fillPoly(area, [outline], 1, shift=3)
        folds = 1 + 0.06 * np.sin(x / 5.0 + y / 9.0)
        grain = rng.normal(0, 2.5, (height, width))
        painted = np.array(color) * folds[..., None] + grain[..., None]
        picture = np.where(area[..., None] > 0, painted, picture)
        truth |= area
    for color, center, axes in (
        ((25, 22, 20), (0, 36), (21, 26)),
        ((205, 155, 125), (0, 44), (17, 22)),
    ):
        area = np.zeros((height, width), np.uint8)
        middle = (round(width / 2 + center[0] * scale), round(center[1] * scale))
        size = (round(axes[0] * scale), round(axes[1] * scale))
        cv2.ellipse(area, middle, size, 0, 0, 360, 1, -1)
        picture = np.where(area[..., None] > 0, np.array(color), picture)
        truth |= area
    picture = cv2.GaussianBlur(picture, (0, 0), 0.6) + rng.normal(0, 0.6, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8), truth > 0


def whitened(
    image: np.ndarray,
    alpha: np.ndarray,
    shirt: np.ndarray,
    *,
    base: float,
    contrast: float,
    rim: float,
    quality: int = 90,
) -> np.ndarray:
    """The photo with its shirt painted nearly as white as the studio behind it.

    The cloth keeps its own folds at ``contrast`` of their strength around L* ``base``, gets
    a faint rounding towards its edge (``rim``), softened edges, and JPEG's own damage. The
    ground beside it is repainted, so that no trace of the old dark edge gives it away.
    """
    ground = fit_ground(image).lab
    lab = rgb_to_lab(image)
    person = alpha >= 0.5

    def blur(values: np.ndarray, sigma: float) -> np.ndarray:
        return cv2.GaussianBlur(values.astype(np.float32), (0, 0), sigma)

    core = cv2.erode(shirt.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(np.float32)
    light = lab[..., 0]
    weight = blur(core, 4)
    spread = np.where(weight > 1e-3, blur(light * core, 4) / np.maximum(weight, 1e-3), light)
    light = np.where(core > 0, light, spread)
    mean = blur(light * core, 40) / (blur(core, 40) + 1e-3)
    inside = cv2.distanceTransform(shirt.astype(np.uint8), cv2.DIST_L2, 5)
    grain = np.random.default_rng(0).normal(0, 1, light.shape)
    new = base + contrast * np.clip(light - mean, -12, 12) + 0.4 * blur(grain, 0.8)
    new -= rim * (3 * np.exp(-inside / 6) + 1.5 * np.exp(-inside / 30))
    cloth = np.stack(
        [np.minimum(new, 98.5), 0.6 * ground[..., 1] + 0.1, 0.6 * ground[..., 2] + 0.3], -1
    )
    outside = cv2.distanceTransform((~shirt).astype(np.uint8), cv2.DIST_L2, 5)
    clean = np.clip((30 - outside) / 8, 0, 1)[..., None]
    behind = lab * (1 - clean) + ground * clean
    solid = cv2.erode(person.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    kept = (solid & ~shirt).astype(np.float32)
    filled = blur(lab * kept[..., None], 3) / np.maximum(blur(kept, 3), 1e-4)[..., None]
    filled = np.where(kept[..., None] > 0, lab, filled)
    share = np.clip(blur(shirt, 0.8) / np.maximum(blur(person, 0.8), 1e-3), 0, 1)[..., None]
    body = filled * (1 - share) + cloth * share
    edge = blur(person, 0.7)[..., None]
    near = cv2.dilate(shirt.astype(np.uint8), np.ones((9, 9), np.uint8))[..., None] > 0
    far = np.where(person[..., None], lab, behind)
    mixed = np.where(near, body * edge + behind * (1 - edge), far).astype(np.float32)
    rgb = cv2.cvtColor(mixed, cv2.COLOR_LAB2RGB)
    stream = io.BytesIO()
    Image.fromarray(np.clip(rgb * 255 + 0.5, 0, 255).astype(np.uint8)).save(
        stream, "JPEG", quality=quality, subsampling=0
    )
    return np.array(Image.open(stream))


def upper_clothes(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Roughly the shirt of a standing person, edge included: chest to hip without skin."""
    person = alpha >= 0.5
    rows = np.flatnonzero(person.any(1))
    top, height = rows[0], rows[-1] - rows[0]
    lab = cv2.blur(rgb_to_lab(image), (9, 9))
    skin = (lab[..., 1] > 6) & (lab[..., 2] > 11)
    band = np.zeros_like(person)
    band[top + round(0.17 * height) : top + round(0.55 * height)] = True
    shirt = (person & band & ~skin).astype(np.uint8)
    shirt = cv2.morphologyEx(shirt, cv2.MORPH_OPEN, np.ones((9, 9), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(shirt)
    shirt = labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    grown = cv2.dilate(shirt.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    rim = cv2.dilate((~person).astype(np.uint8), np.ones((19, 19), np.uint8)) > 0
    return shirt | (grown & person & rim)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two masks."""
    return float((a & b).sum() / max((a | b).sum(), 1))
