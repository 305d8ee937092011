"""Shadows: what the key light does not reach, and how dark the ground is around the feet.

The key light's shadow map is exponential (Annen et al., Exponential Shadow Maps, 2008):
``exp(c * depth)`` is blurred once, and one smooth lookup gives a soft shadow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.render import rasterize_pixels
from muybridge.render.rasterizer import Backend
from muybridge.synthetic.surface import Surface

_SIZE = 256
_SHARPNESS = 42.0
"""1 / metres: how fast light goes out behind an edge."""
_FAR = 40.0
"""Metres that the parallel light's eye lies off; depth is then as good as linear."""


@dataclass(frozen=True)
class ShadowMap:
    """One frame as the key light sees it.

    Attributes:
        axes: right, down and forward of the light's view. ``centre``: of the view, world.
        half: half the view's side, metres.
        lit: blurred ``exp(c * depth)``, depth from the centre.
        covered: blurred share that something lies in the light's way, at half the size.
    """

    axes: Float[Tensor, "3 3"]
    centre: Float[Tensor, "3"]  # noqa: F821
    half: float
    lit: Float[Tensor, "S S"]
    covered: Float[Tensor, "C C"]

    def reach(
        self, points: Float[Tensor, "3 P"], lift: float = 0.012
    ) -> Float[Tensor, "P"]:  # noqa: F821
        """Share of the key light that reaches points in the world, 0..1.

        Args:
            lift: metres towards the light that a point is moved before it is compared.
        """
        x, y, z = self._place(points, self.lit)
        blocked = _sample(self.lit, x, y) * torch.exp(-_SHARPNESS * (z - lift))
        return blocked.clamp_(0, 1)

    def ground(self, points: Float[Tensor, "3 P"]) -> Float[Tensor, "P"]:  # noqa: F821
        """Share of the key light that points on the ground get: nothing lies below them."""
        x, y, _ = self._place(points, self.covered)
        size = self.covered.shape[0]
        inside = (x > 0) & (y > 0) & (x < size - 1) & (y < size - 1)
        return 1 - torch.where(inside, _sample(self.covered, x, y), 0.0)

    def _place(self, points: Tensor, plane: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Texel x and y of a plane (centres at whole numbers) and depth from the centre."""
        d = [points[k] - self.centre[k] for k in range(3)]
        size = plane.shape[0]
        scale = size / (2 * self.half)
        x, y, z = (a[0] * d[0] + a[1] * d[1] + a[2] * d[2] for a in self.axes)
        return x * scale + (size / 2 - 0.5), y * scale + (size / 2 - 0.5), z


def shadow_map(
    surface: Surface,
    vertices: Float[Tensor, "N 3"],
    direction: tuple[float, float, float],
    softness: float,
    backend: Backend = "auto",
) -> ShadowMap:
    """What the key light sees of one frame.

    Args:
        direction: towards the light, unit.
        softness: 0..1, widens the edges of shadows.
    """
    forward = -vertices.new_tensor(direction)
    other = vertices.new_tensor([0.0, 1.0, 0.0] if abs(direction[1]) < 0.95 else [0.0, 0.0, 1.0])
    right = F.normalize(torch.linalg.cross(forward, other), dim=0)
    axes = torch.stack([right, torch.linalg.cross(forward, right), forward])
    low, high = vertices.amin(0), vertices.amax(0)
    centre = (low + high) / 2
    d = vertices - centre
    seen = torch.stack([d[:, 0] * a[0] + d[:, 1] * a[1] + d[:, 2] * a[2] for a in axes], 1)
    half = float(seen[:, :2].abs().amax()) * 1.06 + 0.02
    scale = _SIZE / (2 * half)
    place = seen * seen.new_tensor([scale, scale, 1.0])
    place = place + seen.new_tensor([_SIZE / 2, _SIZE / 2, _FAR])
    keep = facing_triangles(place, surface)
    depth = rasterize_pixels(
        place[None], surface.faces[keep], _SIZE, _SIZE, backend=backend
    ).depth[0]
    hit = depth > 0
    lit = torch.exp(_SHARPNESS * torch.where(hit, depth - _FAR, float(seen[:, 2].amax()) + 0.1))
    edge, on_ground = (0.006 + 0.014 * softness) * scale, (0.014 + 0.05 * softness) * scale
    covered = F.avg_pool2d(hit.float()[None, None], 2)[0, 0]
    return ShadowMap(
        axes, centre, half, _blurred(lit, edge), _blurred(covered, on_ground / 2)
    )


def facing_triangles(place: Float[Tensor, "N 3"], surface: Surface) -> Tensor:
    """Numbers of the triangles that may be seen: those that face the eye, and two-sided ones.

    Args:
        place: x (right) and y (down) on the picture, and depth.
    """
    x, y = place[:, 0], place[:, 1]
    a, b, c = surface.faces.unbind(1)
    ax, ay = x[a], y[a]
    area = (x[b] - ax) * (y[c] - ay) - (x[c] - ax) * (y[b] - ay)
    return ((area < 0) | (surface.two_sided & (area > 0))).nonzero().squeeze(1)


@dataclass(frozen=True)
class Contact:
    """How dark the ground is close to what touches it, on a grid around the person.

    Attributes:
        dark: 0..1, rows along z, columns along x.
        corner: x and z of the first cell's centre, metres. ``cell``: metres.
    """

    dark: Float[Tensor, "S S"]
    corner: tuple[float, float]
    cell: float

    def at(
        self, x: Float[Tensor, "P"], z: Float[Tensor, "P"]  # noqa: F821
    ) -> Float[Tensor, "P"]:  # noqa: F821
        """Darkness at points of the ground."""
        size = self.dark.shape[0]
        column, row = (x - self.corner[0]) / self.cell, (z - self.corner[1]) / self.cell
        inside = (column > 0) & (row > 0) & (column < size - 1) & (row < size - 1)
        return torch.where(inside, _sample(self.dark, column, row), 0.0)


def contact(vertices: Float[Tensor, "N 3"]) -> Contact:
    """The darkness around what is near the ground ``y = 0`` in one frame."""
    size, cell = 96, 0.024
    middle = ((vertices.amin(0) + vertices.amax(0)) / 2).tolist()
    corner = tuple(round(middle[k] / cell) * cell - cell * size / 2 for k in (0, 2))
    column = ((vertices[:, 0] - corner[0]) / cell).round().long()
    row = ((vertices[:, 2] - corner[1]) / cell).round().long()
    near = torch.exp(-vertices[:, 1].clamp(min=0) / 0.06)
    inside = (column >= 0) & (row >= 0) & (column < size) & (row < size) & (near > 0.02)
    index = torch.where(inside, row * size + column, 0)
    grid = vertices.new_zeros(size * size)
    grid.scatter_reduce_(0, index, torch.where(inside, near, 0.0), "amax")
    grid = grid.reshape(size, size)
    dark = 0.62 * _blurred(grid, 0.9) + 0.5 * _blurred(grid, 3.6)
    return Contact(dark.clamp(0, 1), (corner[0], corner[1]), cell)


def _blurred(plane: Tensor, sigma: float) -> Tensor:
    """Gaussian blur; what lies beyond the border is as at the border.

    Sums of shifted slices: on a CPU several times faster than a convolution of one channel.
    """
    reach = max(1, round(2.2 * sigma))
    bell = [math.exp(-0.5 * (k / max(sigma, 1e-3)) ** 2) for k in range(-reach, reach + 1)]
    height, width = plane.shape
    wide = F.pad(plane[None, None], (reach, reach, reach, reach), mode="replicate")[0, 0]
    across = wide[:, :width] * (bell[0] / sum(bell))
    for k in range(1, len(bell)):
        across.add_(wide[:, k : k + width], alpha=bell[k] / sum(bell))
    out = across[:height] * (bell[0] / sum(bell))
    for k in range(1, len(bell)):
        out.add_(across[k : k + height], alpha=bell[k] / sum(bell))
    return out


def _sample(plane: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Bilinear lookup at texels (centres at whole numbers), clamped at the border."""
    size = plane.shape[0]
    x, y = x.clamp(0, size - 1), y.clamp(0, size - 1)
    x0, y0 = x.floor(), y.floor()
    fx, fy = x - x0, y - y0
    left, top = x0.long(), y0.long()
    right = (left + 1).clamp_(max=size - 1)
    below = (top + 1).clamp_(max=size - 1) * size
    top = top * size
    flat = plane.reshape(-1)
    upper = torch.lerp(flat.index_select(0, top + left), flat.index_select(0, top + right), fx)
    lower = torch.lerp(flat.index_select(0, below + left), flat.index_select(0, below + right), fx)
    return torch.lerp(upper, lower, fy)
