"""Exact correspondences: where the surface point behind a pixel is seen in another picture.

From the triangle and the place in it behind every pixel centre, and from a depth test in
the other picture. Between frames of a view this is optical flow, between views disparity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.render import Fragments, project_points, rasterize_pixels
from muybridge.render.fragments import blend_corners
from muybridge.render.rasterizer import Backend
from muybridge.synthetic.figure import PosedFigure
from muybridge.synthetic.shadow import facing_triangles

Picture = tuple[int, int]
"""View and frame."""
_TOLERANCE = 0.012
"""Metres that a point may lie behind what the other camera sees there."""


@dataclass(frozen=True)
class Flow:
    """Where the pixels of ``P`` pictures are in ``P`` others.

    Attributes:
        flow: x (right) and y (down) to the same surface point there, pixels; 0 off the person.
        visible: True where the point is seen there too (in the picture, nothing before it).
        person: True where the pixel's centre lies on the person.
    """

    flow: Float[Tensor, "P 2 H W"]
    visible: Bool[Tensor, "P H W"]
    person: Bool[Tensor, "P H W"]


@torch.no_grad()
def correspond(
    posed: PosedFigure,
    cameras: Cameras,
    pairs: Sequence[tuple[Picture, Picture]],
    *,
    backend: Backend = "auto",
) -> Flow:
    """Correspondences of pairs of pictures of one person.

    Args:
        posed: the person; ``cameras``: as many frames.
        pairs: from (view, frame) to (view, frame).
        backend: of :func:`muybridge.render.rasterize`.

    Raises:
        InputError: a picture that there is none of, or cameras of another length.
    """
    if cameras.frames != posed.frames:
        raise InputError(
            "cameras", "frames", f"{cameras.frames} for a person of {posed.frames}",
            "give one camera pose for every frame",
        )
    for view, frame in (picture for pair in pairs for picture in pair):
        if not (0 <= view < cameras.views and 0 <= frame < cameras.frames):
            raise InputError(
                "flow", "pairs", f"there is no picture of view {view}, frame {frame}",
                f"give views below {cameras.views} and frames below {cameras.frames}",
            )
    device, H, W = posed.vertices.device, cameras.height, cameras.width
    flow = torch.zeros(len(pairs), 2, H, W, device=device)
    visible = torch.zeros(len(pairs), H, W, dtype=torch.bool, device=device)
    person = torch.zeros_like(visible)
    seen: dict[Picture, _Seen] = {}
    for k, (source, target) in enumerate(pairs):
        needed = {source, target}
        seen = {key: value for key, value in seen.items() if key in needed}
        for picture in needed - seen.keys():
            seen[picture] = _look(posed, cameras, picture, backend)
        _match(posed, cameras, seen[source], seen[target], flow[k], visible[k], person[k])
    return Flow(flow, visible, person)


@dataclass(frozen=True)
class _Seen:
    """One picture: corners of all triangles in pixels, and what each pixel shows."""

    place: Tensor
    triangle: Tensor
    fragments: Fragments


def _look(posed: PosedFigure, cameras: Cameras, picture: Picture, backend: Backend) -> _Seen:
    view, frame = picture
    vertices, surface = posed.vertices[frame], posed.surface
    K, T = cameras.K[view, frame].to(vertices), cameras.T_cam_world[view, frame].to(vertices)
    place = project_points(vertices[None], K[None], T[None])[0]
    keep = facing_triangles(place, surface)
    fragments = rasterize_pixels(
        place[None], surface.faces[keep], cameras.height, cameras.width, backend=backend
    )
    flat = fragments.triangle.reshape(-1)
    triangle = torch.where(flat >= 0, keep[flat.clamp(min=0)], -1)
    return _Seen(place, triangle, fragments)


def _match(
    posed: PosedFigure, cameras: Cameras, source: _Seen, target: _Seen,
    flow: Tensor, visible: Tensor, person: Tensor,
) -> None:
    """Writes flow [2, H, W] and the two masks [H, W] of one pair."""
    H, W = cameras.height, cameras.width
    pixel = (source.triangle >= 0).nonzero().squeeze(1)
    weights = source.fragments.barycentric.reshape(-1, 3)[pixel]
    triangle = source.triangle[pixel]
    corner = posed.surface.faces
    x, y, z = _project(target, corner, triangle, weights).unbind(1)
    own_x, own_y = pixel % W + 0.5, pixel.div(W, rounding_mode="floor") + 0.5
    flow.view(2, -1)[:, pixel] = torch.stack([x - own_x, y - own_y]).float()
    person.view(-1)[pixel] = True
    inside = (x > 0) & (y > 0) & (x < W) & (y < H) & (z > 0)
    depth = target.fragments.depth.reshape(-1)
    column, row = (x - 0.5).floor(), (y - 0.5).floor()
    clear = torch.zeros_like(inside)
    for dy in (0, 1):
        for dx in (0, 1):
            i = (column + dx).clamp(0, W - 1).long()
            j = (row + dy).clamp(0, H - 1).long()
            there = depth[j * W + i]
            clear |= (there > 0) & ((z - there).abs() < _TOLERANCE)
    same = _facing(target, corner, triangle) | posed.surface.two_sided[triangle]
    visible.view(-1)[pixel] = inside & clear & same


def _project(target: _Seen, faces: Tensor, triangle: Tensor, weights: Tensor) -> Tensor:
    """Pixel x, y and z of surface points in the other picture.

    A point of a triangle is blended before it is divided by its depth.
    """
    homogeneous = torch.cat(
        [target.place[:, :2] * target.place[:, 2:], target.place[:, 2:]], 1
    )
    picture = torch.zeros_like(triangle)
    at = blend_corners(faces, homogeneous, picture, triangle, weights)
    z = torch.where(at[:, 2:] > 0, at[:, 2:], torch.ones_like(at[:, 2:]))
    return torch.cat([at[:, :2] / z, at[:, 2:]], 1)


def _facing(target: _Seen, faces: Tensor, triangle: Tensor) -> Tensor:
    """Which triangles turn their front to the camera."""
    a, b, c = (target.place[faces[triangle, k], :2] for k in range(3))
    p, q = b - a, c - a
    return p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0] < 0
