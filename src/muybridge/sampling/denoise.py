"""The sampling loop: tiles through the network, fused, one scheduler step for the whole grid.

Only latents are kept for the whole video; the network sees a tile at a time. So its memory
is that of a tile, and the cost is linear in the number of tiles.

Model outputs are fused, not stepped latents: a step without noise of its own is affine in the
output, so at weights that sum to one both are the same, and the scheduler counts its steps.
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
    tiles_per_call: int = 1,
    callback: StepCallback | None = None,
) -> Float[Tensor, "V T C h w"]:
    """Take noisy latents to clean ones.

    Args:
        model: the network; sees tiles.
        scheduler: of diffusers' interface (``timesteps``, ``scale_model_input``, ``step``),
            with its timesteps set; its steps must add no noise.
        latents: noise times ``scheduler.init_noise_sigma``, or latents noised to the level of
            ``first_step``; float32.
        plan: which passes make each step.
        first_step: where to begin in ``scheduler.timesteps``.
        tiles_per_call: how many tiles share a call of the network; more is quicker on a GPU.
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
            _add(output, each.weight / share, model, scaled, timestep, each, tiles_per_call)
        del scaled
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
    tiles_per_call: int = 1,
) -> Float[Tensor, "V T C h w"]:
    """The guided model output of one pass for the whole grid, fused where windows overlap.

    Args: as for :func:`denoise`; ``latents`` are scaled already.

    Raises:
        ValueError: the windows are not made for this grid.
    """
    output = torch.zeros_like(latents)
    _add(output, 1.0, model, latents, timestep, look, tiles_per_call)
    return output


def _add(
    output: Float[Tensor, "V T C h w"],
    share: float,
    model: WindowModel,
    latents: Float[Tensor, "V T C h w"],
    timestep: Tensor,
    look: Pass,
    tiles_per_call: int,
) -> None:
    """Add a share of a pass's fused output to what other passes gave."""
    views, frames = latents.shape[:2]
    tiles = look.tiles(views, frames)
    guidance = look.guidance
    for first in range(0, len(tiles), tiles_per_call):
        group = tiles[first:first + tiles_per_call]
        given = torch.stack([tile.take(latents) for tile, _ in group])
        conditioned, unconditioned = model(given, timestep, [t for t, _ in group], look.guided)
        for k, (tile, weights) in enumerate(group):
            value = conditioned[k].to(output)
            if unconditioned is not None:
                scale: Tensor | float = guidance
                if isinstance(guidance, Tensor):
                    scale = tile.take(guidance.expand(views, frames)).to(output)
                    scale = scale[:, None, None, None]
                free = unconditioned[k].to(output)
                value = free + scale * (value - free)
            weighted = (share * weights).to(output)[:, None, None, None] * value
            output[tile.index] += weighted.unflatten(0, (len(tile.views), len(tile.frames)))
