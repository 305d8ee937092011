"""Loose cloth and hair: they hang, lag behind, and lie on the limbs that lift them.

Skinning carries every vertex. Those with slack are then hung (turned towards the vertical
about the place where they begin to be loose), swung, and settled between what they are
sewn to and the limbs below, all frames at once. What a frame looks like depends on the
motion alone, not on how many frames are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.body import ShapedBody
from muybridge.body.skinning import Pairs, blend
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
"""Share of the body's tilt that what hangs quite free does not follow."""


class Cloth:
    """The loose parts of one person.

    Args:
        body: in its bind pose.
        layers: all of the person, in the order in which their vertices are merged.
        scale: of lengths, against a person of 1.75 m.
    """

    def __init__(self, body: ShapedBody, layers: Sequence[Layer], scale: float) -> None:
        vertices = torch.cat([layer.vertices for layer in layers])
        weights = torch.cat([layer.weights for layer in layers])
        slack = torch.cat([layer.slack for layer in layers])
        names = body.rig.bones
        arms = [k for k, n in enumerate(names) if n.startswith(_ARM)]
        free = (slack > _LOOSE) & (weights[:, arms].sum(1) < 0.5)
        self.index: Int[Tensor, "M"] = free.nonzero().squeeze(1)
        """The loose vertices among all."""
        if not len(self.index):
            return
        self._slack = slack[self.index]
        pivot, edges, hair, room = [], [], [], []
        first, depth = 0, 0
        for layer in layers:
            count = len(layer.vertices)
            own = free[first : first + count].nonzero().squeeze(1)
            if len(own):
                pivot.append(_pivots(layer, own) + first)
                edges.append(neighbours_of(layer.faces) + first)
                hair.append(torch.full((len(own),), float(layer.role in ("hair", "hat"))))
                room.append(torch.full((len(own),), 0.005 * depth * scale))
                depth += layer.role not in ("hair", "hat")
            first += count
        self._pivot = torch.cat(pivot)
        self._length = (vertices[self.index] - vertices[self._pivot]).norm(dim=1)
        self._pivot_pairs = Pairs.of(weights[self._pivot])
        self._own_pairs = Pairs.of(weights[self.index])
        cling = slack <= _LOOSE
        self._solids = solids_of(
            body, vertices[cling], weights[cling], vertices[self.index],
            torch.cat(hair), torch.cat(room),
        )
        self._give = (self._slack / 0.12).clamp(max=1)
        self._strain(torch.cat(edges), vertices, free)

    def _strain(self, edges: Tensor, vertices: Tensor, free: Tensor) -> None:
        """Edges between loose vertices, and from them to what holds them."""
        edges = edges[free[edges].any(1)]
        held = torch.cat([edges.reshape(-1)]).unique()
        held = held[~free[held]]
        place = torch.full((len(vertices),), -1, dtype=torch.long)
        place[self.index] = torch.arange(len(self.index))
        place[held] = torch.arange(len(held)) + len(self.index)
        self._held = held
        self._edges = place[edges]
        self._rest = (vertices[edges[:, 0]] - vertices[edges[:, 1]]).norm(dim=1)
        count = torch.bincount(self._edges.reshape(-1), minlength=len(self.index) + len(held))
        give = torch.cat([self._give, torch.zeros(len(held))])
        a, b = give[self._edges].unbind(1)
        self._share = torch.stack([a, b]) / (a + b).clamp(min=1e-6)
        self._relax = 1.4 / count.clamp(min=1).float()

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
        if not len(self.index):
            return carried
        hung = self._hung(carried, R_world_bind)
        hung = hung + lag(hung, self._length, fps) * self._slack
        out = carried.clone()
        for start in range(0, len(carried), _BLOCK):
            t = slice(start, start + _BLOCK)
            fixed = carried[t].permute(2, 0, 1)
            out[t, self.index] = self._settle(
                hung[:, t], fixed[:, :, self._held], fixed[:, :, self._pivot],
                R_world_bind[t], heads[t],
            ).permute(1, 2, 0)
        return out

    def _hung(self, carried: Tensor, R_world_bind: Tensor) -> Float[Tensor, "3 T M"]:
        """Loose vertices turned towards the vertical about where they begin to be loose."""
        pivot = carried[:, self._pivot].permute(2, 0, 1)
        arm = carried[:, self.index].permute(2, 0, 1) - pivot
        above = _tilt(self._pivot_pairs, R_world_bind)
        own = _tilt(self._own_pairs, R_world_bind)
        shared = (above * own).sum(0) / above.square().sum(0).clamp(min=1e-8)
        turn = -above * (shared.clamp(0, 1) * _UNDONE * self._slack)
        return pivot + _turned(arm, turn)

    def _settle(
        self, points: Tensor, held: Tensor, pivot: Tensor, R_world_bind: Tensor, heads: Tensor
    ) -> Float[Tensor, "3 T M"]:
        """Points outside the solids, their edges and their way to the pivot not overlong."""
        count = points.shape[2]
        for _ in range(_ROUNDS):
            points = points + self._tightened(points, held)[..., :count]
            arm = points - pivot
            far = arm.square().sum(0).sqrt().clamp(min=1e-6)
            points = pivot + arm * (_LONGEST * self._length / far).clamp(max=1)
            for solid in self._solids:
                points = points + solid.push(points, R_world_bind, heads) * self._give
        return points

    def _tightened(self, points: Tensor, held: Tensor) -> Tensor:
        """Moves that bring stretched edges back towards their length."""
        every = torch.cat([points, held], 2)
        a, b = self._edges.unbind(1)
        apart = every.index_select(2, b) - every.index_select(2, a)
        length = apart.square().sum(0).sqrt().clamp(min=1e-6)
        excess = (length - self._rest) / length
        excess = torch.where(excess > 0, excess, 0.15 * excess)
        pull = apart * excess
        moves = torch.zeros_like(every)
        moves.index_add_(2, a, pull * self._share[0])
        moves.index_add_(2, b, -pull * self._share[1])
        return moves * self._relax


_ARM = ("upperarm", "lowerarm", "wrist", "metacarpal", "finger")


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
    crossed = torch.stack([
        axis[1] * vectors[2] - axis[2] * vectors[1],
        axis[2] * vectors[0] - axis[0] * vectors[2],
        axis[0] * vectors[1] - axis[1] * vectors[0],
    ])
    return vectors * cosine + crossed * sine + axis * along
