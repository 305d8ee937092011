"""Maps of a posed body as each camera sees it: normals, depth, parts, texture coordinates.

All of them work on whatever frames they are given; for a long motion give slices.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from muybridge.body.types import Part, PosedBody
from muybridge.camera.types import Cameras
from muybridge.render.fragments import Fragments, interpolate
from muybridge.render.rasterizer import Backend, rasterize
from muybridge.render.surface import vertex_normals

NormalFrame = Literal["reimagine", "gas", "hvg"]


class NormalColours(NamedTuple):
    """How one family of checkpoints paints normals.

    Attributes:
        world: whether the normals are the world's (else those of the OpenCV camera).
        matrix: rows R, G, B; ``colour = 0.5 + 0.5 * matrix @ normal``.
        ground: value of the three channels where there is no body.
    """

    world: bool
    matrix: tuple[tuple[float, float, float], ...]
    ground: float


NORMAL_FRAMES: dict[NormalFrame, NormalColours] = {
    # Fixed to the world: red up, green to the subject's right, blue to the front; on white.
    "reimagine": NormalColours(True, ((0, 1, 0), (-1, 0, 0), (0, 0, 1)), 1.0),
    # Fixed to the camera: red right, green up, blue towards the camera; on black.
    "gas": NormalColours(False, ((1, 0, 0), (0, -1, 0), (0, 0, -1)), 0.0),
    # The OpenCV camera's normals as they are; on black.
    "hvg": NormalColours(False, ((1, 0, 0), (0, 1, 0), (0, 0, 1)), 0.0),
}

PART_COLOURS: dict[Part, tuple[int, int, int]] = {
    Part.NONE: (0, 0, 0),
    Part.HEAD: (244, 204, 130),
    Part.NECK: (214, 158, 92),
    Part.TORSO: (86, 128, 214),
    Part.HIPS: (120, 86, 190),
    Part.LEFT_UPPER_ARM: (94, 190, 108),
    Part.RIGHT_UPPER_ARM: (222, 92, 92),
    Part.LEFT_FOREARM: (150, 216, 122),
    Part.RIGHT_FOREARM: (240, 136, 118),
    Part.LEFT_HAND: (206, 240, 150),
    Part.RIGHT_HAND: (250, 186, 158),
    Part.LEFT_THIGH: (44, 150, 150),
    Part.RIGHT_THIGH: (196, 70, 150),
    Part.LEFT_CALF: (82, 192, 188),
    Part.RIGHT_CALF: (222, 112, 184),
    Part.LEFT_FOOT: (148, 226, 218),
    Part.RIGHT_FOOT: (240, 166, 214),
}
"""sRGB of each part: one hue per limb, lighter towards its end."""


def body_fragments(posed: PosedBody, cameras: Cameras, backend: Backend = "auto") -> Fragments:
    """Rasterise every (view, frame), view by view: ``B = V * T``.

    Raises:
        ValueError: body and cameras have different numbers of frames.
    """
    views, frames = cameras.views, cameras.frames
    if posed.vertices.shape[0] != frames:
        raise ValueError(
            f"the body has {posed.vertices.shape[0]} frames and the cameras have {frames}"
        )
    vertices = posed.vertices.repeat(views, 1, 1)
    return rasterize(
        vertices, posed.mesh.faces, cameras.K.flatten(0, 1), cameras.T_cam_world.flatten(0, 1),
        cameras.height, cameras.width, backend=backend,
    )


def normal_map(
    posed: PosedBody, cameras: Cameras, frame: NormalFrame = "reimagine",
    *, backend: Backend = "auto",
) -> Float[Tensor, "V T 3 H W"]:
    """Smooth body normals as colours in [0, 1], not antialiased, as the checkpoints know them.

    Args:
        frame: ``"reimagine"``: the world's axes on white, ``(R, G, B) = .5 + .5 (y, -x, z)``;
            a person who turns changes colour (measured on the release's own maps).
            ``"gas"``: the camera's on black, ``(.5 + .5 x, .5 - .5 y, .5 - .5 z)`` in OpenCV
            axes (read from the release's Blender file). ``"hvg"``: the camera's on black,
            ``.5 + .5 (x, y, z)`` (the paper: "from world space to camera space").
    """
    if frame not in NORMAL_FRAMES:
        raise ValueError(f"no normal colours {frame!r}; there are {', '.join(NORMAL_FRAMES)}")
    colours = NORMAL_FRAMES[frame]
    fragments = body_fragments(posed, cameras, backend)
    normals = vertex_normals(posed.vertices, posed.mesh.faces)
    views, frames = cameras.views, cameras.frames
    matrix = normals.new_tensor(colours.matrix)
    if colours.world:
        painted = (normals @ matrix.T).repeat(views, 1, 1)
    else:
        R = cameras.T_cam_world[..., :3, :3].to(normals.dtype)
        turned = torch.einsum("ij,vtjk->vtik", matrix, R)
        painted = torch.einsum("vtik,tnk->vtni", turned, normals).flatten(0, 1)
    smooth = F.normalize(interpolate(fragments, posed.mesh.faces, painted), dim=-1)
    out = torch.where(fragments.mask[..., None], 0.5 + 0.5 * smooth, colours.ground)
    return _views(out, views, frames)


def depth_map(
    posed: PosedBody, cameras: Cameras, *, backend: Backend = "auto"
) -> Float[Tensor, "V T 1 H W"]:
    """z-depth in metres; 0 where there is no body."""
    fragments = body_fragments(posed, cameras, backend)
    return _views(fragments.depth[..., None], cameras.views, cameras.frames)


def part_map(
    posed: PosedBody, cameras: Cameras, *, backend: Backend = "auto"
) -> UInt8[Tensor, "V T 1 H W"]:
    """The :class:`~muybridge.body.Part` of each pixel, that of the nearest vertex; 0: ground."""
    fragments = body_fragments(posed, cameras, backend)
    corner = fragments.barycentric.argmax(-1)
    triangle = fragments.triangle.clamp(min=0)
    part = posed.mesh.parts[posed.mesh.faces[triangle, corner]]
    part = torch.where(fragments.mask, part, torch.zeros_like(part))
    return _views(part[..., None], cameras.views, cameras.frames)


def part_colors(parts: UInt8[Tensor, "*S 1 H W"]) -> Float[Tensor, "*S 3 H W"]:
    """A part map in :data:`PART_COLOURS`, for the eye."""
    table = torch.tensor([PART_COLOURS[part] for part in Part], device=parts.device) / 255
    return table[parts.long().squeeze(-3)].movedim(-1, -3)


def uv_map(
    posed: PosedBody, cameras: Cameras, *, backend: Backend = "auto"
) -> Float[Tensor, "V T 3 H W"]:
    """Texture coordinates u, v in [0, 1], and 1 in the third channel where there is a body."""
    fragments = body_fragments(posed, cameras, backend)
    uv1 = F.pad(posed.mesh.uv, (0, 1), value=1.0)
    out = interpolate(fragments, posed.mesh.faces_uv, uv1.to(fragments.barycentric.dtype))
    out[..., 2] = fragments.mask
    return _views(out, cameras.views, cameras.frames)


def depth_shades(
    distance: Float[Tensor, "V T 1 H W"], pelvis: Float[Tensor, "V T"], reach: float = 1.2
) -> Float[Tensor, "V T 3 H W"]:
    """Depth as grey: nearer is lighter, the pelvis' distance is 0.5, the ground is 0.

    Args:
        distance: metres; 0 where there is nothing.
        pelvis: the pelvis' distance in the same sense, metres.
        reach: metres from the pelvis to white.
    """
    value = 0.5 + (pelvis[..., None, None, None] - distance) / (2 * reach)
    value = torch.where(distance > 0, value.clamp(0, 1), torch.zeros_like(value))
    return value.expand(-1, -1, 3, -1, -1)


def _views(pixels: Tensor, views: int, frames: int) -> Tensor:
    """[V*T, H, W, C] -> [V, T, C, H, W]."""
    return pixels.movedim(-1, 1).unflatten(0, (views, frames)).contiguous()
