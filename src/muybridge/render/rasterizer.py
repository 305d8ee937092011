"""Which triangle does each pixel see? For batches of meshes and of cameras.

Two backends answer alike: plain torch on any device (:mod:`~muybridge.render.scanline`) and,
where numba is installed and the tensors lie on the CPU, compiled loops
(:mod:`~muybridge.render.compiled`).
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.render import compiled
from muybridge.render.fragments import Fragments
from muybridge.render.scanline import rasterize_group

Backend = Literal["auto", "torch", "numba"]

NEAR = 0.01
"""Nearest z that is drawn, metres."""
_GROUP_PIXELS = 1 << 20
_GROUP_TRIANGLES = 1 << 18


def rasterize(
    vertices: Float[Tensor, "B N 3"],
    faces: Int[Tensor, "F 3"] | Int[Tensor, "B F 3"],
    K: Float[Tensor, "B 3 3"],
    T_cam_world: Float[Tensor, "B 4 4"],
    height: int,
    width: int,
    *,
    cull: bool = True,
    near: float = NEAR,
    backend: Backend = "auto",
) -> Fragments:
    """Rasterise ``B`` meshes, each seen by its own camera.

    Args:
        vertices: corners in the world, metres; ``expand`` one mesh to show it to many cameras.
        faces: corners of each triangle, counter-clockwise seen from outside.
        K: intrinsics, pixels. ``T_cam_world``: world-to-camera, OpenCV axes.
        height, width: size of the pictures, pixels; pixel centres lie at +0.5.
        cull: leave out triangles seen from behind.
        near: a triangle with a corner nearer than this (metres of z), or more than 2**24
            pixels off the picture, is dropped whole.
        backend: ``"torch"``, ``"numba"``, or ``"auto"``: numba where it is installed and the
            tensors lie on the CPU.

    Returns:
        The nearest triangle of every pixel; among equally near ones that of lowest index.
        Coverage is exact for corners snapped to 1/16384 pixel: a closed surface has neither
        cracks nor pixels drawn twice. No gradient flows into it.
    """
    pixel_xyz = project_points(vertices, K, T_cam_world)
    return rasterize_pixels(
        pixel_xyz, faces, height, width,
        cull=cull, near=near, backend=backend, dtype=vertices.dtype,
    )


@torch.no_grad()
def rasterize_pixels(
    pixel_xyz: Float[Tensor, "B N 3"],
    faces: Int[Tensor, "F 3"] | Int[Tensor, "B F 3"],
    height: int,
    width: int,
    *,
    cull: bool = False,
    near: float = NEAR,
    backend: Backend = "auto",
    dtype: torch.dtype | None = None,
) -> Fragments:
    """Rasterise triangles whose corners are given in pixels.

    To bake a texture, give ``(u * width, v * height, 1)``.

    Args:
        pixel_xyz: x (right) and y (down) in pixels, and z > 0 for visibility and perspective.
        cull: leave out triangles that run clockwise on the screen.
        dtype: of the result; that of ``pixel_xyz`` unless given.

    Other arguments and the result are those of :func:`rasterize`.
    """
    if height < 1 or width < 1:
        raise ValueError(f"a picture of {width} x {height} pixels can't be rasterised")
    dtype = dtype or pixel_xyz.dtype
    points, faces = pixel_xyz.detach().double(), faces.long()
    if uses_numba(backend, points):
        return Fragments(
            *compiled.rasterize_compiled(points, faces, height, width, cull, near, dtype)
        )
    batch, device = points.shape[0], points.device
    triangle = torch.full((batch, height, width), -1, dtype=torch.int64, device=device)
    barycentric = torch.zeros(batch, height, width, 3, dtype=dtype, device=device)
    depth = torch.zeros(batch, height, width, dtype=dtype, device=device)
    group = group_size(batch, height, width, faces.shape[-2])
    for b in range(0, batch, group):
        mesh = faces[b : b + group] if faces.ndim == 3 else faces
        hits = rasterize_group(points[b : b + group], mesh, height, width, cull, near)
        pixel = hits.pixel + b * height * width
        triangle.view(-1).index_copy_(0, pixel, hits.triangle)
        weights = torch.stack([w.to(dtype) for w in hits.weights], dim=1)
        barycentric.view(-1, 3).index_copy_(0, pixel, weights)
        depth.view(-1).index_copy_(0, pixel, hits.depth.to(dtype))
    return Fragments(triangle, barycentric, depth)


def project_points(
    points: Float[Tensor, "B N 3"], K: Float[Tensor, "B 3 3"], T_cam_world: Float[Tensor, "B 4 4"]
) -> Float[Tensor, "B N 3"]:
    """Pixel x, pixel y and z (metres) of world points, in float64.

    Points with z <= 0 come out with their z and without a meaningful pixel.
    """
    T = T_cam_world.double()
    cam = torch.baddbmm(T[:, None, :3, 3], points.double(), T[:, :3, :3].transpose(1, 2))
    pixel = cam @ K.double().transpose(1, 2)
    z = pixel[..., 2:]
    safe = torch.where(z > 0, z, torch.ones_like(z))
    return torch.cat([pixel[..., :2] / safe, cam[..., 2:]], dim=-1)


def group_size(batch: int, height: int, width: int, triangles: int) -> int:
    """How many pictures to work on at once, so that memory stays bounded."""
    by_pixels = _GROUP_PIXELS // max(height * width, 1)
    by_triangles = _GROUP_TRIANGLES // max(triangles, 1)
    return max(1, min(batch, by_pixels, by_triangles))


def uses_numba(backend: Backend, points: Tensor) -> bool:
    """Whether the compiled loops are to be used for these tensors."""
    if backend == "auto":
        return points.device.type == "cpu" and compiled.available()
    if backend == "numba":
        if points.device.type != "cpu":
            raise ValueError(f"the numba backend needs tensors on the CPU, not {points.device}")
        if not compiled.available():
            raise ValueError("the numba backend needs numba: install muybridge[fast]")
        return True
    if backend != "torch":
        raise ValueError(f"no rasteriser backend {backend!r}; there are auto, torch, numba")
    return False
