"""A clip: pictures of one person with everything that is known about them.

What the generator makes and what the readers of folders, shards and public data sets give
is this one record. Body maps are drawn from it when they are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from muybridge.body import Body, PosedBody, Shape, load_body
from muybridge.camera import Cameras
from muybridge.data.pictures import HeldPictures, Pictures
from muybridge.errors import InputError
from muybridge.motion import Motion
from muybridge.render import depth_map, normal_map, part_map, uv_map
from muybridge.render.maps import NormalFrame


class Shot(NamedTuple):
    """Pictures as networks take them.

    Attributes:
        frames: the person over black, [0, 1].
        matte: how much of each pixel is the person, [0, 1].
    """

    frames: Float[Tensor, "V T 3 H W"]
    matte: Float[Tensor, "V T 1 H W"]


@dataclass(frozen=True)
class Reference:
    """A picture of the person that a method may look at.

    Attributes:
        name: ``front`` or ``back``.
        rgba: colours as they are (not premultiplied) and the matte.
        camera: one view, one frame.
        pose: one frame, on the body's own proportions.
    """

    name: str
    rgba: UInt8[ndarray, "H W 4"]
    camera: Cameras
    pose: Motion

    @property
    def over_black(self) -> Float[Tensor, "3 H W"]:
        """The person over black, [0, 1]."""
        rgba = torch.from_numpy(self.rgba).float() / 255
        return (rgba[..., :3] * rgba[..., 3:]).permute(2, 0, 1).contiguous()

    @property
    def matte(self) -> Float[Tensor, "1 H W"]:
        """How much of each pixel is the person, [0, 1]."""
        return torch.from_numpy(self.rgba[..., 3]).float()[None] / 255


@dataclass(frozen=True)
class Clip:
    """``V x T`` pictures of one person.

    Attributes:
        name: unique within a set.
        pictures: frames and mattes, read when they are asked for.
        cameras: of every view and frame.
        motion: of every frame, on the body's own proportions, so that
            ``body.with_shape(shape).pose(motion)`` stands in the pictures.
        body: name of the body model: ``anny``, ``smplx`` or ``smpl``.
        shape: of the body.
        references: pictures to start from, by name: ``front``, ``back``.
        assets: garments and face cut out, RGBA, by name: ``upper-front``, ``face-front``, ...
        parameters: what the generator made it from, or what a data set says; JSON values.
        split: ``train``, ``validation`` or ``test``; empty where unknown.
        source: who made it.
        licence: of the pictures.
    """

    name: str
    pictures: Pictures
    cameras: Cameras
    motion: Motion
    body: str = "anny"
    shape: Shape = Shape()
    references: Mapping[str, Reference] = field(default_factory=dict)
    assets: Mapping[str, UInt8[ndarray, "_ _ 4"]] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    split: str = ""
    source: str = ""
    licence: str = ""

    @property
    def views(self) -> int:
        """Number of views ``V``."""
        return self.pictures.shape[0]

    @property
    def frames(self) -> int:
        """Number of frames ``T``."""
        return self.pictures.shape[1]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self.pictures.shape[3], self.pictures.shape[2]

    def checked(self, source: str) -> Clip:
        """This clip, if its parts belong together.

        Raises:
            InputError: cameras, motion or references do not fit the pictures, or are not sound.
        """
        self.cameras.check(source)
        self.motion.checked(source)
        if (self.cameras.views, self.cameras.frames) != (self.views, self.frames):
            raise InputError(
                source, "cameras", f"are {self.cameras.views} x {self.cameras.frames} for "
                f"{self.views} x {self.frames} pictures", "write the clip again",
            )
        if (self.cameras.width, self.cameras.height) != self.size:
            raise InputError(
                source, "cameras", f"see {self.cameras.width}x{self.cameras.height}, the pictures "
                f"are {self.size[0]}x{self.size[1]}", "write the clip again",
            )
        if self.motion.frames != self.frames:
            raise InputError(
                source, "motion", f"has {self.motion.frames} frames for {self.frames} pictures",
                "write the clip again",
            )
        for reference in self.references.values():
            height, width = reference.rgba.shape[:2]
            if (reference.camera.width, reference.camera.height) != (width, height):
                raise InputError(source, f"reference {reference.name}", "and its camera differ in "
                                 "size", "write the clip again")
        return self

    # ----------------------------------------------------------------- pictures

    def read(
        self, views: Sequence[int] | None = None, frames: Sequence[int] | None = None
    ) -> Shot:
        """Chosen views and frames, all by default, over black, and their mattes."""
        rgb, matte = self.raw(views, frames)
        return Shot(
            torch.from_numpy(np.ascontiguousarray(rgb.transpose(0, 1, 4, 2, 3))).float() / 255,
            torch.from_numpy(matte).float()[:, :, None] / 255,
        )

    def raw(
        self, views: Sequence[int] | None = None, frames: Sequence[int] | None = None
    ) -> tuple[UInt8[ndarray, "V T H W 3"], UInt8[ndarray, "V T H W"]]:
        """As :meth:`read`, 8 bit."""
        return self.pictures.read(
            range(self.views) if views is None else views,
            range(self.frames) if frames is None else frames,
        )

    def select(
        self, views: Sequence[int] | None = None, frames: Sequence[int] | None = None
    ) -> Clip:
        """The clip of some views and frames, in the order given; pictures are not read yet."""
        rows = list(range(self.views) if views is None else views)
        columns = list(range(self.frames) if frames is None else frames)
        cameras = self.cameras.select(rows)
        cameras = replace(
            cameras, K=cameras.K[:, columns], T_cam_world=cameras.T_cam_world[:, columns]
        )
        motion = replace(
            self.motion, R_parent_joint=self.motion.R_parent_joint[columns],
            root_position=self.motion.root_position[columns],
            face={k: v[columns] for k, v in self.motion.face.items()},
        )
        part = _Part(self.pictures, tuple(rows), tuple(columns))
        return replace(self, pictures=part, cameras=cameras, motion=motion)

    def loaded(self) -> Clip:
        """The clip with its pictures decoded and kept in memory."""
        return replace(self, pictures=HeldPictures(*self.raw()))

    # --------------------------------------------------------------------- maps

    def posed(self, body: Body | None = None) -> PosedBody:
        """The body in every frame.

        Args:
            body: the model; it has to be given where it is not the built-in one.

        Raises:
            InputError: the clip's body is a licensed model that was not given.
        """
        if body is None and self.body != "anny":
            raise InputError(
                self.name, "body", f"is {self.body}, whose model file is not ours to ship",
                "load it with muybridge.body.load_body(FILE) and give it",
            )
        model = load_body() if body is None else body
        return model.with_shape(self.shape).pose(self.motion)

    def normals(
        self, frame: NormalFrame = "gas", body: Body | None = None
    ) -> Float[Tensor, "V T 3 H W"]:
        """Normals of the body in one of the three colour frames."""
        return normal_map(self.posed(body), self.cameras, frame=frame)

    def depth(self, body: Body | None = None) -> Float[Tensor, "V T 1 H W"]:
        """Depth of the body in metres, 0 where it is not."""
        return depth_map(self.posed(body), self.cameras)

    def parts(self, body: Body | None = None) -> UInt8[Tensor, "V T 1 H W"]:
        """Parts of the body, 0 where it is not."""
        return part_map(self.posed(body), self.cameras)

    def uv(self, body: Body | None = None) -> Float[Tensor, "V T 3 H W"]:
        """Texture coordinates of the body, and where it is."""
        return uv_map(self.posed(body), self.cameras)


@dataclass(frozen=True)
class _Part:
    """Some views and frames of other pictures."""

    whole: Pictures
    views: tuple[int, ...]
    frames: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return len(self.views), len(self.frames), *self.whole.shape[2:]

    def read(
        self, views: Sequence[int], frames: Sequence[int]
    ) -> tuple[UInt8[ndarray, "V T H W 3"], UInt8[ndarray, "V T H W"]]:
        return self.whole.read([self.views[v] for v in views], [self.frames[t] for t in frames])
