"""Motions nobody planned: from pose to pose, each drawn within what joints can do.

Arms, back and head go through keyframes by curves that never overshoot; feet stand or
step; legs follow by inverse kinematics, so feet on the ground stay there.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from torch import Tensor

from muybridge.body.skeleton import JOINT_INDEX
from muybridge.motion.clips.footprints import Footprint, FootTrack, track_foot
from muybridge.motion.clips.rig import Curve, Rig, glide
from muybridge.motion.kinematics import forward_kinematics
from muybridge.motion.legs import SIDES
from muybridge.synthetic.dice import Dice

Range = tuple[float, float]
ARM_POSES: dict[str, dict[str, Range]] = {
    "hang": {"swing": (-22, 28), "spread": (10, 32), "twist": (-10, 25), "elbow": (5, 45)},
    "out": {"swing": (-12, 45), "spread": (45, 112), "twist": (-30, 25), "elbow": (0, 85)},
    "front": {"swing": (45, 112), "spread": (8, 40), "twist": (-15, 40), "elbow": (0, 100)},
    "up": {"swing": (-5, 35), "spread": (115, 165), "twist": (-60, 5), "elbow": (0, 75)},
    "hip": {"swing": (-18, 2), "spread": (38, 52), "twist": (25, 45), "elbow": (80, 105)},
    "head": {"swing": (50, 75), "spread": (60, 95), "twist": (-70, -35), "elbow": (110, 135)},
}
"""Families of arm poses: ranges of :meth:`Rig.arm`'s degrees."""
_OFTEN = {"hang": 3.0, "out": 2.0, "front": 2.0, "up": 1.5, "hip": 0.8, "head": 0.7}
_TRUNK = (0.155, 0.125)
"""Half width and half depth of the nominal trunk that hands keep out of, metres."""


def wander(rig: Rig, dice: Dice, arms_out: float = 0.0) -> None:
    """Poses a walk through drawn poses.

    Args:
        rig: of any length.
        dice: what is drawn from.
        arms_out: degrees by which arms are held further from the body.
    """
    keys = _key_times(rig, dice)
    _trunk(rig, dice, keys)
    rig.stand(_steps(rig, dice, keys), knees_out=dice.between(3, 14))
    arms = {side: _arm_curves(rig, dice, keys) for side in SIDES}
    place_arms(rig, arms, arms_out)


def place_arms(rig: Rig, arms: Mapping[str, Mapping[str, Curve]], arms_out: float = 0.0) -> None:
    """Poses both arms, held further out in the frames in which a hand would be in the trunk."""
    out = {side: torch.full_like(rig.time, arms_out) for side in SIDES}
    for _ in range(5):
        hit = False
        for side in SIDES:
            for joint in ("collar", "shoulder", "elbow", "wrist"):
                rig.R[:, JOINT_INDEX[f"{side}_{joint}"]] = torch.eye(3, dtype=torch.float64)
            curves = dict(arms[side])
            curves["spread"] = curves["spread"] + out[side]
            rig.arm(side, **curves)
        for side in SIDES:
            inside = _in_trunk(rig, side)
            if bool(inside.any()):
                hit = True
                out[side] = out[side] + 9.0 * _widened(inside, rig.time)
        if not hit:
            return


def _widened(flags: Bool[Tensor, "T"], time: Curve) -> Curve:
    """1 where the flags are set, fading to 0 within a third of a second."""
    if len(flags) == 1:
        return flags.double()
    sigma = 0.09 / float(time[1] - time[0])
    wide = maximum_filter1d(flags.double().numpy(), 2 * max(1, round(2 * sigma)) + 1)
    return torch.from_numpy(gaussian_filter1d(wide, sigma, mode="nearest"))


def _key_times(rig: Rig, dice: Dice) -> list[float]:
    """Seconds of the keyframes; the first and the last lie outside of the motion."""
    times, end = [-dice.between(0, 0.5)], float(rig.time[-1])
    while times[-1] < end or len(times) < 2:
        times.append(times[-1] + dice.between(0.45, 1.1))
    return times


def through(rig: Rig, keys: list[float], values: list[float]) -> Curve:
    """A curve through keyframes."""
    return glide(rig.time, list(zip(keys, values, strict=True)))


def _drawn(rig: Rig, dice: Dice, keys: list[float], middle: float, reach: float) -> Curve:
    return through(rig, keys, [dice.near(middle, reach) for _ in keys])


