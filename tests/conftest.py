"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import pytest
import torch
import typecheck
from hypothesis import settings

# one thread a worker: those that wait for one another burn the cores that workers share.
# Numba's threads, when they first start, would give torch as many as there are cores
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
torch.set_num_threads(1)
cv2.setNumThreads(1)
# the same examples everywhere and every time, however busy the machine
settings.register_profile("muybridge", derandomize=True, deadline=None, database=None)
settings.load_profile("muybridge")


@pytest.fixture(autouse=True)
def _checked() -> None:
    """Annotations of all functions are looked at in each test."""
    typecheck.begin()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of photos, motions and recorded outputs that the project does not contain."""
    folder = Path(os.environ.get("MUYBRIDGE_SHARED") or Path(__file__).parents[2] / "shared")
    if not (folder / "data").is_dir():
        pytest.skip("needs the folder 'shared' beside the project, or MUYBRIDGE_SHARED")
    return folder


@pytest.fixture(scope="session")
def painted():
    """A person who was never photographed: the built-in body in a texture of stripes.

    Front and back differ in colour, and so do left and right, so that a test sees which
    side it looks at.
    """
    from muybridge.body import Shape, load_body
    from muybridge.person import Person
    from muybridge.render import interpolate, rasterize_pixels

    shape = Shape(gender=0.3, age=0.7)
    body = load_body()
    shaped = body.with_shape(shape)
    size = 256
    uv = torch.cat([shaped.mesh.uv * size, torch.ones(len(shaped.mesh.uv), 1)], 1)[None]
    seen = rasterize_pixels(uv, shaped.mesh.faces_uv, size, size)
    place = interpolate(seen, shaped.mesh.faces, shaped.zero.vertices[0])[0]
    red = 0.25 + 0.55 * (place[..., 2] > 0)
    green = 0.25 + 0.55 * (place[..., 0] > 0)
    blue = 0.35 + 0.3 * ((place[..., 1] * 8).floor() % 2)
    texture = torch.stack([red, green, blue], -1).mul(255).round().to(torch.uint8).numpy()
    offsets = torch.zeros_like(shaped.bind_vertices)
    return Person(shape=shape, body="anny", offsets=offsets, texture=texture)


@pytest.fixture(scope="session")
def painted_folder(painted, tmp_path_factory) -> Path:
    """:func:`painted`, saved."""
    folder = tmp_path_factory.mktemp("people") / "painted"
    painted.save(folder)
    return folder
