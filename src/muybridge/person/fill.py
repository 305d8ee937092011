"""Fills what no photo saw, by continuing what they did see around the body.

On a chart (rows along a limb, columns around it) the unseen part of a row is a
gap. It is filled from both of its ends by mirroring: the pattern goes on with
its own texture and meets in the middle, instead of one colour being smeared.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

COLUMNS = 360


@dataclass(frozen=True)
class Samples:
    """Points of the surface on one chart.

    Attributes:
        along: ``[P]`` metres.
        angle: ``[P]`` radians, 0 in front.
        colour: ``[P, 3]`` 0..1.
        trust: ``[P]`` weight of the colour, 0 where unseen.
        radius: mean distance from the chart's line, metres.
    """

    along: np.ndarray
    angle: np.ndarray
    colour: np.ndarray
    trust: np.ndarray
    radius: float


@dataclass(frozen=True)
class Grid:
    """A chart as a picture: rows along the limb, columns around it.

    Attributes:
        colour: ``[R, C, 3]`` mean colour of what was seen; 0 where nothing was.
        weight: ``[R, C]`` trust that fell into each cell.
        low: metres along at row 0.
        step: height of a row, metres.
    """

    colour: np.ndarray
    weight: np.ndarray
    low: float
    step: float

    @staticmethod
    def of(samples: Samples, step: float = 0.0025) -> Grid:
        """Sorts samples into cells."""
        s = samples
        low = float(s.along.min())
        rows = int((float(s.along.max()) - low) / step) + 1
        row = np.clip(((s.along - low) / step).astype(int), 0, rows - 1)
        column = np.floor((s.angle / (2 * np.pi) + 0.5) * COLUMNS).astype(int) % COLUMNS
        cell = row * COLUMNS + column
        weight = np.bincount(cell, s.trust, rows * COLUMNS).reshape(rows, COLUMNS)
        total = np.stack(
            [np.bincount(cell, s.trust * s.colour[:, i], rows * COLUMNS) for i in range(3)], -1
        ).reshape(rows, COLUMNS, 3)
        total, weight = _close_small_gaps(total, weight)
        colour = np.where(
            weight[..., None] > 0, total / np.maximum(weight, 1e-9)[..., None], 0.0
        )
        return Grid(colour, weight, low, step)

    def at(self, picture: np.ndarray, samples: Samples) -> np.ndarray:
        """Bilinear values of a picture of this grid's size at the samples."""
        row = (samples.along - self.low) / self.step
        return _lookup(picture.astype(np.float32), row, samples.angle)


def continue_around(samples: Samples, *, band: float = 40.0) -> np.ndarray:
    """Colour of every sample, seen ones included, from the filled chart.

    The broad tone of a gap runs straight from one of its ends to the other; what is
    finer (weave, folds, print) is mirrored into it from both ends.

    Args:
        samples: the points; some must be seen.
        band: how far around (degrees) the seen pattern next to a gap is repeated.

    Returns:
        ``[P, 3]`` colours.
    """
    grid = Grid.of(samples)
    known = grid.weight > 0
    reach = max(4, round(band / 360 * COLUMNS))
    tone = blur_known(grid.colour, known, rows=6.0, columns=10.0)
    fine = np.where(known[..., None], grid.colour - tone, 0.0)
    fine, filled = _mirror_rows(fine, known, reach)
    # beyond what was mirrored once a pattern would repeat itself like a tile: let it fade
    unseen = (~np.concatenate([known] * 3, 1)).astype(np.uint8)
    apart = cv2.distanceTransform(unseen, cv2.DIST_L2, 5)
    apart = apart[:, COLUMNS : 2 * COLUMNS, None]
    fine = fine * np.clip(1.5 - 0.5 * apart / reach, 0.25, 1.0)
    broad = _bridge_rows(tone, known)
    colour = np.clip(broad + fine, 0, 1)
    colour = np.where(known[..., None], grid.colour, colour)
    colour = _empty_rows(colour, filled)
    return grid.at(colour, samples)


def blur_known(
    values: np.ndarray, known: np.ndarray, *, rows: float, columns: float
) -> np.ndarray:
    """Gaussian mean over the seen cells around each cell of a chart (which wraps around)."""
    pad = int(4 * columns)
    wide = np.concatenate([values * known[..., None], known[..., None]], -1)
    wide = np.concatenate([wide[:, -pad:], wide, wide[:, :pad]], 1)
    soft = cv2.GaussianBlur(
        np.ascontiguousarray(wide, np.float32), (0, 0), sigmaX=columns, sigmaY=rows
    )[:, pad:-pad]
    return np.asarray(soft[..., :-1] / np.maximum(soft[..., -1:], 1e-6))


