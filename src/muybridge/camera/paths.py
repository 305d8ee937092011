"""Camera paths around a person: circles, arcs, dollies, cranes, zooms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor

from muybridge.camera.geometry import (
    Array,
    ease,
    focal_length,
    fractions,
    intrinsics,
    orientation,
    rigid,
)
from muybridge.camera.types import Cameras, Number


@dataclass(frozen=True)
class Track:
    """How ``V`` cameras move around a centre over ``T`` frames; arrays ``[V, T]``.

    Attributes:
        azimuth: where the camera stands around the person, degrees.
        radius: its distance from the vertical axis through the centre, metres.
        height: above the centre, metres.
        truck: sideways offset of camera and aim, to the camera's right, metres.
        pan, tilt, roll: turns away from the aim, degrees, to the right / up / clockwise.
        zoom: factor on the focal length.
    """

    azimuth: Array
    radius: Array
    height: Array
    truck: Array
    pan: Array
    tilt: Array
    roll: Array
    zoom: Array

    @staticmethod
    def still(azimuths: Array | Sequence[Number], frames: int, distance: Number,
              elevation: Number) -> Track:
        """Cameras that stay, one for each azimuth in degrees."""
        el = np.radians(elevation)
        az = np.repeat(np.asarray(azimuths, float)[:, None], frames, 1)
        zero = np.zeros_like(az)
        return Track(az, zero + distance * np.cos(el), zero + distance * np.sin(el),
                     zero, zero, zero, zero, zero + 1.0)

    def arc(self, degrees: Number, loop: bool = False) -> Track:
        """Travel around the person; positive is to the camera's left. A loop keeps its speed."""
        u = fractions(self.azimuth.shape[1], loop)
        return replace(self, azimuth=self.azimuth + degrees * (u if loop else ease(u)))

    def dolly(self, factor: Number) -> Track:
        """Change the distance to ``factor`` times the first, along the line of sight."""
        f = factor ** ease(fractions(self.azimuth.shape[1]))
        return replace(self, radius=self.radius * f, height=self.height * f)

    def crane(self, metres: Number) -> Track:
        """Rise (or sink) while looking at the centre."""
        u = ease(fractions(self.azimuth.shape[1]))
        return replace(self, height=self.height + metres * u)

    def zoomed(self, factor: Number) -> Track:
        """Change the focal length to ``factor`` times the first."""
        return replace(self, zoom=self.zoom * factor ** ease(fractions(self.azimuth.shape[1])))

    def cameras(
        self,
        center: Sequence[Number] | Tensor,
        size: tuple[int, int],
        fov: Number,
        name: str,
        path: Tensor | None = None,
    ) -> Cameras:
        """The cameras, around ``center [3]`` that moves along ``path [T, 3]``.

        Args:
            size: width and height, pixels.
            fov: vertical field of view at zoom 1, degrees.
        """
        aim = np.asarray(center, float)
        a = np.radians(self.azimuth)
        zero = np.zeros_like(a)
        out = np.stack([-np.sin(a) * self.radius, self.height, np.cos(a) * self.radius], -1)
        right = np.stack([np.cos(a), zero, np.sin(a)], -1)
        eye = aim + out + right * self.truck[..., None]
        if path is not None:
            eye = eye + np.asarray(path, float)
        elevation = np.degrees(np.arctan2(self.height, self.radius))
        R = orientation(self.azimuth + self.pan, elevation - self.tilt, self.roll)
        K = intrinsics(focal_length(fov, size[1]) * self.zoom, *size)
        return Cameras(
            torch.tensor(K, dtype=torch.float32),
            torch.tensor(rigid(R, eye), dtype=torch.float32),
            size[0], size[1], name,
        )


RIG16_RADIUS, RIG16_HEIGHT, RIG16_PITCH, RIG16_FOV = 2.0, 1.6, 17.0, 55.0


def rig16(frames: int, size: tuple[int, int], center: tuple[Number, Number] = (0.0, 0.0),
          scale: Number = 1.0, path: Tensor | None = None) -> Cameras:
    """See :meth:`Cameras.rig16`.

    ``scale`` enlarges the circle for people who move about; the rig goes along ``path [T, 3]``.
    """
    azimuth = np.repeat(22.5 * np.arange(16.0)[:, None], frames, 1)
    zero = np.zeros_like(azimuth)
    drop = RIG16_RADIUS * np.tan(np.radians(RIG16_PITCH))
    track = Track(azimuth, zero + RIG16_RADIUS * scale, zero + drop * scale,
                  zero, zero, zero, zero, zero + 1.0)
    aim = (center[0], RIG16_HEIGHT - drop, center[1])
    return track.cameras(aim, size, RIG16_FOV, "rig16", path)


def resample(cameras: Cameras, frames: int) -> Cameras:
    """Each view's path over another number of frames: centres linear, rotations by slerp."""
    from scipy.spatial.transform import Rotation, Slerp

    if cameras.frames == 1 or frames == 1:
        index = torch.zeros(frames, dtype=torch.long)
        return Cameras(cameras.K[:, index], cameras.T_cam_world[:, index],
                       cameras.width, cameras.height, cameras.name)
    old, at = np.arange(cameras.frames), np.linspace(0, cameras.frames - 1, frames)
    low = np.minimum(at.astype(int), cameras.frames - 2)
    w = (at - low)[None, :, None]
    center = cameras.centers.double().numpy()
    center = center[:, low] * (1 - w) + center[:, low + 1] * w
    K = cameras.K.double().numpy()
    K = K[:, low] * (1 - w[..., None]) + K[:, low + 1] * w[..., None]
    R = np.stack([
        cast(Array, Slerp(old, Rotation.from_matrix(view))(at).as_matrix())
        for view in cameras.T_cam_world[..., :3, :3].double().numpy()
    ])
    return Cameras(
        torch.tensor(K, dtype=cameras.K.dtype),
        torch.tensor(rigid(R, center), dtype=cameras.T_cam_world.dtype),
        cameras.width, cameras.height, cameras.name,
    )
