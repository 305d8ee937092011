"""The nearest vertex of each point: a KD-tree on the CPU, distances in blocks on a GPU.

50,000 points within 9 cm of 3,072 vertices take 25 ms on one core.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.spatial import cKDTree
from torch import Tensor

_BLOCK = 1 << 27
"""Distances that are held at once on a GPU."""


def nearest_vertex(
    points: Float[Tensor, "P 3"],
    vertices: Float[Tensor, "N 3"],
    tree: Callable[[], cKDTree],
    bound: float = float("inf"),
) -> Int[Tensor, "P"]:
    """Number of the nearest vertex of each point, ``N`` where none lies within ``bound``.

    Args:
        points: anywhere; no gradient runs through them.
        vertices: on the same device.
        tree: gives the KD-tree of ``vertices``; asked only on the CPU.
        bound: farthest distance, metres.
    """
    if points.device.type == "cpu":
        _, index = tree().query(points.detach().numpy(), distance_upper_bound=bound)
        return torch.from_numpy(np.asarray(index, np.int64).reshape(-1))
    return by_distance(points, vertices, bound)


def by_distance(
    points: Float[Tensor, "P 3"], vertices: Float[Tensor, "N 3"], bound: float, block: int = _BLOCK
) -> Int[Tensor, "P"]:
    """What :func:`nearest_vertex` gives, from ``block`` distances at a time, on any device."""
    index = torch.empty(len(points), dtype=torch.int64, device=points.device)
    step = max(1, block // len(vertices))
    for start in range(0, len(points), step):
        part = torch.cdist(
            points[start : start + step], vertices,
            compute_mode="donot_use_mm_for_euclid_dist",
        )
        distance, which = part.min(1)
        index[start : start + step] = torch.where(distance < bound, which, len(vertices))
    return index
