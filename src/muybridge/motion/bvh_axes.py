"""Which way is up, which way a person faces and how long a unit is, from the data.

A BVH file says none of it. The zero pose shows where the head and the left hip are;
the motion shows which way the head really points; the stature shows the unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from os import PathLike

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.motion.kinematics import rotation_between

ADULT = (1.35, 2.15)
"""Statures, metres, that decide for a unit."""
ANYONE = (0.6, 2.4)
TYPICAL = 1.70
STATURE_PER_LEG = 2.12
"""Stature over hip-knee-ankle length (Winter, fig. 4.1: 0.245 H + 0.246 H for the hip's skin)."""

UNITS: dict[str, float] = {
    "metres": 1.0,
    "centimetres": 0.01,
    "millimetres": 0.001,
    "inches": 0.0254,
    "CMU units": 0.0254 / 0.45,
    "feet": 0.3048,
}
"""Metres per unit; CMU's mocap files count in inches over 0.45."""

_AXES = {
    "x": (1.0, 0.0, 0.0),
    "y": (0.0, 1.0, 0.0),
    "z": (0.0, 0.0, 1.0),
    "-x": (-1.0, 0.0, 0.0),
    "-y": (0.0, -1.0, 0.0),
    "-z": (0.0, 0.0, -1.0),
}


@dataclass(frozen=True)
class Axes:
    """Rotations from a file's axes to ours.

    Attributes:
        R_canonical_rest: zero pose of the file -> canonical pose (faces +Z, +Y up).
        R_world_file: world of the file -> our world.
    """

    R_canonical_rest: Float[Tensor, "3 3"]
    R_world_file: Float[Tensor, "3 3"]


def axis_vector(source: str | PathLike[str], axis: str) -> Float[Tensor, "3"]:
    """Unit vector of ``"x"``, ``"-y"``, ...

    Raises:
        InputError: no axis.
    """
    key = axis.lower().lstrip("+")
    if key not in _AXES:
        raise InputError(source, "up", f"is {axis!r}", "use auto, y, z, x, -y, -z or -x")
    return torch.tensor(_AXES[key], dtype=torch.float64)


def nearest_axis(direction: Float[Tensor, "3"]) -> Float[Tensor, "3"]:
    """The coordinate axis (with sign) that is nearest to a direction."""
    out = torch.zeros(3, dtype=direction.dtype)
    k = int(direction.abs().argmax())
    out[k] = 1.0 if float(direction[k]) >= 0 else -1.0
    return out


def frame_from(up: Float[Tensor, "3"], left: Float[Tensor, "3"]) -> Float[Tensor, "3 3"] | None:
    """Rotation that turns ``up`` to +Y and ``left`` (less its part along up) to +X."""
    left = left - up * (left @ up)
    if float(left.norm()) < 1e-6:
        return None
    left = left / left.norm()
    return torch.stack([left, up, torch.linalg.cross(left, up)])


def find_axes(
    source: str | PathLike[str],
    upright_rest: Float[Tensor, "3"],
    left_rest: Float[Tensor, "3"],
    upright_motion: Float[Tensor, "T 3"],
    up: str = "auto",
) -> Axes:
    """Axes of a file from where its person's head is.

    Args:
        source: what to call the file in errors.
        upright_rest: from the feet to the head in the zero pose.
        left_rest: from the right hip (or shoulder) to the left one in the zero pose.
        upright_motion: from the feet to the head in every frame, in the file's world.
        up: ``auto``, or the world's up axis where it is known.

    Raises:
        InputError: the zero pose has no height or no width, or ``up`` is no axis.
    """
    if float(upright_rest.norm()) < 1e-9:
        raise InputError(source, "OFFSET", "the zero pose has no height", "export a T-pose")
    rest_up = nearest_axis(upright_rest)
    R_rest = frame_from(rest_up, left_rest)
    if R_rest is None:
        raise InputError(
            source, "OFFSET", "left and right hips lie on one another", "export a T-pose"
        )
    if up != "auto":
        world_up = axis_vector(source, up)
    else:
        unit = torch.nn.functional.normalize(upright_motion, dim=-1)
        mean = unit.mean(0)
        # People are upright most of the time; lying ones leave it to the zero pose.
        sure = float(mean.norm()) > 0.75 and float(mean.abs().max() / mean.norm()) > 0.85
        world_up = nearest_axis(mean) if sure else rest_up
    if float(world_up @ rest_up) > 0.5:
        return Axes(R_rest, R_rest)
    return Axes(R_rest, R_rest @ rotation_between(world_up, rest_up))


def find_unit(stature: float) -> tuple[float, str]:
    """Metres per unit, and the unit's name, from a stature in that unit.

    A metric unit that makes an adult is preferred, then inches and CMU's unit, then a
    metric unit that makes a child; where none fits, the person is taken to be 1.70 m.
    """
    metric = ("metres", "centimetres", "millimetres")
    for names, (low, high) in (
        (metric, ADULT),
        (("inches", "CMU units", "feet"), ADULT),
        (metric, ANYONE),
    ):
        fits = [n for n in names if low <= stature * UNITS[n] <= high]
        if fits:
            best = min(fits, key=lambda n: abs(log(stature * UNITS[n] / TYPICAL)))
            return UNITS[best], best
    return TYPICAL / stature, "unknown units"


def unit_scale(source: str | PathLike[str], unit: str | float, stature: float) -> tuple[float, str]:
    """Metres per unit: given by number or name, or found (``"auto"``).

    Raises:
        InputError: an unknown name, a number that is not positive.
    """
    if unit == "auto":
        return find_unit(stature)
    if isinstance(unit, str):
        names = {n.lower(): n for n in UNITS} | {
            "m": "metres",
            "cm": "centimetres",
            "mm": "millimetres",
            "in": "inches",
            "cmu": "CMU units",
            "ft": "feet",
        }
        if unit.lower() not in names:
            raise InputError(
                source, "unit", f"is {unit!r}", "use m, cm, mm, in, ft, cmu or a number"
            )
        name = names[unit.lower()]
        return UNITS[name], name
    if not 1e-9 < unit < 1e9:
        raise InputError(source, "unit", f"is {unit}", "give metres per unit, above 0")
    return float(unit), f"units of {unit:g} m"
