"""HVG's pose modulator: a small encoder per map of the skeleton, and attention of one to the other.

Paper 3.2: a normal map guider and a depth map guider of four convolutions each, a cross-attention
layer, the result into the first block of the UNet. Kernels, strides and widths are lost from the
text; it cites ControlNet, whose paper has 4 x 4 kernels of stride 2 and widths 16, 32, 64, 128.
Four strides of 2 would make 16 pixels to a latent where the autoencoder makes 8, so the last
convolution has stride 1. Which map asks and which answers is not said: the first one asks.
Features are added behind the UNet's first convolution and start at zero.
"""

from __future__ import annotations

from collections.abc import Sequence

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.attention_processor import Attention
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.networks.cue_encoders import convolutions
from muybridge.networks.video_init import zero_linear

MAP_CHANNELS: dict[str, int] = {"normal": 3, "depth": 1, "skeleton": 3, "body_normal": 3}
"""Maps that may guide, and their channels: of the bones (HVG), or what others use instead."""


def map_channels(maps: Sequence[str]) -> tuple[int, ...]:
    """Channels of each of these maps.

    Raises:
        ValueError: there are not one or two, one is named twice, or there is none of that name.
    """
    if not 1 <= len(maps) <= 2 or len(set(maps)) < len(maps):
        raise ValueError(f"one or two different maps guide, not {', '.join(maps) or 'none'}")
    unknown = [name for name in maps if name not in MAP_CHANNELS]
    if unknown:
        raise ValueError(f"there is no map {unknown[0]!r}; there are {', '.join(MAP_CHANNELS)}")
    return tuple(MAP_CHANNELS[name] for name in maps)


class PoseModulator(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Features of pose maps at the size of the latents.

    With one map, attention is of its features to themselves, so that leaving a map out takes
    away what it says and not a layer.

    Args:
        maps: one or two of :data:`MAP_CHANNELS`; the first asks the second.
        channels: width of every convolution of a guider.
        strides: of every convolution; their product is pixels per latent.
        heads: of the attention.
        out_channels: width of the UNet's first level.
    """

    @register_to_config
    def __init__(
        self,
        maps: Sequence[str] = ("normal", "depth"),
        channels: Sequence[int] = (16, 32, 64, 128),
        strides: Sequence[int] = (2, 2, 2, 1),
        heads: int = 4,
        out_channels: int = 320,
    ) -> None:
        super().__init__()
        width = channels[-1]
        if width % heads:
            raise ValueError(f"{heads} heads do not divide {width} channels")
        self.map_channels = map_channels(maps)
        self.guiders = nn.ModuleDict({
            name: convolutions(count, channels, strides)
            for name, count in zip(maps, self.map_channels, strict=True)
        })
        self.norms = nn.ModuleDict({name: nn.LayerNorm(width) for name in maps})
        self.attention = Attention(
            query_dim=width, cross_attention_dim=width, heads=heads, dim_head=width // heads
        )
        self.final_proj = nn.Conv2d(width, out_channels, 1)
        zero_linear(self.final_proj)

    def forward(self, pose: Float[Tensor, "*lead C H W"]) -> Float[Tensor, "N c0 h w"]:
        """Features of every picture; the leading dimensions are flattened into ``N``.

        Args:
            pose: the maps in [0, 1] over 0, one behind the other in the order of ``maps``.
        """
        maps = pose.flatten(0, -4).split(self.map_channels, 1)
        features = [
            guider(each) for guider, each in zip(self.guiders.values(), maps, strict=True)
        ]
        tokens = [
            norm(each.flatten(2).transpose(1, 2))
            for norm, each in zip(self.norms.values(), features, strict=True)
        ]
        fused = self.attention(tokens[0], encoder_hidden_states=tokens[-1])
        together = features[0] + fused.transpose(1, 2).unflatten(2, features[0].shape[2:])
        return self.final_proj(together)
