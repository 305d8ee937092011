"""What is said of a camera over a window of frames, from where it stands about the person.

Crops follow the person and keep their size, so of a path only the direction is left: where it is
seen from in the window's first frame, and how far it goes around and up until the last. What is
said in metres is said as of a camera that is :data:`REACH` away: one that stands farther off has
to rise farther for the same view, and nothing else tells the networks where it stands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.camera.geometry import angles
from muybridge.camera.script import UNITS, Move, Script, Step

REACH = 4.0
"""How far from the person cameras are taken to be, metres."""
_STILL = 2.0
"""Degrees of a move that are not worth a word."""


class Directions:
    """Directions from a person to cameras, for every view and frame.

    Args:
        cameras: of the video.
        middle: of the person, world, metres.
        facing: azimuth of where they look, degrees, in each frame; also an attribute.
    """

    def __init__(
        self, cameras: Cameras, middle: Float[Tensor, "T 3"], facing: list[float]
    ) -> None:
        away = (cameras.centers - middle).double().cpu().numpy()
        azimuth, elevation = angles(away)
        self._azimuth, self._elevation = azimuth.tolist(), elevation.tolist()
        self.facing = facing

    @property
    def heights(self) -> Float[Tensor, "V T"]:
        """Elevation of each camera in each frame, radians."""
        return torch.tensor(self._elevation).deg2rad()

    def __call__(self, view: int, first: int, last: int) -> Script:
        """What a camera does from one frame to another; see
        :data:`muybridge.methods.threedimo.diffuse.Say`."""
        azimuths, heights = self._azimuth[view], self._elevation[view]
        turned = sum(
            (b - a + 180) % 360 - 180
            for a, b in zip(azimuths[first:last], azimuths[first + 1 : last + 1], strict=True)
        )
        slopes = [math.tan(math.radians(heights[t])) for t in (first, last)]
        risen = REACH * (slopes[1] - slopes[0])
        moves = []
        if abs(turned) > _STILL:
            moves.append(Move("arc", 1 if turned > 0 else -1, abs(turned)))
        if abs(heights[last] - heights[first]) > _STILL:
            moves.append(Move("crane", 1 if risen > 0 else -1, abs(risen)))
        return Script(
            (azimuths[first] - self.facing[first] + 180) % 360 - 180,
            heights[first],
            (Step(tuple(moves)),) if moves else (),
        )


def as_seen(
    scripts: Sequence[Script], cameras: Cameras, middle: Float[Tensor, "3"],  # noqa: F821
    facing: float,
) -> list[Script]:
    """The same scripts as :class:`Directions` would begin them, and with its measure of metres.

    Sentences place cameras about the whole body and its movement, directions about the pelvis.

    Args:
        scripts: of each camera. ``cameras``: as they are.
        middle: of the person in the first frame, world, metres.
        facing: azimuth of where they look then, degrees.
    """
    away = (cameras.centers[:, 0] - middle).double().cpu()
    azimuth, elevation = angles(away.numpy())
    flat = away[:, [0, 2]].norm(dim=-1).clamp(min=1e-3).tolist()
    return [
        replace(
            script, azimuth=float((around - facing + 180) % 360 - 180), elevation=float(up),
            steps=tuple(_farther(step, REACH / distance) for step in script.steps),
        )
        for script, around, up, distance in zip(scripts, azimuth, elevation, flat, strict=True)
    ]


def _farther(step: Step, times: float) -> Step:
    return Step(tuple(
        replace(move, amount=move.size * times) if UNITS.get(move.kind) == "metres" else move
        for move in step.moves
    ))
