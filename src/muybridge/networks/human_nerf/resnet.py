"""The picture encoders: ResNet's first stages (He et al., 2016, table 1, 18 layers)."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.networks.human_nerf.norms import Norm, make_norm


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, in_channels: int, channels: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.bn1 = make_norm(norm, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = make_norm(norm, channels)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False),
                make_norm(norm, channels),
            )

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C2 H2 W2"]:
        """The block's output, ``stride`` times smaller."""
        short = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + short)


class PictureEncoder(nn.Module):
    """A 7x7 convolution of stride 2, then stages of blocks; each after the first halves.

    Args:
        widths: channels of each stage; the first convolution has those of the first.
        depths: blocks of each stage.
        pool: halve once more between the first convolution and the first stage.
        norm: of every convolution.
    """

    def __init__(
        self, widths: Sequence[int], depths: Sequence[int], pool: bool, norm: Norm
    ) -> None:
        super().__init__()
        self.pool = pool
        self.conv1 = nn.Conv2d(3, widths[0], 7, 2, 3, bias=False)
        self.bn1 = make_norm(norm, widths[0])
        stages = []
        before = widths[0]
        for k, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            blocks = []
            for i in range(depth):
                blocks.append(BasicBlock(before, width, 2 if k and not i else 1, norm))
                before = width
            stages.append(nn.Sequential(*blocks))
        self.layers = nn.ModuleList(stages)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, picture: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B C h w"]:
        """The last stage's features. The picture is in [0, 1], not normalised further."""
        x = F.relu(self.bn1(self.conv1(picture)))
        if self.pool:
            x = F.max_pool2d(x, 3, 2, 1)
        for layer in self.layers:
            x = layer(x)
        return x
