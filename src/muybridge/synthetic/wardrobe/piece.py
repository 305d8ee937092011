"""A garment that has been cut and hung, before it is painted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from jaxtyping import Float, Int
from torch import Tensor

from muybridge.synthetic.wardrobe.cutting import Patch
from muybridge.synthetic.wardrobe.design import Design
from muybridge.synthetic.wardrobe.tailor import Worn


class Panel(IntEnum):
    """Parts of a garment that are laid out on the texture one by one."""

    BODY = 0
    LEFT = 1
    RIGHT = 2
    COLLAR = 3


class Field(IntEnum):
    """Columns of a patch's fields."""

    LIMB = 0
    """Along arm or leg, metres; -1 where there is no limb."""
    SHARE = 1
    """How far the vertex belongs to the limb, 0..1."""
    NECK = 2
    """Distance from the neckline or, on a collar, its height; metres."""
    EDGE = 3
    """Distance from the hem, metres; upwards."""


@dataclass(frozen=True)
class Piece:
    """A garment in the bind pose.

    Attributes:
        design: what it was made from.
        patch: surface; its fields are the columns of :class:`Field`.
        panel: a :class:`Panel` for each triangle.
        slack: 0 clings .. 1 hangs free.
        cover: how deep under the garment each vertex of the body lies: distance to the
            nearest opening, metres, negative outside.
        two_sided: whether its inside can be seen.
        worn: what the next garment has to clear.
    """

    design: Design
    patch: Patch
    panel: Int[Tensor, "F"]  # noqa: F821
    slack: Float[Tensor, "N"]  # noqa: F821
    cover: Float[Tensor, "G"]  # noqa: F821
    two_sided: bool
    worn: Worn
