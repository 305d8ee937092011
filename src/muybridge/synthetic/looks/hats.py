"""Hats: caps, beanies and brimmed hats, fitted to a head, with hair tucked in below them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from muybridge.render import sample_texture
from muybridge.synthetic.dice import Dice
from muybridge.synthetic.layers import Layer
from muybridge.synthetic.looks.filling import filled
from muybridge.synthetic.looks.hat_paint import hat_material
from muybridge.synthetic.looks.head import MAP, Head, disc, plan, radial_map, unit
from muybridge.synthetic.looks.identity import HairLook
from muybridge.synthetic.looks.paint import bump, step
from muybridge.synthetic.looks.palette import Colour
from muybridge.synthetic.looks.scalp import grid_faces

HATS: tuple[str, ...] = ("cap", "beanie", "brimmed")
"""Kinds of hats."""
_COLOURS: tuple[Colour, ...] = (
    (0.09, 0.10, 0.12), (0.13, 0.18, 0.32), (0.62, 0.12, 0.13), (0.85, 0.84, 0.80),
    (0.34, 0.36, 0.25), (0.72, 0.60, 0.42), (0.45, 0.46, 0.48), (0.16, 0.34, 0.28),
    (0.80, 0.52, 0.16), (0.45, 0.22, 0.32), (0.30, 0.47, 0.62), (0.27, 0.19, 0.14),
)
_RINGS, _AROUND = 11, 44


@dataclass(frozen=True)
class Hat:
    """The design of a hat; plain numbers and words.

    Attributes:
        number: that everything was drawn from.
        kind: one of :data:`HATS`.
        colour, second: of the crown, and of brim, cuff or band; sRGB.
        crown: height of the crown, 0..1. brim: width of the brim, 0..1.
        curve: how far the brim is bent, 0..1.
        backwards: a cap's brim over the nape.
        trim: a beanie's cuff, or the band around a brimmed hat.
        pompon: on a beanie.
        logo: letters in front, or nothing.
        pattern: ``plain``, ``stripes`` or ``halves``.
    """

    number: int
    kind: str
    colour: Colour
    second: Colour
    crown: float
    brim: float
    curve: float
    backwards: bool
    trim: bool
    pompon: bool
    logo: str
    pattern: str


def hat(number: int) -> Hat:
    """The hat of a number; the same number is the same hat everywhere."""
    dice = Dice("looks/hat", number)
    kind = dice.weighted({"cap": 0.45, "beanie": 0.3, "brimmed": 0.25})
    colour = dice.one_of(_COLOURS)
    second = dice.one_of(_COLOURS) if dice.chance(0.55) else colour
    letters = "".join(dice.one_of("ABCEHKLMNRSTUVXZ") for _ in range(dice.whole(1, 2)))
    return Hat(
        number=number, kind=kind, colour=colour, second=second,
        crown=round(dice.between(0, 1), 4), brim=round(dice.between(0, 1), 4),
        curve=round(dice.between(0, 1), 4), backwards=dice.chance(0.15), trim=dice.chance(0.7),
        pompon=dice.chance(0.35), logo=letters if dice.chance(0.55) else "",
        pattern=dice.weighted({"plain": 0.6, "stripes": 0.25, "halves": 0.15}),
    )


@dataclass(frozen=True)
class Worn:
    """A hat on a head.

    Attributes:
        head: whose.
        layer: the hat.
        radius: of crown and brim about the skull's centre, over the head's disc, metres.
        inside: where the crown is. covered: where crown or brim are.
    """

    head: Head
    layer: Layer
    radius: Float[Tensor, "M M"]
    inside: Float[Tensor, "M M"]
    covered: Float[Tensor, "M M"]

    @staticmethod
    def on(head: Head, hat: Hat) -> Worn:
        """Fits a hat to a head."""
        shell = _shell(head, hat)
        crown = grid_faces(_RINGS, _AROUND)
        vertices = shell.reshape(-1, 3)
        radius, seen = radial_map(vertices, crown, head.centre)
        # the pole's small hole is part of the shell
        seen[MAP // 2 - 5 : MAP // 2 + 5, MAP // 2 - 5 : MAP // 2 + 5] = True
        known = seen & (radius > 0)
        radius = filled(radius[..., None], known)[..., 0]
        layer = _layer(head, hat, shell, _hidden(head, radius, seen))
        whole, covered = radial_map(layer.vertices, layer.faces, head.centre)
        covered |= seen
        limit = torch.where(seen, radius, whole)
        limit = filled(limit[..., None], covered)[..., 0]
        return Worn(head, layer, limit, seen.float(), covered.float())

    def restyled(self, look: HairLook) -> HairLook:
        """How hair is worn below a hat: tied low, afros shorter."""
        if look.style == "afro":
            return replace(look, length=min(look.length, 0.35))
        return replace(look, volume=0.0, seed=look.seed - look.seed % 3)

    def room(self, directions: Float[Tensor, "*S 3"]) -> Float[Tensor, "*S"]:
        """Height over the skin that hair may reach; much below the hat's edge, metres."""
        place = disc(directions)
        radius = sample_texture(self.radius[..., None], place)[..., 0]
        near = F.max_pool2d(self.inside[None, None], 9, 1, 4)[0, 0]
        below = 1 - sample_texture(near[..., None], place)[..., 0]
        skull = self.head.radius(directions)
        return (radius - skull - 0.003 * self.head.scale).clamp(min=0.0) + 0.5 * below

    def tucked(self, layer: Layer) -> Layer:
        """Hair drawn in below the hat; what nobody sees of it is left out."""
        s = self.head.scale
        away = layer.vertices - self.head.centre
        size = away.norm(dim=1)
        direction = away / size[:, None]
        place = disc(direction)
        most = sample_texture(self.radius[..., None], place)[..., 0] - 0.0035 * s
        grown = F.max_pool2d(self.covered[None, None], 3, 1, 1)[0, 0]
        under = sample_texture(grown[..., None], place)[..., 0] > 0
        drawn = torch.where(under, size.minimum(most), size)
        shrunk = -F.max_pool2d(-self.inside[None, None], 11, 1, 5)[0, 0]
        deep = sample_texture(shrunk[..., None], place)[..., 0] > 0.99
        kept = ~deep[layer.faces].all(1)
        return replace(
            layer, vertices=self.head.centre + direction * drawn[:, None],
            faces=layer.faces[kept], faces_uv=layer.faces_uv[kept],
        )


