"""Puts hanging arms before the trunk where the photo shows them.

From one direction nothing tells how far an arm is from the camera. In a photo of a
person's front the arms hang beside or before the trunk; from behind they show where
their skin is seen. Where the posed arm would be hidden there, it is brought nearer along
the rays of the camera: the picture of the arm stays where it is, and the trunk behind it
counts as hidden.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch

from muybridge.body import AnnyBody, Part
from muybridge.person.drape import PhotoCamera
from muybridge.person.surface_graph import SurfaceGraph
from muybridge.render import rasterize_pixels

ARMS = (
    (int(Part.LEFT_UPPER_ARM), int(Part.LEFT_FOREARM), int(Part.LEFT_HAND)),
    (int(Part.RIGHT_UPPER_ARM), int(Part.RIGHT_FOREARM), int(Part.RIGHT_HAND)),
)
"""Parts of each arm."""
_CLEARANCE = 0.012
_FARTHEST = 0.30


def arms_before(
    vertices: np.ndarray,
    body: AnnyBody,
    camera: PhotoCamera,
    graph: SurfaceGraph,
    height: float,
    only: np.ndarray | None = None,
) -> np.ndarray:
    """The surface with its arms before everything else that they overlap in the picture.

    Args:
        vertices: ``[N, 3]`` posed surface, camera's world.
        height: height of the person in the photo, pixels.
        only: ``[H, W]`` bool, where in the photo arms are seen; anywhere unless given.
    """
    scale = max(height / 300.0, 1.0)
    pixels = camera.project(vertices)
    small = pixels.copy()
    small[:, :2] /= scale
    size = np.ceil(small[:, :2].max(0)).astype(int) + 4
    parts = body.mesh.parts.numpy()
    limb = np.isin(parts, sum(ARMS, ()))
    faces = body.mesh.faces.numpy()
    trunk = torch.from_numpy(faces[~limb[faces].any(1)])
    drawn = rasterize_pixels(
        torch.from_numpy(small)[None].float(), trunk, int(size[1]), int(size[0]), cull=True
    )
    depth = drawn.depth[0].numpy()
    nearest = np.where(depth > 0, depth, 1e3).astype(np.float32)
    nearest = cv2.erode(nearest, np.ones((3, 3), np.uint8))
    x = np.clip(small[:, 0].astype(int), 0, nearest.shape[1] - 1)
    y = np.clip(small[:, 1].astype(int), 0, nearest.shape[0] - 1)
    free = np.nonzero(limb)[0]
    need = np.zeros(len(vertices))
    need[free] = np.clip(
        pixels[free, 2] + _CLEARANCE - nearest[y[free], x[free]], 0, _FARTHEST
    )
    if only is not None:
        rows = np.clip(pixels[:, 1].astype(int), 0, only.shape[0] - 1)
        columns = np.clip(pixels[:, 0].astype(int), 0, only.shape[1] - 1)
        need *= only[rows, columns]
    need *= _below_shoulder(body)
    if not (need > 0.002).any():
        return vertices
    spread = need.copy()
    for _ in range(12):  # a whole stretch of the arm moves as far as its deepest point
        spread = np.maximum(spread, 0.985 * np.maximum(graph.neighbours @ spread, need))
        spread = np.where(limb, np.maximum(spread, _neighbour_max(graph, spread) * 0.97), 0)
    # along the camera's rays nothing of this can be seen, so it need not be smooth
    spread = np.maximum(graph.smooth(spread * _below_shoulder(body), 8) * 1.1, need) * limb
    return np.asarray(vertices * (1 - spread / pixels[:, 2])[:, None])


def _neighbour_max(graph: SurfaceGraph, field: np.ndarray) -> np.ndarray:
    adjacency = graph.neighbours
    reach = np.maximum.reduceat(field[adjacency.indices], adjacency.indptr[:-1])
    return np.asarray(reach)


def _below_shoulder(body: AnnyBody) -> np.ndarray:
    """0 at the shoulder, rising to 1 at the middle of the upper arm and below, ``[N]``."""
    points = body.template.numpy()
    heads = np.zeros(len(points))
    parts = body.mesh.parts.numpy()
    for group in ARMS:
        own = np.isin(parts, group)
        reach = np.abs(points[own][:, 0])
        low, high = reach.min(), reach.max()
        heads[own] = np.clip((reach - low) / (0.28 * (high - low)), 0, 1)
    return heads
