"""From the networks' small pictures to large ones: clean edges, and the avatar's fine detail.

The networks decide form, light and colour at their own size. What is finer than their
pixels is taken from the avatar where the two agree: there its texture is the photo's own.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_AGREE = 0.07
"""Difference of colours (0..1) at which trust in the avatar's detail has fallen to 1/e."""


def sharpen_matte(
    painted: Float[Tensor, "*B 4 H W"], enlargement: float
) -> Float[Tensor, "*B 4 H W"]:
    """Enlarged colours (premultiplied) and matte with an edge as narrow as the picture's pixels.

    Args:
        painted: RGB premultiplied over black, and matte; enlarged smoothly.
        enlargement: pixels per pixel of the small picture; at 1 and below nothing changes.
    """
    alpha = painted[..., 3:, :, :].clamp(0, 1)
    straight = painted[..., :3, :, :] / alpha.clamp(min=0.05)
    steep = max(1.0, 0.6 * enlargement)
    crisp = (0.5 + steep * (alpha - 0.5)).clamp(0, 1)
    return torch.cat([straight.clamp(0, 1) * crisp, crisp], -3)


def add_detail(
    painted: Float[Tensor, "*B 4 H W"], avatar: Float[Tensor, "*B 4 H W"], enlargement: float
) -> Float[Tensor, "*B 4 H W"]:
    """What is finer than the small picture's pixels, from the avatar, where both agree.

    Args:
        painted: RGB premultiplied over black, and matte; enlarged.
        avatar: the same of the rendered avatar.
        enlargement: pixels per pixel of the small picture.
    """
    if enlargement <= 1:
        return painted
    coarse = _blurred(avatar, 0.5 * enlargement)
    both = painted[..., 3:, :, :].clamp(0, 1) * coarse[..., 3:, :, :].clamp(0, 1)
    apart = (painted[..., :3, :, :] - coarse[..., :3, :, :]).abs().mean(-3, keepdim=True)
    trust = torch.exp(-((_blurred(apart, 0.5 * enlargement) / _AGREE) ** 2))
    trust = trust * ((both - 0.9) / 0.1).clamp(0, 1)
    fine = avatar[..., :3, :, :] - coarse[..., :3, :, :]
    alpha = painted[..., 3:, :, :]
    color = (painted[..., :3, :, :] + trust * fine).clamp(min=0)
    return torch.cat([torch.minimum(color, alpha), alpha], -3)


def matte_of_black(pictures: Float[Tensor, "*B 3 h w"]) -> Float[Tensor, "*B 1 h w"]:
    """A matte for pictures over pure black: where it is not quite black, edges soft.

    Networks that paint over black may have no matte; very dark clothes may be cut.
    """
    return ((pictures.amax(-3, keepdim=True) - 0.02) / 0.04).clamp(0, 1)


def _blurred(picture: Tensor, sigma: float) -> Tensor:
    """Gaussian blur, separable; the border is continued."""
    reach = max(1, round(2.5 * sigma))
    step = torch.arange(-reach, reach + 1, dtype=picture.dtype, device=picture.device)
    bell = torch.exp(-0.5 * (step / sigma) ** 2)
    bell = bell / bell.sum()
    flat = picture.reshape(-1, 1, *picture.shape[-2:])
    flat = F.conv2d(F.pad(flat, (reach, reach, 0, 0), mode="replicate"), bell[None, None, None])
    flat = F.conv2d(
        F.pad(flat, (0, 0, reach, reach), mode="replicate"), bell[None, None, :, None]
    )
    return flat.reshape(picture.shape)
