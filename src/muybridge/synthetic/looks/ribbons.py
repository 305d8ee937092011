"""Locks of hair as surfaces: ribbons and tubes along guide curves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.synthetic.layers import Layer, Material
from muybridge.synthetic.looks.head import Head
from muybridge.synthetic.looks.paint import step
from muybridge.synthetic.looks.strands import LANES


@dataclass(frozen=True)
class Piece:
    """Part of a layer of hair.

    Attributes:
        vertices: metres. faces: corners. uv: one for each vertex.
        slack: of each vertex, 0..1.
    """

    vertices: Float[Tensor, "N 3"]
    faces: Int[Tensor, "F 3"]
    uv: Float[Tensor, "N 2"]
    slack: Float[Tensor, "N"]  # noqa: F821


def joined(pieces: list[Piece]) -> Piece:
    """Several pieces as one."""
    faces, first = [], 0
    for piece in pieces:
        faces.append(piece.faces + first)
        first += len(piece.vertices)
    return Piece(
        torch.cat([p.vertices for p in pieces]), torch.cat(faces),
        torch.cat([p.uv for p in pieces]), torch.cat([p.slack for p in pieces]),
    )


def frames(
    head: Head, paths: Float[Tensor, "K S 3"]
) -> tuple[Float[Tensor, "K S 3"], Float[Tensor, "K S 3"]]:
    """Sideways and outward unit directions along curves; outward is away from head and neck."""
    forward = torch.zeros_like(paths)
    forward[:, 1:-1] = paths[:, 2:] - paths[:, :-2]
    forward[:, 0], forward[:, -1] = paths[:, 1] - paths[:, 0], paths[:, -1] - paths[:, -2]
    forward = F.normalize(forward, dim=-1, eps=1e-9)
    away = paths - head.centre
    low = step(0.02, -0.10, away[..., 1:2])
    away = away * torch.cat(
        [torch.ones_like(low), 1 - 0.9 * low, torch.ones_like(low)], -1
    )
    out = F.normalize(away, dim=-1)
    side = F.normalize(torch.linalg.cross(forward, out), dim=-1, eps=1e-9)
    return side, F.normalize(torch.linalg.cross(side, forward), dim=-1, eps=1e-9)


def curled(
    head: Head,
    paths: Float[Tensor, "K S 3"],
    amplitude: Float[Tensor, "K"],
    turns: Float[Tensor, "K"],
    phase: Float[Tensor, "K"],
    flat: float = 0.0,
) -> Float[Tensor, "K S 3"]:
    """Curves wound into helices (``flat`` 1: waves in the surface), growing from the root."""
    side, out = frames(head, paths)
    share = torch.linspace(0, 1, paths.shape[1])
    angle = phase[:, None] + 2 * math.pi * turns[:, None] * share
    grow = amplitude[:, None] * step(0.0, 0.25, share)
    wave = (grow * angle.sin())[..., None] * side
    bulge = (grow * (1 - flat) * (0.6 + angle.cos()))[..., None] * out
    return paths + wave + bulge


def ribbons(
    head: Head,
    paths: Float[Tensor, "K S 3"],
    width: Float[Tensor, "K"],  # noqa: F821
    lane: Int[Tensor, "K"],  # noqa: F821
    ridge: float,
    slack: Float[Tensor, "K S"],
    tip: float = 0.12,
    twist: Float[Tensor, "K"] | None = None,  # noqa: F821
) -> Piece:
    """A ribbon along each curve, three vertices wide, or two where it has no ridge.

    Args:
        paths: of the curves, roots first.
        width: half of it, at the widest, metres.
        lane: strip of the texture.
        ridge: how far the middle stands out, in half widths.
        slack: of each point.
        tip: width of the end, in widths.
        twist: of the ribbon about its curve, radians.
    """
    count, points = paths.shape[:2]
    side, out = frames(head, paths)
    if twist is not None:
        c, s = twist.cos()[:, None, None], twist.sin()[:, None, None]
        side, out = c * side + s * out, c * out - s * side
    share = torch.linspace(0, 1, points)
    profile = (0.55 + 0.45 * step(0.0, 0.25, share)) * (1 - (1 - tip) * step(0.45, 1.0, share))
    half = (width[:, None] * profile)[..., None]
    left = paths - half * side - 0.5 * ridge * half * out
    right = paths + half * side - 0.5 * ridge * half * out
    if ridge > 0:
        rows = torch.stack([left, paths + ridge * half * out, right], 2)
    else:
        rows = torch.stack([left, right], 2)
    wide = rows.shape[2]
    u = (lane[:, None] + torch.linspace(0.06, 0.94, wide)) / LANES
    uv = torch.stack(
        [u[:, None].expand(-1, points, -1), share[None, :, None].expand(count, -1, wide)], -1
    )
    a = torch.arange(points - 1)[:, None] * wide + torch.arange(wide - 1)
    b, c, d = a + 1, a + wide, a + wide + 1
    quad = torch.stack([torch.stack([a, b, d], -1), torch.stack([a, d, c], -1)], 2).reshape(-1, 3)
    faces = quad[None] + (torch.arange(count) * points * wide)[:, None, None]
    return Piece(
        rows.reshape(-1, 3), faces.reshape(-1, 3), uv.reshape(-1, 2).contiguous(),
        slack[..., None].expand(-1, -1, wide).reshape(-1),
    )


def tube(
    path: Float[Tensor, "S 3"],
    radius: Float[Tensor, "S"],
    lane: int,
    slack: Float[Tensor, "S"],
    around: int = 6,
    repeat: float = 1.0,
) -> Piece:
    """A closed tube along one curve, its ends pointed.

    Args:
        repeat: how often the texture's lanes run around.
    """
    forward = torch.zeros_like(path)
    forward[1:-1] = path[2:] - path[:-2]
    forward[0], forward[-1] = path[1] - path[0], path[-1] - path[-2]
    forward = F.normalize(forward, dim=-1, eps=1e-9)
    up = torch.tensor([0.0, 0.0, 1.0]).expand_as(forward)
    level = forward[:, 2:].abs() > 0.9
    up = torch.where(level, torch.tensor([0.0, 1.0, 0.0]), up)
    side = F.normalize(torch.linalg.cross(forward, up), dim=-1)
    out = torch.linalg.cross(side, forward)
    turn = torch.arange(around + 1) / around * 2 * math.pi
    ring = turn.cos()[None, :, None] * side[:, None] + turn.sin()[None, :, None] * out[:, None]
    vertices = path[:, None] + radius[:, None, None] * ring
    points = len(path)
    u = (lane + 0.06 + 0.88 * (torch.arange(around + 1) / around * repeat) % 1.0) / LANES
    v = torch.linspace(0, 1, points)
    uv = torch.stack(torch.meshgrid(v, u, indexing="ij")[::-1], -1)
    a = torch.arange(points - 1)[:, None] * (around + 1) + torch.arange(around)
    wide = around + 1
    faces = torch.stack(
        [torch.stack([a, a + wide + 1, a + 1], -1), torch.stack([a, a + wide, a + wide + 1], -1)],
        2,
    ).reshape(-1, 3)
    return Piece(
        vertices.reshape(-1, 3), faces, uv.reshape(-1, 2).contiguous(),
        slack[:, None].expand(-1, wide).reshape(-1),
    )


def hair_weights(
    head: Head, points: Float[Tensor, "N 3"]
) -> Float[Tensor, "N B"]:
    """Weights of hanging hair: the head's above the nape, more and more the back's below it."""
    canvas = head.canvas
    bones = canvas.body.rig.bones
    weights = torch.zeros(len(points), len(bones))
    weights[:, bones.index("head")] = 1.0
    nape = float(head.ear_tops[1]) - 0.03 * head.scale
    share = step(nape, nape - 0.24 * head.scale, points[:, 1])
    low = (share > 0).nonzero()[:, 0]
    if len(low):
        trunk = [
            k for k, bone in enumerate(bones)
            if bone.startswith(("spine", "neck", "clavicle", "shoulder01"))
        ]
        own = canvas.body.rig.weights[:, trunk].sum(1) > 0.9
        index = own.nonzero()[:, 0][::2]
        near = torch.cdist(points[low], canvas.vertices[index]).topk(6, largest=False).indices
        below = canvas.body.rig.weights[index][near].mean(1)
        below = below / below.sum(1, keepdim=True)
        weights[low] = weights[low] * (1 - share[low, None]) + below * share[low, None]
    return weights


def hair_layer(head: Head, name: str, pieces: list[Piece], material: Material) -> Layer:
    """Pieces as one layer of hair, seen from both sides."""
    whole = joined(pieces)
    return Layer(
        name=name, role="hair", vertices=whole.vertices.contiguous(),
        weights=hair_weights(head, whole.vertices), faces=whole.faces, uv=whole.uv.clamp(0, 1),
        faces_uv=whole.faces, material=material, slack=whole.slack.clamp(0, 1),
        two_sided=True, hides=torch.zeros(len(head.canvas.faces), dtype=torch.bool),
    )


def hanging(head: Head, paths: Float[Tensor, "K S 3"], most: float = 0.9) -> Float[Tensor, "K S"]:
    """Slack of curves: none on the head, growing with how far below the ears they hang."""
    below = head.ear_tops[1] - paths[..., 1]
    return most * step(-0.01 * head.scale, 0.26 * head.scale, below)
