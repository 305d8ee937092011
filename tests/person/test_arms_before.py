"""Arms come before the trunk along the camera's rays; the picture stays the same."""

from __future__ import annotations

import numpy as np
import pytest
import roma
import torch

from muybridge.body import JOINT_INDEX, Part, Shape, load_anny
from muybridge.person.arms_before import ARMS, arms_before
from muybridge.person.drape import PhotoCamera
from muybridge.person.surface_graph import SurfaceGraph
from muybridge.render import rasterize_pixels

CAMERA = PhotoCamera(800.0, (200.0, 300.0))


@pytest.fixture(scope="module")
def body():
    return load_anny()


@pytest.fixture(scope="module")
def graph(body):
    shaped = body.with_shape(Shape())
    return SurfaceGraph.of(shaped.bind_vertices.numpy(), body.mesh.faces.numpy())


def posed(body, down: float, forward: float = 0.0) -> np.ndarray:
    """The body before a camera at the origin, arms turned down by so many degrees."""
    shaped = body.with_shape(Shape())
    R = torch.eye(3).repeat(1, 55, 1, 1)
    for sign, side in ((1, "left"), (-1, "right")):
        ahead = roma.rotvec_to_rotmat(torch.tensor([-np.deg2rad(forward), 0.0, 0.0]).float())
        lower = roma.rotvec_to_rotmat(torch.tensor([0.0, 0.0, -sign * np.deg2rad(down)]).float())
        R[0, JOINT_INDEX[f"{side}_shoulder"]] = ahead @ lower
    with torch.no_grad():
        bones, heads, _ = shaped.bones(R, torch.tensor([[0.0, -0.1, -2.6]]))
        skin = shaped.skin(shaped.bind_vertices, shaped.rig.weights, bones, heads)
    return skin[0].numpy().astype(float)


def arm_before_trunk(body, vertices: np.ndarray) -> float:
    """Share of the forearms' and hands' picture in which no trunk lies before them."""
    pixels = torch.from_numpy(CAMERA.project(vertices)).float()[None]
    parts = body.mesh.parts.numpy()
    faces = body.mesh.faces.numpy()
    lower = np.isin(parts, [p for arm in ARMS for p in arm[1:]])
    alone = rasterize_pixels(
        pixels, torch.from_numpy(faces[lower[faces].all(1)]), 600, 400, cull=True
    )
    whole = rasterize_pixels(pixels, body.mesh.faces, 600, 400, cull=True)
    drawn = alone.triangle[0].numpy() >= 0
    front = parts[faces[whole.triangle[0].numpy(), 0]]
    return float(np.isin(front[drawn], [p for arm in ARMS for p in arm]).mean())


@pytest.mark.parametrize("down", [70.0, 88.0])
@pytest.mark.parametrize("forward", [-25.0, -8.0, 20.0])
def test_every_vertex_stays_where_the_picture_shows_it(body, graph, down, forward):
    before = posed(body, down, forward)
    after = arms_before(before, body, CAMERA, graph, 560.0)
    assert np.abs(CAMERA.project(after)[:, :2] - CAMERA.project(before)[:, :2]).max() < 1e-6
    nearer = before[:, 2] - after[:, 2]  # the camera looks along -Z
    assert nearer.max() <= 1e-9  # nothing moves away
    still = ~np.isin(body.mesh.parts.numpy(), [p for arm in ARMS for p in arm])
    assert np.array_equal(after[still], before[still])


def test_hidden_arms_come_before_the_trunk(body, graph):
    before = posed(body, 86.0, -20.0)
    after = arms_before(before, body, CAMERA, graph, 560.0)
    assert arm_before_trunk(body, before) < 0.93
    assert arm_before_trunk(body, after) > 0.99


def test_arms_that_hide_nothing_stay(body, graph):
    before = posed(body, 15.0)
    moved = np.linalg.norm(arms_before(before, body, CAMERA, graph, 560.0) - before, axis=1)
    lower = np.isin(body.mesh.parts.numpy(), [p for arm in ARMS for p in arm[1:]])
    assert moved[lower].max() < 0.03


def test_the_shoulder_stays_and_the_arm_does_not_tear(body, graph):
    before = posed(body, 86.0, -20.0)
    after = arms_before(before, body, CAMERA, graph, 560.0)
    moved = np.linalg.norm(after - before, axis=1)
    faces = body.mesh.faces.numpy()
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    assert np.abs(moved[edges[:, 0]] - moved[edges[:, 1]]).max() < 0.08
    parts = body.mesh.parts.numpy()
    shoulder = (parts == int(Part.LEFT_UPPER_ARM)) & (
        np.abs(body.template.numpy()[:, 0])
        < np.abs(body.template.numpy()[parts == int(Part.LEFT_UPPER_ARM), 0]).min() + 0.01
    )
    assert shoulder.any() and moved[shoulder].max() < 0.04