def _bridge_rows(tone: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Straight lines of tone across the gaps of every row."""
    columns = known.shape[1]
    before, after, left, right = _seen_around(known)
    share = (left / np.maximum(left + right, 1))[..., None]
    first = np.take_along_axis(tone, (before % columns)[..., None], 1)
    last = np.take_along_axis(tone, (after % columns)[..., None], 1)
    return np.where(known[..., None], tone, first * (1 - share) + last * share)


def _close_small_gaps(grid: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cells that no texel fell into take their neighbours' blend."""
    pad = 8
    both = np.concatenate([grid, weight[..., None]], -1).astype(np.float32)
    both = np.concatenate([both[:, -pad:], both, both[:, :pad]], 1)
    soft = cv2.GaussianBlur(both, (0, 0), 1.2)[:, pad:-pad]
    seen = (weight > 0).astype(np.uint8)
    seen = np.concatenate([seen[:, -pad:], seen, seen[:, :pad]], 1)
    closed = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))[:, pad:-pad] > 0
    take = closed & (weight <= 0) & (soft[..., 3] > 1e-6)
    grid = np.where(take[..., None], soft[..., :3], grid)
    return grid, np.where(take, soft[..., 3], weight)


def _seen_around(
    known: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The seen cells nearest to each cell along its row, which wraps around.

    Returns:
        Positions of the one before and the one after (in the row laid out three times, of
        which the cell lies in the middle one), and the steps to each.
    """
    columns = known.shape[1]
    tripled = np.concatenate([known] * 3, 1)
    position = np.arange(3 * columns)
    middle = np.s_[:, columns : 2 * columns]
    before = np.maximum.accumulate(np.where(tripled, position, -1), 1)[middle]
    after = np.minimum.accumulate(np.where(tripled, position, 10 * columns)[:, ::-1], 1)
    after = after[:, ::-1][middle]
    here = position[columns : 2 * columns]
    return before, after, here - before, after - here


def _mirror_rows(
    colour: np.ndarray, known: np.ndarray, band: int
) -> tuple[np.ndarray, np.ndarray]:
    """Fills the gaps of every row that has something to continue."""
    rows, columns = known.shape
    usable = known.sum(1) >= 0.06 * columns
    before, after, left, right = _seen_around(known)
    out = colour.copy()
    picks, shares = [], []
    for distance, border, way in ((left, before, -1), (right, after, 1)):
        run = _run_length(known, border % columns, way)
        room = np.clip(np.minimum(run, band), 1, None)
        bounce = (distance - 1) % (2 * room)
        bounce = np.where(bounce < room, bounce, 2 * room - 1 - bounce)
        source = (border + way * bounce) % columns
        picks.append(np.take_along_axis(colour, source[..., None], 1))
        shares.append(distance.astype(float))
    total = shares[0] + shares[1]
    lean = shares[0] / np.maximum(total, 1)  # 0 next to the left border, 1 next to the right
    mix = np.clip((lean - 0.5) * 3 + 0.5, 0, 1)[..., None]
    filled = picks[0] * (1 - mix) + picks[1] * mix
    gap = ~known & usable[:, None]
    out[gap] = filled[gap]
    return out, known | gap


def _run_length(known: np.ndarray, border: np.ndarray, way: int) -> np.ndarray:
    """How many seen cells follow one another from each border cell, going ``way``."""
    columns = known.shape[1]
    wide = np.concatenate([known] * 2, 1).astype(int)
    ordered = wide if way > 0 else wide[:, ::-1]
    run = np.zeros_like(ordered)
    count = np.zeros(len(known), int)
    for c in range(ordered.shape[1] - 1, -1, -1):
        count = np.where(ordered[:, c] > 0, count + 1, 0)
        run[:, c] = count
    run = np.minimum(run if way > 0 else run[:, ::-1], columns)
    at = border if way > 0 else border + columns
    return np.take_along_axis(run, at, 1)


def _empty_rows(colour: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Cells still without colour take the nearest cell's along the limb."""
    if known.all() or not known.any():
        return colour
    wide = np.concatenate([known] * 3, 1)
    _, label = cv2.distanceTransformWithLabels(
        (~wide).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    seen = np.argwhere(wide)
    table = np.zeros(label.max() + 1, np.int64)
    table[label[wide]] = np.arange(len(seen))
    columns = known.shape[1]
    middle = label[:, columns : 2 * columns]
    source = seen[table[middle]]
    nearest = colour[source[..., 0], source[..., 1] % columns]
    return np.where(known[..., None], colour, nearest)


def _lookup(colour: np.ndarray, row: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Bilinear samples of a chart that wraps around."""
    pad = 2
    wide = np.concatenate([colour[:, -pad:], colour, colour[:, :pad]], 1)
    x = (angle / (2 * np.pi) + 0.5) * COLUMNS - 0.5 + pad
    out = np.empty((len(row), 3), np.float32)
    # cv2.remap takes pictures of at most 32767 rows
    for start in range(0, len(row), 30000):
        stop = start + 30000
        out[start:stop] = cv2.remap(
            wide,
            x[start:stop, None].astype(np.float32),
            (row[start:stop, None] - 0.5).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )[:, 0]
    return out
