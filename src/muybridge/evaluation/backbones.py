"""The picture networks whose features LPIPS compares: SqueezeNet 1.1, AlexNet and VGG16.

Iandola et al. 2016, Krizhevsky 2014, Simonyan & Zisserman 2015, in plain torch. Parameters are
named and shaped as in torchvision, whose weight files load strictly; their classifiers are left
out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.errors import InputError, MissingWeights
from muybridge.networks.weights import load_strictly, read_weights

_CLASSIFIER = "classifier."


class Backbone(nn.Module):
    """Layers one after the other, and which of them are looked at.

    Args:
        features: the layers.
        taps: numbers of the layers whose outputs are given, all behind a ReLU.
    """

    def __init__(self, features: nn.Sequential, taps: tuple[int, ...]) -> None:
        super().__init__()
        self.features = features
        self.taps = taps

    def forward(self, pictures: Float[Tensor, "N 3 H W"]) -> list[Float[Tensor, "N _ _ _"]]:
        """The outputs at the taps, of pictures that are already scaled."""
        found = []
        x = pictures
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self.taps:
                found.append(x)
        return found


class Fire(nn.Module):
    """SqueezeNet's block: few channels, then 1x1 and 3x3 convolutions side by side.

    Args:
        given: channels of the input.
        squeezed: channels in between.
        half: channels of each of the two, which are put one behind the other.
    """

    def __init__(self, given: int, squeezed: int, half: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(given, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, half, 1)
        self.expand3x3 = nn.Conv2d(squeezed, half, 3, padding=1)

    def forward(self, x: Float[Tensor, "N _ H W"]) -> Float[Tensor, "N _ H W"]:
        """Twice ``half`` channels."""
        few = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(few), self.expand3x3(few)], 1).relu()


def squeezenet() -> Backbone:
    """SqueezeNet 1.1, untrained."""

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    return Backbone(
        nn.Sequential(
            nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(), pool(),
            Fire(64, 16, 64), Fire(128, 16, 64), pool(),
            Fire(128, 32, 128), Fire(256, 32, 128), pool(),
            Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256),
        ),
        (1, 4, 7, 9, 10, 11, 12),
    )


def alexnet() -> Backbone:
    """AlexNet (its second form, of one column), untrained."""
    return Backbone(
        nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(),
        ),
        (1, 4, 7, 9, 11),
    )


def vgg16() -> Backbone:
    """VGG of 16 layers, without batch norm, untrained; up to its last convolution."""
    layers: list[nn.Module] = []
    given = 3
    for widths in ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3):
        if layers:
            layers.append(nn.MaxPool2d(2, 2))
        for width in widths:
            layers += [nn.Conv2d(given, width, 3, padding=1), nn.ReLU()]
            given = width
    return Backbone(nn.Sequential(*layers), (3, 8, 15, 22, 29))


@dataclass(frozen=True)
class Kind:
    """A backbone that LPIPS knows.

    Attributes:
        make: gives it untrained.
        channels: of each tap.
        least: least side of a picture, pixels.
        file: torchvision's weights. megabytes: their size.
    """

    make: Callable[[], Backbone]
    channels: tuple[int, ...]
    least: int
    file: str
    megabytes: int


KINDS: dict[str, Kind] = {
    "squeeze": Kind(
        squeezenet, (64, 128, 256, 384, 384, 512, 512), 17, "squeezenet1_1-b8a52dc0.pth", 5
    ),
    "alex": Kind(alexnet, (64, 192, 384, 256, 256), 31, "alexnet-owt-7be5be79.pth", 233),
    "vgg": Kind(vgg16, (64, 128, 256, 512, 512), 16, "vgg16-397923af.pth", 528),
}
"""By the names that LPIPS has for them."""


def kind_of(net: str) -> Kind:
    """The backbone of a name.

    Raises:
        InputError: there is no such backbone.
    """
    if net not in KINDS:
        raise InputError("lpips", "net", f"is {net!r}", "use one of " + ", ".join(KINDS))
    return KINDS[net]


def load_backbone(net: str, path: Path | str | None) -> Backbone:
    """A backbone with torchvision's weights, frozen.

    Args:
        net: ``squeeze``, ``alex`` or ``vgg``.
        path: torchvision's ``.pth``, or the same tensors as ``.safetensors``.

    Raises:
        InputError: there is no such backbone, or the file is damaged or does not fit.
        MissingWeights: no path was given; the text says what to get.
    """
    kind = kind_of(net)
    if path is None:
        raise MissingWeights(
            f"lpips[{net}] needs the weights of its backbone, which are not part of muybridge. "
            f"To get them:\n  {kind.file}, of torchvision (pytorch/vision)\n"
            f"  about {kind.megabytes} MB, licence: BSD-3-Clause; trained on ImageNet, whose "
            "pictures are for research\nand give the file's path."
        )
    path = Path(path)
    given = read_weights(path, torch.float32)
    network = kind.make()
    load_strictly(
        network, {k: v for k, v in given.items() if not k.startswith(_CLASSIFIER)}, path
    )
    return network.eval().requires_grad_(False)
