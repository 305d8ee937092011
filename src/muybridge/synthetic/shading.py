"""The colour of points on a person: matter, light and shadow, in planes of ``P`` points.

Everything is columns ``[P]`` or planes ``[3, P]``: the inner loop of every operation then
runs over points. Light is linear until the last step.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.synthetic.layers import Matter
from muybridge.synthetic.light import Colour, Light
from muybridge.synthetic.textures import linear_to_srgb

_STEEPEST = 0.95
"""Slope of a relief beyond which light is no longer bent, metre per metre."""
_WRAP = {
    Matter.SKIN: (0.32, 0.17, 0.12),
    Matter.EYE: (0.2, 0.2, 0.2),
    Matter.HAIR: (0.3, 0.28, 0.26),
    Matter.CLOTH: (0.1, 0.1, 0.1),
    Matter.LEATHER: (0.02, 0.02, 0.02),
}
"""How far the key light reaches round a form, per colour: blood warms skin's edge of shadow."""
_SHINE = {
    Matter.SKIN: (0.035, 0.45, 0.06),
    Matter.EYE: (0.09, 0.9, 0.04),
    Matter.HAIR: (0.0, 0.4, 0.05),
    Matter.CLOTH: (0.02, 0.12, 0.07),
    Matter.LEATHER: (0.05, 0.6, 0.05),
}
"""Share of light thrown back as shine, gloss where the texture's is half, sheen at edges."""
_BACKS = 0.55
"""What is left of the light on a surface's inside."""


@dataclass(frozen=True)
class Points:
    """Points of one picture (or of several with one light).

    Attributes:
        texels: as :data:`~muybridge.synthetic.textures.CHANNELS` says.
        matter: of each.
        normal: of the smooth surface, turned towards the eye, unit.
        along_u, along_v: gradients of the texture coordinates, per metre.
        view: towards the eye, unit.
        bend, openness: 0..1.
        lit: share of the key light that arrives.
        back: 1 where the surface's inside is seen, else 0.
    """

    texels: Float[Tensor, "8 P"]
    matter: Int[Tensor, "P"]  # noqa: F821
    normal: Float[Tensor, "3 P"]
    along_u: Float[Tensor, "3 P"]
    along_v: Float[Tensor, "3 P"]
    view: Float[Tensor, "3 P"]
    bend: Float[Tensor, "P"]  # noqa: F821
    openness: Float[Tensor, "P"]  # noqa: F821
    lit: Float[Tensor, "P"]  # noqa: F821
    back: Float[Tensor, "P"]  # noqa: F821


def shade(points: Points, light: Light) -> Float[Tensor, "3 P"]:
    """sRGB colours in [0, 1]."""
    albedo = points.texels[:3]
    normal = _relief(points)
    matter = points.matter
    wrap = _table(_WRAP, albedo).index_select(1, matter) * (0.5 + light.softness)
    key = _dot(normal, light.direction)
    diffuse = ((key + wrap) / (1 + wrap)).clamp_(0, 1)
    shadow = points.lit * (1 - 0.1 * light.softness) + 0.1 * light.softness
    inside = 1 - (1 - _BACKS) * points.back
    open_ = points.openness * inside
    # What is hidden still gets light from the walls of its own niche, in their colour.
    around = open_ + (1 - open_) * open_ * albedo * 0.7
    height = 0.5 + 0.5 * normal[1]
    fill = (0.35 + 0.65 * _dot(normal, light.fill_direction)).clamp_(min=0)
    energy = []
    for k in range(3):
        ambient = light.bounce[k] + (light.sky[k] - light.bounce[k]) * height
        energy.append(
            light.key[k] * diffuse[k] * shadow * inside
            + (ambient + light.fill[k] * fill) * around[k]
        )
    colour = torch.stack(energy) * albedo
    colour = colour + _shine(points, normal, key, shadow, open_, light)
    return linear_to_srgb(_exposed(colour))


