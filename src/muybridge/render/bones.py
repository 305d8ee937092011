"""Bone maps: the body as one ellipsoid per bone, as depth, normals and bone numbers.

HVG steers with them instead of a body mesh: the joints alone give them, whatever model the
joints came from. The radii are measured on a male and a female average body (see the table);
the paper gives only the wrist's.
"""

from __future__ import annotations

import colorsys
import math
from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.body.skeleton import JOINT_INDEX
from muybridge.camera.types import Cameras
from muybridge.render.ellipsoids import render_ellipsoids
from muybridge.render.rasterizer import Backend

STATURE = 1.66
"""Stature (metres) of the body that the radii belong to."""
_STATURE_PER_BONES = 1.139
"""Stature over the summed lengths of leg and spine."""
_SIDES = ("left", "right")


class Bone(NamedTuple):
    """One ellipsoid.

    Attributes:
        name: what the bone is called.
        start, end: joints at its ends; an ``end`` of "" means a virtual end (``length``).
        lateral, depth: semi-axes across the bone, metres at :data:`STATURE`.
        across: the two joints whose difference tells the lateral direction; empty where the
            bone is round. ("shin" for feet: across the shin and the foot.)
        trunk: a bone of the trunk, shorter than it is wide.
    """

    name: str
    start: str
    end: str
    lateral: float
    depth: float
    across: tuple[str, ...] = ()
    trunk: bool = False


def _bones() -> tuple[Bone, ...]:
    hips, shoulders = ("right_hip", "left_hip"), ("right_shoulder", "left_shoulder")
    bones = [
        Bone("pelvis", "pelvis", "spine1", 0.153, 0.100, hips, True),
        Bone("waist", "spine1", "spine2", 0.137, 0.093, hips + shoulders, True),
        Bone("ribs", "spine2", "spine3", 0.128, 0.090, hips + shoulders, True),
        Bone("chest", "spine3", "neck", 0.148, 0.108, shoulders, True),
        Bone("neck", "neck", "head", 0.050, 0.050),
        Bone("head", "head", "", 0.080, 0.096, ("right_eye", "left_eye")),
    ]
    for side in _SIDES:
        palm = (f"{side}_pinky1", f"{side}_index1")
        bones += [
            Bone(f"{side}_collar", "spine3", f"{side}_collar", 0.052, 0.052),
            Bone(f"{side}_shoulder", f"{side}_collar", f"{side}_shoulder", 0.052, 0.052),
            Bone(f"{side}_upper_arm", f"{side}_shoulder", f"{side}_elbow", 0.044, 0.044),
            Bone(f"{side}_forearm", f"{side}_elbow", f"{side}_wrist", 0.032, 0.032),
            Bone(f"{side}_palm", f"{side}_wrist", f"{side}_middle1", 0.038, 0.016, palm),
            Bone(f"{side}_hip", "pelvis", f"{side}_hip", 0.080, 0.080),
            Bone(f"{side}_thigh", f"{side}_hip", f"{side}_knee", 0.083, 0.083),
            Bone(f"{side}_calf", f"{side}_knee", f"{side}_ankle", 0.048, 0.048),
            Bone(f"{side}_foot", f"{side}_ankle", f"{side}_foot", 0.041, 0.033, ("shin",)),
            Bone(f"{side}_toes", f"{side}_foot", "", 0.042, 0.015, ("shin",)),
        ]
        for finger in ("thumb", "index", "middle", "ring", "pinky"):
            radii = (0.011, 0.010, 0.008) if finger == "thumb" else (0.011, 0.010, 0.007)
            for k, radius in enumerate(radii, start=1):
                end = f"{side}_{finger}{k + 1}" if k < 3 else ""
                bones.append(
                    Bone(f"{side}_{finger}{k}", f"{side}_{finger}{k}", end, radius, radius)
                )
    return tuple(bones)


BONES: tuple[Bone, ...] = _bones()
"""The 56 bones of a bone map, in the order of their numbers."""


class Ellipsoids(NamedTuple):
    """One ellipsoid per bone and frame, in the world.

    Attributes:
        centers: metres.
        axes: columns: lateral, along the bone, depth.
        radii: semi-axes in the same order, metres.
    """

    centers: Float[Tensor, "T E 3"]
    axes: Float[Tensor, "T E 3 3"]
    radii: Float[Tensor, "T E 3"]


