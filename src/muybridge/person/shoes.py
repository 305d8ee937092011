"""Turns bare feet into shod ones: toes closed into one rounded cap."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
from scipy.spatial import ConvexHull

from muybridge.body import JOINT_INDEX, Part, Rig, ShapedBody
from muybridge.person.observation import Observation
from muybridge.person.surface_graph import SurfaceGraph
from muybridge.render import vertex_normals

UPPER = 0.006
"""Thickness of a shoe's upper, metres."""


def shoe_offsets(body: ShapedBody, graph: SurfaceGraph) -> np.ndarray:
    """Offsets of the bind pose that put shoes on both feet, ``[N, 3]`` metres.

    Toes are widened until they meet, and the front of each foot is moved out onto its convex
    hull; shallow grooves stay where toe meets toe. Soles stay on the ground.
    """
    vertices = body.bind_vertices.numpy().astype(float)
    parts = body.mesh.parts.numpy()
    heads = body.bind_heads.numpy()[body.rig.joint_bone.numpy()]
    offsets = np.zeros_like(vertices)
    normals = vertex_normals(body.bind_vertices[None], body.mesh.faces)[0].numpy()
    for side, part in (("left", Part.LEFT_FOOT), ("right", Part.RIGHT_FOOT)):
        own = parts == int(part)
        points = vertices[own]
        ankle, ball = heads[JOINT_INDEX[f"{side}_ankle"]], heads[JOINT_INDEX[f"{side}_foot"]]
        points = _closed_toes(points, body.rig, own)
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
        # inner walls of the toes face one another now; what looks out goes to the hull
        outward = np.clip((normals[own] * ray).sum(1, keepdims=True) * 3, 0, 1)
        grown = points + outward * (origin + ray * np.maximum(reach[:, None], length) - points)
        forward = np.clip((points[:, 2] - ankle[2]) / (ball[2] - ankle[2]), 0, 1)[:, None]
        toe = forward * forward * (3 - 2 * forward)
        moved = points + toe * (grown - points)
        moved += UPPER * ray * np.where(ray[:, 1:2] < -0.5, 0.0, 1.0)
        offsets[own] = moved - vertices[own]
    feet = np.isin(parts, (int(Part.LEFT_FOOT), int(Part.RIGHT_FOOT)))
    soft = graph.smooth(offsets, 6)
    soft = np.where(feet[:, None], soft, soft * 0.5)
    soles = vertices[feet][:, 1].min()
    soft[:, 1] = np.where(feet, np.maximum(soft[:, 1], soles - vertices[:, 1]), soft[:, 1])
    return soft


def _closed_toes(points: np.ndarray, rig: Rig, own: np.ndarray) -> np.ndarray:
    """Each toe widened, slice by slice from heel to tip, to the middle of its gaps ``[P, 3]``."""
    names = [re.fullmatch(r"toe(\d)-\d\.[LR]", bone) for bone in rig.bones]
    share = np.zeros((len(points), 6))
    weights = rig.weights.numpy()[own]
    for bone, name in enumerate(names):
        if name is not None:
            share[:, int(name.group(1))] += weights[:, bone]
    toe = np.where(share.max(1) > 0.5, share.argmax(1), 0)
    if not (toe > 0).any():
        return points
    out = points.copy()
    z = points[:, 2]
    edges = np.linspace(z[toe > 0].min(), z[toe > 0].max() + 1e-6, 13)
    for low, high in pairwise(edges):
        slab = (z >= low) & (z < high)
        spans = sorted(
            (points[slab & (toe == t)][:, 0].min(), points[slab & (toe == t)][:, 0].max(), t)
            for t in range(1, 6)
            if (slab & (toe == t)).sum() > 3
        )
        for k, (left, right, t) in enumerate(spans):
            to_left = left if k == 0 else (spans[k - 1][1] + left) / 2 - 0.0004
            to_right = right if k == len(spans) - 1 else (right + spans[k + 1][0]) / 2 + 0.0004
            mine = slab & (toe == t)
            across = (points[mine][:, 0] - left) / max(right - left, 1e-6)
            out[mine, 0] = to_left + across * (to_right - to_left)
    return out


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
