"""The cap: a shell over the scalp that gives hair its body, thin at the hairline."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from muybridge.synthetic.layers import Layer, Material
from muybridge.synthetic.looks.hairline import Hairline
from muybridge.synthetic.looks.head import Head, plan, unit
from muybridge.synthetic.looks.paint import step
from muybridge.synthetic.noise import fractal_noise

Thickness = Callable[[Tensor], Tensor]
"""Unit directions ``[..., 3]`` from the skull's centre -> height over the skin, metres."""


@dataclass(frozen=True)
class Volume:
    """How thick hair lies, in metres of the standard head.

    Attributes:
        top, sides, back, front: there.
        edge: width of the border along which it thins out.
        rough: amplitude of lumps. grain: lumps per metre. seed: of the lumps.
        taper: share that it loses towards the nape.
        bulge: how far it stands out over the hairline, in its own height.
        ceiling: the most that a hat leaves room for, as a height over the skin.
    """

    top: float
    sides: float
    back: float
    front: float
    edge: float
    rough: float
    grain: float
    seed: int
    taper: float = 0.0
    bulge: float = 0.0
    ceiling: Thickness | None = None

    def over(self, directions: Float[Tensor, "*S 3"], scale: float) -> Float[Tensor, "*S"]:
        """Height over the skin far from the hairline, metres."""
        x, y, z = directions.unbind(-1)
        up = step(0.25, 0.85, y)
        ahead, behind = step(0.15, 0.75, z), step(0.15, 0.75, -z)
        low = self.sides + (self.back - self.sides) * behind + (self.front - self.sides) * ahead
        height = (low + (self.top - low) * up) * (1 - self.taper * step(0.0, -0.75, y))
        if self.rough > 0:
            flat = (directions.reshape(-1, 3) * 0.1 + 1.0).contiguous()
            lumps = fractal_noise(flat, self.grain, 2, self.seed).reshape(x.shape) - 0.5
            height = height + 2 * self.rough * lumps * (height / 0.02).clamp(0.3, 1.5)
        return height * scale


@dataclass(frozen=True)
class Cap:
    """A grid over the scalp, from a pole out to beyond the hairline.

    Attributes:
        directions: from the skull's centre. points: of the surface, metres.
        inside: how far within the hairline, metres. ``R`` rings of ``A`` directions.
    """

    directions: Float[Tensor, "R A 3"]
    points: Float[Tensor, "R A 3"]
    inside: Float[Tensor, "R A"]


def build_cap(
    line: Hairline, volume: Volume, pole: Float[Tensor, "3"], rings: int, around: int
) -> Cap:
    """The cap of a hairline.

    Args:
        line: where hair grows.
        volume: how thick it lies.
        pole: direction from which strands run: crown, parting or where hair is tied.
        rings, around: of the grid.
    """
    head = line.head
    azimuth = (torch.arange(around) / around - 0.5) * 2 * math.pi
    border = unit(azimuth, line.limit(azimuth) + 0.16)
    share = torch.linspace(0, 1, rings) ** 0.85
    share[0] = 0.02
    directions = _between(pole.expand_as(border), border, share)
    flat = directions.reshape(-1, 3)
    base = head.place(flat)
    inside = line.depth(base) / head.scale
    height = covered(volume, flat, inside, head.scale)
    points = head.place(flat, height)
    shape = directions.shape[:2]
    if volume.bulge > 0:
        # hair stands square on the scalp, so a thick head of it overhangs the hairline
        border = step(0.004, 0.012, inside) * step(0.055, 0.015, inside)
        outward = F.normalize(border_direction(directions, pole), dim=-1).reshape(-1, 3)
        points = points + outward * (volume.bulge * height.clamp(min=0) * border)[:, None]
    return Cap(directions, points.reshape(*shape, 3), inside.reshape(shape) * head.scale)


def border_direction(
    directions: Float[Tensor, "R A 3"], pole: Float[Tensor, "3"]
) -> Float[Tensor, "R A 3"]:
    """Tangents of the scalp that lead away from the pole, down to the hairline."""
    away = directions - pole
    return away - directions * (away * directions).sum(-1, keepdim=True)


def covered(
    volume: Volume, directions: Float[Tensor, "P 3"], inside: Float[Tensor, "P"], scale: float
) -> Float[Tensor, "P"]:
    """Height of the cap over the skin; below the skin outside of the hairline, metres.

    Args:
        inside: within the hairline, metres of the standard head.
    """
    height = volume.over(directions, scale)
    thick = step(-0.001, volume.edge, inside) ** 0.7
    height = height * thick + 0.0010 * scale * step(0.0, 0.003, inside)
    if volume.ceiling is not None:
        height = torch.minimum(height, volume.ceiling(directions))
    return height - 0.0045 * scale * step(0.0015, -0.006, inside)


