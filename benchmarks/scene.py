"""What the render benchmarks look at: the built-in body walking, cameras all around."""

from __future__ import annotations

import math

import torch

from muybridge.body import PosedBody, Shape, load_body
from muybridge.camera.types import Cameras
from muybridge.motion import clips


def orbit_of_walk(views: int, frames: int, size: int) -> tuple[PosedBody, Cameras]:
    """A walking body and level cameras on a circle of 3.4 m."""
    body = load_body()
    posed = body.pose(Shape(), clips.make("walk", frames=frames))
    middle = (posed.vertices.amin((0, 1)) + posed.vertices.amax((0, 1))) / 2
    K = torch.tensor([[1.35 * size, 0, size / 2], [0, 1.35 * size, size / 2], [0, 0, 1]])
    T = torch.zeros(views, 4, 4)
    for v in range(views):
        a = 2 * math.pi * v / views
        back = torch.tensor([-math.sin(a), 0.0, math.cos(a)])
        down = torch.tensor([0.0, -1.0, 0.0])
        R = torch.stack([torch.linalg.cross(down, -back), down, -back])
        T[v, :3, :3], T[v, :3, 3], T[v, 3, 3] = R, -R @ (middle + 3.4 * back), 1
    return posed, Cameras(
        K.expand(views, frames, 3, 3).contiguous(),
        T[:, None].expand(views, frames, 4, 4).contiguous(), size, size, "orbit",
    )
