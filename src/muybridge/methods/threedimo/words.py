"""Words for the camera as the small sizes read them.

A sentence is understood by :mod:`muybridge.camera.words` and said again in one way: a viewpoint,
a height, and each move with its amount. So every sentence of the grammar says to the networks
what it says to all other methods. A word is a number of :data:`WORDS` and, where it has one, an
amount. Real checkpoints get the sentence itself, through their own text encoder.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.camera.estimate import estimate
from muybridge.camera.script import AMOUNTS, UNITS, Script
from muybridge.camera.words import parse

LENGTH = 16
"""Words of a sentence at most; what comes behind is not said."""
ELEVATION = 5.0
"""Of a camera of whose height nothing is said, degrees."""
FRONT = Script(0.0, ELEVATION, ())
"""Of the camera that has taken the person's picture."""
WORDS: tuple[str, ...] = (
    "", "view", "height", "static", "while", "then", "handheld",
    *(f"{kind} {sign}" for kind in AMOUNTS for sign in "+-"),
)
"""The vocabulary; the first is silence."""
_TURNED = ("arc", "truck", "pan", "roll")
"""Moves that have a side."""
FEATURES = 9
"""Numbers that tell an amount."""


def spoken(script: Script) -> list[tuple[str, float]]:
    """A script as words with amounts, at most :data:`LENGTH` of them."""
    view = (script.azimuth + 180) % 360 - 180
    said = [("view", view), ("height", script.elevation_or(ELEVATION))]
    if script.handheld:
        said.append(("handheld", 0.0))
    for number, step in enumerate(script.steps):
        if number:
            said.append(("then", 0.0))
        for at, move in enumerate(step.moves):
            if at:
                said.append(("while", 0.0))
            sign = "+" if move.sign > 0 else "-"
            said.append(("static", 0.0) if move.kind == "static" else
                        (f"{move.kind} {sign}", move.size))
    if not script.steps:
        said.append(("static", 0.0))
    return said[:LENGTH]


def encoded(
    scripts: Sequence[Script],
) -> tuple[Int64[Tensor, "B L"], Float[Tensor, "B L"]]:
    """Scripts as numbers of words and their amounts, filled up with silence."""
    words = torch.zeros(len(scripts), LENGTH, dtype=torch.long)
    amounts = torch.zeros(len(scripts), LENGTH)
    for row, script in enumerate(scripts):
        for at, (word, amount) in enumerate(spoken(script)):
            words[row, at] = WORDS.index(word)
            amounts[row, at] = amount
    return words, amounts


def script_of(camera: str | Script) -> Script:
    """The script of a sentence.

    Raises:
        InputError: naming the words that are not understood, and what is.
    """
    return parse(camera) if isinstance(camera, str) else camera


def script_of_path(cameras: Cameras, view: int, facing: float) -> Script:
    """What a camera of a rig does, as seen by somebody who looks some way.

    Args:
        cameras: the rig. ``view``: which camera.
        facing: of the person in the first frame, degrees (:func:`muybridge.camera.facing_of`).
    """
    found = estimate(cameras, view)
    return replace(found, azimuth=(found.azimuth - facing + 180) % 360 - 180)


def features(
    words: Int64[Tensor, "*S"], amounts: Float[Tensor, "*S"]
) -> Float[Tensor, "*S n"]:
    """Amounts as networks read them: angles also as points on circles, factors by logarithm.

    Args:
        words: numbers of words. ``amounts``: of each, degrees, metres or factors.
    """
    units = torch.tensor([_unit(word) for word in WORDS], device=words.device)[words]
    zero = torch.zeros_like(amounts)
    radians = torch.where(units == 1, amounts * math.pi / 180, zero)
    circles = [f(k * radians) for k in (0.5, 1, 2) for f in (torch.sin, torch.cos)]
    return torch.stack(
        [
            *circles, radians,
            torch.where(units == 2, amounts, zero),
            torch.where(units == 3, amounts.clamp(min=1e-3).log(), zero),
        ], -1,
    )


def _unit(word: str) -> int:
    """1 for degrees, 2 for metres, 3 for factors, 0 for words without an amount."""
    kind = word.split(" ")[0]
    if kind in ("view", "height"):
        return 1
    return {"degrees": 1, "metres": 2, "times": 3}[UNITS[kind]] if kind in UNITS else 0


def mirrored_words(
    words: Int64[Tensor, "*S"], amounts: Float[Tensor, "*S"]
) -> tuple[Int64[Tensor, "*S"], Float[Tensor, "*S"]]:
    """What is to be said in the mirrored world."""
    other = [
        WORDS.index(f"{word[:-1]}{'-' if word[-1] == '+' else '+'}")
        if word.split(" ")[0] in _TURNED else number
        for number, word in enumerate(WORDS)
    ]
    seen = words == WORDS.index("view")
    turned = torch.where(seen, (180 - amounts) % 360 - 180, amounts)  # a back view stays one
    return torch.tensor(other, device=words.device)[words], turned