class BoneMaps(NamedTuple):
    """What :func:`bone_map` yields; 0 (``bone``: -1) where there is no bone.

    Attributes:
        depth: distance from the camera's centre, metres (HVG's depth).
        normal: outward unit normals in the camera's OpenCV axes.
        bone: index into :data:`BONES`.
        z: depth along the camera's axis, metres.
    """

    depth: Float[Tensor, "V T 1 H W"]
    normal: Float[Tensor, "V T 3 H W"]
    bone: Int[Tensor, "V T 1 H W"]
    z: Float[Tensor, "V T 1 H W"]


def bone_map(
    joints: Float[Tensor, "T 55 3"], cameras: Cameras, *, dtype: torch.dtype = torch.float32,
    backend: Backend = "auto",
) -> BoneMaps:
    """Depth, normals and numbers of the bones' ellipsoids, in closed form.

    Args:
        joints: in the world, metres.
        dtype: of the per-pixel work; float32 is within 1e-5 m of float64.
        backend: as in :func:`~muybridge.render.rasterize`.
    """
    views, frames = cameras.views, cameras.frames
    if joints.shape[0] != frames:
        raise ValueError(f"the joints have {joints.shape[0]} frames and the cameras {frames}")
    shapes = bone_ellipsoids(joints)
    pixels = render_ellipsoids(
        shapes.centers.repeat(views, 1, 1),
        shapes.axes.repeat(views, 1, 1, 1),
        shapes.radii.repeat(views, 1, 1),
        cameras.K.flatten(0, 1), cameras.T_cam_world.flatten(0, 1),
        cameras.height, cameras.width, dtype=dtype, backend=backend,
    )
    def fold(field: Tensor) -> Tensor:
        return field.unflatten(0, (views, frames))

    return BoneMaps(
        depth=fold(pixels.distance).unsqueeze(2),
        normal=fold(pixels.normal),
        bone=fold(pixels.which).unsqueeze(2),
        z=fold(pixels.z).unsqueeze(2),
    )


def stature(joints: Float[Tensor, "T 55 3"]) -> Float[Tensor, "T"]:
    """Stature estimated from the lengths of legs and spine, metres."""
    spine = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
    total = joints.new_zeros(joints.shape[0])
    for chain, weight in (
        (spine, 1.0), (("left_hip", "left_knee", "left_ankle"), 0.5),
        (("right_hip", "right_knee", "right_ankle"), 0.5),
    ):
        line = joints[:, [JOINT_INDEX[name] for name in chain]]
        total = total + weight * (line[:, 1:] - line[:, :-1]).norm(dim=-1).sum(1)
    return _STATURE_PER_BONES * total


def bone_ellipsoids(joints: Float[Tensor, "T 55 3"]) -> Ellipsoids:
    """The bones' ellipsoids.

    A limb reaches half its radius beyond its joints; a bone of the trunk, shorter than it is
    wide, 3 cm. Radii grow with stature. The roll of a bone that isn't round follows the line
    across it (hips, shoulders, eyes, knuckles); toes and fingertips, which have no joint at
    their end, and the head, whose joint differs between body models, have their own rules.
    """
    joints = joints.double()
    scale = stature(joints) / STATURE
    start, end, lateral = _lines(joints, scale)
    along = end - start
    length = along.norm(dim=-1)
    across, thickness, is_trunk = _table(joints.device)
    across, thickness = across * scale[:, None], thickness * scale[:, None]
    trunk = torch.maximum(length / 2 + 0.03 * scale[:, None], thickness)
    half = torch.where(is_trunk, trunk, length / 2 + 0.5 * across)
    head = [bone.name for bone in BONES].index("head")
    half[:, head] = 0.115 * scale
    point = length < 1e-4
    half = torch.where(point, across, half)
    thickness = torch.where(point, across, thickness)
    up = torch.zeros_like(along)
    up[..., 1] = 1
    direction = torch.where(point[..., None], up, along / length.clamp(min=1e-12)[..., None])
    axes = _orientation(direction, lateral)
    return Ellipsoids((start + end) / 2, axes, torch.stack([across, half, thickness], -1))


