"""The rasteriser in plain torch: triangles -> rows -> pixels, without a loop over any of them.

Corners are snapped to 1/16384 pixel, so that every edge function is a whole number and
exact in float64: a pixel centre on an edge that two triangles share belongs to exactly one
of them, on every device. Coverage of a row is solved for, not searched: each edge bounds
the row from the left or from the right, and what remains between the bounds is expanded
to pixels. 1/z is linear on the screen; (1/z, triangle) packed into one whole number makes
the nearest triangle (the lowest index among equals) a single scatter-max.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

SNAP = 16384.0
"""Sub-pixel steps per pixel."""
LIMIT = float(1 << 24)
"""Triangles with a corner farther off the picture than this (pixels) are dropped."""
_LOW = 0xFFFFFFFF
_CHUNK = 1 << 20
_CORNER_A = (1, 2, 0)
_CORNER_B = (2, 0, 1)


@torch.no_grad()
def rasterize_group(
    pixel_xyz: Tensor, faces: Tensor, height: int, width: int, cull: bool, near: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Rasterise a few pictures at once.

    Args:
        pixel_xyz: float64 [B, N, 3].
        faces: int64 [F, 3] or [B, F, 3].

    Returns:
        For the pixels that were hit: flat pixel index in [B, H, W], triangle,
        barycentrics [P, 3] and depth [P] (float64).
    """
    device, batch = pixel_xyz.device, pixel_xyz.shape[0]
    X, Y, R, triangle, image, box = _visible(pixel_xyz, faces, height, width, cull, near)
    left, top, right, bottom = box
    # Edge k faces corner k; positive inside whatever the triangle's orientation.
    dX = X[:, _CORNER_B] - X[:, _CORNER_A]
    dY = Y[:, _CORNER_B] - Y[:, _CORNER_A]
    area = dX[:, 2] * dY[:, 0] - dX[:, 0] * dY[:, 2]
    sign = torch.sign(area)[:, None]
    dX, dY, area = dX * sign, dY * sign, area.abs()
    half = SNAP / 2
    base = dX * ((top * SNAP + half)[:, None] - Y[:, _CORNER_A])
    base = base - dY * ((left * SNAP + half)[:, None] - X[:, _CORNER_A])
    per_row, per_column = dX * SNAP, dY * SNAP
    owned = (dY > 0) | ((dY == 0) & (dX > 0))
    bound = base - (~owned).to(base.dtype)
    inverse = R / area[:, None]
    z_base = _sum3(inverse * base)
    z_row = _sum3(inverse * per_row)
    z_column = -_sum3(inverse * per_column)

    keys = torch.zeros(batch * height * width, dtype=torch.int64, device=device)
    rows_of = (bottom - top + 1).long()
    start = image * (height * width) + top.long() * width + left.long()
    span = right - left
    for owner, row in _expand(rows_of):
        dj = row.to(base.dtype)
        P = bound[owner] + per_row[owner] * dj[:, None]
        Q = per_column[owner]
        q = P / Q
        first = torch.where(Q < 0, q.ceil(), -torch.inf).amax(1).clamp_(min=0)
        last = torch.where(Q > 0, q.floor(), torch.inf)
        last = torch.where((Q == 0) & (P < 0), -1.0, last).amin(1)
        last = torch.minimum(last, span[owner])
        keep = (last >= first).nonzero().squeeze(1)
        owner, first, last, dj = owner[keep], first[keep], last[keep], dj[keep]
        slope = z_column[owner]
        z_first = (z_base[owner] + z_row[owner] * dj + slope * first).float()
        slope = slope.float()
        pixel_first = start[owner] + row[keep] * width + first.long()
        for item, step in _expand((last - first + 1).long()):
            inv_z = z_first[item] + slope[item] * step.float()
            bits = inv_z.clamp_(min=1e-30).view(torch.int32).long()
            key = (bits << 32) | (_LOW - owner[item])
            keys.scatter_reduce_(0, pixel_first[item] + step, key, "amax")

    pixel = keys.nonzero().squeeze(1)
    winner = _LOW - (keys[pixel] & _LOW)
    local = pixel - start[winner]
    dj = local.div(width, rounding_mode="floor").to(base.dtype)
    # `start` is the box's left column, and a pixel of the triangle never lies left of it.
    di = local.to(base.dtype) - dj * width
    weights = base[winner] + per_row[winner] * dj[:, None] - per_column[winner] * di[:, None]
    weights = weights * inverse[winner]
    inv_z = _sum3(weights)
    return pixel, triangle[winner], weights / inv_z[:, None], 1.0 / inv_z


def _visible(
    pixel_xyz: Tensor, faces: Tensor, height: int, width: int, cull: bool, near: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Corners (snapped x and y, 1/z), triangle, picture and pixel box of what may show."""
    batch, points = pixel_xyz.shape[:2]
    count = faces.shape[-2]
    first = torch.arange(batch, device=pixel_xyz.device)[:, None, None] * points
    corners = (faces.expand(batch, -1, -1) + first).reshape(-1, 3)
    flat = pixel_xyz.reshape(-1, 3)
    xy = torch.floor(flat[:, :2] * SNAP + 0.5)
    z = flat[:, 2]
    good = (z >= near) & (z < torch.inf) & (flat[:, :2].abs() <= LIMIT).all(1)
    x, y = xy[:, 0][corners], xy[:, 1][corners]
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    keep = good[corners].all(1) & ((area < 0) if cull else (area != 0))
    index = keep.nonzero().squeeze(1)
    x, y = x[index], y[index]
    left = torch.ceil(x.amin(1) / SNAP - 0.5).clamp(min=0)
    top = torch.ceil(y.amin(1) / SNAP - 0.5).clamp(min=0)
    right = torch.floor(x.amax(1) / SNAP - 0.5).clamp(max=width - 1)
    bottom = torch.floor(y.amax(1) / SNAP - 0.5).clamp(max=height - 1)
    on = ((right >= left) & (bottom >= top)).nonzero().squeeze(1)
    index = index[on]
    image = index.div(max(count, 1), rounding_mode="floor")
    inv_z = 1.0 / z[corners[index]]
    box = (left[on], top[on], right[on], bottom[on])
    return x[on], y[on], inv_z, index - image * count, image, box


def _sum3(terms: Tensor) -> Tensor:
    """Sum over the three corners, always in the same order."""
    return terms[:, 0] + terms[:, 1] + terms[:, 2]


def _expand(counts: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Item ``i`` ``counts[i]`` times, with the number of the repeat; in bounded chunks."""
    if counts.numel() == 0:
        return
    ends = counts.cumsum(0)
    begins = ends - counts
    total = int(ends[-1])
    for low in range(0, total, _CHUNK):
        index = torch.arange(low, min(low + _CHUNK, total), device=counts.device)
        if total <= _CHUNK:
            item = torch.repeat_interleave(counts, output_size=total)
        else:
            item = torch.searchsorted(ends, index, right=True)
        yield item, index - begins[item]
