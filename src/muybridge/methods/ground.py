"""The ground that a body stands on, seen by every camera: its colours and its points.

What does not change from frame to frame (all of it, for cameras that stand still) is made
once and kept.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.methods.background import Background, cover

_BACKDROP = torch.tensor([0.905, 0.905, 0.90])
_FLOOR = torch.tensor([0.945, 0.945, 0.94])
_POOL = 2.6
"""Radius of the pool of light around the person's path, metres."""


class Ground:
    """What the cameras see behind the person, frame by frame.

    Args:
        background: what it is.
        cameras: of the whole video.
        path: where the person is in each frame, metres.
    """

    def __init__(
        self, background: Background, cameras: Cameras, path: Float[Tensor, "T 3"]
    ) -> None:
        self.background = background
        self.cameras = cameras
        flat = path[:, [0, 2]]
        low, high = flat.amin(0), flat.amax(0)
        self._center = (low + high) / 2
        self._pool = _POOL + float((high - low).norm()) / 2
        K, T = cameras.K, cameras.T_cam_world
        self._still = torch.equal(K, K[:, :1].expand_as(K)) and torch.equal(
            T, T[:, :1].expand_as(T)
        )
        self._kept: tuple[Tensor, Tensor, Tensor] | None = None

    def see(
        self, start: int, stop: int
    ) -> tuple[
        Float[Tensor, "V T 3 H W"], Float[Tensor, "V T 2 H W"], Float[Tensor, "V T H W"]
    ]:
        """Colours in [0, 1], ground points and slopes (see :func:`ground_rays`) of frames.

        What the cameras see of the ground is expanded, not copied: do not write into it.
        """
        if not self._still:
            return self._see(self.cameras.slice(start, stop))
        if self._kept is None:
            self._kept = self._see(self.cameras.slice(0, 1))
        color, point, slope = self._kept
        count = stop - start
        return (
            color.expand(-1, count, -1, -1, -1), point.expand(-1, count, -1, -1, -1),
            slope.expand(-1, count, -1, -1),
        )

    def _see(self, cameras: Cameras) -> tuple[Tensor, Tensor, Tensor]:
        point, slope = ground_rays(cameras)
        picture = self.background.picture
        if picture is not None:
            color = cover(picture, cameras.width, cameras.height)
            color = color.expand(cameras.views, cameras.frames, -1, -1, -1)
        else:
            color = self._studio(point, slope)
        return color, point, slope

    def _studio(self, point: Tensor, slope: Tensor) -> Tensor:
        """The endless studio: floor, backdrop, and no visible edge between them."""
        far = (point - self._center[None, None, :, None, None]).square().sum(2) / self._pool**2
        pool = (slope / 0.08).clamp(0, 1) / (1.0 + far)
        step = (_FLOOR - _BACKDROP)[:, None, None]
        return torch.addcmul(_BACKDROP[:, None, None], step, pool[:, :, None]).clamp_(0, 1)


def ground_rays(
    cameras: Cameras,
) -> tuple[Float[Tensor, "V T 2 H W"], Float[Tensor, "V T H W"]]:
    """Where the ray of each pixel meets the ground ``y = 0``.

    Returns:
        x and z of the point (metres), and the ray's downward slope: the sine of the
        angle below the horizon, negative above it; the point is meaningless there.
    """
    V, T, H, W = cameras.views, cameras.frames, cameras.height, cameras.width
    xs = torch.arange(W) + 0.5
    ys = torch.arange(H) + 0.5
    K = cameras.K.reshape(V * T, 3, 3)
    R = cameras.T_cam_world.reshape(V * T, 4, 4)[:, :3, :3]
    M = R.transpose(1, 2) @ torch.linalg.inv(K)
    # X_world = M [x, y, 1]: sums of an x part and a y part, so no picture of rays is multiplied
    part_x = M[:, :, 0, None] * xs
    part_y = M[:, :, 1, None] * ys + M[:, :, 2, None]
    ray = part_x[:, :, None, :] + part_y[:, :, :, None]
    slope = -ray[:, 1] / ray.norm(dim=1)
    origin = cameras.centers.reshape(V * T, 3)
    along = origin[:, 1, None, None] / (-ray[:, 1]).clamp(min=1e-6)
    point = origin[:, [0, 2], None, None] + along[:, None] * ray[:, [0, 2]]
    return point.reshape(V, T, 2, H, W), slope.reshape(V, T, H, W)
