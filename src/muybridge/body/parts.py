"""Which part of the body each vertex belongs to."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from muybridge.body.types import Part

_PREFIXES: tuple[tuple[str, Part], ...] = (
    ("head", Part.HEAD),
    ("eye", Part.HEAD),
    ("jaw", Part.HEAD),
    ("neck", Part.NECK),
    ("spine05", Part.HIPS),
    ("spine04", Part.TORSO),
    ("spine", Part.TORSO),
    ("clavicle", Part.TORSO),
    ("shoulder01", Part.TORSO),
    ("root", Part.HIPS),
    ("pelvis", Part.HIPS),
)
_LIMBS: tuple[tuple[str, str], ...] = (
    ("upperarm", "UPPER_ARM"),
    ("lowerarm", "FOREARM"),
    ("wrist", "HAND"),
    ("metacarpal", "HAND"),
    ("finger", "HAND"),
    ("upperleg", "THIGH"),
    ("lowerleg", "CALF"),
    ("foot", "FOOT"),
    ("toe", "FOOT"),
)
_JOINT_PARTS: dict[str, str] = {
    "hip": "THIGH",
    "knee": "CALF",
    "ankle": "FOOT",
    "foot": "FOOT",
    "shoulder": "UPPER_ARM",
    "elbow": "FOREARM",
    "wrist": "HAND",
}


def bone_part(bone: str) -> Part:
    """The part that a bone of the built-in rig moves."""
    for prefix, part in _PREFIXES:
        if bone.startswith(prefix):
            return part
    side = "LEFT" if bone.endswith(".L") else "RIGHT"
    for prefix, limb in _LIMBS:
        if bone.startswith(prefix):
            return Part[f"{side}_{limb}"]
    return Part.TORSO


def joint_part(joint: str) -> Part:
    """The part that a joint of the 55 moves."""
    side, _, rest = joint.partition("_")
    if side in ("left", "right") and rest not in ("collar", "eye"):
        limb = _JOINT_PARTS.get(rest, "HAND")
        return Part[f"{side.upper()}_{limb}"]
    if joint == "pelvis":
        return Part.HIPS
    if joint == "neck":
        return Part.NECK
    return Part.HEAD if joint in ("head", "jaw", "left_eye", "right_eye") else Part.TORSO


def vertex_parts(weights: Float[Tensor, "N B"], bones: tuple[str, ...]) -> UInt8[Tensor, "N"]:  # noqa: F821
    """The part with the largest share of each vertex' skinning weights.

    Args:
        weights: skinning weights.
        bones: names of the built-in rig's bones, or of joints.
    """
    named = [joint_part(b) if "." not in b and b in _JOINTS else bone_part(b) for b in bones]
    share = torch.zeros(len(weights), max(Part) + 1)
    share.index_add_(1, torch.tensor([int(p) for p in named]), weights)
    return share.argmax(1).to(torch.uint8)


def _joint_names() -> frozenset[str]:
    from muybridge.body.skeleton import JOINTS

    return frozenset(JOINTS)


_JOINTS = _joint_names()
