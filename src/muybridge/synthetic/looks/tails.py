"""Hair that is tied, as ponytails, buns and braids; and the tufts of an afro."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.synthetic.looks.grooms import Groom, braid_starts
from muybridge.synthetic.looks.guides import Obstacles, roots
from muybridge.synthetic.looks.hairline import Hairline
from muybridge.synthetic.looks.identity import HairLook
from muybridge.synthetic.looks.paint import step
from muybridge.synthetic.looks.ribbons import Piece, curled, ribbons, tube
from muybridge.synthetic.looks.scalp import Volume, covered
from muybridge.synthetic.looks.strands import LANES


def tufts(
    line: Hairline, groom: Groom, volume: Volume, generator: torch.Generator
) -> list[Piece]:
    """Small crumpled locks that stand off a full head of hair and make its outline ragged."""
    head = line.head
    s = head.scale
    start = roots(line, groom.locks, generator, 0.010)
    count = len(start)
    inside = line.depth(head.place(start)) / s
    height = covered(volume, start, inside, s)
    way = F.normalize(torch.randn(count, 3, generator=generator), dim=1)
    way = F.normalize(start + 0.75 * way, dim=1)
    bend = 0.6 * F.normalize(torch.randn(count, 3, generator=generator), dim=1)
    drawn = torch.rand(count, generator=generator)
    length = (groom.shortest + (groom.longest - groom.shortest) * drawn) * s
    root = head.place(start, height - 0.004 * s)
    share = torch.tensor([0.0, 0.55, 1.0])[None, :, None]
    path = root[:, None] + length[:, None, None] * share * (way[:, None] + share * bend[:, None])
    lane = (drawn * 8 * LANES).long() % LANES
    width = groom.wide * (0.7 + 0.6 * torch.rand(count, generator=generator)) * s
    twist = 3.1 * torch.rand(count, generator=generator)
    return [
        ribbons(head, path, width, lane, groom.ridge, torch.zeros(count, 3), groom.tip, twist)
    ]


def _fall(
    line: Hairline, start: Tensor, heading: Tensor, length: Tensor, steps: int, stiffness: float,
    ahead: Tensor,
) -> Float[Tensor, "K S 3"]:
    """Curves that leave a point in a direction and fall, off neck and back."""
    head, blocks = line.head, Obstacles(line.head)
    pace = (length / steps)[:, None]
    here, path = start, [start]
    down = torch.tensor([0.0, -1.0, 0.0])
    for _ in range(steps):
        wish = down + blocks.gathered(here, ahead)
        heading = F.normalize(stiffness * heading + (1 - stiffness) * wish, dim=1)
        following = here + pace * heading
        lift = torch.full((len(here),), 0.014 * head.scale)
        following = blocks.off_head(following, lift)
        margin = blocks.margin(following, 0.030 * head.scale)
        following = blocks.off_body(following, margin, ahead)
        heading = F.normalize(following - here, dim=1)
        here = here + pace * heading
        path.append(here)
    return torch.stack(path, 1)


def tie_point(line: Hairline, pole: Float[Tensor, "3"], height: float) -> Float[Tensor, "3"]:
    """Where hair is tied, ``height`` metres (standard head) over the scalp."""
    return line.head.place(pole[None], height * line.head.scale)[0]


def ponytail(
    line: Hairline, look: HairLook, pole: Float[Tensor, "3"], generator: torch.Generator
) -> list[Piece]:
    """A bundle of locks that springs from where hair is tied, and the band around it."""
    s = line.head.scale
    count = 30
    tie = tie_point(line, pole, 0.016)
    side = torch.tensor([1.0, 0.0, 0.0])
    up = F.normalize(torch.linalg.cross(pole, side), dim=0)
    turn = torch.arange(count) * 2.39996
    reach = (torch.arange(count) + 0.5).div(count).sqrt()
    offset = reach[:, None] * (turn.cos()[:, None] * side + turn.sin()[:, None] * up)
    start = tie + 0.010 * s * offset
    heading = F.normalize(pole + 0.32 * offset + 0.25 * up.abs() * torch.tensor([0, 1.0, 0]), dim=1)
    total = (0.18 + 0.26 * look.length) * s
    length = total * (0.80 + 0.25 * torch.rand(count, generator=generator))
    path = _fall(line, start, heading, length, 10, 0.55, -torch.ones(count))
    # the bundle swells behind the tie
    share = torch.linspace(0, 1, path.shape[1])
    middle = path.mean(0, keepdim=True)
    swell = 1 + (0.3 + 0.6 * look.curl) * step(0.0, 0.3, share) - 0.45 * step(0.45, 1.0, share)
    path = middle + (path - middle) * swell[:, None]
    amplitude = (0.0005 + 0.008 * look.curl**2) * s * torch.ones(count)
    turns = (2 + 4 * look.curl) * torch.ones(count)
    path = curled(line.head, path, amplitude, turns, turn % 6.28)
    blocks = Obstacles(line.head)
    flat = path.reshape(-1, 3)
    flat = blocks.off_body(flat, blocks.margin(flat, 0.028 * s), -torch.ones(len(flat)))
    path = flat.reshape(path.shape)
    slack = 0.95 * step(0.06, 0.85, share)[None].expand(count, -1)
    width = (0.0105 + 0.005 * torch.rand(count, generator=generator)) * s
    lane = torch.arange(count) % LANES
    twist = 0.9 * (torch.rand(count, generator=generator) - 0.5)
    return [
        ribbons(line.head, path, width, lane, 0.35, slack, 0.22, twist),
        _band(tie, pole, side, up, 0.0125 * s),
    ]


def _band(tie: Tensor, axis: Tensor, side: Tensor, up: Tensor, radius: float) -> Piece:
    """A ring of hair around the tie."""
    turn = torch.linspace(0, 2 * math.pi, 13)
    ring = tie + radius * (turn.cos()[:, None] * side + turn.sin()[:, None] * up) + 0.002 * axis
    return tube(ring, torch.full((13,), 0.42 * radius), 0, torch.zeros(13), 5)


def bun(
    line: Hairline, look: HairLook, pole: Float[Tensor, "3"], generator: torch.Generator
) -> list[Piece]:
    """A coil of hair wound around where it is tied, and strands that escape."""
    s = line.head.scale
    size = (0.027 + 0.013 * look.length) * s
    centre = tie_point(line, pole, 0.010) + 0.42 * size * pole
    side = torch.tensor([1.0, 0.0, 0.0])
    up = F.normalize(torch.linalg.cross(pole, side), dim=0)
    pieces = []
    for number, (radius, height, thick, turns) in enumerate(
        ((0.72, -0.15, 0.50, 1.12), (0.42, 0.32, 0.48, 1.2), (0.12, 0.62, 0.42, 1.0))
    ):
        points = 22 if number == 0 else 15
        share = torch.linspace(0, 1, points)
        angle = 2 * math.pi * turns * share + 1.9 * number + look.seed % 7
        wobble = 1 + 0.10 * torch.rand(points, generator=generator)
        r = size * radius * wobble * (1 - 0.25 * step(0.7, 1.0, share))
        path = centre + r[:, None] * (angle.cos()[:, None] * side + angle.sin()[:, None] * up)
        path = path + pole * (size * (height + 0.10 * share))[:, None]
        ends = step(0.0, 0.12, share) * step(1.0, 0.86, share)
        pieces.append(
            tube(path, size * thick * (0.35 + 0.65 * ends), number, torch.zeros(points), 8, 2.0)
        )
    return pieces


def braids(line: Hairline, look: HairLook, generator: torch.Generator) -> list[Piece]:
    """Three strands wound around one another, hanging behind or before the shoulders."""
    head = line.head
    s = head.scale
    starts = F.normalize(torch.tensor(braid_starts(look)), dim=1)
    pieces = []
    thick = (0.0125 if len(starts) == 2 else 0.0165) * s
    front = (look.seed // 3) % 2 == 0 and len(starts) == 2
    for place in starts:
        tie = head.place(place[None], 0.012 * s)
        toward = torch.stack([0.5 * place[0], torch.tensor(-0.8), torch.tensor(-0.25)])[None]
        if front:
            tie = tie + torch.tensor([0.0, 0.0, 0.014 * s])
            toward = torch.stack([0.9 * place[0], torch.tensor(-0.7), torch.tensor(0.6)])[None]
        total = torch.tensor([(0.22 + 0.20 * look.length) * s])
        ahead = torch.tensor([1.0 if front else -1.0])
        spine = _fall(line, tie, F.normalize(toward, dim=1), total, 30, 0.72, ahead)[0]
        pieces += _plaited(line, spine, thick, place)
    return pieces


def _plaited(line: Hairline, spine: Tensor, thick: float, place: Tensor) -> list[Piece]:
    points = len(spine)
    share = torch.linspace(0, 1, points)
    forward = F.normalize(spine[-1] - spine[0], dim=0)
    out = F.normalize(place - forward * (place @ forward), dim=0)
    side = torch.linalg.cross(forward, out)
    slack = 0.9 * step(0.08, 0.9, share)
    taper = (1 - 0.35 * share) * (0.55 + 0.45 * step(0.0, 0.06, share))
    knots = float((spine[1:] - spine[:-1]).norm(dim=1).sum()) / (4.2 * thick)
    pieces = []
    for strand in range(3):
        angle = 2 * math.pi * (knots * share + strand / 3)
        offset = 0.80 * thick * angle.sin()[:, None] * side
        offset = offset + 0.48 * thick * (2 * angle).sin()[:, None] * out
        path = spine + offset * taper[:, None]
        radius = 0.66 * thick * taper * step(1.02, 0.90, share).clamp(min=0.12)
        pieces.append(tube(path, radius, strand + 1, slack, 5))
    tuft = (spine[-1] - spine[-4]) * torch.linspace(0, 2.2, 5)[:, None]
    end = (spine[-3] + tuft)[None].repeat(4, 1, 1)
    spread = torch.linspace(-1, 1, 4)[:, None, None] * torch.linspace(0, 1, 5)[None, :, None]
    end = end + 0.8 * thick * spread * side
    lane = torch.arange(4) % LANES
    pieces.append(
        ribbons(line.head, end, torch.full((4,), 0.7 * thick), lane, 0.3, torch.full((4, 5), 0.9))
    )
    return pieces


