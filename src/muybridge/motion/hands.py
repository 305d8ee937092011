"""Named hand poses.

Fingers curl about the canonical Z axis (a left hand lies along +X, palm down, in the
T-pose) and spread about Y; a right hand is the mirror image.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import radians

import roma
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body.skeleton import JOINT_INDEX, LEFT_HAND_JOINTS, RIGHT_HAND_JOINTS
from muybridge.errors import InputError
from muybridge.motion.types import Motion

# Degrees of curl of each finger's three knuckles, and its spread at the first one.
_CURL: dict[str, dict[str, tuple[float, float, float, float]]] = {
    "open": {f: (0.0, 0.0, 0.0, 0.0) for f in ("index", "middle", "ring", "pinky")},
    "relaxed": {
        "index": (18.0, 24.0, 14.0, 1.0),
        "middle": (24.0, 30.0, 18.0, 0.0),
        "ring": (29.0, 33.0, 20.0, 2.0),
        "pinky": (32.0, 34.0, 22.0, 5.0),
    },
    "fist": {
        "index": (72.0, 88.0, 55.0, 0.0),
        "middle": (76.0, 90.0, 58.0, 0.0),
        "ring": (78.0, 90.0, 58.0, 1.0),
        "pinky": (80.0, 86.0, 55.0, 3.0),
    },
    "point": {
        "index": (2.0, 3.0, 2.0, 0.0),
        "middle": (74.0, 90.0, 56.0, 0.0),
        "ring": (78.0, 90.0, 58.0, 1.0),
        "pinky": (80.0, 86.0, 55.0, 3.0),
    },
    "flat": {
        "index": (4.0, 3.0, 2.0, -2.0),
        "middle": (4.0, 3.0, 2.0, 0.0),
        "ring": (4.0, 3.0, 2.0, 2.0),
        "pinky": (4.0, 3.0, 2.0, 5.0),
    },
}
# Thumb: rotation vectors (degrees) of its three joints, left hand.
_THUMB: dict[str, tuple[tuple[float, float, float], ...]] = {
    "open": ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    "relaxed": ((-8.0, 10.0, -10.0), (0.0, 12.0, -4.0), (0.0, 14.0, -4.0)),
    "fist": ((-22.0, 26.0, -28.0), (-4.0, 34.0, -14.0), (0.0, 48.0, -14.0)),
    "point": ((-20.0, 24.0, -26.0), (-4.0, 30.0, -12.0), (0.0, 40.0, -12.0)),
    "flat": ((-4.0, 14.0, -4.0), (0.0, 8.0, 0.0), (0.0, 6.0, 0.0)),
}

HAND_POSES: tuple[str, ...] = tuple(_CURL)
"""Names that :func:`hand_pose` knows."""


def hand_pose(name: str, side: str) -> Float[Tensor, "15 3 3"]:
    """Rotations of a hand's 15 joints, in the skeleton's order (index, middle, pinky, ring, thumb).

    Args:
        name: one of :data:`HAND_POSES`.
        side: ``"left"`` or ``"right"``.

    Raises:
        InputError: an unknown name or side.
    """
    if name not in _CURL:
        raise InputError("hand pose", name, "is not known", "use one of " + ", ".join(_CURL))
    if side not in ("left", "right"):
        raise InputError("hand pose", side, "is not a side", "use left or right")
    degrees: list[tuple[float, float, float]] = []
    for finger in ("index", "middle", "pinky", "ring", "thumb"):
        if finger == "thumb":
            degrees += _THUMB[name]
            continue
        c1, c2, c3, spread = _CURL[name][finger]
        degrees += [(0.0, spread, -c1), (0.0, 0.0, -c2), (0.0, 0.0, -c3)]
    rotvec = torch.tensor([[radians(x) for x in row] for row in degrees])
    if side == "right":  # Mirror in the plane x = 0: y and z turns change sign.
        rotvec = rotvec * torch.tensor([1.0, -1.0, -1.0])
    return roma.rotvec_to_rotmat(rotvec)


def relaxed_hands() -> Float[Tensor, "30 3 3"]:
    """Both hands relaxed: rotations of joints 25..54."""
    return _relaxed().clone()


@cache
def _relaxed() -> Float[Tensor, "30 3 3"]:
    return torch.cat([hand_pose("relaxed", "left"), hand_pose("relaxed", "right")])


def with_hands(motion: Motion, left: str = "relaxed", right: str = "relaxed") -> Motion:
    """The motion with its hands held in named poses in every frame.

    Raises:
        InputError: an unknown name.
    """
    R = motion.R_parent_joint.clone()
    for side, name, joints in (
        ("left", left, LEFT_HAND_JOINTS),
        ("right", right, RIGHT_HAND_JOINTS),
    ):
        R[:, [JOINT_INDEX[j] for j in joints]] = hand_pose(name, side).to(R)
    return replace(motion, R_parent_joint=R)
