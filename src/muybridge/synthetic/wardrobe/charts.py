"""The texture of a garment: its panels laid out as wrapped cylinders, and what lies where.

Every panel (torso or skirt, each sleeve or leg, the collar) is unrolled about its own
axis. A triangle that crosses the seam at the far side continues into the panel's margin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from muybridge.render import interpolate, rasterize_pixels
from muybridge.synthetic.looks.filling import filled
from muybridge.synthetic.wardrobe.legs import Leg
from muybridge.synthetic.wardrobe.piece import Field, Panel, Piece
from muybridge.synthetic.wardrobe.tailor import Tailor

_MARGIN = 0.3
"""Radians beyond the seam on either side that a panel's rectangle has room for."""
_GUTTER = 0.012
"""Share of the texture left free between panels."""


@dataclass(frozen=True)
class Layout:
    """A garment's texture coordinates.

    Attributes:
        uv: in [0, 1], origin top left. ``faces_uv``: indices into it.
        source: the vertex each row of ``uv`` belongs to.
        angle: about the panel's axis, unrolled: -pi..pi and a little beyond; 0 is ahead on
            the torso, above on sleeves, outward on legs.
        panel: a :class:`Panel` for each row of ``uv``.
    """

    uv: Float[Tensor, "U 2"]
    faces_uv: Int[Tensor, "F 3"]
    source: Int[Tensor, "U"]  # noqa: F821
    angle: Float[Tensor, "U"]  # noqa: F821
    panel: Int[Tensor, "U"]  # noqa: F821


@dataclass(frozen=True)
class Swatch:
    """What is known at each texel that shows cloth; lengths in metres.

    Attributes:
        index: flat number of the texel. ``size``: of the texture, texels a side.
        position: bind pose.
        limb, share, neck, edge: the columns of :class:`Field`.
        angle: as in :class:`Layout`. ``panel``: a :class:`Panel`.
        scale: of lengths, against a person of 1.75 m.
        depth: z of the upright axis that torso and skirts are unrolled about.
    """

    index: Int[Tensor, "P"]  # noqa: F821
    size: int
    position: Float[Tensor, "P 3"]
    limb: Float[Tensor, "P"]  # noqa: F821
    share: Float[Tensor, "P"]  # noqa: F821
    neck: Float[Tensor, "P"]  # noqa: F821
    edge: Float[Tensor, "P"]  # noqa: F821
    angle: Float[Tensor, "P"]  # noqa: F821
    panel: Int[Tensor, "P"]  # noqa: F821
    scale: float
    depth: float

    def spread(self, values: Float[Tensor, "P C"]) -> Float[Tensor, "S S C"]:
        """Values of the texels as a texture, gaps filled from what surrounds them."""
        plane = values.new_zeros(self.size * self.size, values.shape[1])
        known = torch.zeros(self.size * self.size, dtype=torch.bool)
        plane[self.index] = values
        known[self.index] = True
        shape = (self.size, self.size)
        return filled(plane.reshape(*shape, -1), known.reshape(shape))


def lay_out(tailor: Tailor, piece: Piece) -> Layout:
    """Texture coordinates of a garment."""
    patch = piece.patch
    corner = patch.faces.reshape(-1)
    panel = piece.panel.repeat_interleave(3)
    angle, height = _unrolled(tailor, piece, corner, panel)
    three = angle.reshape(-1, 3)
    turn = 2 * math.pi
    three = three[:, :1] + torch.remainder(three - three[:, :1] + math.pi, turn) - math.pi
    middle = three.mean(1, keepdim=True)
    three = three - turn * torch.round(middle / turn)
    flat = three.reshape(-1)
    rolls = torch.round((flat - angle) / turn).long()
    key = (corner * 8 + panel) * 8 + rolls + 4
    unique, faces_uv = key.unique(return_inverse=True)
    first = torch.full_like(unique, len(key))
    first = first.scatter_reduce(0, faces_uv, torch.arange(len(key)), "amin")
    box = _boxes(piece, panel, height)
    place = box[panel]
    low, high = _extents(panel, height)
    u = (flat / (2 * (math.pi + _MARGIN)) + 0.5).clamp(0, 1)
    v = ((height - low[panel]) / (high - low)[panel].clamp(min=1e-6)).clamp(0, 1)
    uv = torch.stack([
        place[:, 0] + u * (place[:, 2] - place[:, 0]),
        place[:, 1] + v * (place[:, 3] - place[:, 1]),
    ], 1)
    return Layout(
        uv[first], faces_uv.reshape(-1, 3), corner[first], flat[first], panel[first]
    )


