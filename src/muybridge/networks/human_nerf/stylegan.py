"""From a code to feature planes: StyleGAN2's generator (Karras et al., 2020).

Mapping: normalised code, fully connected layers with a lowered learning rate. Synthesis:
modulated and demodulated 3x3 convolutions with skip outputs (figure 7b), no noise (the
release of SHERF switches it off), upsampling by the filter [1, 3, 3, 1].
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class EqualLinear(nn.Module):
    """A linear layer whose weights are drawn from N(0, 1) and scaled when used."""

    def __init__(self, inputs: int, outputs: int, bias: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), float(bias)))
        self.gain, self.rate = rate / math.sqrt(inputs), rate

    def forward(self, x: Float[Tensor, "B I"]) -> Float[Tensor, "B O"]:
        """``x W^T`` scaled, plus the bias."""
        return F.linear(x, self.weight * self.gain, self.bias * self.rate)


class Mapping(nn.Module):
    """A code to a style."""

    def __init__(self, code: int, style: int, layers: int) -> None:
        super().__init__()
        sizes = [code] + [style] * layers
        for k in range(layers):
            self.add_module(f"fc{k}", EqualLinear(sizes[k], sizes[k + 1], rate=0.01))
        self.count = layers

    def forward(self, code: Float[Tensor, "B Z"]) -> Float[Tensor, "B S"]:
        """The style, the same for all layers of the synthesis."""
        x = code * (code.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for k in range(self.count):
            x = _leaky(getattr(self, f"fc{k}")(x))
        return x


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2) * math.sqrt(2)


def _smooth(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H2 W2"]:
    """Filtered by [1, 3, 3, 1] both ways (three sums of neighbours), 3 smaller; its sum is 4."""
    for _ in range(3):
        x = x[..., :-1] + x[..., 1:]
        x = x[..., :-1, :] + x[..., 1:, :]
    return x / 16


class StyleConv(nn.Module):
    """A convolution whose inputs are scaled by the style.

    Args:
        kernel: 3, or 1 for the outputs, which are neither demodulated nor activated.
        up: double the size.
    """

    def __init__(
        self, inputs: int, outputs: int, style: int, kernel: int = 3, up: bool = False
    ) -> None:
        super().__init__()
        self.affine = EqualLinear(style, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.up, self.output = up, kernel == 1

    def forward(
        self, x: Float[Tensor, "B C H W"], style: Float[Tensor, "B S"]
    ) -> Float[Tensor, "B C2 H2 W2"]:
        """The features, activated unless the kernel is 1."""
        scale = self.affine(style)
        if self.output:
            scale = scale / math.sqrt(x.shape[1])
        x = x * scale[:, :, None, None]
        if self.up:
            x = F.conv_transpose2d(x, self.weight.transpose(0, 1), stride=2)
            x = _smooth(F.pad(x, (1, 1, 1, 1)))
        else:
            x = F.conv2d(x, self.weight, padding=self.weight.shape[-1] // 2)
        if not self.output:  # as if the weights' scaled squares summed to 1
            power = scale.square() @ self.weight.square().sum((2, 3)).T
            x = x * (power + 1e-8).rsqrt()[:, :, None, None]
        x = x + self.bias[:, None, None]
        return x if self.output else _leaky(x)


def double(picture: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H2 W2"]:
    """Twice the size, smoothed by the filter [1, 3, 3, 1]; black outside."""
    batch, channels, height, width = picture.shape
    apart = picture.new_zeros(batch, channels, 2 * height + 3, 2 * width + 3)
    apart[..., 2:-1:2, 2:-1:2] = picture
    return _smooth(apart)


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, style: int, pictures: int) -> None:
        super().__init__()
        if inputs:
            self.conv0 = StyleConv(inputs, outputs, style, up=True)
        else:
            self.const = nn.Parameter(torch.randn(outputs, 4, 4))
        self.conv1 = StyleConv(outputs, outputs, style)
        self.torgb = StyleConv(outputs, pictures, style, kernel=1)


class Synthesis(nn.Module):
    """A style to a picture of many channels.

    Args:
        style: length of the style.
        size: of the picture, a power of two.
        pictures: its channels.
        base, most: a block of resolution ``r`` has ``min(base // r, most)`` channels.
    """

    def __init__(self, style: int, size: int, pictures: int, base: int, most: int) -> None:
        super().__init__()
        self.sizes = [2**k for k in range(2, int(math.log2(size)) + 1)]
        before = 0
        for resolution in self.sizes:
            channels = min(base // resolution, most)
            self.add_module(f"b{resolution}", _Block(before, channels, style, pictures))
            before = channels

    def forward(self, style: Float[Tensor, "B S"]) -> Float[Tensor, "B C H W"]:
        """The sum of every block's output, each enlarged to the last one's size."""
        first = self.get_submodule("b4")
        assert isinstance(first, _Block)
        x = first.conv1(first.const.expand(len(style), -1, -1, -1), style)
        picture: Tensor = first.torgb(x, style)
        for resolution in self.sizes[1:]:
            block = getattr(self, f"b{resolution}")
            x = block.conv1(block.conv0(x, style), style)
            picture = double(picture) + block.torgb(x, style)
        return picture


class PlaneGenerator(nn.Module):
    """A code to three planes of features.

    Args:
        code, style: lengths.
        layers: of the mapping.
        size: of the planes.
        channels: of each.
        base, most: see :class:`Synthesis`.
    """

    def __init__(
        self, code: int, style: int, layers: int, size: int, channels: int, base: int, most: int
    ) -> None:
        super().__init__()
        self.mapping = Mapping(code, style, layers)
        self.synthesis = Synthesis(style, size, 3 * channels, base, most)

    def forward(self, code: Float[Tensor, "B Z"]) -> Float[Tensor, "B 3 C S S"]:
        """The planes xy, xz and zy."""
        planes = self.synthesis(self.mapping(code))
        return planes.unflatten(1, (3, -1))
