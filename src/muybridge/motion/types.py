"""A motion: joint rotations and a root path over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Motion:
    """What a body does over ``T`` frames, without saying whose body it is.

    World axes: metres, right-handed, +Y up, ground at y = 0.

    Attributes:
        R_parent_joint: rotation of each of the 55 joints relative to its parent
            in the canonical T-pose axes; joint 0 is the pelvis in the world.
        root_position: pelvis joint in the world, metres.
        fps: frames per second, exact.
        rest_joints: joints of the body that the motion was recorded on, in its
            T-pose with the soles on y = 0, metres; ``None`` where unknown.
            Retargeting scales the root path by it.
        face: face actions by name (``jawOpen``, ``eyeBlinkLeft``, ...), 0..1.
        name: what to call it.
    """

    R_parent_joint: Float[Tensor, "T 55 3 3"]
    root_position: Float[Tensor, "T 3"]
    fps: Fraction = Fraction(24)
    rest_joints: Float[Tensor, "55 3"] | None = None
    face: Mapping[str, Float[Tensor, "T"]] = field(default_factory=dict)  # noqa: F821
    name: str = "motion"

    @property
    def frames(self) -> int:
        """Number of frames ``T``."""
        return int(self.R_parent_joint.shape[0])

    @property
    def duration(self) -> float:
        """Seconds."""
        return float(self.frames / self.fps)

    def slice(self, start: int, stop: int) -> Motion:
        """Frames ``start <= t < stop`` as a motion."""
        return Motion(
            self.R_parent_joint[start:stop],
            self.root_position[start:stop],
            self.fps,
            self.rest_joints,
            {k: v[start:stop] for k, v in self.face.items()},
            self.name,
        )

    @staticmethod
    def still(frames: int = 1, fps: Fraction = Fraction(24)) -> Motion:
        """The T-pose, ``frames`` times, pelvis at the origin."""
        return Motion(torch.eye(3).expand(frames, 55, 3, 3).clone(), torch.zeros(frames, 3), fps)
