"""What people do, by number: built-in clips varied, actions, and walks through drawn poses.

>>> move(12, body.rest_joints, frames=24).frames
24
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import roma
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body.skeleton import JOINT_INDEX
from muybridge.motion import HAND_POSES, Motion, clips, expression, hand_pose, mirror
from muybridge.motion.clips.locomotion import two_feet
from muybridge.motion.clips.rig import Rig
from muybridge.synthetic.actions import ACTIONS, perform
from muybridge.synthetic.dice import Dice
from muybridge.synthetic.pose_walk import place_arms, wander
from muybridge.synthetic.splits import split_of

KINDS: dict[str, float] = {
    "wander": 6.0, "walk": 2.0, "run": 1.2, "turn": 1.5, "wave": 0.8, "jump": 0.8, "idle": 0.8,
    "sit": 1.2, "bend": 1.2, "reach": 1.2, "kick": 1.0, "stretch": 1.2, "lunge": 1.0, "talk": 1.2,
}
"""Kinds of motion that every split has, with how often they are drawn."""
ONLY_IN: dict[str, str] = {"validation": "squat", "test": "dance"}
"""A kind that no other split has."""
_SECONDS = {"sit": 3.6, "bend": 3.0, "reach": 2.6, "kick": 1.6, "stretch": 4.4, "lunge": 2.8,
            "talk": 4.0}
_BENT = {
    "spine1": 3.0, "spine2": 4.0, "spine3": 4.0, "neck": 8.0, "head": 9.0,
    "left_collar": 2.0, "right_collar": 2.0, "left_shoulder": 12.0, "right_shoulder": 12.0,
    "left_elbow": 9.0, "right_elbow": 9.0, "left_wrist": 9.0, "right_wrist": 9.0,
}
"""Joints that a clip's variation turns, and by how many degrees at most."""
_FACES = ("mouthSmileLeft", "mouthSmileRight", "jawOpen", "browInnerUp", "eyeSquintLeft",
          "eyeSquintRight", "mouthPucker", "browDownLeft", "browDownRight")


def kind_of(number: int) -> str:
    """What a motion's number stands for."""
    weights = dict(KINDS)
    special = ONLY_IN.get(split_of(number))
    if special:
        weights[special] = sum(KINDS.values()) / 3
    return Dice("kind of motion", number).weighted(weights)


def move(
    number: int,
    rest_joints: Float[Tensor, "55 3"],
    frames: int,
    fps: Fraction | int = Fraction(24),
    arms_out: float = 0.0,
) -> Motion:
    """A motion on a body, begun anywhere within what it shows.

    Args:
        number: of the motion; what it shows depends on nothing else.
        rest_joints: of the body, T-pose, soles on y = 0, metres.
        frames: how many.
        fps: frames per second.
        arms_out: degrees by which arms are held further from the body, for stout people
            and thick clothes.
    """
    dice, kind, rate = Dice("motion", number), kind_of(number), Fraction(fps)
    if kind in clips.CLIPS:
        motion = _clip(kind, dice, rest_joints, frames, rate, arms_out)
    else:
        span = max(_SECONDS.get(kind, 0.0) * dice.between(0.8, 1.3), frames / float(rate))
        start = dice.between(0.06, 0.5) * (span - frames / float(rate))
        time = start + torch.arange(frames, dtype=torch.float64) / float(rate)
        rig = Rig(time, rest_joints)
        if kind in ACTIONS:
            perform(kind, rig, dice, span, arms_out)
        else:
            wander(rig, dice, arms_out)
        motion = rig.motion(rate, kind)
    motion = _with_hands_and_face(motion, dice)
    motion = mirror(motion) if dice.chance(0.5) else motion
    motion = replace(motion, rest_joints=rest_joints, name=f"{kind}-{number}")
    return motion.checked(f"motion {number}")


