"""ReferenceNet: the states of a reference picture that the video UNet's attention looks at.

Animate Anyone's, as HVG uses it: an image UNet of the video UNet's widths reads the reference's
latents without noise, once, at time 0. It keeps the normed tokens that its self-attentions get; the
attentions of the same names in the video UNet read them
(:mod:`muybridge.networks.reference_attention`). HVG (paper 3.2) restricts this to "the downblock
and midblock of the DenoisingNet decoder"; we read: down and middle blocks.

The weights are those of diffusers' ``UNet2DConditionModel`` under its names, as far as the last
state that is read depends on them: what lies behind is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.networks.reference_attention import places


class ReferenceNet(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Encodes reference pictures for :class:`muybridge.networks.video_unet.HumanVideoUNet`.

    Args:
        in_channels: of the latents.
        block_out_channels, layers_per_block, cross_attention_dim, num_attention_heads: as those
            of the video UNet.
        crossed: which levels have attention, from the top.
        fusion: which attentions the video UNet reads (``downmid``, ``midup`` or ``full``).

    Attributes:
        places: their names, in the order in which they run.
    """

    _supports_gradient_checkpointing = True

    @register_to_config
    def __init__(
        self,
        in_channels: int = 4,
        block_out_channels: Sequence[int] = (320, 640, 1280, 1280),
        crossed: Sequence[bool] = (True, True, True, False),
        layers_per_block: int = 2,
        cross_attention_dim: int = 1024,
        num_attention_heads: Sequence[int] = (5, 10, 20, 20),
        fusion: str = "downmid",
    ) -> None:
        super().__init__()
        whole = image_unet(
            in_channels, block_out_channels, crossed, layers_per_block, cross_attention_dim,
            num_attention_heads,
        )
        self.places = places(whole, fusion)
        self.time_proj = whole.time_proj
        parts: dict[str, Any] = dict(whole.named_children())
        self.conv_in: Any = parts["conv_in"]
        self.time_embedding: Any = parts["time_embedding"]
        self.down_blocks: Any = parts["down_blocks"]
        self.mid_block: Any = parts["mid_block"]
        self.up_blocks: Any = parts["up_blocks"]
        self._drop_unread()

    def _drop_unread(self) -> None:
        """Take out what no state depends on."""
        last = self.places[-1]
        if last.startswith("mid_block."):
            self.up_blocks = nn.ModuleList()
            self.mid_block.resnets = self.mid_block.resnets[:1]
            transformer = self.mid_block.attentions[0]
        else:
            number = int(last.split(".")[1])
            self.up_blocks = self.up_blocks[:number + 1]
            self.up_blocks[number].upsamplers = None
            transformer = self.up_blocks[number].attentions[-1]
        transformer.proj_out = None
        block = transformer.transformer_blocks[-1]
        for name in ("attn1", "norm2", "attn2", "norm3", "ff"):
            setattr(block, name, None)

    def forward(
        self, latents: Float[Tensor, "R K h w"], context: Float[Tensor, "R L D"]
    ) -> dict[str, Float[Tensor, "R S C"]]:
        """The bank: states by place.

        Args:
            latents: of the references, without noise, as they are concatenated for the video UNet.
            context: tokens of the references for cross-attention.
        """
        bank: dict[str, Tensor] = {}
        times = latents.new_zeros(len(latents))
        time = self.time_embedding(self.time_proj(times).to(latents.dtype))
        hidden = self.conv_in(latents)
        skips = [hidden]
        for number, block in enumerate(self.down_blocks):
            for layer, resnet in enumerate(block.resnets):
                hidden = self._run(resnet, hidden, time)
                if hasattr(block, "attentions"):
                    place = f"down_blocks.{number}.attentions.{layer}"
                    hidden = self._read(place, block.attentions[layer], hidden, context, bank)
                skips.append(hidden)
            for sampler in block.downsamplers or ():
                hidden = sampler(hidden)
                skips.append(hidden)
        hidden = self._run(self.mid_block.resnets[0], hidden, time)
        transformer = self.mid_block.attentions[0]
        hidden = self._read("mid_block.attentions.0", transformer, hidden, context, bank)
        for resnet in self.mid_block.resnets[1:]:
            hidden = self._run(resnet, hidden, time)
        for number, block in enumerate(self.up_blocks):
            for layer, resnet in enumerate(block.resnets):
                hidden = self._run(resnet, torch.cat([hidden, skips.pop()], 1), time)
                if hasattr(block, "attentions"):
                    place = f"up_blocks.{number}.attentions.{layer}"
                    hidden = self._read(place, block.attentions[layer], hidden, context, bank)
            for sampler in block.upsamplers or ():
                hidden = sampler(hidden, tuple(skips[-1].shape[2:]))
        return bank

    def _read(
        self, place: str, transformer: Any, hidden: Tensor, context: Tensor, bank: dict[str, Tensor]
    ) -> Tensor:
        """A transformer's output; what its self-attentions get goes into the bank.

        Behind the last state there is nothing to compute: the features come back as they were.
        """
        count, channels, height, width = hidden.shape
        tokens = transformer.norm(hidden).permute(0, 2, 3, 1)
        tokens = transformer.proj_in(tokens.reshape(count, height * width, channels))
        for number, block in enumerate(transformer.transformer_blocks):
            name = f"{place}.transformer_blocks.{number}.attn1"
            if name in self.places:
                bank[name] = block.norm1(tokens)
            if name == self.places[-1]:
                return hidden
            tokens = self._run(block, tokens, None, context)
        change = transformer.proj_out(tokens).reshape(count, height, width, channels)
        return change.permute(0, 3, 1, 2) + hidden

    gradient_checkpointing = False

    def _run(self, part: Any, *arguments: Any) -> Tensor:
        """A part's output; it is computed again in the backward pass where memory counts."""
        if torch.is_grad_enabled() and self.gradient_checkpointing:
            checkpoint: Any = getattr(self, "_gradient_checkpointing_func", None)
            return checkpoint(part, *arguments)
        return part(*arguments)


def image_unet(
    in_channels: int,
    block_out_channels: Sequence[int],
    crossed: Sequence[bool],
    layers_per_block: int,
    cross_attention_dim: int,
    num_attention_heads: Sequence[int],
) -> UNet2DConditionModel:
    """The image UNet whose layers are SVD's spatial ones; arguments as for :class:`ReferenceNet`.

    Raises:
        ValueError: the settings are of different lengths.
    """
    down = tuple("CrossAttnDownBlock2D" if each else "DownBlock2D" for each in crossed)
    up = tuple("CrossAttnUpBlock2D" if each else "UpBlock2D" for each in reversed(crossed))
    network = UNet2DConditionModel(
        in_channels=in_channels,
        out_channels=in_channels,
        down_block_types=down,
        up_block_types=up,
        block_out_channels=tuple(block_out_channels),
        layers_per_block=layers_per_block,
        cross_attention_dim=cross_attention_dim,
        attention_head_dim=tuple(num_attention_heads),  # diffusers' name for their number
        use_linear_projection=True,
    )
    _norms_as_in_svd(network)
    return network


def _norms_as_in_svd(network: Any) -> None:
    """SVD's blocks with attention, and those of the way up, have another epsilon."""
    groups = [
        *((block, 1e-6 if hasattr(block, "attentions") else 1e-5) for block in network.down_blocks),
        (network.mid_block, 1e-5),
        *((block, 1e-6) for block in network.up_blocks),
    ]
    for block, epsilon in groups:
        for resnet in block.resnets:
            resnet.norm1.eps = resnet.norm2.eps = epsilon
