"""Grids that are larger than memory should be: kept in a file, read through the page cache."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import torch
from torch import Tensor


class DiskGrids:
    """Tensors in files that vanish with this object; the system decides what stays in memory.

    Args:
        prefix: of the temporary folder's name.
    """

    def __init__(self, prefix: str = "muybridge-") -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=prefix)
        self._count = 0

    def zeros(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """A tensor of zeros in a file of its own, to be filled piece by piece."""
        self._count += 1
        path = Path(self._folder.name) / f"{self._count}.bin"
        size = math.prod(shape)
        if size == 0:
            return torch.zeros(shape, dtype=dtype)
        return torch.from_file(str(path), shared=True, size=size, dtype=dtype).reshape(shape)
