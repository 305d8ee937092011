"""Jump and squat: clips that bend the knees."""

from __future__ import annotations

import torch
from scipy.interpolate import CubicHermiteSpline

from muybridge.motion.clips.footprints import Footprint, FootTrack, ankle_height, track_foot
from muybridge.motion.clips.locomotion import two_feet
from muybridge.motion.clips.rig import Rig, glide

GRAVITY = 9.81
TAKE_OFF, LANDING = 0.40, 0.67
"""Flight of the jump, as parts of the clip."""


def squat(rig: Rig, seconds: float) -> None:
    """Poses a squat down to level thighs and up again, arms held ahead. Loops."""
    t = rig.time / seconds
    scale = rig.scale
    down = glide(t, [(0.0, 0.0), (0.06, 0.02), (0.44, 1.0), (0.54, 1.0), (0.92, 0.02), (1.0, 0.0)])
    late = glide(t, [(0.0, 0.0), (0.05, 0.0), (0.38, 1.0), (0.56, 1.0), (0.95, 0.0), (1.0, 0.0)])
    leg = rig.leg_length
    rig.root[:, 1] += -0.005 * scale - 0.50 * leg * down
    rig.root[:, 2] += -0.17 * leg * down
    rig.turn("pelvis", x=2.0 + 33.0 * down)
    rig.stand(two_feet(rig, apart=0.155, yaw=17.0), knees_out=4.0 + 9.0 * down)
    rig.spine(x=2.0 + 4.0 * down)
    rig.turn("neck", x=-12.0 * down)
    rig.turn("head", x=-2.0 - 14.0 * down)
    for side in ("left", "right"):
        rig.arm(
            side,
            swing=4.0 + 96.0 * late,
            spread=10.0 - 4.0 * late,
            twist=6.0 * (1 - late),
            elbow=15.0 - 5.0 * late,
            wrist=5.0 - 3.0 * late,
            pronation=12.0 + 40.0 * late,
        )


def jump(rig: Rig, seconds: float) -> None:
    """Poses a jump on the spot: swing down, push off, fly, land softly, stand. Loops.

    The flight is ballistic: its height follows from the time it takes.
    """
    t = rig.time / seconds
    scale, leg = rig.scale, rig.leg_length
    flight = (LANDING - TAKE_OFF) * seconds
    # Off with straight legs, on with knees that are bent to take the shock.
    base, rise, land = -0.005 * scale, 0.058 * scale, 0.000 * scale
    v = (land - rise) / flight + GRAVITY * flight / 2
    aloft = rig.time - TAKE_OFF * seconds
    airborne = (aloft > 0) & (aloft < flight)
    arc = rise + v * aloft - GRAVITY * aloft**2 / 2
    off, on = TAKE_OFF * seconds, LANDING * seconds
    # Pelvis height on the ground, with the speed of the flight at both of its ends.
    keys = [
        (0.0, base, 0.0),
        (0.05 * seconds, base, 0.0),
        (0.255 * seconds, base - 0.33 * leg, 0.0),
        (off, rise, v),
        (on, land, v - GRAVITY * flight),
        (on + 0.105 * seconds, base - 0.27 * leg, 0.0),
        (0.98 * seconds, base, 0.0),
        (seconds, base, 0.0),
    ]
    x, y, dy = zip(*keys, strict=True)
    ground = torch.from_numpy(CubicHermiteSpline(x, y, dy)(rig.time.numpy().clip(0, seconds)))
    lift = torch.where(airborne, arc, ground)
    rig.root[:, 1] += lift
    crouch = ((base - ground) / (0.33 * leg)).clamp(0, 1.05) * (~airborne)
    crouch = crouch.clamp_min(0)
    rig.root[:, 2] += -0.12 * leg * crouch
    tracks = _jumping_feet(
        rig,
        seconds,
        lift
        - torch.lerp(
            torch.tensor(rise).double(), torch.tensor(land).double(), (aloft / flight).clamp(0, 1)
        ),
        airborne,
    )
    lean = glide(
        t,
        [
            (0.0, 2.0),
            (0.05, 2.0),
            (0.25, 34.0),
            (TAKE_OFF, -2.0),
            (0.53, 4.0),
            (LANDING, 10.0),
            (0.775, 30.0),
            (0.98, 2.0),
            (1.0, 2.0),
        ],
    )
    rig.turn("pelvis", x=lean * 0.75)
    rig.stand(tracks, knees_out=5.0 + 4.0 * crouch)
    rig.spine(x=2.0 + lean * 0.35)
    rig.turn("neck", x=-lean * 0.35)
    rig.turn("head", x=-2.0 - lean * 0.40)
    swing = glide(
        t,
        [
            (0.0, 4.0),
            (0.04, 6.0),
            (0.22, -48.0),
            (TAKE_OFF, 128.0),
            (0.47, 142.0),
            (0.60, 92.0),
            (0.74, 34.0),
            (0.80, 26.0),
            (0.98, 4.0),
            (1.0, 4.0),
        ],
    )
    elbow = glide(
        t,
        [
            (0.0, 15.0),
            (0.22, 18.0),
            (0.33, 46.0),
            (TAKE_OFF, 26.0),
            (0.60, 38.0),
            (0.76, 46.0),
            (0.98, 15.0),
            (1.0, 15.0),
        ],
    )
    spread = glide(
        t, [(0.0, 10.0), (0.22, 14.0), (TAKE_OFF, 14.0), (0.60, 28.0), (0.74, 24.0), (1.0, 10.0)]
    )
    for side in ("left", "right"):
        rig.arm(side, swing, spread, twist=6.0, elbow=elbow, wrist=5.0, pronation=12.0)


def _jumping_feet(
    rig: Rig, seconds: float, lift: torch.Tensor, airborne: torch.Tensor
) -> dict[str, FootTrack]:
    """Feet that roll up on their balls, fly with the pelvis and land toes first."""
    tracks = {}
    off, on = TAKE_OFF * seconds, LANDING * seconds
    for side, sign in (("left", 1.0), ("right", -1.0)):
        leg = rig.legs[side]
        x = sign * 0.115 * rig.scale
        z = float(leg.sole[2]) + float(rig.rest[leg.ankle, 2])
        push = 44.0
        prints = [
            Footprint(-1e3, off, x, z, sign * 9.0, 0.0, push, 0.05, 0.13 * seconds),
            Footprint(on, 1e3, x, z, sign * 9.0, -26.0, 0.0, 0.055 * seconds, 0.1),
        ]
        track = track_foot(leg, rig.time, prints)
        ankle = track.ankle.clone()
        w = ((rig.time - off) / (on - off)).clamp(0, 1)
        hump = torch.sin(torch.pi * w) ** 2
        touch = ankle_height(leg, track.R, track.toe_flex, 0.006 * hump + 1e-5)
        ankle[airborne, 1] = (touch + lift + 0.045 * rig.scale * hump)[airborne]
        ankle[airborne, 2] -= (0.03 * rig.scale * hump)[airborne]
        tracks[side] = FootTrack(ankle, track.R, track.toe_flex, track.planted)
    return tracks
