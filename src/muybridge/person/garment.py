"""Dresses the fitted body: shoes, clothes' ease, hair, and each photo's drape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body import AnnyBody, Part, ShapedBody
from muybridge.person.arms_before import ARMS, arms_before
from muybridge.person.body_fit import BodyFit
from muybridge.person.contours import outline
from muybridge.person.drape import LimbBorder, PhotoCamera, on_outline, outline_pull, to_bind
from muybridge.person.limb_cut import cut_limb
from muybridge.person.observation import Observation
from muybridge.person.shoes import is_shod, shoe_offsets
from muybridge.person.surface_graph import SurfaceGraph
from muybridge.render import rasterize_pixels, vertex_normals

_EASE = (-0.010, 0.14)
"""Least and greatest distance of clothes or hair from the body, metres."""


@dataclass(frozen=True)
class Dressed:
    """The person's surface.

    Attributes:
        body: the shaped body below.
        offsets: what is worn, as offsets of the bind pose.
        posed: the surface as it lies in each photo, drape included, camera's world.
        drape: what each photo's surface adds to ``offsets``, bind pose.
        cameras: of the photos.
        graph: of the surface.
        shod: whether the feet wear shoes.
    """

    body: ShapedBody
    offsets: Float[Tensor, "N 3"]
    posed: tuple[np.ndarray, ...]
    drape: Float[Tensor, "K N 3"]
    cameras: tuple[PhotoCamera, ...]
    graph: SurfaceGraph
    shod: bool


def dress(
    anny: AnnyBody,
    shaped: ShapedBody,
    fit: BodyFit,
    observations: Sequence[Observation],
    cameras: Sequence[PhotoCamera] | None = None,
) -> Dressed:
    """Finds what the person wears from the outlines of the photos.

    Args:
        anny: the model. ``shaped``: of the person.
        fit: pose in each photo.
        observations: the photos.
        cameras: of the photos where they, body and pose are exact; the arms then stay where
            they are. Otherwise the fit's focal lengths and the pictures' middles are taken.
    """
    mesh = anny.mesh
    graph = SurfaceGraph.of(shaped.bind_vertices.numpy(), mesh.faces.numpy())
    parts = mesh.parts.numpy()
    exact = cameras is not None
    if cameras is None:
        cameras = [
            PhotoCamera(float(f), (o.image.shape[1] / 2, o.image.shape[0] / 2))
            for f, o in zip(fit.focal, observations, strict=True)
        ]
    with torch.no_grad():
        R, heads, _ = shaped.bones(fit.R_parent_joint, fit.root_position)
    bare = _bare(anny)
    shod = is_shod(list(observations))
    offsets = shoe_offsets(shaped, graph) if shod else np.zeros((len(parts), 3))

    def pose(bind_offsets: np.ndarray) -> list[np.ndarray]:
        points = shaped.bind_vertices + torch.from_numpy(bind_offsets).float()
        posed = shaped.skin(points, shaped.rig.weights, R, heads)
        return [p.numpy().astype(float) for p in posed]

    hands = np.isin(parts, (int(Part.LEFT_HAND), int(Part.RIGHT_HAND)))
    feet = np.isin(parts, (int(Part.LEFT_FOOT), int(Part.RIGHT_FOOT)))
    # hands keep their form and go where the wrist goes; shoes bend less than cloth
    stiff = np.where(hands, 60.0, np.where(feet, 6.0, 1.0))
    pull = 1e-4

    def as_seen(v: np.ndarray, camera: PhotoCamera, o: Observation) -> np.ndarray:
        if exact or (o.facing != "front" and o.bare is None):
            return v
        only = None if o.facing == "front" else o.bare
        return arms_before(v, anny, camera, graph, o.height, only)

    def draw_in(
        start: list[np.ndarray], bends: tuple[float, ...], fine: tuple[float, ...] = ()
    ) -> list[np.ndarray]:
        out = []
        for vertices, camera, o in zip(start, cameras, observations, strict=True):
            v = vertices.copy()
            limbs: list[LimbBorder] = []
            for i, bend in enumerate(bends + fine):
                seen = as_seen(v, camera, o)
                if i in (1, len(bends) - 1):
                    limbs = limb_borders(seen, anny, camera, o)
                v[:, :2] += outline_pull(
                    seen, anny, camera, o, graph,
                    bend=bend * stiff, pull=pull, fine=i >= len(bends), limbs=limbs,
                )
            out.append(v)
        return out

    start = pose(offsets)
    reached = draw_in(start, (3.0, 1.0, 0.3))
    carried = [
        on_outline(v, anny, c, o) for v, c, o in zip(reached, cameras, observations, strict=True)
    ]
    ease = _ease(start, reached, carried, mesh.faces, graph, bare)
    bind = shaped.bind_vertices.numpy().astype(float)
    normals = _normals(bind, mesh.faces)
    normals = graph.smooth(normals, 6)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    worn = np.clip(ease / 0.012, 0, 1) * (1 - bare)
    worn = graph.smooth(worn, 10) * (1 - bare)
    flattened = graph.smooth(bind, 40) - bind
    trunk = np.isin(parts, (int(Part.TORSO), int(Part.HIPS)))
    flatten = graph.smooth((trunk * worn)[:, None], 10)
    offsets = offsets + ease[:, None] * normals + flatten * flattened
    base = pose(offsets)
    posed = draw_in(base, (3.0, 1.0, 0.3, 0.1), (0.03, 0.01, 0.01))
    def moved(surfaces: list[np.ndarray]) -> Tensor:
        return torch.stack(
            [
                to_bind(torch.from_numpy(p - b).float(), shaped.rig.weights, R[k])
                for k, (p, b) in enumerate(zip(surfaces, base, strict=True))
            ]
        )

    shared = moved(posed).mean(0)
    posed = [as_seen(v, c, o) for v, c, o in zip(posed, cameras, observations, strict=True)]
    shared = torch.from_numpy(graph.smooth(shared.numpy().astype(float), 2)).float()
    total = torch.from_numpy(offsets).float() + shared
    drape = moved(posed) - shared
    return Dressed(shaped, total, tuple(posed), drape, tuple(cameras), graph, shod)


def limb_borders(
    vertices: np.ndarray, anny: AnnyBody, camera: PhotoCamera, observation: Observation
) -> list[LimbBorder]:
    """Borders of the arms in a photo, where their colours show them."""
    height, width = observation.mask.shape
    pixels = torch.from_numpy(camera.project(vertices))[None].float()
    drawn = rasterize_pixels(pixels, anny.mesh.faces, height, width, cull=True)
    triangle = drawn.triangle[0].numpy()
    part = anny.mesh.parts.numpy()[anny.mesh.faces.numpy()[triangle, 0]]
    part = np.where(triangle >= 0, part, 0)
    borders = []
    for upper, *parts in ARMS:
        # a sleeve may be the trunk's own cloth: the upper arm is left to the outline
        limb = np.isin(part, parts)
        region = cut_limb(observation, limb, (part > 0) & ~limb & (part != upper))
        if region is not None:
            borders.append(LimbBorder(tuple(parts), outline(region)))
    return borders


def _normals(vertices: np.ndarray, faces: Tensor) -> np.ndarray:
    return np.asarray(vertex_normals(torch.from_numpy(vertices)[None].float(), faces)[0]).astype(
        float
    )


def _bare(anny: AnnyBody) -> np.ndarray:
    """1 where nothing is worn over the body: face, ears, hands, and inner surfaces."""
    parts = anny.mesh.parts.numpy()
    points = anny.template.numpy()
    eye = points[anny.landmark_weights[1].numpy().argmax()]
    face = (anny.masks["face"].numpy() > 0.2) & (points[:, 2] > eye[2] - 0.075)
    inner = np.array(
        [any(k in n for k in ("eye", "cavity", "tongue")) for n in anny.label_names]
    )[anny.labels.numpy()]
    hands = np.isin(parts, (int(Part.LEFT_HAND), int(Part.RIGHT_HAND)))
    feet = np.isin(parts, (int(Part.LEFT_FOOT), int(Part.RIGHT_FOOT)))
    return (face | inner | hands | feet | (anny.masks["ears"].numpy() > 0.5)).astype(float)


def _ease(
    start: Sequence[np.ndarray],
    reached: Sequence[np.ndarray],
    carried: Sequence[np.ndarray],
    faces: Tensor,
    graph: SurfaceGraph,
    bare: np.ndarray,
) -> np.ndarray:
    """Distance of what is worn from the body, ``[N]`` metres, 0 where bare."""
    total, weight = np.zeros(len(bare)), np.full(len(bare), 1e-9)
    for before, after, share in zip(start, reached, carried, strict=True):
        moved = ((after - before) * _normals(after, faces)).sum(1)
        total += share * moved
        weight += share
    known = np.clip(weight, 0, 1) * (1 - bare)
    value = np.clip(total / weight, *_EASE)
    known = np.where(bare > 0, 4.0, known)
    value = np.where(bare > 0, 0.0, value)
    spread = graph.fill(value, known, stiffness=0.2, pull=1e-3)
    return np.clip(spread, *_EASE) * (1 - bare)
