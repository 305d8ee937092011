"""The geometry cue: what the naked body looks like to each camera, as coloured normals."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.body import PosedBody
from muybridge.camera import Cameras
from muybridge.render import normal_map


def release_normals(posed: PosedBody, cameras: Cameras) -> Float[Tensor, "V T 3 H W"]:
    """Normal maps as the released weights know them: one sample per pixel, over black."""
    return normal_map(posed, cameras, frame="gas")


def soft_normals(
    posed: PosedBody, cameras: Cameras, samples: int = 2
) -> Float[Tensor, "V T 4 H W"]:
    """Normal maps and masks for small pictures: the mean of ``samples x samples`` per pixel.

    At 128 pixels a limb is a few pixels wide, so the share of the body in a pixel counts.
    """
    larger = replace(
        cameras,
        K=_scaled(cameras.K, samples),
        width=cameras.width * samples,
        height=cameras.height * samples,
    )
    fine = normal_map(posed, larger, frame="gas")
    body = (fine.amax(2, keepdim=True) > 0).to(fine.dtype)
    both = torch.cat([fine, body], 2)
    return F.avg_pool2d(both.flatten(0, 1), samples).unflatten(0, both.shape[:2])


def mirrored(guide: Float[Tensor, "*B C H W"]) -> Float[Tensor, "*B C H W"]:
    """The guide of the mirrored picture: flipped, and x normals turned round.

    Args:
        guide: red is ``.5 + .5 x`` where the body is and 0 elsewhere; the last of four
            channels is the body's share.
    """
    flipped = guide.flip(-1)
    red = flipped[..., 3:4, :, :] - flipped[..., :1, :, :]
    return torch.cat([red, flipped[..., 1:, :, :]], -3)


def _scaled(K: Float[Tensor, "V T 3 3"], factor: int) -> Float[Tensor, "V T 3 3"]:
    scale = K.new_tensor([[factor], [factor], [1]])
    return K * scale
