"""What lies on a surface: its normals, and its texture."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def vertex_normals(
    vertices: Float[Tensor, "B N 3"], faces: Int[Tensor, "F 3"]
) -> Float[Tensor, "B N 3"]:
    """Unit normals at the vertices: the area-weighted mean of the triangles around each.

    A vertex of no triangle, or of triangles without area, gets the normal 0.
    """
    batch, count = vertices.shape[:2]
    # One row of B*3 numbers per vertex: every gather and every sum handles all meshes at once.
    rows = vertices.transpose(0, 1).reshape(count, batch * 3)
    a, b, c = (rows[faces[:, k]].view(-1, batch, 3) for k in range(3))
    normal = torch.linalg.cross(b - a, c - a).view(-1, batch * 3)
    total = torch.zeros_like(rows)
    for k in range(3):
        total = total.index_add(0, faces[:, k], normal)
    return F.normalize(total.view(count, batch, 3), dim=-1, eps=1e-20).transpose(0, 1)


def sample_texture(
    texture: Float[Tensor, "H W C"], uv: Float[Tensor, "*S 2"]
) -> Float[Tensor, "*S C"]:
    """Bilinear lookup, clamped at the border.

    Args:
        texture: the picture; any number of channels.
        uv: coordinates in [0, 1], origin at the texture's top left corner (texel centres
            at +0.5 texel).

    Returns:
        The blended texels, differentiable in ``texture``.
    """
    height, width, channels = texture.shape
    flat = uv.reshape(-1, 2)
    x = (flat[:, 0] * width - 0.5).clamp(0, width - 1)
    y = (flat[:, 1] * height - 0.5).clamp(0, height - 1)
    x0, y0 = x.floor(), y.floor()
    fx, fy = (x - x0)[:, None], (y - y0)[:, None]
    left, top = x0.long(), y0.long()
    right = (left + 1).clamp(max=width - 1)
    below = (top + 1).clamp(max=height - 1) * width
    top = top * width
    texels = texture.reshape(-1, channels)
    upper = torch.lerp(texels[top + left], texels[top + right], fx)
    lower = torch.lerp(texels[below + left], texels[below + right], fx)
    return torch.lerp(upper, lower, fy).reshape(*uv.shape[:-1], channels)
