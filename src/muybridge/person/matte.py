"""A person's matte from one photo.

Plain grounds: a smooth model of the ground (`ground_model`), evidence against it
(`matte_evidence`, `matte_scores`), a graph cut (`matte_cut`), openings (`matte_holes`),
clothes of the ground's own colour (`matte_pale`), and fractions at the edge
(`matte_edges`). Any other ground: `matte_busy`, with low confidence, said in the notes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from muybridge.errors import InputError
from muybridge.person.ground_model import Ground, fit_ground
from muybridge.person.matte_busy import cut_busy, rembg_alpha
from muybridge.person.matte_cut import compress, cut
from muybridge.person.matte_edges import attached, refine, soften
from muybridge.person.matte_evidence import Evidence, disc, gather, largest_parts, touching
from muybridge.person.matte_holes import drop_lines, fill_holes, framed, openings, peel
from muybridge.person.matte_pale import add_pale, body_prior, find_stance
from muybridge.person.matte_scores import floor_weight, scores, shadow_free_distance

WORK_SIDE = 1440
"""Longer side at which pictures are cut; larger ones are matted at this size."""

PLAIN_ENOUGH = 0.72
"""Share of the border that a smooth ground must explain to be called plain."""


@dataclass(frozen=True)
class Matte:
    """Where the person is.

    Attributes:
        alpha: float32 ``[H, W]``, 0 ground .. 1 person.
        mask: bool ``[H, W]``, ``alpha >= 0.5``.
        confidence: 0..1, how far the matte can be trusted; below 0.6 a user's own mask is
            worth the trouble.
        notes: what a user should know, in words.
    """

    alpha: np.ndarray
    mask: np.ndarray
    confidence: float
    notes: tuple[str, ...]


def check_image(image: np.ndarray) -> None:
    """Raise InputError unless ``image`` is uint8 RGB of a usable size."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        raise InputError("image", "", "is no uint8 array", "give RGB values 0..255")
    if image.ndim != 3 or image.shape[2] != 3:
        raise InputError("image", "shape", f"is {image.shape}, not [H, W, 3]", "give RGB")
    if min(image.shape[:2]) < 32:
        raise InputError(
            "image",
            "size",
            f"is {image.shape[1]}x{image.shape[0]} pixels",
            "give a photo of at least 32 pixels on each side",
        )


def _checked_prior(prior: np.ndarray, image: np.ndarray) -> np.ndarray:
    values = np.asarray(prior, np.float32)
    if values.shape != image.shape[:2]:
        raise InputError(
            "prior", "shape", f"is {values.shape}, not {image.shape[:2]}", "give the photo's size"
        )
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise InputError("prior", "values", "are not in 0..1", "give probabilities")
    return values


