"""What steers ReImagine: the world's normals of the body, and its picture from both sides.

Normals are coloured by the world's axes (red up, green to the person's right, blue to the front),
and the front is where the person looks in the first frame: who turns later changes colour. Every
picture is a crop with the pelvis in its middle, the references too, so what a network paints is
a change of the side that the camera sees more of. Crops are HVG's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from muybridge.body import PosedBody
from muybridge.body.skeleton import JOINT_INDEX
from muybridge.camera import Cameras, facing_of
from muybridge.camera.crop import Crop, pixels_per_metre
from muybridge.data.facing import facing
from muybridge.methods.hvg.conditions import aligned_crop
from muybridge.methods.reference import Reference as Picture
from muybridge.methods.reference import reference_of
from muybridge.motion import Motion
from muybridge.person import Person, Photo
from muybridge.render import normal_map

_SMALL = 256
"""Height of pictures, pixels, up to which normals are the mean of four samples per pixel."""
_PELVIS = JOINT_INDEX["pelvis"]
_WHITE = 0.94
"""A picture's darkest channel from which on it is white ground; normals reach 0.79 at most."""


@dataclass(frozen=True)
class Sides:
    """A person's front and back as the networks know them.

    Attributes:
        pictures: RGB premultiplied over black, and matte; nothing where a side is unknown.
        normals: of the naked body in these pictures, likewise.
        known: which sides there are.
    """

    pictures: Float[Tensor, "2 4 h w"]
    normals: Float[Tensor, "2 4 h w"]
    known: Bool[Tensor, "2"]


def turn_to_front(first: PosedBody) -> Float[Tensor, "3 3"]:
    """The rotation about +Y after which the person looks along +Z in the first frame."""
    angle = math.radians(facing_of(first.joints[:1]))
    cos, sin = math.cos(angle), math.sin(angle)
    return torch.tensor([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])


def world_normals(
    posed: PosedBody, cameras: Cameras, R_front_world: Float[Tensor, "3 3"]
) -> Float[Tensor, "V T 4 H W"]:
    """Normals as the release colours them, premultiplied over black, and the body's share.

    Args:
        posed: the body in each frame.
        cameras: of the crops.
        R_front_world: from :func:`turn_to_front`.
    """
    samples = 2 if cameras.height <= _SMALL else 1
    R = R_front_world.to(posed.vertices)
    turned = replace(posed, vertices=posed.vertices @ R.T, joints=posed.joints @ R.T)
    back = torch.eye(4, dtype=cameras.T_cam_world.dtype)
    back[:3, :3] = R.T.to(back)
    K = cameras.K * cameras.K.new_tensor([[samples], [samples], [1]])
    fine = replace(
        cameras, K=K, T_cam_world=cameras.T_cam_world @ back,
        width=cameras.width * samples, height=cameras.height * samples,
    )
    painted = over_black(normal_map(turned, fine, frame="reimagine"))
    if samples == 1:
        return painted
    return F.avg_pool2d(painted.flatten(0, 1), samples).unflatten(0, painted.shape[:2])


def over_black(normals: Float[Tensor, "*B 3 H W"]) -> Float[Tensor, "*B 4 H W"]:
    """A normal map on white, as the release has them, over black with a matte.

    Args:
        normals: in [0, 1]; ours, or files of others.
    """
    body = (normals.amin(-3, keepdim=True) < _WHITE).to(normals.dtype)
    return torch.cat([normals * body, body], -3)


def mirrored_normals(normals: Float[Tensor, "*B 4 H W"]) -> Float[Tensor, "*B 4 H W"]:
    """Normals in the mirrored world: flipped, and left and right exchanged in green."""
    red, green, blue, share = normals.flip(-1).unbind(-3)
    return torch.stack([red, share - green, blue, share], -3)


def shown_side(
    cameras: Cameras, motion: Motion, known: Sequence[bool] | Tensor = (True, True)
) -> UInt8[Tensor, "V T"]:
    """The side that each picture shows more of, of those that are known: 0 front, 1 back.

    Args:
        cameras: of the video. ``motion``: of the person.
        known: whether there is a front, and a back.
    """
    seen = (facing(cameras, motion) < 0).to(torch.uint8)
    if not known[1]:
        return torch.zeros_like(seen)
    return seen if known[0] else torch.ones_like(seen)


def sides_of(
    person: Person, first: PosedBody, crop: Crop, references: int = 2
) -> Sides:
    """Front and back with the pelvis where the video has it, at the first frame's size.

    Smaller where the body would not be seen whole. Who has no photos is drawn from both sides.

    Args:
        person: who.
        first: their body in the first frame.
        crop: of the video.
        references: 1 leaves the back out.
    """
    width, height = crop.cameras.width, crop.cameras.height
    size = float(pixels_per_metre(crop.cameras.slice(0, 1), first.joints[:1, _PELVIS])[0, 0])

    def framing(body: PosedBody, cameras: Cameras, width: int, height: int) -> Crop:
        return aligned_crop(body, cameras, width, height, most=size)

    photos: list[Photo | None] = [None, None]
    for taken in person.photos:
        side = _side_of(taken)
        photos[side] = photos[side] or taken
    found: list[tuple[Tensor, Tensor] | None] = [None, None]
    for side, photo in enumerate(photos):
        if person.photos and photo is None:
            continue
        if references == 1 and side == 1 and found[0] is not None:
            continue
        alone = replace(person, photos=() if photo is None else (photo,))
        picture = reference_of(alone, width, height, framing, ("0", "180")[side])
        found[side] = picture.picture, own_normals(person.shaped.pose(picture.motion), picture)
    nothing = torch.zeros(4, height, width)
    pictures, normals = zip(*(pair or (nothing, nothing) for pair in found), strict=True)
    known = torch.tensor([pair is not None for pair in found])
    return Sides(torch.stack(pictures), torch.stack(normals), known)


def own_normals(posed: PosedBody, picture: Picture) -> Float[Tensor, "4 h w"]:
    """Normals of the body in a reference, whose front is where it looks there."""
    return world_normals(posed, picture.cameras, turn_to_front(posed))[0, 0]


def _side_of(photo: Photo) -> int:
    """0 for a photo of the front, 1 for one of the back."""
    if photo.name in ("front", "back"):
        return int(photo.name == "back")
    cameras = Cameras(photo.K[None, None], photo.T_cam_world[None, None], *photo.alpha.shape[::-1])
    return int(shown_side(cameras, Motion(photo.R_parent_joint[None], photo.root_position[None])))
