"""Rays of a picture, and the stretch of each ray along which a body can be met."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

BOX_MARGIN, BOX_SLACK = 0.05, 0.01
"""What the release adds around the vertices' box, and once more for the rays, metres."""
_NEAR = 0.05
_BANDS = 4
"""Vertices are drawn in so many sizes."""


def pixel_rays(
    K: Float[Tensor, "3 3"], T_cam_world: Float[Tensor, "4 4"], height: int, width: int
) -> tuple[Float[Tensor, "3"], Float[Tensor, "R 3"]]:
    """The camera's centre and the direction through every pixel's centre, in the world.

    Directions reach the plane one metre in front of the camera, so that a place at z-depth
    ``d`` is ``centre + d * direction``. Pixels run row by row.
    """
    v, u = torch.meshgrid(
        torch.arange(height, device=K.device) + 0.5, torch.arange(width, device=K.device) + 0.5,
        indexing="ij",
    )
    pixels = torch.stack([u, v, torch.ones_like(u)], -1).reshape(-1, 3)
    R, t = T_cam_world[:3, :3], T_cam_world[:3, 3]
    back = R.T @ torch.linalg.inv(K)
    return -R.T @ t, pixels @ back.T


def box_stretch(
    centre: Float[Tensor, "3"], directions: Float[Tensor, "R 3"], vertices: Float[Tensor, "N 3"]
) -> tuple[Float[Tensor, "R"], Float[Tensor, "R"], Bool[Tensor, "R"]]:
    """Near and far z-depth of the vertices' box, and which rays meet it, as the release does."""
    margin = BOX_MARGIN + BOX_SLACK
    low, high = vertices.amin(0) - margin, vertices.amax(0) + margin
    safe = torch.where(directions == 0, torch.full_like(directions, 1e-8), directions)
    a, b = (low - centre) / safe, (high - centre) / safe
    near = torch.minimum(a, b).amax(1).clamp(min=_NEAR)
    far = torch.maximum(a, b).amin(1)
    return near, far, far > near


def skin_stretch(
    K: Float[Tensor, "3 3"], T_cam_world: Float[Tensor, "4 4"], vertices: Float[Tensor, "N 3"],
    reach: Float[Tensor, "N"], height: int, width: int,
) -> tuple[Float[Tensor, "R"], Float[Tensor, "R"], Bool[Tensor, "R"]]:
    """Near and far z-depth of what lies within reach of the vertices, row by row of pixels.

    Each vertex is drawn as a square a little larger than a ball of its reach, on a coarse
    grid; the result is a little too long, never too short.

    Args:
        reach: of each vertex, metres.
    """
    X = vertices @ T_cam_world[:3, :3].T + T_cam_world[:3, 3]
    z = X[:, 2]
    ahead = z > _NEAR
    xy = (X @ K.T)[:, :2] / torch.where(ahead, z, 1.0)[:, None]
    most = float(reach.max())
    closest = float(torch.where(ahead, z, torch.inf).amin())
    per_metre = _largest(K, height, width, most, closest)
    if math.isinf(per_metre):
        # the outline of a ball nearer than its own radius has no end: no ray is left out
        whole = torch.full((height * width,), _NEAR, device=K.device)
        far = torch.full_like(whole, max(float((z + reach).amax()), 0.0))
        return whole, far, far > whole
    cell = max(1, math.floor(most * per_metre / 6))
    rows, columns = -(-height // cell), -(-width // cell)
    place = (xy / cell).clamp(-1e6, 1e6).floor().long()
    full = z.new_full((2, rows, columns), -torch.inf)
    bands = torch.ceil(reach / most * _BANDS).clamp(min=1)
    for band in bands.unique().tolist():
        mine = ahead & (bands == band)
        # pixels count by their centres
        grow = math.ceil(max(band / _BANDS * most * per_metre - 0.5, 0) / cell)
        at = place[mine] + grow
        wide, tall = columns + 2 * grow, rows + 2 * grow
        inside = ((at >= 0) & (at < at.new_tensor([wide, tall]))).all(1)
        where = (at[:, 1] * wide + at[:, 0])[inside]
        front, back = (reach - z)[mine][inside], (reach + z)[mine][inside]
        depths = z.new_full((2, tall * wide), -torch.inf)
        depths = depths.scatter_reduce(1, where.expand(2, -1), torch.stack([front, back]), "amax")
        grown = F.max_pool2d(depths.view(2, 1, tall, wide), (2 * grow + 1, 1), 1)
        grown = F.max_pool2d(grown, (1, 2 * grow + 1), 1)
        full = torch.maximum(full, grown[:, 0])
    full = full.repeat_interleave(cell, 1).repeat_interleave(cell, 2)[:, :height, :width]
    near, far = -full[0].reshape(-1), full[1].reshape(-1)
    hit = torch.isfinite(far)
    return torch.where(hit, near, 0).clamp(min=_NEAR), torch.where(hit, far, 0), hit


def _largest(K: Tensor, height: int, width: int, radius: float, depth: float) -> float:
    """Pixels per metre of radius that a ball's outline spans at most, to either side.

    Args:
        radius: of the largest ball, metres.
        depth: of the nearest one.
    """
    x = max(float(K[0, 2]), width - float(K[0, 2])) / float(K[0, 0])
    y = max(float(K[1, 2]), height - float(K[1, 2])) / float(K[1, 1])
    cosine = 1 / math.sqrt(1 + x * x + y * y)  # of the corner of the picture
    sine = radius * cosine / depth  # of half the angle that the ball fills there
    if not 0 <= sine < 1:
        return math.inf
    beyond = cosine * math.sqrt(1 - sine**2) - math.sqrt(1 - cosine**2) * sine
    focal = max(float(K[0, 0]), float(K[1, 1]))
    return focal / (depth * beyond) if beyond > 0.1 else math.inf


def composite_samples(
    sigma: Float[Tensor, "R S"], steps: Float[Tensor, "R S"]
) -> Float[Tensor, "R S"]:
    """How much each sample of a ray counts: volume rendering (NeRF, equation 3).

    Args:
        sigma: density >= 0 at the samples, front to back, per metre.
        steps: the length that each sample stands for, metres.
    """
    alpha = 1 - torch.exp(-sigma * steps)
    passed = torch.cumprod(torch.cat([torch.ones_like(alpha[:, :1]), 1 - alpha + 1e-10], 1), 1)
    return alpha * passed[:, :-1]
