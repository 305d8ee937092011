"""The textured body, antialiased: pictures of a person from a mesh and its texture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from muybridge.body.types import Mesh
from muybridge.render import textured_compiled
from muybridge.render.rasterizer import (
    NEAR,
    Backend,
    group_size,
    project_points,
    uses_numba,
)
from muybridge.render.scanline import Hits, rasterize_group
from muybridge.render.surface import vertex_normals
from muybridge.render.texture import Texture, plain_texture


@dataclass(frozen=True)
class Lighting:
    """A soft light from one direction; colours are multiplied by it.

    Attributes:
        direction: towards the light, in the world; any length.
        ambient: brightness where the light doesn't reach.
        strength: what the light adds where it falls straight on.
        wrap: how far it reaches around a body, 0 (hard) to 1.
    """

    direction: tuple[float, float, float] = (0.35, 0.8, 0.6)
    ambient: float = 0.72
    strength: float = 0.36
    wrap: float = 0.4

    def shade(self, normals: Float[Tensor, "B N 3"]) -> Float[Tensor, "B N"]:
        """Brightness at the vertices."""
        towards = F.normalize(normals.new_tensor(self.direction), dim=0)
        facing = (normals @ towards + self.wrap) / (1 + self.wrap)
        return self.ambient + self.strength * facing.clamp(min=0)


def render_textured(
    vertices: Float[Tensor, "B N 3"],
    mesh: Mesh,
    texture: Texture | Float[Tensor, "H W 3"] | UInt8[Tensor, "H W 3"],
    K: Float[Tensor, "B 3 3"],
    T_cam_world: Float[Tensor, "B 4 4"],
    height: int,
    width: int,
    *,
    supersample: int = 2,
    shading: Lighting | None = None,
    cull: bool = True,
    backend: Backend = "auto",
) -> tuple[Float[Tensor, "B 3 {height} {width}"], Float[Tensor, "B 1 {height} {width}"]]:
    """Render ``B`` posed meshes with a texture, each seen by its own camera.

    Args:
        vertices: in the world, metres.
        mesh: triangles and texture coordinates.
        texture: RGB; what :func:`~muybridge.render.prepare_texture` returns is faster and
            doesn't flicker when it is shown small.
        K, T_cam_world: intrinsics (pixels) and world-to-camera of each picture.
        supersample: each pixel is the mean of supersample x supersample points.
        shading: None leaves the texture's colours alone.
        cull: leave out what is seen from behind.
        backend: as in :func:`~muybridge.render.rasterize`.

    Returns:
        Colour premultiplied by coverage, and coverage, both in [0, 1]: over a background
        ``g`` the picture is ``rgb + (1 - alpha) * g`` (:func:`composite`).
    """
    if supersample < 1:
        raise ValueError(f"supersample must be 1 or more, not {supersample}")
    if not isinstance(texture, Texture):
        texture = plain_texture(texture)
    shade = None
    if shading is not None:
        shade = shading.shade(vertex_normals(vertices, mesh.faces))
    points = project_points(vertices, K, T_cam_world)
    points[..., :2] *= supersample
    boxes = _boxes(points, height, width, supersample)
    level = _levels(points, mesh, texture)
    if uses_numba(backend, points):
        out = textured_compiled.render(
            points, mesh, texture, level, shade, boxes, height, width, supersample, cull, NEAR
        )
    else:
        out = _render_torch(
            points, mesh, texture, level, shade, boxes, height, width, supersample, cull
        )
    return out[:, :3], out[:, 3:]


def composite(
    rgb: Float[Tensor, "*B 3 H W"], alpha: Float[Tensor, "*B 1 H W"],
    background: Float[Tensor, "..."] | float,
) -> Float[Tensor, "*B 3 H W"]:
    """Premultiplied colour over a background (a number, or anything that broadcasts)."""
    return rgb + (1 - alpha) * background


def _boxes(
    points: Tensor, height: int, width: int, supersample: int
) -> Int[Tensor, "B 4"]:
    """Left, top, right, bottom (ends excluded) of each body, in whole output pixels."""
    xy, z = points[..., :2] / supersample, points[..., 2:]
    good = (z >= NEAR) & torch.isfinite(xy).all(-1, keepdim=True)
    size = xy.new_tensor([width, height])
    low = torch.where(good, xy, torch.inf).amin(1).floor().maximum(torch.zeros_like(size))
    high = torch.where(good, xy, -torch.inf).amax(1).ceil().minimum(size)
    low = torch.minimum(low, size)
    return torch.cat([low, torch.maximum(high, low)], dim=1).long()


def _levels(points: Tensor, mesh: Mesh, texture: Texture) -> list[int]:
    """The texture level of each picture: the coarsest of at least one texel per point."""
    if len(texture.levels) == 1:
        return [0] * points.shape[0]
    uv = mesh.uv.double() * points.new_tensor([texture.width, texture.height])
    texels = _doubled_area(uv[None, :, 0], uv[None, :, 1], mesh.faces_uv).abs()
    pixels = -_doubled_area(points[..., 0], points[..., 1], mesh.faces)
    near = points[..., 2] < NEAR
    hidden = near[:, mesh.faces].any(-1) | ~(pixels > 0)
    pixels = torch.where(hidden, 0.0, pixels)
    texels = torch.where(hidden, 0.0, texels)
    ratio = texels.sum(1) / pixels.sum(1).clamp(min=1e-9)
    top = len(texture.levels) - 1
    return [
        min(top, max(0, math.floor(0.5 * math.log2(r)))) if 0 < r < math.inf else 0
        for r in ratio.tolist()
    ]


def _doubled_area(x: Tensor, y: Tensor, faces: Tensor) -> Tensor:
    x0, x1, x2 = (x.index_select(1, faces[:, k]) for k in range(3))
    y0, y1, y2 = (y.index_select(1, faces[:, k]) for k in range(3))
    return (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)


def _render_torch(
    points: Tensor, mesh: Mesh, texture: Texture, level: list[int], shade: Tensor | None,
    boxes: Tensor, height: int, width: int, supersample: int, cull: bool,
) -> Tensor:
    batch = points.shape[0]
    out = torch.zeros(batch, 4, height, width, device=points.device)
    uv = [mesh.uv[mesh.faces_uv[:, k]] for k in range(3)]
    uv_columns = [[corner[:, axis].contiguous() for corner in uv] for axis in range(2)]
    size = (boxes[:, 2:] - boxes[:, :2]).tolist()
    origin = boxes[:, :2].tolist()
    first = 0
    while first < batch:
        # Pictures of one texture level whose common crop stays small.
        w, h = size[first]
        end = first + 1
        while end < batch and level[end] == level[first]:
            w2, h2 = max(w, size[end][0]), max(h, size[end][1])
            fits = group_size(batch, h2 * supersample, w2 * supersample, mesh.faces.shape[0])
            if end - first + 1 > fits:
                break
            w, h, end = w2, h2, end + 1
        if w > 0 and h > 0:
            crop = points[first:end].clone()
            crop[..., :2] -= (boxes[first:end, None, :2] * supersample).to(crop.dtype)
            rows, columns = h * supersample, w * supersample
            hits = rasterize_group(crop, mesh.faces, rows, columns, cull, NEAR)
            picture_shade = None if shade is None else shade[first:end]
            planes = _colours(
                hits, mesh, uv_columns, texture.levels[level[first]], picture_shade,
                end - first, rows, columns,
            )
            small = _mean_of_blocks(planes, supersample)
            for i in range(first, end):
                x, y = origin[i]
                cw, ch = min(w, width - x), min(h, height - y)
                out[i, :, y : y + ch, x : x + cw] = small[:, i - first, :ch, :cw]
        first = end
    return out


def _colours(
    hits: Hits, mesh: Mesh, uv: list[list[Tensor]], level: Tensor, shade: Tensor | None,
    pictures: int, rows: int, columns: int,
) -> Float[Tensor, "4 B H W"]:
    """Red, green, blue and coverage of every point."""
    w0, w1, w2 = (w.float() for w in hits.weights)
    tri = hits.triangle
    u, v = (
        a.index_select(0, tri) * w0 + b.index_select(0, tri) * w1 + c.index_select(0, tri) * w2
        for a, b, c in uv
    )
    th, tw = level.shape[:2]
    x = u.mul_(tw).sub_(0.5).clamp_(0, tw - 1)
    y = v.mul_(th).sub_(0.5).clamp_(0, th - 1)
    x0, y0 = x.floor(), y.floor()
    fx, fy = x - x0, y - y0
    right = (x0 + 1).clamp_(max=tw - 1).long()
    below = (y0 + 1).clamp_(max=th - 1).long() * tw
    left, above = x0.long(), y0.long() * tw
    texels = level.reshape(-1, 4)
    taps = [texels.index_select(0, row + col) for row in (above, below) for col in (left, right)]
    brightness = None
    if shade is not None:
        picture = hits.pixel.div(rows * columns, rounding_mode="floor") * shade.shape[1]
        flat = shade.reshape(-1)
        corner = [mesh.faces[:, k].index_select(0, tri) + picture for k in range(3)]
        brightness = (
            flat.index_select(0, corner[0]) * w0
            + flat.index_select(0, corner[1]) * w1
            + flat.index_select(0, corner[2]) * w2
        )
    planes = torch.zeros(4, pictures * rows * columns, device=level.device)
    for k in range(3):
        t = [tap[:, k] for tap in taps]
        value = torch.lerp(torch.lerp(t[0], t[1], fx), torch.lerp(t[2], t[3], fx), fy)
        if brightness is not None:
            value = (value * brightness).clamp_(0, 1)
        planes[k].index_copy_(0, hits.pixel, value)
    planes[3].index_fill_(0, hits.pixel, 1.0)
    return planes.view(4, pictures, rows, columns)


def _mean_of_blocks(planes: Tensor, size: int) -> Tensor:
    """Mean over blocks of size x size pixels; slices add faster than pooling does."""
    if size == 1:
        return planes
    total = planes[..., 0::size, 0::size].clone()
    for j in range(size):
        for i in range(size):
            if i or j:
                total += planes[..., j::size, i::size]
    return total.mul_(1.0 / size**2)
