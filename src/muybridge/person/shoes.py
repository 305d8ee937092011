"""Turns bare feet into shod ones: toes closed into one rounded cap."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull

from muybridge.body import JOINT_INDEX, Part, ShapedBody
from muybridge.person.observation import Observation
from muybridge.person.surface_graph import SurfaceGraph

UPPER = 0.006
"""Thickness of a shoe's upper, metres."""


def shoe_offsets(body: ShapedBody, graph: SurfaceGraph) -> np.ndarray:
    """Offsets of the bind pose that put shoes on both feet, ``[N, 3]`` metres.

    The front of each foot is moved out onto its convex hull, which closes the gaps
    between the toes; soles stay on the ground.
    """
    vertices = body.bind_vertices.numpy().astype(float)
    parts = body.mesh.parts.numpy()
    heads = body.bind_heads.numpy()[body.rig.joint_bone.numpy()]
    offsets = np.zeros_like(vertices)
    for side, part in (("left", Part.LEFT_FOOT), ("right", Part.RIGHT_FOOT)):
        own = parts == int(part)
        points = vertices[own]
        ankle, ball = heads[JOINT_INDEX[f"{side}_ankle"]], heads[JOINT_INDEX[f"{side}_foot"]]
        hull = ConvexHull(points[points[:, 1] < ankle[1] + 0.01])
        low, high = points[:, 2].min() + 0.035, points[:, 2].max() - 0.035
        z = np.clip(points[:, 2], low, high)
        bins = np.clip(((z - low) / (high - low) * 12).astype(int), 0, 11)
        count = np.maximum(np.bincount(bins, minlength=12), 1)
        mid = np.bincount(bins, points[:, 0], 12) / count
        top = np.array([points[bins == b][:, 1].max(initial=ball[1]) for b in range(12)])
        ground = points[:, 1].min()
        at = (z - low) / (high - low) * 12 - 0.5
        origin = np.stack(
            [
                np.interp(at, range(12), mid),
                ground + 0.42 * (np.interp(at, range(12), top) - ground),
                z,
            ],
            1,
        )
        ray = points - origin
        length = np.linalg.norm(ray, axis=1, keepdims=True)
        ray = ray / np.maximum(length, 1e-6)
        along = ray @ hull.equations[:, :3].T
        gap = -(origin @ hull.equations[:, :3].T + hull.equations[:, 3])
        reach = np.where(along > 1e-6, gap / np.maximum(along, 1e-6), np.inf).min(1)
        grown = origin + ray * np.maximum(reach[:, None], length)
        forward = np.clip((points[:, 2] - ankle[2]) / (ball[2] - ankle[2]), 0, 1)[:, None]
        toe = forward * forward * (3 - 2 * forward)
        moved = toe * (grown - points)
        outward = ray * np.array([1.0, 1.0, 1.0])
        moved += UPPER * outward * np.where(ray[:, 1:2] < -0.5, 0.0, 1.0)
        moved[:, 1] = np.maximum(moved[:, 1], ground - points[:, 1])
        offsets[own] = moved
    feet = np.isin(parts, (int(Part.LEFT_FOOT), int(Part.RIGHT_FOOT)))
    soft = graph.smooth(offsets, 6)
    return np.where(feet[:, None], soft, soft * 0.5)


def is_shod(observations: list[Observation]) -> bool:
    """Whether the feet wear shoes: their colour is not the person's skin."""
    shares = []
    for o in observations:
        if o.skin is None:
            continue
        low = np.zeros_like(o.mask)
        low[int(o.box[3] - 0.035 * o.height) :] = True
        feet = low & o.mask
        if feet.any():
            shares.append(float((o.skin[feet] > 0.35).mean()))
    return not shares or float(np.mean(shares)) < 0.45
