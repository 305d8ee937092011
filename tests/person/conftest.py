"""People that the tests of this room share; each is fitted once a session."""

from __future__ import annotations

import pytest
import torch
from staged_people import GROUND, Staged, standing, wardrobe

from muybridge.body import Shape, load_anny
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.render import render_textured


@pytest.fixture(scope="session")
def clothed() -> Person:
    """A made-up person in shirt and trousers."""
    shape = Shape(gender=0.3, age=0.7, height=0.55, weight=0.45)
    shaped = load_anny().with_shape(shape)
    return Person(shape, "anny", torch.zeros_like(shaped.bind_vertices), wardrobe(shaped))


@pytest.fixture(scope="session")
def staged(clothed) -> Staged:
    """Photos of the ``clothed`` person from before and behind, on a plain ground."""
    height, width = 560, 360
    R = standing()[None].repeat(2, 1, 1, 1)
    R[1, 0] = torch.diag(torch.tensor([-1.0, 1.0, -1.0]))
    root = clothed.rest_joints[:1].repeat(2, 1)
    moves = Motion(R, root)
    posed = clothed.posed(moves)
    top, low = posed.vertices[..., 1].amax(), posed.vertices[..., 1].amin()
    K = torch.tensor([[640.0, 0, width / 2], [0, 640.0, height / 2], [0, 0, 1]])
    T = torch.eye(4)
    T[:3, :3] = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    T[:3, 3] = torch.tensor([0.0, float(top + low) / 2, 1.4 * float(top - low)])
    rgb, alpha = render_textured(
        posed.vertices, posed.mesh, torch.from_numpy(clothed.texture), K.repeat(2, 1, 1),
        T.repeat(2, 1, 1), height, width, supersample=3,
    )
    over = (rgb + (1 - alpha) * (GROUND / 255)).permute(0, 2, 3, 1)
    noise = torch.randn(over.shape, generator=torch.Generator().manual_seed(5)) * (2 / 255)
    pictures = ((over + noise).clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    mattes = (alpha[:, 0] * 255).round().to(torch.uint8).numpy()
    return Staged(clothed, moves, pictures[0], pictures[1], mattes[0], mattes[1])


@pytest.fixture(scope="session")
def staged_fit(staged) -> Person:
    """The person fitted to the pair of :func:`staged` photos, cut out by the package itself."""
    return Person.from_photo(staged.front, staged.back)
