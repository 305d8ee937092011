"""The soft shadow of a body on the ground, as overhead studio light casts it.

The body is dropped onto the ground plane in three layers by height: what touches the
ground gives a tight dark shadow, the legs a softer one, the whole body a faint wide one.
Each frame is on its own, so chunks change nothing.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

CELL = 1 / 60
"""Metres per cell of the shadow map."""
_HALF = 108
_LAYERS = ((0.05, 0.022, 0.50), (0.45, 0.075, 0.26), (10.0, 0.24, 0.24))
"""Height below which a layer reaches, its blur, both in metres, and its strength."""


def shadow_maps(
    vertices: Float[Tensor, "T N 3"],
) -> tuple[Float[Tensor, "T G G"], Float[Tensor, "T 2"]]:
    """How dark the ground is around the body in each frame.

    Args:
        vertices: the skin in the world, ground at y = 0, metres.

    Returns:
        Darkness 0..1 on a square grid of cells of :data:`CELL` (rows along z, columns
        along x), and x and z of the grid's centre, metres.
    """
    count = vertices.shape[0]
    size = 2 * _HALF
    flat = vertices[..., [0, 2]]
    middle = (flat.amin(1) + flat.amax(1)) / 2
    center = (middle / CELL).round() * CELL
    cell = ((flat - center[:, None]) / CELL + _HALF).floor().long()
    inside = ((cell >= 0) & (cell < size)).all(-1)
    index = cell[..., 1].clamp(0, size - 1) * size + cell[..., 0].clamp(0, size - 1)
    dark = torch.zeros(count, size, size)
    for reach, blur, strength in _LAYERS:
        near = inside & (vertices[..., 1] < reach)
        layer = torch.zeros(count, size * size).scatter_reduce(
            1, index, near.float(), "amax", include_self=True
        )
        dark = dark + strength * _blurred(layer.reshape(count, 1, size, size), blur)
    return dark.clamp(0, 1), center


def shade_ground(
    dark: Float[Tensor, "T G G"],
    center: Float[Tensor, "T 2"],
    point: Float[Tensor, "V T 2 H W"],
    slope: Float[Tensor, "V T H W"],
) -> Float[Tensor, "V T 1 H W"]:
    """Darkness of every pixel's ground point; 0 above the horizon and off the grid.

    Args:
        dark: of :func:`shadow_maps`. ``center``: of the same.
        point: where each pixel's ray meets the ground, x and z, metres.
        slope: sine of the ray's angle below the horizon.
    """
    views, frames, _, height, width = point.shape
    place = (point - center[None, :, :, None, None]) / (CELL * _HALF)
    grid = place.permute(1, 0, 3, 4, 2).reshape(frames, views * height, width, 2)
    grid = torch.where(grid.abs() < 4, grid, torch.full_like(grid, 4.0))
    found = F.grid_sample(dark[:, None], grid, align_corners=False)
    found = found.reshape(frames, 1, views, height, width).permute(2, 0, 1, 3, 4)
    return found * (slope > 1e-3)[:, :, None]


def _blurred(layer: Tensor, metres: float) -> Tensor:
    """Gaussian blur of ``[T, 1, G, G]`` as ``[T, G, G]``; gaps between vertices are closed."""
    sigma = max(metres / CELL, 0.5)
    reach = int(3 * sigma + 0.5)
    steps = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
    kernel = kernel / kernel.sum()
    layer = F.max_pool2d(layer, 3, stride=1, padding=1)
    layer = F.conv2d(layer, kernel[None, None, None], padding=(0, reach))
    return F.conv2d(layer, kernel[None, None, :, None], padding=(reach, 0))[:, 0]