def _relief(points: Points) -> Tensor:
    """Normals bent by relief and by the folds of bent joints."""
    t = points.texels
    rise_u, rise_v = t[4] + points.bend * t[6], t[5] + points.bend * t[7]
    rise = points.along_u * rise_u + points.along_v * rise_v
    normal = points.normal
    steep = rise.square().sum(0).sqrt_().clamp_(min=1e-9)
    rise = rise * (_STEEPEST * torch.tanh(steep / _STEEPEST) / steep * (1 - 2 * points.back))
    bent = normal - rise + normal * (normal * rise).sum(0)
    return _unit(bent)


def _shine(
    points: Points, normal: Tensor, key: Tensor, shadow: Tensor, open_: Tensor, light: Light
) -> Tensor:
    """Highlights of the key light, the sheen of edges, the rim light."""
    strength, middle, sheen = _table(_SHINE, normal).index_select(1, points.matter)
    gloss = (points.texels[3] - 0.5 + middle).clamp_(0.02, 1)
    facing = (normal * points.view).sum(0).clamp_(0.02, 1)
    half = _unit(points.view + normal.new_tensor(light.direction)[:, None])
    power = torch.exp2(2.5 + 6.5 * gloss)
    peak = (normal * half).sum(0).clamp_(min=1e-4)
    lobe = torch.exp2(power * peak.log2()) * (power + 8) * 0.035
    lamp = key.clamp(min=0).sqrt_() * shadow
    glance = (1 - facing).square()
    edge = glance * glance * (1 - facing)
    white = strength * lobe * lamp + (sheen * glance * (1 - facing) + 0.25 * edge * gloss) * open_
    rim = _dot(normal, light.rim_direction).clamp_(min=0) * (0.25 + glance) * open_
    out = torch.stack([
        white * (light.key[k] + 0.6 * light.sky[k]) + rim * light.rim[k] * points.texels[k]
        for k in range(3)
    ])
    hair = (points.matter == int(Matter.HAIR)).nonzero().squeeze(1)
    if len(hair):
        out[:, hair] += _strands(
            normal[:, hair], half[:, hair], points.texels[:, hair],
            (0.25 + 0.75 * lamp[hair]) * open_[hair], light.key,
        )
    return out


def _strands(
    normal: Tensor, half: Tensor, texels: Tensor, lamp: Tensor, key: Colour
) -> Tensor:
    """The two bands of light on hair (Kajiya and Kay, 1989): strands are taken to run down.

    The texture's gloss shifts and breaks the bands.
    """
    down = normal * normal[1]
    down = _unit(torch.stack([down[0], down[1] - 1, down[2] + 1e-3]))
    streak = texels[3] - 0.5
    bands = []
    for shift, power in ((0.1, 60.0), (-0.12, 14.0)):
        strand = _unit(down + normal * (shift + 0.5 * streak))
        across = (1 - (strand * half).sum(0).square()).clamp_(min=1e-6).sqrt_()
        bands.append(across**power)
    white = 0.055 * (1 + 2 * streak).clamp_(min=0) * bands[0] * lamp
    tinted = 0.5 * bands[1] * lamp
    return torch.stack([(white + tinted * texels[k]) * key[k] for k in range(3)])


def _exposed(light: Tensor) -> Tensor:
    """A film's shoulder: white under full light comes out just below 1."""
    return (light * (1 + 0.1 * light) / (1 + 0.22 * light) * 1.08).clamp_(0, 1)


def _table(values: dict[Matter, tuple[float, float, float]], like: Tensor) -> Tensor:
    """Three numbers for every matter, as columns."""
    return like.new_tensor([values[matter] for matter in Matter]).T.contiguous()


def _dot(vectors: Tensor, direction: Colour) -> Tensor:
    return vectors[0] * direction[0] + vectors[1] * direction[1] + vectors[2] * direction[2]


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.square().sum(0).sqrt_().clamp_(min=1e-9)
