"""Crops around a person: cameras of their own, calm, and put back where they were."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from muybridge.camera import Cameras, build_cameras
from muybridge.camera.crop import FILL, center_on, follow, pixels_per_metre


def body(frames: int = 6, way: float = 0.0) -> torch.Tensor:
    """A box of points as large as a person who walks ``way`` metres along x."""
    corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3)
    box = corners * torch.tensor([0.25, 0.85, 0.15]) + torch.tensor([0.0, 0.85, 0.0])
    steps = torch.linspace(0, way, frames)[:, None] * torch.tensor([1.0, 0.0, 0.0])
    return box + steps[:, None]


@pytest.mark.parametrize("camera", ["orbit:5", "arc:120", "dolly in", "static:30"])
def test_the_body_is_seen_whole(camera):
    points = body(way=1.0)
    cameras = build_cameras(camera, points, frames=6, width=320, height=240)
    crop = follow(cameras, points, 96, 128)
    assert (crop.cameras.width, crop.cameras.height) == (96, 128)
    pixel, _ = crop.cameras.project(points)
    assert float(pixel.amin()) > 0 and bool((pixel.amax((0, 1, 2)) < torch.tensor([96, 128])).all())


def test_a_still_body_fills_what_it_is_told_to():
    points = body()
    cameras = build_cameras("orbit:4", points, frames=6, width=200, height=200)
    for fill in (FILL, 0.5):
        pixel, _ = follow(cameras, points, 96, 128, fill).cameras.project(points)
        size = pixel.amax(2) - pixel.amin(2)
        share = (size / torch.tensor([96.0, 128.0])).amax(-1)
        assert torch.allclose(share, torch.full_like(share, fill), atol=0.03)


@given(st.integers(1, 5), st.floats(0, 3), st.integers(40, 400), st.integers(40, 400))
def test_cameras_and_pictures_agree(frames, way, width, height):
    """A point's pixel in the crop is the scaled and shifted pixel of the whole picture."""
    points = body(frames, way)
    cameras = build_cameras("orbit:3", points, frames=frames, width=width, height=height)
    crop = follow(cameras, points, 96, 128)
    whole, _ = cameras.project(points)
    small, _ = crop.cameras.project(points)
    moved = crop.scale[..., None, None] * whole + crop.shift[:, :, None]
    assert torch.allclose(moved, small, atol=2e-2)


def test_what_is_painted_is_put_back():
    """A smooth picture drawn by both cameras is the same where the crop lies."""
    points = body(way=0.5)
    cameras = build_cameras("orbit:2", points, frames=6, width=160, height=200)
    crop = follow(cameras, points, 96, 128)

    def wave(scale, shift, width, height):
        x = (torch.arange(width) + 0.5 - shift[0]) / scale
        y = (torch.arange(height) + 0.5 - shift[1]) / scale
        return 0.5 + 0.25 * torch.sin(x / 9)[None, :] * torch.cos(y / 7)[:, None]

    whole = wave(1.0, (0.0, 0.0), 160, 200)
    painted = torch.stack([
        torch.stack([wave(crop.scale[v, t], crop.shift[v, t], 96, 128) for t in (2, 3)])
        for v in (0, 1)
    ])[:, :, None]
    back = crop.paste(painted, 2)
    assert back.shape == (2, 2, 1, 200, 160)
    inside = (crop.paste(torch.ones_like(painted), 2) - 1).abs() < 1e-4
    assert 0.1 < float(inside.float().mean()) < 1.0
    assert float((back - whole)[inside].abs().max()) < 0.02
    assert float(back[~inside].abs().max()) < 1.0


def test_nobody_in_the_picture_is_no_error():
    points = body() + torch.tensor([0.0, 0.0, 500.0])
    cameras = build_cameras("static:0", body(), frames=6, width=64, height=64)
    crop = follow(cameras, points, 96, 128)
    assert torch.isfinite(crop.cameras.K).all()


# ------------------------------------------------------------------- one point in the middle


def pelvis(points: torch.Tensor) -> torch.Tensor:
    return points.mean(1) + torch.tensor([0.0, 0.05, 0.0])