@cache
def _table(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    values = torch.tensor([[b.lateral, b.depth] for b in BONES], dtype=torch.float64)
    trunk = torch.tensor([bone.trunk for bone in BONES])
    return values[:, 0].to(device), values[:, 1].to(device), trunk.to(device)


def _lines(joints: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Start, end and lateral direction (0 where round) of each bone [T, E, 3]."""
    def at(name: str) -> Tensor:
        return joints[:, JOINT_INDEX[name]]

    starts, ends, laterals = [], [], []
    size = scale[:, None]
    for bone in BONES:
        start = at(bone.start)
        side = bone.name.split("_")[0]
        lateral = torch.zeros_like(start)
        if bone.across == ("shin",):
            shin = _unit(at(f"{side}_ankle") - at(f"{side}_knee"))
            foot = _unit(at(f"{side}_foot") - at(f"{side}_ankle"))
            lateral = torch.linalg.cross(shin, foot)
        else:
            for a, b in zip(bone.across[::2], bone.across[1::2], strict=True):
                lateral = lateral + _unit(at(b) - at(a))
        if bone.end:
            end = at(bone.end)
        elif bone.name == "head":
            start, end = _head(at("neck"), at("head"), at("left_eye"), at("right_eye"), size)
        elif bone.name.endswith("toes"):
            # The sole is level where the line ankle - ball of the foot falls by 27 degrees.
            rise = _unit((shin * foot).sum(-1, keepdim=True) * foot - shin)
            tilt = math.radians(27)
            end = start + 0.055 * size * (math.cos(tilt) * foot + math.sin(tilt) * rise)
        else:
            # A fingertip: as the segment before it, shorter.
            knuckle = bone.start[:-1] + "2"
            end = start + 0.9 * (start - at(knuckle))
        starts.append(start)
        ends.append(end)
        laterals.append(lateral)
    return torch.stack(starts, 1), torch.stack(ends, 1), torch.stack(laterals, 1)


def _head(
    neck: Tensor, head: Tensor, left_eye: Tensor, right_eye: Tensor, size: Tensor
) -> tuple[Tensor, Tensor]:
    """Ends of a line through the middle of the head, chin to crown.

    The neck leans forward by 17 degrees under an upright head. The head's middle lies 6.1 cm
    behind the eyes and 1 cm below them (measured, at stature 1.66 m); without eyes, 10 cm
    above the head's joint.
    """
    up = _unit(head - neck)
    across = left_eye - right_eye
    ahead = _unit(torch.linalg.cross(across, up))
    lean = math.radians(17)
    forward = math.cos(lean) * ahead + math.sin(lean) * up
    up = math.cos(lean) * up - math.sin(lean) * ahead
    centre = (left_eye + right_eye) / 2 - size * (0.061 * forward + 0.010 * up)
    no_eyes = (across.norm(dim=-1, keepdim=True) < 1e-3) | (up.norm(dim=-1, keepdim=True) < 0.5)
    centre = torch.where(no_eyes, head + 0.10 * size * up, centre)
    return centre - 0.10 * size * up, centre + 0.10 * size * up


def _unit(vector: Tensor) -> Tensor:
    return F.normalize(vector, dim=-1, eps=1e-9)


def _orientation(u: Tensor, lateral: Tensor) -> Tensor:
    """Columns: across, along (u), depth; the least rotation from +Y where lateral is no help."""
    across = lateral - (lateral * u).sum(-1, keepdim=True) * u
    usable = across.norm(dim=-1, keepdim=True) > 1e-6
    x, y, z = u.unbind(-1)
    # R = I + [v]x + [v]x^2 / (1 + c) with v = e_y x u and c = y; its first column.
    k = 1 / (1 + y).clamp(min=1e-12)
    least = torch.stack([1 - x * x * k, -x, -x * z * k], -1)
    flipped = (1 + y)[..., None] < 1e-9
    least = torch.where(flipped, torch.eye(3, dtype=u.dtype, device=u.device)[0], least)
    e_x = torch.where(usable, _unit(across), least)
    return torch.stack([e_x, u, torch.linalg.cross(e_x, u)], -1)


def bone_normal_colors(maps: BoneMaps) -> Float[Tensor, "V T 3 H W"]:
    """Normals as colours, ``.5 + .5 n`` in the camera's axes, on black."""
    return torch.where(maps.bone >= 0, 0.5 + 0.5 * maps.normal, 0.0)


def bone_colors(bone: Int[Tensor, "V T 1 H W"]) -> Float[Tensor, "V T 3 H W"]:
    """Bone numbers as colours, neighbours far apart in hue, on black."""
    palette = [
        colorsys.hsv_to_rgb((i * 0.61803) % 1, 0.55 + 0.4 * (i % 2), 0.98 - 0.25 * (i % 3 == 1))
        for i in range(len(BONES))
    ]
    table = torch.tensor([(0.0, 0.0, 0.0), *palette], device=bone.device)
    return table[bone.squeeze(2).long() + 1].movedim(-1, 2)