def _hidden(
    head: Head, radius: Float[Tensor, "M M"], seen: Bool[Tensor, "M M"]
) -> Bool[Tensor, "G"]:  # noqa: F821
    """Triangles of the body well below the crown."""
    canvas = head.canvas
    near = plan().outer & (plan().ears < 0.02)
    direction = F.normalize(canvas.vertices - head.centre, dim=1)
    shrunk = -F.max_pool2d(-seen.float()[None, None], 9, 1, 4)[0, 0]
    deep = sample_texture(shrunk[..., None], disc(direction))[..., 0] > 0.99
    room = sample_texture(radius[..., None], disc(direction))[..., 0]
    below = (canvas.vertices - head.centre).norm(dim=1) < room - 0.002 * head.scale
    return (near & deep & below)[canvas.faces].all(1)


def _edge(head: Head, hat: Hat) -> tuple[Tensor, Tensor]:
    """Azimuths, and directions of the crown's lower edge on the head."""
    s = head.scale
    azimuth = (torch.arange(_AROUND) / _AROUND - 0.5) * 2 * math.pi
    front, back = {"cap": (0.050, 0.020), "beanie": (0.050, -0.012), "brimmed": (0.052, 0.030)}[
        hat.kind
    ]
    sides = 0.5 * (front + back) + {"cap": 0.004, "beanie": 0.003, "brimmed": 0.004}[hat.kind]
    lean = azimuth.cos()
    height = torch.where(lean > 0, sides + (front - sides) * lean, sides + (sides - back) * lean)
    # above the ears
    floor = float(head.ear_tops[0] - head.eyes[1]) / s + 0.004
    beside = (azimuth.sin().abs() - 0.6).clamp(min=0) / 0.4
    height = height.maximum(floor * beside + height.minimum(torch.tensor(floor)) * (1 - beside))
    level = head.eyes[1] + s * height - head.centre[1]
    polar = torch.full_like(azimuth, 1.2)
    for _ in range(8):
        radius = head.radius(unit(azimuth, polar)) + 0.006 * s
        polar = (level / radius).clamp(-0.9, 0.9).acos()
    return azimuth, unit(azimuth, polar)


