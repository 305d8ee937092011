"""A picture on a surface while it is painted: colour, gloss and relief of each texel."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.synthetic.layers import Material, Matter


def step(low: float | Tensor, high: float | Tensor, x: Tensor) -> Tensor:
    """0 at ``low`` and before .. 1 at ``high`` and beyond, smooth between."""
    share = ((x - low) / (high - low)).clamp(0, 1)
    return share * share * (3 - 2 * share)


def bump(x: Tensor, width: float) -> Tensor:
    """A Gaussian, 1 at 0."""
    return (-0.5 * (x / width).square()).exp()


class Paint:
    """Texels under the brush.

    Args:
        points: where they lie.
        colour: sRGB that all begin with.
        gloss: that all begin with.
    """

    def __init__(
        self, points: Float[Tensor, "P 3"], colour: Sequence[float], gloss: float
    ) -> None:
        self.points = points
        self.albedo: Float[Tensor, "P 3"] = torch.tensor(colour).repeat(len(points), 1)
        self.gloss: Float[Tensor, "P"] = torch.full((len(points),), gloss)  # noqa: F821
        self.relief: Float[Tensor, "P"] = torch.zeros(len(points))  # noqa: F821

    def cover(
        self, share: Float[Tensor, "P"], colour: Sequence[float] | Float[Tensor, "P 3"]
    ) -> None:
        """Mixes a colour in."""
        other = colour if isinstance(colour, Tensor) else torch.tensor(colour)
        self.albedo += (other - self.albedo) * share.clamp(0, 1)[:, None]

    def tint(self, share: Float[Tensor, "P"], factor: Sequence[float]) -> None:
        """Multiplies by a colour."""
        self.albedo *= 1 + (torch.tensor(factor) - 1) * share.clamp(0, 1)[:, None]

    def material(self, matter: Matter, index: Int[Tensor, "P"], size: int) -> Material:  # noqa: F821
        """The texels, spread over a texture; what lies between them takes the mean colour."""
        flat = size * size
        albedo = self.albedo.mean(0).repeat(flat, 1)
        albedo[index] = self.albedo.clamp(0, 1)
        gloss = torch.full((flat,), float(self.gloss.mean()))
        gloss[index] = self.gloss.clamp(0, 1)
        relief = torch.zeros(flat)
        relief[index] = self.relief
        return Material(
            matter, albedo.reshape(size, size, 3), gloss.reshape(size, size),
            relief.reshape(size, size), torch.zeros(size, size),
        )
