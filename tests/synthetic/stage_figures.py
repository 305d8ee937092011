"""Small people for the tests of the stage: the bare body, and one in a wide skirt."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from muybridge.body import Shape, ShapedBody, load_body
from muybridge.synthetic.canvas import Canvas
from muybridge.synthetic.figure import Figure
from muybridge.synthetic.layers import Layer, Material, Matter


def body() -> ShapedBody:
    """A woman of the built-in model."""
    return load_body().with_shape(Shape(gender=1.0))


def plain(size: int, colour: tuple[float, float, float], matter: Matter) -> Material:
    """One colour, no relief."""
    none = torch.zeros(size, size)
    return Material(matter, torch.tensor(colour).expand(size, size, 3), none + 0.4, none, none)


def skin(shaped: ShapedBody, material: Material | None = None) -> Layer:
    """The body's own mesh as a layer."""
    mesh = shaped.mesh
    return Layer(
        "skin", "skin", shaped.bind_vertices, shaped.rig.weights, mesh.faces, mesh.uv,
        mesh.faces_uv, material or plain(32, (0.8, 0.6, 0.5), Matter.SKIN),
        torch.zeros(len(shaped.bind_vertices)), False,
        torch.zeros(len(mesh.faces), dtype=torch.bool),
    )


def skirt(shaped: ShapedBody, columns: int = 56, rows: int = 14, length: float = 0.55) -> Layer:
    """A tube from the waist down that clears hips and legs and hangs free below the waist."""
    canvas = Canvas(shaped)
    points, names = canvas.vertices, shaped.rig.bones
    middle = (canvas.head_of("upperleg01.L") + canvas.head_of("upperleg01.R")) / 2
    turn = torch.arange(columns) / columns * 2 * math.pi
    around = torch.stack([turn.sin(), turn.cos()], 1)
    trunk = canvas.share_of("arm") < 0.1
    waist = float(canvas.head_of("spine04")[1]) + 0.02
    rings, least = [], torch.zeros(columns)
    for row in range(rows + 1):
        height = waist - length * row / rows
        near = points[trunk & ((points[:, 1] - height).abs() < 0.03)][:, [0, 2]]
        least = torch.maximum(least, ((near - middle[[0, 2]]) @ around.T).amax(0) + 0.012)
        radius = least + 0.1 * row / rows
        x, z = (middle[[0, 2]] + around * radius[:, None]).unbind(1)
        rings.append(torch.stack([x, torch.full_like(x, height), z], 1))
    vertices = torch.stack(rings).reshape(-1, 3)
    down = (torch.arange(rows + 1) / rows).repeat_interleave(columns)
    leg = (1.2 * down).clamp(0, 1) * 0.6
    left = (vertices[:, 0] / 0.12).clamp(-1, 1) / 2 + 0.5
    weights = torch.zeros(len(vertices), len(names))
    for bone, share in (("root", 1 - leg), ("upperleg01.L", leg * left),
                        ("upperleg01.R", leg * (1 - left))):
        weights[:, names.index(bone)] = share
    none = torch.zeros(len(shaped.mesh.faces), dtype=torch.bool)
    i, j = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    u, v = torch.meshgrid(
        torch.linspace(0, 1, rows + 1), torch.linspace(0, 1, columns + 1), indexing="ij"
    )
    uv = torch.stack([v, u], -1).reshape(-1, 2)
    return Layer(
        "skirt", "lower", vertices, weights, _squares(i, j, (j + 1) % columns, columns), uv,
        _squares(i, j, j + 1, columns + 1), plain(16, (0.6, 0.2, 0.25), Matter.CLOTH),
        (1.15 * down - 0.08).clamp(0, 1), True, none,
    )


def _squares(i: Tensor, j: Tensor, after: Tensor, width: int) -> Tensor:
    """Two triangles for each cell of a grid, seen from outside."""
    a, b = i * width + j, i * width + after
    c, d = a + width, b + width
    return torch.stack(
        [torch.stack([a, c, b], -1), torch.stack([b, c, d], -1)]
    ).reshape(-1, 3)


def bare() -> Figure:
    """The bare body."""
    shaped = body()
    return Figure(shaped, [skin(shaped)], {"who": "bare"})


def skirted() -> Figure:
    """The body in a wide skirt."""
    shaped = body()
    return Figure(shaped, [skin(shaped), skirt(shaped)])
