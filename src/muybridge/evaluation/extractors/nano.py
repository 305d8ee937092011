"""Features of our own, which need no weights: ``fd[nano]`` and ``fd-vid[nano]``.

They are classical measurements: mean colours and contrasts of cells, how strong edges of four
directions are, energy per band of sizes, and, for clips, how much and which way things move.
Nothing was learnt, so no method can be favoured by what a network was trained on, and nobody
has to fetch anything. There are fewer than 64 of them, so that a covariance is known from a
few hundred items, which it would not be of a network's features, trained or random.

What they notice: noise, blur, wrong colours, too little variety; in pictures a missing head;
in clips stutter, frozen frames, flicker, frames in wrong order, but little of what stands
still. What they can't: whether a face is a face, or whether people are whom they should be.
Scores are **not comparable to papers**, nor to those of other extractors.

Each group of features is measured in its spread over people of the training split (128 x 96
pixels on grey), so that a distance of 1 is about one such spread in one feature.
"""

from __future__ import annotations

import hashlib
import json

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.evaluation.extractors.extractor import Extractor, Frames, to_square

SIZE = 128
"""Pixels, both ways, that pictures are brought to."""
LENGTH, STRIDE = 8, 4
_VERSION = 1
"""Goes up when any number below does: scores of two versions can't be compared."""
_LEAST = 1 / 255
"""Added before a logarithm is taken: what one step of 8 bits can't show does not count."""
_STIFF = 1e-4
"""Gradient energy below which a cell's motion is taken for none."""
_SCALE = {
    "colour": (0.0, 0.035), "contrast": (-2.3, 0.77), "edges": (-4.4, 0.29),
    "bands": (-3.5, 0.28), "peaks": (3.1, 0.3), "change": (-3.8, 1.0), "lags": (-3.1, 0.95),
    "jerk": (0.14, 0.17), "grain": (-4.1, 0.75), "hues": (-4.4, 0.6), "moves": (0.0, 0.33),
    "sways": (0.2, 0.26), "even": (0.28, 0.21),
}
"""Middle and spread of each group over people of the training split."""
_GREY = 0.78
"""Lightness that counts as zero: people stand before about that much."""


def picture_features(frames: Frames) -> Float[Tensor, "N D"]:
    """58 numbers per picture.

    Args:
        frames: one frame each, [0, 1].

    Returns:
        Colours (24) and contrasts (8) of 4 x 2 cells, edges of 4 directions in 4 rows (16),
        energies of bands (8) and how peaked the two finest are (2).
    """
    light, hue = _channels(to_square(frames, SIZE, "bilinear", True)[:, 0])
    both = torch.cat([light, hue], 1)
    return _joined({
        "colour": _cells(both, 4, 2),
        "contrast": _log(_deviation(light, 4, 2)),
        "edges": _edges(light),
        "bands": torch.cat([_energies(light, 4), _energies(hue, 2)], 1),
        "peaks": _peaks(light),
    })


def clip_features(frames: Frames) -> Float[Tensor, "N D"]:
    """62 numbers per clip.

    Returns:
        What is seen, over all frames: colours of 4 rows (12) and energies of bands (4). How it
        moves: change per cell (8), by lag (4), by band (3) and of hue (2); jerk by row (4);
        motion right and down of 4 x 2 cells (16) and how it sways (8); how even it is (1).
    """
    N, T = frames.shape[:2]
    light, hue = _channels(to_square(frames, SIZE, "bilinear", True).flatten(0, 1))
    seen = torch.cat([_cells(torch.cat([light, hue], 1), 4, 1), _energies(light, 4)], 1)
    colour, bands = seen.unflatten(0, (N, T)).mean(1).split([12, 4], 1)
    light = F.avg_pool2d(light, 2).unflatten(0, (N, T))[:, :, 0]  # N T 64 64
    hue = F.avg_pool2d(hue, 2).unflatten(0, (N, T))
    step = light.diff(dim=1)
    bend = step.diff(dim=1)
    rate = _rms(step, (2, 3))
    changed = _cells(step.square(), 4, 2).unflatten(1, (T - 1, 8)).mean(1).sqrt()
    rows = [_cells(x.square(), 4, 1).unflatten(1, (-1, 4)).mean(1).sqrt() for x in (step, bend)]
    moves = _moves(light)
    return _joined({
        "colour": colour,
        "bands": bands,
        "change": _log(changed),
        "lags": torch.stack(
            [_log(_rms(light[:, k:] - light[:, :-k], (1, 2, 3))) for k in (1, 2, 4, 7)], 1
        ),
        "jerk": _log(rows[1]) - _log(rows[0]),
        "grain": _energies(step.flatten(0, 1)[:, None], 3).unflatten(0, (N, T - 1)).mean(1),
        "hues": _log(_rms(hue.diff(dim=1), (1, 3, 4))),
        "moves": moves.mean(1).flatten(1),
        "sways": moves.unflatten(3, (4, 2)).mean(4).std(1).flatten(1),
        "even": _log(rate).std(1, keepdim=True),
    })


