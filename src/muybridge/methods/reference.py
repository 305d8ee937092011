"""The picture that a person is known by: cut out, over black, at the networks' size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.body import PosedBody
from muybridge.camera import Cameras, build_cameras
from muybridge.camera.crop import Crop, follow
from muybridge.methods.avatar.draw import draw
from muybridge.motion import Motion, clips, retarget
from muybridge.person import Person
from muybridge.render import Lighting, prepare_texture

_DRAWN = 512
"""Height at which a person without photos is drawn for their reference, pixels."""
Framing = Callable[[PosedBody, Cameras, int, int], Crop]
"""``framing(body, cameras, width, height)``: which part of a picture shows a body."""
_LIGHT = Lighting(ambient=1.0, strength=0.0)


@dataclass(frozen=True)
class Reference:
    """How a person looks, and how body and camera stood for it.

    Attributes:
        picture: RGB premultiplied over black, and matte, in [0, 1].
        motion: the pose, one frame.
        cameras: one view, one frame, of the picture's size.
    """

    picture: Float[Tensor, "4 h w"]
    motion: Motion
    cameras: Cameras


def whole_body(body: PosedBody, cameras: Cameras, width: int, height: int) -> Crop:
    """The body in the middle, as :func:`muybridge.camera.crop.follow` has it."""
    return follow(cameras, body.vertices, width, height)


def reference_of(
    person: Person, width: int, height: int, framing: Framing = whole_body, drawn_from: str = "0"
) -> Reference:
    """The first photo of a person; a drawing of them where there is none.

    Args:
        person: who.
        width, height: of the picture, pixels.
        framing: which part is shown.
        drawn_from: azimuth of the drawing's camera, degrees; 0 is the front.
    """
    if person.photos:
        photo = person.photos[0]
        alpha = torch.from_numpy(photo.alpha).float()[None]
        image = torch.from_numpy(photo.image).permute(2, 0, 1).float() / 255
        motion = Motion(photo.R_parent_joint[None], photo.root_position[None])
        rows, columns = alpha.shape[-2:]
        cameras = Cameras(photo.K[None, None], photo.T_cam_world[None, None], columns, rows)
        whole = torch.cat([image * alpha, alpha])
    else:
        motion, cameras, whole = _drawn(person, width / height, drawn_from)
    crop = framing(person.shaped.pose(motion), cameras, width, height)
    return cut_out(whole, motion, cameras, crop)


def cut_out(
    whole: Float[Tensor, "4 H W"], motion: Motion, cameras: Cameras, crop: Crop
) -> Reference:
    """The part of a picture that a crop shows, resampled to its size, to whole pixels.

    Args:
        whole: RGB premultiplied over black, and matte.
        motion: the pose in the picture.
        cameras: what saw it: one view, one frame.
        crop: of these cameras.
    """
    width, height = crop.cameras.width, crop.cameras.height
    scale, shift = float(crop.scale[0, 0]), crop.shift[0, 0].tolist()
    left, top = (-round(d / scale) for d in shift)
    wide, high = (max(1, round(s / scale)) for s in (width, height))
    room = (
        max(0, -left), max(0, left + wide - whole.shape[2]),
        max(0, -top), max(0, top + high - whole.shape[1]),
    )
    padded = F.pad(whole, room)
    x, y = left + room[0], top + room[2]
    part = padded[:, y : y + high, x : x + wide]
    picture = F.interpolate(
        part[None], size=(height, width), mode="bilinear", align_corners=False, antialias=True
    )[0].clamp(0, 1)
    A = torch.tensor(
        [[width / wide, 0, -left * width / wide], [0, height / high, -top * height / high],
         [0, 0, 1]], dtype=cameras.K.dtype,
    )
    return Reference(
        picture, motion, Cameras(A @ cameras.K, cameras.T_cam_world, width, height, "reference")
    )


def _drawn(
    person: Person, aspect: float, azimuth: str
) -> tuple[Motion, Cameras, Float[Tensor, "4 H W"]]:
    """The person standing at ease, seen from there, as their texture has them."""
    motion = retarget(clips.make("idle", 1), person.rest_joints)
    posed = person.posed(motion)
    cameras = build_cameras(
        f"static:{azimuth}", torch.cat([posed.joints, posed.vertices[:, ::61]], 1),
        frames=1, width=round(_DRAWN * aspect), height=_DRAWN,
    )
    texture = prepare_texture(torch.from_numpy(person.texture), posed.mesh)
    color, matte = draw(posed.vertices, posed.mesh, texture, _LIGHT, cameras)
    return motion, cameras, torch.cat([color, matte], 2)[0, 0]
