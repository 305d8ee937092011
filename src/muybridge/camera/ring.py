"""How cameras stand around a person: in which order, and whether they go all the way round."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.camera.types import Cameras

_WIDEST = 121.0
"""Degrees between neighbours up to which a ring counts as closed: three cameras close it."""


class Ring(NamedTuple):
    """Views in the order in which they stand around someone.

    Attributes:
        order: their numbers, by azimuth.
        closed: whether the last stands beside the first.
    """

    order: tuple[int, ...]
    closed: bool


def ring_of(cameras: Cameras, center: Float[Tensor, "3"]) -> Ring:
    """The order of cameras around a point, as they stand in the first frame.

    An open row begins behind its widest gap, a closed one at the world's +Z. How the views are
    numbered plays no part, but where two stand at one azimuth.

    Args:
        cameras: of any number of views.
        center: world, metres.
    """
    away = cameras.centers[:, 0].double() - center.double()
    turn = torch.rad2deg(torch.atan2(-away[:, 0], away[:, 2]))
    azimuth = (turn * 1e3).round().remainder(360e3) / 1e3
    order = torch.argsort(azimuth, stable=True)
    sorted_azimuth = azimuth[order]
    gaps = torch.cat([sorted_azimuth.diff(), sorted_azimuth[:1] + 360 - sorted_azimuth[-1:]])
    closed = cameras.views >= 3 and float(gaps.max()) <= _WIDEST
    if not closed:
        order = order.roll(-(int(gaps.argmax()) + 1))
    return Ring(tuple(order.tolist()), closed)
