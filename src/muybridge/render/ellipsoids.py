"""Ellipsoids seen by pinhole cameras, in closed form.

A ray ``t * d`` (d with z = 1, so t is depth) meets the ellipsoid around c where
``|M (t d - c)| = 1``; M scales the ellipsoid to the unit sphere. Written around the ray
through the centre, ``d = c / c_z + e`` and ``t = c_z + s``, that is ``|o + s M d| = 1`` with
``o = c_z M e``, everything of the order of one. On a row of pixels the discriminant is a
quadratic of the column whose roots are the ends of the ellipsoid's shadow; as the product
of the distances from the two ends it loses no digits even at the silhouette. So float32
keeps depth to micrometres, where the textbook quadratic loses half a millimetre, and only
pixels that are hit are looked at: boxes from the dual conic, rows, then columns between
the ends.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.render import ellipsoids_compiled
from muybridge.render.rasterizer import NEAR, Backend, group_size, uses_numba
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
    backend: Backend = "auto",
) -> EllipsoidPixels:
    """Depth, normal and number of the nearest ellipsoid at every pixel centre.

    Args:
        centers: in the world, metres.
        axes: orthonormal columns: the directions of the semi-axes.
        radii: semi-axes, metres, positive.
        near: ellipsoids that reach nearer than this (z, metres) are left out.
        dtype: of the per-pixel work and of the result.
        backend: as in :func:`~muybridge.render.rasterize`.
    """
    batch, count = centers.shape[:2]
    device = centers.device
    out = EllipsoidPixels(
        torch.zeros(batch, height, width, dtype=dtype, device=device),
        torch.zeros(batch, height, width, dtype=dtype, device=device),
        torch.zeros(batch, 3, height, width, dtype=dtype, device=device),
        torch.full((batch, height, width), -1, dtype=torch.int16, device=device),
    )
    # An ellipsoid covers some hundred pixels where a triangle covers a few.
    group = min(group_size(batch, height, width, count * 64), 64)
    for first in range(0, batch, group):
        part = slice(first, first + group)
        _render_group(
            centers[part], axes[part], radii[part], K[part], T_cam_world[part], near, dtype,
            EllipsoidPixels(*(field[part] for field in out)), uses_numba(backend, centers),
        )
    return out


def _render_group(
    centers: Tensor, axes: Tensor, radii: Tensor, K: Tensor, T_cam_world: Tensor, near: float,
    dtype: torch.dtype, out: EllipsoidPixels, numba: bool,
) -> None:
    batch, count = centers.shape[:2]
    height, width = out.z.shape[1:]
    area = height * width
    T, K = T_cam_world.double(), K.double()
    R = T[:, None, :3, :3] @ axes.double()
    c = (T[:, None, :3, :3] @ centers.double()[..., None])[..., 0] + T[:, None, :3, 3]
    s = radii.double()
    top, bottom, seen = _rows(R, c, s, K, height, near)
    index = seen.reshape(-1).nonzero().squeeze(1)
    if index.numel() == 0:
        return
    image = index.div(count, rounding_mode="floor")
    top, bottom = top.reshape(-1)[index], bottom.reshape(-1)[index]
    c, M = c.reshape(-1, 3)[index], (R / s[..., None, :]).reshape(-1, 3, 3)[index].mT
    K_inv = torch.linalg.inv(K)
    owner, number = next(iter(expand((bottom - top + 1).long(), 1 << 62)))
    y = take(top, owner) + number
    rows, first, length = _shadows(c, M, K[image], K_inv[image], owner, y, width)
    columns = [column.to(dtype) for column in rows]
    number_of = (index - image * count).to(out.which.dtype)
    if numba:
        ellipsoids_compiled.fill(
            torch.stack(columns), y, first, length, owner, image, number_of, c, M.mT @ M, K_inv,
            *out,
        )
        return
    start = take(image, owner) * area + (y * width + first).long()
    keys = torch.full((batch * area,), _FAR, dtype=torch.int64, device=c.device)
    found, base = [], 0
    for item, place in expand(length, 1 << 21):
        n, from_left, from_right, k, a0, a1, a2, b0, b1, b2, cz = (take(x, item) for x in columns)
        step = place.to(dtype)
        left, right = from_left + step, (n - step) + from_right
        u = step - 0.5 * n
        root = (k * left * right).clamp_(min=0).sqrt_()
        depth = -(b0 + u * (b1 + u * b2) + root) / (a0 + u * (a1 + u * a2))
        z = cz + depth
        key = z.float().view(torch.int32).long() << 32
        key += torch.arange(base, base + len(item), device=c.device)
        keys.scatter_reduce_(0, place.add_(take(start, item)), key, "amin")
        found.append((item, depth, z))
        base += len(item)
    pixel = (keys < _FAR).nonzero().squeeze(1)
    winner = take(keys, pixel) & _LOW
    row, depth, z = (take(torch.cat(values), winner) for values in zip(*found, strict=True))
    item = take(owner, row)
    picture = take(image, item)
    inside = pixel - picture * area
    line = (inside.double() / width).floor_()
    column = inside - line * width
    inverse = [[take(K_inv[:, i, j], picture) for j in range(3)] for i in range(2)]
    ray = [a * (column + 0.5) + b * (line + 0.5) + e for a, b, e in inverse]
    # From the centre to the point: s d + c_z (d - c / c_z), in the camera's axes.
    dx, dy = (
        (take(c[:, 2], item) * ray[i] - take(c[:, i], item)).to(dtype) + depth * ray[i].to(dtype)
        for i in range(2)
    )
    form = (M.mT @ M).to(dtype)
    q = {(i, j): take(form[:, i, j].contiguous(), item) for i in range(3) for j in range(i, 3)}
    normal = torch.stack([
        q[0, 0] * dx + q[0, 1] * dy + q[0, 2] * depth,
        q[0, 1] * dx + q[1, 1] * dy + q[1, 2] * depth,
        q[0, 2] * dx + q[1, 2] * dy + q[2, 2] * depth,
    ])
    normal /= (normal * normal).sum(0).sqrt_()
    rx, ry = (r.to(dtype) for r in ray)
    out.z.view(-1).index_copy_(0, pixel, z)
    out.distance.view(-1).index_copy_(0, pixel, z * (rx * rx + ry * ry + 1).sqrt_())
    out.which.view(-1).index_copy_(0, pixel, take(number_of, item))
    for axis in range(3):
        place = picture * (3 * area) + axis * area + inside
        out.normal.view(-1).index_copy_(0, place, normal[axis])


def _shadows(
    c: Tensor, M: Tensor, K: Tensor, K_inv: Tensor, owner: Tensor, y: Tensor, width: int
) -> tuple[list[Tensor], Tensor, Tensor]:
    """Where each row of pixels passes through its ellipsoid's shadow, and the depth there.

    Args:
        c, M, K, K_inv: of each ellipsoid.
        owner: the ellipsoid of each row. y: the row's number in the picture.

    Returns:
        11 columns; the first pixel; how many pixels (0: none). The columns are pixels less
        one; how far the first and the last pixel's centre lie inside the shadow's ends; the
        discriminant over the product of the two distances; and, as quadratics of the column
        counted from the middle of the row's pixels, |M d|^2 and o . M d; c_z.
    """
    cz = c[:, 2]
    ahead = c / cz[:, None]
    centre = (K @ ahead[..., None])[..., 0]
    D = (M @ ahead[..., None])[..., 0]
    # o = A dx + B dy, with dx, dy in pixels from the projected centre.
    A, B = (cz[:, None] * (M @ K_inv[:, :, k, None])[..., 0] for k in range(2))
    AD, BD = torch.linalg.cross(A, D), torch.linalg.cross(B, D)

    def dot(p: Tensor, q: Tensor) -> Tensor:
        return take((p * q).sum(-1), owner)

    dy = y + 0.5 - take(centre[:, 1], owner)
    cx, cz = take(centre[:, 0], owner), take(cz, owner)
    aa, ab, bb, ad, bd, dd = dot(A, A), dot(A, B), dot(B, B), dot(A, D), dot(B, D), dot(D, D)
    # |D + o / c_z|^2 - |o x D|^2, a quadratic of dx.
    square = aa / cz**2 - dot(AD, AD)
    linear = 2 * (ad / cz + (ab / cz**2 - dot(AD, BD)) * dy)
    rest = dd + 2 * bd / cz * dy + (bb / cz**2 - dot(BD, BD)) * dy**2
    spread = linear**2 - 4 * square * rest
    half = spread.clamp(min=0).sqrt() / (-2 * square)
    middle = linear / (-2 * square)
    low, high = cx + middle - half, cx + middle + half
    first = torch.ceil(low - 0.5).clamp(min=0)
    last = torch.floor(high - 0.5).clamp(max=width - 1)
    length = torch.where(spread > 0, last - first + 1, 0.0).clamp(min=0).long()
    dx = (first + last) / 2 + 0.5 - cx
    # o = w + A u, with u counted from the middle.
    wd = ad * dx + bd * dy
    wa = aa * dx + ab * dy
    ww = aa * dx**2 + 2 * ab * dx * dy + bb * dy**2
    columns = [
        last - first, first + 0.5 - low, high - last - 0.5, -square,
        dd + 2 * wd / cz + ww / cz**2, 2 * ad / cz + 2 * wa / cz**2, aa / cz**2,
        wd + ww / cz, ad + 2 * wa / cz, aa / cz,
        cz,
    ]
    return columns, first, length


def _rows(
    R: Tensor, c: Tensor, s: Tensor, K: Tensor, height: int, near: float
) -> tuple[Tensor, Tensor, Tensor]:
    """First and last row of each ellipsoid's exact projected box, and whether it has any."""
    scaled = R * s[..., None, :]
    spread = scaled @ scaled.mT
    dual = spread - c[..., :, None] * c[..., None, :]
    image = K[:, None] @ dual @ K[:, None].mT
    in_front = c[..., 2] - spread[..., 2, 2].sqrt() >= near
    down = torch.where(in_front, image[..., 2, 2], -1.0)
    middle = image[..., 1, 2] / down
    half = (image[..., 1, 2] ** 2 - image[..., 1, 1] * down).clamp(min=0).sqrt() / down.abs()
    top = torch.ceil(middle - half - 0.5).clamp(min=0)
    bottom = torch.floor(middle + half - 0.5).clamp(max=height - 1)
    return top, bottom, in_front & (bottom >= top)
