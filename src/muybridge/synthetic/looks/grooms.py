"""How each style is groomed: where strands run from, how thick hair lies, what its locks do."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.synthetic.looks.guides import Flow, Walk, tangent
from muybridge.synthetic.looks.identity import HairLook
from muybridge.synthetic.looks.paint import step
from muybridge.synthetic.looks.scalp import Volume


@dataclass(frozen=True)
class Groom:
    """Everything about a style that is not a tail, a bun or a braid.

    Lengths are in metres of the standard head.

    Attributes:
        volume: of the cap. pole: direction its strands run from.
        curls: of the cap's texture, 0..1.
        flow: direction of the locks. walk: how they run.
        locks: how many. shortest, longest: of them. wide: half their width.
        ridge: of their cross section. curl: amplitude of curls. turns: of them per metre.
        tilt: how far locks are turned about themselves, radians.
        tip: width of their ends.
        ties: directions in which it is tied, where it is.
    """

    volume: Volume
    pole: tuple[float, float, float]
    curls: float
    flow: Flow
    walk: Walk
    locks: int
    shortest: float
    longest: float
    wide: float
    ridge: float
    curl: float = 0.0
    turns: float = 0.0
    tilt: float = 0.25
    tip: float = 0.15
    ties: tuple[tuple[float, float, float], ...] = ()


def unit_vector(x: float, y: float, z: float) -> tuple[float, float, float]:
    """A direction."""
    size = math.sqrt(x * x + y * y + z * z)
    return (x / size, y / size, z / size)


def from_crown(forward: float, aside: float = 0.0) -> Flow:
    """Strands run from the crown; ``forward`` draws them to the brow, ``aside`` to the left."""
    crown = F.normalize(torch.tensor([0.12, 0.86, -0.50]), dim=0)

    def flow(d: Tensor) -> Tensor:
        away = d - crown
        ahead = torch.tensor([aside, -0.25, 1.0]) * forward * step(0.0, 0.7, d[:, 1:2])
        return tangent(d, away / away.norm(dim=1, keepdim=True).clamp(min=0.05) + ahead)

    return flow


def from_parting(parting: float, back: float, side: float = 1.0) -> Flow:
    """Strands run to both sides of a parting.

    Args:
        parting: where: -1 above the right eye .. 1 above the left eye.
        back: how far they are combed back. side: and aside.
    """
    line = 0.36 * parting

    def flow(d: Tensor) -> Tensor:
        # the parting ends at the crown; behind it all falls from there
        middle = line * step(-0.55, 0.1, d[:, 2:3])
        away = d[:, :1] - middle
        # at the back all hangs straight
        aside = side * (0.15 + 0.85 * step(-0.75, -0.1, d[:, 2:3]))
        sign = torch.tanh(away / 0.06)
        wish = torch.cat(
            [sign * aside, -0.35 * torch.ones_like(sign), -back * torch.ones_like(sign)], 1
        )
        return tangent(d, wish)

    return flow


def swept_back(lift: float = 0.15) -> Flow:
    """Strands run back over the head."""

    def flow(d: Tensor) -> Tensor:
        return tangent(d, torch.tensor([0.0, -lift, -1.0]) + 0.3 * d * torch.tensor([1.0, 0, 0]))

    return flow


def towards(place: Float[Tensor, "3"]) -> Flow:
    """Strands run to where hair is tied."""

    def flow(d: Tensor) -> Tensor:
        return tangent(d, place - d)

    return flow


def outwards(seed: int) -> Flow:
    """Strands stand off the scalp to all sides."""

    def flow(d: Tensor) -> Tensor:
        turn = torch.sin(d * 37.0 + seed % 17) + torch.cos(d[:, [1, 2, 0]] * 23.0)
        return tangent(d, turn)

    return flow


def _volume(look: HairLook, top: float, sides: float, back: float, front: float, **more: float
            ) -> Volume:
    full = 0.75 + 0.5 * look.volume
    return Volume(
        top * full, sides * full, back * full, front * full, more.get("edge", 0.012),
        more.get("rough", 0.001), more.get("grain", 180.0), look.seed % 7001,
        more.get("taper", 0.0), more.get("bulge", 0.0),
    )


def _short(look: HairLook) -> Groom:
    long = look.length
    kind = look.seed % 3
    flow = (from_crown(0.8 if look.fringe > 0 else 0.25, 0.35 * look.parting), swept_back(),
            from_crown(0.5, 0.9 * (look.parting or 0.6)))[kind if look.fringe == 0 else 0]
    fade = 0.4 + 0.6 * ((look.seed // 3) % 3) / 2
    return Groom(
        volume=_volume(look, 0.012 + 0.012 * long, 0.0055 * fade + 0.003 * long,
                       0.006 * fade + 0.004 * long, 0.013 + 0.010 * long, rough=0.0022),
        pole=unit_vector(0.1, 0.86, -0.5), curls=0.35 * look.curl, flow=flow,
        walk=Walk(4, 0.04, 0.40, 0.0045, 0.45 if kind == 1 else 0.25, False),
        locks=250, shortest=0.026 + 0.012 * long, longest=0.046 + 0.032 * long,
        wide=0.0046, ridge=0.3, curl=0.003 * look.curl, turns=16.0, tilt=0.3, tip=0.15,
    )


def _side_parted(look: HairLook) -> Groom:
    parting = look.parting or 0.8
    return Groom(
        volume=_volume(look, 0.017 + 0.010 * look.length, 0.008, 0.010, 0.016, rough=0.0015),
        pole=unit_vector(0.34 * parting, 0.9, 0.1), curls=0.15 * look.curl,
        flow=from_parting(parting, 0.35 + 0.3 * look.volume),
        walk=Walk(6, 0.10, 0.35, 0.005, 0.25, False),
        locks=190, shortest=0.045, longest=0.085 + 0.03 * look.length, wide=0.0060, ridge=0.25,
        curl=0.003 * look.curl, turns=12.0, tilt=0.2, tip=0.15,
    )


def _curly(look: HairLook) -> Groom:
    long = look.length * (1.0 if look.fringe else 0.7)
    return Groom(
        volume=_volume(look, 0.026 + 0.014 * long, 0.016 + 0.010 * long, 0.018 + 0.010 * long,
                       0.020 + 0.010 * long, rough=0.006, grain=320.0, edge=0.018, bulge=0.4),
        pole=unit_vector(0.05, 0.86, -0.5), curls=0.9, flow=from_crown(0.35, 0.3 * look.parting),
        walk=Walk(9, 0.30, 0.55, 0.007, 0.7, True),
        locks=230, shortest=0.050 + 0.03 * long, longest=0.080 + 0.15 * long * long,
        wide=0.0066, ridge=0.0, curl=0.0075, turns=15.0, tilt=0.5, tip=0.45,
    )


def _afro(look: HairLook) -> Groom:
    size = 0.026 + 0.036 * look.length
    return Groom(
        volume=_volume(look, size, 0.92 * size, 0.95 * size, 0.85 * size, rough=0.0045,
                       grain=420.0, edge=0.030, taper=0.45, bulge=0.75),
        pole=unit_vector(0.0, 1.0, -0.25), curls=1.0, flow=outwards(look.seed),
        walk=Walk(3, 0.0, 0.5, 0.0, 1.15, False),
        locks=460, shortest=0.007, longest=0.013, wide=0.0052, ridge=0.35, tip=0.65,
    )


def _hanging(look: HairLook, shortest: float, longest: float, locks: int) -> Groom:
    waves = look.curl
    return Groom(
        volume=_volume(look, 0.015, 0.012, 0.015, 0.013, rough=0.001, edge=0.010),
        pole=unit_vector(0.30 * look.parting, 0.92, 0.05), curls=0.25 * waves,
        flow=from_parting(look.parting, 0.22),
        walk=Walk(11, 0.70, 0.40, 0.006, 0.15, True, (0.0, 1.45, 1.8, 1.45)[look.seed % 4]),
        locks=locks, shortest=shortest, longest=longest, wide=0.0140, ridge=0.2,
        curl=0.001 + 0.011 * waves, turns=7.0 + 5.0 * waves, tilt=0.15 + 0.3 * waves, tip=0.3,
    )


def _bob(look: HairLook) -> Groom:
    length = 0.17 + 0.06 * look.length
    return _hanging(look, length * 0.94, length * 1.06, 120)


def _long(look: HairLook) -> Groom:
    length = 0.30 + 0.26 * look.length
    return _hanging(look, 0.82 * length, 1.05 * length, 112)


def _tied(look: HairLook, high: float) -> Groom:
    place = F.normalize(torch.tensor([0.0, high, -1.0]), dim=0)
    x, y, z = (float(c) for c in place)
    return Groom(
        volume=_volume(look, 0.009, 0.007, 0.011, 0.009, rough=0.0008, edge=0.010),
        pole=(x, y, z), curls=0.15 * look.curl, flow=towards(place),
        walk=Walk(6, 0.0, 0.15, 0.0025, 0.08, False),
        locks=100, shortest=0.09, longest=0.17, wide=0.009, ridge=0.22, tilt=0.12, tip=0.5,
        curl=0.0012 * look.curl, turns=10.0, ties=((x, y, z),),
    )


def _ponytail(look: HairLook) -> Groom:
    return _tied(look, -0.15 + 0.75 * look.volume)


def _bun(look: HairLook) -> Groom:
    return _tied(look, (-0.15, 0.35, 0.95)[look.seed % 3])


def _braids(look: HairLook) -> Groom:
    places = braid_starts(look)
    if len(places) == 1:
        tie = F.normalize(torch.tensor(places[0]), dim=0)
        return replace(
            _tied(look, 0.0), pole=unit_vector(*places[0]), flow=towards(tie), ties=tuple(places)
        )
    left, right = (towards(F.normalize(torch.tensor(p), dim=0)) for p in places)

    def flow(d: Tensor) -> Tensor:
        return torch.where(d[:, :1] > 0, left(d), right(d))

    return replace(
        _tied(look, 0.0), pole=unit_vector(0.0, 0.92, 0.05), flow=flow, locks=110, shortest=0.09,
        longest=0.16, ties=tuple(places),
    )


def braid_starts(look: HairLook) -> list[tuple[float, float, float]]:
    """Directions at which braids begin: one at the back, or left and right."""
    if look.seed % 3 == 0:
        return [(0.0, -0.45, -1.0)]
    return [(0.70, -0.52, -0.62), (-0.70, -0.52, -0.62)]


_GROOMS: dict[str, Callable[[HairLook], Groom]] = {
    "short": _short, "side-parted": _side_parted, "curly": _curly, "afro": _afro,
    "bob": _bob, "long": _long, "ponytail": _ponytail, "bun": _bun, "braids": _braids,
}


def groom_of(look: HairLook) -> Groom:
    """The groom of a style that has one (all but ``bald`` and ``buzz``)."""
    return _GROOMS[look.style](look)
