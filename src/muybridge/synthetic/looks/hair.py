"""Hair of a person: the cap over the scalp, the locks over the cap, and what is tied."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.synthetic.canvas import Canvas
from muybridge.synthetic.layers import Layer, Material
from muybridge.synthetic.looks.beard import beard_layers
from muybridge.synthetic.looks.grooms import Groom, from_crown, groom_of, unit_vector
from muybridge.synthetic.looks.guides import (
    Flow,
    Obstacles,
    Walk,
    before_shoulders,
    out_of_face,
    roots,
    walk,
)
from muybridge.synthetic.looks.hairline import Hairline
from muybridge.synthetic.looks.hats import Hat, Worn
from muybridge.synthetic.looks.head import Head
from muybridge.synthetic.looks.identity import HairLook, Identity
from muybridge.synthetic.looks.ribbons import Piece, curled, hair_layer, hanging, ribbons
from muybridge.synthetic.looks.scalp import Volume, build_cap, cap_layer
from muybridge.synthetic.looks.strands import LANES, SIZE, cap_material, ribbon_material
from muybridge.synthetic.looks.tails import braids, bun, ponytail, tufts
from muybridge.synthetic.noise import fractal_noise

_FRINGED = ("bob", "long", "ponytail", "bun", "braids")


def hair_layers(canvas: Canvas, identity: Identity, hat: Hat | None = None) -> list[Layer]:
    """Hair, beard, and the hat over them where there is one.

    Args:
        canvas: as :func:`~muybridge.synthetic.looks.face.canvas_of` gives it.
        identity: whose hair it is.
        hat: hair below it lies flat and does not come through.
    """
    head = Head.of(canvas)
    look = identity.hair
    worn = None if hat is None else Worn.on(head, hat)
    if worn is not None and look.style in ("ponytail", "bun", "afro"):
        look = worn.restyled(look)
    line = Hairline.of(head, look, identity.female)
    layers = []
    if look.style == "buzz":
        layers.append(_buzz(line, identity))
    elif look.style != "bald":
        layers += _groomed(line, identity, look, worn)
    if worn is not None:
        layers = [worn.tucked(layer) for layer in layers]
        layers.append(worn.layer)
    return beard_layers(head, identity) + layers


def _cap(line: Hairline, identity: Identity, volume: Volume, groom: Groom, around: int) -> Layer:
    pole = torch.tensor(groom.pole)
    cap = build_cap(line, volume, pole, 15, around)

    def painted(points: Tensor, inside: Tensor) -> Material:
        return cap_material(identity.hair, identity.skin.colour, points, inside, groom.curls)

    return cap_layer(cap, line, painted, SIZE)


def _buzz(line: Hairline, identity: Identity) -> Layer:
    look = identity.hair
    thick = 0.0016 + 0.0040 * look.length
    volume = Volume(thick, 0.7 * thick, 0.8 * thick, thick, 0.014, 0.0003, 300.0, look.seed % 991)
    groom = Groom(
        volume, unit_vector(0.1, 0.86, -0.5), 0.85, from_crown(0.5),
        Walk(3, 0.0, 0.5, 0.0, 0.3, False), 0, 0.01, 0.01, 0.004, 0.3,
    )
    return _cap(line, identity, volume, groom, 56)


def _groomed(
    line: Hairline, identity: Identity, look: HairLook, worn: Worn | None
) -> list[Layer]:
    groom = groom_of(look)
    generator = torch.Generator().manual_seed(look.seed)
    volume = groom.volume
    if worn is not None:
        volume = replace(volume, ceiling=worn.room)
    layers = [_cap(line, identity, volume, groom, 64 if look.style == "afro" else 56)]
    if look.style == "afro":
        pieces = tufts(line, groom, volume, generator)
    else:
        pieces = _locks(line, look, groom, volume, generator)
    if worn is None and look.fringe > 0 and look.style in _FRINGED:
        pieces += _fringe(line, look, volume, generator)
    pole = torch.tensor(groom.pole)
    if look.style == "ponytail":
        pieces += ponytail(line, look, pole, generator)
    elif look.style == "bun":
        pieces += bun(line, look, pole, generator)
    elif look.style == "braids":
        pieces += braids(line, look, generator)
    layers.append(hair_layer(line.head, look.style, pieces, ribbon_material(look)))
    return layers


def _locks(
    line: Hairline, look: HairLook, groom: Groom, volume: Volume, generator: torch.Generator
) -> list[Piece]:
    """The ribbons over the cap."""
    head = line.head
    s = head.scale
    start = roots(line, groom.locks, generator)
    if volume.ceiling is not None:
        # nothing comes out below a hat in front
        start = start[torch.atan2(start[:, 0], start[:, 2]).abs() > 0.95]
    count = len(start)

    def drawn() -> Tensor:
        return torch.rand(count, generator=generator)

    thick = volume.over(start, s)
    lift = thick + (0.0004 + groom.walk.loft * drawn()) * s
    length = groom.shortest + (groom.longest - groom.shortest) * drawn()
    length = length * _trim(start, look)
    if look.style in ("short", "side-parted"):
        # nothing hangs over the ears
        beside = (torch.atan2(start[:, 0], start[:, 2]).abs() - 1.65).abs() < 0.75
        room = line.depth(head.place(start), ragged=0.0) / s + 0.008
        length = torch.where(beside, length.minimum(room), length)
    for tie in groom.ties:
        # a lock ends where it is tied
        way = (start @ F.normalize(torch.tensor(tie), dim=0)).clamp(-1, 1).acos() * 0.098
        own = start[:, 0] * tie[0] >= 0
        length = torch.where(own, length.minimum(0.93 * way), length)
    path = walk(line, start, _uneven(groom.flow, look.seed), length * s, groom.walk, lift)
    if groom.curl > 0:
        amplitude = groom.curl * (0.6 + 0.8 * drawn()) * s
        turns = groom.turns * length * (0.8 + 0.4 * drawn())
        path = curled(head, path, amplitude, turns, 2 * math.pi * drawn())
        path = _freed(line, path, groom, before_shoulders(start, groom.walk.ahead))
    lane = (drawn() * LANES).long().clamp(max=LANES - 1)
    width = groom.wide * (0.75 + 0.5 * drawn()) * s
    twist = groom.tilt * (2 * drawn() - 1)
    return [
        ribbons(head, path, width, lane, groom.ridge, hanging(head, path), groom.tip, twist)
    ]


def _uneven(flow: Flow, seed: int) -> Flow:
    """A flow that wanders, so that locks part and meet as hair does."""

    def wandering(d: Tensor) -> Tensor:
        way = flow(d)
        turn = 1.1 * (fractal_noise((d * 0.1 + 1.0).contiguous(), 55.0, 2, seed % 6151) - 0.5)
        across = torch.linalg.cross(d, way)
        return turn.cos()[:, None] * way + turn.sin()[:, None] * across

    return wandering


def _freed(
    line: Hairline, path: Float[Tensor, "K S 3"], groom: Groom, ahead: Tensor
) -> Float[Tensor, "K S 3"]:
    """Curls pushed out of head, shoulders and face again."""
    blocks = Obstacles(line.head)
    flat = path.reshape(-1, 3)
    s = line.head.scale
    flat = blocks.off_head(flat, torch.full((len(flat),), 0.003 * s))
    if groom.walk.shy:
        flat = out_of_face(line.head, flat)
    along = ahead.repeat_interleave(path.shape[1])
    flat = blocks.off_body(flat, blocks.margin(flat, groom.walk.margin * s), along)
    out = flat.reshape(path.shape).clone()
    out[:, 0] = path[:, 0]
    return out


def _trim(directions: Tensor, look: HairLook) -> Tensor:
    """Share of its length that a lock has: short styles are shorter at sides and nape."""
    up = directions[:, 1]
    if look.style == "short":
        return 0.40 + 0.60 * ((up + 0.15) / 0.6).clamp(0, 1)
    if look.style == "side-parted":
        return 0.45 + 0.55 * ((up + 0.1) / 0.5).clamp(0, 1)
    if look.style in ("bob", "long"):
        # all end at about one height, however high they begin
        return 0.70 + 0.30 * ((up + 0.4) / 1.3).clamp(0, 1)
    return torch.ones_like(up)


def _fringe(
    line: Hairline, look: HairLook, volume: Volume, generator: torch.Generator
) -> list[Piece]:
    """Locks over the forehead."""
    head = line.head
    s = head.scale
    count = 26
    place = torch.linspace(-1, 1, count)
    jitter = torch.rand(count, generator=generator)
    azimuth = 0.72 * place
    polar = line.limit(azimuth) - 0.16 - 0.22 * jitter
    level = polar.sin()
    start = torch.stack([level * azimuth.sin(), polar.cos(), level * azimuth.cos()], 1)
    part = look.parting

    def flow(d: Tensor) -> Tensor:
        aside = (0.25 * d[:, :1].sign() + 0.5 * d[:, :1] - 0.45 * part).expand(-1, 1)
        wish = torch.cat([aside, -torch.ones_like(aside), torch.ones_like(aside)], 1)
        flat = wish - d * (wish * d).sum(1, keepdim=True)
        return F.normalize(flat, dim=1)

    length = (0.055 + 0.030 * look.fringe + 0.022 * jitter) * s
    how = Walk(6, 0.10, 0.35, 0.006, 0.30, False)
    lift = (0.006 + how.loft * torch.rand(count, generator=generator)) * s
    path = walk(line, start, flow, length, how, lift)
    lane = torch.arange(count) % LANES
    width = (0.0085 + 0.003 * torch.rand(count, generator=generator)) * s
    slack = torch.zeros(path.shape[:2])
    return [ribbons(head, path, width, lane, 0.3, slack, 0.25)]