def _shell(head: Head, hat: Hat) -> Float[Tensor, "R A 3"]:
    """The crown: rings from the top to the lower edge, metres."""
    s = head.scale
    azimuth, edge = _edge(head, hat)
    share = torch.linspace(0.03, 1, _RINGS)[:, None]
    top = F.normalize(torch.tensor([0.0, 1.0, -0.10]), dim=0)
    if hat.kind == "brimmed":
        return _tall(head, hat, edge)
    angle = (edge @ top).acos()[None]
    mixed = ((1 - share) * angle).sin()[..., None] * top + (share * angle).sin()[..., None] * edge
    direction = F.normalize(mixed, dim=-1)
    over = torch.full_like(share, 0.0085)
    up = 1 - share
    if hat.kind == "cap":
        facing = step(-0.2, 0.8, azimuth.cos()) if not hat.backwards else step(
            -0.2, 0.8, -azimuth.cos())
        over = over + (0.006 + 0.012 * hat.crown) * step(0.0, 0.45, up) * (0.6 + 0.6 * facing)
    else:
        slouch = step(0.1, 0.9, up) * (0.010 + 0.045 * hat.crown)
        over = over + 0.003 + slouch * (1 - 0.35 * azimuth.cos())
    return head.place(direction, over.expand(_RINGS, _AROUND) * s)


_PROFILE = (
    # how far up, how wide: from the middle of the top down to the lower edge
    (0.93, 0.02), (0.96, 0.25), (0.99, 0.48), (1.00, 0.66), (0.96, 0.79), (0.87, 0.86),
    (0.73, 0.90), (0.55, 0.93), (0.36, 0.96), (0.18, 0.985), (0.0, 1.0),
)


def _tall(head: Head, hat: Hat, edge: Tensor) -> Float[Tensor, "R A 3"]:
    """A crown with walls and a dented top."""
    s = head.scale
    rim = head.place(edge, 0.0080 * s)
    middle = rim.mean(0)
    up, wide = torch.tensor(_PROFILE).unbind(1)
    height = (0.088 + 0.026 * hat.crown) * s
    # low crowns are round like a bucket's, high ones narrow like a felt hat's
    wide = wide ** (0.75 + 0.75 * hat.crown)
    flat = (rim - middle)[None] * wide[:, None, None]
    top = step(0.55, 1.0, up)[:, None]
    ahead = step(0.0, 0.08, flat[..., 2] / s)
    pinch = 1 - 0.32 * hat.crown * top * ahead
    x, z = flat[..., 0] * pinch, flat[..., 2]
    dent = 0.020 * s * hat.crown * top * bump(x / s, 0.018)
    y = middle[1] + up[:, None] * height + (rim[:, 1] - middle[1])[None] * wide[:, None] - dent
    points = torch.stack([middle[0] + x, y, middle[2] + z], -1)
    away = points - head.centre
    radius = away.norm(dim=-1)
    direction = away / radius[..., None]
    least = head.radius(direction) + 0.006 * s
    return head.centre + direction * radius.maximum(least)[..., None]


def _layer(head: Head, hat: Hat, shell: Tensor, hidden: Tensor) -> Layer:
    """All parts of a hat as one layer: crown in the upper half of the texture, rest below."""
    parts = [_grid(shell, 0.02, 0.48)]
    lid = shell[0].mean(0, keepdim=True)
    at = torch.arange(_AROUND)
    parts.append((
        torch.cat([shell[0], lid]),
        torch.stack([torch.full_like(at, _AROUND), at, (at + 1) % _AROUND], 1),
        torch.stack([at / _AROUND, torch.full((_AROUND,), 0.02)], 1),
    ))
    vertices, faces, uv = parts[1]
    parts[1] = (vertices, faces, torch.cat([uv, torch.tensor([[0.5, 0.0]])]))
    s = head.scale
    if hat.kind == "cap":
        parts.append(_grid(_visor(head, hat, shell[-1]), 0.52, 0.72, closed=False))
    elif hat.kind == "brimmed":
        parts.append(_grid(_brim(head, hat, shell[-1]), 0.52, 0.72))
    if hat.trim and hat.kind != "cap":
        depth = 0.034 if hat.kind == "beanie" else 0.022
        parts.append(_grid(_cuff(head, shell, depth * s, hat.kind == "beanie"), 0.76, 0.96))
    if hat.pompon and hat.kind == "beanie":
        parts.append(_pompon(head, lid[0], hat))
    first, joined_faces = 0, []
    for vertices, faces, _ in parts:
        joined_faces.append(faces + first)
        first += len(vertices)
    points = torch.cat([p[0] for p in parts])
    triangles = torch.cat(joined_faces)
    weights = torch.zeros(len(points), len(head.canvas.body.rig.bones))
    weights[:, head.canvas.body.rig.bones.index("head")] = 1.0
    return Layer(
        name=hat.kind, role="hat", vertices=points, weights=weights, faces=triangles,
        uv=torch.cat([p[2] for p in parts]).clamp(0, 1), faces_uv=triangles,
        material=hat_material(hat), slack=torch.zeros(len(points)), two_sided=True, hides=hidden,
    )


Part = tuple[Float[Tensor, "N 3"], Int[Tensor, "F 3"], Float[Tensor, "N 2"]]


