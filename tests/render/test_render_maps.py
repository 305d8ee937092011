from __future__ import annotations

import pytest
import torch
from render_shapes import camera, rig, uv_sphere

from muybridge.body import JOINT_INDEX, Part, PosedBody, Shape, load_body
from muybridge.body.types import Mesh
from muybridge.camera.types import Cameras
from muybridge.motion import clips
from muybridge.render import (
    MAPS,
    depth_map,
    normal_map,
    part_colors,
    part_map,
    project_points,
    skeleton_map,
    uv_map,
)


@pytest.fixture(scope="module")
def scene() -> tuple[PosedBody, Cameras]:
    posed = load_body().pose(Shape(), clips.make("idle", frames=2))
    return posed, rig(posed.joints, size=128, views=3)


def ball_scene(azimuths: list[float]) -> tuple[PosedBody, Cameras]:
    """A unit sphere: its normals are its points."""
    vertices, faces = uv_sphere(60, 80)
    uv = torch.rand(len(vertices), 2)
    mesh = Mesh(faces, uv, faces, torch.full((len(vertices),), 3, dtype=torch.uint8))
    posed = PosedBody(
        vertices.float()[None], torch.zeros(1, 55, 3), torch.eye(4).expand(1, 55, 4, 4), mesh
    )
    K, T = zip(*(camera(a, 20.0, 101, 8.0) for a in azimuths), strict=True)
    K, T = (torch.stack(one).float()[:, None] for one in (K, T))
    return posed, Cameras(K, T, 101, 101)


def test_the_three_colour_frames_of_normals() -> None:
    posed, cameras = ball_scene([0, 90, 180])
    middle = (slice(None), 0, slice(None), 50, 50)
    right, top = (slice(None), 0, slice(None), 50, 88), (slice(None), 0, slice(None), 12, 50)
    world = normal_map(posed, cameras, "reimagine")
    # Facing the camera: blue in front, green at the subject's right, dark behind.
    expected = torch.tensor([[0.5, 0.5, 1.0], [0.5, 1.0, 0.5], [0.5, 0.5, 0.0]])
    assert torch.allclose(world[middle], expected, atol=0.02)
    # Image right: the subject's left in front, their front at their right side, and so on.
    assert (world[right][0, 1] < 0.2) and (world[right][1, 2] > 0.8) and (world[right][2, 1] > 0.8)
    assert (world[top][:, 0] > 0.85).all()
    assert torch.equal(world[:, 0, :, 0, 0], torch.ones(3, 3))
    gas = normal_map(posed, cameras, "gas")
    assert torch.allclose(gas[middle], torch.tensor([0.5, 0.5, 1.0]).expand(3, 3), atol=0.02)
    assert (gas[right][:, 0] > 0.85).all() and (gas[top][:, 1] > 0.85).all()
    hvg = normal_map(posed, cameras, "hvg")
    assert torch.allclose(hvg[middle], torch.tensor([0.5, 0.5, 0.0]).expand(3, 3), atol=0.02)
    assert (hvg[right][:, 0] > 0.85).all() and (hvg[top][:, 1] < 0.15).all()
    assert not gas[:, 0, :, 0, 0].any() and not hvg[:, 0, :, 0, 0].any()
    body = depth_map(posed, cameras)[:, :, 0] > 0
    for picture in (world, gas, hvg):
        length = (2 * picture - 1).norm(dim=2)[body]
        assert torch.allclose(length, torch.ones_like(length), atol=1e-5)
    # A body seen by one turned camera: world colours are the camera's, turned.
    R = cameras.T_cam_world[:, 0, :3, :3]
    n = torch.einsum("vji,vjhw->vihw", R, 2 * hvg[:, 0] - 1)
    painted = torch.stack([n[:, 1], -n[:, 0], n[:, 2]], 1) * 0.5 + 0.5
    assert (painted - world[:, 0]).abs().amax(1)[body[:, 0]].max() < 1e-4


def test_depth_is_that_of_the_nearest_surface() -> None:
    posed, cameras = ball_scene([0, 45])
    depth = depth_map(posed, cameras)
    assert depth.shape == (2, 1, 1, 101, 101)
    assert (depth[:, 0, 0, 50, 50] - 19).abs().max() < 2e-3
    assert (depth[:, 0, 0, 0, 0] == 0).all()


