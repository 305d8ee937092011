"""Unrolls the body: every point of the surface as (chart, distance along, angle around).

In the zero pose limbs are straight, so each part is a tube about a straight or
gently bent line: torso and legs about vertical lines, arms and hands about
horizontal ones, feet about a line from heel to toe. On such a chart the strip
between what the front photo and the back photo saw is a gap in each row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from muybridge.body import JOINT_INDEX, Part, ShapedBody
from muybridge.render import vertex_normals

HEAD, TORSO, LEFT_ARM, RIGHT_ARM, LEFT_HAND, RIGHT_HAND = range(6)
LEFT_LEG, RIGHT_LEG, LEFT_FOOT, RIGHT_FOOT = range(6, 10)
CHARTS = 10

_OF_PART = {
    Part.NONE: TORSO,
    Part.HEAD: HEAD,
    Part.NECK: HEAD,
    Part.TORSO: TORSO,
    Part.HIPS: TORSO,
    Part.LEFT_UPPER_ARM: LEFT_ARM,
    Part.RIGHT_UPPER_ARM: RIGHT_ARM,
    Part.LEFT_FOREARM: LEFT_ARM,
    Part.RIGHT_FOREARM: RIGHT_ARM,
    Part.LEFT_HAND: LEFT_HAND,
    Part.RIGHT_HAND: RIGHT_HAND,
    Part.LEFT_THIGH: LEFT_LEG,
    Part.RIGHT_THIGH: RIGHT_LEG,
    Part.LEFT_CALF: LEFT_LEG,
    Part.RIGHT_CALF: RIGHT_LEG,
    Part.LEFT_FOOT: LEFT_FOOT,
    Part.RIGHT_FOOT: RIGHT_FOOT,
}
CHART_OF_PART = np.array([_OF_PART[Part(i)] for i in range(17)], np.int64)
"""Chart of each :class:`~muybridge.body.Part`."""


@dataclass(frozen=True)
class Charts:
    """Where each vertex lies on its chart.

    Attributes:
        chart: ``[N]`` chart of each vertex.
        along: ``[N]`` metres along the chart's line.
        across: ``[N, 2]`` position across the line (towards the front, towards the
            left), metres; its direction is the angle.
        flat: ``[N]`` 0 where the surface runs along the line, 1 where it is square to it
            (the top of a shoulder), and angles mean nothing.
    """

    chart: np.ndarray
    along: np.ndarray
    across: np.ndarray
    flat: np.ndarray


def unroll(body: ShapedBody, vertices: np.ndarray) -> Charts:
    """Charts of a body in its zero pose.

    Args:
        body: the shaped body; gives joints and parts.
        vertices: ``[N, 3]`` its surface in the zero pose, clothes included.
    """
    joints = body.rest_joints.numpy()
    parts = body.mesh.parts.numpy()
    chart = CHART_OF_PART[parts]
    along = np.zeros(len(vertices))
    across = np.zeros((len(vertices), 2))
    flat = np.zeros(len(vertices))
    surface = torch.from_numpy(vertices)[None].float()
    normals = vertex_normals(surface, body.mesh.faces)[0].numpy()

    def joint(name: str) -> np.ndarray:
        return np.asarray(joints[JOINT_INDEX[name]])

    def tube(which: int, axis: int, knots: list[np.ndarray], front: int, left: int) -> None:
        own = chart == which
        ends = np.stack(knots)
        line = ends[np.argsort(ends[:, axis])]
        position = vertices[own][:, axis]
        center = np.stack(
            [np.interp(position, line[:, axis], line[:, i]) for i in (front, left)], 1
        )
        along[own] = position
        across[own] = vertices[own][:, [front, left]] - center
        flat[own] = np.clip((np.abs(normals[own][:, axis]) - 0.55) / 0.25, 0, 1)

    x, y, z = 0, 1, 2
    head = joint("head")
    eyes = (joint("left_eye") + joint("right_eye")) / 2
    middle = np.array([0.0, eyes[y], (head[z] + eyes[z]) / 2 - 0.045])
    nape = np.array([0.0, joint("neck")[y], joint("neck")[z]])
    tube(HEAD, y, [nape, np.array([0.0, head[y], middle[z]]), middle], z, x)
    spine = [joint(n) * np.array([0, 1, 1]) for n in ("pelvis", "spine2", "neck")]
    # the spine runs near the back; the tube's line lies in the middle of the trunk
    trunk = vertices[chart == TORSO]
    for knot in spine:
        near = np.abs(trunk[:, y] - knot[y]) < 0.06
        if near.any():
            knot[z] = (trunk[near, z].min() + trunk[near, z].max()) / 2
    tube(TORSO, y, spine, z, x)
    for side, arm, hand, leg, foot in (
        ("left", LEFT_ARM, LEFT_HAND, LEFT_LEG, LEFT_FOOT),
        ("right", RIGHT_ARM, RIGHT_HAND, RIGHT_LEG, RIGHT_FOOT),
    ):
        arm_line = [joint(f"{side}_{n}") for n in ("shoulder", "elbow", "wrist")]
        # arms hang in photos: what faces forward there is the tube's top-front side
        tube(arm, x, arm_line, z, y)
        tube(hand, x, [joint(f"{side}_wrist"), joint(f"{side}_middle1")], z, y)
        tube(leg, y, [joint(f"{side}_{n}") for n in ("hip", "knee", "ankle")], z, x)
        ankle, ball = joint(f"{side}_ankle"), joint(f"{side}_foot")
        heel = ankle * np.array([1, 0.5, 1]) - np.array([0, 0, 0.05])
        tube(foot, z, [heel, ball], y, x)
    return Charts(chart, along, across, flat)


def zero_pose_vertices(body: ShapedBody, offsets: torch.Tensor) -> np.ndarray:
    """The surface in the zero pose, clothes included, soles of the bare body on y = 0."""
    identity = torch.eye(3).expand(1, 55, 3, 3)
    R, heads, _ = body.bones(identity, body.rest_joints[:1])
    skin = body.skin(body.bind_vertices + offsets, body.rig.weights, R, heads)
    return np.asarray(skin[0])
