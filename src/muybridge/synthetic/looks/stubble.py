"""Hair too short to be a surface of its own, painted on the skin: scalp, beard shadow, stubble."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.synthetic.canvas import Texels
from muybridge.synthetic.looks.features import Face
from muybridge.synthetic.looks.hairline import Hairline
from muybridge.synthetic.looks.head import Head
from muybridge.synthetic.looks.identity import Identity
from muybridge.synthetic.looks.paint import Paint, step
from muybridge.synthetic.looks.palette import mixed
from muybridge.synthetic.noise import fractal_noise, value_noise


def paint_growth(paint: Paint, head: Head, texels: Texels, identity: Identity) -> None:
    """Paints what grows on scalp and jaw."""
    face = Face(paint, head, texels)
    _scalp(face, identity)
    if not identity.female and identity.shape.age > 0.6:
        _jaw(face, identity)


def _scalp(face: Face, identity: Identity) -> None:
    """The roots: dark below hair, a fading edge of fine strands along the hairline."""
    look = identity.hair
    line = Hairline.of(face.head, look, identity.female)
    points = face.paint.points[face.index]
    inside = line.depth(points) / face.head.scale
    grain = value_noise(face.points + 1.0, 900.0, look.seed % 613)
    strength = {"bald": 0.22, "buzz": 0.86}.get(look.style, 0.92)
    edge = step(-0.004, 0.008, inside + 0.006 * (grain - 0.5))
    if look.style == "bald":
        edge = step(-0.006, 0.02, inside)
    share = strength * edge * (0.72 + 0.4 * grain) * (1 - step(0.2, 0.5, face.ears))
    colour = mixed(look.colour, identity.skin.colour, 0.12)
    face.cover(share, colour)
    face.raise_by(0.0008 * share * grain)
    face.paint.gloss[face.index] -= 0.2 * share


def _jaw(face: Face, identity: Identity) -> None:
    """The shadow of a shaven beard, or what of a beard is short."""
    beard = identity.beard
    area = beard_area(face, beard.style)
    if beard.style in ("none", "stubble"):
        # thins out towards its border
        area = area * step(-0.2, 1.0, 0.4 + 0.6 * _middle(face))
    grain = value_noise(face.points + 1.0, 850.0, identity.hair.seed % 421)
    patchy = fractal_noise(face.points + 1.0, 60.0, 2, identity.hair.seed % 331)
    strength = {"none": 0.10, "stubble": 0.55}.get(beard.style, 0.85) * beard.density
    share = strength * area * (0.55 + 0.8 * grain) * (0.75 + 0.5 * patchy)
    if beard.style == "none":
        face.cover(share, mixed(identity.skin.colour, (0.20, 0.22, 0.25), 0.7))
        return
    shadow = beard_area(face, "stubble") * 0.18 * beard.density
    face.cover(shadow, mixed(identity.skin.colour, beard.colour, 0.6))
    face.cover(share, beard.colour)
    face.raise_by(0.0007 * share * grain)
    face.paint.gloss[face.index] -= 0.15 * share


def _middle(face: Face) -> Float[Tensor, "Q"]:  # noqa: F821
    """1 around chin and mouth .. 0 towards the ears and the cheeks."""
    near = face.around("chin", 0.035) + face.around("mouth", 0.030)
    return (near + 0.8 * face.around_both("jaw", 0.030)).clamp(0, 1)


def beard_area(face: Face, style: str) -> Float[Tensor, "Q"]:  # noqa: F821
    """Where a beard of a style grows, 0..1."""
    return beard_mask(face.head, face.points, face.lips, style)


def beard_mask(
    head: Head, p: Float[Tensor, "Q 3"], lips: Float[Tensor, "Q"], style: str
) -> Float[Tensor, "Q"]:  # noqa: F821
    """Where a beard of a style grows on points of the standard head, 0..1."""

    def at(name: str) -> Tensor:
        return head.local(head.point(name)[None])[0]

    corner, nose, jaw = at("mouth_corner_left"), at("subnasale"), at("jaw_left")
    lip, under = at("lip_bottom"), at("chin_under")
    side = p[:, 0].abs()
    ear = float(jaw[2]) - 0.020
    # upper border: from before the ear down the cheek to the mouth's corner, up to the nose
    t = ((p[:, 2] - ear) / (corner[2] - ear)).clamp(0, 1)
    cheek = -0.012 + (corner[1] + 0.010 + 0.012) * step(0.0, 1.0, t * 0.9 + 0.1 * t * t)
    below = step(0.004, -0.006, p[:, 1] - cheek)
    before_ear = step(ear - 0.004, ear + 0.006, p[:, 2])
    throat = step(under[1] - 0.030, under[1] - 0.012, p[:, 1] + 0.25 * (p[:, 2]).clamp(max=0))
    bare_lips = step(0.5, 0.15, lips)
    full = below * before_ear * throat
    top = step(nose[1] + 0.001, nose[1] - 0.005, p[:, 1])
    whiskers = top * step(corner[0] + 0.010, corner[0] + 0.001, side)
    whiskers = whiskers * step(corner[1] - 0.008, corner[1] - 0.001, p[:, 1]) * (p[:, 2] > 0.0)
    chin = step(0.026, 0.018, side) * step(lip[1] + 0.002, lip[1] - 0.006, p[:, 1])
    chin = chin * throat * step(-0.012, 0.0, p[:, 2])
    bracket = step(0.008, 0.004, (side - corner[0] - 0.003).abs()) * (p[:, 2] > -0.01)
    bracket = bracket * step(corner[1] + 0.004, corner[1], p[:, 1])
    bracket = bracket * step(lip[1] - 0.02, lip[1], p[:, 1])
    area = {
        "moustache": whiskers,
        "goatee": torch.maximum(torch.maximum(whiskers, chin), bracket),
    }.get(style, torch.maximum(full, whiskers))
    return area * bare_lips
