"""Legs, trunk, arms and neck as round solids that cloth and hair cannot enter.

A solid is a line between two bones with a radius that changes along it, measured from the
skin and from what clings to it. Each loose vertex knows on which side of each solid it lay
in the bind pose and is kept on that side: a knee that is lifted takes the skirt along
instead of passing through it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.body import ShapedBody

_KNOTS = 7
_MARGIN = 0.011
"""Metres that cloth keeps off a solid, unless it lay closer in the bind pose."""
_OUT_OF_REACH = 0.4
"""Metres from a solid's line beyond which it never comes to what is loose."""
_HEEL = 1.19
"""A shank's line goes on below the ankle to the heel: times its length."""
_SOLIDS: tuple[tuple[str, str, str | None, tuple[str, ...], bool, bool], ...] = tuple(
    (
        f"{first}.{side}", f"{second}.{side}", turns and turns.replace("*", side),
        tuple(f"{bone}.{side}" for bone in bones), cloth, hair,
    )
    for side in "LR"
    for first, second, turns, bones, cloth, hair in (
        ("upperleg01", "lowerleg01", "upperleg01.*", ("upperleg01", "upperleg02"), True, False),
        ("lowerleg01", "foot", "lowerleg01.*", ("lowerleg01", "lowerleg02"), True, False),
        ("upperleg01", "upperarm01", "spine04", (), True, True),
        ("upperarm01", "lowerarm01", None, ("upperarm01", "upperarm02"), False, True),
    )
)
"""Bones at whose heads the line begins and ends, the bone that its sides turn with (arms turn
too far for that), bones whose skin is measured (none: the trunk's), and whether cloth and
hair meet it."""


@dataclass(frozen=True)
class Solid:
    """One solid against ``M`` loose vertices.

    Attributes:
        first, second: bones at whose heads its line begins and ends.
        stretch: how much further the line goes, times its length.
        turns: the bone with which its sides turn; ``None`` where what is inside leaves by
            the shortest way, whatever side it came from.
        radius: at evenly spaced knots along the line, metres.
        side: unit direction from the line to each vertex in the bind pose, square to it.
        clearance: that each vertex has to keep, metres; negative where it lies deeper.
        touches: 1 for vertices that it keeps out, 0 for those that pass, shares between.
    """

    first: int
    second: int
    stretch: float
    turns: int | None
    radius: Float[Tensor, "K"]  # noqa: F821
    side: Float[Tensor, "3 M"]
    clearance: Float[Tensor, "M"]  # noqa: F821
    touches: Float[Tensor, "M"]  # noqa: F821

    def push(
        self,
        points: Float[Tensor, "3 T M"],
        R_world_bind: Float[Tensor, "T B 3 3"],
        heads: Float[Tensor, "T B 3"],
    ) -> Float[Tensor, "3 T M"]:
        """How far to move points so that they are outside, on their own side, metres."""
        start = heads[:, self.first].T[:, :, None]
        line = (heads[:, self.second].T[:, :, None] - start) * self.stretch
        length = line.square().sum(0).sqrt().clamp(min=1e-6)
        axis = line / length
        apart = points - start
        along = (apart * axis).sum(0)
        square_to = apart - along * axis
        if self.turns is None:
            side = square_to
        else:
            side = torch.einsum("tij,jm->itm", R_world_bind[:, self.turns], self.side)
            side = side - (side * axis).sum(0) * axis
        side = side / side.square().sum(0).sqrt().clamp(min=1e-6)
        share = (along / length).clamp(0, 1) * (_KNOTS - 1)
        low = share.floor().clamp(max=_KNOTS - 2)
        knot = low.long()
        radius = torch.lerp(self.radius[knot], self.radius[knot + 1], share - low)
        beyond = torch.maximum(-along, along - length).clamp(min=0)
        radius = (radius.square() - beyond.square()).clamp(min=0).sqrt()
        goal = (radius + self.clearance).clamp(min=0) * (radius > 0)
        forth = (square_to * side).sum(0)
        across = square_to.square().sum(0) - forth.square()
        wanted = (goal.square() - across).clamp(min=0).sqrt()
        missing = (wanted - forth).clamp(min=0) * (across < goal.square()) * self.touches
        return side * missing


