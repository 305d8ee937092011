"""Drawing the person: colour and coverage of every view and frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body import Mesh
from muybridge.camera import Cameras
from muybridge.render import Lighting, Texture, render_textured

_PASS_PIXELS = 1 << 22
"""Pixels that are drawn at once; bounds the memory of a piece with many views."""


@dataclass(frozen=True)
class RelativeLight(Lighting):
    """A soft light from above, as a ratio to the light that the photo already holds.

    The texture shows the person as the photo did. Brightness is 1 where the surface tilts
    as it did there, a little more where it has turned upwards since, less where downwards.

    Attributes:
        reference_up: upward component of each vertex' normal when the photo was taken.
    """

    strength: float = 0.16
    reference_up: Float[Tensor, "N"] = field(default_factory=lambda: torch.zeros(1))  # noqa: F821

    def shade(self, normals: Float[Tensor, "B N 3"]) -> Float[Tensor, "B N"]:
        """Brightness at the vertices."""
        up = normals[..., 1]
        ratio = (1 + self.strength * up) / (1 + self.strength * self.reference_up)
        return ratio.clamp(0.8, 1.2)


def draw(
    vertices: Float[Tensor, "T N 3"],
    mesh: Mesh,
    texture: Texture,
    light: Lighting,
    cameras: Cameras,
) -> tuple[Float[Tensor, "V T 3 H W"], Float[Tensor, "V T 1 H W"]]:
    """The body in every view and frame.

    Returns:
        Colours premultiplied by coverage, and coverage, both in [0, 1].
    """
    views, frames = cameras.views, cameras.frames
    height, width = cameras.height, cameras.width
    K = cameras.K.reshape(-1, 3, 3)
    T_cam_world = cameras.T_cam_world.reshape(-1, 4, 4)
    frame_of = torch.arange(frames).repeat(views)
    step = max(1, _PASS_PIXELS // (height * width))
    colors, covers = [], []
    for first in range(0, len(K), step):
        part = slice(first, first + step)
        color, cover = render_textured(
            vertices[frame_of[part]], mesh, texture, K[part], T_cam_world[part],
            height, width, shading=light,
        )
        colors.append(color)
        covers.append(cover)
    shape = (views, frames, -1, height, width)
    return torch.cat(colors).reshape(shape), torch.cat(covers).reshape(shape)
