"""What the rasteriser yields: for every pixel the nearest triangle and where in it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Fragments:
    """The nearest surface point behind every pixel centre of ``B`` pictures.

    Attributes:
        triangle: index into ``faces`` of the nearest triangle; -1 where there is none.
        barycentric: perspective-correct weights of its three corners; 0 where none.
        depth: z in the camera's axes (metres for world input); 0 where none.
    """

    triangle: Int[Tensor, "B H W"]
    barycentric: Float[Tensor, "B H W 3"]
    depth: Float[Tensor, "B H W"]

    @property
    def mask(self) -> Bool[Tensor, "B H W"]:
        """True where a triangle was hit."""
        return self.triangle >= 0


def interpolate(
    fragments: Fragments,
    faces: Int[Tensor, "F 3"] | Int[Tensor, "B F 3"],
    attributes: Float[Tensor, "N C"] | Float[Tensor, "B N C"],
) -> Float[Tensor, "B H W C"]:
    """Spread attributes of the corners over the pixels.

    Args:
        fragments: what :func:`rasterize` returned.
        faces: rows of ``attributes`` at each triangle's corners: the faces that were
            rasterised, or others of the same length (``faces_uv`` for texture coordinates).
        attributes: values to blend, one set for all pictures or one for each.

    Returns:
        The blended values; 0 where no triangle was hit. Differentiable in ``attributes``.
    """
    batch, height, width = fragments.triangle.shape
    flat = fragments.triangle.reshape(-1)
    pixels = (flat >= 0).nonzero().squeeze(1)
    picture = pixels.div(height * width, rounding_mode="floor")
    weights = fragments.barycentric.reshape(-1, 3)[pixels]
    values = blend_corners(faces, attributes, picture, flat[pixels], weights)
    out = values.new_zeros(batch * height * width, attributes.shape[-1])
    return out.index_put((pixels,), values).reshape(batch, height, width, -1)


def blend_corners(
    faces: Int[Tensor, "F 3"] | Int[Tensor, "B F 3"],
    attributes: Float[Tensor, "N C"] | Float[Tensor, "B N C"],
    picture: Int[Tensor, "P"],  # noqa: F821
    triangle: Int[Tensor, "P"],  # noqa: F821
    weights: Float[Tensor, "P 3"],
) -> Float[Tensor, "P C"]:
    """Attributes at ``P`` points, each in one triangle of one picture."""
    if faces.ndim == 3:
        corners = faces.reshape(-1, 3)[picture * faces.shape[1] + triangle]
    else:
        corners = faces[triangle]
    if attributes.ndim == 3:
        corners = corners + (picture * attributes.shape[1])[:, None]
        attributes = attributes.reshape(-1, attributes.shape[-1])
    weights = weights.to(attributes.dtype)
    total = attributes[corners[:, 0]] * weights[:, :1]
    total = torch.addcmul(total, attributes[corners[:, 1]], weights[:, 1:2])
    return torch.addcmul(total, attributes[corners[:, 2]], weights[:, 2:])
