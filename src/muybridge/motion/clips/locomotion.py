"""Walk, run, turn: clips that go places.

Joint curves after the normal-gait figures of Winter, "Biomechanics and Motor Control of
Human Movement", and Perry, "Gait Analysis"; the legs follow from footprints.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.motion.clips.footprints import Footprint, FootTrack, standing_print, track_foot
from muybridge.motion.clips.rig import Curve, Rig, ease, glide, loop
from muybridge.motion.kinematics import axis_rotation

TAU = 2 * torch.pi


def walk(rig: Rig, cycle: float, in_place: bool = False) -> None:
    """Poses a natural walk along +Z; one cycle is two steps, left heel first."""
    scale = rig.scale
    stride = 1.26 * scale * min(1.0, cycle) ** 0.5
    speed = stride / cycle
    phase = rig.time / cycle
    a, b = TAU * phase, 2 * TAU * phase
    start = rig.root[:, 2].clone()
    rig.root[:, 2] = start + speed * rig.time + 0.010 * scale * torch.sin(b + 2.2)
    rig.root[:, 0] += 0.022 * scale * torch.sin(a - 0.2)
    rig.root[:, 1] += scale * (-0.026 - 0.019 * torch.cos(b - 0.35))
    # Turned with the leg that is ahead, dropped on the side that swings.
    rig.turn("pelvis", x=2.5 + 1.0 * torch.cos(b), z=-3.6 * torch.sin(a + 0.25))
    rig.turn("pelvis", y=-5.5 * torch.cos(a))
    prints = _gait(rig, cycle, stride, stance=0.62, ahead=0.325 * scale)
    rig.stand(prints, knees_out=4.0)
    rig.spine(
        x=2.0 + 1.0 * torch.cos(b + 0.6), y=11.0 * torch.cos(a - 0.1), z=3.4 * torch.sin(a + 0.2)
    )
    rig.turn("neck", x=-1.0, y=-2.8 * torch.cos(a - 0.1))
    rig.turn("head", x=-3.0 - 0.8 * torch.cos(b + 0.9), y=-2.8 * torch.cos(a - 0.1))
    for side, shift in (("left", 0.0), ("right", 0.5)):
        # The arm is back when its own leg strikes.
        swing = loop(phase + shift, [(0.0, -21.0), (0.22, -6.0), (0.5, 20.0), (0.74, 4.0)])
        elbow = loop(phase + shift - 0.05, [(0.0, 13.0), (0.25, 19.0), (0.5, 37.0), (0.76, 27.0)])
        rig.arm(
            side,
            swing=swing,
            spread=10.0 + 1.0 * torch.cos(b),
            twist=6.0,
            elbow=elbow,
            wrist=4.0 + 5.0 * torch.cos(TAU * (phase + shift - 0.1)),
            pronation=12.0,
        )
    if in_place:
        rig.root[:, 2] -= speed * rig.time


def run(rig: Rig, cycle: float, in_place: bool = False) -> None:
    """Poses an easy run along +Z, with a flight after each step."""
    scale = rig.scale
    stride = 2.05 * scale
    speed = stride / cycle
    phase = rig.time / cycle
    a = TAU * phase
    stance = 0.33
    # The trunk is lowest in the middle of a stance and highest in the middle of a flight.
    wave = torch.cos(2 * (a - TAU * stance / 2))
    rig.root[:, 2] += speed * rig.time
    rig.root[:, 1] += scale * (-0.055 - 0.040 * wave)
    rig.root[:, 0] += 0.010 * scale * torch.sin(a - 0.2)
    rig.turn("pelvis", x=9.0 + 2.0 * wave, z=-4.0 * torch.sin(a + 0.4))
    rig.turn("pelvis", y=-9.0 * torch.cos(a - 0.3))
    prints = _gait(rig, cycle, stride, stance, ahead=0.25 * scale, running=True)
    rig.stand(prints, knees_out=3.0)
    rig.spine(x=3.0 + 2.0 * wave, y=20.0 * torch.cos(a - 0.4), z=3.5 * torch.sin(a + 0.4))
    rig.turn("neck", x=-4.0, y=-5.5 * torch.cos(a - 0.4))
    rig.turn("head", x=-8.0 - 1.5 * wave, y=-5.0 * torch.cos(a - 0.4))
    for side, shift in (("left", 0.0), ("right", 0.5)):
        p = phase + shift - 0.05
        swing = loop(p, [(0.0, -46.0), (0.25, -14.0), (0.5, 30.0), (0.75, 2.0)])
        elbow = loop(p, [(0.0, 78.0), (0.25, 84.0), (0.5, 104.0), (0.75, 92.0)])
        inward = loop(p, [(0.0, 2.0), (0.25, 10.0), (0.5, 32.0), (0.75, 16.0)])
        rig.arm(side, swing, spread=15.0, twist=inward, elbow=elbow, wrist=6.0, pronation=-25.0)
    if in_place:
        rig.root[:, 2] -= speed * rig.time


def _gait(
    rig: Rig, cycle: float, stride: float, stance: float, ahead: float, running: bool = False
) -> dict[str, FootTrack]:
    """Footprints of both feet, from before the first frame to after the last."""
    last = float(rig.time[-1]) / cycle if len(rig.time) else 0.0
    tracks = {}
    for side, shift, sign in (("left", 0.0, 1.0), ("right", 0.5, -1.0)):
        leg = rig.legs[side]
        middle = float(leg.sole[2])
        out = 0.055 if running else 0.068
        prints = []
        for k in range(-2, int(last) + 3):
            on = k + shift
            prints.append(
                Footprint(
                    on * cycle,
                    (on + stance) * cycle,
                    sign * out * rig.scale,
                    stride * on + ahead + middle,
                    yaw=sign * (3.0 if running else 6.0),
                    strike=8.0 if running else 21.0,
                    push=52.0 if running else 50.0,
                    flat=(0.10 if running else 0.09) * cycle,
                    rise=(0.19 if running else 0.28) * cycle,
                    lift=(0.24 if running else 0.035) * rig.scale,
                )
            )
        tracks[side] = track_foot(leg, rig.time, prints)
    return tracks


def turn(rig: Rig, seconds: float) -> None:
    """Poses a turn on the spot: once around to the left in eight small steps, then still."""
    scale = rig.scale
    steps, total = 8, 360.0
    begin, step = 0.10 * seconds, 0.80 * seconds / steps
    time = rig.time
    tracks: dict[str, FootTrack] = {}
    half = 0.095 * scale
    middle = {s: float(rig.legs[s].sole[2]) for s in rig.legs}
    feet: dict[str, list[tuple[float, float, float]]] = {"left": [], "right": []}
    share = total / steps
    # Left and right step in turn; each brings its foot to a new heading.
    for k in range(steps):
        side = "left" if k % 2 == 0 else "right"
        heading = min((k + 1) * share + (0.0 if k == steps - 1 else share * 0.25), total)
        feet[side].append((begin + k * step, begin + (k + 0.86) * step, heading))
    feet["left"][-1] = (*feet["left"][-1][:2], total)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        prints: list[Footprint] = []
        since, where = -1e3, 0.0
        moves = [*feet[side], (1e3, 1e3, 0.0)]
        for lift_off, touch, heading in moves:
            angle = torch.deg2rad(torch.tensor(where + sign * 8.0, dtype=torch.float64))
            place = torch.deg2rad(torch.tensor(where, dtype=torch.float64))
            x = sign * half * float(place.cos()) + middle[side] * float(angle.sin())
            z = -sign * half * float(place.sin()) + middle[side] * float(angle.cos())
            prints.append(
                Footprint(
                    since, lift_off, x, z, where + sign * 8.0, 3.0, 24.0, 0.05, 0.14, 0.045 * scale
                )
            )
            since, where = touch, heading
        tracks[side] = track_foot(rig.legs[side], time, prints)
    u = ((time - begin + 0.15 * step) / (steps * step)).clamp(0, 1)
    facing = total * (0.55 * u + 0.45 * ease(u))
    going = ease((time - begin + 0.3 * step) / step) * ease(
        (begin + (steps + 0.6) * step - time) / step
    )
    p = (time - begin) / (2 * step)
    sway = torch.sin(TAU * (p + 0.02)) * going
    yaw = torch.deg2rad(facing)
    # The weight goes to the foot that stands: the right one while the left steps.
    aside = -0.032 * scale * sway
    rig.root[:, 0] += aside * yaw.cos()
    rig.root[:, 2] -= aside * yaw.sin()
    rig.root[:, 1] += scale * (-0.007 - going * (0.012 + 0.008 * torch.cos(2 * TAU * p)))
    rig.turn("pelvis", x=2.0, z=2.6 * sway)
    rig.turn("pelvis", y=facing)
    rig.stand(tracks, knees_out=5.0)
    lead = going * 9.0
    rig.spine(x=2.0, y=lead, z=-2.2 * sway)
    rig.turn("neck", y=lead * 0.7)
    rig.turn("head", x=-2.0, y=lead * 0.7)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        rig.arm(
            side,
            swing=4.0 + going * (4.0 + 8.0 * torch.cos(TAU * p) * -sign),
            spread=11.0 + 5.0 * going,
            twist=6.0,
            elbow=17.0 + going * (9.0 + 4.0 * torch.cos(TAU * p + sign)),
            wrist=5.0,
            pronation=12.0,
        )


def two_feet(
    rig: Rig, apart: float = 0.11, yaw: float = 8.0, ahead: tuple[float, float] = (0.0, 0.0)
) -> dict[str, FootTrack]:
    """Both feet standing for good, ``apart`` metres off the middle for the nominal adult."""
    tracks = {}
    for side, sign, shift in (("left", 1.0, ahead[0]), ("right", -1.0, ahead[1])):
        leg = rig.legs[side]
        z = float(leg.sole[2]) + shift * rig.scale
        footprint = standing_print(
            sign * apart * rig.scale, z + float(_ankle_z(rig, side)), sign * yaw
        )
        tracks[side] = track_foot(leg, rig.time, [footprint])
    return tracks


def _ankle_z(rig: Rig, side: str) -> Float[Tensor, ""]:
    return rig.rest[rig.legs[side].ankle, 2]


def settle_axis(curve: Curve) -> Float[Tensor, "T 3 3"]:
    """A turn about +Y by degrees that change over time."""
    return axis_rotation("y", torch.deg2rad(curve))


__all__ = ["glide", "run", "turn", "two_feet", "walk"]
