"""What the human NeRF needs of a body: where its skin lies, and how it got there.

Everybody shares one canonical body, the model's average shape in the *big pose* (arms
out, legs apart), so that a point of it means the same on every person. A
:class:`PosedSkin` holds, for each vertex, the affine map from the canonical body to
the person in a pose: ``x = turn (x_c - v_c) + v``, which is linear blend skinning with
shape and pose offsets written around the vertex itself (GAS, section 3.2: inverse LBS).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.spatial import cKDTree
from torch import Tensor

from muybridge.body import JOINT_INDEX, Body, Moves, Shape, ShapedBody
from muybridge.motion import Motion
from muybridge.render import vertex_normals

NANO_VERTICES = 3072
"""How many of the built-in body's vertices stand for its skin: one every 2 cm."""
HIP_SPREAD, ANKLE_SPREAD = 45.0, -30.0
"""The big pose, degrees about the z axis; the right side mirrors the left."""

Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class CanonicalSkin:
    """The body model's average person in the big pose, metres.

    Attributes:
        body: name of the body model.
        vertices: points of its skin.
        normals: unit normals at them.
        which: their numbers among the model's vertices.
        R_big_zero: blended rotation of each vertex from the zero pose to the big pose.
        height: stature in the zero pose.
    """

    body: str
    vertices: Float[Tensor, "N 3"]
    normals: Float[Tensor, "N 3"]
    which: Int[Tensor, "N"]
    R_big_zero: Float[Tensor, "N 3 3"]
    height: float
    _memo: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def tree(self) -> cKDTree:
        """For the nearest vertex of canonical points."""
        return cKDTree(self.vertices.cpu().numpy())

    @cached_property
    def bounds(self) -> Float[Tensor, "2 3"]:
        """Lowest and highest coordinates of the skin."""
        return torch.stack([self.vertices.amin(0), self.vertices.amax(0)])

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What ``make`` gives, made at the first call only; for tables of this skin."""
        if key not in self._memo:
            self._memo[key] = make()
        made: Made = self._memo[key]
        return made


@dataclass(frozen=True, eq=False)
class PosedSkin:
    """A person's skin in ``T`` poses, in the world, metres.

    Attributes:
        canonical: the body that it is a pose of.
        vertices: the canonical skin's points, posed.
        turn: linear part of each point's map from the canonical body to the world:
            blended rotations, times the person's size.
        scale: how large the person is next to the canonical body.
    """

    canonical: CanonicalSkin
    vertices: Float[Tensor, "T N 3"]
    turn: Float[Tensor, "T N 3 3"]
    scale: Float[Tensor, "T"]
    _memo: dict[int, cKDTree] = field(default_factory=dict, repr=False)

    @property
    def frames(self) -> int:
        """How many poses ``T``."""
        return int(self.vertices.shape[0])

    @cached_property
    def back(self) -> Float[Tensor, "T N 3 3"]:
        """Inverse of ``turn``."""
        return torch.linalg.inv(self.turn)

    @cached_property
    def normals(self) -> Float[Tensor, "T N 3"]:
        """Unit normals: the canonical ones, turned along."""
        moved = torch.einsum("tnij,nj->tni", self.turn, self.canonical.normals.to(self.turn))
        return torch.nn.functional.normalize(moved, dim=-1)

    def tree(self, frame: int) -> cKDTree:
        """For the nearest vertex of points in one frame."""
        if frame not in self._memo:
            self._memo[frame] = cKDTree(self.vertices[frame].cpu().numpy())
        return self._memo[frame]

    def to(self, device: torch.device | str) -> PosedSkin:
        """The same skin on another device."""
        return PosedSkin(
            self.canonical, self.vertices.to(device), self.turn.to(device), self.scale.to(device)
        )

    def select(self, frames: list[int]) -> PosedSkin:
        """Some of its poses, in the order given."""
        return PosedSkin(
            self.canonical, self.vertices[frames], self.turn[frames], self.scale[frames]
        )

    @staticmethod
    def cat(skins: list[PosedSkin]) -> PosedSkin:
        """Poses of several people, one behind the other; they share a canonical body."""
        return PosedSkin(
            skins[0].canonical,
            torch.cat([skin.vertices for skin in skins]),
            torch.cat([skin.turn for skin in skins]),
            torch.cat([skin.scale for skin in skins]),
        )

    def tensors(self, prefix: str = "") -> dict[str, Tensor]:
        """``vertices``, ``turn`` and ``scale`` by name, to send or to stack; see :meth:`of`."""
        return {
            f"{prefix}vertices": self.vertices,
            f"{prefix}turn": self.turn,
            f"{prefix}scale": self.scale,
        }

    @staticmethod
    def of(
        tensors: Mapping[str, Tensor], canonical: CanonicalSkin, prefix: str = ""
    ) -> PosedSkin:
        """A skin from what :meth:`tensors` gave."""
        vertices, turn, scale = (tensors[prefix + k] for k in ("vertices", "turn", "scale"))
        return PosedSkin(canonical, vertices, turn, scale)


def big_pose(root_position: Float[Tensor, "3"]) -> Motion:
    """One frame: arms straight out, legs 45 degrees out, soles turned back by 30 degrees."""
    R = torch.eye(3).repeat(1, 55, 1, 1)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for joint, degrees in (("hip", HIP_SPREAD), ("ankle", ANKLE_SPREAD)):
            angle = math.radians(sign * degrees)
            c, s = math.cos(angle), math.sin(angle)
            R[0, JOINT_INDEX[f"{side}_{joint}"]] = torch.tensor([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return Motion(R, root_position[None].float())


def canonical_skin(body: Body, count: int | None = None) -> CanonicalSkin:
    """The canonical skin of a body model, made once for each model and count.

    Args:
        body: a body model.
        count: how many vertices stand for the skin, spread evenly (each next one is the
            farthest from all before); ``None`` takes all.
    """
    return _canonical_skin(body, count)  # type: ignore[arg-type]  # a body is an object


@cache
def _canonical_skin(body: Body, count: int | None) -> CanonicalSkin:
    shaped = body.with_shape(Shape())
    smpl = body.name.startswith("smpl")
    root = shaped.bind_heads[0] if smpl else torch.zeros(3)
    motion = big_pose(root.float())
    vertices = shaped.pose(motion).vertices.float()
    normals = vertex_normals(vertices, shaped.mesh.faces)
    if count is None or count >= vertices.shape[1]:
        which = torch.arange(vertices.shape[1])
    else:
        which = _spread(vertices[0], count)
    return CanonicalSkin(
        body.name, vertices[0, which], normals[0, which], which,
        _blended(shaped, motion, which)[0], shaped.height,
    )


def posed_skin(
    canonical: CanonicalSkin, shaped: ShapedBody, motion: Moves, scale: float | None = None
) -> PosedSkin:
    """A person's skin in every frame of a motion.

    Args:
        canonical: the skin of the same body model.
        shaped: the person's body.
        motion: rotations and root path, world, metres.
        scale: how large the person is; by their stature unless given. 1 as the released
            GAS and SHERF have it.
    """
    if scale is None:
        scale = shaped.height / canonical.height
    posed = shaped.pose(motion).vertices[:, canonical.which].float()
    R_world_zero = _blended(shaped, motion, canonical.which)
    turn = scale * R_world_zero @ torch.linalg.inv(canonical.R_big_zero)
    return PosedSkin(canonical, posed, turn, torch.full((len(posed),), float(scale)))


def _blended(shaped: ShapedBody, motion: Moves, which: Tensor) -> Float[Tensor, "T N 3 3"]:
    """Blended rotation of each vertex from the zero pose to the world."""
    R_world_bind, _, _ = shaped.bones(motion.R_parent_joint, motion.root_position)
    R_world_zero = (R_world_bind @ shaped.R_zero_bind.mT).float()
    return torch.einsum("nb,tbij->tnij", shaped.rig.weights[which].float(), R_world_zero)


def _spread(points: Float[Tensor, "N 3"], count: int) -> Int[Tensor, "M"]:
    """Numbers of ``count`` points, each the farthest from all chosen before it; sorted."""
    places = points.numpy()
    nearest = np.full(len(places), np.inf, np.float32)
    chosen = np.empty(count, np.int64)
    last = 0
    for k in range(count):
        chosen[k] = last
        away = places - places[last]
        nearest = np.minimum(nearest, np.einsum("ij,ij->i", away, away))
        last = int(nearest.argmax())
    return torch.from_numpy(np.sort(chosen))
