"""The per-frame stage: from a reference and normals to the latents of every picture.

Pictures don't see each other; the video model comes after. All begin from the same noise, as the
release's script does with its fixed seed, so what noise decides is decided alike everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from muybridge.methods.reimagine.networks import Reference, ReImagineNetworks
from muybridge.sampling import ResidualFlow, draw_noise

_TOGETHER = 8
"""Pictures that go through the networks together."""


@dataclass(frozen=True)
class Conditions:
    """What steers a video of ``V`` views and ``T`` frames.

    Attributes:
        reference: encoded, one row.
        normals: of the body, in [0, 1], or 0..255 as bytes to save memory.
        side: that each picture shows more of, 0 the front.
    """

    reference: Reference
    normals: Float[Tensor, "V T C H W"] | UInt8[Tensor, "V T C H W"]
    side: UInt8[Tensor, "V T"]


@torch.no_grad()
def sample(
    networks: ReImagineNetworks, given: Conditions, *, seed: int = 0, steps: int | None = None,
    scale: float = 1.0, callback: Callable[[int, int], None] | None = None,
) -> Float[Tensor, "V T K h w"]:
    """Scaled latents of all pictures.

    Args:
        networks: in evaluation mode, of a size with the residual objective.
        given: what steers.
        seed: of the noise, where the size has any.
        steps: of the sampler; the size's own by default.
        scale: of what the ControlNet says.
        callback: told of (pictures done, pictures) after each batch.
    """
    weight = next(networks.transformer.parameters())
    views, frames = given.side.shape
    size = given.reference.sides.shape[-3:]
    noise = draw_noise(seed, [0], [0], (int(size[0]), int(size[1]), int(size[2])))[0]
    if networks.config.from_mean:
        noise = torch.zeros_like(noise)
    made = torch.empty(views * frames, *size)
    normals, side = given.normals.flatten(0, 1), given.side.flatten()
    for first in range(0, len(made), _TOGETHER):
        batch = slice(first, first + _TOGETHER)
        seen = normals[batch].to(weight.device)
        if seen.dtype == torch.uint8:
            seen = seen.float() / 255
        made[batch] = _denoised(
            networks, given.reference.expand(len(seen)), networks.control(seen).to(weight.dtype),
            side[batch].to(weight.device), noise, steps or networks.config.steps, scale,
        )
        if callback is not None:
            callback(min(first + _TOGETHER, len(made)), len(made))
    return made.unflatten(0, (views, frames))


def _denoised(
    networks: ReImagineNetworks, reference: Reference, control: Float[Tensor, "B N D"],
    side: Tensor, noise: Float[Tensor, "1 K h w"], steps: int, scale: float,
) -> Float[Tensor, "B K h w"]:
    """Clean latents of some pictures, on the CPU."""
    scheduler = ResidualFlow().scheduler()
    scheduler.set_timesteps(steps)
    base = reference.base(side).float()
    latents = noise.to(base).expand_as(base) * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps:
        noisy = scheduler.scale_model_input(latents, timestep)
        t = (timestep / ResidualFlow().time_scale).to(base).expand(len(base))
        output = networks(noisy.to(control.dtype), t.to(control.dtype), reference, control, scale)
        estimate = networks.estimate(output.float(), noisy, t, base)
        latents = scheduler.step(estimate, timestep, latents, return_dict=False)[0]
    return latents.float().cpu()
