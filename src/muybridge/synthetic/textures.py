"""The textures of all layers of a person in one table, with coarser copies.

A texel holds linear colour, gloss and the slopes of relief and of creases (metres per
unit of texture coordinate), so that one lookup gives all that shading needs, and so that
coarser copies average slopes, not heights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from muybridge.render import rasterize_pixels
from muybridge.synthetic.layers import Layer

CHANNELS = 8
"""Red, green, blue, gloss, relief along u and v, creases along u and v."""
LEVELS = 5
"""The finest level and its copies, each half as large as the one before."""


@dataclass(frozen=True)
class TextureTable:
    """Textures of ``L`` layers, flattened.

    Attributes:
        texels: all levels of all layers, row by row; channels as :data:`CHANNELS` says.
        offset: first texel of each level of each layer. ``size``: texels per side.
        pitch: how large a texel of the finest level is on the surface, metres.
    """

    texels: Float[Tensor, "M 8"]
    offset: Int[Tensor, "L 5"]
    size: Int[Tensor, "L 5"]
    pitch: Float[Tensor, "L"]  # noqa: F821

    def to(self, device: torch.device | str) -> TextureTable:
        """The same table on another device."""
        return TextureTable(
            self.texels.to(device), self.offset.to(device), self.size.to(device),
            self.pitch.to(device),
        )

    def level(self, spacing: float) -> Int[Tensor, "L"]:  # noqa: F821
        """The level of each layer whose texels fit points so far apart on it, metres."""
        ratio = (spacing / self.pitch).clamp(min=1e-6)
        return (ratio.log2() + 0.25).round().long().clamp(0, LEVELS - 1)

    def look_up(
        self,
        layer: Int[Tensor, "P"],  # noqa: F821
        level: Int[Tensor, "L"],  # noqa: F821
        u: Float[Tensor, "P"],  # noqa: F821
        v: Float[Tensor, "P"],  # noqa: F821
    ) -> Float[Tensor, "8 P"]:
        """Bilinear texels of points, clamped at the border.

        Args:
            layer: of each point. ``level``: of each layer.
            u, v: texture coordinates, origin top left.
        """
        size = self.size.gather(1, level[:, None])[:, 0][layer]
        first = self.offset.gather(1, level[:, None])[:, 0][layer]
        side = size.to(u.dtype)
        x = (u * side - 0.5).clamp_(min=0).minimum(side - 1)
        y = (v * side - 0.5).clamp_(min=0).minimum(side - 1)
        x0, y0 = x.floor(), y.floor()
        fx, fy = x - x0, y - y0
        left, above = x0.long(), y0.long()
        last = size - 1
        right = (left + 1).minimum(last)
        below = first + (above + 1).minimum(last) * size
        above = first + above * size
        taps = [
            self.texels.index_select(0, row + column).T
            for row in (above, below) for column in (left, right)
        ]
        upper = torch.lerp(taps[0], taps[1], fx)
        lower = torch.lerp(taps[2], taps[3], fx)
        return torch.lerp(upper, lower, fy)


def stack_textures(layers: Sequence[Layer], finest: int) -> TextureTable:
    """Flattens the layers' materials.

    Args:
        layers: of one person.
        finest: larger textures are halved until they have at most so many texels a side.
    """
    tables, offsets, sizes, pitches, first = [], [], [], [], 0
    for layer in layers:
        stack = _stack(layer, finest)
        row_offset, row_size = [], []
        for level in stack:
            row_offset.append(first)
            row_size.append(level.shape[1])
            tables.append(level.flatten(1).T)
            first += level.shape[1] ** 2
        offsets.append(row_offset)
        sizes.append(row_size)
        pitches.append(_pitch(layer, row_size[0]))
    return TextureTable(
        torch.cat(tables).contiguous(), torch.tensor(offsets), torch.tensor(sizes),
        torch.tensor(pitches),
    )


def srgb_to_linear(colour: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """Linear light of sRGB values in [0, 1]."""
    curve = ((colour.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4
    return torch.where(colour <= 0.04045, colour / 12.92, curve)


def linear_to_srgb(light: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """sRGB values of linear light in [0, 1]."""
    curve = 1.055 * light.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(light <= 0.0031308, light * 12.92, curve)


def _stack(layer: Layer, finest: int) -> list[Float[Tensor, "8 s s"]]:
    """The levels of one layer, what lies between its islands filled from what lies next to it."""
    material = layer.material
    size = int(material.albedo.shape[0])
    planes = torch.cat(
        [
            srgb_to_linear(material.albedo.permute(2, 0, 1).clamp(0, 1)),
            material.gloss[None],
            _slopes(material.relief),
            _slopes(material.creases),
        ]
    )
    weight = _coverage(layer, size).to(planes.dtype)[None]
    totals = [(planes * weight, weight)]
    while totals[-1][1].shape[1] > 1:
        totals.append((_halve(totals[-1][0]), _halve(totals[-1][1])))
    filled: Tensor | None = None
    levels: list[Tensor] = []
    for total, amount in reversed(totals):
        level = total / amount.clamp(min=1e-12)
        if filled is not None:
            above = F.interpolate(filled[None], size=level.shape[1:], mode="nearest")[0]
            level = torch.where(amount > 0, level, above)
        filled = level
        levels.append(level)
    levels = [level for level in levels[::-1] if level.shape[1] <= finest] or levels[:1]
    levels = levels[:LEVELS]
    return levels + [levels[-1]] * (LEVELS - len(levels))


def _slopes(height: Float[Tensor, "S S"]) -> Float[Tensor, "2 S S"]:
    """Rise along u and v, metres per unit of texture coordinate."""
    size = height.shape[0]
    padded = F.pad(height[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    along_u = padded[1:-1, 2:] - padded[1:-1, :-2]
    along_v = padded[2:, 1:-1] - padded[:-2, 1:-1]
    return torch.stack([along_u, along_v]) * (size / 2)


def _coverage(layer: Layer, size: int) -> Bool[Tensor, "S S"]:
    place = F.pad(layer.uv * size, (0, 1), value=1.0)
    return rasterize_pixels(place[None], layer.faces_uv, size, size).mask[0]


def _halve(plane: Tensor) -> Tensor:
    """Sum of each 2 x 2 block (of what there is of it, at odd borders)."""
    size = plane.shape[1]
    plane = F.pad(plane, (0, size % 2, 0, size % 2))
    return F.avg_pool2d(plane[None], 2)[0] * 4


def _pitch(layer: Layer, size: int) -> float:
    """Side of a texel on the surface, metres, from the areas of all triangles."""
    a, b, c = (layer.vertices[layer.faces[:, k]] for k in range(3))
    area = torch.linalg.cross(b - a, c - a).norm(dim=1).sum()
    a, b, c = (layer.uv[layer.faces_uv[:, k]] * size for k in range(3))
    p, q = b - a, c - a
    texels = (p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).abs().sum()
    return math.sqrt(max(float(area), 1e-12) / max(float(texels), 1e-12))