def nano(kind: str = "picture", device: torch.device | str = "cpu") -> Extractor:
    """The extractor for pictures, or for clips of 8 frames."""
    clips = kind == "clip"
    told = json.dumps([_VERSION, SIZE, LENGTH, _LEAST, _STIFF, _GREY, _SCALE], sort_keys=True)
    return Extractor(
        name="nano",
        score="fd-vid" if clips else "fd",
        kernel="kd-vid" if clips else "kd",
        kind="clip" if clips else "picture",
        length=LENGTH if clips else 1,
        stride=STRIDE if clips else 1,
        size=SIZE,
        resize="bilinear, antialiased",
        dimension=62 if clips else 58,
        digest=hashlib.sha256(told.encode()).hexdigest(),
        run=clip_features if clips else picture_features,
        chunk=16,
        device=device,
        comparable=False,
    )


def _joined(groups: dict[str, Tensor]) -> Tensor:
    return torch.cat(
        [(value - _SCALE[name][0]) / _SCALE[name][1] for name, value in groups.items()], 1
    )


def _channels(rgb: Float[Tensor, "N 3 H W"]) -> tuple[Tensor, Tensor]:
    """Lightness, and two differences of colours."""
    red, green, blue = rgb.unbind(1)
    hue = torch.stack([red - blue, green - (red + blue) / 2], 1)
    return rgb.mean(1, keepdim=True) - _GREY, hue


def _cells(x: Tensor, rows: int, columns: int) -> Tensor:
    """Means of cells, channel by channel, in one row per item."""
    return F.adaptive_avg_pool2d(x, (rows, columns)).flatten(1)


def _deviation(x: Tensor, rows: int, columns: int) -> Tensor:
    variance = _cells(x.square(), rows, columns) - _cells(x, rows, columns).square()
    return variance.clamp_min(0).sqrt()


def _log(x: Tensor) -> Tensor:
    return (x + _LEAST).log()


def _rms(x: Tensor, over: tuple[int, ...]) -> Tensor:
    return x.square().mean(over).sqrt()


def _slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Right and down, central differences, of the last two dimensions; the rim is left out."""
    right = (x[..., 1:-1, 2:] - x[..., 1:-1, :-2]) / 2
    down = (x[..., 2:, 1:-1] - x[..., :-2, 1:-1]) / 2
    return right, down


def _edges(light: Tensor) -> Tensor:
    """Mean slope in four directions, 45 degrees apart, in four rows."""
    right, down = _slopes(light)
    half = 0.5**0.5
    ways = [right, (right + down) * half, down, (right - down) * half]
    return _log(_cells(torch.cat(ways, 1).abs(), 4, 1))


def _bands(x: Tensor, count: int) -> list[Tensor]:
    """What each halving of the picture loses, from the finest on."""
    found = []
    for _ in range(count):
        small = F.avg_pool2d(x, 2)
        found.append(x - F.interpolate(small, scale_factor=2, mode="bilinear"))
        x = small
    return found


def _energies(x: Tensor, count: int) -> Tensor:
    return torch.cat([_log(_rms(band, (2, 3))) for band in _bands(x, count)], 1)


def _peaks(light: Tensor) -> Tensor:
    """How rare the strong details are: high for clean edges, low for noise."""
    rows = []
    for band in _bands(light, 2):
        square = band.square() + _LEAST**2
        rows.append((square.square().mean((2, 3)) / square.mean((2, 3)).square()).log())
    return torch.cat(rows, 1)


def _moves(light: Float[Tensor, "N T H W"]) -> Float[Tensor, "N P 2 8"]:
    """Motion right and down of 4 x 2 cells between neighbouring frames, in 64ths of the size.

    The one-dimensional answers of the brightness equation: bounded, and zero where there is
    nothing to see.
    """
    between = (light[:, 1:] + light[:, :-1]) / 2
    step = light.diff(dim=1)[..., 1:-1, 1:-1]
    answers = []
    for slope in _slopes(between):
        along = _cells(slope * step, 4, 2).unflatten(1, (-1, 8))
        strength = _cells(slope.square(), 4, 2).unflatten(1, (-1, 8))
        answers.append(-along / (strength + _STIFF))
    return torch.stack(answers, 2)
