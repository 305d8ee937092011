"""Wan's video transformer with attention to motion tokens in its blocks, as 3DiMo has it.

Between self-attention and attention to the text, video tokens look at the motion tokens
(paper, section 3.2: only they do). Names and values of Wan's own weights stay as they are, and
results too until the new layers, whose outputs start at zero, are trained.

The motion tokens of a frame have a time, and attention turns queries and keys by it, as rotary
embeddings do; else the order of motion tokens would mean nothing. The paper is silent here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import register_to_config
from diffusers.models.embeddings import get_2d_sincos_pos_embed
from diffusers.models.modeling_outputs import Transformer2DModelOutput
from diffusers.models.transformers.transformer_wan import WanRotaryPosEmbed, WanTransformer3DModel
from jaxtyping import Float, Int64
from torch import Tensor, nn

from muybridge.networks.video_init import zero_linear

_PERIOD = 512.0
"""Of the slowest turn, latent frames."""


class MotionAttention(nn.Module):
    """Video tokens look at motion tokens near them in time.

    Args:
        dim: of the video tokens. ``heads``, ``head_dim``: of the attention.
        motion_dim: of the motion tokens.
        reach: latent frames to either side that a video token sees; ``None`` for all.
    """

    def __init__(
        self, dim: int, heads: int, head_dim: int, motion_dim: int, reach: float | None
    ) -> None:
        super().__init__()
        self.heads, self.reach = heads, reach
        inner = heads * head_dim
        self.norm = nn.LayerNorm(dim)
        self.to_q = nn.Linear(dim, inner)
        self.to_k = nn.Linear(motion_dim, inner)
        self.to_v = nn.Linear(motion_dim, inner)
        self.norm_q = nn.RMSNorm(head_dim, eps=1e-6)
        self.norm_k = nn.RMSNorm(head_dim, eps=1e-6)
        self.to_out = nn.Linear(inner, dim)
        zero_linear(self.to_out)

    def forward(
        self,
        tokens: Float[Tensor, "B N D"],
        motion: Float[Tensor, "B M C"],
        times: Float[Tensor, "N"],  # noqa: F821
        motion_times: Float[Tensor, "M"],  # noqa: F821
    ) -> Float[Tensor, "B N D"]:
        """What is added to the video tokens.

        Args:
            tokens: of the video. ``motion``: tokens.
            times: of the video tokens, latent frames. ``motion_times``: likewise.
        """
        norm = self.norm
        normed = F.layer_norm(  # in full precision, as Wan's own
            tokens.float(), norm.normalized_shape, norm.weight.float(), norm.bias.float(), norm.eps
        ).to(self.to_q.weight.dtype)

        def heads(values: Tensor) -> Tensor:
            return values.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        q = turned(self.norm_q(heads(self.to_q(normed))), times)
        k = turned(self.norm_k(heads(self.to_k(motion))), motion_times)
        v = heads(self.to_v(motion))
        mask = None
        if self.reach is not None:
            mask = (times[:, None] - motion_times).abs() <= self.reach
            mask = mask | ~mask.any(1, keepdim=True)  # who sees nobody sees all
        found = F.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v, mask)
        added: Tensor = self.to_out(found.transpose(1, 2).flatten(2))
        return added


def turned(
    values: Float[Tensor, "B H N d"], times: Float[Tensor, "N"]  # noqa: F821
) -> Float[Tensor, "B H N d"]:
    """Pairs of channels turned by angles that grow with time, each pair at its own rate.

    Args:
        values: of queries or keys.
        times: of each, latent frames.
    """
    half = values.shape[-1] // 2
    rates = _PERIOD ** (-torch.arange(half, device=values.device) / half)
    angles = times.to(values.device)[:, None] * rates
    cos, sin = angles.cos(), angles.sin()
    a, b = values[..., :half].float(), values[..., half : 2 * half].float()
    rest = values[..., 2 * half :].float()
    return torch.cat([a * cos - b * sin, a * sin + b * cos, rest], -1).to(values.dtype)


class MotionTransformer(WanTransformer3DModel):
    """``WanTransformer3DModel`` with :class:`MotionAttention` in its blocks.

    Args:
        motion_dim: of the motion tokens; 0 for none.
        motion_inner_dim: width of the attention to them; 0 for the transformer's own.
        motion_every: in every so manieth block, the first among them.
        motion_reach: see :class:`MotionAttention`.
        grid: frames of a window, and rows and columns of a frame's tokens, where these have learnt
            places added to them; none for Wan's, which places tokens by rotary embeddings alone.
            A small network that samples from the noise's mean needs them: there all tokens of
            the video begin alike.

    The others are of ``WanTransformer3DModel``.
    """

    @register_to_config
    def __init__(
        self,
        patch_size: Sequence[int] = (1, 2, 2),
        num_attention_heads: int = 40,
        attention_head_dim: int = 128,
        in_channels: int = 16,
        out_channels: int = 16,
        text_dim: int = 4096,
        freq_dim: int = 256,
        ffn_dim: int = 13824,
        num_layers: int = 40,
        cross_attn_norm: bool = True,
        qk_norm: str | None = "rms_norm_across_heads",
        eps: float = 1e-6,
        image_dim: int | None = None,
        added_kv_proj_dim: int | None = None,
        rope_max_seq_len: int = 1024,
        pos_embed_seq_len: int | None = None,
        motion_dim: int = 512,
        motion_inner_dim: int = 0,
        motion_every: int = 1,
        motion_reach: float | None = None,
        grid: Sequence[int] | None = None,
    ) -> None:
        super().__init__(
            tuple(patch_size), num_attention_heads, attention_head_dim, in_channels, out_channels,
            text_dim, freq_dim, ffn_dim, num_layers, cross_attn_norm, qk_norm, eps, image_dim,
            added_kv_proj_dim, rope_max_seq_len, pos_embed_seq_len,
        )
        dim = num_attention_heads * attention_head_dim
        heads = (motion_inner_dim or dim) // attention_head_dim
        self.motion_blocks = nn.ModuleDict(
            {
                str(k): MotionAttention(dim, heads, attention_head_dim, motion_dim, motion_reach)
                for k in range(0, num_layers, motion_every)
            }
            if motion_dim else {}
        )
        self.places: nn.Parameter | None = None
        if grid is not None:
            frames, *sides = grid
            codes: Tensor = get_2d_sincos_pos_embed(dim, tuple(sides), output_type="pt")
            self.places = nn.Parameter(0.5 * codes.float().T.reshape(1, dim, *sides))
            self.moments = nn.Parameter(0.02 * torch.randn(frames, dim))

    def embedded(
        self, latents: Float[Tensor, "B C F H W"], numbers: Int64[Tensor, "B F"] | None
    ) -> Float[Tensor, "B N D"]:
        """Tokens of latents, with their learnt places where there are any.

        Args:
            latents: noisy, with the channels of an image where the model takes one.
            numbers: see :meth:`forward`.
        """
        tokens = self.patch_embedding(latents)
        if self.places is not None:
            extent = tuple(tokens.shape[-2:])
            places: Tensor = self.places
            if tuple(places.shape[-2:]) != extent:
                places = F.interpolate(places, extent, mode="bilinear", align_corners=False)
            if numbers is None:
                numbers = torch.arange(tokens.shape[2], device=tokens.device)[None]
            when = self.moments[numbers.clamp(max=len(self.moments) - 1)].transpose(1, 2)
            tokens = tokens + places[:, :, None].to(tokens) + when[..., None, None].to(tokens)
        return tokens.flatten(2).transpose(1, 2).contiguous()

    def rotary(
        self, latents: Float[Tensor, "B C F H W"], numbers: Int64[Tensor, "B F"] | None, span: int
    ) -> tuple[Tensor, Tensor]:
        """Wan's rotary embeddings of all tokens, for frames of any numbers below ``span``."""
        if numbers is None:
            found: tuple[Tensor, Tensor] = self.rope(latents)
            return found
        whole = self.rope(latents.new_empty(1, 1, span, *latents.shape[-2:]))
        per_frame = whole[0].shape[1] // span
        tokens = torch.arange(per_frame, device=latents.device)
        index = (numbers[..., None] * per_frame + tokens).flatten(1)
        cos, sin = (part[0][index] for part in whole)
        return cos, sin

    def forward(  # type: ignore[override]
        self,
        hidden_states: Float[Tensor, "B C F H W"],
        timestep: Float[Tensor, "..."],
        encoder_hidden_states: Float[Tensor, "B L D"],
        encoder_hidden_states_image: Float[Tensor, "B S E"] | None = None,
        motion_tokens: Float[Tensor, "B M N"] | None = None,
        motion_times: Float[Tensor, "M"] | None = None,  # noqa: F821
        numbers: Int64[Tensor, "B F"] | None = None,
        span: int = 0,
        return_dict: bool = True,
        attention_kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """As ``WanTransformer3DModel``'s.

        Args:
            hidden_states: noisy latents, with the channels of an image where the model takes one.
            timestep: one per sample, or one per token (``[B, tokens]``), as Wan 2.2 has it.
            encoder_hidden_states: of the text.
            encoder_hidden_states_image: of the picture, for Wan 2.1's image-to-video.
            motion_tokens: of all driving frames, one behind the other; none: the base model.
            motion_times: of each, latent frames.
            numbers: of the latent frames, where they are not ``0, 1, 2 ..``: a picture out of a
                clip has its own. ``span``: more than any of them.
            return_dict: as there.
            attention_kwargs: as there; none are known here.

        Raises:
            ValueError: motion tokens come without their times, or the other way round.
        """
        if (motion_tokens is None) != (motion_times is None):
            raise ValueError("motion_tokens and motion_times belong together")
        as_wan = self.places is None and numbers is None
        if as_wan and (motion_tokens is None or not self.motion_blocks):
            return super().forward(
                hidden_states, timestep, encoder_hidden_states, encoder_hidden_states_image,
                return_dict, attention_kwargs,
            )
        patch = tuple(self.config["patch_size"])
        frames, rows, columns = (
            extent // side for extent, side in zip(hidden_states.shape[2:], patch, strict=True)
        )
        place = torch.arange(frames, device=hidden_states.device, dtype=torch.float32)
        times = place.repeat_interleave(rows * columns)
        rotary = self.rotary(hidden_states, numbers, span)
        tokens = self.embedded(hidden_states, numbers)
        per_token = timestep.shape[1] if timestep.ndim == 2 else None
        temb, modulation, text, image = self.condition_embedder(
            timestep.flatten(), encoder_hidden_states, encoder_hidden_states_image,
            timestep_seq_len=per_token,
        )
        modulation = modulation.unflatten(-1, (6, -1))
        if image is not None:
            text = torch.cat([image, text], 1)

        def pass_through(block: Any, tokens: Tensor, look: Any) -> Tensor:
            def added(values: Tensor) -> Tensor:
                return look(values, motion_tokens, times, motion_times).to(values.dtype)

            return passed(block, tokens, text, modulation, rotary, None if look is None else added)

        for k, block in enumerate(self.blocks):
            number = str(k)
            look = None
            if motion_tokens is not None and number in self.motion_blocks:
                look = self.motion_blocks[number]
            if torch.is_grad_enabled() and self.gradient_checkpointing:
                again: Any = self._gradient_checkpointing_func
                tokens = again(pass_through, block, tokens, look)
            else:
                tokens = pass_through(block, tokens, look)
        temb = temb.unsqueeze(-2)
        table = self.scale_shift_table.to(temb.device)
        shift, scale = (table + temb if per_token is None else table[None] + temb).chunk(2, -2)
        if per_token is not None:
            shift, scale = shift.squeeze(2), scale.squeeze(2)
        tokens = (self.norm_out(tokens.float()) * (1 + scale) + shift).type_as(tokens)
        output = unpatched(self.proj_out(tokens), (frames, rows, columns), patch)
        return Transformer2DModelOutput(sample=output) if return_dict else (output,)


def with_places(network: MotionTransformer) -> MotionTransformer:
    """A network that was made without memory, with its rotary embeddings computed.

    They are no weights, so files don't have them.

    Args:
        network: with its weights loaded.
    """
    config = network.config
    network.rope = WanRotaryPosEmbed(
        config["attention_head_dim"], config["patch_size"], config["rope_max_seq_len"]
    )
    return network


def passed(
    block: Any,
    tokens: Float[Tensor, "B N D"],
    text: Float[Tensor, "B L D"],
    modulation: Float[Tensor, "..."],
    rotary: Any,
    look: Callable[[Tensor], Tensor] | None,
) -> Float[Tensor, "B N D"]:
    """A block of Wan's with something added behind its self-attention.

    Args:
        block: of ``WanTransformer3DModel``.
        tokens: of the video. ``text``: of the text.
        modulation: six vectors per sample, or per token.
        rotary: of the tokens' places.
        look: gives what is added.
    """
    table = block.scale_shift_table
    table = table if modulation.ndim == 3 else table.unsqueeze(0)
    parts = (table + modulation.float()).chunk(6, -2)
    if modulation.ndim == 4:
        parts = tuple(part.squeeze(2) for part in parts)
    shift, scale, gate, ff_shift, ff_scale, ff_gate = parts
    normed = (block.norm1(tokens.float()) * (1 + scale) + shift).type_as(tokens)
    seen = block.attn1(normed, None, None, rotary)
    tokens = (tokens.float() + seen * gate).type_as(tokens)
    if look is not None:
        tokens = tokens + look(tokens)
    normed = block.norm2(tokens.float()).type_as(tokens)
    tokens = tokens + block.attn2(normed, text, None, None)
    normed = (block.norm3(tokens.float()) * (1 + ff_scale) + ff_shift).type_as(tokens)
    return (tokens.float() + block.ffn(normed).float() * ff_gate).type_as(tokens)


def unpatched(
    values: Float[Tensor, "B N D"], extent: tuple[int, int, int], patch: tuple[int, int, int]
) -> Float[Tensor, "B C F H W"]:
    """Latents from their patches.

    Args:
        values: a patch's latents each. ``extent``: patches along time, down, across.
        patch: latents of a patch, likewise.
    """
    both = values.unflatten(1, extent).unflatten(-1, (*patch, -1))
    ordered = both.permute(0, 7, 1, 4, 2, 5, 3, 6)
    return ordered.flatten(6, 7).flatten(4, 5).flatten(2, 3)
