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


def darken(
    light: Float[Tensor, "V T 1 H W"],
    strength: float,
    dark: Float[Tensor, "T G G"],
    center: Float[Tensor, "T 2"],
    point: Float[Tensor, "V T 2 H W"],
    slope: Float[Tensor, "V T H W"],
) -> None:
    """Dim the light of the pixels whose ground lies in the shadow; changes ``light``.

    Args:
        light: share of the ground's colour that each pixel shows.
        strength: share of it that the deepest shadow takes.
        dark: of :func:`shadow_maps`. ``center``: of the same.
        point: where each pixel's ray meets the ground, x and z, metres.
        slope: sine of the ray's angle below the horizon.
    """
    size = dark.shape[-1]
    low = (center - CELL * (size / 2 - 1.5))[None, :, :, None, None]
    high = (center + CELL * (size / 2 - 1.5))[None, :, :, None, None]
    near = ((point > low) & (point < high)).all(2) & (slope > 1e-3)
    view, frame, row, column = near.nonzero(as_tuple=True)
    place = (point[view, frame, :, row, column] - center[frame]) / CELL + (size - 1) / 2
    corner = place.floor()
    fx, fz = (place - corner).unbind(1)
    first = (frame * size + corner[:, 1].long()) * size + corner[:, 0].long()
    flat = dark.reshape(-1)
    upper = torch.lerp(flat[first], flat[first + 1], fx)
    lower = torch.lerp(flat[first + size], flat[first + size + 1], fx)
    light[view, frame, 0, row, column] *= 1 - strength * torch.lerp(upper, lower, fz)


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
