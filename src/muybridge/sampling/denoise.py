"""The sampling loop: windows through the network, fused, one scheduler step for the whole grid.

Only latents are kept for the whole video; the network sees a window at a time. So its memory
is that of a window, and the cost is linear in the number of windows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.sampling.grid import Pass, Plan, WindowModel

StepCallback = Callable[[int, int, Tensor], None]
"""Called as ``callback(steps_done, steps, latents)`` after each step."""


@torch.no_grad()
def denoise(
    model: WindowModel,
    scheduler: Any,
    latents: Float[Tensor, "V T C h w"],
    plan: Plan,
    *,
    first_step: int = 0,
    strips_per_call: int = 1,
    callback: StepCallback | None = None,
) -> Float[Tensor, "V T C h w"]:
    """Take noisy latents to clean ones.

    Args:
        model: the network; sees strips.
        scheduler: of diffusers' interface (``timesteps``, ``scale_model_input``, ``step``),
            with its timesteps set.
        latents: noise times ``scheduler.init_noise_sigma``, or latents noised to the level of
            ``first_step``; float32.
        plan: which passes make each step.
        first_step: where to begin in ``scheduler.timesteps``.
        strips_per_call: how many strips share a call of the network; more is quicker on a GPU.
        callback: told after each step.
    """
    steps = len(scheduler.timesteps)
    for step in range(first_step, steps):
        timestep = scheduler.timesteps[step]
        scaled = scheduler.scale_model_input(latents, timestep)
        passes = plan(step)
        share = sum(each.weight for each in passes)
        output = torch.zeros_like(latents)
        for each in passes:
            predicted = predict(model, scaled, timestep, each, strips_per_call)
            output.add_(predicted, alpha=each.weight / share)
        latents = scheduler.step(output, timestep, latents).prev_sample
        if callback is not None:
            callback(step + 1, steps, latents)
    return latents


@torch.no_grad()
def predict(
    model: WindowModel,
    latents: Float[Tensor, "V T C h w"],
    timestep: Tensor,
    look: Pass,
    strips_per_call: int = 1,
) -> Float[Tensor, "V T C h w"]:
    """The guided model output of one pass for the whole grid, fused where windows overlap.

    Args: as for :func:`denoise`; ``latents`` are scaled already.

    Raises:
        ValueError: the windows are not made for this grid.
    """
    views, frames = latents.shape[:2]
    length = frames if look.axis == "time" else views
    if look.windows.length != length:
        raise ValueError(f"windows over {look.windows.length} items; the grid has {length}")
    output = torch.zeros_like(latents)
    strips = look.strips(views, frames)
    weights = look.windows.weights.to(latents)[..., None, None, None]
    guidance = look.guidance
    for first in range(0, len(strips), strips_per_call):
        group = strips[first:first + strips_per_call]
        given = torch.stack([strip.take(latents) for strip in group])
        conditioned, unconditioned = model(given, timestep, group, look.guided)
        for k, strip in enumerate(group):
            value = conditioned[k].to(output)
            if unconditioned is not None:
                scale: Tensor | float = guidance
                if isinstance(guidance, Tensor):
                    scale = guidance[list(strip.items)].to(output)[:, None, None, None]
                free = unconditioned[k].to(output)
                value = free + scale * (value - free)
            weight = weights[(first + k) % len(look.windows.items)]
            output[strip.views, strip.frames] += weight * value
    return output
