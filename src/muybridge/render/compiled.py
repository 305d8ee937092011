"""The rasteriser as compiled loops (numba): the same arithmetic as ``scanline``.

Pictures, or bands of rows of one picture, are worked on by as many threads as torch uses;
the loops hold no lock, so several callers may rasterise at once.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from inspect import unwrap
from typing import Any

import numpy as np
import torch
from torch import Tensor

from muybridge.render.scanline import LIMIT, SNAP


@cache
def available() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


def compile_loop(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile with numba, kept on disk where the disk allows."""
    import numba

    function = unwrap(function)  # tests wrap functions to check shapes
    try:
        return numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # nowhere to keep it
        return numba.njit(nogil=True, error_model="numpy")(function)


def run_tasks(work: Callable[[int, int, int], Any], tasks: list[tuple[int, int, int]]) -> None:
    """Call ``work(*task)`` for every task, on as many threads as torch uses."""
    threads = min(torch.get_num_threads(), len(tasks))
    if threads <= 1:
        for task in tasks:
            work(*task)
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, *task) for task in tasks]:
            done.result()


def rasterize_compiled(
    pixel_xyz: Tensor, faces: Tensor, height: int, width: int, cull: bool, near: float,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor, Tensor]:
    """Triangle [B, H, W], barycentrics [B, H, W, 3] and depth [B, H, W] on the CPU."""
    batch = pixel_xyz.shape[0]
    triangle = torch.full((batch, height, width), -1, dtype=torch.int64)
    barycentric = torch.zeros(batch, height, width, 3, dtype=dtype)
    depth = torch.zeros(batch, height, width, dtype=dtype)
    points = pixel_xyz.contiguous().numpy()
    corners = faces.contiguous().numpy()
    ids, weights, z = triangle.numpy(), barycentric.numpy(), depth.numpy()
    loop = rasterize_loop()

    def work(b: int, first: int, end: int) -> None:
        mesh = corners[b] if corners.ndim == 3 else corners
        loop(points[b], mesh, first, end, cull, near, ids[b], weights[b], z[b])

    threads = torch.get_num_threads()
    pieces = 1 if batch >= 2 * threads else max(1, min(threads, height // 16))
    rows = [height * i // pieces for i in range(pieces + 1)]
    run_tasks(work, [(b, rows[i], rows[i + 1]) for b in range(batch) for i in range(pieces)])
    return triangle, barycentric, depth


@cache
def rasterize_loop() -> Callable[..., Any]:
    """The compiled loop over triangles; compiled once."""
    return compile_loop(_rasterize_rows)


def _rasterize_rows(p, faces, first, end, cull, near, ids, weights, depth):  # type: ignore[no-untyped-def]
    """Rasterise rows ``first <= j < end`` of one picture."""
    width = ids.shape[1]
    half = SNAP / 2
    zbuf = np.zeros((end - first, width), np.float32)
    bound = np.empty(3)
    row = np.empty(3)
    column = np.empty(3)
    X = np.empty(3)
    Y = np.empty(3)
    c = np.empty((3, 3))
    for f in range(faces.shape[0]):
        good = True
        for k in range(3):
            v = faces[f, k]
            if not (
                p[v, 2] >= near and p[v, 2] < np.inf
                and abs(p[v, 0]) <= LIMIT and abs(p[v, 1]) <= LIMIT
            ):
                good = False
                break
            X[k] = np.floor(p[v, 0] * SNAP + 0.5)
            Y[k] = np.floor(p[v, 1] * SNAP + 0.5)
        if not good:
            continue
        top = max(np.ceil(min(Y[0], Y[1], Y[2]) / SNAP - 0.5), 0.0)
        bottom = np.floor(max(Y[0], Y[1], Y[2]) / SNAP - 0.5)
        if bottom < first or top >= end or bottom < top:
            continue
        left = max(np.ceil(min(X[0], X[1], X[2]) / SNAP - 0.5), 0.0)
        right = min(np.floor(max(X[0], X[1], X[2]) / SNAP - 0.5), width - 1.0)
        if right < left:
            continue
        area = (X[1] - X[0]) * (Y[2] - Y[0]) - (X[2] - X[0]) * (Y[1] - Y[0])
        if area == 0.0 or (cull and area > 0.0):
            continue
        sign = 1.0 if area > 0.0 else -1.0
        area = abs(area)
        for k in range(3):
            a = (k + 1) % 3
            b = (k + 2) % 3
            dX = (X[b] - X[a]) * sign
            dY = (Y[b] - Y[a]) * sign
            base = dX * ((top * SNAP + half) - Y[a]) - dY * ((left * SNAP + half) - X[a])
            row[k] = dX * SNAP
            column[k] = dY * SNAP
            owned = dY > 0.0 or (dY == 0.0 and dX > 0.0)
            bound[k] = base if owned else base - 1.0
            scale = (1.0 / p[faces[f, k], 2]) / area
            c[0, k] = base * scale
            c[1, k] = row[k] * scale
            c[2, k] = column[k] * scale
        z_base = c[0, 0] + c[0, 1] + c[0, 2]
        z_row = c[1, 0] + c[1, 1] + c[1, 2]
        z_column = c[2, 0] + c[2, 1] + c[2, 2]
        slope = np.float32(-z_column)
        for j in range(int(max(top, first)), int(min(bottom, end - 1.0)) + 1):
            dj = j - top
            lo = 0.0
            hi = right - left
            for k in range(3):
                P = bound[k] + row[k] * dj
                Q = column[k]
                if Q > 0.0:
                    hi = min(hi, np.floor(P / Q))
                elif Q < 0.0:
                    lo = max(lo, np.ceil(P / Q))
                elif P < 0.0:
                    hi = -1.0
            if hi < lo:
                continue
            z_first = np.float32(z_base + z_row * dj - z_column * lo)
            step = np.float32(0.0)
            for i in range(int(left + lo), int(left + hi) + 1):
                inv_z = max(z_first + slope * step, np.float32(1e-30))
                step += np.float32(1.0)
                if inv_z > zbuf[j - first, i]:
                    zbuf[j - first, i] = inv_z
                    ids[j, i] = f
                    di = i - left
                    w0 = c[0, 0] + c[1, 0] * dj - c[2, 0] * di
                    w1 = c[0, 1] + c[1, 1] * dj - c[2, 1] * di
                    w2 = c[0, 2] + c[1, 2] * dj - c[2, 2] * di
                    z = 1.0 / (w0 + w1 + w2)
                    weights[j, i, 0] = w0 * z
                    weights[j, i, 1] = w1 * z
                    weights[j, i, 2] = w2 * z
                    depth[j, i] = z
