"""Motion tokens and words to maps of where the person lies."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from muybridge.networks.motion_layout import MotionLayout


def small(**changes):
    torch.manual_seed(0)
    return MotionLayout(**{
        "tokens": 2, "dim": 4, "words": 3, "text_dim": 5, "frames": 4, "rows": 8, "columns": 6,
        "channels": 7, "hidden": 32, "width": 8, **changes,
    })


def test_maps_have_the_latents_extent_and_frames_their_numbers():
    layout, motion, text = small(), torch.randn(2, 3, 2, 4), torch.randn(2, 3, 5)
    maps = layout(motion, text)
    assert maps.shape == (2, 3, 7, 8, 6)
    numbers = torch.tensor([[0, 1, 2], [2, 0, 3]])
    told = layout(motion, text, numbers)
    assert torch.equal(told[0], maps[0]) and not torch.equal(told[1], maps[1])
    alone = layout(motion[1:, 1:2], text[1:], torch.tensor([[0]]))
    assert torch.allclose(alone[0, 0], told[1, 1], atol=1e-6)  # frames don't see each other
    late = layout(motion, text, torch.full((2, 3), 9))  # behind the window as its last one
    assert torch.equal(late, layout(motion, text, torch.full((2, 3), 3)))


def test_all_tokens_all_words_and_the_number_matter():
    layout, motion, text = small(), torch.randn(1, 1, 2, 4), torch.randn(1, 3, 5)
    maps = layout(motion, text)
    for k in range(2):
        changed = motion.clone()
        changed[:, :, k] += 1
        assert not torch.allclose(layout(changed, text), maps)
    for k in range(3):
        changed = text.clone()
        changed[:, k] += 1
        assert not torch.allclose(layout(motion, changed), maps)
    assert not torch.allclose(layout(motion, text, torch.tensor([[2]])), maps)


def test_it_learns_where_a_turned_point_lies():
    """A point on a circle, turned by what is said: neither tells the place alone."""
    layout = small(tokens=1, dim=2, words=1, text_dim=2, channels=1, rows=8, columns=8, hidden=64)
    optimizer = torch.optim.AdamW(layout.parameters(), 3e-3)
    generator = torch.Generator().manual_seed(1)
    grid = torch.linspace(-1, 1, 8)

    def batch(count):
        angles = 2 * torch.pi * torch.rand(2, count, generator=generator)
        x = 0.7 * angles.sum(0).cos()
        truth = torch.exp(-((grid[None] - x[:, None]) / 0.25) ** 2)
        truth = truth[:, None, None, None].expand(-1, 1, 1, 8, 8)
        codes = torch.stack([angles.cos(), angles.sin()], -1)
        return codes[0][:, None, None], codes[1][:, None], truth

    for _ in range(150):
        motion, text, truth = batch(32)
        error = F.mse_loss(layout(motion, text), truth)
        error.backward()
        optimizer.step()
        optimizer.zero_grad()
    with torch.no_grad():
        motion, text, truth = batch(200)
        error = F.mse_loss(layout(motion, text), truth)
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
    turn, view = torch.eye(3)[None, None], torch.zeros(1, 1, 32)
    with torch.no_grad():
        seen = layout.seen(places, turn, view)
    assert torch.equal(seen[0, 0, 0], torch.zeros(3))
    assert seen[0, 0, 1, 0] > 0 and seen[0, 0, 2, 1] < 0  # to the right, and up
    assert float(seen[0, 0, 2, 2]) == pytest.approx(0.3)
    quarter = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])[None, None]
    with torch.no_grad():
        side = layout.seen(places, quarter, view)
    assert float(side[0, 0, 1, 0]) == pytest.approx(0.0, abs=1e-6)
    assert float(side[0, 0, 1, 2]) == pytest.approx(-0.5)


def test_proportions_are_learnt_from_the_persons_own_picture():
    """Tall and short ones share a pose's tokens; their own pictures tell them apart."""
    layout, generator = small(), torch.Generator().manual_seed(2)
    pose = torch.randn(64, 1, 2, 4, generator=generator)
    text = torch.zeros(64, 3, 5)
    own = torch.randn(64, 2, 3, generator=generator)
    with torch.no_grad():
        middle = layout.joints_seen(pose, text)
        assert torch.equal(layout.joints_seen(pose, text, own=own), middle)  # nothing learnt yet
        turn = layout.places(pose)[1]
        longer = layout.places(pose)[0] * (1 + 0.3 * own[:, None, 1:, :1])
        wanted = layout.seen(longer, turn, layout._told(pose, text, None))
    optimizer = torch.optim.Adam(layout.proportions.parameters(), 3e-3)
    for _ in range(400):
        error = (layout.joints_seen(pose, text, own=own) - wanted).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    assert float(error) < 0.1 * float((middle - wanted).square().mean())
    assert torch.equal(layout.joints_seen(pose, text), middle)
    assert torch.equal(layout.joints_seen(pose, text, own=own)[:, :, 0], middle[:, :, 0])
