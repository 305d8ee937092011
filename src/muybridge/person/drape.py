"""Clothes and hair: how far the surface stands off the body, so that outlines meet.

The body's outline is moved onto the photo's within the picture plane by a smooth
field over the surface. Where the surface is seen edge-on that movement is the
thickness of what is worn; spread over the surface it becomes an ease along the
normals, which gives clothes their depth as well. What then still differs between
the photos (cloth hangs differently in each) stays with the photo as its drape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body import AnnyBody
from muybridge.person.contours import Outline, match, outline
from muybridge.person.cues import face_vertices
from muybridge.person.observation import Observation
from muybridge.person.surface_graph import SurfaceGraph
from muybridge.render import rasterize_pixels

_GROW = 0.0007
"""How far beyond the matte's edge the surface is drawn, person heights: a pixel at the
edge that the surface misses costs more than one that it covers in vain."""


@dataclass(frozen=True)
class PhotoCamera:
    """The camera of a photo: at the origin, looking along -Z.

    Attributes:
        focal: pixels.
        center: principal point, pixels.
    """

    focal: float
    center: tuple[float, float]

    def project(self, points: np.ndarray) -> np.ndarray:
        """x, y in pixels and depth in metres of points ``[P, 3]``."""
        depth = np.maximum(-points[:, 2], 0.05)
        x = points[:, 0] / depth * self.focal + self.center[0]
        y = -points[:, 1] / depth * self.focal + self.center[1]
        return np.stack([x, y, depth], 1)


def outline_pull(
    vertices: np.ndarray,
    body: AnnyBody,
    camera: PhotoCamera,
    observation: Observation,
    graph: SurfaceGraph,
    *,
    bend: np.ndarray | float,
    pull: np.ndarray | float,
    slide: float = 0.15,
    reach: float = 0.06,
    fine: bool = False,
    limbs: Sequence[LimbBorder] = (),
) -> np.ndarray:
    """One step of movement within the picture plane that brings outlines together.

    Args:
        vertices: ``[N, 3]`` posed surface, camera's world.
        body: gives the triangles and the face's points.
        bend: stiffness of the field, for all vertices or for each.
        pull: pull of the field towards zero.
        slide: share of the movement along the outline that is kept.
        fine: match at full size instead of fitting size.
        limbs: borders of limbs inside the silhouette, to be met as well.
        reach: distance at which a match counts half, in person heights.

    Returns:
        ``[N, 2]`` movement along the world's x and y, metres.
    """
    o = observation
    scale = o.fine_scale if fine else o.scale
    height, width = o.size_at(scale)
    pixels = camera.project(vertices)
    flat = torch.from_numpy(np.concatenate([pixels[:, :2] / scale, pixels[:, 2:]], 1))
    drawn = rasterize_pixels(flat[None].float(), body.mesh.faces, height, width, cull=True)
    triangle = drawn.triangle[0].numpy()
    pairs = [_pairs(triangle >= 0, o.fine if fine else o.contour, scale, o.height)]
    if limbs:
        part = body.mesh.parts.numpy()[body.mesh.faces.numpy()[triangle, 0]]
        for limb in limbs:
            region = (triangle >= 0) & np.isin(part, limb.parts)
            pairs.append(_pairs(region, limb.border, scale, o.height, inner=True))
    line = np.concatenate([p[0] for p in pairs])
    gap = np.concatenate([p[1] for p in pairs])
    normal = np.concatenate([p[2] for p in pairs])
    rows, columns = line.T
    corners = body.mesh.faces.numpy()[triangle[rows, columns]]
    weights = drawn.barycentric[0].numpy()[rows, columns].astype(float)
    across = (gap * normal).sum(1, keepdims=True) * normal
    gap = across + slide * (gap - across)
    depth = drawn.depth[0].numpy()[rows, columns][:, None]
    move = gap * depth / camera.focal * np.array([1.0, -1.0])
    trust = 1.0 / (1.0 + (np.linalg.norm(gap, axis=1) / (reach * o.height)) ** 2)
    n, m = len(vertices), len(line)
    # as many matches as there are vertices to move, whatever the photo's size
    strength = np.sqrt(trust * (600.0 / max(len(pairs[0][0]), 1)))[:, None]
    observed = sp.csr_matrix(
        ((weights * strength).ravel(), (np.repeat(np.arange(m), 3), corners.ravel())), (m, n)
    )
    wanted = move * strength
    face_rows, face_goal = _face_rows(body, camera, o, pixels, n)
    observed = sp.vstack([observed, face_rows]).tocsr()
    wanted = np.concatenate([wanted, face_goal])
    return graph.solve(observed, wanted, bend=bend, stretch=0.0, pull=pull)


@dataclass(frozen=True)
class LimbBorder:
    """The border of a limb as the photo's colours show it.

    Attributes:
        parts: the body parts of the limb.
        border: its outline in the photo.
    """

    parts: tuple[int, ...]
    border: Outline


def _pairs(
    region: np.ndarray, target: Outline, scale: float, height: float, inner: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Drawn border pixels, how far each is from its match, and the match's normal.

    Borders ``inner`` to the silhouette believe only near matches.
    """
    line = outline(region, scale)
    source, goal = match(line, target, height)
    grow = 0.0 if inner else _GROW * height
    gap = target.points[goal] + grow * target.normals[goal] - line.points[source]
    if inner:
        near = np.linalg.norm(gap, axis=1) < 0.035 * height
        source, goal, gap = source[near], goal[near], gap[near]
    return line.pixels[source], gap, target.normals[goal]


