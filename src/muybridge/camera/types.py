"""A rig of cameras: intrinsics and extrinsics of V views over T frames."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Cameras:
    """``V`` synchronised pinhole cameras, each moving over ``T`` frames.

    OpenCV axes (x right, y down, z forward); extrinsics are world-to-camera;
    pixel centres lie at +0.5; all cameras share one image size.

    Attributes:
        K: intrinsics in pixels.
        T_cam_world: world-to-camera rigid transforms, metres.
        width: image width, pixels.
        height: image height, pixels.
        name: what to call the rig.
    """

    K: Float[Tensor, "V T 3 3"]
    T_cam_world: Float[Tensor, "V T 4 4"]
    width: int
    height: int
    name: str = "cameras"

    @property
    def views(self) -> int:
        """Number of views ``V``."""
        return int(self.K.shape[0])

    @property
    def frames(self) -> int:
        """Number of frames ``T``."""
        return int(self.K.shape[1])

    @property
    def centers(self) -> Float[Tensor, "V T 3"]:
        """Camera centres in the world, metres."""
        R, t = self.T_cam_world[..., :3, :3], self.T_cam_world[..., :3, 3]
        return -torch.einsum("vtji,vtj->vti", R, t)

    def slice(self, start: int, stop: int) -> Cameras:
        """Frames ``start <= t < stop`` of every view."""
        return Cameras(
            self.K[:, start:stop], self.T_cam_world[:, start:stop],
            self.width, self.height, self.name,
        )

    def select(self, views: list[int]) -> Cameras:
        """The named views only, in the order given."""
        return Cameras(
            self.K[views], self.T_cam_world[views], self.width, self.height, self.name
        )
