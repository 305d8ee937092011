"""A motion: joint rotations and a root path over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from os import PathLike
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError

MAX_FRAMES = 100_000
"""More frames than this in one motion are refused."""


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
        notes: what a reader guessed or filled in, one sentence each, for the user.
    """

    R_parent_joint: Float[Tensor, "T 55 3 3"]
    root_position: Float[Tensor, "T 3"]
    fps: Fraction = Fraction(24)
    rest_joints: Float[Tensor, "55 3"] | None = None
    face: Mapping[str, Float[Tensor, "T"]] = field(default_factory=dict)
    name: str = "motion"
    notes: tuple[str, ...] = ()

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
        return replace(
            self,
            R_parent_joint=self.R_parent_joint[start:stop],
            root_position=self.root_position[start:stop],
            face={k: v[start:stop] for k, v in self.face.items()},
        )

    def with_note(self, *notes: str) -> Motion:
        """The same motion with more notes."""
        return replace(self, notes=self.notes + notes)

    @staticmethod
    def still(frames: int = 1, fps: Fraction = Fraction(24)) -> Motion:
        """The T-pose, ``frames`` times, pelvis at the origin."""
        return Motion(torch.eye(3).expand(frames, 55, 3, 3).clone(), torch.zeros(frames, 3), fps)

    @staticmethod
    def load(source: str | PathLike[str]) -> Motion:
        """Reads a motion file of any known format, or makes the built-in clip of that name.

        See :func:`muybridge.motion.load_motion`, which has more options.

        Raises:
            InputError: the file is missing, broken or of an unknown format.
        """
        from muybridge.motion.loading import load_motion

        return load_motion(source)

    def save(self, path: str | PathLike[str]) -> Path:
        """Writes our own ``.npz`` (see :mod:`muybridge.motion.npz`), whole or not at all."""
        from muybridge.motion.npz import save_npz

        return save_npz(self, path)

    def checked(self, source: str | PathLike[str]) -> Motion:
        """This motion, if it is sound.

        Args:
            source: what to name as the culprit in the error.

        Raises:
            InputError: no frames, too many, mismatched lengths, a number that is not
                finite, a rotation that is none, a frame rate out of (0, 1000].
        """
        remedy = "export the motion again"
        if not 1 <= self.frames <= MAX_FRAMES:
            raise InputError(
                source, "frames", f"{self.frames} frames", f"give 1 to {MAX_FRAMES} frames"
            )
        if not 0 < self.fps <= 1000:
            raise InputError(
                source, "fps", f"{float(self.fps):g} frames per second", "give a rate in 0..1000"
            )
        if self.R_parent_joint.shape != (self.frames, 55, 3, 3) or self.root_position.shape != (
            self.frames,
            3,
        ):
            raise InputError(source, "frames", "rotations and root path differ in length", remedy)
        for name, values in (("rotations", self.R_parent_joint), ("root path", self.root_position)):
            bad = (~torch.isfinite(values)).flatten(1).any(1).nonzero().flatten()
            if len(bad):
                raise InputError(
                    source, name, f"not a finite number in frame {int(bad[0])}", remedy
                )
        if float(self.root_position.abs().max()) > 1e5:
            raise InputError(source, "root path", "more than 100 km from the origin", remedy)
        gram = self.R_parent_joint @ self.R_parent_joint.transpose(-1, -2)
        off = float((gram - torch.eye(3, dtype=gram.dtype)).abs().max())
        if off > 1e-3 or float(torch.linalg.det(self.R_parent_joint).min()) < 0:
            raise InputError(source, "rotations", "a matrix that is not a rotation", remedy)
        if self.rest_joints is not None and not bool(torch.isfinite(self.rest_joints).all()):
            raise InputError(source, "rest_joints", "not a finite number", remedy)
        for name, values in self.face.items():
            if values.shape != (self.frames,) or not bool(torch.isfinite(values).all()):
                raise InputError(source, f"face {name}", "not one finite number a frame", remedy)
        return self
