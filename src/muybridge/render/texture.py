"""A texture made ready for rendering: coarser copies of itself, without bleeding.

A picture that shows the texture smaller than it is must not skip texels (they would
flicker), and a coarser copy must not mix in what lies between the islands of the texture
atlas. Both are settled once per person, here.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from muybridge.body.types import Mesh
from muybridge.render.rasterizer import rasterize_pixels


@dataclass(frozen=True)
class Texture:
    """A texture and its coarser copies.

    Attributes:
        levels: float32 [h, w, 4] in [0, 1], each half as large as the one before; the fourth
            channel is unused (reads of four are faster than of three).
    """

    levels: tuple[Float[Tensor, "_ _ 4"], ...]

    @property
    def height(self) -> int:
        """Height of the finest level, texels."""
        return int(self.levels[0].shape[0])

    @property
    def width(self) -> int:
        """Width of the finest level, texels."""
        return int(self.levels[0].shape[1])


def prepare_texture(
    texture: Float[Tensor, "H W 3"] | UInt8[Tensor, "H W 3"],
    mesh: Mesh | None = None,
    levels: int = 5,
) -> Texture:
    """Make the coarser copies of a texture.

    Args:
        texture: RGB; uint8, or float in [0, 1].
        mesh: the mesh whose atlas it is. What lies outside the atlas' triangles is then
            replaced by the colours next to them, on every level.
        levels: how many levels, the finest one included.
    """
    if texture.dtype == torch.uint8:
        texture = texture.float() / 255
    if mesh is None:
        covered = torch.ones(texture.shape[:2], dtype=torch.bool, device=texture.device)
    else:
        covered = atlas_coverage(mesh, texture.shape[0], texture.shape[1])
    colour = texture.float().permute(2, 0, 1)
    weight = covered.to(colour.dtype)[None]
    stack = [(colour * weight, weight)]
    while max(stack[-1][0].shape[1:]) > 1:
        stack.append((_halve(stack[-1][0]), _halve(stack[-1][1])))
    filled: Tensor | None = None
    done: list[Tensor] = []
    for total, weight in reversed(stack):
        known = weight > 0
        level = total / weight.clamp(min=1e-12)
        if filled is not None:
            above = F.interpolate(
                filled[None], size=level.shape[1:], mode="bilinear", align_corners=False
            )[0]
            level = torch.where(known, level, above)
        filled = level
        done.append(level)
    kept = done[::-1][:levels]
    return Texture(tuple(_rgbx(level.permute(1, 2, 0)) for level in kept))


def plain_texture(texture: Float[Tensor, "H W 3"] | UInt8[Tensor, "H W 3"]) -> Texture:
    """A texture of one level, as it is."""
    if texture.dtype == torch.uint8:
        texture = texture.float() / 255
    return Texture((_rgbx(texture.float()),))


def atlas_coverage(mesh: Mesh, height: int, width: int) -> Bool[Tensor, "H W"]:
    """Which texels have their centre inside a triangle of the mesh's atlas."""
    size = mesh.uv.new_tensor([width, height])
    xy = mesh.uv * size
    points = torch.cat([xy, torch.ones_like(xy[:, :1])], dim=1)
    return rasterize_pixels(points[None], mesh.faces_uv, height, width).mask[0]


def _halve(plane: Tensor) -> Tensor:
    """Sum of each 2 x 2 block (of what there is of it, at odd borders)."""
    height, width = plane.shape[1:]
    plane = F.pad(plane, (0, width % 2, 0, height % 2))
    return F.avg_pool2d(plane[None], 2)[0] * 4


def _rgbx(level: Tensor) -> Tensor:
    return F.pad(level, (0, 1)).contiguous()