def _trunk(rig: Rig, dice: Dice, keys: list[float]) -> None:
    scale = rig.scale
    bold = dice.between(0.5, 1.3)
    rig.root[:, 0] += scale * _drawn(rig, dice, keys, 0.0, 0.07 * bold)
    rig.root[:, 1] -= scale * (0.01 + _drawn(rig, dice, keys, 0.05, 0.05) * bold)
    rig.root[:, 2] += scale * _drawn(rig, dice, keys, 0.0, 0.05 * bold)
    lean = _drawn(rig, dice, keys, 5.0, 12.0 * bold)
    rig.turn("pelvis", x=lean, z=_drawn(rig, dice, keys, 0, 6 * bold))
    rig.turn("pelvis", y=_drawn(rig, dice, keys, 0, 24 * bold))
    rig.spine(
        x=_drawn(rig, dice, keys, 5.0, 16.0 * bold),
        y=_drawn(rig, dice, keys, 0.0, 34.0 * bold),
        z=_drawn(rig, dice, keys, 0.0, 18.0 * bold),
    )
    rig.turn(
        "neck", x=-0.4 * lean + _drawn(rig, dice, keys, 0, 10), y=_drawn(rig, dice, keys, 0, 22),
    )
    rig.turn(
        "head", x=-0.3 * lean + _drawn(rig, dice, keys, -1, 12), y=_drawn(rig, dice, keys, 0, 24),
        z=_drawn(rig, dice, keys, 0, 9),
    )


def _arm_curves(rig: Rig, dice: Dice, keys: list[float]) -> dict[str, Curve]:
    rows: dict[str, list[float]] = {}
    family = dice.weighted(_OFTEN)
    for _ in keys:
        if dice.chance(0.5):
            family = dice.weighted(_OFTEN)
        for name, (low, high) in ARM_POSES[family].items():
            rows.setdefault(name, []).append(dice.between(low, high))
        rows.setdefault("wrist", []).append(dice.between(-15, 25))
        rows.setdefault("pronation", []).append(dice.between(-40, 45))
    return {name: through(rig, keys, values) for name, values in rows.items()}


def _steps(rig: Rig, dice: Dice, keys: list[float]) -> dict[str, FootTrack]:
    """Feet that stand, or of which one steps to a new place between two keyframes."""
    scale = rig.scale
    restless = dice.chance(0.6)
    where = {
        side: [sign * dice.between(0.085, 0.17), dice.near(0.0, 0.07), sign * dice.between(2, 22)]
        for side, sign in (("left", 1.0), ("right", -1.0))
    }
    prints: dict[str, list[Footprint]] = {side: [] for side in SIDES}
    since = {side: -1e3 for side in SIDES}
    turn = dice.one_of(SIDES)
    for start, stop in zip(keys, keys[1:], strict=False):
        if not (restless and dice.chance(0.7)):
            continue
        begin, end = start + 0.1 * (stop - start), start + 0.1 * (stop - start) + 0.42
        prints[turn].append(_print(rig, turn, where[turn], since[turn], begin))
        sign = 1.0 if turn == "left" else -1.0
        where[turn] = [
            sign * dice.between(0.08, 0.24), dice.near(0.0, 0.16), sign * dice.between(0, 28)
        ]
        since[turn] = end
        turn = "right" if turn == "left" else "left"
    tracks = {}
    for side in SIDES:
        prints[side].append(_print(rig, side, where[side], since[side], 1e3))
        # the lift is the clearance of the swing that follows
        tracks[side] = track_foot(
            rig.legs[side], rig.time,
            [_lifted(p, dice.between(0.03, 0.1) * scale) for p in prints[side]],
        )
    return tracks


def _print(rig: Rig, side: str, at: list[float], start: float, end: float) -> Footprint:
    leg = rig.legs[side]
    z = float(leg.sole[2]) + float(rig.rest[leg.ankle, 2]) + at[1] * rig.scale
    return Footprint(start, end, at[0] * rig.scale, z, at[2], 4.0, 22.0, 0.05, 0.12)


def _lifted(p: Footprint, lift: float) -> Footprint:
    return Footprint(p.start, p.end, p.x, p.z, p.yaw, p.strike, p.push, p.flat, p.rise, lift)


def _in_trunk(rig: Rig, side: str) -> Bool[Tensor, "T"]:
    """Frames in which wrist, knuckles or fingertips of a side lie in the trunk."""
    R, joints = forward_kinematics(rig.R, rig.root, rig.rest)
    inside = torch.zeros(len(rig.time), dtype=torch.bool)
    for name in ("wrist", "middle1", "middle3"):
        point = joints[:, JOINT_INDEX[f"{side}_{name}"]]
        for level, grow in (("pelvis", 1.12), ("spine1", 1.05), ("spine2", 1.0), ("spine3", 1.0)):
            inside |= _near(rig, R, joints, point, level, grow)
    return inside


def _near(
    rig: Rig, R: Float[Tensor, "T 55 3 3"], joints: Float[Tensor, "T 55 3"],
    point: Float[Tensor, "T 3"], level: str, grow: float,
) -> Bool[Tensor, "T"]:
    """Whether a point lies in the trunk's ellipsoid about a joint of the back."""
    j = JOINT_INDEX[level]
    local = torch.einsum("tji,tj->ti", R[:, j], point - joints[:, j]) / (rig.scale * grow)
    local = local - torch.tensor([0.0, 0.03, 0.03], dtype=local.dtype)
    radii = torch.tensor([_TRUNK[0], 0.12, _TRUNK[1]], dtype=local.dtype)
    return (local / radii).square().sum(-1) < 1.0
