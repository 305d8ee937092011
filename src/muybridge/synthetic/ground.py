"""The studio behind and below a person: floor, backdrop, and the shadow on the floor."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.synthetic.light import Light
from muybridge.synthetic.shadow import Contact, ShadowMap
from muybridge.synthetic.textures import linear_to_srgb, srgb_to_linear

_POOL = 3.2
"""Metres from the person at which the pool of light on the floor has faded to half."""
_HORIZON = 0.22
"""Sine of the angle below the horizon at which the floor has wholly become backdrop at 0."""


def studio_picture(
    light: Light,
    centre: tuple[float, float],
    K: Float[Tensor, "3 3"],
    T_cam_world: Float[Tensor, "4 4"],
    height: int,
    width: int,
    cast: ShadowMap | None,
    contact: Contact | None,
) -> Float[Tensor, "3 {height} {width}"]:
    """What one camera sees without the person, sRGB in [0, 1].

    Args:
        centre: x and z of the middle of the pool of light, metres.
        cast: the key light's shadows; ``None`` for none.
        contact: darkness close to the feet; ``None`` for none.
    """
    x, z, slope = _floor_points(K, T_cam_world, height, width)
    far = ((x - centre[0]).square() + (z - centre[1]).square()) / _POOL**2
    pool = ((slope / _HORIZON).clamp(0, 1) / (1 + far)).reshape(-1)
    floor, backdrop = (
        srgb_to_linear(pool.new_tensor(colour)) for colour in (light.floor, light.backdrop)
    )
    picture = backdrop[:, None] + (floor - backdrop)[:, None] * pool
    near = ((far < 0.6) & (slope > 1e-3)).reshape(-1).nonzero().squeeze(1)
    if len(near) and (cast is not None or contact is not None):
        x, z = x.reshape(-1)[near], z.reshape(-1)[near]
        bright = torch.ones_like(x)
        if cast is not None:
            key = sum(light.key) * max(light.direction[1], 0.05)
            share = key / (key + sum(light.sky))
            deep = share * (1 - cast.ground(torch.stack([x, torch.zeros_like(x), z])))
            bright = 1 - deep * (1 - far.reshape(-1)[near] / 0.6)
        if contact is not None:
            bright = bright * (1 - 0.75 * contact.at(x, z))
        picture[:, near] = picture[:, near] * bright
    return linear_to_srgb(picture).reshape(3, height, width)


def _floor_points(
    K: Tensor, T_cam_world: Tensor, height: int, width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """x and z where each pixel's ray meets ``y = 0``, and the sine of its angle downwards."""
    R, t = T_cam_world[:3, :3], T_cam_world[:3, 3]
    M = R.T @ torch.linalg.inv(K)
    eye = -(R.T @ t)
    columns = torch.arange(width, device=K.device, dtype=M.dtype) + 0.5
    rows = torch.arange(height, device=K.device, dtype=M.dtype)[:, None] + 0.5
    ray = [M[k, 0] * columns + M[k, 1] * rows + M[k, 2] for k in range(3)]
    slope = -ray[1] / (ray[0].square() + ray[1].square() + ray[2].square()).sqrt()
    along = (eye[1] / (-ray[1]).clamp(min=1e-6)).clamp(max=1e4)
    return eye[0] + along * ray[0], eye[2] + along * ray[2], slope
