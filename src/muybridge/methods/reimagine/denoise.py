"""The image model on packed tokens: one velocity, and the loop; it knows of no pictures or words.

The sequence is noise, then whatever is looked at (a wide picture of front and back, or tokens of
assets). The ControlNet sees the noise alone, so its residuals are zero on what follows. Small
networks and the real ones go through the same lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.controlnets.controlnet_flux import FluxControlNetModel
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from jaxtyping import Float
from torch import Tensor

Tokens = Float[Tensor, "B N D"]
"""Latents of a picture, two by two in a token, row by row."""
StepCallback = Callable[[int, Tensor, Tensor], Tensor | None]
"""Called as ``callback(step, timestep, latents)`` after each step; what it gives back, if
anything, goes on as the latents."""


@dataclass(frozen=True)
class Text:
    """A prompt as text encoders have encoded it, for one picture or for each of ``B``.

    Attributes:
        tokens: for the transformer's attention; T5's.
        pooled: for its modulation; CLIP's.
    """

    tokens: Float[Tensor, "B L C"]
    pooled: Float[Tensor, "B P"]

    def expand(self, batch: int) -> Text:
        """One prompt for several pictures."""
        return Text(self.tokens.expand(batch, -1, -1), self.pooled.expand(batch, -1))


@dataclass(frozen=True)
class LookedAt:
    """Tokens that stand behind the noise: of the reference, or of assets.

    Attributes:
        tokens: packed latents, of one person or of each of ``B``.
        ids: (1, row, column) of each token.
    """

    tokens: Float[Tensor, "B R D"]
    ids: Float[Tensor, "R 3"]

    def expand(self, batch: int) -> LookedAt:
        """One person's, for several pictures."""
        return LookedAt(self.tokens.expand(batch, -1, -1), self.ids)


def velocity(
    transformer: FluxTransformer2DModel,
    controlnet: FluxControlNetModel | None,
    noisy: Tokens,
    ids: Float[Tensor, "N 3"],
    t: Float[Tensor, "B"],
    text: Text,
    *,
    reference: LookedAt | None = None,
    control: Tokens | None = None,
    guidance: float = 3.5,
    scale: float = 1.0,
    attention: dict[str, Any] | None = None,
) -> Tokens:
    """The transformer's output for the noise tokens: the velocity, in the release's models.

    Args:
        transformer: its inputs take the number type of ``noisy``.
        controlnet: of any number of blocks; left out without ``control``.
        noisy: packed latents on the flow path, ``(1 - t) clean + t noise``.
        ids: (0, row, column) of the noise tokens.
        t: share of noise, 0..1; one for each picture.
        text: as many rows as pictures, or one.
        reference: as many rows as pictures, or one.
        control: packed latents of the picture that steers, as many as noise tokens.
        guidance: embedded one, of networks that were distilled with it.
        scale: of what the ControlNet says.
        attention: further arguments of the transformer's attention processors.
    """
    batch, kind = len(noisy), noisy.dtype
    text = text.expand(batch)

    def shared(network: Any) -> dict[str, Any]:
        strength = None
        if network.config["guidance_embeds"]:
            strength = torch.full_like(t, guidance, dtype=kind)
        return {
            "timestep": t.to(kind), "guidance": strength,
            "pooled_projections": text.pooled.to(kind),
            "encoder_hidden_states": text.tokens.to(kind),
            "txt_ids": ids.new_zeros(text.tokens.shape[1], 3), "return_dict": False,
        }

    blocks: dict[str, list[Tensor] | None] = {}
    behind = 0 if reference is None else reference.tokens.shape[1]
    if controlnet is not None and control is not None and scale != 0:
        given = controlnet(
            hidden_states=noisy, controlnet_cond=control.to(kind).expand(batch, -1, -1),
            conditioning_scale=scale, img_ids=ids, **shared(controlnet),
        )
        names = ("controlnet_block_samples", "controlnet_single_block_samples")
        for name, residuals in zip(names, given, strict=True):
            blocks[name] = [F.pad(r, (0, 0, 0, behind)) for r in residuals or ()] or None
    tokens, places = noisy, ids
    if reference is not None:
        seen = reference.tokens.to(kind).expand(batch, -1, -1)
        tokens = torch.cat([noisy, seen], 1)
        places = torch.cat([ids, reference.ids.to(ids)])
    output: Tensor = transformer(
        hidden_states=tokens, img_ids=places, joint_attention_kwargs=attention, **blocks,
        **shared(transformer),
    )[0]
    return output[:, : noisy.shape[1]]


@torch.no_grad()
def denoise(
    transformer: FluxTransformer2DModel,
    controlnet: FluxControlNetModel | None,
    scheduler: Any,
    noise: Tokens,
    ids: Float[Tensor, "N 3"],
    text: Text,
    *,
    negative: Text | None = None,
    true_cfg_scale: float = 1.0,
    callback: StepCallback | None = None,
    **given: Any,
) -> Tokens:
    """Take noise tokens to clean ones.

    Args:
        transformer, controlnet, ids, text: see :func:`velocity`.
        scheduler: a flow-matching one of diffusers with its timesteps set, such as
            :func:`muybridge.methods.reimagine.scheduler.release_scheduler` gives.
        noise: the latents to begin with; everything is computed in their number type.
        negative: what the result is led away from, where ``true_cfg_scale`` is not 1.
        true_cfg_scale: 1 needs one call of the networks a step; anything else two.
        callback: told after each step.
        given: ``reference``, ``control``, ``guidance``, ``scale``, ``attention`` of
            :func:`velocity`.

    Raises:
        ValueError: guidance without a negative text.
    """
    if true_cfg_scale != 1 and negative is None:
        raise ValueError(f"true_cfg_scale {true_cfg_scale} without a negative text")
    latents, whole = noise, scheduler.config["num_train_timesteps"]
    for step, timestep in enumerate(scheduler.timesteps):
        t = timestep.to(latents.device).expand(len(latents)).to(latents.dtype) / whole
        towards = velocity(transformer, controlnet, latents, ids, t, text, **given)
        if true_cfg_scale != 1 and negative is not None:
            away = velocity(transformer, controlnet, latents, ids, t, negative, **given)
            towards = away + true_cfg_scale * (towards - away)
        latents = scheduler.step(towards, timestep, latents, return_dict=False)[0]
        if callback is not None:
            changed = callback(step, timestep, latents)
            latents = latents if changed is None else changed
    return latents
