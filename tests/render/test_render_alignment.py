from __future__ import annotations

import pytest
import torch
from render_shapes import rig

from muybridge.body import JOINT_INDEX, PosedBody, Shape, load_body
from muybridge.camera.types import Cameras
from muybridge.motion import clips
from muybridge.render import align_views, common_zoom, depth_map, normal_map, project_points


@pytest.fixture(scope="module")
def scene() -> tuple[PosedBody, Cameras, torch.Tensor]:
    posed = load_body().pose(Shape(), clips.make("walk", frames=3))
    cameras = rig(posed.joints[:1], size=160, views=3)
    K, T = (x.expand(-1, 3, -1, -1).contiguous() for x in (cameras.K, cameras.T_cam_world))
    return posed, Cameras(K, T, 160, 160), posed.joints[:, JOINT_INDEX["pelvis"]]


def pelvis_pixels(cameras: Cameras, pelvis: torch.Tensor) -> torch.Tensor:
    points = pelvis.repeat(cameras.views, 1)[:, None]
    xyz = project_points(points, cameras.K.flatten(0, 1), cameras.T_cam_world.flatten(0, 1))
    return xyz[:, 0, :2].reshape(cameras.views, cameras.frames, 2)


def test_the_pelvis_stands_at_one_pixel_in_every_view_and_frame(scene) -> None:
    _, cameras, pelvis = scene
    aligned, move = align_views(cameras, pelvis, target=(0.5, 0.52))
    goal = torch.tensor([80.0, 83.2]).double()
    assert (pelvis_pixels(aligned, pelvis) - goal).abs().max() <= 0.5 + 1e-4
    assert (move.shift == move.shift.round()).all()
    assert torch.equal(aligned.T_cam_world, cameras.T_cam_world)
    zoomed, move = align_views(cameras, pelvis, zoom=1.37)
    assert (pelvis_pixels(zoomed, pelvis) - 80).abs().max() < 1e-3
    assert torch.allclose(zoomed.K[..., 0, 0], 1.37 * cameras.K[..., 0, 0])


def test_rendering_with_the_aligned_cameras_is_shifting_the_pictures(scene) -> None:
    posed, cameras, pelvis = scene
    aligned, move = align_views(cameras, pelvis, target=(0.6, 0.45))
    assert move.shift.abs().max() >= 5
    for render, ground in ((normal_map, 1.0), (depth_map, 0.0)):
        there, here = render(posed, aligned), move.apply(render(posed, cameras), ground)
        same = (there - here).abs().amax(2) < 1e-4
        # What one picture cut off, the other may show.
        inside = move.apply(torch.ones(3, 3, 1, 160, 160), 0.0)[:, :, 0] > 0
        assert same[inside].float().mean() > 0.9999


def test_inverting_gives_back_the_pictures(scene) -> None:
    _, cameras, pelvis = scene
    _, move = align_views(cameras, pelvis, target=(0.6, 0.45))
    pictures = torch.rand(3, 3, 3, 160, 160)
    back = move.invert(move.apply(pictures, 0.5), -1.0)
    covered = move.covered().expand_as(pictures)
    assert covered.float().mean() > 0.5
    assert torch.equal(back[covered], pictures[covered])
    assert (back[~covered] == -1).all()
    background = torch.rand(3, 160, 160)
    over = move.invert(move.apply(pictures), background)
    assert torch.equal(over[~covered], background.expand_as(pictures)[~covered])


def test_zoomed_pictures_come_back_nearly(scene) -> None:
    posed, cameras, pelvis = scene
    _, move = align_views(cameras, pelvis, zoom=1.6)
    pictures = normal_map(posed, cameras)
    smooth = torch.nn.functional.avg_pool2d(pictures.flatten(0, 1), 5, 1, 2).unflatten(0, (3, 3))
    back = move.invert(move.apply(smooth), 1.0)
    covered = move.covered().expand_as(smooth)
    assert 0.3 < covered.float().mean() < 0.9
    assert (back - smooth)[covered].abs().mean() < 0.01


def test_first_frame_keeps_the_motion_across_the_picture(scene) -> None:
    _, cameras, pelvis = scene
    aligned, move = align_views(cameras, pelvis, mode="first_frame")
    assert (move.shift == move.shift[:, :1]).all()
    moved = pelvis_pixels(aligned, pelvis) - pelvis_pixels(cameras, pelvis)
    assert torch.allclose(moved, moved[:, :1].expand_as(moved), atol=1e-3)


def test_the_common_zoom_lets_all_joints_in(scene) -> None:
    posed, cameras, pelvis = scene
    zoom = common_zoom(cameras, posed.joints, pelvis)
    aligned, _ = align_views(cameras, pelvis, zoom=zoom)
    points = posed.joints.repeat(3, 1, 1)
    xy = project_points(points, aligned.K.flatten(0, 1), aligned.T_cam_world.flatten(0, 1))
    assert xy[..., :2].min() > 0 and xy[..., :2].max() < 160
    room = torch.minimum(xy[..., :2], 160 - xy[..., :2]).min()
    assert room < 0.15 * 80 + 1  # no smaller than it has to be


def test_what_cannot_be_aligned_is_said(scene) -> None:
    _, cameras, pelvis = scene
    behind = pelvis + 10 * (cameras.centers[0, 0] - pelvis)
    with pytest.raises(ValueError, match="behind camera"):
        align_views(cameras, behind)
    with pytest.raises(ValueError, match="2 pelvis"):
        align_views(cameras, pelvis[:2])
    with pytest.raises(ValueError, match="zoom"):
        align_views(cameras, pelvis, zoom=0.0)
    _, move = align_views(cameras, pelvis)
    with pytest.raises(ValueError, match="don't belong"):
        move.apply(torch.zeros(3, 3, 3, 32, 32))
