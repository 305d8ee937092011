"""Small convolutional encoders that turn cue pictures into features for the video UNet.

GAS (paper 3.3) has two: ``PoseNet`` reads rendered normal maps of the body at picture size,
``NeRFNet`` reads the VAE latents of the human NeRF's rendering. Their outputs are added up and
added to the features behind the UNet's first convolution. The parameters are named as in the
released ``pose_net.pth`` and ``nerf_net.pth``: ``conv_layers.N``, ``final_proj``, ``scale``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.networks.video_init import zero_linear


def convolutions(
    in_channels: int, channels: Sequence[int], strides: Sequence[int]
) -> nn.Sequential:
    """Convolutions, each followed by SiLU.

    Stride 1 has 3x3 kernels; an even stride ``s`` has ``2s x 2s`` kernels, so that the picture
    shrinks by exactly ``s``.

    Args:
        in_channels: of the pictures.
        channels: width of every convolution.
        strides: of every convolution.

    Raises:
        ValueError: ``channels`` and ``strides`` differ in length, or a stride is odd.
    """
    if len(channels) != len(strides):
        raise ValueError(f"{len(channels)} widths but {len(strides)} strides")
    layers: list[nn.Module] = []
    width = in_channels
    for channel, stride in zip(channels, strides, strict=True):
        if stride != 1 and (stride < 1 or stride % 2):
            raise ValueError(f"a stride of {stride} is neither 1 nor even")
        kernel, padding = (3, 1) if stride == 1 else (2 * stride, stride // 2)
        conv = nn.Conv2d(width, channel, kernel, stride, padding)
        zero_linear(conv)
        nn.init.normal_(conv.weight, std=math.sqrt(2 / (kernel * kernel * width)))
        layers += [conv, nn.SiLU()]
        width = channel
    return nn.Sequential(*layers)


class _CueEncoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Convolutions with SiLU, a 1x1 projection that starts at zero, a learned factor."""

    def _build(
        self, in_channels: int, channels: Sequence[int], strides: Sequence[int], out_channels: int
    ) -> None:
        """Make the layers; raises as :func:`convolutions` does."""
        self.conv_layers = convolutions(in_channels, channels, strides)
        self.final_proj = nn.Conv2d(channels[-1], out_channels, 1)
        zero_linear(self.final_proj)
        self.scale = nn.Parameter(torch.full((1,), 2.0))

    def forward(self, pictures: Float[Tensor, "*lead C H W"]) -> Float[Tensor, "N c0 h w"]:
        """Features of every picture; the leading dimensions are flattened into ``N``."""
        flat = pictures.flatten(0, -4)
        return self.final_proj(self.conv_layers(flat)) * self.scale


class PoseNet(_CueEncoder):
    """Encodes normal maps of the body, RGB (or RGB and mask) in [0, 1].

    Args:
        in_channels: 3 for the release.
        channels: width of every convolution.
        strides: of every convolution; their product is pixels per latent.
        out_channels: width of the UNet's first level.
    """

    @register_to_config
    def __init__(
        self,
        in_channels: int = 3,
        channels: Sequence[int] = (3, 16, 16, 32, 32, 64, 64, 128),
        strides: Sequence[int] = (1, 2, 1, 2, 1, 2, 1, 1),
        out_channels: int = 320,
    ) -> None:
        super().__init__()
        self._build(in_channels, channels, strides, out_channels)


class NeRFNet(_CueEncoder):
    """Encodes the (unscaled) latents of the cue picture, which the human NeRF rendered.

    Args: as for :class:`PoseNet`; ``in_channels`` is the number of latent channels.
    """

    @register_to_config
    def __init__(
        self,
        in_channels: int = 4,
        channels: Sequence[int] = (4, 16, 32, 64, 128),
        strides: Sequence[int] = (1, 1, 1, 1, 1),
        out_channels: int = 320,
    ) -> None:
        super().__init__()
        self._build(in_channels, channels, strides, out_channels)
