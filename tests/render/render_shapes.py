"""Small meshes and cameras for the tests of `render`."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from muybridge.camera.types import Cameras


def uv_sphere(rings: int = 24, segments: int = 32) -> tuple[Tensor, Tensor]:
    """A closed unit sphere: vertices [N, 3] float64 and faces counter-clockwise from outside."""
    polar = torch.linspace(0, math.pi, rings + 1, dtype=torch.float64)[1:-1]
    around = torch.arange(segments, dtype=torch.float64) * (2 * math.pi / segments)
    ring = torch.stack([around.sin(), torch.zeros_like(around), around.cos()], 1)
    axis = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    body = [a.sin() * ring + a.cos() * axis for a in polar]
    vertices = torch.cat([axis[None], *body, -axis[None]])
    i = torch.arange(segments)
    j = (i + 1) % segments
    faces = [torch.stack([torch.zeros_like(i), 1 + i, 1 + j], 1)]
    for k in range(rings - 2):
        a, b = 1 + k * segments, 1 + (k + 1) * segments
        faces += [torch.stack([a + i, b + i, b + j], 1), torch.stack([a + i, b + j, a + j], 1)]
    a = 1 + (rings - 2) * segments
    faces.append(torch.stack([a + i, torch.full_like(i, a + segments), a + j], 1))
    return vertices, torch.cat(faces)


def icosphere(subdivisions: int) -> tuple[Tensor, Tensor]:
    """A unit sphere of 20 * 4**subdivisions triangles of about equal size."""
    g = (1 + 5**0.5) / 2
    vertices = torch.tensor(
        [[-1, g, 0], [1, g, 0], [-1, -g, 0], [1, -g, 0], [0, -1, g], [0, 1, g],
         [0, -1, -g], [0, 1, -g], [g, 0, -1], [g, 0, 1], [-g, 0, -1], [-g, 0, 1]],
        dtype=torch.float64,
    )
    faces = torch.tensor(
        [[0, 11, 5], [0, 5, 1], [0, 1, 7], [0, 7, 10], [0, 10, 11], [1, 5, 9], [5, 11, 4],
         [11, 10, 2], [10, 7, 6], [7, 1, 8], [3, 9, 4], [3, 4, 2], [3, 2, 6], [3, 6, 8],
         [3, 8, 9], [4, 9, 5], [2, 4, 11], [6, 2, 10], [8, 6, 7], [9, 8, 1]]
    )
    for _ in range(subdivisions):
        edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        unique, index = edges.sort(dim=1).values.unique(dim=0, return_inverse=True)
        middle = index + len(vertices)
        vertices = torch.cat([vertices, vertices[unique].mean(1)])
        a, b, c = middle.split(len(faces))
        faces = torch.cat([
            torch.stack([faces[:, 0], a, c], 1), torch.stack([faces[:, 1], b, a], 1),
            torch.stack([faces[:, 2], c, b], 1), torch.stack([a, b, c], 1),
        ])
    return torch.nn.functional.normalize(vertices, dim=1), faces


def camera(
    azimuth: float = 0.0, distance: float = 3.0, size: int = 128, focal: float = 1.2,
    height: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """K and world-to-camera (float64) of a camera that looks at the origin, level.

    ``azimuth`` in degrees: 0 in front (+Z), 90 at the subject's right (-X). ``focal`` in
    picture heights.
    """
    a = math.radians(azimuth)
    eye = torch.tensor([-math.sin(a) * distance, height, math.cos(a) * distance]).double()
    forward = torch.nn.functional.normalize(-eye, dim=0)
    right = torch.linalg.cross(forward, torch.tensor([0.0, 1.0, 0.0]).double())
    right = torch.nn.functional.normalize(right, dim=0)
    T = torch.eye(4, dtype=torch.float64)
    T[:3, :3] = torch.stack([right, torch.linalg.cross(forward, right), forward])
    T[:3, 3] = -T[:3, :3] @ eye
    f = focal * size
    K = torch.tensor([[f, 0, size / 2], [0, f, size / 2], [0, 0, 1]], dtype=torch.float64)
    return K, T


def ray_cast(
    vertices: Tensor, faces: Tensor, K: Tensor, T: Tensor, pixels: Tensor, cull: bool
) -> tuple[Tensor, Tensor]:
    """Brute force in float64: every ray against every triangle, by scalar triple products.

    Args:
        pixels: [P, 2] column and row.

    Returns:
        Nearest triangle [P] (-1 none) and its z.
    """
    cam = vertices.double() @ T[:3, :3].T.double() + T[:3, 3].double()
    a, b, c = (cam[faces[:, k]] for k in range(3))
    normal = torch.linalg.cross(b - a, c - a)
    offset = (normal * a).sum(1)
    # The camera, at the origin, lies outside of a triangle that faces it: n.(0 - a) > 0.
    index = (offset < 0).nonzero()[:, 0] if cull else torch.arange(len(faces))
    a, b, c, normal, offset = (x[index] for x in (a, b, c, normal, offset))
    sides = [torch.linalg.cross(p, q) for p, q in ((b, c), (c, a), (a, b))]
    out_id, out_z = [], []
    for block in pixels.split(100):
        uv1 = torch.cat([block.double() + 0.5, torch.ones(len(block), 1).double()], 1)
        ray = uv1 @ torch.linalg.inv(K.double()).T
        s = [ray @ side.T for side in sides]
        inside = (s[0] >= 0) & (s[1] >= 0) & (s[2] >= 0)
        if cull:
            inside = (s[0] <= 0) & (s[1] <= 0) & (s[2] <= 0)
        else:
            inside |= (s[0] <= 0) & (s[1] <= 0) & (s[2] <= 0)
        z = offset / (ray @ normal.T)
        z = torch.where(inside & (z > 0), z, torch.inf)
        nearest, which = z.min(1)
        hit = nearest < torch.inf
        out_id.append(torch.where(hit, index[which], -1))
        out_z.append(torch.where(hit, nearest, 0.0))
    return torch.cat(out_id), torch.cat(out_z)


def edge_distance(
    vertices: Tensor, faces: Tensor, K: Tensor, T: Tensor, pixels: Tensor, triangle: Tensor
) -> Tensor:
    """Distance in pixels of each pixel's centre from the nearest edge of its triangle."""
    cam = vertices.double() @ T[:3, :3].T.double() + T[:3, 3].double()
    uvw = cam @ K.T.double()
    xy = uvw[:, :2] / uvw[:, 2:]
    corner = xy[faces[triangle.clamp(min=0)]]
    p = pixels.double() + 0.5
    best = torch.full((len(p),), torch.inf, dtype=torch.float64)
    for k in range(3):
        a, b = corner[:, k], corner[:, (k + 1) % 3]
        t = (((p - a) * (b - a)).sum(1) / ((b - a) ** 2).sum(1).clamp(min=1e-30)).clamp(0, 1)
        best = torch.minimum(best, (p - a - t[:, None] * (b - a)).norm(dim=1))
    return torch.where(triangle >= 0, best, torch.inf)


def rig(joints: Tensor, size: int, views: int) -> Cameras:
    """Cameras on a circle around the middle of the joints."""
    middle = (joints.amin((0, 1)) + joints.amax((0, 1))) / 2
    K, T = zip(*(camera(60.0 * v + 10, 3.2, size, 1.3) for v in range(views)), strict=True)
    frames = joints.shape[0]
    T_all = torch.stack(T)
    T_all[:, :3, 3] -= (T_all[:, :3, :3] @ middle.double())
    return Cameras(
        torch.stack(K).float()[:, None].expand(-1, frames, -1, -1).contiguous(),
        T_all.float()[:, None].expand(-1, frames, -1, -1).contiguous(), size, size,
    )
