"""Eyes: two balls behind the lids, with iris, pupil and the shadow of the upper lid."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.body import load_anny
from muybridge.synthetic.layers import Layer, Material, Matter
from muybridge.synthetic.looks.head import Head, plan
from muybridge.synthetic.looks.identity import Identity
from muybridge.synthetic.looks.paint import Paint, bump, step
from muybridge.synthetic.noise import value_noise

SIZE = 256
_RADIUS = 0.0170
_IRIS = 0.0061
_WIDE = math.radians(78)
"""How far from its axis a ball is built; the rest lies behind the lids."""
_RINGS, _SECTORS = 7, 18


def eye_layer(head: Head, identity: Identity) -> Layer:
    """Both eyes as one layer, each skinned to its own bone."""
    body = head.canvas.body
    bones = load_anny().bones
    ball, faces = _ball()
    vertices, weights = [], []
    for side, bone in (("left", "eye.L"), ("right", "eye.R")):
        number = bones.index(bone)
        centre, radius = _fitted(head, side, body.bind_heads[number])
        vertices.append(centre + radius * ball)
        own = torch.zeros(len(ball), len(bones))
        own[:, number] = 1.0
        weights.append(own)
    uv = 0.5 + 0.49 * _flat()
    both = torch.cat([faces, faces + len(ball)])
    return Layer(
        name="eyes", role="skin", vertices=torch.cat(vertices), weights=torch.cat(weights),
        faces=both, uv=uv, faces_uv=faces.repeat(2, 1), material=_painted(identity),
        slack=torch.zeros(2 * len(ball)), two_sided=False,
        hides=torch.zeros(len(head.canvas.faces), dtype=torch.bool),
    )


def _flat() -> Float[Tensor, "V 2"]:
    """The ball's vertices on a disc of radius 1, y down."""
    ring = torch.arange(1, _RINGS + 1) / _RINGS
    turn = torch.arange(_SECTORS) / _SECTORS * 2 * math.pi
    x = ring[:, None] * turn.cos()
    y = ring[:, None] * turn.sin()
    return torch.cat([torch.zeros(1, 2), torch.stack([x, y], -1).reshape(-1, 2)])


def _ball() -> tuple[Float[Tensor, "V 3"], Int[Tensor, "F 3"]]:
    """A cap of the unit ball about +Z with the cornea's bulge, and its triangles."""
    flat = _flat()
    angle = flat.norm(dim=1) * _WIDE
    level = F.normalize(flat, dim=1) * angle.sin()[:, None]
    points = torch.stack([level[:, 0], -level[:, 1], angle.cos()], 1)
    points = points * (1 + 0.035 * bump(angle, 0.24))[:, None]
    ring = torch.arange(_SECTORS)
    following = (ring + 1) % _SECTORS
    faces = [torch.stack([torch.zeros_like(ring), following + 1, ring + 1], 1)]
    for k in range(_RINGS - 1):
        a, b = 1 + k * _SECTORS + ring, 1 + k * _SECTORS + following
        c, d = a + _SECTORS, b + _SECTORS
        faces += [torch.stack([a, b, d], 1), torch.stack([a, d, c], 1)]
    return points, torch.cat(faces)


def _fitted(head: Head, side: str, bone: Float[Tensor, "3"]) -> tuple[Tensor, float]:
    """Centre and radius of a ball that the lids of a face lie on."""
    rim = head.canvas.vertices[plan().rims[side]]
    radius = _RADIUS * head.scale
    centre = bone.clone()
    middle = (rim[:, :2].amin(0) + rim[:, :2].amax(0)) / 2
    sign = 1.0 if side == "left" else -1.0
    usual = torch.tensor([0.0022 * sign, -0.0015]) * head.scale
    centre[:2] += (middle - bone[:2] - usual).clamp(-0.005, 0.005)
    for _ in range(6):
        away = (rim - centre).norm(dim=1)
        centre[2] += away.sort().values[4] - radius - 0.0004 * head.scale
    return centre, radius


def _painted(identity: Identity) -> Material:
    grid = (torch.arange(SIZE) + 0.5) / SIZE * 2 - 1
    y, x = torch.meshgrid(grid, grid, indexing="ij")
    flat = torch.stack([x, y], -1).reshape(-1, 2) / 0.98
    angle = flat.norm(dim=1) * _WIDE
    r = _RADIUS * angle.sin()
    paint = Paint(F.pad(flat, (0, 1)), (0.86, 0.83, 0.81), 0.85)
    paint.tint(step(0.006, 0.015, r), (0.88, 0.74, 0.71))
    turn = torch.atan2(flat[:, 1], flat[:, 0])
    around = torch.stack([turn.cos() * 5, turn.sin() * 5, angle * 1.5], 1) + 9.0
    fibres = value_noise(around, 3.0, identity.number % 997)
    iris = torch.tensor(identity.iris) * (0.75 + 0.75 * fibres)[:, None]
    iris = iris * (1 + 0.5 * bump(r - 0.0034, 0.0009))[:, None]
    paint.cover(step(_IRIS + 0.0003, _IRIS - 0.0003, r), iris)
    paint.tint(bump(r - _IRIS, 0.0006), (0.35, 0.32, 0.32))
    paint.cover(step(0.0027, 0.0022, r), (0.02, 0.02, 0.02))
    # the upper lid and its lashes shade the ball
    height = -flat[:, 1] * _WIDE * _RADIUS
    paint.tint(step(-0.0005, 0.0048, height), (0.42, 0.38, 0.37))
    return paint.material(Matter.EYE, torch.arange(SIZE * SIZE), SIZE)
