"""A person's matte from one photo.

Plain grounds: a smooth model of the ground (`ground_model`), evidence against it
(`matte_evidence`), a graph cut (`matte_cut`), holes (`matte_holes`), and fractions at the
edge (`matte_edges`). Any other ground: OpenCV's GrabCut from a central prior, with low
confidence, said in the notes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from muybridge.errors import InputError
from muybridge.person.ground_model import Ground, fit_ground
from muybridge.person.matte_cut import compress, cut
from muybridge.person.matte_edges import attached, refine
from muybridge.person.matte_evidence import Evidence, disc, gather, largest_parts, touching
from muybridge.person.matte_holes import fill_holes, framed, openings, peel
from muybridge.person.matte_pale import add_pale, body_prior, find_stance
from muybridge.person.matte_scores import floor_weight, scores, shadow_free_distance

WORK_SIDE = 1440
"""Longer side at which pictures are cut; larger ones are matted at this size."""


@dataclass(frozen=True)
class Matte:
    """Where the person is.

    Attributes:
        alpha: float32 ``[H, W]``, 0 ground .. 1 person.
        mask: bool ``[H, W]``, ``alpha >= 0.5``.
        confidence: 0..1, how far the matte can be trusted.
        notes: what a user should know, in words.
    """

    alpha: np.ndarray
    mask: np.ndarray
    confidence: float
    notes: tuple[str, ...]


def check_image(image: np.ndarray) -> None:
    """Raise InputError unless ``image`` is uint8 RGB of a usable size."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        raise InputError("image", "", "not a uint8 array", "give RGB values 0..255")
    if image.ndim != 3 or image.shape[2] != 3:
        raise InputError(
            "image", "shape", f"is {image.shape}, not [H, W, 3]", "give an RGB picture"
        )
    if min(image.shape[:2]) < 32:
        raise InputError(
            "image",
            "size",
            f"is {image.shape[1]}x{image.shape[0]} pixels",
            "give a photo of at least 32 pixels on each side",
        )


def _contrast(evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    change = evidence.lab - evidence.ground
    return (
        compress(change[..., 0], 2.0),
        compress(change[..., 1] + change[..., 2], 2.0),
    )


def _cut_plain(evidence: Evidence, ground: Ground) -> np.ndarray:
    """The person over a plain ground, ``[H, W]`` bool."""
    score = scores(evidence)
    opened = openings(evidence)
    score[opened] = np.minimum(score[opened], -0.5)
    kernel = np.ones((3, 3), np.uint8)
    clear = np.where(
        floor_weight(evidence) > 0, shadow_free_distance(evidence), evidence.distance
    )
    sure = cv2.erode((clear > 18.0).astype(np.uint8), kernel) > 0
    sure = touching(sure, evidence.core)
    found = cut(score, _contrast(evidence), sure, evidence.enclosed < 0.05)
    found = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    parts = touching(largest_parts(found, 0.004), evidence.core)
    peeled = peel(fill_holes(parts, opened), evidence)
    mask = touching(largest_parts(peeled, 0.004), evidence.core)
    stance = find_stance(mask)
    if stance is None:
        return mask
    likely = body_prior(stance, mask.shape)
    gaps = framed(opened, mask) & (likely < 0.2)
    grown = add_pale(mask, gaps, evidence, ground, stance, likely)
    return fill_holes(grown, gaps)


def shoulder_row(mask: np.ndarray) -> int:
    """The row where the outline below the head grows to shoulders."""
    rows = np.flatnonzero(mask.any(1))
    top, height = int(rows[0]), int(rows[-1] - rows[0] + 1)
    widths = mask.sum(1).astype(np.float32)
    head = widths[top : top + max(1, round(0.13 * height))].max()
    first = top + round(0.07 * height)
    wide = np.flatnonzero(widths[first : top + round(0.35 * height)] > 1.45 * head)
    return first + int(wide[0]) if wide.size else top + round(0.2 * height)


def _hair_band(mask: np.ndarray, evidence: Evidence) -> np.ndarray:
    """Both sides of the cut around the head, ``[H, W]`` bool."""
    around = disc(max(3, round(0.012 * evidence.height)))
    grown = cv2.dilate(mask.astype(np.uint8), around) > 0
    shrunk = cv2.erode(mask.astype(np.uint8), around) > 0
    band = grown & ~shrunk
    band[shoulder_row(mask) :] = False
    return band


def _plain(image: np.ndarray, ground: Ground) -> tuple[np.ndarray, float, list[str]] | None:
    evidence = gather(image, ground)
    if evidence is None:
        return None
    mask = _cut_plain(evidence, ground)
    if not mask.any():
        return None
    alpha = refine(
        evidence.lab,
        evidence.ground,
        mask,
        hair=_hair_band(mask, evidence),
        noise=ground.noise,
    )
    return attached(alpha, mask), ground.plainness, []


def matte(
    image: np.ndarray,
    *,
    prior: np.ndarray | None = None,
    seed: int = 0,
    backend: str = "auto",
) -> Matte:
    """Cut a person out of a photo."""
    check_image(image)
    height, width = image.shape[:2]
    ground = fit_ground(image)
    result = _plain(image, ground)
    if result is None:
        raise InputError("image", "", "no person found", "give mask=")
    alpha, confidence, notes = result
    return Matte(alpha, alpha >= 0.5, confidence, tuple(notes))
