"""A whole person, ready to be posed: the exact body and all layers that cover it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body import ShapedBody
from muybridge.body.skinning import Pairs, blend
from muybridge.errors import InputError
from muybridge.motion import Motion
from muybridge.synthetic.bending import Bending
from muybridge.synthetic.cloth import Cloth
from muybridge.synthetic.layers import Layer
from muybridge.synthetic.surface import Surface, merge, trim


@dataclass(frozen=True)
class PosedFigure:
    """A person over ``T`` frames, in the world.

    Attributes:
        surface: triangles and textures.
        vertices: metres, ground at y = 0.
        bend: how far the folds of bent joints show at each vertex, 0..1.
    """

    surface: Surface
    vertices: Float[Tensor, "T N 3"]
    bend: Float[Tensor, "T N"]

    @property
    def frames(self) -> int:
        """Number of frames ``T``."""
        return int(self.vertices.shape[0])

    def slice(self, start: int, stop: int) -> PosedFigure:
        """Frames ``start <= t < stop``."""
        return PosedFigure(self.surface, self.vertices[start:stop], self.bend[start:stop])

    def to(self, device: torch.device | str) -> PosedFigure:
        """The same on another device."""
        return PosedFigure(
            self.surface.to(device), self.vertices.to(device), self.bend.to(device)
        )


class Figure:
    """A body and its layers: skin, eyes, hair, garments, shoes.

    Args:
        body: naked, in its bind pose; ``body.pose(motion)`` is the exact body below.
        layers: all of them; ``hides`` of each is left out of the skin. The figure keeps
            only what can be seen of them.
        parameters: what the person was made from, as JSON can hold it.
        detail: most texels a side of a texture; 256 is enough for pictures of 128 pixels.

    Raises:
        InputError: no layers, or one whose weights or ``hides`` belong to another body.
    """

    def __init__(
        self,
        body: ShapedBody,
        layers: Sequence[Layer],
        parameters: Mapping[str, Any] | None = None,
        detail: int = 1024,
    ) -> None:
        if not layers:
            raise InputError("figure", "layers", "there are none", "give at least the skin")
        for layer in layers:
            if layer.weights.shape[1] != len(body.rig.bones):
                raise InputError(
                    "figure", layer.name, "its weights are for another rig",
                    "make the layer on this body",
                )
            if len(layer.hides) != len(body.mesh.faces):
                raise InputError(
                    "figure", layer.name, "what it hides is not counted in this body's triangles",
                    "make the layer on this body",
                )
        self.body = body
        self.layers = trim(layers, body.mesh)
        self.parameters: dict[str, Any] = dict(parameters or {})
        self.detail = detail
        self.bind_vertices: Float[Tensor, "N 3"] = torch.cat([x.vertices for x in self.layers])
        low, high = body.bind_vertices.aminmax(dim=0)
        self.scale: float = float(high[1] - low[1]) / 1.75
        """Of lengths, against a person of 1.75 m."""

    @cached_property
    def surface(self) -> Surface:
        """What is drawn; made once."""
        return merge(self.layers, self.detail)

    @cached_property
    def _pairs(self) -> Pairs:
        return Pairs.of(torch.cat([layer.weights for layer in self.layers]))

    @cached_property
    def _bending(self) -> Bending:
        return Bending(self.body, self.bind_vertices, self.scale)

    @cached_property
    def _cloth(self) -> Cloth:
        return Cloth(self.body, self.layers, self.scale)

    @cached_property
    def _features(self) -> tuple[Tensor, Tensor]:
        """Vertices that move with the face, and the body's vertex that each follows."""
        moved: list[Tensor] = []
        source: list[Tensor] = []
        bones = self.body.rig.bones
        head = [k for k, bone in enumerate(bones) if bone.startswith(("head", "eye", "neck0"))]
        body_head = (self.body.rig.weights[:, head].sum(1) > 0.02).nonzero().squeeze(1)
        first = 0
        for layer in self.layers:
            if layer.role == "skin":
                own = (layer.weights[:, head].sum(1) > 0.02).nonzero().squeeze(1)
                if len(own):
                    apart = torch.cdist(
                        layer.vertices[own], self.body.bind_vertices[body_head],
                        compute_mode="donot_use_mm_for_euclid_dist",
                    )
                    near, which = apart.min(1)
                    close = near < 0.006 * self.scale
                    moved.append(own[close] + first)
                    source.append(body_head[which[close]])
            first += len(layer.vertices)
        empty = torch.zeros(0, dtype=torch.long)
        return torch.cat([empty, *moved]), torch.cat([empty, *source])

    @cached_property
    def _featured(self) -> Pairs:
        """Skinning weights of the vertices that move with the face."""
        weights = torch.cat([layer.weights for layer in self.layers])
        return Pairs.of(weights[self._features[0]])

    @torch.no_grad()
    def posed(self, motion: Motion) -> PosedFigure:
        """The person in every frame of a motion, cloth and hair swinging.

        Give the whole motion and slice the result: what swings depends on what was before.

        Args:
            motion: made for this body (see :func:`muybridge.motion.retarget`).
        """
        body = self.body
        R_world_bind, heads, _ = body.bones(motion.R_parent_joint, motion.root_position)
        shift = heads - torch.einsum("tbij,bj->tbi", R_world_bind, body.bind_heads)
        affine = torch.cat([R_world_bind, shift[..., None]], -1)
        vertices = blend(self._pairs, self.bind_vertices, affine)
        moved, source = self._features
        if motion.face and body.face_actions is not None and len(moved):
            points = self.bind_vertices[moved] + body.face_actions(motion.face)[:, source]
            vertices = vertices.index_copy(1, moved, blend(self._featured, points, affine))
        vertices = self._cloth.settled(vertices, R_world_bind, heads, float(motion.fps))
        return PosedFigure(
            self.surface, vertices.contiguous(), self._bending.amount(R_world_bind, heads)
        )
