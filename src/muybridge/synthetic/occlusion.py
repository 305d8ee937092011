"""How open to the sky each vertex is: ambient occlusion, by looking from many sides.

The person is drawn from directions spread over the sphere; a vertex is open towards a
direction where nothing lies in front of it. Done once, in the bind pose.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.render import rasterize_pixels, vertex_normals

_DIRECTIONS = 26
_SIZE = 112
_LIFT = 0.006
"""Metres off the surface where a vertex looks out from."""
_BIAS = 0.014
_FAR = 30.0
"""Metres that the parallel rays' eye lies off."""


def ambient_occlusion(
    vertices: Float[Tensor, "N 3"], faces: Int[Tensor, "F 3"]
) -> Float[Tensor, "N"]:  # noqa: F821
    """Share of the sphere, weighted by the cosine, that each vertex sees; 0..1."""
    normals = vertex_normals(vertices[None], faces)[0]
    centre = (vertices.amin(0) + vertices.amax(0)) / 2
    reach = float((vertices - centre).norm(dim=1).max()) * 1.02
    axes = _axes(_DIRECTIONS).to(vertices)
    scale = _SIZE / (2 * reach)

    def seen_from(points: Tensor) -> Tensor:
        turned = torch.einsum("dij,nj->dni", axes, points - centre)
        shift = turned.new_tensor([_SIZE / 2, _SIZE / 2, _FAR])
        return turned * turned.new_tensor([scale, scale, 1.0]) + shift

    depth = rasterize_pixels(seen_from(vertices), faces, _SIZE, _SIZE).depth
    depth = torch.where(depth > 0, depth, 2 * _FAR).flatten(1)
    look = seen_from(vertices + _LIFT * normals)
    cell = look[..., :2].floor().long().clamp(0, _SIZE - 1)
    before = depth.gather(1, cell[..., 1] * _SIZE + cell[..., 0])
    open_ = (look[..., 2] < before + _BIAS).float()
    facing = torch.einsum("di,ni->dn", -axes[:, 2], normals).clamp(min=0)
    share = (open_ * facing).sum(0) / facing.sum(0).clamp(min=1e-6)
    return _smoothed(share, faces)


def _axes(count: int) -> Float[Tensor, "D 3 3"]:
    """Right, down and forward of parallel cameras whose directions cover the sphere evenly."""
    number = torch.arange(count) + 0.5
    height = 1 - 2 * number / count
    turn = math.pi * (1 + 5**0.5) * number
    radius = (1 - height.square()).sqrt()
    forward = -torch.stack([turn.cos() * radius, height, turn.sin() * radius], 1)
    other = torch.where(height.abs()[:, None] > 0.9, torch.tensor([1.0, 0.0, 0.0]),
                        torch.tensor([0.0, 1.0, 0.0]))
    right = F.normalize(torch.linalg.cross(forward, other), dim=1)
    return torch.stack([right, torch.linalg.cross(forward, right), forward], 1)


def _smoothed(values: Tensor, faces: Tensor) -> Tensor:
    """Each vertex' mean with the triangles around it."""
    mean = values[faces].mean(1)
    total = values.clone()
    count = torch.ones_like(values)
    for k in range(3):
        total.index_add_(0, faces[:, k], mean)
        count.index_add_(0, faces[:, k], torch.ones_like(mean))
    return total / count