def swatch(
    tailor: Tailor, piece: Piece, layout: Layout, seen: Bool[Tensor, "F"], size: int  # noqa: F821
) -> Swatch:
    """What lies at each texel of a garment's texture.

    Args:
        tailor: the body.
        piece: the garment. ``layout``: its texture coordinates.
        seen: triangles that are painted.
        size: of the texture, texels a side.
    """
    patch = piece.patch
    table = torch.cat([
        patch.vertices[layout.source], patch.fields[layout.source][:, :4],
        layout.angle[:, None], layout.panel[:, None].float(),
    ], 1)
    place = F.pad(layout.uv * size, (0, 1), value=1.0)
    faces = layout.faces_uv[seen]
    shown = rasterize_pixels(place[None], faces, size, size)
    index = shown.mask.reshape(-1).nonzero().squeeze(1)
    values = interpolate(shown, faces, table).reshape(-1, table.shape[1])[index]
    return Swatch(
        index, size, values[:, :3], values[:, 3 + Field.LIMB], values[:, 3 + Field.SHARE],
        values[:, 3 + Field.NECK], values[:, 3 + Field.EDGE], values[:, 7],
        values[:, 8].round().long(), tailor.scale, tailor.depth,
    )


def _unrolled(
    tailor: Tailor, piece: Piece, corner: Tensor, panel: Tensor
) -> tuple[Tensor, Tensor]:
    """Angle about the panel's axis and place along it (growing downwards), of each corner."""
    v = piece.patch.vertices
    fields = piece.patch.fields
    if piece.design.role == "shoes":
        return fields[corner, Field.NECK], -fields[corner, Field.LIMB]
    polar, _ = tailor.polar(v)
    angle = polar[corner]
    height = -v[corner, 1]
    for side, number in (("left", Panel.LEFT), ("right", Panel.RIGHT)):
        if piece.design.kind in ("trousers", "shorts"):
            at = Leg(tailor, side).local(v)
            around, along = torch.atan2(at[:, 0], at[:, 2]), -v[:, 1]
        else:
            around, along = _sleeve(tailor, v, fields, side)
        mine = panel == int(number)
        angle = torch.where(mine, around[corner], angle)
        height = torch.where(mine, along[corner], height)
    collar = panel == int(Panel.COLLAR)
    centre = tailor.neck
    neck = torch.atan2(v[:, 0] - centre[0], v[:, 2] - centre[2] - 0.008 * tailor.scale)
    angle = torch.where(collar, neck[corner], angle)
    height = torch.where(collar, -fields[corner, Field.NECK], height)
    return angle, height


def _sleeve(
    tailor: Tailor, v: Tensor, fields: Tensor, side: str
) -> tuple[Tensor, Tensor]:
    """Angle about an arm (0 above, +90 degrees ahead) and distance along it."""
    s = side[0].upper()
    a, b, c = (
        tailor.canvas.head_of(f"{bone}.{s}") for bone in ("upperarm01", "lowerarm01", "wrist")
    )
    along = fields[:, Field.LIMB]
    upper = float((b - a).norm())
    first, second = F.normalize(b - a, dim=0), F.normalize(c - b, dim=0)
    on_first = a + first * along.clamp(max=upper)[:, None]
    centre = on_first + second * (along - upper).clamp(min=0)[:, None]
    bend = ((along - upper) / 0.06 + 0.5).clamp(0, 1)[:, None]
    axis = F.normalize(torch.lerp(first.expand_as(v), second.expand_as(v), bend), dim=1)
    up = torch.tensor([0.0, 1.0, 0.0]) - axis * axis[:, 1:2]
    up = F.normalize(up, dim=1)
    ahead = torch.linalg.cross(axis, up)
    ahead = ahead * ahead[:, 2:].sign()
    away = v - centre
    return torch.atan2((away * ahead).sum(1), (away * up).sum(1)), along


def _extents(panel: Tensor, height: Tensor) -> tuple[Tensor, Tensor]:
    """Least and greatest place along the axis of each panel."""
    low = torch.full((4,), torch.inf).scatter_reduce(0, panel, height, "amin")
    high = torch.full((4,), -torch.inf).scatter_reduce(0, panel, height, "amax")
    empty = ~torch.isfinite(low)
    return torch.where(empty, 0.0, low), torch.where(empty, 1.0, high)


def _boxes(piece: Piece, panel: Tensor, height: Tensor) -> Float[Tensor, "4 4"]:
    """Left, top, right and bottom of each panel's rectangle."""
    g = _GUTTER
    if piece.design.role == "shoes":  # one foot's texture serves both
        whole = torch.tensor([g, g, 1 - g, 1 - g])
        return whole.expand(4, 4).clone()
    low, high = _extents(panel, height)
    span = (high - low).tolist()
    has = [bool((panel == k).any()) for k in range(4)]
    body = span[0] if has[0] else 0.0
    limb = 0.8 * max(span[1], span[2]) if has[1] or has[2] else 0.0
    collar = 0.1 * (body + limb) if has[3] else 0.0
    total = body + limb + collar
    first, second = body / total, (body + limb) / total
    return torch.tensor([
        [g, g, 1 - g, first - g if limb or collar else 1 - g],
        [g, first + g, 0.5 - g, second - g],
        [0.5 + g, first + g, 1 - g, second - g],
        [g, second + g, 1 - g, 1 - g],
    ]).clamp(0, 1)
