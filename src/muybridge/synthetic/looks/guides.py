"""Guide curves: how locks of hair run from the scalp, lie on the head and fall.

All curves are walked at once, step by step: along the flow of the style, drawn down by
their weight, kept off the head, the neck and the shoulders.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.synthetic.looks.hairline import Hairline
from muybridge.synthetic.looks.head import Head, unit
from muybridge.synthetic.looks.paint import step

Flow = Callable[[Tensor], Tensor]
"""Unit directions ``[K, 3]`` on the scalp -> unit directions ``[K, 3]`` in which hair lies."""
_DOWN = torch.tensor([0.0, -1.0, 0.0])


@dataclass(frozen=True)
class Walk:
    """How curves are walked; lengths in metres of the standard head.

    Attributes:
        steps: points of each curve after its root.
        weight: 0 stays with the flow .. 1 hangs at once.
        stiffness: how much of its direction a lock keeps at every step, 0..1.
        loft: by how much some locks lie higher over the scalp than others.
        rise: angle at which it leaves the scalp, radians.
        shy: whether it keeps out of the face.
        ahead: azimuth up to which locks fall before the shoulders, radians.
        margin: off shoulders and back.
    """

    steps: int
    weight: float
    stiffness: float
    loft: float
    rise: float
    shy: bool
    ahead: float = 0.0
    margin: float = 0.024


class Obstacles:
    """What hair lies on: the head with its ears, and neck, shoulders, chest and back."""

    def __init__(self, head: Head) -> None:
        canvas = head.canvas
        self.head = head
        below = canvas.vertices[:, 1] < head.point("chin_under")[1] + 0.02
        above = canvas.vertices[:, 1] > canvas.head_of("spine04")[1]
        far = canvas.share_of("arm") < 0.55
        index = (below & above & far).nonzero()[:, 0][::2]
        self.vertices: Tensor = canvas.vertices[index]
        self.normals: Tensor = canvas.normals[index]
        self.shoulder: float = float(canvas.head_of("shoulder01.L")[1])
        self.chin: float = float(head.point("chin_under")[1])

    def off_head(self, points: Tensor, lift: Tensor) -> Tensor:
        """Points moved out of the head, ``lift`` metres over it."""
        away = points - self.head.centre
        radius = away.norm(dim=1, keepdim=True)
        direction = away / radius
        least = self.head.reach(direction)[:, None] + lift[:, None]
        # nothing of the map counts below the chin
        fade = step(self.chin - 0.02, self.chin + 0.03, points[:, 1])[:, None]
        return points + direction * (least - radius).clamp(min=0) * fade

    def off_body(self, points: Tensor, margin: Tensor, ahead: Tensor) -> Tensor:
        """Points moved out of neck and trunk, ``margin`` metres over them.

        On a shoulder hair slides to the front or to the back, not down the arm.

        Args:
            ahead: 1 for what falls before the shoulders, -1 for what falls behind them.
        """
        axis = torch.tensor([0.0, 0.0, 1.0]) * ahead[:, None]
        for _ in range(2):
            near = torch.cdist(points, self.vertices).topk(3, dim=1, largest=False).indices
            normal = F.normalize(self.normals[near].mean(1), dim=1)
            height = ((points[:, None] - self.vertices[near]) * self.normals[near]).sum(2).amin(1)
            low = points[:, 1] < self.chin + 0.03
            short = (margin - height).clamp(min=0, max=0.03) * low
            above = step(0.15, 0.6, normal[:, 1:2])
            way = F.normalize(normal * torch.tensor([0.3, 1.0, 1.0]) + above * axis, dim=1)
            gain = 1 / (way * normal).sum(1).clamp(min=0.35)
            points = points + way * (short * gain)[:, None]
        return points

    def gathered(self, points: Tensor, ahead: Tensor) -> Tensor:
        """What draws hanging hair together beside the neck and off the shoulders."""
        s = self.head.scale
        low = step(self.chin + 0.04 * s, self.chin - 0.02 * s, points[:, 1])
        x = points[:, 0]
        inward = -x.sign() * step(0.075 * s, 0.13 * s, x.abs())
        middle = self.head.canvas.head_of("neck01")[2]
        depth = (points[:, 2] - middle) * ahead
        aside = ahead * step(0.085 * s, 0.03 * s, depth)
        zero = torch.zeros_like(x)
        return low[:, None] * torch.stack([0.55 * inward, zero, 0.8 * aside], 1)

    def margin(self, points: Tensor, most: float) -> Tensor:
        """What clothes need: little at the neck, ``most`` on the shoulders, metres."""
        return 0.007 + (most - 0.007) * step(self.chin, self.shoulder + 0.03, points[:, 1])


def roots(
    line: Hairline, count: int, generator: torch.Generator, inset: float = 0.003
) -> Float[Tensor, "K 3"]:
    """About ``count`` directions spread evenly over the scalp, jittered."""
    total = count * 5
    number = torch.arange(total) + 0.5
    polar = (1 - number / total * 1.78).acos()
    azimuth = (number * math.pi * (1 + 5**0.5)) % (2 * math.pi) - math.pi
    spread = math.sqrt(4 / total)
    azimuth = azimuth + spread * (torch.rand(total, generator=generator) - 0.5) / polar.sin()
    polar = polar + spread * (torch.rand(total, generator=generator) - 0.5)
    directions = unit(azimuth, polar)
    inside = line.depth(line.head.place(directions))
    found = directions[inside > inset * line.head.scale]
    keep = torch.linspace(0, len(found) - 1, min(count, len(found))).round().long()
    return found[keep]


def walk(
    line: Hairline,
    start: Float[Tensor, "K 3"],
    flow: Flow,
    length: Float[Tensor, "K"],  # noqa: F821
    how: Walk,
    lift: Float[Tensor, "K"],
) -> Float[Tensor, "K S 3"]:
    """Curves from roots on the scalp.

    Args:
        line: of the head.
        start: directions of the roots.
        flow: of the style.
        length: of each curve, metres.
        how: see :class:`Walk`.
        lift: height that each curve keeps over the scalp, metres.
    """
    head, blocks = line.head, Obstacles(line.head)
    scale = head.scale
    pace = (length / how.steps)[:, None]
    here = head.place(start, 0.4 * lift)
    heading = F.normalize(flow(start) * math.cos(how.rise) + start * math.sin(how.rise), dim=1)
    ahead = before_shoulders(start, how.ahead)
    path = [here]
    ear = float(head.ear_tops[1])
    for number in range(how.steps):
        direction = F.normalize(here - head.centre, dim=1)
        hang = how.weight * (0.4 + 0.6 * number / how.steps)
        # past the hairline nothing but weight draws
        on_scalp = step(ear - 0.02, ear + 0.06, here[:, 1])[:, None]
        pull = hang * on_scalp + (1 - on_scalp) * (1.0 if how.weight > 0.5 else 0.35)
        wish = flow(direction) * (1 - pull) + _DOWN * pull + blocks.gathered(here, ahead)
        heading = F.normalize(how.stiffness * heading + (1 - how.stiffness) * wish, dim=1)
        following = here + pace * heading
        following = _laid(head, following, lift, on_scalp[:, 0])
        following = blocks.off_head(following, lift)
        if how.shy:
            following = out_of_face(head, following)
        following = blocks.off_body(
            following, blocks.margin(following, how.margin * scale) + 0.35 * lift, ahead
        )
        following = here + pace * F.normalize(following - here, dim=1)
        heading = F.normalize(following - here, dim=1)
        here = following
        path.append(here)
    return torch.stack(path, 1)


def before_shoulders(
    start: Float[Tensor, "K 3"], reach: float
) -> Float[Tensor, "K"]:  # noqa: F821
    """1 for locks that fall before the shoulders, else -1.

    Args:
        start: directions of their roots.
        reach: azimuth up to which they do, radians.
    """
    azimuth = torch.atan2(start[:, 0], start[:, 2]).abs()
    return torch.where((azimuth < reach) & (start[:, 1] < 0.92), 1.0, -1.0)


def _laid(head: Head, points: Tensor, lift: Tensor, share: Tensor) -> Tensor:
    """Points drawn down to ``lift`` over the scalp where they float above it."""
    away = points - head.centre
    radius = away.norm(dim=1)
    direction = away / radius[:, None]
    most = head.radius(direction) + lift * 1.25
    down = (radius - most).clamp(min=0) * share * 0.6
    return points - direction * down[:, None]


def out_of_face(head: Head, points: Float[Tensor, "K 3"]) -> Float[Tensor, "K 3"]:
    """Points turned aside about the head's axis until the face is free."""
    local = points - head.centre
    azimuth = torch.atan2(local[:, 0], local[:, 2])
    brow = float(head.eyes[1]) + 0.055 * head.scale
    chin = float(head.point("chin_under")[1])
    y = points[:, 1]
    least = 1.02 * step(brow + 0.012 * head.scale, brow - 0.055 * head.scale, y)
    least = least * step(chin - 0.10, chin - 0.02, y)
    side = torch.where(azimuth >= 0, 1.0, -1.0)
    turned = side * azimuth.abs().maximum(least)
    level = local[:, [0, 2]].norm(dim=1)
    x, z = level * turned.sin(), level * turned.cos()
    return head.centre + torch.stack([x, local[:, 1], z], 1)


def tangent(directions: Float[Tensor, "K 3"], wish: Tensor) -> Float[Tensor, "K 3"]:
    """A wished direction laid into the scalp's plane."""
    flat = wish - directions * (wish * directions).sum(1, keepdim=True)
    return F.normalize(flat, dim=1, eps=1e-4)
