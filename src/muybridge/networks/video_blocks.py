"""Blocks of the video UNet that also take single images, with temporal convolutions that are quick.

diffusers' spatio-temporal blocks do a spatial and a temporal part and mix the two. The blocks
here keep their weights, names and results, and add an image mode in which the temporal part is
left out. The mode travels with the call: diffusers hands ``image_only_indicator`` through every
block to read the number of frames from it, and here ``None`` stands for "images". So there is
no state to set, and copies and several networks at a time can't disturb one another.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.resnet import SpatioTemporalResBlock, TemporalResnetBlock
from diffusers.models.transformers.transformer_temporal import (
    TransformerSpatioTemporalModel,
    TransformerTemporalModelOutput,
)
from jaxtyping import Float
from torch import Tensor, nn


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

    def forward(
        self,
        hidden_states: Float[Tensor, "BF C H W"],
        temb: Float[Tensor, "BF D"] | None = None,
        image_only_indicator: Float[Tensor, "B F"] | None = None,
    ) -> Float[Tensor, "BF C2 H W"]:
        """Features of each frame; ``image_only_indicator=None`` leaves time out."""
        spatial = self.spatial_res_block(hidden_states, temb)
        if image_only_indicator is None:
            return spatial
        frames = image_only_indicator.shape[-1]
        clip = spatial.unflatten(0, (-1, frames)).transpose(1, 2)
        moved = self.temporal_res_block(
            clip, None if temb is None else temb.unflatten(0, (-1, frames))
        )
        share = self.time_mixer.get_alpha(image_only_indicator[:1, :1], clip.ndim).to(clip.dtype)
        return torch.lerp(moved, clip, share).transpose(1, 2).flatten(0, 1)


class VideoTransformer(TransformerSpatioTemporalModel):
    """diffusers' transformer over space and time; over space alone for images."""

    def forward(
        self,
        hidden_states: Float[Tensor, "BF C H W"],
        encoder_hidden_states: Float[Tensor, "BF L D"] | None = None,
        image_only_indicator: Float[Tensor, "B F"] | None = None,
        return_dict: bool = True,
    ) -> TransformerTemporalModelOutput | tuple[Tensor]:
        """Features of each frame; ``image_only_indicator=None`` leaves time out."""
        if image_only_indicator is not None:
            return super().forward(
                hidden_states, encoder_hidden_states, image_only_indicator, return_dict
            )
        height, width = hidden_states.shape[-2:]
        tokens = self.proj_in(self.norm(hidden_states).flatten(2).transpose(1, 2))
        checkpoint: Any = getattr(self, "_gradient_checkpointing_func", None)
        for block in self.transformer_blocks:
            if torch.is_grad_enabled() and self.gradient_checkpointing:
                tokens = checkpoint(block, tokens, None, encoder_hidden_states, None)
            else:
                tokens = block(tokens, encoder_hidden_states=encoder_hidden_states)
        change = self.proj_out(tokens).transpose(1, 2).unflatten(2, (height, width))
        output = change + hidden_states
        return TransformerTemporalModelOutput(sample=output) if return_dict else (output,)


def use_video_blocks(network: nn.Module) -> None:
    """Turn every spatio-temporal block inside a network into the one of this module.

    Only the classes change: weights, their names and the results for videos stay.
    """
    for module in network.modules():
        if type(module) is SpatioTemporalResBlock:
            module.__class__ = VideoResBlock
        elif type(module) is TransformerSpatioTemporalModel:
            module.__class__ = VideoTransformer
        elif type(module) is TemporalResnetBlock:
            for conv in (module.conv1, module.conv2):
                conv.__class__ = TemporalConv
