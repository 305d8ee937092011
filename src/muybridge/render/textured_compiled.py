"""The textured body as compiled loops (numba): what ``textured`` does, point by point."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from muybridge.body.types import Mesh
from muybridge.render import compiled
from muybridge.render.texture import Texture


def render(
    points: Tensor, mesh: Mesh, texture: Texture, level: list[int], shade: Tensor | None,
    boxes: Tensor, height: int, width: int, supersample: int, cull: bool, near: float,
) -> Tensor:
    """Premultiplied colour and coverage [B, 4, H, W] on the CPU.

    ``points`` are in points (pixels times supersample), ``boxes`` in pixels.
    """
    batch = points.shape[0]
    out = torch.zeros(batch, 4, height, width)
    pictures = out.numpy()
    p = points.contiguous().numpy()
    faces = mesh.faces.contiguous().numpy()
    corners = mesh.uv.float()[mesh.faces_uv].contiguous().numpy()
    levels = [one.contiguous().numpy() for one in texture.levels]
    brightness = None if shade is None else shade.float().contiguous().numpy()
    unlit = np.empty(0, np.float32)
    crop = boxes.tolist()
    rasterize, resolve = compiled.rasterize_loop(), _loop()

    def work(b: int, piece: int, pieces: int) -> None:
        left, top, right, bottom = crop[b]
        first = top + (bottom - top) * piece // pieces
        end = top + (bottom - top) * (piece + 1) // pieces
        if right <= left or end <= first:
            return
        moved = p[b] - np.array([left * supersample, first * supersample, 0.0])
        rows, columns = (end - first) * supersample, (right - left) * supersample
        ids = np.full((rows, columns), -1, np.int64)
        weights = np.empty((rows, columns, 3), np.float32)
        depth = np.empty((rows, columns), np.float32)
        rasterize(moved, faces, 0, rows, cull, near, ids, weights, depth)
        resolve(
            ids, weights, faces, corners, levels[level[b]],
            unlit if brightness is None else brightness[b],
            supersample, pictures[b, :, first:end, left:right],
        )

    threads = torch.get_num_threads()
    pieces = 1 if batch >= 2 * threads else threads
    compiled.run_tasks(work, [(b, i, pieces) for b in range(batch) for i in range(pieces)])
    return out


@cache
def _loop() -> Callable[..., Any]:
    return compiled.compile_loop(_resolve)


def _resolve(ids, weights, faces, corners, texels, shade, size, out):  # type: ignore[no-untyped-def]
    """Colour every point and average the points of each pixel."""
    th, tw = texels.shape[0], texels.shape[1]
    share = np.float32(1.0 / (size * size))
    one, half, zero = np.float32(1.0), np.float32(0.5), np.float32(0.0)
    for j in range(out.shape[1]):
        for i in range(out.shape[2]):
            red, green, blue, hit = zero, zero, zero, zero
            for jj in range(j * size, (j + 1) * size):
                for ii in range(i * size, (i + 1) * size):
                    f = ids[jj, ii]
                    if f < 0:
                        continue
                    w0, w1, w2 = weights[jj, ii, 0], weights[jj, ii, 1], weights[jj, ii, 2]
                    u = corners[f, 0, 0] * w0 + corners[f, 1, 0] * w1 + corners[f, 2, 0] * w2
                    v = corners[f, 0, 1] * w0 + corners[f, 1, 1] * w1 + corners[f, 2, 1] * w2
                    x = min(max(u * np.float32(tw) - half, zero), np.float32(tw - 1))
                    y = min(max(v * np.float32(th) - half, zero), np.float32(th - 1))
                    x0, y0 = int(x), int(y)
                    fx, fy = x - np.float32(x0), y - np.float32(y0)
                    x1, y1 = min(x0 + 1, tw - 1), min(y0 + 1, th - 1)
                    a, b = (one - fx) * (one - fy), fx * (one - fy)
                    c, d = (one - fx) * fy, fx * fy
                    p, q, r, s = texels[y0, x0], texels[y0, x1], texels[y1, x0], texels[y1, x1]
                    cr = p[0] * a + q[0] * b + r[0] * c + s[0] * d
                    cg = p[1] * a + q[1] * b + r[1] * c + s[1] * d
                    cb = p[2] * a + q[2] * b + r[2] * c + s[2] * d
                    if shade.shape[0] > 0:
                        light = (
                            shade[faces[f, 0]] * w0
                            + shade[faces[f, 1]] * w1
                            + shade[faces[f, 2]] * w2
                        )
                        cr = min(max(cr * light, zero), one)
                        cg = min(max(cg * light, zero), one)
                        cb = min(max(cb * light, zero), one)
                    red += cr
                    green += cg
                    blue += cb
                    hit += one
            if hit > zero:
                out[0, j, i] = red * share
                out[1, j, i] = green * share
                out[2, j, i] = blue * share
                out[3, j, i] = hit * share
