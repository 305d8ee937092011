"""LPIPS: how unlike two pictures look, by the features of a picture network.

Zhang et al. 2018, version 0.1 of the weights. Features are brought to length one at every
place; their squared differences are weighted by channel, averaged over places and added up over
layers. The channels' weights come with torchmetrics; the backbone's are the user's own file
(:mod:`muybridge.evaluation.backbones`).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from muybridge.errors import InputError
from muybridge.evaluation.backbones import Backbone, kind_of, load_backbone
from muybridge.evaluation.metric import Metric
from muybridge.evaluation.pictures import mean_of
from muybridge.evaluation.sample import Sample
from muybridge.networks.weights import check_keys, read_weights

_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""ImageNet's mean and deviation, for colours in [-1, 1], as the authors rounded them."""
_SMALL = 1e-10
_CHUNK = 1 << 19
"""Pixels to work on at once, so that memory stays bounded."""


class Lpips(nn.Module):
    """The distance; frozen, but gradients reach the pictures, so it can serve as a loss.

    Args:
        net: ``squeeze``, ``alex`` or ``vgg``.
        backbone: gives the features.
        heads: weights of each layer's channels.
    """

    def __init__(
        self, net: str, backbone: Backbone, heads: list[Float[Tensor, "1 _ 1 1"]]
    ) -> None:
        super().__init__()
        self.net, self.kind = net, kind_of(net)
        self.backbone = backbone
        for number, head in enumerate(heads):
            self.register_buffer(f"head{number}", head.detach().float())
        self.register_buffer("shift", torch.tensor(_SHIFT)[:, None, None])
        self.register_buffer("scale", torch.tensor(_SCALE)[:, None, None])
        self.eval().requires_grad_(False)

    @classmethod
    def load(cls, net: str, backbone_path: Path | str | None) -> Lpips:
        """LPIPS as its authors trained it.

        Args:
            net: ``squeeze``, ``alex`` or ``vgg``; papers mostly print ``alex`` or ``vgg``.
            backbone_path: torchvision's weights of that network.

        Raises:
            InputError: there is no such network, torchmetrics is not installed, or a file does
                not fit.
            MissingWeights: no path was given; the text says what to get.
        """
        backbone = load_backbone(net, backbone_path)
        return cls(net, backbone, read_heads(net))

    def forward(
        self, a: Float[Tensor, "N 3 H W"], b: Float[Tensor, "N 3 H W"]
    ) -> Float[Tensor, "N"]:  # noqa: F821
        """Distance of each pair of pictures, RGB in [0, 1]; 0 where they are equal.

        Raises:
            InputError: the pictures are too small for the network.
        """
        return torch.stack([layer.mean((1, 2, 3)) for layer in self.layers(a, b)]).sum(0)

    def image(
        self, a: Float[Tensor, "N 3 H W"], b: Float[Tensor, "N 3 H W"]
    ) -> Float[Tensor, "N 1 H W"]:
        """The distance around every pixel: all layers enlarged to the picture and added up."""
        return self._enlarged(self.layers(a, b), a.shape[-2:])

    def both(
        self,
        a: Float[Tensor, "N 3 H W"],
        b: Float[Tensor, "N 3 H W"],
        mask: Bool[Tensor, "N 1 H W"],
    ) -> tuple[Float[Tensor, "N"], Float[Tensor, "N"]]:  # noqa: F821
        """The distance of whole pictures, and the mean of :meth:`image` over the mask.

        A picture whose mask is empty has ``nan`` for the second. Without gradients, some
        pictures at a time.
        """
        size = max(1, _CHUNK // (a.shape[-1] * a.shape[-2]))
        whole, inside = [a.new_zeros(0)], [a.new_zeros(0)]
        with torch.no_grad():
            for x, y, m in zip(a.split(size), b.split(size), mask.split(size), strict=True):
                layers = self.layers(x, y)
                whole.append(torch.stack([layer.mean((1, 2, 3)) for layer in layers]).sum(0))
                image = self._enlarged(layers, a.shape[-2:])
                inside.append((image * m).sum((1, 2, 3)) / m.sum((1, 2, 3)))
        return torch.cat(whole), torch.cat(inside)

    def layers(
        self, a: Float[Tensor, "N 3 H W"], b: Float[Tensor, "N 3 H W"]
    ) -> list[Float[Tensor, "N 1 _ _"]]:
        """The weighted squared differences of each layer, at its own size."""
        height, width = a.shape[-2:]
        if min(height, width) < self.kind.least:
            raise InputError("pictures", "size", f"{width}x{height} pixels",
                             f"lpips[{self.net}] needs at least {self.kind.least} a side")
        first, second = self.backbone(self._scaled(a)), self.backbone(self._scaled(b))
        found = []
        for number, (x, y) in enumerate(zip(first, second, strict=True)):
            apart = (_unit(x) - _unit(y)).square()
            found.append((apart * self.get_buffer(f"head{number}")).sum(1, keepdim=True))
        return found

    def _scaled(self, pictures: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N 3 H W"]:
        return (2 * pictures.float() - 1 - self.get_buffer("shift")) / self.get_buffer("scale")

    @staticmethod
    def _enlarged(
        layers: list[Float[Tensor, "N 1 _ _"]], size: torch.Size
    ) -> Float[Tensor, "N 1 H W"]:
        large = [
            F.interpolate(x, tuple(size), mode="bilinear", align_corners=False) for x in layers
        ]
        return torch.stack(large).sum(0)


def read_heads(net: str) -> list[Float[Tensor, "1 _ 1 1"]]:
    """The weights of each layer's channels as the authors trained them, none negative.

    Raises:
        InputError: torchmetrics, which they come with, is not installed, or they don't fit.
    """
    kind = kind_of(net)
    try:
        folder = resources.files("torchmetrics") / "functional" / "image" / "lpips_models"
    except ModuleNotFoundError:
        raise InputError("torchmetrics", "", "is not installed, and lpips needs it",
                         'pip install "muybridge[eval]"') from None
    names = [f"lin{number}.model.1.weight" for number in range(len(kind.channels))]
    shapes = {
        name: torch.empty(1, channels, 1, 1, device="meta")
        for name, channels in zip(names, kind.channels, strict=True)
    }
    with resources.as_file(folder / f"{net}.pth") as path:
        given = read_weights(path, torch.float32)
        check_keys(shapes, given, path)
    return [given[name] for name in names]


def _unit(features: Float[Tensor, "N C h w"]) -> Float[Tensor, "N C h w"]:
    """Every place's features at length one; the clamp keeps gradients finite where all are 0."""
    length = features.square().sum(1, keepdim=True).clamp(min=_SMALL**2).sqrt()
    return features / (length + _SMALL)


def lpips_metric(lpips: Lpips) -> Metric:
    """The distance as a score of items: ``lpips[NET]`` on the foreground, and ``/frame``."""
    name = f"lpips[{lpips.net}]"

    def function(sample: Sample) -> dict[str, float]:
        if min(sample.made.shape[-2:]) < lpips.kind.least:
            return {}
        whole, inside = lpips.both(
            sample.made.flatten(0, 1), sample.truth.flatten(0, 1),
            sample.foreground.flatten(0, 1),
        )
        return mean_of(name, inside) | mean_of(f"{name}/frame", whole)

    return Metric(
        name, "", "lower", f"LPIPS 0.1, the distance of {lpips.net}'s features; its image is "
        "averaged over the foreground.", function,
    )


def lpips_metrics(backbones: Mapping[str, Path | str | None]) -> tuple[Metric, ...]:
    """A score for each backbone that the user has.

    Args:
        backbones: paths of torchvision's weights, by ``squeeze``, ``alex``, ``vgg``.

    Raises:
        InputError, MissingWeights: see :meth:`Lpips.load`.
    """
    return tuple(lpips_metric(Lpips.load(net, path)) for net, path in backbones.items())
