"""What steers HVG: bone maps, cameras, and a reference picture, all aligned at the pelvis.

Every picture is a crop with the pelvis in its middle and one number of pixels per metre in all
views of a frame (the paper's view alignment, whose figures are shifted and cropped; ours are
scaled too, so that cameras at other distances agree). Maps are rendered for the crops, never
warped. The reference is cropped by the same rule, as large as the first frame (the paper's
temporal alignment).

The paper's rotations are relative to the first view, which is the one that its reference shows.
Ours are relative to the camera of the reference, carried along to where the body looks in the
first frame, whether such a view is asked for or not: a code says from which side of the person,
as the reference shows them, a picture is taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.body import PosedBody
from muybridge.body.skeleton import JOINT_INDEX
from muybridge.camera import Cameras, facing_of
from muybridge.camera.crop import Crop, center_on, pixels_per_metre
from muybridge.methods.cropped import BLOCK
from muybridge.methods.reference import Reference, reference_of
from muybridge.motion import Motion
from muybridge.networks.camera_embedding import relative_rotations
from muybridge.networks.pose_modulator import MAP_CHANNELS
from muybridge.person import Person
from muybridge.render import (
    bone_map,
    bone_normal_colors,
    depth_shades,
    normal_map,
    skeleton_map,
)

_SKIN_POINTS = 7
"""Every so manieth vertex is enough to bound a person."""
_SMALL = 256
"""Height of pictures, pixels, up to which a map is the mean of four samples per pixel."""
_PELVIS = JOINT_INDEX["pelvis"]


def aligned_crop(
    body: PosedBody, cameras: Cameras, width: int, height: int, most: float | None = None
) -> Crop:
    """Crops with the pelvis in the middle; see :func:`muybridge.camera.crop.center_on`.

    Args:
        body: posed, of all frames.
        cameras: of the whole pictures.
        width, height: of the crops, pixels.
        most: pixels per metre that are not exceeded.
    """
    return center_on(cameras, body.joints[:, _PELVIS], body.vertices, width, height, most=most)


def crop_of_video(
    person: Person, motion: Motion, cameras: Cameras, width: int, height: int
) -> Crop:
    """The same for a person in a motion on their proportions, a few frames in memory at a time."""
    pelvis, skin = [], []
    for first in range(0, motion.frames, BLOCK):
        posed = person.shaped.pose(motion.slice(first, first + BLOCK))
        pelvis.append(posed.joints[:, _PELVIS])
        skin.append(posed.vertices[:, ::_SKIN_POINTS])
    return center_on(cameras, torch.cat(pelvis), torch.cat(skin), width, height)


def aligned_reference(person: Person, first: PosedBody, crop: Crop) -> Reference:
    """The reference picture with the pelvis where the video has it, at the first frame's size.

    Smaller where the body would not be seen whole.

    Args:
        person: who.
        first: their body in the first frame.
        crop: of the video.
    """
    size = pixels_per_metre(crop.cameras.slice(0, 1), first.joints[:1, _PELVIS])[0, 0]

    def framing(body: PosedBody, cameras: Cameras, width: int, height: int) -> Crop:
        return aligned_crop(body, cameras, width, height, most=float(size))

    return reference_of(person, crop.cameras.width, crop.cameras.height, framing)


def camera_rotations(
    cameras: Cameras, first: PosedBody, reference: Cameras, posed: PosedBody
) -> Float[Tensor, "V T 3 3"]:
    """Rotations against the camera of the reference, carried along with the body.

    They do not change with the world's axes, nor with where the body is or looks at first.

    Args:
        cameras: of the video.
        first: the body in its first frame.
        reference: the camera of the reference picture.
        posed: the body in it, one frame.
    """
    turn = math.radians(facing_of(first.joints[:1]) - facing_of(posed.joints[:1]))
    cos, sin = math.cos(turn), math.sin(turn)
    about_y = torch.tensor([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
    base = reference.T_cam_world[:1, :1, :3, :3] @ about_y.to(reference.T_cam_world)
    views = cameras.T_cam_world[..., :3, :3]
    with_base = torch.cat([base.expand(1, cameras.frames, 3, 3).to(views), views])
    return relative_rotations(with_base)[1:]


def pose_maps(
    posed: PosedBody, cameras: Cameras, maps: Sequence[str] = ("normal", "depth")
) -> Float[Tensor, "V T C H W"]:
    """The maps that steer, one behind the other, in [0, 1]; 0 where there is nothing.

    Args:
        posed: the body in each frame.
        cameras: of the crops.
        maps: ``normal`` and ``depth`` of the bones' ellipsoids in the camera's axes, as
            ``.5 + .5 n`` and as distance (nearer is lighter, the pelvis 0.5, 1.2 m to either
            side); for comparison a drawn ``skeleton``, or ``body_normal`` of the body's skin.
    """
    unknown = [name for name in maps if name not in MAP_CHANNELS]
    if unknown:
        raise ValueError(f"there is no map {unknown[0]!r}; there are {', '.join(MAP_CHANNELS)}")
    samples = 2 if cameras.height <= _SMALL else 1
    fine = _enlarged(cameras, samples)
    bones = bone_map(posed.joints, fine) if {"normal", "depth"} & set(maps) else None
    made = []
    for name in maps:
        if name == "skeleton":
            made.append(skeleton_map(posed.joints, fine))
        elif name == "body_normal":
            made.append(normal_map(posed, fine, frame="hvg"))
        elif bones is not None and name == "normal":
            made.append(bone_normal_colors(bones))
        elif bones is not None:
            away = (cameras.centers - posed.joints[:, _PELVIS]).norm(dim=-1)
            made.append(depth_shades(bones.depth, away.to(bones.depth))[:, :, :1])
    both = torch.cat([each.float() for each in made], 2)
    if samples == 1:
        return both
    return F.avg_pool2d(both.flatten(0, 1), samples).unflatten(0, both.shape[:2])


def _enlarged(cameras: Cameras, factor: int) -> Cameras:
    """The same cameras with more pixels."""
    K = cameras.K * cameras.K.new_tensor([[factor], [factor], [1]])
    return replace(cameras, K=K, width=cameras.width * factor, height=cameras.height * factor)
