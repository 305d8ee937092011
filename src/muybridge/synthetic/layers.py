"""What a person is made of: layers of surface, each skinned to the body's bones.

A person's skin, hair, every garment and the shoes are :class:`Layer` objects in the
bind pose of one :class:`~muybridge.body.ShapedBody`. Whoever draws them needs no more
than this file says.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from jaxtyping import Bool, Float, Int
from torch import Tensor

Role = Literal["skin", "hair", "hat", "upper", "lower", "full", "shoes"]
"""What a layer is to a wardrobe; decides in which of the disentangled assets it is shown."""


class Matter(IntEnum):
    """How light plays on a layer."""

    SKIN = 0
    EYE = 1
    HAIR = 2
    CLOTH = 3
    LEATHER = 4


@dataclass(frozen=True)
class Material:
    """A layer's colours and fine relief, as square textures of one size.

    Attributes:
        matter: how light plays on it.
        albedo: sRGB colour without light, 0..1.
        gloss: 0 matt .. 1 wet.
        relief: height over the surface, metres; what is always there (seams, knit, buttons).
        creases: height of the folds that show where a joint bends, at full bend, metres.
    """

    matter: Matter
    albedo: Float[Tensor, "S S 3"]
    gloss: Float[Tensor, "S S"]
    relief: Float[Tensor, "S S"]
    creases: Float[Tensor, "S S"]


@dataclass(frozen=True)
class Layer:
    """One surface of a person.

    Attributes:
        name: what it is, as ``"skin"``, ``"t-shirt"``, ``"ponytail"``.
        role: in the wardrobe.
        vertices: in the body's bind pose, metres.
        weights: skinning weights over the bones of the body's rig, rows sum to 1.
        faces: corners of each triangle, counter-clockwise seen from outside.
        uv: texture coordinates in [0, 1], origin at the texture's top left.
        faces_uv: indices into ``uv`` of each triangle's corners.
        material: textures.
        slack: 0 where it clings to the body .. 1 where it hangs free and swings.
        two_sided: whether its inside can be seen (skirts, open coats, sheets of hair).
        hides: triangles of the body's own mesh that it covers in every pose; these are
            left out of the skin, so that nothing shows through.
    """

    name: str
    role: Role
    vertices: Float[Tensor, "N 3"]
    weights: Float[Tensor, "N B"]
    faces: Int[Tensor, "F 3"]
    uv: Float[Tensor, "U 2"]
    faces_uv: Int[Tensor, "F 3"]
    material: Material
    slack: Float[Tensor, "N"]  # noqa: F821
    two_sided: bool
    hides: Bool[Tensor, "G"]  # noqa: F821
