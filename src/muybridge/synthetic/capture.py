"""A person before cameras: any motion, any set-up, as 8 bit pictures with what made them.

Everything in a :class:`Take` follows from its parameters, so that what was left out, as
exact flow, can be made from them later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from muybridge.body import Shape, load_body
from muybridge.camera import Cameras
from muybridge.camera.crop import follow
from muybridge.errors import InputError
from muybridge.motion import Motion
from muybridge.synthetic import setups
from muybridge.synthetic.figure import Figure, PosedFigure
from muybridge.synthetic.light import Light
from muybridge.synthetic.moves import move, reference_pose
from muybridge.synthetic.stage import shoot

Rig = Literal["reference", "orbit", "fixed", "grid", "paths", "rig16"]
SETTLE = 5
"""Frames that are played before a motion's first one, so that cloth already swings."""


@dataclass(frozen=True)
class Setup:
    """What is taken: a motion by cameras.

    Attributes:
        rig: how the cameras stand (see :mod:`muybridge.synthetic.setups`).
        number: of the cameras; lens, height and place vary with it.
        motion: number of the motion; ``None`` stands in the reference pose.
        views: how many cameras; 2 for ``reference``, 1 for ``fixed``, 16 for ``rig16``.
        frames: how many; 1 in the reference pose.
        fps: frames per second, as a fraction's text.
        size: width and height, pixels.
        fill: share of the picture's width or height that the naked body takes at most; 0
            frames it as users' own cameras are framed, which is wider.
    """

    rig: Rig
    number: int
    motion: int | None = None
    views: int = 1
    frames: int = 1
    fps: str = "24"
    size: setups.Size = (96, 128)
    fill: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"size": list(self.size)}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Setup:
        """A set-up that :meth:`to_dict` told.

        Raises:
            InputError: it is none.
        """
        try:
            width, height = (int(s) for s in data["size"])
            motion = None if data["motion"] is None else int(data["motion"])
            made = Setup(
                data["rig"], int(data["number"]), motion, int(data["views"]),
                int(data["frames"]), str(Fraction(data["fps"])), (width, height),
                float(data.get("fill", 0.0)),
            )
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            raise _no_setup("is no set-up") from None
        if (
            made.rig not in get_args(Rig) or min(made.views, made.frames, width, height) < 1
            or not 0 <= made.fill <= 1
        ):
            raise _no_setup("asks for something that can't be")
        return made


def _no_setup(problem: str) -> InputError:
    return InputError("set-up", "", problem, "give what muybridge people wrote")


@dataclass(frozen=True)
class Take:
    """Pictures of a person, and everything about them.

    Attributes:
        rgb: the person over black (premultiplied by the matte).
        matte: share of each pixel that the person covers.
        cameras: of every picture.
        motion: on the body's own proportions.
        setup: that it was taken with.
    """

    rgb: UInt8[ndarray, "V T H W 3"]
    matte: UInt8[ndarray, "V T H W"]
    cameras: Cameras
    motion: Motion
    setup: Setup


@dataclass(frozen=True)
class Sitter:
    """A person who is ready to be taken.

    Attributes:
        figure: body and layers.
        light: that they stand in.
        identity: number that the reference pose follows.
        shape: of the naked body.
        arms_out: degrees by which arms are held further from the body.
        parameters: what the person was made from, as JSON can hold it.
    """

    figure: Figure
    light: Light
    identity: int
    shape: Shape = Shape()
    arms_out: float = 0.0
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rest_joints(self) -> Float[Tensor, "55 3"]:
        """Joints of the naked body's T-pose, metres."""
        return load_body().with_shape(self.shape).rest_joints

    def played(self, setup: Setup) -> tuple[Motion, int]:
        """What the person does in a set-up, with frames before the first that is taken.

        Returns:
            The motion, and how many frames come before.
        """
        if setup.motion is None:
            if setup.frames != 1:
                raise _no_setup(f"has {setup.frames} frames of standing still")
            return self._stand, 0
        frames, fps = SETTLE + setup.frames, Fraction(setup.fps)
        return move(setup.motion, self.rest_joints, frames, fps, self.arms_out), SETTLE

    def cameras(self, setup: Setup, motion: Motion) -> Cameras:
        """The cameras of a set-up, placed for a motion."""
        posed = load_body().with_shape(self.shape).pose(motion)
        cameras = self._framed(setup, posed.joints, motion.fps)
        if setup.fill:
            skin = posed.vertices[:, ::7]
            cameras = follow(cameras, skin, *setup.size, fill=setup.fill).cameras
        return cameras

    def _framed(
        self, setup: Setup, points: Float[Tensor, "T 55 3"], fps: Fraction
    ) -> Cameras:
        """The cameras of a set-up, framed as users' own are."""
        size = setup.size
        if setup.rig == "reference":
            return setups.front_and_back(setup.number, points, size)
        if setup.rig == "fixed":
            return setups.fixed(setup.number, points, size, fps)
        if setup.rig == "rig16":
            return setups.rig16(points, size, fps)
        builds = {"orbit": setups.orbit, "grid": setups.grid, "paths": setups.paths}
        return builds[setup.rig](setup.number, points, setup.views, size, fps)

    def staged(self, setup: Setup) -> tuple[PosedFigure, Motion, Cameras]:
        """The person in every frame of a set-up, cloth already in movement; motion; cameras."""
        played, before = self.played(setup)
        motion = played.slice(before, played.frames)
        if setup.motion is None:
            posed = self._standing
        else:
            posed = self.figure.posed(played).slice(before, played.frames)
        return posed, motion, self.cameras(setup, motion)

    @cached_property
    def _standing(self) -> PosedFigure:
        """The person in the reference pose; made once, as several set-ups show it."""
        return self.figure.posed(self._stand)

    @cached_property
    def _stand(self) -> Motion:
        """The reference pose."""
        return reference_pose(self.identity, self.rest_joints, self.arms_out)

    def take(self, setup: Setup) -> Take:
        """Takes the pictures of a set-up."""
        posed, motion, cameras = self.staged(setup)
        rgb, matte = photographed(posed, cameras, self.light)
        return Take(rgb, matte, cameras, motion, setup)


def photographed(
    posed: PosedFigure, cameras: Cameras, light: Light
) -> tuple[UInt8[ndarray, "V T H W 3"], UInt8[ndarray, "V T H W"]]:
    """The person alone, over black, and the matte, 8 bit."""
    pictures = shoot(posed, cameras, light, ground=False)
    rgba = torch.cat([pictures.person, pictures.matte], 2)
    whole = (rgba.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 1, 3, 4, 2).cpu().numpy()
    return np.ascontiguousarray(whole[..., :3]), np.ascontiguousarray(whole[..., 3])
