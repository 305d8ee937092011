"""A score of one item: its name, its unit, which way is better, and how it is worked out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from muybridge.evaluation.sample import Sample

Better = Literal["higher", "lower", "one"]
"""Which values are better; ``one`` is a ratio that is best at 1."""


@dataclass(frozen=True)
class Metric:
    """A score of one item.

    Attributes:
        name: what stands in tables, such as ``psnr``.
        unit: ``dB``, ``px``, ``mm``, or empty.
        better: which way.
        about: one sentence: what it measures and how.
        function: gives the scores of a sample by name: ``name`` itself, and variants such as
            ``name/person``. One that can't be told of a sample (flicker of a single frame)
            is left out.
    """

    name: str
    unit: str
    better: Better
    about: str
    function: Callable[[Sample], Mapping[str, float]]
