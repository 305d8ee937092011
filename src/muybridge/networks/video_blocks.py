"""Blocks of the video UNet: diffusers', with an image mode, quick temporal convolutions, and a
place between space and time.

diffusers' spatio-temporal blocks do a spatial and a temporal part and mix the two. The blocks
here keep their weights, names and results, and add an image mode in which the temporal part is
left out, keys of a reference picture in the spatial attention, and a place for attention across
views (:mod:`muybridge.networks.view_attention`). How the pictures of a batch lie travels with the
call: diffusers hands ``image_only_indicator`` through every block to read the number of frames
from it, and here a :class:`Layout` takes its place. So there is no state to set, and copies and
several networks at a time can't disturb one another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from diffusers.models.resnet import SpatioTemporalResBlock, TemporalResnetBlock
from diffusers.models.transformers.transformer_temporal import (
    TransformerSpatioTemporalModel,
    TransformerTemporalModelOutput,
)
from jaxtyping import Float
from torch import Tensor, nn


class Layout(NamedTuple):
    """How the pictures of a batch lie: samples outermost, then views, frames innermost.

    Attributes:
        views: of each sample.
        frames: of each view.
        images: no temporal layer runs.
        bank: states of reference pictures ``[R, S, C]`` by the attention that looks at them too
            (see :mod:`muybridge.networks.reference_attention`); ``R`` divides the pictures.
    """

    views: int
    frames: int
    images: bool = False
    bank: Mapping[str, Tensor] = {}


class TemporalConv(nn.Conv3d):
    """A (3, 1, 1) convolution, computed as a (3, 1) convolution over frames x pixels.

    ``Conv3d`` has no quick kernel on CPU. Same weights, same names, same result to rounding.
    """

    def forward(self, input: Float[Tensor, "B C F H W"]) -> Float[Tensor, "B C2 F H W"]:
        """The convolution; frames outside the clip count as zero."""
        rows = F.conv2d(input.flatten(3), self.weight.squeeze(-1), self.bias, padding=(1, 0))
        return rows.unflatten(3, input.shape[3:])


class VideoResBlock(SpatioTemporalResBlock):
    """diffusers' residual block over space and time; over space alone for images."""

    def forward(  # type: ignore[override]  # a layout where diffusers has an indicator
        self,
        hidden_states: Float[Tensor, "N C H W"],
        temb: Float[Tensor, "N D"] | None,
        image_only_indicator: Layout,
    ) -> Float[Tensor, "N C2 H W"]:
        """Features of each picture."""
        spatial = self.spatial_res_block(hidden_states, temb)
        if image_only_indicator.images:
            return spatial
        frames = image_only_indicator.frames
        clip = spatial.unflatten(0, (-1, frames)).transpose(1, 2)
        moved = self.temporal_res_block(
            clip, None if temb is None else temb.unflatten(0, (-1, frames))
        )
        share = self.time_mixer.get_alpha(spatial.new_zeros(1, 1), clip.ndim).to(clip.dtype)
        return torch.lerp(moved, clip, share).transpose(1, 2).flatten(0, 1)


class VideoTransformer(TransformerSpatioTemporalModel):
    """diffusers' transformer over space and time; over space alone for images.

    Attributes:
        place: its name in the network, with which it finds its states of the reference.
    """

    place: str = ""

    def forward(  # type: ignore[override]  # likewise
        self,
        hidden_states: Float[Tensor, "N C H W"],
        encoder_hidden_states: Float[Tensor, "N L D"],
        image_only_indicator: Layout,
        return_dict: bool = True,
    ) -> TransformerTemporalModelOutput | tuple[Tensor]:
        """Features of each picture."""
        layout, context = image_only_indicator, encoder_hidden_states
        count, channels, height, width = hidden_states.shape
        tokens = self.norm(hidden_states).permute(0, 2, 3, 1)
        tokens = self.proj_in(tokens.reshape(count, height * width, channels))
        for number, block in enumerate(self.transformer_blocks):
            seen = layout.bank.get(f"{self.place}.transformer_blocks.{number}.attn1")
            beside = None if seen is None else {"ip_hidden_states": seen}
            tokens = self._run(block, tokens, None, context, None, None, beside)
            tokens = self._across_views(number, tokens, context, layout)
            if not layout.images:
                tokens = self._across_time(number, tokens, context, layout.frames)
        change = self.proj_out(tokens).reshape(count, height, width, channels)
        output = change.permute(0, 3, 1, 2).contiguous() + hidden_states
        return TransformerTemporalModelOutput(sample=output) if return_dict else (output,)

    def _across_views(self, number: int, tokens: Tensor, context: Tensor, layout: Layout) -> Tensor:
        """What layer ``number`` does between space and time: nothing here."""
        return tokens

    def _across_time(self, number: int, tokens: Tensor, context: Tensor, frames: int) -> Tensor:
        """The temporal layer, as diffusers has it: every clip's context is that of its start."""
        clips = len(tokens) // frames
        order = torch.arange(frames, device=tokens.device).repeat(clips)
        place = self.time_pos_embed(self.time_proj(order).to(tokens.dtype))[:, None]
        start = context.unflatten(0, (clips, frames))[:, 0]
        start = start[:, None].expand(-1, tokens.shape[1], -1, -1).flatten(0, 1)
        block: Any = self.temporal_transformer_blocks[number]
        moved = block(tokens + place, num_frames=frames, encoder_hidden_states=start)
        return self.time_mixer(tokens, moved, tokens.new_zeros(clips, frames))

    def _run(self, call: Callable[..., Tensor], *arguments: Any) -> Tensor:
        """A part's output; it is computed again in the backward pass where memory counts."""
        if torch.is_grad_enabled() and self.gradient_checkpointing:
            checkpoint: Any = getattr(self, "_gradient_checkpointing_func", None)
            return checkpoint(call, *arguments)
        return call(*arguments)


def use_video_blocks(network: nn.Module) -> None:
    """Turn every spatio-temporal block inside a network into the one of this module.

    Only the classes change: weights, their names and the results for videos stay.
    """
    for where, module in network.named_modules():
        if type(module) is SpatioTemporalResBlock:
            module.__class__ = VideoResBlock
        elif type(module) is TransformerSpatioTemporalModel:
            module.__class__ = VideoTransformer
            module.place = where
        elif type(module) is TemporalResnetBlock:
            for conv in (module.conv1, module.conv2):
                conv.__class__ = TemporalConv
