"""What a camera does, read off its geometry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muybridge.camera.geometry import Array, angles
from muybridge.camera.script import AMOUNTS, SPEEDS, Move, Script, Step
from muybridge.camera.types import Cameras

COMPONENTS = ("arc", "dolly", "crane", "zoom", "pan", "tilt", "roll")
# one "clearly visible" amount of each: degrees, log ratio, slope, log ratio, degrees
UNIT = np.array([12.0, 0.12, 0.08, 0.12, 3.0, 3.0, 4.0])
LEAST = 0.3
"""Less than this share of a clearly visible amount is not called a move."""


def aimed_at(center: Array, forward: Array) -> Array:
    """The point ``[3]`` that a camera ``[T, 3]`` looks at over its path.

    The point nearest to all lines of sight; where they all are one line or
    parallel, the point on the first that is nearest to the world's vertical axis.
    """
    travel = np.linalg.norm(center - center[:1], axis=1).max()
    A = np.eye(3) - forward[:, :, None] * forward[:, None]
    total = A.sum(0)
    values = np.linalg.eigvalsh(total / len(forward))
    first, eye = forward[0], center[0]
    if travel > 0.05 and values[0] > 1e-3:
        point = np.linalg.solve(total, (A @ center[..., None]).sum(0)[:, 0])
        depth = ((point - center) * forward).sum(-1)
        if depth.min() > 0.3:
            return np.asarray(point)
    flat = first[[0, 2]]
    if flat @ flat > 1e-4:
        depth = -(eye[[0, 2]] @ flat) / (flat @ flat)
    else:
        depth = (0.9 - eye[1]) / first[1]
    if not 0.3 < depth < 1e4:
        depth = 3.0
    return np.asarray(eye + depth * first)


def signals(cameras: Cameras, view: int, aim: Array) -> tuple[Array, Array, Array]:
    """How the camera moves: ``[T, 7]`` (see :data:`COMPONENTS`), radius and heading ``[T]``."""
    T = cameras.T_cam_world[view].double().cpu().numpy()
    R = T[:, :3, :3]
    center = -np.einsum("tji,tj->ti", R, T[:, :3, 3])
    forward = R[:, 2]
    azimuth, elevation = angles(center - aim)
    azimuth = np.degrees(np.unwrap(np.radians(azimuth)))
    heading, pitch = angles(-forward)
    heading = azimuth + (heading - azimuth + 180) % 360 - 180
    right = np.stack([np.cos(np.radians(heading)), 0 * heading, np.sin(np.radians(heading))], -1)
    up = np.cross(right, forward)
    roll = np.degrees(np.arctan2((R[:, 0] * -up).sum(-1), (R[:, 0] * right).sum(-1)))
    radius = np.maximum(np.hypot(*(center - aim)[:, [0, 2]].T), 1e-6)
    slope = (center - aim)[:, 1] / radius
    focal = cameras.K[view, :, 1, 1].double().cpu().numpy()
    signal = np.stack([azimuth, -np.log(radius), slope, np.log(focal), heading - azimuth,
                       elevation - pitch, roll], -1)
    return signal, radius, heading


def estimate(cameras: Cameras, view: int = 0) -> Script:
    """The script that comes nearest to a camera's path.

    Amounts are rounded to what an eye can tell. A camera that trembles is
    called handheld and its tremble ignored.
    """
    T = cameras.T_cam_world[view].double().cpu().numpy()
    center = -np.einsum("tji,tj->ti", T[:, :3, :3], T[:, :3, 3])
    aim = aimed_at(center, T[:, 2, :3])
    signal, radius, heading = signals(cameras, view, aim)
    start, elevation = angles((center - aim)[0])
    handheld = _trembles(signal[:, 6])
    runs = _runs(signal, handheld)
    steps = []
    for a, b in runs:
        change, turned = signal[b] - signal[a], float(heading[b] - heading[a])
        moves = _moves(change, float(radius[a]), float(radius[b]), turned, handheld)
        steps.append(Step(tuple(moves) or (Move("static"),)))
    if all(m.kind == "static" for s in steps for m in s.moves):
        steps = []
    return Script(_tidy(float(start), 5.0), float(np.round(elevation)), tuple(steps), handheld)


def _trembles(roll: Array) -> bool:
    """Whether the camera rolls to and fro a little, as nothing but a hand does."""
    if len(roll) < 6:
        return False
    centred = roll - np.median(roll)
    turns = int((np.diff(np.sign(np.diff(roll)[np.abs(np.diff(roll)) > 1e-3])) != 0).sum())
    return turns >= 2 and 0.02 < float(np.sqrt((centred**2).mean())) < 2.0


@dataclass(eq=False)
class Run:
    """Frames ``first`` to ``last`` in which the same components move, with their signs."""

    first: int
    last: int
    label: tuple[int, ...]

    @property
    def length(self) -> int:
        """In frames."""
        return self.last - self.first


def _runs(signal: Array, handheld: bool) -> list[tuple[int, int]]:
    """First and last frame of each stretch in which the camera does the same things."""
    frames = len(signal)
    if frames < 2:
        return []
    scaled = signal / UNIT
    if handheld:
        scaled = scaled * np.array([1, 1, 1, 1, 0.0, 0.0, 0.0])
    speed = np.diff(scaled, axis=0)
    size = np.abs(speed)
    # whatever moves less than a visible amount over the whole clip is rest
    size[:, np.abs(scaled - scaled[:1]).max(0) < LEAST] = 0
    peak = size.max()
    if peak == 0:
        return [(0, frames - 1)]
    strong = (size >= 0.2 * size.max(1, keepdims=True)) & (size >= 0.06 * peak)
    labels = [tuple(int(x) for x in np.sign(v) * s) for v, s in zip(speed, strong, strict=True)]
    runs = [Run(0, 1, labels[0])]
    for i, label in enumerate(labels[1:], 1):
        if label == runs[-1].label:
            runs[-1].last = i + 1
        else:
            runs.append(Run(i, i + 1, label))
    for still, least in ((True, 0.12), (False, 0.08)):
        while len(runs) > 1:
            short = [r for r in runs if r.length / (frames - 1) < least
                     and (not still or not any(r.label))]
            if not short:
                break
            _absorb(runs, runs.index(min(short, key=lambda r: r.length)))
    return [(r.first, r.last) for r in runs]


def _absorb(runs: list[Run], i: int) -> None:
    """Give run ``i`` to its likelier neighbour, then join equal neighbours."""
    a, b, label = runs[i].first, runs[i].last, runs[i].label
    sides = [j for j in (i - 1, i + 1) if 0 <= j < len(runs)]

    def likeness(j: int) -> tuple[int, int]:
        other = runs[j].label
        return (sum(x == y != 0 for x, y in zip(label, other, strict=True))
                - 2 * sum(x * y < 0 for x, y in zip(label, other, strict=True)),
                runs[j].length)

    if not any(label) and len(sides) == 2:  # a short rest is shared by both sides
        middle = (a + b) // 2
        runs[i - 1].last, runs[i + 1].first = middle, middle
    elif max(sides, key=likeness) < i:
        runs[i - 1].last = b
    else:
        runs[i + 1].first = a
    del runs[i]
    j = 1
    while j < len(runs):
        if runs[j].label == runs[j - 1].label:
            runs[j - 1].last = runs[j].last
            del runs[j]
        else:
            j += 1


def _tidy(value: float, step: float) -> float:
    """Rounded to a whole step where that is near, else to a whole number."""
    near = round(value / step) * step
    return float(near if abs(value - near) <= 1.5 else round(value))


def _moves(change: Array, r0: float, r1: float, turned: float, handheld: bool) -> list[Move]:
    d = dict(zip(COMPONENTS, change.tolist(), strict=True))
    seen = dict(zip(COMPONENTS, (np.abs(change) / UNIT).tolist(), strict=True))
    moves: list[Move] = []
    if seen["arc"] > LEAST and abs(turned) < 0.35 * abs(d["arc"]) and abs(d["arc"]) < 80:
        # it turns around the person without turning itself: it slides past
        metres = -r0 * np.tan(np.radians(d["arc"]))
        moves.append(_move("truck", float(metres)))
        seen["arc"] = seen["pan"] = 0.0
        d["dolly"] += float(np.log(r1 / (r0 / np.cos(np.radians(d["arc"])))) + np.log(r0 / r1))
        seen["dolly"] = abs(d["dolly"]) / 0.12
        rise = d["crane"]
        seen["crane"] = 0.0 if abs(rise) < 0.04 else seen["crane"]
    if handheld:
        seen["pan"] = seen["tilt"] = seen["roll"] = 0.0
    if min(seen["zoom"], seen["dolly"]) > LEAST and d["zoom"] * d["dolly"] < 0 \
            and abs(d["zoom"] + d["dolly"]) < 0.3 * abs(d["dolly"]):
        factor = float(np.exp(abs(d["dolly"])))
        moves.append(_move("vertigo", factor if d["dolly"] > 0 else -factor))
        seen["zoom"] = seen["dolly"] = 0.0
    for kind in COMPONENTS:
        if seen[kind] <= LEAST:
            continue
        value = d[kind]
        if kind in ("dolly", "zoom"):
            value = float(np.exp(abs(value))) * (1 if value > 0 else -1)
        elif kind == "crane":
            value = value * r1
        moves.append(_move(kind, value))
    return moves


def _move(kind: str, value: float) -> Move:
    size = abs(value)
    if kind == "arc":
        amount = _tidy(size, 5.0)
    elif kind in ("pan", "tilt", "roll"):
        amount = round(size, 0 if size >= 2 else 1)
    else:
        amount = round(size, 2)
    table = AMOUNTS[kind]
    speed = min(range(3), key=lambda i: abs(np.log(max(amount, 1e-3) / table[i])))
    return Move(kind, 1 if value > 0 else -1, float(amount), SPEEDS[speed])
