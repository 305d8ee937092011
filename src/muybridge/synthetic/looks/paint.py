"""A picture on a surface while it is painted: colour, gloss and relief of each texel."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.synthetic.layers import Material, Matter
from muybridge.synthetic.looks.filling import filled


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
        """The texels, spread over a texture; what lies between them is filled smoothly."""
        values = torch.zeros(size * size, 5)
        values[index] = torch.cat(
            [self.albedo.clamp(0, 1), self.gloss.clamp(0, 1)[:, None], self.relief[:, None]], 1
        )
        known = torch.zeros(size * size, dtype=torch.bool)
        known[index] = True
        whole = filled(values.reshape(size, size, 5), known.reshape(size, size))
        return Material(
            matter, whole[..., :3].contiguous(), whole[..., 3].contiguous(),
            whole[..., 4].contiguous(), torch.zeros(size, size),
        )
