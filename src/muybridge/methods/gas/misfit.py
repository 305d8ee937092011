"""Bodies that are a little wrong, as a fit to a photo is.

Cues of exact bodies only would teach the networks to trust them to the pixel. A share of
the training pictures therefore comes with cues and normal maps of a body whose proportions,
pose and place are off by as much as a fit from one picture usually is.
"""

from __future__ import annotations

import math
from dataclasses import replace

import roma
import torch

from muybridge.body import JOINT_INDEX, Shape
from muybridge.motion import Motion

_BUILD = 0.06
"""Standard deviation of build phenotypes (0..1)."""
_ROOT_DEGREES, _JOINT_DEGREES = 2.5, 4.0
_PLACE = 0.008
"""Of the pelvis, metres."""
_BENT = (
    "spine1", "spine2", "neck", "head",
    *(f"{s}_{j}" for s in ("left", "right")
      for j in ("hip", "knee", "ankle", "collar", "shoulder", "elbow", "wrist")),
)


def misfit_shape(shape: Shape, generator: torch.Generator) -> Shape:
    """Proportions beside the true ones."""
    off = _BUILD * torch.randn(4, generator=generator)
    names = ("height", "weight", "muscle", "proportions")
    changed = {
        name: min(1.0, max(0.0, getattr(shape, name) + float(by)))
        for name, by in zip(names, off, strict=True)
    }
    return replace(shape, **changed)


def misfit_motion(motion: Motion, generator: torch.Generator) -> Motion:
    """The motion with every joint bent by the same small wrong angle in all frames."""
    R = motion.R_parent_joint.clone()
    for joint, degrees in (("pelvis", _ROOT_DEGREES), *((j, _JOINT_DEGREES) for j in _BENT)):
        turn = math.radians(degrees) / math.sqrt(3) * torch.randn(3, generator=generator)
        wrong = roma.rotvec_to_rotmat(turn).to(R)
        number = JOINT_INDEX[joint]
        R[:, number] = R[:, number] @ wrong
    place = motion.root_position + _PLACE * torch.randn(3, generator=generator)
    return replace(motion, R_parent_joint=R, root_position=place)
