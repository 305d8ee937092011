"""Rotations along a chain, and the small rotation algebra bodies need."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor


def world_rotations(
    R_parent_joint: Float[Tensor, "*batch J 3 3"], parents: Sequence[int]
) -> Float[Tensor, "*batch J 3 3"]:
    """Products of local rotations from the root to every joint.

    Args:
        R_parent_joint: rotation of each joint relative to its parent; the root's
            is relative to the world.
        parents: parent of each joint, -1 for the root; parents precede children.
    """
    world: Tensor | None = None
    levels, place = _levels(tuple(parents))
    for joints, above in levels:
        local = R_parent_joint[..., joints, :, :]
        if world is None:
            world = local
        else:
            world = torch.cat([world, world[..., above, :, :] @ local], -3)
    assert world is not None
    return world[..., place, :, :]


@cache
def _levels(parents: tuple[int, ...]) -> tuple[list[tuple[list[int], list[int]]], list[int]]:
    """Joints by their distance from the root, so that each level is one product.

    Returns:
        For each level its joints, and where their parents lie among the joints of the
        levels before; and where each joint lies in the end.
    """
    depth: list[int] = []
    for parent in parents:
        depth.append(0 if parent < 0 else depth[parent] + 1)
    order = sorted(range(len(parents)), key=lambda joint: depth[joint])
    place = [order.index(joint) for joint in range(len(parents))]
    levels = []
    for level in range(max(depth) + 1):
        joints = [j for j in order if depth[j] == level]
        levels.append((joints, [place[parents[j]] for j in joints]))
    return levels, place


def ancestors(parents: Sequence[int]) -> Float[Tensor, "B B"]:
    """``A[b, a] = 1`` where ``a`` is ``b`` or above it: sums offsets down a chain."""
    matrix = torch.eye(len(parents))
    for bone, parent in enumerate(parents):
        if parent >= 0:
            matrix[bone] += matrix[parent]
    return matrix


def rotation_between(
    a: Float[Tensor, "*batch 3"], b: Float[Tensor, "*batch 3"]
) -> Float[Tensor, "*batch 3 3"]:
    """The smallest rotation that takes direction ``a`` to direction ``b``.

    Both are normalised. Opposite directions turn by pi about any axis square to ``a``.
    """
    a = torch.nn.functional.normalize(a, dim=-1)
    b = torch.nn.functional.normalize(b, dim=-1)
    cosine = (a * b).sum(-1)
    opposite = cosine < -1 + 1e-6
    v = torch.linalg.cross(a, b)
    K = cross_matrix(v)
    eye = torch.eye(3, dtype=a.dtype, device=a.device)
    R = eye + K + K @ K / (1 + cosine).clamp(min=1e-6)[..., None, None]
    least = torch.nn.functional.one_hot(a.abs().argmin(-1), 3).to(a.dtype)
    axis = torch.nn.functional.normalize(torch.linalg.cross(a, least), dim=-1)
    half_turn = 2 * axis[..., :, None] * axis[..., None, :] - eye
    return torch.where(opposite[..., None, None], half_turn, R)


def cross_matrix(v: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """The matrix ``[v]x`` with ``[v]x u = v x u``."""
    x, y, z = v.unbind(-1)
    o = torch.zeros_like(x)
    return torch.stack([o, -z, y, z, o, -x, -y, x, o], -1).reshape(*v.shape[:-1], 3, 3)


def twist_about(
    R: Float[Tensor, "*batch 3 3"],
    axis: Float[Tensor, "*#batch 3"],
    share: float | Float[Tensor, "*#batch"],
) -> Float[Tensor, "*batch 3 3"]:
    """A share of the twist of ``R`` about ``axis`` (swing-twist decomposition).

    Args:
        R: rotations.
        axis: unit axes.
        share: 0 gives the identity, 1 the whole twist, -1 undoes it.
    """
    K = cross_matrix(axis)
    sine = (K * R).sum((-2, -1)) / 2
    spread = torch.einsum("...ii->...", R) + 1
    # quaternion (w, xyz) is proportional to (trace + 1, vee(R - R^T)); its part along the axis
    angle = 2 * torch.atan2(sine, spread / 2)
    angle = torch.remainder(angle + torch.pi, 2 * torch.pi) - torch.pi
    part = (angle * share)[..., None, None]
    eye = torch.eye(3, dtype=R.dtype, device=R.device)
    return eye + torch.sin(part) * K + (1 - torch.cos(part)) * (K @ K)


def with_roll(
    direction: Float[Tensor, "3"], side: Float[Tensor, "3"]
) -> Float[Tensor, "3 3"]:
    """The frame whose first axis is ``direction`` and whose second leans to ``side``."""
    x = torch.nn.functional.normalize(direction, dim=-1)
    y = torch.nn.functional.normalize(side - (side @ x) * x, dim=-1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], -1)