def _face_rows(
    body: AnnyBody, camera: PhotoCamera, o: Observation, pixels: np.ndarray, n: int
) -> tuple[sp.csr_matrix, np.ndarray]:
    """Observations that put eyes, nose, mouth and chin where the photo shows them."""
    groups = face_vertices(body)
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    goal: list[np.ndarray] = []
    for cue in o.cues:
        if cue.name not in groups:
            continue
        own = groups[cue.name]
        weight = 2.0 * cue.trust
        rows += [len(goal)] * len(own)
        columns += own.tolist()
        values += [weight / len(own)] * len(own)
        at = pixels[own].mean(0)
        gap = (np.asarray(cue.at) - at[:2]) * at[2] / camera.focal
        goal.append(gap * np.array([1.0, -1.0]) * weight)
    matrix = sp.csr_matrix((values, (rows, columns)), (len(goal), n))
    return matrix, np.asarray(goal).reshape(-1, 2)


def on_outline(
    vertices: np.ndarray, body: AnnyBody, camera: PhotoCamera, observation: Observation
) -> np.ndarray:
    """How much of the photo's outline each vertex carries, ``[N]`` (0 for most)."""
    o = observation
    height, width = o.size_at(o.scale)
    pixels = camera.project(vertices)
    flat = torch.from_numpy(np.concatenate([pixels[:, :2] / o.scale, pixels[:, 2:]], 1))
    drawn = rasterize_pixels(flat[None].float(), body.mesh.faces, height, width, cull=True)
    triangle = drawn.triangle[0].numpy()
    line = outline(triangle >= 0, o.scale)
    source, _ = match(line, o.contour, o.height)
    rows, columns = line.pixels[np.unique(source)].T
    corners = body.mesh.faces.numpy()[triangle[rows, columns]]
    weights = drawn.barycentric[0].numpy()[rows, columns]
    return np.bincount(corners.ravel(), weights.ravel(), len(vertices))


def to_bind(
    movement: Float[Tensor, "N 3"],
    weights: Float[Tensor, "N B"],
    R_world_bind: Float[Tensor, "B 3 3"],
) -> Float[Tensor, "N 3"]:
    """Movement of the posed surface as an offset of the bind pose."""
    blended = (weights @ R_world_bind.reshape(len(R_world_bind), 9)).reshape(-1, 3, 3)
    return torch.linalg.solve(blended, movement[..., None])[..., 0]
