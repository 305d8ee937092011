"""Outlines of silhouettes, and which point of one belongs to which point of another."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import cKDTree

NORMAL_WEIGHT = 0.055
"""How far apart, in person heights, two outline points with opposite normals count."""


@dataclass(frozen=True)
class Outline:
    """Points on the border of a silhouette.

    Attributes:
        points: ``[P, 2]`` x, y in pixels of the photo.
        normals: ``[P, 2]`` unit, pointing out of the silhouette.
        pixels: ``[P, 2]`` row, column in the picture that was traced.
    """

    points: np.ndarray
    normals: np.ndarray
    pixels: np.ndarray


def outline(mask: np.ndarray, scale: float = 1.0, origin: tuple[float, float] = (0, 0)) -> Outline:
    """The border pixels of a silhouette that lie inside it, with outward normals.

    Args:
        mask: ``[h, w]`` bool.
        scale: pixels of the photo per pixel of the mask.
        origin: photo position of the mask's top left corner, pixels.
    """
    m = np.pad(mask.astype(np.uint8), 1)
    border = (m > 0) & (cv2.erode(m, np.ones((3, 3), np.uint8)) == 0)
    soft = cv2.GaussianBlur(m.astype(np.float32), (0, 0), 1.5)
    gx, gy = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    rows, columns = np.nonzero(border)
    normals = -np.stack([gx[rows, columns], gy[rows, columns]], 1)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = normals / np.maximum(length, 1e-9)
    # the true edge runs along the outer side of the border pixels
    points = np.stack([columns - 0.5, rows - 0.5], 1) + 0.5 * normals
    points = points * scale + np.asarray(origin)
    return Outline(points, normals, np.stack([rows - 1, columns - 1], 1))


def match(model: Outline, target: Outline, height: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of outline points that are near and face the same way, both directions.

    Args:
        model, target: the two outlines, photo pixels.
        height: height of the person, pixels; sets what near means.

    Returns:
        Indices into ``model`` and into ``target``, of equal length.
    """
    if len(model.points) == 0 or len(target.points) == 0:
        empty = np.zeros(0, np.int64)
        return empty, empty
    weight = NORMAL_WEIGHT * height
    a = np.concatenate([model.points, model.normals * weight], 1)
    b = np.concatenate([target.points, target.normals * weight], 1)
    to_target = cKDTree(b).query(a, workers=2)[1]
    to_model = cKDTree(a).query(b, workers=2)[1]
    source = np.concatenate([np.arange(len(a)), to_model])
    goal = np.concatenate([to_target, np.arange(len(b))])
    agree = (model.normals[source] * target.normals[goal]).sum(1) > 0.3
    return source[agree], goal[agree]