def _between(a: Tensor, b: Tensor, share: Tensor) -> Float[Tensor, "R A 3"]:
    """Directions on the arcs from ``a`` to ``b``."""
    angle = (a * b).sum(1).clamp(-0.9999, 0.9999).acos()[None]
    s = share[:, None]
    mixed = (((1 - s) * angle).sin()[..., None] * a + (s * angle).sin()[..., None] * b)
    return F.normalize(mixed / angle.sin()[..., None], dim=-1)


def grid_faces(rings: int, around: int, first: int = 0) -> Int[Tensor, "F 3"]:
    """Triangles of rings closed around, inner ring first, counter-clockwise from outside."""
    at = torch.arange(around)
    on = (at + 1) % around
    row = torch.arange(rings - 1)[:, None] * around + first
    a, b = row + at, row + on
    c, d = a + around, b + around
    return torch.stack([torch.stack([a, c, d], -1), torch.stack([a, d, b], -1)], 2).reshape(-1, 3)


def cap_layer(
    cap: Cap, line: Hairline, paint: Callable[[Tensor, Tensor], Material], size: int
) -> Layer:
    """The cap as a layer, closed at its pole.

    Args:
        paint: of texels: where they lie (standard head), how far within the hairline.
        size: of the texture.
    """
    head = line.head
    rings, around = cap.points.shape[:2]
    middle = cap.points[0].mean(0, keepdim=True)
    vertices = torch.cat([cap.points.reshape(-1, 3), middle])
    at = torch.arange(around)
    lid = torch.stack([torch.full_like(at, rings * around), at, (at + 1) % around], 1)
    faces = torch.cat([lid, grid_faces(rings, around)])
    u = torch.linspace(0, 1, around + 1)
    v = torch.linspace(0.04, 1, rings)
    grid = torch.stack(torch.meshgrid(v, u, indexing="ij")[::-1], -1).reshape(-1, 2)
    tips = torch.stack([(u[:-1] + u[1:]) / 2, torch.zeros(around)], 1)
    wide = around + 1
    lid_uv = torch.stack([rings * wide + at, at, at + 1], 1)
    row = torch.arange(rings - 1)[:, None] * wide
    a, b = row + at, row + at + 1
    quads = torch.stack(
        [torch.stack([a, a + wide, b + wide], -1), torch.stack([a, b + wide, b], -1)], 2
    ).reshape(-1, 3)
    closed = torch.cat([cap.points, cap.points[:, :1]], 1).permute(2, 0, 1)[None]
    spread = F.interpolate(closed, size=(size, size), mode="bilinear", align_corners=True)
    deep = torch.cat([cap.inside, cap.inside[:, :1]], 1)[None, None]
    inside = F.interpolate(deep, size=(size, size), mode="bilinear", align_corners=True)[0, 0]
    places = head.local(spread[0].permute(1, 2, 0).reshape(-1, 3)).reshape(size, size, 3)
    return Layer(
        name="hair", role="hair", vertices=vertices, weights=scalp_weights(head, vertices),
        faces=faces, uv=torch.cat([grid, tips]), faces_uv=torch.cat([lid_uv, quads]),
        material=paint(places, inside / head.scale), slack=torch.zeros(len(vertices)),
        two_sided=False, hides=buried(cap, line),
    )


def scalp_weights(head: Head, points: Float[Tensor, "P 3"]) -> Float[Tensor, "P B"]:
    """The weights of the skin next to each point."""
    skin = plan().outer & (plan().ears < 0.1)
    index = skin.nonzero()[:, 0]
    near = torch.cdist(points, head.canvas.vertices[index]).argmin(1)
    return head.canvas.body.rig.weights[index[near]]


def buried(cap: Cap, line: Hairline) -> Bool[Tensor, "G"]:  # noqa: F821
    """Triangles of the body that lie well below the cap."""
    head = line.head
    canvas = head.canvas
    skin = plan().outer & (plan().ears < 0.02) & (canvas.vertices[:, 1] > head.ear_tops[1])
    index = skin.nonzero()[:, 0]
    points = canvas.vertices[index]
    deep = line.depth(points, ragged=0.0) > 0.020 * head.scale
    under = torch.zeros(len(canvas.vertices), dtype=torch.bool)
    away = torch.cdist(points, cap.points.reshape(-1, 3))
    near = away.argmin(1)
    outer = (cap.points.reshape(-1, 3)[near] - head.centre).norm(dim=1)
    under[index] = deep & (outer - (points - head.centre).norm(dim=1) > 0.0025 * head.scale)
    return under[canvas.faces].all(1)
