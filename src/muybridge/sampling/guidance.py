"""How strongly each view or frame follows the reference (classifier-free guidance)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def triangular(count: int, low: float, high: float) -> Float[Tensor, "N"]:
    """GAS's schedule for views: ``low`` at the reference view, ``high`` on the far side.

    It rises to the view at ``count // 2`` and falls on the way back; the view after the last
    is the first again. GAS's release can do 19 and 20 views, with these values.
    """
    half = count // 2
    rising = torch.linspace(low, high, half + 1)
    falling = torch.linspace(high, low, count - half + 1)
    return torch.cat([rising, falling[1:-1]])[:count]


def ramp(count: int, low: float, high: float) -> Float[Tensor, "N"]:
    """SVD's schedule over frames: a straight line from ``low`` to ``high``."""
    return torch.linspace(low, high, count)
