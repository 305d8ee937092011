"""What 3DiMo's small sizes see of a person: crops with the pelvis in the middle, and hands.

A crop is as large in every frame of a clip as in its first one, so that a camera that comes
nearer or zooms shows the person larger; all views begin with the person equally large. Movement
across the picture is taken out: the crop goes with the pelvis. The reference is cropped likewise,
at the size of the first frame.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from muybridge.body import PosedBody
from muybridge.body.skeleton import JOINT_INDEX
from muybridge.camera import Cameras, facing_of
from muybridge.camera.crop import Crop, anchored, center_on, pixels_per_metre
from muybridge.camera.geometry import angles
from muybridge.motion import Motion
from muybridge.networks.motion_layout import about_up

PELVIS = JOINT_INDEX["pelvis"]
HAND_WIDTH = 0.28
"""Of the part of a picture that shows a hand, metres."""
_SKIN_POINTS = 7
"""Every so manieth vertex is enough to bound a person."""
_BODY = slice(1, 22)
_HANDS = slice(25, 55)


def steady_crop(
    posed: PosedBody, cameras: Cameras, width: int, height: int, most: float | None = None
) -> Crop:
    """Crops of a clip; see the module.

    Args:
        posed: the body, of all frames.
        cameras: of the whole pictures.
        width, height: of the crops, pixels.
        most: pixels per metre of the first frame that are not exceeded.
    """
    pelvis = posed.joints[:, PELVIS]
    fitting = center_on(
        cameras, pelvis, posed.vertices[:, ::_SKIN_POINTS], width, height, most=most
    )
    size = float(pixels_per_metre(fitting.cameras, pelvis).min())
    return sized_crop(posed, cameras, width, height, size)


def sized_crop(
    posed: PosedBody, cameras: Cameras, width: int, height: int, size: float
) -> Crop:
    """The same, of a known size.

    Args:
        posed, cameras, width, height: as of :func:`steady_crop`.
        size: pixels per metre of the first frame.
    """
    pelvis = posed.joints[:, PELVIS]
    scale = size / pixels_per_metre(cameras, pelvis)[:, :1]
    return anchored(cameras, pelvis, scale.expand(-1, cameras.frames), width, height)


def size_of(crop: Crop, posed: PosedBody) -> float:
    """Pixels per metre at the pelvis in the first frame of a crop."""
    return float(pixels_per_metre(crop.cameras, posed.joints[:, PELVIS])[0, 0])


def hands_of(
    posed: PosedBody, cameras: Cameras, pictures: Float[Tensor, "V T C H W"], side: int
) -> tuple[Float[Tensor, "V T 2 3 s s"], Bool[Tensor, "V T 2"]]:
    """Pictures of the left and the right hand, and whether they lie within the picture.

    Args:
        posed: the body, of all frames.
        cameras: of the whole pictures.
        pictures: RGB over black, and what comes behind it.
        side: of the hands' pictures, pixels.
    """
    found, seen = [], []
    for name in ("left", "right"):
        anchor = posed.joints[:, JOINT_INDEX[f"{name}_middle1"]]
        scale = side / (HAND_WIDTH * pixels_per_metre(cameras, anchor))
        found.append(anchored(cameras, anchor, scale, side, side).cut(pictures[:, :, :3]))
        pixel, depth = cameras.project(anchor[:, None])
        edge = pixel.new_tensor([cameras.width, cameras.height])
        inside = ((pixel > 0) & (pixel < edge)).all(-1) & (depth > 0)
        seen.append(inside[..., 0])
    return torch.stack(found, 2), torch.stack(seen, 2)


def joints_seen(
    joints: Float[Tensor, "T J 3"], cameras: Cameras
) -> Float[Tensor, "V T 22 3"]:
    """Pelvis and body joints before cameras: to the right and down, half pictures each from the
    middle, and how much nearer than the pelvis, metres; at most 3 each.

    Args:
        joints: of the body, in the world. ``cameras``: of the crops.
    """
    pixel, depth = cameras.project(joints[:, : _BODY.stop])
    across = 2 * pixel / pixel.new_tensor([cameras.width, cameras.height]) - 1
    nearer = depth[..., PELVIS : PELVIS + 1] - depth
    return torch.cat([across, nearer[..., None]], -1).clamp(-3, 3)


def looks_before(
    joints: Float[Tensor, "T 55 3"], cameras: Cameras
) -> Float[Tensor, "V T"]:
    """Azimuth of cameras about a person, from where they look in each frame; radians.

    Args:
        joints: of the body, in the world. ``cameras``: any.
    """
    away = (cameras.centers - joints[:, PELVIS]).double().cpu().numpy()
    azimuth = torch.from_numpy(angles(away)[0]).float()
    return wrapped(torch.deg2rad(azimuth - torch.tensor(facing_in(joints))))


def tilts(
    motion: Motion, joints: Float[Tensor, "T 55 3"]
) -> Float[Tensor, "T 3 3"]:
    """How the pelvis lies in each frame, as of somebody who looks along +Z, with +Y up.

    Args:
        motion: of a person. ``joints``: where it puts them, in the world.
    """
    back = about_up(-torch.deg2rad(torch.tensor(facing_in(joints))))
    return back.float() @ motion.R_parent_joint[:, PELVIS].float()


def facing_in(joints: Float[Tensor, "T 55 3"]) -> list[float]:
    """Azimuth of where a person looks in each frame, degrees."""
    return [facing_of(joints[t : t + 1]) for t in range(len(joints))]


def wrapped(angles: Float[Tensor, "*B"]) -> Float[Tensor, "*B"]:
    """The same angles in -pi .. pi."""
    return torch.remainder(angles + math.pi, 2 * math.pi) - math.pi


def joint_rotations(motion: Motion) -> Float[Tensor, "T J 6"]:
    """Rotations of body and hands relative to their parents, the root's left out.

    The first two columns of each matrix, one behind the other.
    """
    R = motion.R_parent_joint
    return torch.cat([R[:, _BODY], R[:, _HANDS]], 1)[..., :2].transpose(-1, -2).flatten(-2)
