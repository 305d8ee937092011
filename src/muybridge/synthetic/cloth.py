"""Loose cloth and hair: they hang, lag behind, and lie on the limbs that lift them.

Skinning carries every vertex. Those with slack are then hung (turned towards the vertical
about the place where they begin to be loose), swung, and settled between what they are
sewn to, the limbs and the layers below. What a frame looks like depends on the motion
alone, not on how many frames are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.body import ShapedBody
from muybridge.body.skinning import Pairs, blend
from muybridge.render import vertex_normals
from muybridge.synthetic.contact import Sheet, lies_under, tucked, what_lies_below
from muybridge.synthetic.layers import Layer
from muybridge.synthetic.solids import neighbours_of, solids_of
from muybridge.synthetic.swing import lag

_LOOSE = 0.03
"""Vertices with less slack are as good as sewn to the body."""
_ROUNDS = 7
_BLOCK = 48
"""Frames that are settled at once."""
_LONGEST = 1.04
"""Times its length in the bind pose that a vertex may be from where it begins to be loose."""
_UNDONE = 0.9
"""Share of the trunk's or head's tilt that what hangs quite free does not follow."""
_DROPPED = 0.75
"""Share of any other tilt (a lifted leg's) that it does not follow; what lies on the leg is
held up by it."""
_ARM = ("upperarm", "lowerarm", "wrist", "metacarpal", "finger")
_STRANDS = ("hair", "hat")


class Cloth:
    """The loose parts of one person.

    Args:
        body: in its bind pose.
        layers: all of the person, in the order in which their vertices are merged; garments
            from the inside out.
        scale: of lengths, against a person of 1.75 m.
    """

    def __init__(self, body: ShapedBody, layers: Sequence[Layer], scale: float) -> None:
        whole = _Whole(body, layers, scale)
        order = [k for k in range(len(layers)) if layers[k].role not in _STRANDS]
        order += [k for k in range(len(layers)) if layers[k].role in _STRANDS]
        self._hangings = []
        for place, k in enumerate(order):
            if whole.loose_in(k).any():
                below, above = (
                    [j for j in other if layers[j].role not in ("skin", *_STRANDS)]
                    for other in (order[:place], order[place + 1 :])
                )
                self._hangings.append(_Hanging(whole, k, below, above))

    def settled(
        self,
        carried: Float[Tensor, "T N 3"],
        R_world_bind: Float[Tensor, "T B 3 3"],
        heads: Float[Tensor, "T B 3"],
        fps: float,
    ) -> Float[Tensor, "T N 3"]:
        """All vertices, the loose ones where they come to lie.

        Args:
            carried: where skinning puts them, in all frames of the motion.
            R_world_bind, heads: the bones, as :meth:`ShapedBody.bones` gives them.
            fps: frames per second.
        """
        if not self._hangings:
            return carried
        out = carried.permute(2, 0, 1).contiguous()
        for part in self._hangings:
            hung = part.hung(out, R_world_bind)
            hung = hung + lag(hung, part.length, fps) * part.slack
            for start in range(0, len(carried), _BLOCK):
                t = slice(start, start + _BLOCK)
                settled = part.settled(hung[:, t], out[:, t], R_world_bind[t], heads[t])
                out[:, t].index_copy_(2, part.index, settled)
        for part in reversed(self._hangings):
            for start in range(0, len(carried), _BLOCK):
                part.tuck(out[:, start : start + _BLOCK])
        return out.permute(1, 2, 0)


class _Whole:
    """A person's layers merged, in the bind pose."""

    def __init__(self, body: ShapedBody, layers: Sequence[Layer], scale: float) -> None:
        self.body, self.layers, self.scale = body, layers, scale
        self.vertices = torch.cat([layer.vertices for layer in layers])
        self.weights = torch.cat([layer.weights for layer in layers])
        counts = [len(layer.vertices) for layer in layers]
        self.first = [sum(counts[:k]) for k in range(len(layers))]
        self.faces = torch.cat(
            [layer.faces + first for layer, first in zip(layers, self.first, strict=True)]
        )
        self.normals = vertex_normals(self.vertices[None], self.faces)[0]
        names = body.rig.bones
        arms = [k for k, n in enumerate(names) if n.startswith(_ARM)]
        slack = torch.cat([layer.slack for layer in layers])
        self.free = (slack > _LOOSE) & (self.weights[:, arms].sum(1) < 0.5)
        self.clinging = slack <= _LOOSE

    def range_of(self, layer: int) -> Int[Tensor, "N"]:  # noqa: F821
        """Numbers of a layer's vertices."""
        return self.first[layer] + torch.arange(len(self.layers[layer].vertices))

    def loose_in(self, layer: int) -> Tensor:
        """Which vertices of a layer are loose."""
        return self.free[self.range_of(layer)]


class _Hanging:
    """The loose vertices of one layer.

    Attributes:
        index: of each, among all vertices.
        slack: of each, 0..1.
        length: from where the layer begins to be loose, metres.
    """

    def __init__(
        self, whole: _Whole, number: int, below: Sequence[int], above: Sequence[int]
    ) -> None:
        layer = whole.layers[number]
        own = whole.loose_in(number).nonzero().squeeze(1)
        strands = layer.role in _STRANDS
        self.index = whole.first[number] + own
        self.slack = layer.slack[own]
        self._pivot = whole.first[number] + _pivots(layer, own)
        self.length = (whole.vertices[self.index] - whole.vertices[self._pivot]).norm(dim=1)
        self._pivot_pairs = Pairs.of(whole.weights[self._pivot])
        self._own_pairs = Pairs.of(whole.weights[self.index])
        cling = whole.clinging.clone()
        cling[whole.range_of(number)] = False
        rig = whole.body.rig
        self._solids = solids_of(
            whole.body, torch.cat([whole.body.bind_vertices, whole.vertices[cling]]),
            torch.cat([rig.weights, whole.weights[cling]]), whole.vertices[self.index], strands,
        )
        under = [whole.range_of(k) for k in below]
        self._below = what_lies_below(
            whole.vertices, whole.normals, whole.faces, self.index,
            torch.cat([self.index[:0], *under]),
        )
        self._above = _cover(whole, self.index, above)
        self._give = (self.slack / 0.12).clamp(max=1)
        self._sew(neighbours_of(layer.faces) + whole.first[number], whole)

    def _sew(self, edges: Tensor, whole: _Whole) -> None:
        """Edges between loose vertices, and from them to what holds them."""
        edges = edges[whole.free[edges].any(1)]
        held = edges.reshape(-1).unique()
        self._held = held[~whole.free[held]]
        count = len(self.index) + len(self._held)
        place = torch.full((len(whole.vertices),), -1, dtype=torch.long)
        place[self.index] = torch.arange(len(self.index))
        place[self._held] = torch.arange(len(self._held)) + len(self.index)
        self._edges = place[edges]
        self._rest = (whole.vertices[edges[:, 0]] - whole.vertices[edges[:, 1]]).norm(dim=1)
        at = torch.bincount(self._edges.reshape(-1), minlength=count)
        give = torch.cat([self._give, torch.zeros(len(self._held))])
        a, b = give[self._edges].unbind(1)
        self._share = torch.stack([a, b]) / (a + b).clamp(min=1e-6)
        self._relax = 1.4 / at.clamp(min=1).float()

    def hung(
        self, carried: Float[Tensor, "3 T N"], R_world_bind: Float[Tensor, "T B 3 3"]
    ) -> Float[Tensor, "3 T M"]:
        """Loose vertices turned towards the vertical about where they begin to be loose."""
        pivot = carried.index_select(2, self._pivot)
        arm = carried.index_select(2, self.index) - pivot
        above = _tilt(self._pivot_pairs, R_world_bind)
        own = _tilt(self._own_pairs, R_world_bind)
        shared = (above * own).sum(0) / above.square().sum(0).clamp(min=1e-8)
        leant = above * shared.clamp(0, 1)
        turn = -(leant * _UNDONE + (own - leant) * _DROPPED) * self.slack
        return pivot + _turned(arm, turn)

    def settled(
        self,
        points: Float[Tensor, "3 T M"],
        others: Float[Tensor, "3 T N"],
        R_world_bind: Float[Tensor, "T B 3 3"],
        heads: Float[Tensor, "T B 3"],
    ) -> Float[Tensor, "3 T M"]:
        """Points outside of limbs and lower layers, their edges and their length kept.

        Args:
            points: where they hang. ``others``: all vertices, the lower layers settled.
        """
        held, pivot = (others.index_select(2, k) for k in (self._held, self._pivot))
        below = self._below
        if below is not None:
            ground = others.index_select(2, below.sheet.vertex)
            normals = below.sheet.normals(others)
        for _ in range(_ROUNDS):
            points = points + self._tightened(points, held)
            arm = points - pivot
            far = arm.square().sum(0).sqrt().clamp(min=1e-6)
            points = pivot + arm * (_LONGEST * self.length / far).clamp(max=1)
            for solid in self._solids:
                points = points + solid.push(points, R_world_bind, heads) * self._give
            if below is not None:
                points = points.index_add(2, below.over, below.push(points, ground, normals))
        return points

    def tuck(self, every: Float[Tensor, "3 T N"]) -> None:
        """Puts what has come through an outer garment back under it; changes ``every``."""
        if self._above is not None:
            under, cover = self._above
            every[:, :, under] = tucked(
                every.index_select(2, under), every.index_select(2, cover.vertex),
                cover.normals(every),
            )

    def _tightened(self, points: Tensor, held: Tensor) -> Tensor:
        """Moves that bring stretched edges back towards their length."""
        every = torch.cat([points, held], 2)
        a, b = self._edges.unbind(1)
        apart = every.index_select(2, b) - every.index_select(2, a)
        length = apart.square().sum(0).sqrt().clamp(min=1e-6)
        excess = (length - self._rest) / length
        pull = apart * torch.where(excess > 0, excess, 0.15 * excess)
        moves = torch.zeros_like(every)
        moves.index_add_(2, a, pull * self._share[0])
        moves.index_add_(2, b, -pull * self._share[1])
        return (moves * self._relax)[..., : points.shape[2]]


def _cover(
    whole: _Whole, inner: Tensor, above: Sequence[int]
) -> tuple[Int[Tensor, "U"], Sheet] | None:  # noqa: F821
    """Loose vertices that lie under outer garments, and these garments near them."""
    if not above:
        return None
    outer = torch.cat([whole.range_of(k) for k in above])
    under = inner[lies_under(whole.vertices, whole.normals, inner, outer)]
    if not len(under):
        return None
    spots = whole.vertices[under][:: max(1, len(under) // 200)]
    near = torch.cdist(whole.vertices[outer], spots).amin(1) < 0.3 * whole.scale
    return under, Sheet.of(outer[near], whole.faces)


def _pivots(layer: Layer, own: Tensor) -> Int[Tensor, "M"]:  # noqa: F821
    """For each loose vertex the nearest one of its layer that is not loose."""
    tight = (layer.slack <= max(_LOOSE, float(layer.slack.min()) + 0.02)).nonzero().squeeze(1)
    apart = torch.cdist(layer.vertices[own], layer.vertices[tight])
    return tight[apart.argmin(1)]


def _tilt(pairs: Pairs, R_world_bind: Tensor) -> Float[Tensor, "3 T M"]:
    """How the body leans around each vertex: a rotation vector that lies level."""
    up = torch.zeros(len(pairs.first), 3)
    up[:, 1] = 1
    affine = torch.cat([R_world_bind, torch.zeros_like(R_world_bind[..., :1])], -1)
    up_now = blend(pairs, up, affine).permute(2, 0, 1)
    level = (up_now[0].square() + up_now[2].square()).sqrt()
    angle = torch.atan2(level, up_now[1])
    scale = angle / level.clamp(min=1e-6)
    return torch.stack([up_now[2] * scale, torch.zeros_like(scale), -up_now[0] * scale])


def _turned(vectors: Tensor, turn: Tensor) -> Tensor:
    """Vectors turned by rotation vectors (Rodrigues)."""
    angle = turn.square().sum(0).sqrt()
    axis = turn / angle.clamp(min=1e-8)
    cosine, sine = angle.cos(), angle.sin()
    along = (axis * vectors).sum(0) * (1 - cosine)
    crossed = torch.linalg.cross(axis, vectors, dim=0)
    return vectors * cosine + crossed * sine + axis * along