@given(
    st.integers(1, 6), st.floats(0, 3), st.sampled_from(["orbit:5", "arc:120", "dolly in", "zoom"])
)
def test_the_anchor_is_in_the_middle_of_every_view_and_frame(frames, way, camera):
    points = body(frames, way)
    cameras = build_cameras(camera, points, frames=frames, width=320, height=240)
    crop = center_on(cameras, pelvis(points), points, 96, 128)
    pixel, _ = crop.cameras.project(pelvis(points)[:, None])
    middle = torch.tensor([48.0, 64.0]).expand_as(pixel)
    assert torch.allclose(pixel, middle, atol=2e-2)
    seen, _ = crop.cameras.project(points)
    assert float(seen.amin()) > 0
    assert bool((seen.amax((0, 1, 2)) < torch.tensor([96, 128])).all())


def test_the_body_is_equally_large_in_all_views_however_far_they_are():
    points = body(way=1.0)
    near = build_cameras("static:0", points, frames=6, width=300, height=300)
    far = near.resized(600, 600, "stretch")
    T = near.T_cam_world.clone()
    T[..., 2, 3] += 3
    cameras = Cameras(torch.cat([near.K, far.K[..., :, :]]), torch.cat([near.T_cam_world, T]),
                      300, 300)
    crop = center_on(cameras, pelvis(points), points, 96, 128)
    size = pixels_per_metre(crop.cameras, pelvis(points))
    assert torch.allclose(size[0], size[1], rtol=1e-5)
    assert float(size.std() / size.mean()) < 0.05
    seen, _ = crop.cameras.project(points)
    reach = ((seen - seen.new_tensor([48.0, 64.0])).abs() / torch.tensor([48.0, 64.0])).amax()
    assert float(reach) == pytest.approx(FILL, abs=0.02)
    small = center_on(cameras, pelvis(points), points, 96, 128, most=20.0)
    assert torch.allclose(
        pixels_per_metre(small.cameras, pelvis(points)), torch.tensor(20.0), rtol=1e-4
    )


def test_what_is_painted_is_put_back_around_the_anchor():
    points = body(way=0.5)
    cameras = build_cameras("orbit:2", points, frames=6, width=160, height=200)
    crop = center_on(cameras, pelvis(points), points, 96, 128)
    painted = torch.zeros(2, 6, 1, 128, 96)
    painted[..., 60:68, 44:52] = 1
    whole = crop.paste(painted, 0)
    rows = torch.arange(200) + 0.5
    columns = torch.arange(160) + 0.5
    total = whole.sum((2, 3, 4))
    found = torch.stack(
        [(whole.sum((2, 3)) * columns).sum(-1) / total,
         (whole.sum((2, 4)) * rows).sum(-1) / total], -1,
    )
    there, _ = cameras.project(pelvis(points)[:, None])
    assert torch.allclose(found, there[:, :, 0], atol=0.5)


def test_somebody_behind_the_camera_is_no_trouble():
    points = body()
    cameras = build_cameras("static:0", points, frames=6, width=100, height=100)
    behind = points + torch.tensor([0.0, 0.0, 30.0])
    crop = center_on(cameras, pelvis(behind), behind, 96, 128)
    assert bool(torch.isfinite(crop.scale).all() and torch.isfinite(crop.shift).all())
    assert bool((crop.scale > 0).all())


@pytest.mark.parametrize("enlarged", [1, 2])
def test_what_is_cut_out_is_put_back(enlarged):
    """A smooth picture survives; what the crop doesn't show comes back black."""
    points = body(2)
    cameras = build_cameras("orbit:2", points, frames=2, width=120, height=160)
    crop = follow(cameras, points, 96 * enlarged, 128 * enlarged)
    x, y = torch.meshgrid(torch.linspace(0, 1, 120), torch.linspace(0, 1, 160), indexing="xy")
    whole = torch.stack([x, y, x * y]).expand(2, 2, 3, 160, 120)
    cut = crop.cut(whole)
    assert cut.shape == (2, 2, 3, 128 * enlarged, 96 * enlarged)
    back = crop.paste(cut, 0)
    inside = crop.paste(torch.ones_like(cut[:, :, :1]), 0) > 0.999
    inside = -torch.nn.functional.max_pool2d(-inside.float().flatten(0, 1), 7, 1, 3) > 0.5
    inside[..., :6, :] = inside[..., -6:, :] = inside[..., :6] = inside[..., -6:] = False
    assert inside.float().mean() > 0.3
    assert ((back - whole).flatten(0, 1).abs() * inside).max() < 0.01
