"""Motions with a purpose: sit, bend, reach, kick, stretch, lunge, talk.

Each begins and ends standing, within the seconds that it is given, and is different for
every :class:`~muybridge.synthetic.dice.Dice`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from muybridge.motion.clips.footprints import Footprint, FootTrack, track_foot
from muybridge.motion.clips.locomotion import two_feet
from muybridge.motion.clips.rig import Curve, Rig, ease, glide
from muybridge.motion.kinematics import axis_rotation
from muybridge.motion.legs import SIDES, turned
from muybridge.synthetic.dice import Dice
from muybridge.synthetic.pose_walk import place_arms

Arms = dict[str, dict[str, Curve]]
Action = Callable[[Rig, Dice, float], Arms]


def perform(name: str, rig: Rig, dice: Dice, seconds: float, arms_out: float = 0.0) -> None:
    """Poses one of :data:`ACTIONS`.

    Args:
        name: of the action.
        rig: whose time may run beyond the action; it then stands.
        dice: what is drawn from.
        seconds: that the action takes.
        arms_out: degrees by which arms are held further from the body.
    """
    place_arms(rig, ACTIONS[name](rig, dice, seconds), arms_out)


def _held(rig: Rig, dice: Dice, seconds: float) -> Curve:
    """0 at both ends, 1 while the pose of an action is held."""
    t = rig.time / seconds
    rise, fall = dice.between(0.28, 0.42), dice.between(0.6, 0.72)
    return glide(t, [(0.0, 0.0), (0.04, 0.0), (rise, 1.0), (fall, 1.0), (0.96, 0.0), (1.0, 0.0)])


def _both(rig: Rig, dice: Dice, amount: Curve, **goal: float) -> dict[str, Curve]:
    """An arm that goes from hanging to a pose by ``amount``."""
    rest = {"swing": dice.near(4, 5), "spread": dice.near(13, 5), "twist": 6.0,
            "elbow": dice.near(18, 8), "wrist": 5.0, "pronation": 12.0}
    return {k: v + (goal.get(k, v) - v) * amount for k, v in rest.items()}


def _sit(rig: Rig, dice: Dice, seconds: float) -> Arms:
    """Down as onto a chair that is not there: thighs level, trunk upright, and up again."""
    down = _held(rig, dice, seconds)
    lean = glide(rig.time / seconds, [
        (0.0, 0.0), (0.2, 1.0), (0.4, 0.3), (0.6, 0.3), (0.78, 1.0), (1.0, 0.0),
    ])
    leg, depth = rig.leg_length, dice.between(0.36, 0.47)
    rig.root[:, 1] -= depth * leg * down + 0.006 * rig.scale
    rig.root[:, 2] -= dice.between(0.36, 0.44) * leg * down
    rig.turn("pelvis", x=30.0 * lean * down + dice.near(0, 6) * down)
    rig.stand(two_feet(rig, dice.between(0.09, 0.17), dice.between(4, 16)),
              knees_out=dice.between(2, 12))
    rig.spine(x=dice.between(8, 26) * lean, y=dice.near(0, 18) * down)
    rig.turn("neck", x=-8.0 * lean, y=dice.near(0, 20) * down)
    rig.turn("head", x=-8.0 * lean, y=dice.near(0, 20) * down)
    on_thighs = {"swing": dice.between(22, 48), "spread": dice.between(12, 22),
                 "twist": dice.between(0, 30), "elbow": dice.between(30, 75)}
    return {side: _both(rig, dice, down, **on_thighs) for side in SIDES}


def _bend(rig: Rig, dice: Dice, seconds: float) -> Arms:
    """Forward and down, to one side, as for something on the floor; knees give a little."""
    down = _held(rig, dice, seconds)
    leg, side = rig.leg_length, dice.near(0, 1)
    deep = dice.between(0.55, 1.0)
    rig.root[:, 1] -= (0.02 + 0.12 * deep) * leg * down
    rig.root[:, 2] -= 0.16 * leg * deep * down
    rig.turn("pelvis", x=48.0 * deep * down, z=-5.0 * side * down)
    rig.turn("pelvis", y=16.0 * side * down)
    rig.stand(two_feet(rig, dice.between(0.09, 0.18), dice.between(4, 14)),
              knees_out=dice.between(3, 10))
    rig.spine(x=(14 + 34.0 * deep) * down, y=14 * side * down, z=-8 * side * down)
    rig.turn("neck", x=-dice.between(0, 22) * down)
    rig.turn("head", x=-dice.between(0, 18) * down, y=dice.near(0, 15) * down)
    arms: Arms = {}
    for name, sign in (("left", 1.0), ("right", -1.0)):
        ahead = 52 + 42.0 * deep + 12 * sign * side
        arms[name] = _both(rig, dice, down, swing=ahead, spread=dice.between(8, 22),
                           twist=dice.between(0, 18), elbow=dice.between(4, 40))
    return arms


def _reach(rig: Rig, dice: Dice, seconds: float) -> Arms:
    """One arm up, ahead or out as far as it goes, the trunk after it; the other stays."""
    far = _held(rig, dice, seconds)
    name, sign = dice.one_of((("left", 1.0), ("right", -1.0)))
    high, aside = dice.between(70, 165), dice.between(0, 85)
    rig.root[:, 0] += sign * dice.between(0.0, 0.07) * rig.scale * far
    rig.root[:, 1] -= 0.008 * rig.scale
    rig.root[:, 2] += dice.between(-0.02, 0.05) * rig.scale * far
    rig.turn("pelvis", x=3.0, y=-sign * dice.between(0, 18) * far, z=sign * 4.0 * far)
    rig.stand(two_feet(rig, dice.between(0.09, 0.2), dice.between(4, 16),
                       (dice.near(0, 0.1), dice.near(0, 0.1))), knees_out=7.0)
    rig.spine(x=dice.between(-8, 10) * far, y=-sign * dice.between(0, 30) * far,
              z=sign * dice.between(-14, 14) * far)
    rig.turn("neck", x=-(high - 90) * 0.12 * far, y=sign * aside * 0.3 * far)
    rig.turn("head", x=-(high - 90) * 0.15 * far, y=sign * aside * 0.35 * far)
    share = aside / 85
    arm = _both(rig, dice, far, swing=high * (1 - share) * 0.95, spread=14 + high * share,
                twist=dice.between(-20, 15), elbow=dice.between(0, 30))
    other = _both(rig, dice, far, swing=dice.between(-18, 12), spread=dice.between(12, 45),
                  elbow=dice.between(10, 90))
    return {name: arm, "right" if name == "left" else "left": other}


def _kick(rig: Rig, dice: Dice, seconds: float) -> Arms:
    """One leg swings up ahead, straight or with a bent knee; the other one stands."""
    name, sign = dice.one_of((("left", 1.0), ("right", -1.0)))
    t = rig.time / seconds
    lift = ease((t - 0.12) / 0.2) * ease((0.9 - t) / 0.2)
    out = ease((t - 0.26) / 0.16) * ease((0.76 - t) / 0.2)
    height, straight = dice.between(40, 88), dice.between(0.0, 1.0)
    rig.root[:, 0] -= sign * 0.085 * rig.scale * ease(t / 0.16) * ease((1 - t) / 0.14)
    rig.root[:, 1] -= 0.012 * rig.scale
    rig.turn("pelvis", x=-dice.between(2, 12) * lift, z=sign * 3.0 * lift)
    rig.turn("pelvis", y=-sign * dice.between(0, 14) * lift)
    tracks = two_feet(rig, 0.1, dice.between(4, 14))
    tracks[name] = _swung(rig, tracks[name], name, lift * height, lift * (
        (1 - out) * 70 + out * (70 - 62 * straight)
    ))
    rig.stand(tracks, knees_out=6.0)
    rig.spine(x=dice.between(4, 20) * lift, y=sign * dice.between(0, 16) * lift)
    rig.turn("head", x=dice.between(-4, 10) * lift)
    arms: Arms = {}
    for arm, s in (("left", 1.0), ("right", -1.0)):
        cross = 1.0 if s != sign else -0.7
        arms[arm] = _both(rig, dice, lift, swing=cross * dice.between(10, 50),
                          spread=dice.between(25, 75), elbow=dice.between(10, 70))
    return arms


def _swung(rig: Rig, standing: FootTrack, side: str, hip: Curve, knee: Curve) -> FootTrack:
    """A foot at the end of a leg that is lifted by ``hip`` and bent by ``knee`` degrees."""
    leg = rig.legs[side]
    R_thigh = axis_rotation("x", -torch.deg2rad(hip))
    R_shank = R_thigh @ axis_rotation("x", torch.deg2rad(knee))
    start = rig.root + turned(rig.R[:, 0], rig.rest[leg.hip] - rig.rest[0])
    swung = start + turned(R_thigh, leg.thigh) + turned(R_shank, leg.shank)
    up = (hip / 12).clamp(0, 1)
    up = up * up * (3 - 2 * up)
    ankle = standing.ankle + (swung - standing.ankle) * up[:, None]
    point = axis_rotation("x", torch.deg2rad(knee * 0.25 - hip * 0.75) * up)
    return FootTrack(ankle, point @ standing.R, standing.toe_flex, (up < 0.02).double())


def _stretch(rig: Rig, dice: Dice, seconds: float) -> Arms:
    """Both arms over the head, then to one side and to the other, or a twist of the trunk."""
    t = rig.time / seconds
    up = ease(t / 0.25) * ease((1 - t) / 0.25)
    sway = torch.sin(2 * torch.pi * (t - 0.25) / 0.5 * dice.between(0.8, 1.3))
    sway = sway * ease((t - 0.22) / 0.1) * ease((0.8 - t) / 0.1) * dice.one_of((-1.0, 1.0))
    side, twist = dice.between(6, 26), dice.between(0, 40)
    rig.root[:, 0] -= 0.03 * rig.scale * sway
    rig.root[:, 1] -= 0.008 * rig.scale
    rig.turn("pelvis", x=2.0, y=0.2 * twist * sway, z=3.0 * sway)
    rig.stand(two_feet(rig, dice.between(0.1, 0.24), dice.between(5, 18)), knees_out=6.0)
    rig.spine(x=-dice.between(0, 10) * up, y=twist * sway, z=-side * sway)
    rig.turn("head", x=-dice.between(0, 12) * up, y=0.4 * twist * sway)
    high, elbow = dice.between(85, 165), dice.between(0, 60)
    twisted = dice.between(-50, 10)
    return {name: _both(rig, dice, up, swing=dice.between(-5, 25), spread=high, twist=twisted,
                        elbow=elbow) for name in SIDES}


def _lunge(rig: Rig, dice: Dice, seconds: float) -> Arms:
    """A long step ahead, down over it, and back."""
    name, sign = dice.one_of((("left", 1.0), ("right", -1.0)))
    t = rig.time / seconds
    far, deep = dice.between(0.42, 0.7) * rig.scale, dice.between(0.1, 0.3) * rig.leg_length
    go = ease((t - 0.06) / 0.24) * ease((0.94 - t) / 0.24)
    down = ease((t - 0.16) / 0.22) * ease((0.84 - t) / 0.22)
    rig.root[:, 2] += 0.5 * far * go
    rig.root[:, 1] -= deep * down + 0.01 * rig.scale
    rig.turn("pelvis", x=dice.between(0, 14) * down)
    tracks: dict[str, FootTrack] = {}
    for side, s in (("left", 1.0), ("right", -1.0)):
        leg, x = rig.legs[side], s * 0.11 * rig.scale
        z = float(leg.sole[2]) + float(rig.rest[leg.ankle, 2])
        stand = Footprint(-1e3, 0.06 * seconds, x, z, s * 6, 4, 16, 0.05, 0.1, 0.07 * rig.scale)
        if side == name:
            ahead = Footprint(0.3 * seconds, 0.7 * seconds, x, z + far, s * 4, 10, 8, 0.06, 0.1,
                              0.07 * rig.scale)
            back = Footprint(0.94 * seconds, 1e3, x, z, s * 6)
            tracks[side] = track_foot(leg, rig.time, [stand, ahead, back])
        else:
            # the foot behind goes up on its ball
            tracks[side] = two_feet(rig, 0.11, 6.0)[side]
    rig.stand(tracks, knees_out=4.0)
    rig.spine(x=dice.between(-4, 12) * down, y=sign * dice.near(0, 20) * down)
    rig.turn("head", x=-4.0 * down, y=dice.near(0, 25) * down)
    arms: Arms = {}
    for arm in SIDES:
        arms[arm] = _both(rig, dice, down, swing=dice.between(-20, 80), elbow=dice.between(5, 100),
                          spread=dice.between(10, 90))
    return arms


def _talk(rig: Rig, dice: Dice, seconds: float) -> Arms:
    """Speaks with both hands: forearms up, each beating its own time."""
    t = rig.time / seconds
    up = ease(t / 0.15) * ease((1 - t) / 0.15)
    shift = torch.sin(2 * torch.pi * t * dice.between(0.6, 1.6) + dice.between(0, 6))
    rig.root[:, 0] += 0.02 * rig.scale * shift
    rig.root[:, 1] -= 0.007 * rig.scale
    rig.turn("pelvis", x=2.0, y=4 * shift, z=-2.0 * shift)
    rig.stand(two_feet(rig, dice.between(0.09, 0.14), dice.between(5, 14)), knees_out=7.0)
    rig.spine(x=dice.between(1, 7), y=-5 * shift, z=3 * shift)
    rig.turn("neck", y=dice.near(0, 14) * up)
    nod = torch.sin(2 * torch.pi * rig.time * dice.between(0.7, 1.3))
    rig.turn("head", x=4 * nod * up, y=dice.near(0, 16) * up + 4 * shift)
    arms: Arms = {}
    for side in SIDES:
        arm = _both(rig, dice, up, swing=dice.between(15, 50), spread=dice.between(14, 40),
                    twist=dice.between(0, 40), elbow=dice.between(60, 110),
                    pronation=dice.between(-60, 10))
        beat = torch.sin(2 * torch.pi * rig.time * dice.between(0.6, 1.4) + dice.between(0, 6))
        for key, reach in (("elbow", 18.0), ("twist", 16.0), ("swing", 8.0), ("wrist", 14.0)):
            arm[key] = arm[key] + reach * dice.between(0.4, 1.2) * beat * up
        arms[side] = arm
    return arms


ACTIONS: dict[str, Action] = {
    "sit": _sit, "bend": _bend, "reach": _reach, "kick": _kick,
    "stretch": _stretch, "lunge": _lunge, "talk": _talk,
}
"""By name."""
