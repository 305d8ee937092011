"""What is measured: what a method made of an item, beside the truth, on one ground."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from muybridge.data.record import Clip
from muybridge.errors import InputError
from muybridge.evaluation.geometry import Geometry, geometry_of

GROUND = 0.82
"""Grey, of all three channels, that everybody stands before when they are measured."""
_WIDER = 2
"""Pixels by which the foreground is wider than truth and result."""
_THERE = 0.02
"""Share of a pixel from which on somebody is in it."""


@dataclass(frozen=True)
class Sample:
    """Pictures that were made, and the true ones.

    Attributes:
        made: RGB over the ground, in [0, 1].
        truth: the same of the truth.
        truth_matte: share of the person in each pixel, in [0, 1].
        clip: the truth's record: cameras, motion, body, shape. Its pictures are ``truth``'s.
        made_matte: the result's own matte; ``None`` where only frames were given.
        geometry: where the person's points are seen; ``None`` finds it from the clip.
    """

    made: Float[Tensor, "V T 3 H W"]
    truth: Float[Tensor, "V T 3 H W"]
    truth_matte: Float[Tensor, "V T 1 H W"]
    clip: Clip
    made_matte: Float[Tensor, "V T 1 H W"] | None = None
    geometry: Geometry | None = None

    def __post_init__(self) -> None:
        for name, value in (("truth", self.truth), ("made", self.made)):
            if not bool(torch.isfinite(value).all()):
                raise InputError(self.clip.name, name, "has a value that is not finite",
                                 "make the frames again")
        if self.made.shape != self.truth.shape:
            V, T, _, H, W = self.truth.shape
            raise InputError(
                self.clip.name, "frames", f"are {tuple(self.made.shape)}",
                f"give {V} views of {T} frames of {W}x{H} pixels",
            )

    @property
    def surface(self) -> Geometry:
        """Where the person's points are seen."""
        return geometry_of(self.clip) if self.geometry is None else self.geometry

    @cached_property
    def silhouette(self) -> Float[Tensor, "V T 1 H W"]:
        """The result's matte: its own, or what differs from the ground."""
        if self.made_matte is not None:
            return self.made_matte
        off = (self.made - GROUND).abs().amax(2, keepdim=True)
        return (off / 0.06).clamp(0, 1)

    @cached_property
    def foreground(self) -> Bool[Tensor, "V T 1 H W"]:
        """Where the person is in truth or result, two pixels wider."""
        either = torch.maximum(self.truth_matte, self.silhouette).flatten(0, 1)
        wide = F.max_pool2d(either, 2 * _WIDER + 1, 1, _WIDER) > _THERE
        return wide.unflatten(0, self.truth.shape[:2])


def over_ground(
    premultiplied: Float[Tensor, "*B 3 H W"], matte: Float[Tensor, "*B 1 H W"]
) -> Float[Tensor, "*B 3 H W"]:
    """Colours over black put on the ground that everything is measured on."""
    return premultiplied + GROUND * (1 - matte)
