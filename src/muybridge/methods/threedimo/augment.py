"""Driving pictures as other cameras and other clothes would show them.

Only drivers are changed (paper, section 3.3): as if the camera had been turned about its centre
and had another lens, stretched a little, and in other colours. One draw holds for a whole clip, so
motion stays motion. Ranges are ours; the paper gives none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

YAW, ROLL = 20.0, 8.0
"""Most degrees that the camera is turned to either side, and up and down; and rolled."""
LENS = (0.85, 1.18)
"""Of the focal length."""
STRETCH = (0.92, 1.09)
"""Of the width."""
SHIFT = 0.08
"""Of the picture's width and height, to any side."""
CHANCES = 10
"""Numbers in [0, 1) that a draw takes."""
_FOCAL = 2.2
"""Of the lens that is turned, in heights of the picture: a portrait's."""


def warp(chances: Sequence[float], aspect: float) -> Float[Tensor, "3 3"]:
    """A homography from places in the changed picture to places in the given one.

    Coordinates are -1..1 over the height, and over the width times ``aspect``.

    Args:
        chances: seven numbers in [0, 1).
        aspect: width over height.
    """
    yaw, pitch, roll = (
        math.radians(most) * (2 * chance - 1)
        for most, chance in zip((YAW, YAW, ROLL), chances[:3], strict=True)
    )
    R = _turn(1, yaw) @ _turn(0, pitch) @ _turn(2, roll)
    K = torch.diag(torch.tensor([2 * _FOCAL, 2 * _FOCAL, 1.0]))
    lens = LENS[0] + (LENS[1] - LENS[0]) * chances[3]
    stretch = STRETCH[0] + (STRETCH[1] - STRETCH[0]) * chances[4]
    H = K @ R @ torch.linalg.inv(K)
    place = torch.diag(torch.tensor([stretch / lens, 1 / lens, 1.0]))
    middle = H @ torch.tensor([0.0, 0.0, 1.0])
    place[0, 2] = 2 * SHIFT * (2 * chances[5] - 1) * aspect
    place[1, 2] = 2 * SHIFT * (2 * chances[6] - 1)
    back = torch.eye(3)
    back[:2, 2] = -middle[:2] / middle[2]  # the person stays in the middle
    return back @ H @ place


def warped(
    pictures: Float[Tensor, "N C H W"], H: Float[Tensor, "3 3"]
) -> Float[Tensor, "N C H W"]:
    """Pictures seen through a homography of :func:`warp`; nothing beyond their borders."""
    height, width = pictures.shape[-2:]
    aspect = width / height
    y = (torch.arange(height) + 0.5) / height * 2 - 1
    x = ((torch.arange(width) + 0.5) / width * 2 - 1) * aspect
    here = torch.stack([x.expand(height, -1), y[:, None].expand(-1, width),
                        torch.ones(height, width)], -1)
    there = here @ H.T
    there = there[..., :2] / there[..., 2:]
    grid = torch.stack([there[..., 0] / aspect, there[..., 1]], -1)
    return F.grid_sample(
        pictures, grid.expand(len(pictures), -1, -1, -1), padding_mode="zeros",
        align_corners=False,
    )


def moved_by(
    H: Float[Tensor, "3 3"], joints: Float[Tensor, "F P 3"], aspect: float
) -> Float[Tensor, "F P 3"]:
    """Where joints are in the changed picture; how near they are stays.

    Args:
        H: of :func:`warp`.
        joints: half pictures to the right and down from the middle, and anything.
        aspect: width over height.
    """
    across = torch.stack(
        [joints[..., 0] * aspect, joints[..., 1], torch.ones_like(joints[..., 0])], -1
    )
    here = across @ torch.linalg.inv(H).T
    here = here[..., :2] / here[..., 2:]
    return torch.stack([here[..., 0] / aspect, here[..., 1], joints[..., 2]], -1)


def recoloured(
    pictures: Float[Tensor, "N C H W"], generator: torch.Generator
) -> Float[Tensor, "N C H W"]:
    """RGB over black, and a matte if there is one, with other colours; the matte stays.

    Brightness, contrast, saturation and hue change, and one clip in ten is grey.
    """
    chance = torch.rand(5, generator=generator).tolist()
    rgb, matte = pictures[:, :3], pictures[:, 3:]
    grey = rgb.mean(1, keepdim=True)
    saturation = 0.0 if chance[0] < 0.1 else 0.5 + chance[1]
    turn = _turn_hue(0.6 * (2 * chance[2] - 1))
    mixed = torch.einsum("ij,njhw->nihw", turn, grey + saturation * (rgb - grey))
    mixed = (mixed * (0.6 + 0.8 * chance[3])).clamp(0, 1) ** (0.7 + 0.7 * chance[4])
    if matte.shape[1]:
        mixed = torch.minimum(mixed, matte)
    return torch.cat([mixed, matte], 1)


def _turn(axis: int, angle: float) -> Float[Tensor, "3 3"]:
    """A rotation about an axis."""
    a, b = [k for k in range(3) if k != axis]
    R = torch.eye(3)
    R[a, a] = R[b, b] = math.cos(angle)
    R[a, b], R[b, a] = -math.sin(angle), math.sin(angle)
    return R


def _turn_hue(angle: float) -> Float[Tensor, "3 3"]:
    """Colours turned about grey."""
    cos, sin = math.cos(angle), math.sin(angle)
    third = (1 - cos) / 3
    root = sin / math.sqrt(3)
    return torch.tensor([
        [cos + third, third - root, third + root],
        [third + root, cos + third, third - root],
        [third - root, third + root, cos + third],
    ])
