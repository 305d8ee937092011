"""What is said of a camera over a window of frames, from where it stands about the person.

Crops follow the person and keep their size, so of a path only the direction is left: where it is
seen from in the window's first frame, and how far it goes around and up until the last.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.camera.geometry import angles
from muybridge.camera.script import Move, Script, Step

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
        self._flat = np.hypot(away[..., 0], away[..., 2]).tolist()
        self.facing = facing

    def __call__(self, view: int, first: int, last: int) -> Script:
        """What a camera does from one frame to another; see
        :data:`muybridge.methods.threedimo.diffuse.Say`."""
        azimuths, heights = self._azimuth[view], self._elevation[view]
        turned = sum(
            (b - a + 180) % 360 - 180
            for a, b in zip(azimuths[first:last], azimuths[first + 1 : last + 1], strict=True)
        )
        slopes = [math.tan(math.radians(heights[t])) for t in (first, last)]
        risen = self._flat[view][first] * (slopes[1] - slopes[0])
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
