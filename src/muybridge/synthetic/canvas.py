"""The naked body in its bind pose, measured out for tailors and painters.

Garments are cut and skin is painted on it: positions, normals, how far along a limb a
vertex lies, and where in space each texel of the body's atlas is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.body import ShapedBody
from muybridge.render import interpolate, rasterize_pixels, vertex_normals

LIMBS: dict[str, tuple[str, ...]] = {
    f"{side}_{limb}": tuple(f"{bone}.{s}" for bone in bones)
    for side, s in (("left", "L"), ("right", "R"))
    for limb, bones in (
        ("arm", ("upperarm01", "lowerarm01", "wrist")),
        ("leg", ("upperleg01", "lowerleg01", "foot")),
    )
}
"""The bones at whose heads shoulder, elbow, wrist and hip, knee, ankle lie."""
_STARTS = {
    "arm": ("upperarm", "lowerarm", "wrist", "metacarpal", "finger"),
    "leg": ("upperleg", "lowerleg", "foot", "toe"),
    "hand": ("wrist", "metacarpal", "finger"),
    "foot": ("foot", "toe"),
    "head": ("head", "neck02", "neck03", "eye"),
    "eye": ("eye",),
}


@dataclass(frozen=True)
class Texels:
    """The texels of the atlas that lie on the body.

    Attributes:
        index: flat number of each in the ``size x size`` texture.
        position: in the bind pose, metres.
        normal: unit.
        triangle, weights: which triangle of the body, and where in it.
        size: of the texture.
    """

    index: Int[Tensor, "P"]  # noqa: F821
    position: Float[Tensor, "P 3"]
    normal: Float[Tensor, "P 3"]
    triangle: Int[Tensor, "P"]  # noqa: F821
    weights: Float[Tensor, "P 3"]
    size: int

    def spread(
        self, values: Float[Tensor, "P C"], fill: float = 0.0
    ) -> Float[Tensor, "S S C"]:
        """Values of the texels as a texture; ``fill`` elsewhere."""
        out = values.new_full((self.size * self.size, values.shape[1]), fill)
        out[self.index] = values
        return out.reshape(self.size, self.size, values.shape[1])


@dataclass(frozen=True)
class LimbPlace:
    """Where the vertices lie along one arm or leg.

    Attributes:
        distance: along its bones from shoulder or hip, metres (0 before, the whole
            length at and beyond wrist or ankle's next joint).
        upper: length of upper arm or thigh, metres. ``lower``: of forearm or shank.
        share: how far the vertex is moved by this limb's bones, 0..1.
        axis: nearest point on the limb's bones, metres.
    """

    distance: Float[Tensor, "N"]  # noqa: F821
    upper: float
    lower: float
    share: Float[Tensor, "N"]  # noqa: F821
    axis: Float[Tensor, "N 3"]


class Canvas:
    """A body of one shape, in its bind pose.

    Args:
        body: of the built-in model (the bones are found by its names).
    """

    def __init__(self, body: ShapedBody) -> None:
        self.body = body
        self.vertices: Float[Tensor, "N 3"] = body.bind_vertices
        self.faces: Int[Tensor, "F 3"] = body.mesh.faces
        self.scale: float = float(self.vertices[:, 1].max() - self.vertices[:, 1].min()) / 1.75
        """Of lengths, against a person of 1.75 m."""

    @cached_property
    def normals(self) -> Float[Tensor, "N 3"]:
        """Unit vertex normals."""
        return vertex_normals(self.vertices[None], self.faces)[0]

    @cached_property
    def neighbours(self) -> Tensor:
        """Sparse ``[N, N]``: times a field, it gives the mean over each vertex' neighbours."""
        edges = torch.cat([self.faces[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))])
        number = len(self.vertices)
        key = torch.cat([edges, edges.flip(1)]) @ torch.tensor([number, 1])
        key = key.unique()
        edges = torch.stack([key // number, key % number], 1)
        count = torch.bincount(edges[:, 0], minlength=number)
        values = 1 / count[edges[:, 0]].float()
        size = (number, number)
        return torch.sparse_coo_tensor(edges.T, values, size, check_invariants=False).coalesce()

    def smoothed(self, field: Float[Tensor, "N C"], steps: int) -> Float[Tensor, "N C"]:
        """A field averaged with its neighbours, ``steps`` times."""
        for _ in range(steps):
            field = 0.5 * field + 0.5 * torch.sparse.mm(self.neighbours, field)
        return field

    def head_of(self, bone: str) -> Float[Tensor, "3"]:
        """Where a bone begins in the bind pose, metres."""
        return self.body.bind_heads[self.body.rig.bones.index(bone)]

    def share_of(self, region: str, side: str = "") -> Float[Tensor, "N"]:  # noqa: F821
        """How far each vertex is moved by the bones of a region, 0..1.

        Args:
            region: ``arm``, ``leg``, ``hand``, ``foot``, ``head`` or ``eye``.
            side: ``left``, ``right``, or both where empty.
        """
        ending = {"left": ".L", "right": ".R", "": ""}[side]
        chosen = [
            number for number, bone in enumerate(self.body.rig.bones)
            if bone.startswith(_STARTS[region]) and bone.endswith(ending)
        ]
        return self.body.rig.weights[:, chosen].sum(1)

    @cached_property
    def limbs(self) -> dict[str, LimbPlace]:
        """``left_arm``, ``right_arm``, ``left_leg``, ``right_leg``."""
        return {name: self._limb(name, bones) for name, bones in LIMBS.items()}

    def _limb(self, name: str, bones: tuple[str, ...]) -> LimbPlace:
        side, kind = name.split("_")
        a, b, c = (self.head_of(bone) for bone in bones)
        end = self.head_of(("finger3-1" if kind == "arm" else "toe3-1") + bones[0][-2:])
        distance = torch.zeros(len(self.vertices))
        axis = a.expand_as(self.vertices).clone()
        for first, second in ((a, b), (b, c), (c, end)):
            step = second - first
            along = ((self.vertices - first) @ step / step.square().sum()).clamp(0, 1)
            distance = distance + along * step.norm()
            axis = axis + along[:, None] * step
        share = self.share_of(kind, side)
        return LimbPlace(distance, float((b - a).norm()), float((c - b).norm()), share, axis)

    def texels(self, size: int) -> Texels:
        """Where the texels of a ``size x size`` atlas lie on the body."""
        mesh = self.body.mesh
        place = F.pad(mesh.uv * size, (0, 1), value=1.0)
        seen = rasterize_pixels(place[None], mesh.faces_uv, size, size, cull=False)
        index = seen.mask.reshape(-1).nonzero().squeeze(1)
        fields = torch.cat([self.vertices, self.normals], 1)
        at = interpolate(seen, mesh.faces, fields).reshape(-1, 6)[index]
        return Texels(
            index, at[:, :3], F.normalize(at[:, 3:], dim=1),
            seen.triangle.reshape(-1)[index], seen.barycentric.reshape(-1, 3)[index], size,
        )
