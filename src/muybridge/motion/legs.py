"""Two-bone legs: put an ankle where it should be, keep the foot as it stands.

The contact points of a foot follow from the rest joints alone: the soles lie on
y = 0 in the T-pose, the ball lies under the toe joint, the heel behind the ankle.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body.skeleton import JOINT_INDEX
from muybridge.motion.kinematics import rotation_between

SIDES = ("left", "right")
HEEL_BEHIND = 0.40
"""Heel behind the ankle, as a part of the ankle-to-ball distance along the ground."""
TOE_AHEAD = 0.55
"""Toe tips ahead of the ball, as a part of the same distance."""


@dataclass(frozen=True)
class Leg:
    """One leg in the T-pose.

    Attributes:
        hip, knee, ankle, toe: joint indices (``toe`` is the ball's joint, ``*_foot``).
        thigh, shank, foot: bones from hip to knee, knee to ankle, ankle to toe joint.
        heel: contact point relative to the ankle, in the foot's axes.
        ball, tip: contact points relative to the toe joint, in the toes' axes.
    """

    hip: int
    knee: int
    ankle: int
    toe: int
    thigh: Float[Tensor, "3"]
    shank: Float[Tensor, "3"]
    foot: Float[Tensor, "3"]
    heel: Float[Tensor, "3"]
    ball: Float[Tensor, "3"]
    tip: Float[Tensor, "3"]

    @property
    def length(self) -> float:
        """Thigh plus shank, metres."""
        return float(self.thigh.norm() + self.shank.norm())

    @property
    def sole(self) -> Float[Tensor, "3"]:
        """The middle between heel and ball of a flat foot, relative to the ankle."""
        return (self.heel + self.foot + self.ball) / 2


def leg_of(rest_joints: Float[Tensor, "55 3"], side: str) -> Leg:
    """A leg and its contact points from rest joints with the soles on y = 0."""
    hip, knee, ankle, toe = (JOINT_INDEX[f"{side}_{n}"] for n in ("hip", "knee", "ankle", "foot"))
    at = rest_joints.double()
    ahead = at[toe] - at[ankle]
    ahead = ahead * torch.tensor([1.0, 0.0, 1.0], dtype=ahead.dtype)
    down = torch.tensor([0.0, -1.0, 0.0], dtype=ahead.dtype)
    return Leg(
        hip,
        knee,
        ankle,
        toe,
        at[knee] - at[hip],
        at[ankle] - at[knee],
        at[toe] - at[ankle],
        down * at[ankle, 1] - ahead * HEEL_BEHIND,
        down * at[toe, 1],
        down * at[toe, 1] + ahead * TOE_AHEAD,
    )


def turned(R: Float[Tensor, "*T 3 3"], v: Float[Tensor, "3"]) -> Float[Tensor, "*T 3"]:
    """A fixed vector in turning axes."""
    return (R @ v.to(R)[:, None])[..., 0]


def contact_points(
    leg: Leg,
    ankle: Float[Tensor, "T 3"],
    R_foot: Float[Tensor, "T 3 3"],
    R_toe: Float[Tensor, "T 3 3"],
) -> Float[Tensor, "T 3 3"]:
    """Heel, ball and toe tip in the world (T, point, xyz)."""
    toe = ankle + turned(R_foot, leg.foot)
    heel = ankle + turned(R_foot, leg.heel)
    return torch.stack([heel, toe + turned(R_toe, leg.ball), toe + turned(R_toe, leg.tip)], dim=1)


def _frame(along: Float[Tensor, "*T 3"], across: Float[Tensor, "*T 3"]) -> Float[Tensor, "*T 3 3"]:
    """Axes with x near ``across`` and -y along a bone, as columns."""
    down = torch.nn.functional.normalize(along, dim=-1)
    x = across - (across * down).sum(-1, keepdim=True) * down
    x = torch.nn.functional.normalize(x, dim=-1)
    return torch.stack([x, -down, torch.linalg.cross(x, -down)], dim=-1)


def bend(
    leg: Leg, hip: Float[Tensor, "T 3"], ankle: Float[Tensor, "T 3"], pole: Float[Tensor, "T 3"]
) -> tuple[Float[Tensor, "T 3"], Float[Tensor, "T 3"]]:
    """Knee and ankle of a leg that reaches from hip to ankle with its knee towards ``pole``.

    A target out of reach is drawn back along the leg; the last per cent of the reach is
    approached smoothly so that knees do not snap straight.
    """
    a, b = float(leg.thigh.norm()), float(leg.shank.norm())
    line = ankle - hip
    want = line.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    u = line / want
    reach, soft = (a + b) * 0.9995, (a + b) * 0.008
    over = want - (reach - soft)
    far = reach - soft * torch.exp(-over.clamp_min(0) / soft)
    dist = torch.where(over > 0, far, want).clamp_min(abs(a - b) + 0.05 * min(a, b))
    cosine = ((a * a + dist * dist - b * b) / (2 * a * dist)).clamp(-1, 1)
    out = pole - (pole * u).sum(-1, keepdim=True) * u
    out = torch.nn.functional.normalize(out, dim=-1)
    knee = hip + a * (u * cosine + out * (1 - cosine * cosine).clamp_min(0).sqrt())
    return knee, hip + u * dist


def leg_rotations(
    leg: Leg, hip: Float[Tensor, "T 3"], ankle: Float[Tensor, "T 3"], pole: Float[Tensor, "T 3"]
) -> tuple[Float[Tensor, "T 3 3"], Float[Tensor, "T 3 3"]]:
    """World rotations of thigh and shank whose hinge stands across the leg's plane."""
    knee, end = bend(leg, hip, ankle, pole)
    across = torch.linalg.cross(pole, end - hip, dim=-1)
    x = torch.tensor([1.0, 0.0, 0.0], dtype=hip.dtype)
    out = []
    for bone, direction in ((leg.thigh, knee - hip), (leg.shank, end - knee)):
        rest = _frame(bone.to(hip), x)
        out.append(_frame(direction, across) @ rest.T)
    return out[0], out[1]


def move_ankle(
    leg: Leg,
    hip: Float[Tensor, "T 3"],
    ankle: Float[Tensor, "T 3"],
    R_thigh: Float[Tensor, "T 3 3"],
    R_shank: Float[Tensor, "T 3 3"],
) -> tuple[Float[Tensor, "T 3 3"], Float[Tensor, "T 3 3"], Float[Tensor, "T 3"]]:
    """Turns thigh and shank as little as possible so that the leg ends at ``ankle``.

    Returns:
        New world rotations of thigh and shank, and where the ankle came to lie.
    """
    old_thigh, old_shank = turned(R_thigh, leg.thigh), turned(R_shank, leg.shank)
    line = torch.nn.functional.normalize(old_thigh + old_shank, dim=-1)
    knee_out = old_thigh - (old_thigh * line).sum(-1, keepdim=True) * line
    # A straight leg says little about its knee, and an overstretched one the wrong thing:
    # what lies before thigh and shank is where knees go.
    front = torch.tensor([0.0, 0.0, 1.0], dtype=hip.dtype)
    ahead = turned(R_thigh, front) + turned(R_shank, front)
    ahead = ahead - (ahead * line).sum(-1, keepdim=True) * line
    ahead = torch.nn.functional.normalize(ahead, dim=-1)
    forward = (knee_out * ahead).sum(-1, keepdim=True)
    least = 0.03 * leg.length
    pole = knee_out - forward * ahead
    pole = pole + ahead * (forward + (forward**2 + 4 * least**2).sqrt()) / 2
    knee, end = bend(leg, hip, ankle, pole)
    new_thigh = rotation_between(old_thigh, knee - hip) @ R_thigh
    new_shank = rotation_between(old_shank, end - knee) @ R_shank
    return new_thigh, new_shank, end
