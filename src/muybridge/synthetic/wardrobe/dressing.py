"""Getting dressed: which garment goes over which, and what of each is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool
from torch import Tensor

from muybridge.synthetic.canvas import Canvas
from muybridge.synthetic.layers import Layer
from muybridge.synthetic.wardrobe.charts import lay_out, swatch
from muybridge.synthetic.wardrobe.design import Design
from muybridge.synthetic.wardrobe.footwear import paint_shoes
from muybridge.synthetic.wardrobe.lower import make_skirt, make_trousers
from muybridge.synthetic.wardrobe.painting import paint
from muybridge.synthetic.wardrobe.piece import Piece
from muybridge.synthetic.wardrobe.shoes import make_shoes
from muybridge.synthetic.wardrobe.tailor import Tailor, Worn
from muybridge.synthetic.wardrobe.upper import make_upper

_DEPTH = {"t-shirt": 0, "shirt": 1, "dress": 1, "sweater": 2, "hoodie": 3, "jacket": 4, "coat": 5}
"""Order from the skin outwards of what hangs from the shoulders."""
_BORDER = 0.035
"""Skin is left out this deep under a garment, metres for a person of 1.75 m."""
_INNER = 0.05
"""Inner cloth is left out this deep under outer cloth."""


def dress(canvas: Canvas, designs: Sequence[Design]) -> list[Layer]:
    """Garments on a body, from the inside outwards.

    Any combination will do: several garments for the upper body go over one another from
    t-shirt to coat; shirts that are tucked in go under trousers or skirt, others over.

    Args:
        canvas: the body.
        designs: the garments, in any order.

    Returns:
        One layer each, in the order in which they lie over one another.
    """
    tailor = Tailor(canvas)
    worn = tailor.start()
    pieces: list[Piece] = []
    for garment in _in_order(designs):
        piece = _made(tailor, garment, worn)
        pieces.append(piece)
        worn = piece.worn
    return [_layer(tailor, piece, pieces[k + 1 :]) for k, piece in enumerate(pieces)]


def _in_order(designs: Sequence[Design]) -> list[Design]:
    """From the inside outwards, tucking in what is tucked."""
    lower = [d for d in designs if d.role == "lower"]
    waist = min((d.waist for d in lower), default=0.0)
    upper = sorted((d for d in designs if d.role in ("upper", "full")), key=_depth)
    if upper:  # nobody wears an open jacket over bare skin
        upper[0] = replace(upper[0], opening=0.0)
    # a hood under a jacket stays within its collar
    upper = [
        replace(d, neck="turtle") if d.neck == "hood" and d is not upper[-1] else d for d in upper
    ]
    tucked = [
        replace(d, length=0.05 - waist) for d in upper
        if d.tucked and lower and d.kind in ("t-shirt", "shirt")
    ]
    over = [
        replace(d, tucked=False) for d in upper
        if not (d.tucked and lower and d.kind in ("t-shirt", "shirt"))
    ]
    shoes = [d for d in designs if d.role == "shoes"]
    tall = [d for d in shoes if d.style == "tall"]
    low = [d for d in shoes if d.style != "tall"]
    slim = all(d.kind in ("trousers",) and d.ease < 0.35 for d in lower if d.kind == "trousers")
    hanging = any(d.kind in ("skirt", "dress") for d in designs)
    if tall and (hanging or not slim):  # the shafts are beneath what hangs or is wide
        low, tall = shoes, []
    return [*low, *tucked, *lower, *tall, *over]


def _depth(garment: Design) -> int:
    return _DEPTH[garment.kind]


def _made(tailor: Tailor, garment: Design, worn: Worn) -> Piece:
    if garment.role == "shoes":
        return make_shoes(tailor, garment, worn)
    if garment.kind == "skirt":
        return make_skirt(tailor, garment, worn)
    if garment.role == "lower":
        return make_trousers(tailor, garment, worn)
    return make_upper(tailor, garment, worn)


def _layer(tailor: Tailor, piece: Piece, outer: Sequence[Piece]) -> Layer:
    design, patch = piece.design, piece.patch
    layout = lay_out(tailor, piece)
    small = design.role == "shoes"
    seen = ~_beneath(tailor, piece, outer)
    if not seen.any():
        seen[0] = True  # a layer is never empty
    cloth = swatch(tailor, piece, layout, seen, 256 if small else 512)
    material = paint_shoes(design, cloth) if small else paint(tailor, design, cloth)
    faces = tailor.canvas.faces
    hides = (piece.cover[faces] > _BORDER * tailor.scale).all(1)
    used, renumbered = patch.faces[seen].unique(return_inverse=True)
    return Layer(
        design.kind, design.role, patch.vertices[used], patch.weights[used],
        renumbered.reshape(-1, 3), layout.uv, layout.faces_uv[seen], material,
        piece.slack[used].clamp(0, 1), piece.two_sided, hides,
    )


def _beneath(tailor: Tailor, piece: Piece, outer: Sequence[Piece]) -> Bool[Tensor, "F"]:  # noqa: F821
    """Triangles that outer garments cover in every pose."""
    covered = torch.zeros(len(piece.patch.faces), dtype=torch.bool)
    for other in outer:
        if other.design.role == "shoes" and piece.design.role != "lower":
            continue
        depth = other.cover[piece.patch.anchor]
        covered |= (depth[piece.patch.faces] > _INNER * tailor.scale).all(1)
    return covered
