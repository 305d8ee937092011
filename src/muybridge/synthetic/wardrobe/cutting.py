"""Scissors: a patch of the body's surface, cut along lines that run through its triangles.

A patch carries whatever is known at its vertices; a cut blends it all where the line
crosses an edge, so hems are straight however coarse the body's mesh is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from muybridge.render import vertex_normals

_SNAP = 0.02
"""A cut nearer to a corner than this share of the edge passes through the corner."""


@dataclass(frozen=True)
class Patch:
    """A piece of surface.

    Attributes:
        vertices: metres, bind pose.
        weights: skinning weights.
        fields: what else is known at each vertex (columns named by whoever made it).
        tag: number of the cut that made the vertex; 0 for the body's own.
        anchor: the body's vertex nearest to it.
        faces: counter-clockwise from outside.
    """

    vertices: Float[Tensor, "N 3"]
    weights: Float[Tensor, "N B"]
    fields: Float[Tensor, "N C"]
    tag: Int[Tensor, "N"]  # noqa: F821
    anchor: Int[Tensor, "N"]  # noqa: F821
    faces: Int[Tensor, "F 3"]

    @property
    def normals(self) -> Float[Tensor, "N 3"]:
        """Unit vertex normals."""
        return vertex_normals(self.vertices[None], self.faces)[0]

    def compact(self) -> Patch:
        """Without the vertices that no triangle uses."""
        used, faces = self.faces.unique(return_inverse=True)
        return Patch(
            self.vertices[used], self.weights[used], self.fields[used], self.tag[used],
            self.anchor[used], faces.reshape(-1, 3),
        )

    def select(self, keep: Bool[Tensor, "F"]) -> Patch:  # noqa: F821
        """Only some of the triangles."""
        return replace(self, faces=self.faces[keep]).compact()


def clip(patch: Patch, field: Float[Tensor, "N"], tag: int) -> Patch:  # noqa: F821
    """The part of a patch where a field is not negative.

    Args:
        patch: what is cut.
        field: at its vertices, linear within each triangle.
        tag: given to the vertices on the cut.
    """
    whole, inside = parted(patch, field, tag)
    return whole.select(inside)


def parted(
    patch: Patch, field: Float[Tensor, "N"], tag: int | None = None  # noqa: F821
) -> tuple[Patch, Bool[Tensor, "F"]]:  # noqa: F821
    """A patch whose triangles are divided where a field is 0; nothing is cut off.

    Args:
        patch: what is divided.
        field: at its vertices, linear within each triangle.
        tag: given to the vertices on the line; they keep theirs or get 0 unless given.

    Returns:
        The patch, and for each of its triangles whether the field is not negative there.
    """
    field = _snapped(patch.faces, field)
    inside = field >= 0
    count = inside[patch.faces].sum(1)
    one = _turned(patch.faces[count == 1], inside, alone=True)
    two = _turned(patch.faces[count == 2], inside, alone=False)
    size = len(patch.vertices)
    # edges that are cut, each once: (inside, outside)
    pairs = torch.cat([one[:, [0, 1]], one[:, [0, 2]], two[:, [1, 0]], two[:, [2, 0]]])
    keys, place = (pairs[:, 0] * size + pairs[:, 1]).unique(return_inverse=True)
    start, end = keys // size, keys % size
    place = torch.where(field[start] == 0, start, torch.arange(len(keys)) + size)[place]
    n, m = len(one), len(two)
    a, b = place[:n], place[n : 2 * n]
    c, d = place[2 * n : 2 * n + m], place[2 * n + m :]
    groups = [
        (patch.faces[count == 3], True),
        (torch.stack([one[:, 0], a, b], 1), True),
        (torch.stack([c, two[:, 1], two[:, 2]], 1), True),
        (torch.stack([c, two[:, 2], d], 1), True),
        (patch.faces[count == 0], False),
        (torch.stack([a, one[:, 1], one[:, 2]], 1), False),
        (torch.stack([a, one[:, 2], b], 1), False),
        (torch.stack([two[:, 0], c, d], 1), False),
    ]
    faces = torch.cat([group for group, _ in groups])
    kept = torch.cat([torch.full((len(group),), side) for group, side in groups])
    proper = (faces != faces.roll(1, 1)).all(1)  # not where the line runs through a corner
    t = (field[start] / (field[start] - field[end])).clamp(0, 1)[:, None]

    def mixed(values: Tensor) -> Tensor:
        return torch.cat([values, torch.lerp(values[start], values[end], t)])

    new = torch.full_like(start, 0 if tag is None else tag)
    old = patch.tag
    if tag is not None:
        old = torch.where((field == 0) & (old == 0), torch.full_like(old, tag), old)
    anchor = torch.where(t[:, 0] < 0.5, patch.anchor[start], patch.anchor[end])
    out = Patch(
        mixed(patch.vertices), mixed(patch.weights), mixed(patch.fields), torch.cat([old, new]),
        torch.cat([patch.anchor, anchor]), faces[proper],
    )
    return out.compact(), kept[proper]


def _snapped(faces: Tensor, field: Tensor) -> Tensor:
    """The field, zero at corners that the cut passes by a hair (no slivers)."""
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = torch.cat([edges, edges.flip(1)])
    start, end = field[edges[:, 0]], field[edges[:, 1]]
    near = (start * end < 0) & (start.abs() < _SNAP * (start - end).abs())
    snapped = field.clone()
    snapped[edges[near, 0]] = 0.0
    return snapped


def _turned(faces: Tensor, inside: Tensor, alone: bool) -> Tensor:
    """Triangles, rolled until the corner that differs from the two others comes first."""
    which = (inside[faces] == alone).to(torch.uint8).argmax(1)
    roll = (torch.arange(3)[None] + which[:, None]) % 3
    return faces.gather(1, roll)


def boundary(faces: Int[Tensor, "F 3"]) -> Int[Tensor, "E 2"]:
    """Edges of one triangle only, in the direction in which that triangle runs."""
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    size = int(faces.max()) + 1 if len(faces) else 1
    keys = edges.amin(1) * size + edges.amax(1)
    _, place, count = keys.unique(return_inverse=True, return_counts=True)
    return edges[count[place] == 1]


def joined(patches: list[Patch]) -> Patch:
    """Several patches as one, not sewn together."""
    starts = torch.tensor([0] + [len(p.vertices) for p in patches]).cumsum(0)
    return Patch(
        torch.cat([p.vertices for p in patches]), torch.cat([p.weights for p in patches]),
        torch.cat([p.fields for p in patches]), torch.cat([p.tag for p in patches]),
        torch.cat([p.anchor for p in patches]),
        torch.cat([p.faces + s for p, s in zip(patches, starts, strict=False)]),
    )


def rimmed(patch: Patch, thickness: float, open_edges: Bool[Tensor, "E"] | None = None) -> Patch:  # noqa: F821
    """A patch with its open edges turned in by a cloth's thickness.

    Args:
        patch: what is hemmed.
        thickness: metres.
        open_edges: which edges of :func:`boundary` are hemmed; all unless given.
    """
    edges = boundary(patch.faces)
    if open_edges is not None:
        edges = edges[open_edges]
    corner, edges = edges.unique(return_inverse=True)
    edges = edges.reshape(-1, 2)
    inner = edges + len(patch.vertices)
    old = corner[edges]
    band = torch.cat([
        torch.stack([old[:, 1], old[:, 0], inner[:, 0]], 1),
        torch.stack([old[:, 1], inner[:, 0], inner[:, 1]], 1),
    ])
    turned = patch.vertices[corner] - thickness * F.normalize(patch.normals[corner], dim=1)
    return Patch(
        torch.cat([patch.vertices, turned]),
        torch.cat([patch.weights, patch.weights[corner]]),
        torch.cat([patch.fields, patch.fields[corner]]),
        torch.cat([patch.tag, patch.tag[corner]]),
        torch.cat([patch.anchor, patch.anchor[corner]]),
        torch.cat([patch.faces, band]),
    )
