"""Forward kinematics of the one skeleton, and small rotation helpers.

Names carry frames: ``R_world_joint`` turns a joint's canonical axes into the world's.
"""

from __future__ import annotations

from functools import cache

import roma
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body.skeleton import JOINT_INDEX, PARENTS


@cache
def _levels() -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """Joints by depth below the pelvis, with their parents."""
    depth = [0] * len(PARENTS)
    for j, p in enumerate(PARENTS):
        depth[j] = 0 if p < 0 else depth[p] + 1
    rows = []
    for d in range(1, max(depth) + 1):
        js = tuple(j for j in range(len(PARENTS)) if depth[j] == d)
        rows.append((js, tuple(PARENTS[j] for j in js)))
    return tuple(rows)


def world_rotations(R_parent_joint: Float[Tensor, "T 55 3 3"]) -> Float[Tensor, "T 55 3 3"]:
    """Rotation of every joint's canonical axes in the world."""
    R_world = R_parent_joint.clone()
    for joints, parents in _levels():
        R_world[:, joints] = R_world[:, parents] @ R_parent_joint[:, joints]
    return R_world


def local_rotations(R_world_joint: Float[Tensor, "T 55 3 3"]) -> Float[Tensor, "T 55 3 3"]:
    """Inverse of :func:`world_rotations`."""
    parents = torch.tensor(PARENTS[1:], device=R_world_joint.device)
    R_local = R_world_joint.clone()
    R_local[:, 1:] = R_world_joint[:, parents].transpose(-1, -2) @ R_world_joint[:, 1:]
    return R_local


def forward_kinematics(
    R_parent_joint: Float[Tensor, "T 55 3 3"],
    root_position: Float[Tensor, "T 3"],
    rest_joints: Float[Tensor, "55 3"],
) -> tuple[Float[Tensor, "T 55 3 3"], Float[Tensor, "T 55 3"]]:
    """World rotations and positions (metres) of all joints.

    Args:
        R_parent_joint: local rotations.
        root_position: pelvis in the world.
        rest_joints: joints of the body in its T-pose.
    """
    R_world = world_rotations(R_parent_joint)
    rest = rest_joints.to(R_world)
    position = torch.empty(*R_world.shape[:2], 3, dtype=R_world.dtype, device=R_world.device)
    position[:, 0] = root_position
    for joints, parents in _levels():
        bone = rest[list(joints)] - rest[list(parents)]
        turned = (R_world[:, parents] @ bone[None, :, :, None])[..., 0]
        position[:, joints] = position[:, parents] + turned
    return R_world, position


def rotation_between(a: Float[Tensor, "*B 3"], b: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """Smallest rotation that turns direction ``a`` into direction ``b``.

    Opposite directions turn by half a turn about some axis at right angles to ``a``.
    Directions of length zero give the identity.
    """
    ok = (a.norm(dim=-1) > 1e-9) & (b.norm(dim=-1) > 1e-9)
    u = torch.nn.functional.normalize(a, dim=-1)
    v = torch.nn.functional.normalize(b, dim=-1)
    axis = torch.linalg.cross(u, v, dim=-1)
    dot = (u * v).sum(-1)
    # Of the coordinate axes, the one least along u gives a safe axis for half turns.
    least = torch.nn.functional.one_hot(u.abs().argmin(-1), 3).to(u)
    fallback = torch.nn.functional.normalize(torch.linalg.cross(u, least, dim=-1), dim=-1)
    sine = axis.norm(dim=-1, keepdim=True)
    unit = torch.where(sine > 1e-12, axis / sine.clamp_min(1e-12), fallback)
    rotvec = unit * torch.atan2(sine[..., 0], dot)[..., None]
    rotvec = torch.where(ok[..., None], rotvec, torch.zeros_like(rotvec))
    return roma.rotvec_to_rotmat(rotvec)


def axis_rotation(axis: str, angle: Float[Tensor, "*B"]) -> Float[Tensor, "*B 3 3"]:
    """Rotation about ``"x"``, ``"y"`` or ``"z"`` by ``angle`` radians."""
    rotvec = torch.zeros(*angle.shape, 3, dtype=angle.dtype, device=angle.device)
    rotvec[..., "xyz".index(axis)] = angle
    return roma.rotvec_to_rotmat(rotvec)


def heading(R_world: Float[Tensor, "*B 3 3"]) -> Float[Tensor, "*B"]:
    """Angle about +Y, radians, that best explains a rotation (0 = facing +Z)."""
    return torch.atan2(
        R_world[..., 0, 2] - R_world[..., 2, 0], R_world[..., 0, 0] + R_world[..., 2, 2]
    )


def leg_length(rest_joints: Float[Tensor, "55 3"]) -> float:
    """Mean of both legs, hip to knee to ankle, metres."""
    total = 0.0
    for side in ("left", "right"):
        hip, knee, ankle = (
            rest_joints[JOINT_INDEX[f"{side}_{k}"]] for k in ("hip", "knee", "ankle")
        )
        total += float((hip - knee).norm() + (knee - ankle).norm())
    return total / 2
