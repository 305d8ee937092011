"""What a body model gives and takes, whichever model it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from jaxtyping import Float, Int, UInt8
from torch import Tensor

if TYPE_CHECKING:
    from muybridge.body.shaped import ShapedBody


class Part(IntEnum):
    """Body parts of a part map; 0 is the ground behind the person."""

    NONE = 0
    HEAD = 1
    NECK = 2
    TORSO = 3
    HIPS = 4
    LEFT_UPPER_ARM = 5
    RIGHT_UPPER_ARM = 6
    LEFT_FOREARM = 7
    RIGHT_FOREARM = 8
    LEFT_HAND = 9
    RIGHT_HAND = 10
    LEFT_THIGH = 11
    RIGHT_THIGH = 12
    LEFT_CALF = 13
    RIGHT_CALF = 14
    LEFT_FOOT = 15
    RIGHT_FOOT = 16


@dataclass(frozen=True)
class Mesh:
    """What stays the same however a body is shaped or posed.

    Attributes:
        faces: vertex indices of each triangle, counter-clockwise from outside.
        uv: texture coordinates in [0, 1], origin at the texture's top left.
        faces_uv: indices into ``uv`` of each triangle's corners.
        parts: a :class:`Part` for each vertex.
    """

    faces: Int[Tensor, "F 3"]
    uv: Float[Tensor, "U 2"]
    faces_uv: Int[Tensor, "F 3"]
    parts: UInt8[Tensor, "N"]  # noqa: F821


@dataclass(frozen=True)
class Shape:
    """Who the body is. Phenotypes are 0..1; ``betas`` are for SMPL-X only.

    Attributes:
        gender: 0 male, 1 female.
        age: 0 baby, 1/3 child, 2/3 young adult, 1 old.
        height, weight, muscle, proportions: 0 least, 0.5 average, 1 most.
        betas: SMPL-X shape coefficients; ignored by the built-in body.
    """

    gender: float = 0.5
    age: float = 0.70
    height: float = 0.5
    weight: float = 0.5
    muscle: float = 0.5
    proportions: float = 0.5
    betas: tuple[float, ...] = ()


@runtime_checkable
@runtime_checkable
class Moves(Protocol):
    """What a body needs to know of a motion (``muybridge.motion.Motion`` has it)."""

    @property
    def R_parent_joint(self) -> Float[Tensor, "T 55 3 3"]: ...
    @property
    def root_position(self) -> Float[Tensor, "T 3"]: ...


@dataclass(frozen=True)
class PosedBody:
    """A body over ``T`` frames, in the world, metres.

    Attributes:
        vertices: skinned vertices.
        joints: the 55 joints.
        T_world_joint: pose of each joint's canonical axes in the world.
        mesh: triangles, texture coordinates and parts.
    """

    vertices: Float[Tensor, "T N 3"]
    joints: Float[Tensor, "T 55 3"]
    T_world_joint: Float[Tensor, "T 55 4 4"]
    mesh: Mesh


@runtime_checkable
class Body(Protocol):
    """A body model: the built-in one, or SMPL-X or SMPL from the user's file.

    Stateless: load, then :meth:`with_shape`, then ``pose``.
    """

    @property
    def name(self) -> str:
        """What the model is called: ``anny``, ``smplx``, ``smpl``."""

    @property
    def mesh(self) -> Mesh:
        """Triangles, texture coordinates and parts, the same for every shape and pose."""

    def with_shape(self, shape: Shape) -> ShapedBody:
        """A body of one shape; ``InputError`` where a number of the shape is out of range."""

    def pose(self, shape: Shape, motion: Moves) -> PosedBody:
        """A body of this shape in every frame of a motion."""
