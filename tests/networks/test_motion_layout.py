"""Motion tokens and words to maps of where the person lies."""

from __future__ import annotations

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
