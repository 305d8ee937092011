"""A dance that loops: eight beats of side steps with swaying hips and moving arms."""

from __future__ import annotations

import torch

from muybridge.motion.clips.footprints import Footprint, FootTrack, track_foot
from muybridge.motion.clips.locomotion import TAU
from muybridge.motion.clips.rig import Curve, Rig, ease, loop

BEATS = 8


def dance(rig: Rig, period: float) -> None:
    """Poses eight beats: step left, touch, step right, touch, arms low; then again, arms high."""
    scale = rig.scale
    beat = period / BEATS
    b = rig.time / beat
    phase = b / BEATS
    side = _weight(b)
    bounce = torch.cos(TAU * b)
    rig.root[:, 0] += scale * 0.185 * side
    rig.root[:, 1] += scale * (-0.062 - 0.022 * bounce)
    rig.root[:, 2] += scale * 0.012 * torch.sin(TAU * b / 2)
    hips = torch.sin(TAU * (b / 2 - 0.10))
    rig.turn("pelvis", x=4.0 + 2.0 * bounce, y=9.0 * torch.sin(TAU * b / 4 + 0.3), z=-6.5 * hips)
    rig.stand(_steps(rig, period, beat), knees_out=10.0)
    high = _high(phase)
    rig.spine(
        x=3.0 + 3.0 * torch.cos(TAU * b - 0.9),
        y=-13.0 * torch.sin(TAU * b / 4 + 0.1),
        z=8.5 * torch.sin(TAU * (b / 2 - 0.16)),
    )
    rig.turn("neck", x=2.0 * torch.cos(TAU * b - 1.4), y=5.0 * torch.sin(TAU * b / 4))
    rig.turn(
        "head",
        x=-3.0 + 3.0 * torch.cos(TAU * b - 1.7),
        y=6.0 * torch.sin(TAU * b / 4),
        z=-4.0 * torch.sin(TAU * (b / 2 - 0.2)),
    )
    for name, sign in (("left", 1.0), ("right", -1.0)):
        _arm(rig, name, sign, b, high)


def _arm(rig: Rig, name: str, sign: float, b: Curve, high: Curve) -> None:
    """Low: elbows bent, hands pump in turn. High: arms overhead, swaying together."""
    pump = torch.sin(TAU * b / 2 + (0.0 if sign > 0 else torch.pi) - 0.4)
    sway = torch.sin(TAU * (b / 2 - 0.12))
    low = {
        "swing": 22.0 + 20.0 * pump,
        "spread": 20.0 + 5.0 * torch.cos(TAU * b),
        "twist": 24.0 + 8.0 * pump,
        "elbow": 84.0 + 14.0 * pump,
    }
    up = {
        "swing": 16.0 + 5.0 * torch.cos(TAU * b),
        "spread": 132.0 + sign * 15.0 * sway,
        "twist": -35.0 + 6.0 * pump,
        "elbow": 48.0 - sign * 13.0 * sway + 6.0 * torch.cos(TAU * b),
    }
    mixed = {k: low[k] * (1 - high) + up[k] * high for k in low}
    rig.arm(name, **mixed, wrist=6.0 + 9.0 * torch.sin(TAU * b / 2 - 0.8), pronation=-14.0)


def _high(phase: Curve) -> Curve:
    """0 while the arms are low (first half), 1 while they are up."""
    p = phase % 1.0
    return ease((p - 0.46) / 0.10) * ease((1.0 - p) / 0.10)


def _weight(b: Curve) -> Curve:
    """Where the weight is, -1 (right) .. 1 (left), by beat: it changes on every second beat."""
    return loop(
        b / 4,
        [
            (0.0, 0.0),
            (0.16, 0.72),
            (0.30, 0.98),
            (0.42, 0.90),
            (0.5, 0.0),
            (0.66, -0.72),
            (0.80, -0.98),
            (0.92, -0.90),
        ],
    )


def _steps(rig: Rig, period: float, beat: float) -> dict[str, FootTrack]:
    """On beat 1 the left foot steps out, on 2 the right joins; on 3 and 4 the way back."""
    scale = rig.scale
    last = float(rig.time[-1])
    wide, close = 0.30 * scale, 0.115 * scale
    tracks = {}
    for name, sign, shift in (("left", 1.0, 0.0), ("right", -1.0, 2.0)):
        leg = rig.legs[name]
        z = float(leg.sole[2]) + float(rig.rest[leg.ankle, 2])
        prints = []
        bar = -8.0
        while bar * beat <= last + period:
            out, back = bar + shift, bar + shift + 3.0
            # Out to its own side on its beat, back three beats later.
            prints.append(
                _print(out + 0.38, back - 0.30, beat, sign * wide, z, sign * 14.0, 12.0, scale)
            )
            prints.append(
                _print(
                    back + 0.32,
                    out + 4 - 0.28,
                    beat,
                    sign * (close - 0.19 * scale),
                    z + 0.02 * scale,
                    sign * 8.0,
                    22.0,
                    scale,
                )
            )
            bar += 4.0
        tracks[name] = track_foot(leg, rig.time, prints)
    return tracks


def _print(
    on: float, off: float, beat: float, x: float, z: float, yaw: float, push: float, scale: float
) -> Footprint:
    """A dancer's footprint: on its ball first, beats as time."""
    return Footprint(
        on * beat, off * beat, x, z, yaw, -10.0, push, 0.20 * beat, 0.38 * beat, 0.05 * scale
    )
