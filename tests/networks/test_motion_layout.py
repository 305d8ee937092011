"""Motion tokens and words to maps of where the person lies."""

from __future__ import annotations

from functools import cache

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from muybridge.body import Shape, load_body
from muybridge.body.skeleton import PARENTS
from muybridge.camera import build_cameras
from muybridge.camera.crop import anchored, pixels_per_metre
from muybridge.methods.threedimo.conditions import joints_seen
from muybridge.methods.threedimo.config import BONES
from muybridge.motion import clips, retarget
from muybridge.networks.motion_layout import MotionLayout, about_up


def small(**changes):
    torch.manual_seed(0)
    return MotionLayout(**{
        "tokens": 2, "dim": 4, "words": 3, "text_dim": 5, "frames": 4, "rows": 8, "columns": 6,
        "channels": 7, "hidden": 32, "width": 8, **changes,
    })


def test_maps_have_the_latents_extent_and_frames_their_numbers():
    layout, motion, text = small(), torch.randn(2, 3, 2, 4), torch.randn(2, 3, 5)
    own = torch.randn(2, 2, 3)
    maps = layout(motion, text, own)
    assert maps.shape == (2, 3, 7, 8, 6)
    numbers = torch.tensor([[0, 1, 2], [2, 0, 3]])
    told = layout(motion, text, own, numbers)
    assert torch.equal(told[0], maps[0]) and not torch.equal(told[1], maps[1])
    alone = layout(motion[1:, 1:2], text[1:], own[1:], torch.tensor([[0]]))
    assert torch.allclose(alone[0, 0], told[1, 1], atol=1e-6)  # frames don't see each other
    late = layout(motion, text, own, torch.full((2, 3), 9))  # behind the window as its last one
    assert torch.equal(late, layout(motion, text, own, torch.full((2, 3), 3)))


def test_all_tokens_all_words_the_person_and_the_number_matter():
    layout, motion, text = small(), torch.randn(1, 1, 2, 4), torch.randn(1, 3, 5)
    own = torch.tensor([[[0.0, 0.0, 0.0], [0.1, -0.3, 0.1]]])
    maps = layout(motion, text, own)
    for k in range(2):
        changed = motion.clone()
        changed[:, :, k] += 1
        assert not torch.allclose(layout(changed, text, own), maps)
    for k in range(3):
        changed = text.clone()
        changed[:, k] += 1
        assert not torch.allclose(layout(motion, changed, own), maps)
    assert not torch.allclose(layout(motion, text, 2 * own), maps)
    assert not torch.allclose(layout(motion, text, own, torch.tensor([[2]])), maps)


def test_it_learns_where_a_turned_point_lies():
    """A point on a circle, turned by what is said: neither tells the place alone."""
    layout = small(tokens=1, dim=2, words=1, text_dim=2, channels=1, rows=8, columns=8, hidden=64)
    optimizer = torch.optim.AdamW(layout.parameters(), 3e-3)
    generator = torch.Generator().manual_seed(1)
    grid, own = torch.linspace(-1, 1, 8), torch.tensor([[[0.0, 0, 0], [0.0, -0.5, 0]]])

    def batch(count):
        angles = 2 * torch.pi * torch.rand(2, count, generator=generator)
        x = 0.7 * angles.sum(0).cos()
        truth = torch.exp(-((grid[None] - x[:, None]) / 0.25) ** 2)
        truth = truth[:, None, None, None].expand(-1, 1, 1, 8, 8)
        codes = torch.stack([angles.cos(), angles.sin()], -1)
        return codes[0][:, None, None], codes[1][:, None], truth

    for _ in range(150):
        motion, text, truth = batch(32)
        error = F.mse_loss(layout(motion, text, own.expand(32, -1, -1)), truth)
        error.backward()
        optimizer.step()
        optimizer.zero_grad()
    with torch.no_grad():
        motion, text, truth = batch(200)
        error = F.mse_loss(layout(motion, text, own.expand(200, -1, -1)), truth)
        mean = F.mse_loss(truth.mean(0, keepdim=True).expand_as(truth), truth)
    assert float(error) < 0.3 * float(mean)


def test_bones_lie_between_their_joints():
    """At half the maps' pixels: a bone of two joints is drawn from one to the other, no further."""
    layout = small(rows=8, columns=8, parents=(0, 1))
    with torch.no_grad():
        layout.thick.fill_(-0.7)  # half a pixel
    size = 16

    def point(x, y, deep=0.0):  # at the middle of a pixel
        return [(2 * x + 1) / size - 1, (2 * y + 1) / size - 1, deep]

    seen = torch.tensor([[point(2, 3), point(2, 12, 2.0), point(9, 12, 4.0)]])
    drawn = layout.bones(seen)[0].detach()
    assert drawn.shape == (5 * 2, 8, 8)
    heat = F.pixel_shuffle(drawn[:8], 2)
    assert heat.shape == (2, size, size)
    assert torch.allclose(heat[0, 3:13, 2], torch.ones(10), atol=1e-5)
    assert torch.allclose(heat[1, 12, 2:10], torch.ones(8), atol=1e-5)
    for row, column in ((0, 2), (15, 2), (8, 5), (8, 0)):
        assert heat[0, row, column] < 0.02
    # along the second bone the depth goes from 2 to 4
    deep = drawn[8:] / F.avg_pool2d(heat, 2).clamp(min=1e-3)
    assert float(deep[1, 6, 1]) == pytest.approx(2.1, abs=0.15)
    assert float(deep[1, 6, 4]) == pytest.approx(3.9, abs=0.15)