def _grid(points: Float[Tensor, "R A 3"], low: float, high: float, closed: bool = True) -> Part:
    """Rings (or rows) of points with the seam doubled, so that the texture runs around once."""
    if closed:
        points = torch.cat([points, points[:, :1]], 1)
    rows, across = points.shape[:2]
    u, v = torch.linspace(0, 1, across), torch.linspace(low, high, rows)
    uv = torch.stack(torch.meshgrid(v, u, indexing="ij")[::-1], -1).reshape(-1, 2)
    row = torch.arange(rows - 1)[:, None] * across + torch.arange(across - 1)
    a, b, c, d = row, row + 1, row + across, row + across + 1
    faces = torch.stack([torch.stack([a, c, d], -1), torch.stack([a, d, b], -1)], 2)
    return points.reshape(-1, 3), faces.reshape(-1, 3), uv


def _visor(head: Head, hat: Hat, edge: Float[Tensor, "A 3"]) -> Float[Tensor, "R C 3"]:
    """A cap's brim: rows from the crown outwards."""
    s = head.scale
    half = 8
    centre = 0 if hat.backwards else _AROUND // 2
    at = (torch.arange(-half, half + 1) + centre) % _AROUND
    base = edge[at]
    ahead = torch.tensor([0.0, 0.0, -1.0 if hat.backwards else 1.0])
    along = torch.linspace(-1, 1, 2 * half + 1)
    reach = (0.052 + 0.022 * hat.brim) * s * (1 - along.abs() ** 2.6).clamp(min=0.0)
    share = torch.linspace(0, 1, 5)[:, None]
    drop = (0.10 + 0.16 * hat.curve) * share + 0.5 * hat.curve * share * along.square()
    out = base[None] + ahead * (share * reach)[..., None]
    out[..., 1] -= drop * 0.070 * s + 0.001 * s
    return out


def _brim(head: Head, hat: Hat, edge: Float[Tensor, "A 3"]) -> Float[Tensor, "R A 3"]:
    """A brim all around, bent up at the sides or down."""
    s = head.scale
    middle = edge.mean(0)
    level = (edge - middle) * torch.tensor([1.0, 0.0, 1.0])
    out = F.normalize(level, dim=1)
    share = torch.linspace(0, 1, 5)[:, None]
    width = (0.045 + 0.045 * hat.brim) * s
    bend = (hat.curve - 0.35) * out[:, 0].square() - 0.22 * out[:, 2].abs()
    points = edge[None] + out * (share * width)[..., None]
    points[..., 1] += share.square() * width * bend * 0.9 - 0.10 * share * width
    return points


def _cuff(head: Head, shell: Tensor, depth: float, soft: bool) -> Float[Tensor, "R A 3"]:
    """A band around the lower edge: folded wool, or a ribbon."""
    low, high = shell[-1], shell[-4]
    up = F.normalize(high - low, dim=1)
    share = torch.linspace(0, 1, 5)[:, None]
    thick = 0.0065 if soft else 0.0016
    # follows the shell, puffed out in its middle
    rows = low[None] + up * (depth * (1 - share))[..., None]
    away = rows - head.centre
    radius = away.norm(dim=-1)
    direction = away / radius[..., None]
    puff = thick * head.scale * (1 - (2 * share - 1).abs() ** 3)
    shell_radius = _radius_on(shell, head, direction)
    radius = radius.maximum(shell_radius) + puff + 0.0005 * head.scale
    return head.centre + direction * radius[..., None]


def _radius_on(shell: Tensor, head: Head, directions: Tensor) -> Tensor:
    """Radius of the crown in directions, from its nearest vertices."""
    flat = shell.reshape(-1, 3) - head.centre
    size = flat.norm(dim=1)
    near = (directions.reshape(-1, 3) @ (flat / size[:, None]).T).topk(3, dim=1)
    weight = torch.softmax(near.values * 4000.0, 1)
    return (size[near.indices] * weight).sum(1).reshape(directions.shape[:-1])


def _pompon(head: Head, place: Tensor, hat: Hat) -> Part:
    """A ragged ball on top."""
    rings, around = 7, 10
    generator = torch.Generator().manual_seed(hat.number)
    azimuth = torch.arange(around) / around * 2 * math.pi
    polar = torch.linspace(0.15, 3.0, rings)[:, None]
    direction = unit(azimuth[None].expand(rings, -1), polar.expand(-1, around))
    size = (0.022 + 0.006 * torch.rand(rings, around, generator=generator)) * head.scale
    centre = place + torch.tensor([0.0, 0.016, -0.002]) * head.scale
    return _grid(centre + direction * size[..., None], 0.76, 0.96)
