"""A rig of cameras: intrinsics and extrinsics of V views over T frames."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError

Number = float | int


@dataclass(frozen=True)
class Cameras:
    """``V`` synchronised pinhole cameras, each moving over ``T`` frames.

    OpenCV axes (x right, y down, z forward); extrinsics are world-to-camera;
    pixel centres lie at +0.5; all cameras share one image size.

    Attributes:
        K: intrinsics in pixels.
        T_cam_world: world-to-camera rigid transforms, metres.
        width: image width, pixels.
        height: image height, pixels.
        name: what to call the rig.
    """

    K: Float[Tensor, "V T 3 3"]
    T_cam_world: Float[Tensor, "V T 4 4"]
    width: int
    height: int
    name: str = "cameras"

    @property
    def views(self) -> int:
        """Number of views ``V``."""
        return int(self.K.shape[0])

    @property
    def frames(self) -> int:
        """Number of frames ``T``."""
        return int(self.K.shape[1])

    @property
    def centers(self) -> Float[Tensor, "V T 3"]:
        """Camera centres in the world, metres."""
        R, t = self.T_cam_world[..., :3, :3], self.T_cam_world[..., :3, 3]
        return -torch.einsum("vtji,vtj->vti", R, t)

    def slice(self, start: int, stop: int) -> Cameras:
        """Frames ``start <= t < stop`` of every view."""
        return Cameras(
            self.K[:, start:stop], self.T_cam_world[:, start:stop],
            self.width, self.height, self.name,
        )

    def select(self, views: list[int]) -> Cameras:
        """The named views only, in the order given."""
        return Cameras(
            self.K[views], self.T_cam_world[views], self.width, self.height, self.name
        )

    # ------------------------------------------------------------------ use

    def project(
        self, points: Float[Tensor, "P 3"] | Float[Tensor, "T P 3"]
    ) -> tuple[Float[Tensor, "V T P 2"], Float[Tensor, "V T P"]]:
        """Pixels and z-depths (metres) of world points, the same or other ones in each frame.

        Pixel (0.5, 0.5) is the centre of the top left pixel. A point behind a
        camera has a depth <= 0; its pixel then means nothing.
        """
        R, t = self.T_cam_world[..., :3, :3], self.T_cam_world[..., :3, 3]
        one = points.ndim == 2
        X_cam = torch.einsum("vtij,pj->vtpi" if one else "vtij,tpj->vtpi", R, points)
        X_cam = X_cam + t[:, :, None]
        depth = X_cam[..., 2]
        image = torch.einsum("vtij,vtpj->vtpi", self.K, X_cam)
        w = image[..., 2:]
        return image[..., :2] / torch.where(w.abs() < 1e-12, torch.full_like(w, 1e-12), w), depth

    def unproject(
        self, pixels: Float[Tensor, "V T P 2"], depth: Float[Tensor, "V T P"]
    ) -> Float[Tensor, "V T P 3"]:
        """World points of pixels and their z-depths in metres; undoes :meth:`project`."""
        ones = torch.ones_like(pixels[..., :1])
        rays = torch.linalg.solve(
            self.K[:, :, None].expand(*pixels.shape[:3], 3, 3),
            torch.cat([pixels, ones], -1)[..., None],
        )[..., 0]
        R, t = self.T_cam_world[..., :3, :3], self.T_cam_world[..., :3, 3]
        return torch.einsum("vtji,vtpj->vtpi", R, rays * depth[..., None] - t[:, :, None])

    def resized(self, width: int, height: int, mode: str = "fit") -> Cameras:
        """The same cameras with pictures of another size.

        ``fit`` keeps all that was seen and pads the rest with more of the
        world; ``fill`` covers the new size and crops; ``stretch`` scales each
        axis on its own.
        """
        if width < 1 or height < 1:
            raise InputError("cameras", "size", f"{width}x{height} is no picture size",
                             "give a width and height of at least one pixel")
        sx, sy = width / self.width, height / self.height
        if mode == "fit":
            sx = sy = min(sx, sy)
        elif mode == "fill":
            sx = sy = max(sx, sy)
        elif mode != "stretch":
            raise ValueError(f"resized: mode {mode!r} is not fit, fill or stretch")
        A = torch.eye(3, dtype=self.K.dtype, device=self.K.device)
        A[0, 0], A[1, 1] = sx, sy
        A[0, 2], A[1, 2] = (width - sx * self.width) / 2, (height - sy * self.height) / 2
        return Cameras(A @ self.K, self.T_cam_world, width, height, self.name)

    def resampled(self, frames: int) -> Cameras:
        """The same paths drawn over another number of frames (rotations by slerp)."""
        from muybridge.camera.paths import resample

        return self if frames == self.frames else resample(self, frames)

    def moved(self, R: Float[Tensor, "3 3"], t: Float[Tensor, "3"]) -> Cameras:  # noqa: F821
        """The rig carried along with a rigid change of the world ``X' = R X + t``."""
        A = torch.eye(4, dtype=torch.float64)
        A[:3, :3] = R.double().T
        A[:3, 3] = -(R.double().T @ t.double())
        T = (self.T_cam_world.double() @ A).to(self.T_cam_world)
        return Cameras(self.K, T, self.width, self.height, self.name)

    def check(self, source: str = "cameras") -> Cameras:
        """This rig, if it can be used; :class:`InputError` naming what is wrong otherwise."""
        from muybridge.camera.checks import check_cameras

        check_cameras(self, source)
        return self

    # ---------------------------------------------------------------- files

    def save(self, path: str | PathLike[str]) -> None:
        """Write ``cameras.json``; the file says what its numbers mean."""
        from muybridge.camera.formats.ours import write

        write(self, path)

    @staticmethod
    def load(path: str | PathLike[str]) -> Cameras:
        """Read any camera file or folder that :func:`muybridge.camera.load_cameras` knows."""
        from muybridge.camera.formats import load_cameras

        return load_cameras(path)

    # ----------------------------------------------------------------- rigs

    @staticmethod
    def orbit(
        views: int = 8,
        frames: int = 24,
        size: tuple[int, int] = (512, 512),
        *,
        start: Number = 0.0,
        elevation: Number = 5.0,
        center: tuple[Number, Number, Number] = (0.0, 0.9, 0.0),
        distance: Number = 4.0,
        fov: Number = 30.0,
    ) -> Cameras:
        """``views`` still cameras, evenly on a circle, the first in front of the person.

        Args:
            size: width and height, pixels.
            start: azimuth of the first camera, degrees.
            elevation: of the cameras above ``center``, degrees.
            center: what they look at, metres.
            distance: from it, metres.
            fov: vertical field of view, degrees.
        """
        from muybridge.camera.paths import Track

        azimuth = start + 360.0 * np.arange(views) / max(views, 1)
        track = Track.still(azimuth, frames, distance, elevation)
        return track.cameras(center, size, fov, f"orbit:{views}")

    @staticmethod
    def static(
        azimuth: Number | tuple[Number, ...] = 0.0,
        frames: int = 24,
        size: tuple[int, int] = (512, 512),
        *,
        elevation: Number = 5.0,
        center: tuple[Number, Number, Number] = (0.0, 0.9, 0.0),
        distance: Number = 4.0,
        fov: Number = 30.0,
    ) -> Cameras:
        """Still cameras at the azimuths given, degrees."""
        from muybridge.camera.paths import Track

        track = Track.still(np.atleast_1d(np.asarray(azimuth, float)), frames, distance, elevation)
        return track.cameras(center, size, fov, "static")

    @staticmethod
    def rig16(
        frames: int = 24,
        size: tuple[int, int] = (800, 1328),
        *,
        center: tuple[Number, Number] = (0.0, 0.0),
        scale: Number = 1.0,
    ) -> Cameras:
        """The 16-camera rig that ReImagine's people were taken with.

        22.5 degrees apart, front -> subject's right -> back -> left; 2.0 m
        from the axis at ``center`` (x, z), 1.6 m high, looking 17 degrees down,
        55 degrees of vertical view (measured from the released pictures).
        """
        from muybridge.camera.paths import rig16

        return rig16(frames, size, center, scale)