def _contrast(evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    change = evidence.lab - evidence.ground
    return (
        compress(change[..., 0], 2.0),
        compress(change[..., 1] + change[..., 2], 2.0),
    )


def _cut_by_colour(evidence: Evidence, prior: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The clearly visible person and the openings in it, both ``[H, W]`` bool."""
    score = scores(evidence)
    if prior is not None:
        score = np.clip(score + 0.35 * (2 * prior - 1), -1, 1)
    opened = openings(evidence)
    score[opened] = np.minimum(score[opened], -0.5)
    kernel = np.ones((3, 3), np.uint8)
    clear = np.where(floor_weight(evidence) > 0, shadow_free_distance(evidence), evidence.distance)
    sure = cv2.erode((clear > 18.0).astype(np.uint8), kernel) > 0
    sure = touching(sure, evidence.core)
    found = cut(score, _contrast(evidence), sure, evidence.enclosed < 0.05)
    found = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    parts = touching(largest_parts(drop_lines(found), 0.004), evidence.core)
    peeled = peel(fill_holes(parts, opened), evidence)
    floor = floor_weight(evidence) > 0.5
    smooth = cv2.GaussianBlur(peeled.astype(np.float32), (0, 0), 0.0018 * evidence.height) > 0.5
    peeled = np.where(floor & ~sure, smooth, peeled)
    return touching(largest_parts(peeled, 0.004), evidence.core), opened


def _cut_plain(
    evidence: Evidence, ground: Ground, prior: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The person over a plain ground, and which part colour showed, both bool."""
    seen, opened = _cut_by_colour(evidence, prior)
    stance = find_stance(seen)
    if stance is None:
        return seen, seen
    likely = body_prior(stance, seen.shape)
    gaps = framed(opened, seen) & (likely < 0.2)
    if prior is not None:
        likely = np.clip(0.3 * likely + 1.2 * (2 * prior - 1), -1, 1)
    grown = add_pale(seen, gaps, evidence, ground, stance, likely)
    return fill_holes(grown, gaps), seen


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


def _faint_share(mask: np.ndarray, evidence: Evidence) -> float:
    """Share of the outline at which person and ground look nearly the same."""
    inner = cv2.erode(mask.astype(np.uint8), disc(4)) > 0
    ring = (cv2.erode(mask.astype(np.uint8), disc(2)) > 0) & ~inner
    return float((evidence.distance[ring] < evidence.knee).mean()) if ring.any() else 1.0


def _judge(
    mask: np.ndarray, seen: np.ndarray, evidence: Evidence, ground: Ground
) -> tuple[float, list[str]]:
    """Confidence in a plain-ground matte, and what to tell about it."""
    notes = []
    height, width = mask.shape
    confidence = 0.98 * float(np.clip((ground.plainness - 0.5) / 0.4, 0, 1)) ** 0.5
    if ground.plainness < 0.85:
        notes.append("the ground is not quite plain: check the mask")
    pale = float((mask & ~seen).sum() / max(mask.sum(), 1))
    faint = _faint_share(mask, evidence)
    if pale > 0.02 or faint > 0.15:
        confidence *= 1 - min(0.45, 0.5 * pale + 0.6 * faint)
        notes.append(
            f"clothing is nearly of the ground's colour along {faint:.0%} of the outline: "
            "its edge there is uncertain"
        )
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = np.sort(stats[1:, cv2.CC_STAT_AREA])[::-1] / max(mask.sum(), 1)
    if count > 2 and areas[1] > 0.3:
        confidence = min(confidence, 0.4)
        notes.append("more than one person-sized thing is seen: crop the photo to one person")
    elif count > 2 and areas[1:].sum() > 0.06:
        confidence = min(confidence, 0.5)
        notes.append("the person comes out in pieces: a mask is recommended")
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    cut_off = [
        side
        for side, touches in (
            ("top", rows[0] == 0),
            ("bottom", rows[-1] == height - 1),
            ("left", columns[0] == 0),
            ("right", columns[-1] == width - 1),
        )
        if touches
    ]
    if cut_off:
        confidence = min(confidence, 0.7)
        notes.append(f"the person is cut off at the {', '.join(cut_off)} of the photo")
    if np.ptp(rows) < 0.25 * height:
        confidence = min(confidence, 0.5)
        notes.append("the person is small in the photo: crop it for more detail")
    return confidence, notes


def _plain(
    image: np.ndarray, ground: Ground, prior: np.ndarray | None
) -> tuple[np.ndarray, float, list[str]] | None:
    evidence = gather(image, ground)
    if evidence is None:
        return None
    mask, seen = _cut_plain(evidence, ground, prior)
    if not mask.any():
        return None
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    margin = 24
    near = (
        slice(max(0, rows[0] - margin), rows[-1] + margin),
        slice(max(0, columns[0] - margin), columns[-1] + margin),
    )
    fractions = refine(
        evidence.lab[near],
        evidence.ground[near],
        mask[near],
        hair=_hair_band(mask, evidence)[near],
        noise=ground.noise,
    )
    alpha = np.zeros(mask.shape, np.float32)
    alpha[near] = attached(fractions, mask[near])
    confidence, notes = _judge(mask, seen, evidence, ground)
    return alpha, confidence, notes


def _busy(
    image: np.ndarray, prior: np.ndarray | None, seed: int
) -> tuple[np.ndarray, float, list[str]] | None:
    mask, confidence = cut_busy(image, prior, seed)
    if not mask.any():
        return None
    note = "the ground is not plain: the matte is a guess, mask= is recommended"
    return soften(mask, 1.0), confidence, [note]


def matte(
    image: np.ndarray,
    *,
    prior: np.ndarray | None = None,
    seed: int = 0,
    backend: str = "auto",
) -> Matte:
    """Cut a person out of a photo.

    Args:
        image: uint8 RGB ``[H, W, 3]``, one person.
        prior: ``[H, W]`` in 0..1, probability that a pixel is person (for instance a
            fitted body's silhouette, blurred); None to go by the picture alone.
        seed: seed of the colour clustering on grounds that are not plain.
        backend: "auto" chooses between "plain" and "busy" grounds; "rembg" asks the
            optional package of that name.

    Returns:
        The matte at the photo's own size.

    Raises:
        InputError: the image is no picture, or no person is seen in it.
    """
    check_image(image)
    if backend not in ("auto", "plain", "busy", "rembg"):
        raise InputError("backend", "", f"is {backend!r}", "choose auto, plain, busy or rembg")
    height, width = image.shape[:2]
    guess = _checked_prior(prior, image) if prior is not None else None
    if backend == "rembg":
        alpha = rembg_alpha(image)
        if (alpha >= 0.5).sum() < 0.002 * alpha.size:
            raise InputError("image", "", "no person is seen in it", "give a mask")
        return Matte(alpha, alpha >= 0.5, 0.85, ("matte by rembg",))

    shrink = min(1.0, WORK_SIDE / max(height, width))
    work = image
    if shrink < 1:
        size = (max(32, round(width * shrink)), max(32, round(height * shrink)))
        work = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        if guess is not None:
            guess = cv2.resize(guess, size, interpolation=cv2.INTER_AREA)
    result = None
    ground = fit_ground(work) if backend != "busy" else None
    if ground is not None and (ground.plainness >= PLAIN_ENOUGH or backend == "plain"):
        result = _plain(work, ground, guess)
    elif backend != "plain":
        result = _busy(work, guess, seed)
    if result is None or (result[0] >= 0.5).sum() < 0.002 * work.shape[0] * work.shape[1]:
        raise InputError(
            "image",
            "",
            "no person is seen in it",
            "give a photo of one standing person that differs from the ground, or a mask",
        )
    alpha, confidence, notes = result
    if shrink < 1:
        alpha = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_CUBIC)
        alpha = np.clip(alpha, 0, 1)
    return Matte(alpha, alpha >= 0.5, float(confidence), tuple(notes))
