"""Wave and idle: clips of a person who stands."""

from __future__ import annotations

import torch

from muybridge.motion.clips.locomotion import TAU, two_feet
from muybridge.motion.clips.rig import Rig, ease, glide


def idle(rig: Rig, period: float) -> None:
    """Poses quiet standing: breath, a slow shift of weight, a look around. Loops."""
    p = rig.time / period
    scale = rig.scale
    breath = torch.sin(TAU * p * max(1, round(period / 3.0)))
    shift = torch.sin(TAU * p)
    rig.root[:, 0] += 0.022 * scale * shift
    rig.root[:, 1] += scale * (-0.006 + 0.002 * breath)
    rig.turn("pelvis", x=2.0, y=1.5 * torch.sin(TAU * p + 0.9), z=-2.2 * shift)
    rig.stand(two_feet(rig, apart=0.105, yaw=9.0, ahead=(0.015, -0.01)), knees_out=7.0)
    rig.spine(x=2.2 - 1.2 * breath, y=-1.5 * torch.sin(TAU * p + 0.5), z=2.6 * shift)
    look = torch.sin(TAU * p + 0.4) + 0.4 * torch.sin(2 * TAU * p)
    rig.turn("neck", y=4.0 * look)
    rig.turn("head", x=-1.0 + 1.2 * torch.sin(2 * TAU * p + 1.0), y=5.0 * look, z=-1.0 * shift)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        rig.arm(
            side,
            swing=3.0 + 1.2 * breath + 1.5 * sign * shift,
            spread=9.5 + 1.0 * breath,
            twist=6.0,
            elbow=15.0 + 2.0 * sign * shift + 1.5 * breath,
            wrist=5.0,
            pronation=12.0,
        )


def wave(rig: Rig, seconds: float) -> None:
    """Poses a greeting: the right arm goes up, waves, comes down. Loops from stand to stand."""
    t = rig.time / seconds
    scale = rig.scale
    up = ease(t / 0.22) * ease((1 - t) / 0.24)
    # The hand goes over further than the forearm and lags a little behind it.
    active = ease((t - 0.14) / 0.10) * ease((0.82 - t) / 0.10)
    beats = (t - 0.16) * seconds * 1.75
    swing = torch.sin(TAU * beats) * active
    late = torch.sin(TAU * (beats - 0.10)) * active
    breath = torch.sin(TAU * t)
    rig.root[:, 0] += scale * 0.022 * up
    rig.root[:, 1] += scale * (-0.006 + 0.002 * breath)
    rig.turn("pelvis", x=2.0, z=-2.0 * up)
    rig.stand(two_feet(rig, apart=0.105, yaw=9.0), knees_out=7.0)
    rig.spine(x=2.0, y=3.0 * up, z=4.5 * up + 1.2 * swing)
    rig.turn("neck", y=-2.0 * up, z=-2.0 * up)
    rig.turn("head", x=-1.5, y=-2.0 * up, z=-4.0 * up - 1.0 * late)
    rig.arm(
        "left",
        swing=3.0 + 2.0 * up,
        spread=10.0 + 2.0 * up,
        twist=6.0,
        elbow=16.0 + 4.0 * up,
        wrist=5.0,
        pronation=12.0,
    )
    rig.arm(
        "right",
        swing=4.0 * (1 - up) + 24.0 * up,
        spread=10.0 * (1 - up) + 66.0 * up + 2.0 * swing,
        twist=6.0 * (1 - up) - 88.0 * up,
        elbow=glide(
            t, [(0.0, 16.0), (0.06, 24.0), (0.20, 96.0), (0.80, 96.0), (0.94, 24.0), (1.0, 16.0)]
        )
        + 20.0 * swing,
        wrist=5.0 * (1 - up),
        pronation=12.0 * (1 - up) - 8.0 * up,
    )
    rig.turn("right_wrist", y=16.0 * late)
    rig.fingers("right", "flat", up)
