"""Ellipsoids as compiled loops (numba): row by row what ``ellipsoids`` does with columns."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from muybridge.render import compiled


def fill(
    rows: Tensor, y: Tensor, first: Tensor, length: Tensor, owner: Tensor, image: Tensor,
    number: Tensor, centers: Tensor, form: Tensor, K_inv: Tensor,
    z: Tensor, distance: Tensor, normal: Tensor, which: Tensor,
) -> None:
    """Fill the pictures from rows of shadows (as ``ellipsoids`` finds them), on the CPU.

    Args:
        rows: [11, R] in the pixels' type. y, first, length: [R] whole numbers.
        owner: ellipsoid of each row, ascending. image, number: picture and number of each
            ellipsoid, pictures ascending.
        centers: [E, 3] camera space. form: [E, 3, 3]. K_inv: [B, 3, 3].
        z, distance, normal, which: the pictures, written in place.
    """
    batch = z.shape[0]
    starts = torch.searchsorted(image[owner], torch.arange(batch + 1)).tolist()
    values = rows.t().contiguous().numpy()
    place = torch.stack([y.long(), first.long(), length, owner], 1).contiguous().numpy()
    c, q, inverse = (x.contiguous().numpy() for x in (centers, form, K_inv))
    numbers = number.contiguous().numpy()
    pictures = [x.numpy() for x in (z, distance, normal, which)]
    loop = _loop()

    def work(b: int, _first: int, _end: int) -> None:
        part = slice(starts[b], starts[b + 1])
        loop(values[part], place[part], numbers, c, q, inverse[b], *(p[b] for p in pictures))

    compiled.run_tasks(work, [(b, 0, 0) for b in range(batch)])


@cache
def _loop() -> Callable[..., Any]:
    return compiled.compile_loop(_fill_picture)


def _fill_picture(rows, place, number, c, q, inverse, z, distance, normal, which):  # type: ignore[no-untyped-def]
    """One picture: nearest ellipsoid per pixel, then its normal."""
    height, width = z.shape
    nearest = np.zeros((height, width), np.int32)
    top, bottom = height, -1
    for r in range(rows.shape[0]):
        n, from_left, from_right, k = rows[r, 0], rows[r, 1], rows[r, 2], rows[r, 3]
        a0, a1, a2 = rows[r, 4], rows[r, 5], rows[r, 6]
        b0, b1, b2, cz = rows[r, 7], rows[r, 8], rows[r, 9], rows[r, 10]
        j, first, item = place[r, 0], place[r, 1], place[r, 3]
        if place[r, 2] > 0:
            top, bottom = min(top, j), max(bottom, j)
        half = n / 2
        step = n - n
        for i in range(first, first + place[r, 2]):
            u = step - half
            root = np.sqrt(max(k * (from_left + step) * ((n - step) + from_right), n - n))
            depth = -(b0 + u * (b1 + u * b2) + root) / (a0 + u * (a1 + u * a2))
            step += 1
            if which[j, i] < 0 or cz + depth < z[j, i]:
                z[j, i] = cz + depth
                which[j, i] = number[item]
                nearest[j, i] = item
    for j in range(top, bottom + 1):
        for i in range(width):
            if which[j, i] < 0:
                continue
            e = nearest[j, i]
            x, y = i + 0.5, j + 0.5
            rx = inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]
            ry = inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]
            depth = z[j, i]
            dx, dy, dz = depth * rx - c[e, 0], depth * ry - c[e, 1], depth - c[e, 2]
            nx = q[e, 0, 0] * dx + q[e, 0, 1] * dy + q[e, 0, 2] * dz
            ny = q[e, 1, 0] * dx + q[e, 1, 1] * dy + q[e, 1, 2] * dz
            nz = q[e, 2, 0] * dx + q[e, 2, 1] * dy + q[e, 2, 2] * dz
            scale = 1.0 / np.sqrt(nx * nx + ny * ny + nz * nz)
            normal[0, j, i] = nx * scale
            normal[1, j, i] = ny * scale
            normal[2, j, i] = nz * scale
            distance[j, i] = depth * np.sqrt(rx * rx + ry * ry + 1.0)
