"""The 3D ResNet-50 of Kinetics that FID-VID is taken with: DisCo's, and those compared to it.

The file is ``resnet-50-kinetics.pth`` of kenshohara's 3D-ResNets-PyTorch (shortcuts of type
B). Clips have 16 frames of 112 x 112 pixels; the means of ActivityNet are taken off values of
0 to 255, and nothing is divided. Pictures are resized as DisCo's evaluation does, bicubic and
antialiased.

Two things differ from DisCo's program, and its figures can't be met to the digit: it repeats
the last frame until a video fills its last clip (here nothing is padded), and takes clips one
after another (``stride=16``; here they overlap by half unless told otherwise).
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.evaluation.extractors.checkpoint import network_of
from muybridge.evaluation.extractors.extractor import Extractor, digest_of, to_square

SIZE, LENGTH, STRIDE = 112, 16, 8
FEATURES, CLASSES = 2048, 400
MEAN = (114.7748, 107.7354, 99.4750)
"""Of red, green and blue, of 0 to 255."""
_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""Inner width, blocks, stride of the first block."""


class Bottleneck(nn.Module):
    """Kernels of 1, 3 and 1 beside a shortcut; four times as wide at the end."""

    def __init__(self, take: int, inner: int, stride: int) -> None:
        super().__init__()
        give = 4 * inner
        self.conv1 = nn.Conv3d(take, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm3d(inner)
        self.conv2 = nn.Conv3d(inner, inner, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm3d(inner)
        self.conv3 = nn.Conv3d(inner, give, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(give)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or take != give:
            self.downsample = nn.Sequential(
                nn.Conv3d(take, give, 1, stride, bias=False), nn.BatchNorm3d(give)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Features of the same or of half the extent."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        return F.relu(self.bn3(self.conv3(x)) + shortcut)


class ResNet3D(nn.Module):
    """The network; ``fc`` belongs to the file and is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 64, 7, (1, 2, 2), 3, bias=False)
        self.bn1 = nn.BatchNorm3d(64)
        take = 64
        for number, (inner, blocks, stride) in enumerate(_STAGES, 1):
            stage = nn.Sequential(Bottleneck(take, inner, stride))
            take = 4 * inner
            stage.extend([Bottleneck(take, inner, 1) for _ in range(blocks - 1)])
            self.add_module(f"layer{number}", stage)
        self.fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, x: Float[Tensor, "N 3 T H W"]) -> Float[Tensor, "N 2048"]:
        """Means over what is left of time and picture (1 x 4 x 4 of 16 x 112 x 112).

        Args:
            x: RGB of 0 to 255 less :data:`MEAN`.
        """
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.max_pool3d(x, 3, 2, 1)
        for number in range(1, len(_STAGES) + 1):
            x = self.get_submodule(f"layer{number}")(x)
        return x.mean((2, 3, 4))


def resnet3d(
    path: Path, device: torch.device | str = "cpu", stride: int = STRIDE
) -> Extractor:
    """The extractor of FID-VID, from the user's file (``.pth`` or ``.safetensors``).

    Raises:
        InputError: the file is absent, damaged, holds code, or another network's weights.
    """
    network = network_of(ResNet3D, path, device)
    mean = torch.tensor(MEAN, device=device).view(3, 1, 1)

    def run(frames: Tensor) -> Tensor:
        square = to_square(frames, SIZE, "bicubic", True)
        return network((255 * square - mean).transpose(1, 2))

    return Extractor(
        name="resnet3d-50", score="fid-vid", kernel="kid-vid", kind="clip", length=LENGTH,
        stride=stride, size=SIZE, resize="bicubic, antialiased", dimension=FEATURES,
        digest=digest_of(path), run=run, chunk=4, device=device,
    )
