"""People that the tests of this room share; each is fitted once a session."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import cv2
import numpy as np
import pytest
import roma
import torch

from muybridge.body import JOINT_INDEX, JOINTS, Moves
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.render import render_textured
from muybridge.video import read_image

GROUND = 232
"""Grey of the ground behind the synthetic person."""


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


@pytest.fixture(scope="session")
def staged(painted) -> Staged:
    """Photos of the ``painted`` person from before and behind, on a plain ground."""
    height, width = 560, 360
    R = standing()[None].repeat(2, 1, 1, 1)
    R[1, 0] = torch.diag(torch.tensor([-1.0, 1.0, -1.0]))
    root = painted.rest_joints[:1].repeat(2, 1) * torch.tensor([0.0, 1.0, 0.0])
    moves = Motion(R, root)
    posed = painted.posed(moves)
    K = torch.tensor([[640.0, 0, width / 2], [0, 640.0, height / 2], [0, 0, 1]])
    middle = float(posed.vertices[..., 1].amax() + posed.vertices[..., 1].amin()) / 2
    T = torch.eye(4)
    T[:3, :3] = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    T[:3, 3] = torch.tensor([0.0, middle, 2.2])
    rgb, alpha = render_textured(
        posed.vertices, posed.mesh, torch.from_numpy(painted.texture), K.repeat(2, 1, 1),
        T.repeat(2, 1, 1), height, width, supersample=3,
    )
    over = (rgb + (1 - alpha) * (GROUND / 255)).permute(0, 2, 3, 1)
    pictures = (over.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    mattes = (alpha[:, 0] * 255).round().to(torch.uint8).numpy()
    return Staged(painted, moves, pictures[0], pictures[1], mattes[0], mattes[1])


@pytest.fixture(scope="session")
def staged_fit(staged) -> Person:
    """The person fitted to the pair of :func:`staged` photos, cut out by the package itself."""
    return Person.from_photo(staged.front, staged.back)


@pytest.fixture(scope="session")
def sample_fit() -> Person:
    """The package's sample person at half its size."""
    image = read_image(str(files("muybridge") / "assets" / "sample_person.png"))
    half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return Person.from_photo(half, layout="sheet")
