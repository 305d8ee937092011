"""The maps by name, each as a picture that can be looked at and written as video."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from muybridge.body.skeleton import JOINT_INDEX
from muybridge.body.types import PosedBody
from muybridge.camera.types import Cameras
from muybridge.render.bones import bone_colors, bone_map, bone_normal_colors
from muybridge.render.maps import (
    NormalFrame,
    depth_map,
    depth_shades,
    normal_map,
    part_colors,
    part_map,
    uv_map,
)
from muybridge.render.skeleton import skeleton_map


class Map(NamedTuple):
    """A map that steers.

    Attributes:
        function: (body, cameras) -> RGB in [0, 1], [V, T, 3, H, W].
        description: one line for people.
    """

    function: Callable[[PosedBody, Cameras], Float[Tensor, "V T 3 H W"]]
    description: str


def _pelvis(posed: PosedBody, cameras: Cameras, along_axis: bool) -> Float[Tensor, "V T"]:
    point = posed.joints[:, JOINT_INDEX["pelvis"]].to(cameras.T_cam_world)
    T = cameras.T_cam_world
    cam = (T[..., :3, :3] @ point[..., None])[..., 0] + T[..., :3, 3]
    return cam[..., 2] if along_axis else cam.norm(dim=-1)


def _normals(frame: NormalFrame) -> Callable[[PosedBody, Cameras], Tensor]:
    return partial(normal_map, frame=frame)


def _depth(posed: PosedBody, cameras: Cameras) -> Float[Tensor, "V T 3 H W"]:
    return depth_shades(depth_map(posed, cameras), _pelvis(posed, cameras, True))


def _parts(posed: PosedBody, cameras: Cameras) -> Float[Tensor, "V T 3 H W"]:
    return part_colors(part_map(posed, cameras))


def _skeleton(posed: PosedBody, cameras: Cameras) -> Float[Tensor, "V T 3 H W"]:
    return skeleton_map(posed.joints, cameras)


def _bones_depth(posed: PosedBody, cameras: Cameras) -> Float[Tensor, "V T 3 H W"]:
    maps = bone_map(posed.joints, cameras)
    return depth_shades(maps.depth, _pelvis(posed, cameras, False))


def _bones_normal(posed: PosedBody, cameras: Cameras) -> Float[Tensor, "V T 3 H W"]:
    return bone_normal_colors(bone_map(posed.joints, cameras))


def _bones_id(posed: PosedBody, cameras: Cameras) -> Float[Tensor, "V T 3 H W"]:
    return bone_colors(bone_map(posed.joints, cameras).bone)


MAPS: dict[str, Map] = {
    "normals-reimagine": Map(
        _normals("reimagine"), "Body normals in the world's axes on white (ReImagine)"
    ),
    "normals-gas": Map(_normals("gas"), "Body normals in the camera's axes on black (GAS)"),
    "normals-hvg": Map(_normals("hvg"), "Body normals in OpenCV axes on black (HVG)"),
    "depth": Map(_depth, "Depth of the body, nearer is lighter, within 1.2 m of the pelvis"),
    "parts": Map(_parts, "Sixteen body parts, one hue per limb"),
    "uv": Map(uv_map, "Texture coordinates in red and green, the body in blue"),
    "skeleton": Map(_skeleton, "The skeleton with fingers, in OpenPose's colours"),
    "bones-depth": Map(_bones_depth, "Depth of the bones' ellipsoids, nearer is lighter"),
    "bones-normal": Map(_bones_normal, "Normals of the bones' ellipsoids, OpenCV axes"),
    "bones-id": Map(_bones_id, "Which bone's ellipsoid is in front, one colour per bone"),
}
"""Name -> (function, description) of every map that ``muybridge guide`` writes. Each works on
the frames it is given: give slices of a long motion, and memory follows the slice."""
