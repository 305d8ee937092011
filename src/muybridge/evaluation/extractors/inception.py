"""Inception v3 as the FID was defined with it: TensorFlow's of 2015, its last pooled features.

The file is ``pt_inception-2015-12-05-6726825d.pth`` of the pytorch-fid release, and the names
here are the file's. It differs from other Inception v3 in its pools: averages do not count the
zeros around a picture, and the last block takes a maximum where all others average.

Pictures are resized to 299 x 299 as that release does: bilinear, pixel centres at +0.5, and
*without* antialiasing, so that pictures above 299 pixels alias. Programs that resize otherwise
report other values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.evaluation.extractors.checkpoint import network_of
from muybridge.evaluation.extractors.extractor import Extractor, digest_of, to_square

SIZE = 299
CLASSES = 1008
FEATURES = 2048
Shape = tuple[int, int]


class Convolution(nn.Module):
    """A convolution without bias, batch normalisation, and what is above zero of it."""

    def __init__(
        self, take: int, give: int, kernel: int | Shape = 1, stride: int = 1, pad: bool = True
    ) -> None:
        super().__init__()
        shape = (kernel, kernel) if isinstance(kernel, int) else kernel
        around = (shape[0] // 2, shape[1] // 2) if pad else (0, 0)
        self.conv = nn.Conv2d(take, give, shape, stride, around, bias=False)
        self.bn = nn.BatchNorm2d(give, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """Features of the same or of half the height and width."""
        return F.relu(self.bn(self.conv(x)))


Step = str | tuple[str, str]


class Mixed(nn.Module):
    """Several ways from the same features, put side by side.

    Args:
        parts: the convolutions by name.
        ways: each a sequence of names; a pair of names forks, and both go side by side.
            ``average``, ``most`` and ``halve`` are pools of 3 x 3.
    """

    def __init__(
        self, parts: Mapping[str, Convolution], ways: Sequence[Sequence[Step]]
    ) -> None:
        super().__init__()
        self.ways = ways
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Tensor:
        """Channels of all ways, in their order."""
        return torch.cat([self._along(way, x) for way in self.ways], 1)

    def _along(self, way: Sequence[Step], x: Tensor) -> Tensor:
        for step in way:
            if isinstance(step, tuple):
                x = torch.cat([self._one(name, x) for name in step], 1)
            else:
                x = self._one(step, x)
        return x

    def _one(self, name: str, x: Tensor) -> Tensor:
        if name == "average":
            return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        if name == "most":
            return F.max_pool2d(x, 3, 1, 1)
        if name == "halve":
            return F.max_pool2d(x, 3, 2)
        return self.get_submodule(name)(x)


def _fine(take: int, pooled: int) -> Mixed:
    """35 x 35: kernels of 1, 5, twice 3, and a pool."""
    C = Convolution
    return Mixed(
        {
            "branch1x1": C(take, 64),
            "branch5x5_1": C(take, 48), "branch5x5_2": C(48, 64, 5),
            "branch3x3dbl_1": C(take, 64), "branch3x3dbl_2": C(64, 96, 3),
            "branch3x3dbl_3": C(96, 96, 3),
            "branch_pool": C(take, pooled),
        },
        [["branch1x1"], ["branch5x5_1", "branch5x5_2"],
         ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"], ["average", "branch_pool"]],
    )


def _to_middle() -> Mixed:
    C = Convolution
    return Mixed(
        {
            "branch3x3": C(288, 384, 3, 2, pad=False),
            "branch3x3dbl_1": C(288, 64), "branch3x3dbl_2": C(64, 96, 3),
            "branch3x3dbl_3": C(96, 96, 3, 2, pad=False),
        },
        [["branch3x3"], ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"], ["halve"]],
    )


def _middle(inner: int) -> Mixed:
    """17 x 17: kernels of 7 taken apart into rows and columns."""
    C, row, column = Convolution, (1, 7), (7, 1)
    double = [f"branch7x7dbl_{k}" for k in range(1, 6)]
    return Mixed(
        {
            "branch1x1": C(768, 192),
            "branch7x7_1": C(768, inner), "branch7x7_2": C(inner, inner, row),
            "branch7x7_3": C(inner, 192, column),
            double[0]: C(768, inner), double[1]: C(inner, inner, column),
            double[2]: C(inner, inner, row), double[3]: C(inner, inner, column),
            double[4]: C(inner, 192, row),
            "branch_pool": C(768, 192),
        },
        [["branch1x1"], ["branch7x7_1", "branch7x7_2", "branch7x7_3"], double,
         ["average", "branch_pool"]],
    )


def _to_coarse() -> Mixed:
    C = Convolution
    long = [f"branch7x7x3_{k}" for k in range(1, 5)]
    return Mixed(
        {
            "branch3x3_1": C(768, 192), "branch3x3_2": C(192, 320, 3, 2, pad=False),
            long[0]: C(768, 192), long[1]: C(192, 192, (1, 7)), long[2]: C(192, 192, (7, 1)),
            long[3]: C(192, 192, 3, 2, pad=False),
        },
        [["branch3x3_1", "branch3x3_2"], long, ["halve"]],
    )


def _coarse(take: int, pool: str) -> Mixed:
    """8 x 8: ways that end in a row and a column side by side."""
    C, row, column = Convolution, (1, 3), (3, 1)
    return Mixed(
        {
            "branch1x1": C(take, 320),
            "branch3x3_1": C(take, 384),
            "branch3x3_2a": C(384, 384, row), "branch3x3_2b": C(384, 384, column),
            "branch3x3dbl_1": C(take, 448), "branch3x3dbl_2": C(448, 384, 3),
            "branch3x3dbl_3a": C(384, 384, row), "branch3x3dbl_3b": C(384, 384, column),
            "branch_pool": C(take, 192),
        },
        [["branch1x1"], ["branch3x3_1", ("branch3x3_2a", "branch3x3_2b")],
         ["branch3x3dbl_1", "branch3x3dbl_2", ("branch3x3dbl_3a", "branch3x3dbl_3b")],
         [pool, "branch_pool"]],
    )


class Inception2015(nn.Module):
    """The network; ``fc`` belongs to the file and is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, 2, pad=False)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3, pad=False)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3)
        self.Conv2d_3b_1x1 = Convolution(64, 80)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3, pad=False)
        self.Mixed_5b = _fine(192, 32)
        self.Mixed_5c = _fine(256, 64)
        self.Mixed_5d = _fine(288, 64)
        self.Mixed_6a = _to_middle()
        self.Mixed_6b = _middle(128)
        self.Mixed_6c = _middle(160)
        self.Mixed_6d = _middle(160)
        self.Mixed_6e = _middle(192)
        self.Mixed_7a = _to_coarse()
        self.Mixed_7b = _coarse(1280, "average")
        self.Mixed_7c = _coarse(2048, "most")
        self.fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, x: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N 2048"]:
        """Means over the last 8 x 8 places.

        Args:
            x: RGB in [-1, 1], 299 x 299 in the definition; at least 75 x 75.
        """
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = F.max_pool2d(x, 3, 2)
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x))
        x = F.max_pool2d(x, 3, 2)
        for name, block in self.named_children():
            if name.startswith("Mixed_"):
                x = block(x)
        return x.mean((2, 3))


def inception(path: Path, device: torch.device | str = "cpu") -> Extractor:
    """The extractor of FID, from the user's file (``.pth`` or ``.safetensors``).

    Raises:
        InputError: the file is absent, damaged, holds something else than tensors, or another
            network's.
    """
    network = network_of(Inception2015, path, device)

    def run(frames: Tensor) -> Tensor:
        return network(2 * to_square(frames, SIZE, "bilinear", False)[:, 0] - 1)

    return Extractor(
        name="inception-2015", score="fid", kernel="kid", kind="picture", length=1, stride=1,
        size=SIZE, resize="bilinear, not antialiased", dimension=FEATURES,
        digest=digest_of(path), run=run, chunk=16, device=device,
    )
