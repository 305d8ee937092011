"""Pictures with gaps, filled smoothly from what surrounds the gaps."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


def filled(values: Float[Tensor, "H W C"], known: Bool[Tensor, "H W"]) -> Float[Tensor, "H W C"]:
    """The picture, its unknown pixels taken from ever coarser means of the known ones."""
    weight = known.to(values.dtype)[None, None]
    total = values.permute(2, 0, 1)[None] * weight
    stack = [(total, weight)]
    while max(stack[-1][0].shape[2:]) > 1:
        t, w = (_halved(x) for x in stack[-1])
        stack.append((t, w))
    out: Tensor | None = None
    for t, w in reversed(stack):
        level = t / w.clamp(min=1e-12)
        if out is not None:
            above = F.interpolate(out, size=t.shape[2:], mode="bilinear", align_corners=False)
            level = torch.where(w > 0, level, above)
        out = level
    assert out is not None
    return out[0].permute(1, 2, 0)


def _halved(x: Tensor) -> Tensor:
    height, width = x.shape[2:]
    return F.avg_pool2d(F.pad(x, (0, width % 2, 0, height % 2)), 2)
