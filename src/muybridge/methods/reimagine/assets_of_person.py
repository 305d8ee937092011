"""Assets cut from a fitted person's photos: their head, and what they wear.

The body's parts, laid over the photo, say what belongs to what; bare skin is left out by its
colour. A dress is cut at the waist, for nothing in a photo says that it is one piece.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from muybridge.body import Part, PosedBody
from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.methods.reimagine.assets import (
    SHOWN,
    Anchor,
    AssetPictures,
    Rgba,
    cropped,
    without_holes,
)
from muybridge.methods.reimagine.collage import skin_colour
from muybridge.methods.reimagine.marks import Marks, marks_of
from muybridge.motion import Motion
from muybridge.person import Person, Photo
from muybridge.person.ground_model import lab_distance, rgb_to_lab
from muybridge.render import part_map

_PARTS: dict[str, tuple[Part, ...]] = {
    "face": (Part.HEAD, Part.NECK),
    "upper": (Part.TORSO, Part.LEFT_UPPER_ARM, Part.RIGHT_UPPER_ARM, Part.LEFT_FOREARM,
              Part.RIGHT_FOREARM),
    "lower": (Part.HIPS, Part.LEFT_THIGH, Part.RIGHT_THIGH, Part.LEFT_CALF, Part.RIGHT_CALF),
    "shoes": (Part.LEFT_FOOT, Part.RIGHT_FOOT),
}
_SKIN = 16.0
"""Distance in Lab from the face's colour within which a pixel may be bare skin."""
_LEAST = 0.004
"""Share of the person below which an asset is left out."""


def assets_of_person(person: Person) -> AssetPictures:
    """Head, garments and shoes of a person, cut from their photos.

    Args:
        person: with a photo of the front; one of the back gives the garments from behind.

    Returns:
        What is seen of them; somebody without trousers has no ``lower``. It need not make a
        whole person, so it is not checked.

    Raises:
        InputError: there is no photo of the front.
    """
    photos = {photo.name: photo for photo in person.photos}
    if "front" not in photos:
        raise InputError("person", "photos", "show no front", "fit them to a photo of the front")
    stood = {name: _stood(person, photo) for name, photo in photos.items()}
    labels = {name: parts_in(photos[name], *pose) for name, pose in stood.items()}
    front = photos["front"]
    face = _cut(front, np.isin(labels["front"], _PARTS["face"]))[0]
    skin = skin_colour(face)
    found: dict[str, Rgba] = {"face": face} if float((face[..., 3] > 127).mean()) > 0 else {}
    behind: dict[str, np.ndarray] = {}
    anchors: dict[str, Anchor] = {}
    for name in ("upper", "lower", "shoes"):
        for side, kept in (("front", found), ("back", behind)):
            if side in photos:
                worn = np.isin(labels[side], _PARTS[name]) & ~_bare(photos[side], skin)
                worn = _tidied(worn)
                if worn.sum() >= _LEAST * (photos[side].alpha > 0.5).sum():
                    kept[name], corner = _cut(photos[side], worn)
                    if name != "shoes":
                        anchors[f"{name}-back" if side == "back" else name] = _anchor(
                            name, marks_of(*stood[side]), corner
                        )
    return AssetPictures(found, {n: p for n, p in behind.items() if n in found}, anchors)


def _anchor(name: str, marks: Marks, corner: tuple[int, int]) -> Anchor:
    """The body's anchor in a garment's picture, whose left top corner is given."""
    (x, y), width = (
        (marks.pelvis, marks.hips) if name == "lower" else (marks.neck, marks.waist)
    )
    return Anchor(x - corner[0], y - corner[1], width)


def _stood(person: Person, photo: Photo) -> tuple[PosedBody, Cameras]:
    """The naked body as it stood for a photo, and the camera."""
    motion = Motion(photo.R_parent_joint[None], photo.root_position[None])
    height, width = photo.alpha.shape
    cameras = Cameras(photo.K[None, None], photo.T_cam_world[None, None], width, height)
    return person.shaped.pose(motion), cameras


def parts_in(photo: Photo, posed: PosedBody, cameras: Cameras) -> UInt8[ndarray, "H W"]:
    """The part of the body that each pixel of a photo shows, the nearest one beside it.

    Args:
        photo: of a person. ``posed``: their naked body in it. ``cameras``: that took it.
    """
    parts = part_map(posed, cameras)[0, 0, 0].numpy()
    if not parts.any():
        return parts
    _, nearest = cv2.distanceTransformWithLabels(
        (parts == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(nearest.max() + 1, np.uint8)
    table[nearest[parts > 0]] = parts[parts > 0]
    return np.where(photo.alpha > 0.5, table[nearest], 0).astype(np.uint8)


def _bare(photo: Photo, skin: Float[ndarray, "3"]) -> Bool[ndarray, "H W"]:
    """Where a photo has the colour of skin, in more or less light."""
    wanted = rgb_to_lab(np.asarray(skin, np.float32)[None, None])
    apart = rgb_to_lab(photo.image) - wanted
    apart[..., 0] *= 0.5
    return np.asarray(lab_distance(apart) < _SKIN)


def _tidied(mask: Bool[ndarray, "H W"]) -> Bool[ndarray, "H W"]:
    """A mask without specks and holes."""
    reach = max(1, round(0.004 * max(mask.shape)))
    kernel = np.ones((2 * reach + 1,) * 2, np.uint8)
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    return without_holes(cv2.morphologyEx(closed, cv2.MORPH_OPEN, kernel) > 0)


def _cut(photo: Photo, mask: Bool[ndarray, "H W"]) -> tuple[Rgba, tuple[int, int]]:
    """A part of a photo, cropped to itself, and where its left top corner was (x, y)."""
    soft = cv2.GaussianBlur(mask.astype(np.float32), (3, 3), 0) * photo.alpha
    alpha = np.rint(255 * soft * (soft > 0.05)).astype(np.uint8)
    found = cropped(np.concatenate([photo.image, alpha[..., None]], -1))
    if found.shape[:2] == alpha.shape:
        return found, (0, 0)
    return found, (
        int(np.flatnonzero((alpha > SHOWN).any(0))[0]),
        int(np.flatnonzero((alpha > SHOWN).any(1))[0]),
    )