def solids_of(
    body: ShapedBody,
    skin: Float[Tensor, "G 3"],
    skin_weights: Float[Tensor, "G B"],
    loose: Float[Tensor, "M 3"],
    hair: bool,
) -> list[Solid]:
    """The solids of one person, in the bind pose.

    Args:
        skin: vertices of the body and of all that clings to it. ``skin_weights``: of them.
        loose: vertices to keep out.
        hair: whether the loose vertices are hair; else they are cloth.
    """
    names = body.rig.bones
    out = []
    for first, second, turns, bones, for_cloth, for_hair in _SOLIDS:
        if not (for_hair if hair else for_cloth):
            continue
        a, b = names.index(first), names.index(second)
        stretch = _HEEL if second.startswith("foot") else 1.0
        start, line = body.bind_heads[a], (body.bind_heads[b] - body.bind_heads[a]) * stretch
        own = skin_weights[:, [names.index(bone) for bone in bones]].sum(1)
        if not bones:
            radius = _trunk(body, skin, skin_weights, start, line)
        else:
            radius = _radius(skin[own > 0.6], start, line)
        along, square_to = _split(loose, start, line)
        distance = square_to.norm(dim=1)
        nearest = (loose - start - along.clamp(0, 1)[:, None] * line).norm(dim=1).amin()
        if float(nearest) > _OUT_OF_REACH:
            continue
        here = _between(radius, along)
        beyond = (-along).clamp(min=0) + (along - 1).clamp(min=0)
        here = (here.square() - (beyond * line.norm()).square()).clamp(min=0).sqrt()
        clearance = (distance - here).clamp(max=_MARGIN)
        touches = torch.ones(len(loose))
        if not bones and not hair:  # before the belly cloth passes: thighs come up there
            touches = _rise(square_to[:, 2], 0.03, -0.03)
        elif "leg" in first and bones:
            touches = _rise(along, -0.12, 0.12)
        side = F.normalize(square_to, dim=1).T.contiguous()
        turning = None if turns is None else names.index(turns)
        out.append(Solid(a, b, stretch, turning, radius, side, clearance, touches))
    return out


def _radius(skin: Tensor, start: Tensor, line: Tensor) -> Float[Tensor, "K"]:  # noqa: F821
    """Radius at the knots that holds nearly all of the skin around the line."""
    along, square_to = _split(skin, start, line)
    distance = square_to.norm(dim=1)
    knots = torch.linspace(0, 1, _KNOTS)
    radius = torch.zeros(_KNOTS)
    for k, knot in enumerate(knots.tolist()):
        near = (along - knot).abs() < 0.6 / (_KNOTS - 1)
        radius[k] = distance[near].quantile(0.93) if int(near.sum()) > 8 else -1.0
    known = (radius > 0).nonzero().squeeze(1)
    nearest = known[(torch.arange(_KNOTS)[:, None] - known).abs().argmin(1)]
    return radius[nearest]


def _trunk(
    body: ShapedBody, skin: Tensor, weights: Tensor, start: Tensor, line: Tensor
) -> Float[Tensor, "K"]:  # noqa: F821
    """Radius of one half of the trunk: how far it reaches to the back and to the front."""
    bones = [k for k, n in enumerate(body.rig.bones) if n.startswith(("spine", "root", "pelvis"))]
    own = skin[weights[:, bones].sum(1) > 0.6]
    along, square_to = _split(own, start, line)
    near_line = square_to[:, 0].abs() < 0.05
    knots = torch.linspace(0, 1, _KNOTS)
    radius = torch.zeros(_KNOTS)
    for k, knot in enumerate(knots.tolist()):
        near = near_line & ((along - knot).abs() < 0.6 / (_KNOTS - 1))
        radius[k] = square_to[near, 2].abs().quantile(0.8) if int(near.sum()) > 4 else -1.0
    known = (radius > 0).nonzero().squeeze(1)
    nearest = known[(torch.arange(_KNOTS)[:, None] - known).abs().argmin(1)]
    return radius[nearest]


def _split(points: Tensor, start: Tensor, line: Tensor) -> tuple[Tensor, Tensor]:
    """Share of the line at which each point lies, and what leads from the line to it."""
    along = (points - start) @ line / line.square().sum()
    return along, points - start - along[:, None] * line


def _between(knots: Float[Tensor, "K"], share: Tensor) -> Tensor:  # noqa: F821
    place = share.clamp(0, 1) * (len(knots) - 1)
    low = place.floor().clamp(max=len(knots) - 2)
    return torch.lerp(knots[low.long()], knots[low.long() + 1], place - low)


def _rise(value: Tensor, low: float, high: float) -> Tensor:
    """0 at ``low``, 1 at ``high``, smoothly between."""
    share = ((value - low) / (high - low)).clamp(0, 1)
    return share * share * (3 - 2 * share)


def neighbours_of(
    faces: Int[Tensor, "F 3"],
) -> Int[Tensor, "E 2"]:
    """Every edge once."""
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return edges.sort(1).values.unique(dim=0)
