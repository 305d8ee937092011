"""The body that motions are made for when nobody's body is given.

An adult of 1.70 m in the T-pose, soles on y = 0, after the segment lengths of
Winter, "Biomechanics and Motor Control of Human Movement" (4th ed., fig. 4.1).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body.skeleton import JOINTS

STATURE = 1.70

_MIDDLE: dict[str, tuple[float, float, float]] = {
    "pelvis": (0.0, 0.920, 0.0),
    "spine1": (0.0, 1.010, -0.020),
    "spine2": (0.0, 1.140, -0.022),
    "spine3": (0.0, 1.260, -0.022),
    "neck": (0.0, 1.440, -0.012),
    "head": (0.0, 1.535, 0.015),
    "jaw": (0.0, 1.530, 0.035),
}
_LEFT: dict[str, tuple[float, float, float]] = {
    "hip": (0.1000, 0.8960, -0.0050),
    "knee": (0.1376, 0.4868, -0.0099),
    "ankle": (0.1234, 0.0755, -0.0551),
    "foot": (0.1380, 0.0250, 0.0880),
    "collar": (0.060, 1.365, -0.010),
    "shoulder": (0.175, 1.385, -0.025),
    "elbow": (0.450, 1.385, -0.030),
    "wrist": (0.700, 1.385, -0.025),
    "eye": (0.032, 1.570, 0.080),
}
# Knuckles relative to the left wrist, metres.
_FINGERS: dict[str, tuple[tuple[float, float, float], ...]] = {
    "index": ((0.092, 0.002, 0.026), (0.128, -0.001, 0.029), (0.151, -0.003, 0.030)),
    "middle": ((0.096, 0.003, 0.002), (0.136, 0.001, 0.002), (0.163, -0.001, 0.001)),
    "pinky": ((0.080, -0.004, -0.038), (0.104, -0.006, -0.045), (0.122, -0.007, -0.049)),
    "ring": ((0.090, 0.001, -0.019), (0.126, -0.001, -0.022), (0.152, -0.003, -0.024)),
    "thumb": ((0.024, -0.012, 0.026), (0.052, -0.022, 0.050), (0.076, -0.027, 0.066)),
}


def nominal_rest_joints(stature: float = STATURE) -> Float[Tensor, "55 3"]:
    """Joints of the nominal adult in the T-pose, metres, soles on y = 0.

    Args:
        stature: height of the person, metres.
    """
    table: dict[str, tuple[float, float, float]] = dict(_MIDDLE)
    for sign, side in ((1.0, "left"), (-1.0, "right")):
        for name, (x, y, z) in _LEFT.items():
            table[f"{side}_{name}"] = (sign * x, y, z)
        wx, wy, wz = _LEFT["wrist"]
        for finger, knuckles in _FINGERS.items():
            for k, (x, y, z) in enumerate(knuckles, start=1):
                table[f"{side}_{finger}{k}"] = (sign * (wx + x), wy + y, wz + z)
    rows = torch.tensor([table[name] for name in JOINTS], dtype=torch.float32)
    return rows * (stature / STATURE)
