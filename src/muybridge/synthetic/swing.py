"""What lags behind: a damped spring on every loose vertex, shaken by how it is carried.

The spring hangs between a vertex and where skinning puts it. It is solved exactly for a
force that changes evenly from frame to frame, so that the frame rate changes little.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

_STIFFNESS = 7.0
"""Times that of a pendulum of the same length."""
_DAMPING = 0.55
"""Share of the damping at which nothing would swing back."""
_HARDEST = 35.0
"""m/s2; what is carried faster is taken to be carried at this rate."""
_FARTHEST = 0.3
"""Share of its length that a vertex may lag."""
_WARM_UP = 1.0
"""Seconds before the first frame."""


def lag(
    carried: Float[Tensor, "3 T M"], length: Float[Tensor, "M"], fps: float  # noqa: F821
) -> Float[Tensor, "3 T M"]:
    """How far each vertex is from where it is carried to, metres.

    Before the first frame, the person is taken to have come as they go on.

    Args:
        carried: positions without any lag.
        length: of what each vertex hangs on, metres.
        fps: frames per second.
    """
    frames = carried.shape[1]
    if frames < 2:
        return torch.zeros_like(carried)
    before = min(frames - 1, math.ceil(_WARM_UP * fps))
    first = carried[:, :1]
    come = 2 * first - carried[:, 1 : before + 1].flip(1)
    path = torch.cat([come, carried], 1)
    force = _acceleration(path, fps)
    rate = (9.81 * _STIFFNESS / length.clamp(min=0.03)).sqrt()
    fade, turn = _DAMPING * rate, rate * math.sqrt(1 - _DAMPING**2)
    step = 1 / fps
    decay, sine, cosine = (-fade * step).exp(), (turn * step).sin(), (turn * step).cos()
    keep = decay * (cosine + fade / turn * sine)
    carry = decay * sine / turn
    pull = -decay * rate.square() / turn * sine
    hold = decay * (cosine - fade / turn * sine)
    place = torch.zeros_like(first[:, 0])
    speed = torch.zeros_like(place)
    out = torch.zeros_like(carried)
    for t in range(1, path.shape[1]):
        slope = (force[:, t] - force[:, t - 1]) / step
        drift = -slope / rate.square()
        bias = 2 * _DAMPING * slope / rate**3
        x = place + force[:, t - 1] / rate.square() - bias
        v = speed - drift
        place = keep * x + carry * v - force[:, t] / rate.square() + bias
        speed = pull * x + hold * v + drift
        if t >= before:
            out[:, t - before] = place
    if before:
        reach = (_FARTHEST * length).clamp(min=1e-6)  # where cloth begins, nothing hangs
        far = out.square().sum(0).sqrt()
        out = out * (reach / (reach + far))
    return out


def _acceleration(path: Tensor, fps: float) -> Tensor:
    """Second differences, m/s2, the ends as their neighbours; the hardest ones softened."""
    inner = (path[:, 2:] - 2 * path[:, 1:-1] + path[:, :-2]) * fps**2
    force = torch.cat([inner[:, :1], inner, inner[:, -1:]], 1)
    size = force.square().sum(0).sqrt()
    return force * (_HARDEST / (_HARDEST + size))
