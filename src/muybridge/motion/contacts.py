"""When feet stand: contact of heels, balls and toes with the ground, from how they move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import binary_closing, binary_opening, gaussian_filter1d
from torch import Tensor

from muybridge.motion.kinematics import forward_kinematics
from muybridge.motion.legs import SIDES, contact_points, leg_of
from muybridge.motion.types import Motion

SPEED = 0.45
"""Leg lengths per second below which a low point stands."""
HEIGHT = 0.045
"""Leg lengths above its lowest usual height below which a slow point stands."""
SHORTEST = 0.07
"""Seconds; shorter contacts and shorter gaps between them are noise."""


@dataclass(frozen=True)
class Contacts:
    """What touches the ground.

    Attributes:
        points: (T, side, heel/ball/tip, 3) in the world, metres.
        touching: (T, side, heel/ball/tip).
    """

    points: Float[Tensor, "T 2 3 3"]
    touching: Bool[Tensor, "T 2 3"]


def foot_points(motion: Motion, rest_joints: Float[Tensor, "55 3"]) -> Float[Tensor, "T 2 3 3"]:
    """Heel, ball and toe tip of both feet in the world, metres."""
    R_world, joints = forward_kinematics(
        motion.R_parent_joint.double(), motion.root_position.double(), rest_joints.double()
    )
    out = []
    for side in SIDES:
        leg = leg_of(rest_joints, side)
        ankle, foot, toe = joints[:, leg.ankle], R_world[:, leg.ankle], R_world[:, leg.toe]
        out.append(contact_points(leg, ankle, foot, toe))
    return torch.stack(out, dim=1)


def find_contacts(motion: Motion, rest_joints: Float[Tensor, "55 3"]) -> Contacts:
    """Contacts of a motion as it moves on the body with these rest joints.

    A point touches while it is slow and near the lowest height that it usually has, so
    that a file whose floor lies somewhat off is understood too.
    """
    points = foot_points(motion, rest_joints)
    rate = float(motion.fps)
    leg = sum(leg_of(rest_joints, side).length for side in SIDES) / 2
    flat = points.reshape(len(points), -1).numpy()
    calm = gaussian_filter1d(flat, 0.02 * rate, axis=0, mode="nearest") if len(flat) > 1 else flat
    velocity = np.gradient(calm, axis=0) * rate if len(flat) > 1 else np.zeros_like(flat)
    speed = np.linalg.norm(velocity.reshape(-1, 2, 3, 3), axis=-1) / leg
    height = calm.reshape(-1, 2, 3, 3)[..., 1] / leg
    # The floor of each point: what it is near to at its lowest, but not below both feet's.
    lowest = np.quantile(height, 0.04, axis=0)
    floor = np.minimum(lowest, np.median(lowest) + 0.03)
    touching = (speed < SPEED) & (height - floor < HEIGHT)
    # Fast points that lie on the ground do not fly: a landing foot is caught on time.
    touching |= (speed < 2 * SPEED) & (height - floor < HEIGHT / 4)
    width = max(1, round(SHORTEST * rate))
    if width > 1 and len(touching) > width:
        shape = np.ones((width, 1, 1), dtype=bool)
        padded = np.pad(touching, ((width, width), (0, 0), (0, 0)), mode="edge")
        padded = binary_opening(binary_closing(padded, shape), shape)
        touching = padded[width:-width]
    return Contacts(points, torch.from_numpy(np.ascontiguousarray(touching)))


def runs(flags: Bool[Tensor, "T"]) -> list[tuple[int, int]]:
    """Start and end (exclusive) of each stretch of ``True``."""
    padded = np.concatenate([[False], flags.numpy(), [False]])
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
