"""A small network that says in one token who is in the reference picture.

It stands where SVD has CLIP's image embedding, in sizes too small for CLIP, and is trained
together with the UNet.
"""

from __future__ import annotations

from collections.abc import Sequence

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor, nn


class ReferenceToken(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Patches, strided convolutions, the mean over the picture, a linear layer.

    Args:
        in_channels: 3 for RGB, 4 for RGB and matte.
        patch: size of the first, non-overlapping patches in pixels.
        channels: widths; every one after the first halves the resolution.
        cross_attention_dim: width of the token.
    """

    @register_to_config
    def __init__(
        self,
        in_channels: int = 4,
        patch: int = 4,
        channels: Sequence[int] = (32, 64, 64),
        cross_attention_dim: int = 64,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(in_channels, channels[0], patch, patch), nn.SiLU()]
        for width, wider in zip(channels[:-1], channels[1:], strict=True):
            layers += [nn.Conv2d(width, wider, 4, 2, 1), nn.SiLU()]
        self.conv_layers = nn.Sequential(*layers)
        self.final_proj = nn.Linear(channels[-1], cross_attention_dim)

    def forward(self, pictures: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 1 D"]:
        """The token of each picture (values in [-1, 1], as for the autoencoder)."""
        return self.final_proj(self.conv_layers(pictures).mean((2, 3)))[:, None]