def test_gradients_of_bones_seen_end_on_stay_small():
    layout = small(rows=8, columns=8, parents=(0, 1))
    largest = []
    for apart in (1e-1, 1e-3, 1e-6, 0.0):
        seen = torch.tensor([[[0.0, 0.0, 0.0], [apart, 0.0, 1.0], [0.5, 0.5, 0.0]]])
        seen.requires_grad_(True)
        drawn = layout.bones(seen)
        drawn.square().sum().backward()
        assert torch.isfinite(drawn).all() and seen.grad is not None
        largest.append(float(seen.grad.abs().max()))
    assert max(largest) < 3 * largest[0]


def test_people_stand_upright_in_the_middle_before_words_are_learnt():
    layout = small(parents=(0, 1))
    with torch.no_grad():
        layout.camera[-1].weight.zero_()
    places = torch.tensor([[[[0.5, 0.0, 0.0], [0.5, 0.6, 0.3]]]])
    turn, view, size = torch.eye(3)[None, None], torch.zeros(1, 1, 32), torch.ones(1)
    with torch.no_grad():
        seen = layout.seen(places, turn, view, size)
        large = layout.seen(places, turn, view, 1.5 * size)
    assert torch.equal(large[..., :2], 1.5 * seen[..., :2])
    assert torch.equal(large[..., 2], seen[..., 2])  # how near is in metres
    assert torch.equal(seen[0, 0, 0], torch.zeros(3))
    assert seen[0, 0, 1, 0] > 0 and seen[0, 0, 2, 1] < 0  # to the right, and up
    assert float(seen[0, 0, 2, 2]) == pytest.approx(0.3)
    quarter = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])[None, None]
    with torch.no_grad():
        side = layout.seen(places, quarter, view, size)
    assert float(side[0, 0, 1, 0]) == pytest.approx(0.0, abs=1e-6)
    assert float(side[0, 0, 1, 2]) == pytest.approx(-0.5)


def test_bones_become_as_long_as_in_the_persons_own_picture():
    """Of somebody of longer shins and shorter arms, seen anywhere, whatever pose is read."""
    layout = MotionLayout(rows=24, columns=18, parents=PARENTS[1:22], lengths=BONES)
    longer = torch.ones(21)
    longer[[6, 7]], longer[[17, 18, 19, 20]] = 1.2, 0.8
    mean = _posed()[1][:, :22]
    wanted = _with_bones(mean, longer)
    turn = about_up(torch.tensor(0.7))
    standing = _with_bones(_posed()[0][:, :22], longer)
    own = (standing - standing[:, :1]) @ turn.mT
    size = 0.8
    picture = own * torch.tensor([size * 0.72 * 24 / 18, -size * 0.72, 1.0])
    places = (mean - mean[:, :1])[:, None, 1:]
    found = layout.of_person(places, picture)[:, 0]
    truth = (wanted - wanted[:, :1])[:, 1:]
    # their size is read off all bones together, so it may be off by a little; the pose stays
    scale = float((found * truth).sum() / truth.square().sum())
    assert scale == pytest.approx(1, rel=0.05)
    assert torch.allclose(found, scale * truth, atol=0.02)
    same = layout.of_person(places, (mean - mean[:, :1]) * torch.tensor(
        [size * 0.72 * 24 / 18, -size * 0.72, 1.0]
    ))
    assert torch.allclose(same, places, atol=0.01)


def _with_bones(joints, longer):
    """The same pose with other bones."""
    ends = [joints[:, 0]]
    for bone, parent in enumerate(PARENTS[1:22]):
        ends.append(ends[parent] + (joints[:, bone + 1] - joints[:, parent]) * longer[bone])
    return torch.stack(ends, 1)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.4, 1.6), st.floats(0, 360), st.floats(-15, 25), st.integers(0, 3))
def test_the_size_of_a_body_is_read_off_any_view_of_any_pose(size, azimuth, elevation, which):
    layout = MotionLayout(rows=24, columns=18, parents=PARENTS[1:22], lengths=BONES)
    joints = _posed()[which]
    cameras = build_cameras(
        f"static:{azimuth:.2f}", joints, width=72, height=96, fov=15, elevation=elevation
    )
    crop = anchored(
        cameras, joints[:, 0],
        size * 0.72 * 48 / pixels_per_metre(cameras, joints[:, 0]), 72, 96,
    )
    own = joints_seen(joints, crop.cameras)[0]
    found = layout.size_in(own)
    assert torch.allclose(layout.size_in(own * torch.tensor([1.2, 1.2, 1.0])), 1.2 * found)
    assert float(found) == pytest.approx(size, rel=0.06)


@cache
def _posed():
    """Joints of the mean body standing, walking, squatting and in a dance."""
    body = load_body().with_shape(Shape())
    known = [retarget(clips.make(name, 20), body.rest_joints) for name in
             ("idle", "walk", "squat", "dance")]
    return [body.pose(motion.slice(19, 20)).joints for motion in known]


def test_bones_of_the_mean_body():
    joints = load_body().with_shape(Shape()).rest_joints
    bones = joints[1:22] - joints[list(PARENTS[1:22])]
    assert bones.norm(dim=-1).tolist() == pytest.approx(BONES, abs=1e-4)
