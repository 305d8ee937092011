"""Where somebody looks: read off pictures of half lit discs."""

from __future__ import annotations

import math

import pytest
import torch

from muybridge.networks.facing_reader import FacingReader


def discs(count: int, seed: int, side: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """Discs in grey, lit from an angle, ``[count, 1, 4, side, side]``, and the angles."""
    generator = torch.Generator().manual_seed(seed)
    angles = 2 * math.pi * torch.rand(count, generator=generator)
    at = (torch.arange(side) + 0.5) / side * 2 - 1
    y, x = torch.meshgrid(at, at, indexing="ij")
    inside = (x.square() + y.square() < 0.8).float()
    light = x * angles.sin()[:, None, None] + y * angles.cos()[:, None, None]
    grey = inside * (0.5 + 0.4 * light + 0.05 * torch.rand(light.shape, generator=generator))
    return torch.stack([grey, grey, grey, inside.expand_as(grey)], 1)[:, None], angles


def test_it_learns_angles_and_is_no_longer_than_sure():
    torch.manual_seed(0)
    reader = FacingReader(16, 16, widths=(8, 16), hidden=16)
    optimizer = torch.optim.AdamW(reader.parameters(), 5e-3)
    for step in range(120):
        pictures, angles = discs(32, step)
        truth = torch.stack([angles.cos(), angles.sin()], -1)[:, None]
        loss = (reader(pictures) - truth).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    pictures, angles = discs(64, 1000)
    with torch.no_grad():
        found = reader.eval()(pictures)[:, 0]
    apart = torch.remainder(torch.atan2(found[:, 1], found[:, 0]) - angles + math.pi, 2 * math.pi)
    assert float((apart - math.pi).abs().mean()) < 0.25
    assert 0.6 < float(found.norm(dim=-1).mean()) < 1.3


@pytest.mark.parametrize(("width", "height"), [(72, 96), (9, 13), (16, 24)])
def test_any_size_of_picture(width, height):
    reader = FacingReader(width, height, channels=3).eval()
    pictures = torch.rand(2, 3, 3, height, width)
    found = reader(pictures)
    assert found.shape == (2, 3, 2)
    alone = reader(pictures[:1, 1:2])
    assert torch.allclose(found[:1, 1:2], alone, atol=1e-5)  # each frame by itself


def test_it_is_kept_as_a_model(tmp_path):
    reader = FacingReader(16, 24, widths=(8,), hidden=8).eval()
    reader.save_pretrained(tmp_path)
    again = FacingReader.from_pretrained(tmp_path).eval()
    pictures = torch.rand(1, 2, 4, 24, 16)
    assert torch.equal(reader(pictures), again(pictures))
