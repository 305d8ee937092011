"""Grounds: the studio, pictures, and photos with the person painted out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.methods.background import Background, cover, paint_out, parse_kind
from muybridge.methods.ground import Ground, ground_rays
from muybridge.video import write_image


def rig(views=4, frames=3, size=(48, 40)):
    return Cameras.orbit(views=views, frames=frames, size=size)


def test_a_ray_meets_the_ground_where_the_camera_sees_it():
    cameras = rig()
    point, slope = ground_rays(cameras)
    below = slope[:, 0] > 0.05
    assert below.any() and (slope < 0).any()
    view, row, column = (int(i) for i in below.nonzero()[-1])
    x, z = point[view, 0, :, row, column]
    seen = cameras.K[view, 0] @ (
        cameras.T_cam_world[view, 0, :3, :3] @ torch.stack([x, torch.zeros(()), z])
        + cameras.T_cam_world[view, 0, :3, 3]
    )
    pixel = seen[:2] / seen[2]
    assert torch.allclose(pixel, torch.tensor([column + 0.5, row + 0.5]), atol=2e-2)


def test_the_studio_is_bright_even_and_still():
    cameras = rig()
    ground = Ground(Background(), cameras, torch.zeros(3, 3))
    color, _, _ = ground.see(0, 3)
    assert color.shape == (4, 3, 3, 40, 48)
    assert color.min() > 0.85 and color.max() <= 1
    assert torch.equal(color[:, 0], color[:, 2])
    assert torch.equal(ground.see(1, 2)[0][:, 0], color[:, 1])
    steps = (color[..., 1:, :] - color[..., :-1, :]).abs().max()
    assert steps < 0.02  # no edge between floor and backdrop


def test_moving_cameras_see_the_same_ground_in_pieces():
    cameras = rig(views=1)
    moving = Cameras(
        cameras.K, cameras.T_cam_world + torch.tensor([0, 0.1, 0.2])[None, :, None, None]
        * torch.eye(4)[2:3, :].T @ torch.eye(4)[3:4, :], 48, 40,
    )
    path = torch.tensor([[0.0, 1, 0], [0.5, 1, 0], [1, 1, 0]])
    ground = Ground(Background(), moving, path)
    whole, _, _ = ground.see(0, 3)
    assert not torch.equal(whole[:, 0], whole[:, 2])
    for t in range(3):
        assert torch.equal(ground.see(t, t + 1)[0][:, 0], whole[:, t])


def test_a_picture_covers_the_frame_without_stretching():
    picture = torch.zeros(3, 20, 60)
    picture[:, :, 20:40] = 1.0  # a white square in the middle
    covered = cover(picture, 30, 30)
    assert covered.shape == (3, 30, 30)
    assert covered[:, :, 3:-3].min() > 0.9


@pytest.mark.parametrize("size", [(37, 53), (160, 90)])
def test_the_person_is_painted_out_of_a_photo(size):
    height, width = size
    rows = np.linspace(120, 230, height)[:, None, None]
    clean = np.broadcast_to(rows, (height, width, 3)).astype(np.uint8)
    alpha = np.zeros((height, width), np.float32)
    alpha[height // 4 : -2, width // 3 : -width // 3] = 1
    photo = clean.copy()
    photo[alpha > 0] = (255, 0, 0)
    restored = paint_out(photo, alpha)
    error = np.abs(restored.astype(int) - clean)
    assert error.max() < 40 and error.mean() < 6
    outside = alpha == 0
    outside[max(0, height // 4 - 8) :, max(0, width // 3 - 8) : width - width // 3 + 8] = False
    assert error[outside].max() <= 2


def test_nothing_but_person_leaves_a_plain_ground():
    photo = np.full((20, 20, 3), 9, np.uint8)
    assert (paint_out(photo, np.ones((20, 20), np.float32)) == 235).all()


def test_kinds_are_told_from_files(tmp_path):
    assert [parse_kind(k) for k in ("plain", "keep", "transparent")] == [
        "plain", "keep", "transparent",
    ]
    write_image(tmp_path / "wall.png", np.full((16, 24, 3), 200, np.uint8))
    assert parse_kind(str(tmp_path / "wall.png")) == "picture"
    ground = Background.of_file(tmp_path / "wall.png")
    assert ground.kind == "picture" and ground.picture is not None
    assert abs(float(ground.picture.mean()) - 200 / 255) < 1e-6
    with pytest.raises(InputError, match="neither a kind nor a file"):
        parse_kind("plane")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(InputError):
        Background.of_file(tmp_path / "text.png")
