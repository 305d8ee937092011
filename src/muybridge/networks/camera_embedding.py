"""Where a camera looks from, as numbers for the time embedding: its rotation against the first.

HVG (paper 3.2, Embeddings): rotation matrices relative to the first view, whose own is the
identity, in sines and cosines, concatenated, through a linear layer, added to the time
embedding. The frequencies are ours. NeRF's ``pi * 2^k`` would not do: +1 and -1 have one code
there, and front and back view could not be told apart; ``(pi / 2) * 2^k`` tells them apart.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.networks.video_init import zero_linear


def relative_rotations(
    T_cam_world: Float[Tensor, "V T _ _"],
) -> Float[Tensor, "V T 3 3"]:
    """Rotations against the first view's first frame: ``R_cam_first``.

    They are the same however the world is turned. Take them of all cameras of a video, before
    it is cut into windows.

    Args:
        T_cam_world: world to camera, ``[V, T, 4, 4]``, or its rotation alone, ``[V, T, 3, 3]``.
    """
    rotations = T_cam_world[..., :3, :3]
    return rotations @ rotations[0, 0].T


class CameraEmbedding(nn.Module):
    """Rotation matrices to vectors; zero until it is trained.

    Args:
        frequencies: per entry of the matrix, from pi/2 on, each twice the one before.
        width: of the time embedding.
    """

    def __init__(self, frequencies: int, width: int) -> None:
        super().__init__()
        self.frequencies = frequencies
        self.linear = nn.Linear(9 * 2 * frequencies, width)
        zero_linear(self.linear)

    def code(self, rotations: Float[Tensor, "*N 3 3"]) -> Float[Tensor, "*N D"]:
        """Sines and cosines of every entry, in float32."""
        scales = math.pi / 2 * 2.0 ** torch.arange(self.frequencies, device=rotations.device)
        angles = rotations.float().flatten(-2)[..., None] * scales
        return torch.cat([angles.sin(), angles.cos()], -1).flatten(-2)

    def forward(self, rotations: Float[Tensor, "*N 3 3"]) -> Float[Tensor, "*N D"]:
        """What is added to the time embedding of pictures from these cameras."""
        return self.linear(self.code(rotations).to(self.linear.weight.dtype))