def test_parts_lie_where_the_joints_are(scene) -> None:
    posed, cameras = scene
    parts = part_map(posed, cameras)
    assert parts.dtype == torch.uint8 and parts.shape == (3, 2, 1, 128, 128)
    points = posed.joints.repeat(3, 1, 1)
    xy = project_points(points, cameras.K.flatten(0, 1), cameras.T_cam_world.flatten(0, 1))
    front = xy.unflatten(0, (3, 2))[0, 0].long()
    for joint, part in (("left_knee", (Part.LEFT_THIGH, Part.LEFT_CALF)), ("head", (Part.HEAD,)),
                        ("right_ankle", (Part.RIGHT_CALF, Part.RIGHT_FOOT)),
                        ("spine2", (Part.TORSO,))):
        x, y, _ = front[JOINT_INDEX[joint]].tolist()
        assert int(parts[0, 0, 0, y, x]) in part
    colours = part_colors(parts)
    assert colours.shape == (3, 2, 3, 128, 128)
    assert len(colours.movedim(2, -1).reshape(-1, 3).unique(dim=0)) == len(parts.unique())
    assert (colours.sum(2)[parts.squeeze(2) == 0] == 0).all()


def test_texture_coordinates_find_their_texels(scene) -> None:
    posed, cameras = scene
    uv = uv_map(posed, cameras)
    on = uv[:, :, 2] == 1
    assert torch.equal(on, depth_map(posed, cameras)[:, :, 0] > 0)
    assert uv.min() >= 0 and uv.max() <= 1
    assert (uv[:, :, :2].sum(2)[~on] == 0).all()


def test_the_drawn_skeleton_passes_through_the_joints(scene) -> None:
    posed, cameras = scene
    drawn = skeleton_map(posed.joints, cameras, thickness=3.0)
    assert drawn.shape == (3, 2, 3, 128, 128) and drawn.max() <= 1
    points = posed.joints.repeat(3, 1, 1)
    xy = project_points(points, cameras.K.flatten(0, 1), cameras.T_cam_world.flatten(0, 1))
    pixels = xy.unflatten(0, (3, 2))[..., :2].long()
    for name in ("left_knee", "right_elbow", "neck", "left_ankle", "right_wrist"):
        for v in range(3):
            x, y = pixels[v, 1, JOINT_INDEX[name]].tolist()
            assert drawn[v, 1, :, y, x].max() > 0.3, name
    share = (drawn.amax(2) > 0).float().mean()
    assert 0.01 < share < 0.15
    half_tone = drawn.amax(2)
    assert ((half_tone > 0.05) & (half_tone < 0.3)).any()  # antialiased
    assert skeleton_map(posed.joints, cameras, hands=False).sum() < skeleton_map(
        posed.joints, cameras).sum()


def test_every_map_is_a_picture_and_works_on_slices(scene) -> None:
    posed, cameras = scene
    assert set(MAPS) == {
        "normals-reimagine", "normals-gas", "normals-hvg", "depth", "parts", "uv", "skeleton",
        "bones-depth", "bones-normal", "bones-id",
    }
    second = PosedBody(posed.vertices[1:], posed.joints[1:], posed.T_world_joint[1:], posed.mesh)
    for name, (function, description) in MAPS.items():
        picture = function(posed, cameras)
        assert picture.shape == (3, 2, 3, 128, 128), name
        assert picture.dtype == torch.float32 and picture.min() >= 0 and picture.max() <= 1, name
        assert picture.std() > 0.02, name
        assert description and "\n" not in description
        alone = function(second, cameras.slice(1, 2))
        # sums over another number of frames may be rounded otherwise, in the last bits
        assert torch.allclose(alone[:, 0].float(), picture[:, 1].float(), atol=2e-6), name


def test_wrong_frames_are_said(scene) -> None:
    posed, cameras = scene
    with pytest.raises(ValueError, match="2 frames"):
        depth_map(posed, cameras.slice(0, 1))
    with pytest.raises(ValueError, match="2 frames"):
        skeleton_map(posed.joints, cameras.slice(0, 1))
    with pytest.raises(Exception, match="opengl"):
        normal_map(posed, cameras, "opengl")
