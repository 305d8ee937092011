"""All layers of a person merged into one surface that can be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag

from muybridge.body import Mesh
from muybridge.synthetic.layers import Layer
from muybridge.synthetic.occlusion import ambient_occlusion
from muybridge.synthetic.textures import TextureTable, stack_textures


@dataclass(frozen=True)
class Surface:
    """What stays the same however the person is posed, one entry per vertex or triangle.

    Attributes:
        faces: corners of each triangle, counter-clockwise from outside.
        corners: u and v of its three corners.
        layer: which layer it belongs to. ``matter``: see :class:`Matter`.
        two_sided: whether its back can be seen.
        textures: of all layers.
        openness: ambient light that reaches each vertex, 0..1.
        around, first: the triangles around each vertex, one after another.
    """

    faces: Int[Tensor, "F 3"]
    corners: Float[Tensor, "F 6"]
    layer: Int[Tensor, "F"]  # noqa: F821
    matter: Int[Tensor, "F"]  # noqa: F821
    two_sided: Bool[Tensor, "F"]  # noqa: F821
    textures: TextureTable
    openness: Float[Tensor, "N"]  # noqa: F821
    around: Int[Tensor, "A"]  # noqa: F821
    first: Int[Tensor, "N"]  # noqa: F821

    def to(self, device: torch.device | str) -> Surface:
        """The same surface on another device."""
        moved: dict[str, Any] = {
            item.name: getattr(self, item.name).to(device) for item in fields(self)
        }
        return Surface(**moved)

    def normals_and_slopes(
        self, vertices: Float[Tensor, "N 3"]
    ) -> tuple[Float[Tensor, "N 3"], Float[Tensor, "F 6"]]:
        """Unit vertex normals, and where u and v rise on each triangle.

        Returns:
            The area-weighted mean of the triangles around each vertex; and the gradients
            of u and of v in the world, per metre: a height ``h(u, v)`` on the surface rises
            along ``h_u * gradient_u + h_v * gradient_v``.
        """
        x, y, z = vertices.unbind(1)
        a, b, c = self.faces.unbind(1)
        ax, ay, az = x[a], y[a], z[a]
        ex, ey, ez = x[b] - ax, y[b] - ay, z[b] - az
        fx, fy, fz = x[c] - ax, y[c] - ay, z[c] - az
        nx, ny, nz = ey * fz - ez * fy, ez * fx - ex * fz, ex * fy - ey * fx
        table = torch.stack([nx, ny, nz], 1)
        normals = F.normalize(
            embedding_bag(self.around, table, self.first, mode="sum"), dim=1, eps=1e-20
        )
        share = 1 / (nx * nx + ny * ny + nz * nz).clamp(min=1e-20)
        # Each edge's dual: square to the other edge, in the triangle's plane.
        px, py, pz = fy * nz - fz * ny, fz * nx - fx * nz, fx * ny - fy * nx
        qx, qy, qz = ny * ez - nz * ey, nz * ex - nx * ez, nx * ey - ny * ex
        u0, v0, u1, v1, u2, v2 = self.corners.unbind(1)
        slopes = []
        for first, second in ((u1 - u0, u2 - u0), (v1 - v0, v2 - v0)):
            p, q = first * share, second * share
            slopes += [p * px + q * qx, p * py + q * qy, p * pz + q * qz]
        return normals, torch.stack(slopes, 1)


def trim(layers: Sequence[Layer], mesh: Mesh) -> tuple[Layer, ...]:
    """The layers without the skin that garments hide, and without vertices of no triangle.

    Args:
        layers: of one person, in the bind pose.
        mesh: of the body, whose triangles ``hides`` counts.
    """
    hidden = torch.stack([layer.hides for layer in layers]).any(0)
    out = []
    for layer in layers:
        shown = ~_covered(layer, mesh, hidden)
        used, faces = layer.faces[shown].unique(return_inverse=True)
        out.append(
            replace(
                layer, vertices=layer.vertices[used], weights=layer.weights[used],
                faces=faces.reshape(-1, 3), faces_uv=layer.faces_uv[shown],
                slack=layer.slack[used],
            )
        )
    return tuple(out)


def merge(layers: Sequence[Layer], finest: int) -> Surface:
    """One surface of all layers.

    Args:
        layers: of one person, in the bind pose, as :func:`trim` gives them.
        finest: most texels a side of a texture.
    """
    first, faces = 0, []
    for layer in layers:
        faces.append(layer.faces + first)
        first += len(layer.vertices)
    counts = torch.tensor([len(layer.faces) for layer in layers])

    def of_each(values: Sequence[int]) -> Tensor:
        return torch.repeat_interleave(torch.tensor(values), counts)

    triangles = torch.cat(faces)
    corners = torch.cat([layer.uv[layer.faces_uv].flatten(1) for layer in layers])
    vertices = torch.cat([layer.vertices for layer in layers])
    corner = triangles.T.reshape(-1)
    around = torch.argsort(corner, stable=True) % len(triangles)
    count = torch.bincount(corner, minlength=first)
    return Surface(
        triangles, corners.float(), of_each(range(len(layers))),
        of_each([int(layer.material.matter) for layer in layers]),
        of_each([layer.two_sided for layer in layers]).bool(),
        stack_textures(layers, finest), ambient_occlusion(vertices, triangles),
        around, torch.cumsum(count, 0) - count,
    )


def _covered(layer: Layer, mesh: Mesh, hidden: Tensor) -> Bool[Tensor, "F"]:  # noqa: F821
    """Which triangles of a layer are skin that a garment hides."""
    none = torch.zeros(len(layer.faces), dtype=torch.bool)
    if layer.role != "skin" or len(layer.vertices) != int(mesh.faces.max()) + 1:
        return none
    if len(layer.faces) == len(mesh.faces):
        return hidden
    gone = {tuple(sorted(face)) for face in mesh.faces[hidden].tolist()}
    return torch.tensor([tuple(sorted(face)) in gone for face in layer.faces.tolist()])
