"""From pictures of which everything is known to a person: body, pose and camera are given.

Papers measure their methods with a body that was fitted to many views. Here it is exact, so
that what is measured is the method and not the fit: only what the person wears and how they
are coloured is taken from the pictures, as :mod:`muybridge.person.from_photo` takes it.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from muybridge.body import Shape, ShapedBody, load_anny
from muybridge.body.anny import PHENOTYPES
from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.motion import Motion
from muybridge.person.body_fit import R_CAM_WORLD, BodyFit
from muybridge.person.colouring import agreement, take_colours
from muybridge.person.drape import PhotoCamera
from muybridge.person.face_detect import SkinModel
from muybridge.person.garment import Dressed, dress
from muybridge.person.person import Person, Photo
from muybridge.person.sight import SKIN, Sight, look

_SLOTS = ("front", "back")
"""What the first and the second picture are called, whatever they show."""
_LEAST_SHARE = 0.001
"""Of a picture that the person has to cover."""
_SQUARE = 0.01
"""Share by which focal lengths across and down may differ."""


@runtime_checkable
class KnownPicture(Protocol):
    """A picture, its camera and the pose in it; ``muybridge.data.Reference`` is one."""

    @property
    def rgba(self) -> UInt8[ndarray, "H W 4"]:
        """Colours as they are (not premultiplied) and the matte."""

    @property
    def camera(self) -> Cameras:
        """One view, one frame, of the picture's size."""

    @property
    def pose(self) -> Motion:
        """One frame, on the body's own proportions, in the camera's world."""


def person_from_known(
    front: KnownPicture, back: KnownPicture | None = None, *, shape: Shape
) -> Person:
    """See :meth:`muybridge.person.Person.from_known`."""
    pictures = [front] if back is None else [front, back]
    body = load_anny()
    shaped = body.with_shape(shape)
    sights: list[Sight] = []
    skin: SkinModel | None = None
    colour = SKIN
    for name, picture in zip(_SLOTS, pictures, strict=False):
        _check(name, picture)
        image, alpha = _over_white(picture.rgba)
        sight = look(_facing(shaped, picture), image, alpha, skin=skin, exact=True)
        if sight.face is not None and skin is None:
            skin, colour = sight.skin, sight.face_colour
        sights.append(sight)
    observations = [sight.observation for sight in sights]
    dressed = dress(
        body, shaped, _fit(pictures, shape), observations, [_camera(p) for p in pictures]
    )
    texture, seen = take_colours(body, dressed, observations, colour)
    person = Person(
        shape, body.name, dressed.offsets, texture,
        tuple(_photo(k, p, shaped, dressed) for k, p in enumerate(pictures)),
    )
    confidence = {"seen": round(seen, 4)}
    for k, o in enumerate(observations):
        confidence[f"{_SLOTS[k]}.outline"] = round(agreement(person, k, o.mask), 4)
    return Person(
        person.shape, person.body, person.offsets, person.texture, person.photos, confidence,
    )


def _check(name: str, picture: KnownPicture) -> None:
    """Refuse what is no picture with one camera and one pose.

    Raises:
        InputError: saying what is wrong with it.
    """
    rgba, camera, pose = picture.rgba, picture.camera, picture.pose
    if rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.dtype != np.uint8:
        raise InputError(name, "picture", f"is {rgba.dtype} {rgba.shape}", "give uint8 [H, W, 4]")
    size = (rgba.shape[1], rgba.shape[0])
    if (camera.views, camera.frames) != (1, 1) or (camera.width, camera.height) != size:
        raise InputError(
            name, "camera", f"has {camera.views} views of {camera.frames} frames and "
            f"{camera.width}x{camera.height} pixels", f"give one of {size[0]}x{size[1]}",
        )
    camera.check(name)
    K = camera.K[0, 0]
    if abs(float(K[0, 0] / K[1, 1]) - 1) > _SQUARE or abs(float(K[0, 1])) > _SQUARE:
        raise InputError(name, "camera", "has pixels that are not square", "resample the picture")
    if pose.frames != 1:
        raise InputError(name, "pose", f"has {pose.frames} frames", "give the one of the picture")
    pose.checked(name)
    if float((rgba[..., 3] > 127).mean()) < _LEAST_SHARE:
        raise InputError(name, "picture", "shows nobody", "give one with the person and a matte")


def _over_white(
    rgba: UInt8[ndarray, "H W 4"],
) -> tuple[UInt8[ndarray, "H W 3"], Float[ndarray, "H W"]]:
    """The picture on white, and its matte in [0, 1]."""
    alpha = rgba[..., 3:].astype(np.float32) / 255
    image = rgba[..., :3] * alpha + 255.0 * (1 - alpha)
    return np.rint(image).astype(np.uint8), np.ascontiguousarray(alpha[..., 0])


def _facing(shaped: ShapedBody, picture: KnownPicture) -> str:
    """From which side the camera sees the body: ``front``, ``back`` or ``side``."""
    posed = shaped.pose(picture.pose)
    ahead = posed.T_world_joint[0, 0, :3, 2]
    T = picture.camera.T_cam_world[0, 0].float()
    towards = -T[:3, :3].T @ T[:3, 3] - posed.joints[0, 0]
    level = torch.tensor([1.0, 0.0, 1.0])
    cosine = float(torch.nn.functional.cosine_similarity(ahead * level, towards * level, 0))
    return "front" if cosine > 0.6 else "back" if cosine < -0.6 else "side"


def _camera(picture: KnownPicture) -> PhotoCamera:
    """The camera, put at the origin and upright, as the photos' cameras are."""
    K = picture.camera.K[0, 0]
    focal = float(K[0, 0] + K[1, 1]) / 2
    return PhotoCamera(focal, (float(K[0, 2]), float(K[1, 2])))


def _fit(pictures: list[KnownPicture], shape: Shape) -> BodyFit:
    """Body and poses in the cameras' upright worlds."""
    rotations, roots = [], []
    for picture in pictures:
        T = picture.camera.T_cam_world[0, 0].float()
        R = picture.pose.R_parent_joint[0].float().clone()
        R[0] = R_CAM_WORLD @ T[:3, :3] @ R[0]
        rotations.append(R)
        root = T[:3, :3] @ picture.pose.root_position[0].float() + T[:3, 3]
        roots.append(R_CAM_WORLD @ root)
    count = len(pictures)
    return BodyFit(
        torch.tensor([getattr(shape, name) for name in PHENOTYPES]), torch.stack(rotations),
        torch.stack(roots), torch.tensor([_camera(p).focal for p in pictures]),
        torch.zeros(count),
    )


def _photo(k: int, picture: KnownPicture, shaped: ShapedBody, dressed: Dressed) -> Photo:
    """The picture in its own world, moved so that the person stands over the origin."""
    image, alpha = _over_white(picture.rgba)
    posed = shaped.pose(picture.pose)
    root = picture.pose.root_position[0].float()
    center = torch.stack([root[0], posed.vertices[0, :, 1].min(), root[2]])
    T: Float[Tensor, "4 4"] = picture.camera.T_cam_world[0, 0].float().clone()
    T[:3, 3] += T[:3, :3] @ center
    return Photo(
        _SLOTS[k], image, alpha, picture.camera.K[0, 0].float().clone(), T,
        picture.pose.R_parent_joint[0].float().clone(), root - center, dressed.drape[k].clone(),
    )
