"""Where hair grows on the head: one closed line around the scalp, irregular as it is in life."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.synthetic.looks.head import Head, plan
from muybridge.synthetic.looks.identity import HairLook
from muybridge.synthetic.noise import fractal_noise

STEPS = 720
"""Directions around the head that the line is kept for."""


@dataclass(frozen=True)
class Hairline:
    """The line as a polar angle for each azimuth.

    Attributes:
        head: whose.
        polar: down to where hair grows, radians, for azimuths -pi..pi.
        nape: height below which none grows, metres.
        seed: of its irregularities.
        bare: how bald the crown is, 0..1.
    """

    head: Head
    polar: Float[Tensor, "720"]
    nape: float
    seed: int
    bare: float

    @staticmethod
    def of(head: Head, look: HairLook, female: bool) -> Hairline:
        """The hairline of a person."""
        s = head.scale
        ears = head.canvas.vertices[plan().ears > 0.5]
        left = ears[ears[:, 0] > 0]
        ear_front, ear_back = float(left[:, 2].max()), float(left[:, 2].min())
        top, low = (float(y) for y in head.ear_tops)
        eyes = float(head.eyes[1])
        back = 0.020 * look.receding * s
        peak = 0.0022 * (look.seed % 5 - 2) * s
        front = eyes + (0.066 if female else 0.063) * s + 0.8 * back
        sideburn = top - (0.006 if female else 0.022) * s
        rim = head.canvas.vertices[:, 0].abs().max()
        points = [
            # x, y, z of the right half: front, temple, sideburn, round the ear, nape
            (0.000, front - peak, 1.0),
            (0.022 * s, front + 0.3 * peak + 0.3 * back, 1.0),
            (0.043 * s, front - 0.004 * s + 1.6 * back, 0.9),
        ]
        angles = []
        for x, y, _ in points:
            angles.append(_on_skull(head, x, y))
        middle = float(head.centre[2])
        depth = float(rim)

        def beside(z: float, y: float) -> tuple[float, float]:
            azimuth = math.atan2(depth * 0.85, z - middle)
            return azimuth, _polar_at(head, azimuth, y)

        temple = ear_front + 0.041 * s - 0.9 * back
        angles.append(beside(temple, eyes + 0.034 * s + 0.5 * back))
        angles.append(beside(ear_front + 0.027 * s, eyes + 0.010 * s))
        angles.append(beside(ear_front + 0.018 * s, sideburn))
        angles.append(beside(ear_front + 0.003 * s, sideburn - 0.001 * s))
        angles.append(beside(ear_front - 0.002 * s, top - 0.008 * s))
        angles.append(beside((ear_front + ear_back) / 2, top + 0.001 * s))
        angles.append(beside(ear_back + 0.002 * s, top - 0.008 * s))
        angles.append(beside(ear_back - 0.008 * s, (top + low) / 2 - 0.004 * s))
        angles.append(beside(ear_back - 0.016 * s, low - 0.004 * s))
        nape = low - (0.022 if female else 0.012) * s
        angles.append((math.radians(158), _polar_at(head, math.radians(158), nape)))
        angles.append((math.pi, _polar_at(head, math.pi, nape + 0.002 * s)))
        return Hairline(head, _around(angles), nape, look.seed % 9973, look.thinning)

    def limit(self, azimuth: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
        """Polar angle of the line, radians."""
        place = (azimuth / (2 * math.pi) + 0.5) * STEPS
        low = place.floor()
        share = place - low
        a = self.polar[low.long() % STEPS]
        return a + (self.polar[(low.long() + 1) % STEPS] - a) * share

    def depth(self, points: Float[Tensor, "P 3"], ragged: float = 1.0) -> Float[Tensor, "P"]:
        """How far inside the hair points of the scalp lie; negative outside, metres.

        Args:
            points: on or above the scalp.
            ragged: how irregular the line is, 1 as in life.
        """
        azimuth, polar = self.head.angles(points)
        reach = (points - self.head.centre).norm(dim=-1)
        inside = (self.limit(azimuth) - polar) * reach.clamp(max=0.2)
        # the line is steep beside the ears: count along its normal
        step = 2 * math.pi / STEPS
        slope = (self.limit(azimuth + step) - self.limit(azimuth - step)) / (2 * step)
        rise = slope.clamp(-2, 2) / self.limit(azimuth).sin().clamp(min=0.7)
        inside = inside / (1 + rise.square()).sqrt()
        # the neck runs nearly along a ray: there height decides
        inside = torch.minimum(inside, points[..., 1] - self.nape)
        local = self.head.local(points) + 1.0
        wobble = fractal_noise(local, 70.0, 2, self.seed) - 0.5
        fine = fractal_noise(local, 320.0, 2, self.seed + 5) - 0.5
        inside = inside + ragged * self.head.scale * (0.010 * wobble + 0.0045 * fine)
        if self.bare > 0:
            crown = torch.tensor([0.0, math.cos(0.30), -math.sin(0.30)])
            away = points - self.head.centre
            turn = (away / away.norm(dim=-1, keepdim=True) @ crown).clamp(-1, 1).acos()
            bald = (turn - (0.15 + 0.65 * self.bare)) * 0.095 * self.head.scale
            inside = torch.minimum(inside, bald + ragged * 0.012 * self.head.scale * wobble)
        return inside


def _on_skull(head: Head, x: float, y: float) -> tuple[float, float]:
    """Azimuth and polar angle of the foremost skin at a height and beside the middle."""
    level = y - float(head.centre[1])
    azimuth, polar = 0.0, math.pi / 3
    for _ in range(12):
        direction = _unit(azimuth, polar)
        radius = float(head.radius(direction))
        polar = math.acos(max(-0.95, min(0.95, level / radius)))
        azimuth = math.asin(max(-0.99, min(0.99, x / (radius * math.sin(polar)))))
    return azimuth, polar


def _polar_at(head: Head, azimuth: float, y: float) -> float:
    """Polar angle at which the skull has a height."""
    polar = torch.linspace(0.3, 2.6, 200)
    level = polar.sin()
    directions = torch.stack(
        [level * math.sin(azimuth), polar.cos(), level * math.cos(azimuth)], 1
    )
    height = head.place(directions)[:, 1]
    return float(polar[(height - y).abs().argmin()])


def _unit(azimuth: float, polar: float) -> Tensor:
    level = math.sin(polar)
    return torch.tensor([level * math.sin(azimuth), math.cos(polar), level * math.cos(azimuth)])


def _around(angles: list[tuple[float, float]]) -> Float[Tensor, "720"]:
    """Points of one half of the line, mirrored and interpolated for every azimuth."""
    angles = sorted(angles)
    at = torch.tensor([a for a, _ in angles])
    value = torch.tensor([p for _, p in angles])
    azimuth = ((torch.arange(STEPS) / STEPS - 0.5) * 2 * math.pi).abs()
    right = torch.searchsorted(at, azimuth.contiguous()).clamp(1, len(at) - 1)
    share = ((azimuth - at[right - 1]) / (at[right] - at[right - 1]).clamp(min=1e-4)).clamp(0, 1)
    share = share * share * (3 - 2 * share)
    line = value[right - 1] + (value[right] - value[right - 1]) * share
    kernel = torch.ones(1, 1, 5) / 5
    padded = torch.nn.functional.pad(line[None, None], (2, 2), mode="circular")
    return torch.nn.functional.conv1d(padded, kernel)[0, 0]
