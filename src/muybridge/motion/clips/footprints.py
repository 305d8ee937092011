"""Feet over time, from footprints: strike with the heel, stand, roll off over the ball, swing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from scipy.interpolate import CubicHermiteSpline, PchipInterpolator
from torch import Tensor

from muybridge.motion.kinematics import axis_rotation
from muybridge.motion.legs import Leg, contact_points, turned

_FAR = 1e3


@dataclass(frozen=True)
class Footprint:
    """Where and when a foot stands.

    Attributes:
        start, end: seconds of its first and last contact.
        x, z: of the point between heel and ball, metres.
        yaw: degrees; 0 points along +Z.
        strike: degrees by which the toes are up at first contact.
        push: degrees by which the heel is up at last contact.
        flat, rise: seconds after the start at which the sole lies flat, and before the
            end at which the heel leaves the ground.
        lift: greatest clearance of the foot in the swing that follows, metres.
    """

    start: float
    end: float
    x: float
    z: float
    yaw: float = 0.0
    strike: float = 0.0
    push: float = 0.0
    flat: float = 0.08
    rise: float = 0.25
    lift: float = 0.06


@dataclass(frozen=True)
class FootTrack:
    """A foot in every frame.

    Attributes:
        ankle: position of the ankle joint.
        R: world rotation of the foot.
        toe_flex: by how much the toes are bent up, radians.
        planted: 1 where the foot touches the ground, else 0.
    """

    ankle: Float[Tensor, "T 3"]
    R: Float[Tensor, "T 3 3"]
    toe_flex: Float[Tensor, "T"]
    planted: Float[Tensor, "T"]


def track_foot(leg: Leg, time: Float[Tensor, "T"], prints: Sequence[Footprint]) -> FootTrack:
    """A foot that goes from footprint to footprint and never below the ground.

    Args:
        leg: the leg whose foot it is.
        time: seconds of each frame.
        prints: in order of time and not overlapping; before the first and after the
            last one the foot stands.
    """
    pitch_keys, yaw_keys = _keys(prints)
    pitch, yaw = _through(time, pitch_keys), _through(time, yaw_keys)
    R = _orientation(pitch, yaw)
    ankle = torch.zeros(len(time), 3, dtype=torch.float64)
    planted = torch.zeros(len(time), dtype=torch.float64)
    flex = torch.deg2rad((-pitch).clamp_min(0))
    for k, p in enumerate(prints):
        on = (time >= p.start) & (time <= p.end)
        planted[on] = 1.0
        ankle[on] = _standing(leg, p, pitch[on], yaw[on])
        if k + 1 < len(prints):
            nxt = prints[k + 1]
            swing = (time > p.end) & (time < nxt.start)
            u = (time[swing] - p.end) / (nxt.start - p.end)
            flex[swing] = torch.deg2rad(
                p.push * _fade(u / 0.45) + max(-nxt.strike, 0.0) * _fade((1 - u) / 0.4)
            )
            ankle[swing] = _swing(leg, p, nxt, time[swing], pitch_keys, yaw_keys)
            clear = p.lift * torch.sin(torch.pi * u)
            soft = 0.006 * torch.sin(torch.pi * u) ** 2 + 1e-5
            ankle[swing, 1] = clear + ankle_height(leg, R[swing], flex[swing], soft)
    return FootTrack(ankle, R, flex, planted)


def ankle_height(
    leg: Leg,
    R: Float[Tensor, "T 3 3"],
    toe_flex: Float[Tensor, "T"],
    soft: Float[Tensor, "T"],
) -> Float[Tensor, "T"]:
    """Height at which an ankle's foot just touches the ground, or by about ``soft`` more.

    ``soft`` (metres) rounds off the change from one contact point to the next.
    """
    R_toe = R @ axis_rotation("x", -toe_flex)
    points = contact_points(leg, torch.zeros(len(R), 3, dtype=R.dtype), R, R_toe)
    return soft * torch.logsumexp(-points[..., 1] / soft[:, None], dim=1)


def _keys(
    prints: Sequence[Footprint],
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Pitch and yaw of a foot, degrees, at the times at which they are known."""
    pitch: list[tuple[float, float]] = []
    yaw: list[tuple[float, float]] = []
    for k, p in enumerate(prints):
        span = p.end - p.start
        flat, rise = min(p.flat, span * 0.4), min(p.rise, span * 0.5)
        if p.start > -_FAR / 2:
            pitch += [(p.start, p.strike), (p.start + flat, 0.0)]
        if p.end < _FAR / 2:
            pitch += [(p.end - rise, 0.0), (p.end, -p.push)]
        if k + 1 < len(prints):
            # The heel still rises for a moment after the toes have left the ground.
            swing = prints[k + 1].start - p.end
            pitch.append((p.end + 0.14 * swing, -p.push * 1.10))
        yaw += [(p.start, p.yaw), (p.end, p.yaw)]
    return pitch, yaw


def _fade(u: Tensor) -> Tensor:
    """1 at 0, 0 from 1 on."""
    return (1 + torch.cos(torch.pi * u.clamp(0, 1))) / 2


def _through(time: Tensor, keys: list[tuple[float, float]]) -> Tensor:
    if not keys:
        return torch.zeros_like(time)
    x, y = zip(*keys, strict=True)
    if len(x) == 1:
        return torch.full_like(time, y[0])
    return torch.from_numpy(PchipInterpolator(x, y)(time.numpy().clip(x[0], x[-1])))


def _orientation(pitch: Tensor, yaw: Tensor) -> Tensor:
    """Toes up by ``pitch``, turned by ``yaw``, degrees."""
    turn = axis_rotation("y", torch.deg2rad(yaw))
    return turn @ axis_rotation("x", -torch.deg2rad(pitch))


def _standing(leg: Leg, p: Footprint, pitch: Tensor, yaw: Tensor) -> Tensor:
    """Ankle of a foot on its print: it turns about heel (toes up) or toe joint (heel up)."""
    level = _orientation(torch.zeros_like(pitch), yaw)
    tilted = _orientation(pitch, yaw)
    middle = torch.tensor([p.x, 0.0, p.z], dtype=torch.float64)
    flat = middle - turned(level, leg.sole)
    pivot = torch.where((pitch > 0)[:, None], leg.heel, leg.foot)
    at = flat + (level @ pivot[..., None])[..., 0]
    return at - (tilted @ pivot[..., None])[..., 0]


def _swing(
    leg: Leg,
    p: Footprint,
    nxt: Footprint,
    time: Tensor,
    pitch_keys: list[tuple[float, float]],
    yaw_keys: list[tuple[float, float]],
) -> Tensor:
    """Ankle between two prints (its height apart): leaves and arrives with its speed there."""

    at, speed = [], []
    for which, t, step in ((p, p.end, -0.004), (nxt, nxt.start, 0.004)):
        times = torch.tensor([t, t + step], dtype=torch.float64)
        where = _standing(leg, which, _through(times, pitch_keys), _through(times, yaw_keys))
        at.append(where[0])
        speed.append((where[1] - where[0]) / step)
    spline = CubicHermiteSpline(
        [p.end, nxt.start], torch.stack(at).numpy(), torch.stack(speed).numpy()
    )
    return torch.from_numpy(spline(time.numpy()))


def standing_print(x: float, z: float, yaw: float = 0.0) -> Footprint:
    """A foot that never leaves its place."""
    return Footprint(-_FAR, _FAR, x, z, yaw)
