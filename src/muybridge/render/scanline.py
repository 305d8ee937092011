"""The rasteriser in plain torch: triangles -> rows -> pixels, without a loop over any of them.

Corners are snapped to 1/16384 pixel, so that every edge function is a whole number and
exact in float64: a pixel centre on an edge that two triangles share belongs to exactly one
of them, on every device. Coverage of a row is solved for, not searched: each edge bounds
the row from the left or from the right, and what remains between the bounds is expanded
to pixels. 1/z is linear on the screen; (1/z, triangle) packed into one whole number makes
the nearest triangle (the lowest index among equals) a single scatter-max.

Everything is kept as columns: one-dimensional gathers are several times faster than
gathers of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

SNAP = 16384.0
"""Sub-pixel steps per pixel."""
LIMIT = float(1 << 24)
"""Triangles with a corner farther off the picture than this (pixels) are dropped."""
_LOW = 0xFFFFFFFF
_CHUNK = {"cpu": 1 << 19}
"""Items worked on at once; more on an accelerator."""
_EDGES = ((1, 2), (2, 0), (0, 1))


class Hits(NamedTuple):
    """The pixels of a few pictures that were hit, ``P`` of them, as columns.

    Attributes:
        pixel: flat index in [B, H, W], ascending.
        triangle: index of the nearest triangle.
        weights: its three perspective-correct barycentrics (float64).
        depth: z (float64).
    """

    pixel: Tensor
    triangle: Tensor
    weights: tuple[Tensor, Tensor, Tensor]
    depth: Tensor


class _Triangles(NamedTuple):
    """What may show: one column per corner or edge, one entry per triangle."""

    x: list[Tensor]
    y: list[Tensor]
    inv_z: list[Tensor]
    triangle: Tensor
    image: Tensor
    left: Tensor
    top: Tensor
    right: Tensor
    bottom: Tensor


@torch.no_grad()
def rasterize_group(
    pixel_xyz: Tensor, faces: Tensor, height: int, width: int, cull: bool, near: float
) -> Hits:
    """Rasterise a few pictures at once.

    Args:
        pixel_xyz: float64 [B, N, 3].
        faces: int64 [F, 3] or [B, F, 3].
    """
    chunk = _CHUNK.get(pixel_xyz.device.type, 1 << 22)
    tri = _visible(pixel_xyz, faces, height, width, cull, near)
    edges, planes = _coefficients(tri)
    start = tri.image * (height * width) + tri.top.long() * width + tri.left.long()
    keys = torch.zeros(
        pixel_xyz.shape[0] * height * width, dtype=torch.int64, device=pixel_xyz.device
    )
    span = tri.right - tri.left
    for owner, row in expand((tri.bottom - tri.top + 1).long(), chunk):
        dj = row.to(span.dtype)
        first, last = _bounds([take(c, owner) for c in edges], dj, take(span, owner))
        keep = (last >= first).nonzero().squeeze(1)
        owner, first, last, dj = (take(c, keep) for c in (owner, first, last, dj))
        z_base, z_row, z_column = (take(c, owner) for c in planes[9:])
        z_first = (z_base + z_row * dj - z_column * first).float()
        slope = (-z_column).float()
        pixel_first = take(start, owner) + (dj * width + first).long()
        low = _LOW - owner
        for item, step in expand((last - first + 1).long(), chunk):
            nearness = take(z_first, item) + take(slope, item) * step.float()
            bits = nearness.clamp_(min=1e-30).view(torch.int32).long()
            key = (bits << 32).bitwise_or_(take(low, item))
            keys.scatter_reduce_(0, step.add_(take(pixel_first, item)), key, "amax")

    pixel = keys.nonzero().squeeze(1)
    owner = _LOW - (take(keys, pixel) & _LOW)
    # The box's left column is part of `start`; no pixel of a triangle lies left of it.
    local = (pixel - take(start, owner)).to(span.dtype)
    dj = (local / width).floor_()
    di = local - dj * width
    c = [take(column, owner) for column in planes[:9]]
    w = [c[k] + c[3 + k] * dj - c[6 + k] * di for k in range(3)]
    depth = 1.0 / (w[0] + w[1] + w[2])
    weights = (w[0] * depth, w[1] * depth, w[2] * depth)
    return Hits(pixel, take(tri.triangle, owner), weights, depth)


def take(column: Tensor, index: Tensor) -> Tensor:
    """Entries of a column, the fast way."""
    return column.index_select(0, index)


def _visible(
    pixel_xyz: Tensor, faces: Tensor, height: int, width: int, cull: bool, near: float
) -> _Triangles:
    """The triangles that face the camera and whose box holds a pixel centre."""
    batch, points = pixel_xyz.shape[:2]
    count = faces.shape[-2]
    first = torch.arange(batch, device=pixel_xyz.device)[:, None] * points
    corners = [(faces[..., k].expand(batch, -1) + first).reshape(-1) for k in range(3)]
    px, py, z = (pixel_xyz[..., k].reshape(-1) for k in range(3))
    good = (z >= near) & (z < torch.inf) & (px.abs() <= LIMIT) & (py.abs() <= LIMIT)
    px, py = torch.floor(px * SNAP + 0.5), torch.floor(py * SNAP + 0.5)
    px = torch.where(good, px, torch.nan)  # spreads to every triangle that it touches
    x, y = [take(px, c) for c in corners], [take(py, c) for c in corners]
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    keep = (area < 0) if cull else (area < 0) | (area > 0)
    index = keep.nonzero().squeeze(1)
    x, y = [take(c, index) for c in x], [take(c, index) for c in y]
    low, high = (torch.minimum, torch.maximum)
    left = torch.ceil(low(low(x[0], x[1]), x[2]) / SNAP - 0.5).clamp_(min=0)
    top = torch.ceil(low(low(y[0], y[1]), y[2]) / SNAP - 0.5).clamp_(min=0)
    right = torch.floor(high(high(x[0], x[1]), x[2]) / SNAP - 0.5).clamp_(max=width - 1)
    bottom = torch.floor(high(high(y[0], y[1]), y[2]) / SNAP - 0.5).clamp_(max=height - 1)
    on = ((right >= left) & (bottom >= top)).nonzero().squeeze(1)
    index = take(index, on)
    image = index.div(max(count, 1), rounding_mode="floor")
    return _Triangles(
        [take(c, on) for c in x],
        [take(c, on) for c in y],
        [1.0 / take(z, take(c, index)) for c in corners],
        index - image * count,
        image,
        *(take(c, on) for c in (left, top, right, bottom)),
    )


def _coefficients(tri: _Triangles) -> tuple[list[Tensor], list[Tensor]]:
    """Edge functions and planes, as affine functions of (row, column).

    Row and column count from the first pixel of the triangle's box. A value is
    ``base + by_row * row - by_column * column``.

    Returns:
        9 columns: the three edges' base, by_row, by_column, in whole numbers, not negative
        inside (bases less one where the edge belongs to the neighbour); and 12: base, by_row,
        by_column of weight/z of the three corners, then those of their sum, 1/z.
    """
    x, y = tri.x, tri.y
    # Edge k faces corner k; positive inside whatever the triangle's orientation.
    dx = [x[b] - x[a] for a, b in _EDGES]
    dy = [y[b] - y[a] for a, b in _EDGES]
    area = dx[2] * dy[0] - dx[0] * dy[2]
    sign = torch.sign(area)
    area = area.abs()
    first_y, first_x = tri.top * SNAP + SNAP / 2, tri.left * SNAP + SNAP / 2
    bounds, base, by_row, by_column = [], [], [], []
    for k, (a, _) in enumerate(_EDGES):
        run, rise = dx[k] * sign, dy[k] * sign + 0.0  # no negative zero
        value = run * (first_y - y[a]) - rise * (first_x - x[a])
        owned = (rise > 0) | ((rise == 0) & (run > 0))
        bounds.append(torch.where(owned, value, value - 1.0))
        base.append(value)
        by_row.append(run * SNAP)
        by_column.append(rise * SNAP)
    scale = [tri.inv_z[k] / area for k in range(3)]
    planes = [[value[k] * scale[k] for k in range(3)] for value in (base, by_row, by_column)]
    sums = [plane[0] + plane[1] + plane[2] for plane in planes]
    return [*bounds, *by_row, *by_column], [*planes[0], *planes[1], *planes[2], *sums]


def _bounds(edges: list[Tensor], dj: Tensor, span: Tensor) -> tuple[Tensor, Tensor]:
    """First and last column inside all three edges (last < first where there is none)."""
    first, last = torch.zeros_like(span), span
    for k in range(3):
        value = edges[k] + edges[3 + k] * dj
        slope = edges[6 + k]
        q = value / slope
        left = slope < 0
        first = torch.maximum(first, torch.where(left, q.ceil(), 0.0))
        # A level edge (slope 0) leaves the row whole or empty: q is then +inf or -inf,
        # and not a number only where the value is 0, on an edge that is owned.
        q = torch.where(left, torch.inf, q.floor_()).nan_to_num_(nan=torch.inf)
        last = torch.minimum(last, q)
    return first, last


def expand(counts: Tensor, chunk: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Item ``i`` ``counts[i]`` times, with the number of the repeat; in bounded chunks."""
    if counts.numel() == 0:
        return
    ends = counts.cumsum(0)
    begins = ends - counts
    total = int(ends[-1])
    lows = torch.arange(0, total, chunk, device=counts.device)
    highs = (lows + chunk).clamp_(max=total)
    firsts = torch.searchsorted(ends, lows, right=True).tolist()
    lasts = torch.searchsorted(ends, highs - 1, right=True).tolist()
    for low, high, first, last in zip(lows.tolist(), highs.tolist(), firsts, lasts, strict=True):
        inside = ends[first : last + 1].clamp(max=high) - begins[first : last + 1].clamp(min=low)
        item = torch.repeat_interleave(inside, output_size=high - low).add_(first)
        number = torch.arange(low, high, device=counts.device).sub_(take(begins, item))
        yield item, number