def reference_pose(
    number: int, rest_joints: Float[Tensor, "55 3"], arms_out: float = 0.0
) -> Motion:
    """How a person stands for their reference pictures: upright, arms slightly away.

    Args:
        number: of the identity.
        rest_joints: of the body, metres.
        arms_out: degrees more between arms and body.
    """
    dice = Dice("reference pose", number)
    rig = Rig(torch.zeros(1, dtype=torch.float64), rest_joints)
    rig.root[:, 1] -= 0.006 * rig.scale
    rig.turn("pelvis", x=2.0)
    rig.stand(two_feet(rig, dice.between(0.085, 0.16), dice.between(4, 16)),
              knees_out=dice.between(3, 9))
    rig.spine(x=dice.between(0, 4))
    rig.turn("head", x=dice.near(-1, 4), y=dice.near(0, 5))
    spread, elbow = dice.between(8, 32), dice.between(6, 24)
    place_arms(rig, {
        side: {
            "swing": rig.curve(dice.near(2, 6)), "spread": rig.curve(spread + dice.near(0, 3)),
            "twist": rig.curve(dice.near(4, 8)), "elbow": rig.curve(elbow + dice.near(0, 4)),
            "wrist": rig.curve(dice.near(4, 6)), "pronation": rig.curve(dice.between(-20, 20)),
        }
        for side in ("left", "right")
    }, arms_out)
    motion = rig.motion(Fraction(24), "reference")
    return replace(motion, rest_joints=rest_joints).checked(f"reference pose {number}")


def _clip(
    name: str, dice: Dice, rest: Float[Tensor, "55 3"], frames: int, rate: Fraction,
    arms_out: float,
) -> Motion:
    """A built-in clip at another pace, begun elsewhere, with other arms and another carriage."""
    clip = clips.CLIPS[name]
    pace = Fraction(round(100 * dice.between(0.75, 1.3)), 100)
    slow = rate / pace
    whole = max(frames, round(clip.seconds * slow))
    span = 2 * whole if clip.cyclic else whole
    start = int(dice.between(0, max(0, span - frames)))
    motion = clips.make(name, max(span, start + frames), slow, rest_joints=rest)
    motion = replace(motion.slice(start, start + frames), fps=rate)
    level = torch.tensor([1.0, 0.0, 1.0])
    root = motion.root_position - motion.root_position[:1] * level
    return _varied(replace(motion, root_position=root), dice, arms_out)


def _varied(motion: Motion, dice: Dice, arms_out: float) -> Motion:
    """Upper body turned by angles that change slowly, and moved more or less; feet as they are."""
    time = torch.arange(motion.frames, dtype=torch.float64) / float(motion.fps)
    R = motion.R_parent_joint.double().clone()
    amplitude = dice.between(0.7, 1.25)
    for name, reach in _BENT.items():
        j = JOINT_INDEX[name]
        middle = roma.special_procrustes(R[:, j].mean(0))
        swing = roma.rotmat_to_rotvec(middle.T @ R[:, j])
        turn = torch.zeros(motion.frames, 3, dtype=torch.float64)
        for axis in range(3):
            if "elbow" in name and axis == 0:
                continue
            wave = torch.sin(2 * torch.pi * (dice.between(0.15, 0.6) * time + dice.between(0, 1)))
            turn[:, axis] = torch.deg2rad(dice.near(0, reach) + dice.near(0, 0.5 * reach) * wave)
        R[:, j] = middle @ roma.rotvec_to_rotmat(amplitude * swing) @ roma.rotvec_to_rotmat(turn)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        j = JOINT_INDEX[f"{side}_shoulder"]
        out = torch.tensor([0.0, 0.0, sign * (arms_out + dice.between(0, 6))], dtype=torch.float64)
        R[:, j] = roma.rotvec_to_rotmat(torch.deg2rad(out)) @ R[:, j]
    return replace(motion, R_parent_joint=R.float())


def _with_hands_and_face(motion: Motion, dice: Dice) -> Motion:
    """Hands between two named poses, a face that changes a little; blinks are kept."""
    R = motion.R_parent_joint.clone()
    for side, first in (("left", 25), ("right", 40)):
        a, b = (hand_pose(dice.one_of(HAND_POSES), side) for _ in range(2))
        path = roma.rotmat_to_rotvec(a.transpose(-1, -2) @ b)
        R[:, first : first + 15] = a @ roma.rotvec_to_rotmat(path * dice.between(0, 1))
    face = dict(motion.face)
    for name in _FACES:
        if dice.chance(0.25):
            face |= expression(
                motion.frames, **{name: [dice.between(0, 0.6), dice.between(0, 0.6)]}
            )
    return replace(motion, R_parent_joint=R, face=face)
