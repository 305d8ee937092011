"""Ellipsoids seen by pinhole cameras, in closed form.

A ray ``t * d`` (d with z = 1, so t is depth) meets the ellipsoid around c where
``|M (t d - c)| = 1``; M scales the ellipsoid to the unit sphere. Written around the ray
through the centre, ``d = c / c_z + e`` and ``t = c_z + s``, that is ``|o + s M d| = 1`` with
``o = c_z M e``: all of it of the order of one, so float32 keeps depth to a micrometre, where
the textbook quadratic loses half a millimetre. Only the pixels inside each ellipsoid's
exact projected box (from its dual conic) are looked at.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.render.rasterizer import NEAR, group_size
from muybridge.render.scanline import expand, take

_FAR = torch.iinfo(torch.int64).max
_LOW = 0xFFFFFFFF


class EllipsoidPixels(NamedTuple):
    """What each pixel sees; 0 (``which``: -1) where it sees no ellipsoid.

    Attributes:
        z: depth along the camera's axis, metres.
        distance: from the camera's centre, metres.
        normal: outward, unit, in the camera's axes.
        which: index of the nearest ellipsoid.
    """

    z: Float[Tensor, "B H W"]
    distance: Float[Tensor, "B H W"]
    normal: Float[Tensor, "B 3 H W"]
    which: Int[Tensor, "B H W"]


@torch.no_grad()
def render_ellipsoids(
    centers: Float[Tensor, "B E 3"],
    axes: Float[Tensor, "B E 3 3"],
    radii: Float[Tensor, "B E 3"],
    K: Float[Tensor, "B 3 3"],
    T_cam_world: Float[Tensor, "B 4 4"],
    height: int,
    width: int,
    *,
    near: float = NEAR,
    dtype: torch.dtype = torch.float32,
) -> EllipsoidPixels:
    """Depth, normal and number of the nearest ellipsoid at every pixel centre.

    Args:
        centers: in the world, metres.
        axes: orthonormal columns: the directions of the semi-axes.
        radii: semi-axes, metres, positive.
        near: ellipsoids that reach nearer than this (z, metres) are left out.
        dtype: of the per-pixel work and of the result.
    """
    batch, count = centers.shape[:2]
    device = centers.device
    out = EllipsoidPixels(
        torch.zeros(batch, height, width, dtype=dtype, device=device),
        torch.zeros(batch, height, width, dtype=dtype, device=device),
        torch.zeros(batch, 3, height, width, dtype=dtype, device=device),
        torch.full((batch, height, width), -1, dtype=torch.int64, device=device),
    )
    # An ellipsoid covers some hundred pixels where a triangle covers a few.
    group = group_size(batch, height, width, count * 256)
    for first in range(0, batch, group):
        part = slice(first, first + group)
        _render_group(
            centers[part], axes[part], radii[part], K[part], T_cam_world[part], near, dtype,
            EllipsoidPixels(*(field[part] for field in out)),
        )
    return out


def _render_group(
    centers: Tensor, axes: Tensor, radii: Tensor, K: Tensor, T_cam_world: Tensor, near: float,
    dtype: torch.dtype, out: EllipsoidPixels,
) -> None:
    batch, count = centers.shape[:2]
    height, width = out.z.shape[1:]
    T, K = T_cam_world.double(), K.double()
    R = T[:, None, :3, :3] @ axes.double()
    c = (T[:, None, :3, :3] @ centers.double()[..., None])[..., 0] + T[:, None, :3, 3]
    s = radii.double()
    left, top, right, bottom, seen = _boxes(R, c, s, K, height, width, near)
    index = seen.reshape(-1).nonzero().squeeze(1)
    if index.numel() == 0:
        return
    image = index.div(count, rounding_mode="floor")
    c, M = c.reshape(-1, 3)[index], (R / s[..., None, :]).reshape(-1, 3, 3)[index].mT
    cz = c[:, 2:]
    K_inv = torch.linalg.inv(K)[image]
    # o = by_x * dx + by_y * dy, with dx, dy in pixels from the projected centre.
    by_x = cz * (M @ K_inv[:, :, 0, None])[..., 0]
    by_y = cz * (M @ K_inv[:, :, 1, None])[..., 0]
    ahead = (M @ (c / cz)[..., None])[..., 0]
    centre = (K[image] @ (c / cz)[..., None])[..., 0]
    whole = centre[:, :2].floor()
    fraction = 0.5 - (centre[:, :2] - whole)
    left, top, right, bottom = (side.reshape(-1)[index] for side in (left, top, right, bottom))
    table = [*by_x.T, *by_y.T, *ahead.T, 1 / cz[:, 0], *fraction.T]
    columns = [column.to(dtype).contiguous() for column in table]
    shift_x, shift_y = (left - whole[:, 0]).to(dtype), (top - whole[:, 1]).to(dtype)
    wide = (right - left + 1).long()
    start = image * (height * width) + top.long() * width + left.long()

    keys = torch.full((batch * height * width,), _FAR, dtype=torch.int64, device=c.device)
    pieces = []
    base = 0
    depth_of = cz[:, 0].to(dtype)
    for item, number in expand(wide * (bottom - top + 1).long(), 1 << 21):
        w = take(wide, item)
        row = (number.to(torch.float64) / w).floor_().long()
        column = number - row * w
        ox, oy, oz, dx, dy, dz = _rays(columns, item, column, row, shift_x, shift_y)
        inverse = 1 / (dx * dx + dy * dy + dz * dz)
        s0 = -(ox * dx + oy * dy + oz * dz) * inverse
        mx, my, mz = ox + s0 * dx, oy + s0 * dy, oz + s0 * dz
        disc = 1 - (mx * mx + my * my + mz * mz)
        hit = (disc > 0).nonzero().squeeze(1)
        item, row, column = take(item, hit), take(row, hit), take(column, hit)
        step = take(s0, hit) - (take(disc, hit) * take(inverse, hit)).sqrt()
        z = take(depth_of, item) + step
        pixel = take(start, item) + row * width + column
        order = torch.arange(base, base + len(hit), device=c.device)
        key = (z.float().view(torch.int32).long() << 32) | order
        keys.scatter_reduce_(0, pixel, key, "amin")
        pieces.append((item, row, column, step, z))
        base += len(hit)
    pixel = (keys < _FAR).nonzero().squeeze(1)
    winner = take(keys, pixel) & _LOW
    item, row, column, step, z = (take(torch.cat(p), winner) for p in zip(*pieces, strict=True))
    ox, oy, oz, dx, dy, dz = _rays(columns, item, column, row, shift_x, shift_y)
    ux, uy, uz = ox + step * dx, oy + step * dy, oz + step * dz
    Mt = [[M[:, i, k].to(dtype).contiguous() for i in range(3)] for k in range(3)]
    normal = torch.stack([
        take(m[0], item) * ux + take(m[1], item) * uy + take(m[2], item) * uz for m in Mt
    ])
    normal = F.normalize(normal, dim=0)
    picture = pixel.div(height * width, rounding_mode="floor")
    inside = pixel - picture * (height * width)
    line = inside.div(width, rounding_mode="floor")
    x = (inside - line * width).to(dtype) + 0.5
    y = line.to(dtype) + 0.5
    k = [[take(torch.linalg.inv(K)[:, i, j].to(dtype), picture) for j in range(3)]
         for i in range(2)]
    rx, ry = (a * x + b * y + e for a, b, e in k)
    out.z.view(-1).index_copy_(0, pixel, z)
    out.distance.view(-1).index_copy_(0, pixel, z * (rx * rx + ry * ry + 1).sqrt())
    out.which.view(-1).index_copy_(0, pixel, take(index - image * count, item))
    planes = out.normal.view(-1)
    for axis in range(3):
        planes.index_copy_(0, (picture * 3 + axis) * (height * width) + inside, normal[axis])


def _rays(
    columns: list[Tensor], item: Tensor, column: Tensor, row: Tensor, shift_x: Tensor,
    shift_y: Tensor,
) -> tuple[Tensor, ...]:
    """Where each ray starts (o) and heads (M d) in its ellipsoid's unit-sphere space."""
    get = [take(values, item) for values in columns]
    # Whole pixels first, then the fraction: no digits are lost.
    dx = column.to(get[0].dtype).add_(take(shift_x, item)).add_(get[10])
    dy = row.to(get[0].dtype).add_(take(shift_y, item)).add_(get[11])
    o = [get[k] * dx + get[3 + k] * dy for k in range(3)]
    d = [torch.addcmul(get[6 + k], o[k], get[9]) for k in range(3)]
    return (*o, *d)


def _boxes(
    R: Tensor, c: Tensor, s: Tensor, K: Tensor, height: int, width: int, near: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The pixels of each ellipsoid's exact projected box, and whether it holds any."""
    scaled = R * s[..., None, :]
    spread = scaled @ scaled.mT
    dual = spread - c[..., :, None] * c[..., None, :]
    image = K[:, None] @ dual @ K[:, None].mT
    in_front = c[..., 2] - spread[..., 2, 2].sqrt() >= near
    down = torch.where(in_front, image[..., 2, 2], -1.0)
    sides = []
    for axis, size in ((0, width), (1, height)):
        middle = image[..., axis, 2] / down
        half = (image[..., axis, 2] ** 2 - image[..., axis, axis] * down).clamp(min=0).sqrt()
        half = half / down.abs()
        low = torch.ceil(middle - half - 0.5).clamp(min=0)
        high = torch.floor(middle + half - 0.5).clamp(max=size - 1)
        sides += [low, high]
    left, right, top, bottom = sides
    return left, top, right, bottom, in_front & (right >= left) & (bottom >= top)
