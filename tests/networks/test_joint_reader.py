"""Where joints are seen in pictures."""

from __future__ import annotations

import pytest
import torch

from muybridge.networks.joint_reader import JointReader, grid_of


def small(**changes):
    torch.manual_seed(0)
    return JointReader(**{
        "width": 24, "height": 32, "channels": 3, "joints": 3, "widths": (8, 16, 16),
        "blocks": (1, 1), **changes,
    })


def test_every_picture_is_read_alone_and_depths_count_from_the_root():
    reader, pictures = small(), torch.rand(2, 3, 3, 32, 24)
    with torch.no_grad():
        read = reader(pictures)
        alone = reader(pictures[1:, 2:])
        where, near = reader.maps_of(pictures.flatten(0, 1))
    assert read.shape == (2, 3, 3, 3)
    assert torch.allclose(read[1, 2], alone[0, 0], atol=1e-5)
    assert torch.equal(read[..., 0, 2], torch.zeros(2, 3))
    assert where.shape == near.shape == (6, 3, 8, 6)  # a quarter of the picture
    assert torch.allclose(where.exp().sum((2, 3)), torch.ones(6, 3), atol=1e-5)


@pytest.mark.parametrize("size", [(72, 96), (70, 90)])
def test_maps_of_any_extent_fit_together(size):
    width, height = size
    reader = JointReader(width=width, height=height)
    with torch.no_grad():
        assert reader(torch.rand(1, 1, 4, height, width)).shape == (1, 1, 22, 3)


def test_a_joint_lies_in_the_middle_of_its_map():
    maps = torch.full((1, 2, 6, 8), -30.0)
    maps[0, 0, 2, 5] = maps[0, 1, 0, 0] = maps[0, 1, 0, 1] = 0.0
    where = maps.flatten(2).log_softmax(-1).view_as(maps)
    near = torch.zeros_like(maps)
    near[0, 0, 2, 5], near[0, 1, 0, :2] = 0.5, torch.tensor([0.2, 0.4])
    read = JointReader.places_in(where, near)
    grid = grid_of(maps).view(6, 8, 2)
    assert torch.allclose(read[0, 0], torch.tensor([*grid[2, 5].tolist(), 0.0]), atol=1e-5)
    between = (grid[0, 0] + grid[0, 1]) / 2
    assert torch.allclose(read[0, 1, :2], between, atol=1e-5)
    assert float(read[0, 1, 2]) == pytest.approx(0.3 - 0.5)


def test_maps_surprise_least_where_they_are_blots_around_the_truth():
    truth = torch.tensor([[[0.1, -0.2], [-0.5, 0.6]]])
    flat = torch.zeros(1, 2, 8, 6).flatten(2).log_softmax(-1).view(1, 2, 8, 6)

    def blots(about):
        maps = torch.zeros(1, 2, 8, 6, requires_grad=True)
        optimizer = torch.optim.Adam([maps], 0.3)
        for _ in range(200):
            where = maps.flatten(2).log_softmax(-1).view_as(maps)
            loss = JointReader.surprise(where, about)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return where.detach()

    best, aside = blots(truth), blots(-truth)
    assert float(JointReader.surprise(best, truth)) == pytest.approx(0, abs=0.01)
    assert float(JointReader.surprise(flat, truth)) > 0.5
    assert float(JointReader.surprise(aside, truth)) > float(JointReader.surprise(flat, truth))
    assert torch.allclose(
        JointReader.places_in(best, torch.zeros_like(best))[..., :2], truth, atol=0.1
    )


def test_it_learns_where_a_spot_is_and_how_near():
    """A bright spot on noise, whose colour tells how near it is."""
    reader = small(joints=2)
    optimizer = torch.optim.AdamW(reader.parameters(), 3e-3)
    generator = torch.Generator().manual_seed(2)

    def batch(count):
        at = 1.4 * torch.rand(count, 2, generator=generator) - 0.7
        near = torch.rand(count, generator=generator) - 0.5
        y = ((torch.arange(32) + 0.5) / 16 - 1)[:, None]
        x = (torch.arange(24) + 0.5) / 12 - 1
        apart = (x - at[:, 0, None, None]).square() + (y - at[:, 1, None, None]).square()
        spot = (-apart / (2 * 0.15**2)).exp()[:, None]
        tint = torch.stack([0.5 + near, torch.ones(count), 0.5 - near], -1)[..., None, None]
        noise = 0.2 * torch.rand(count, 3, 32, 24, generator=generator)
        truth = torch.zeros(count, 2, 3)
        truth[:, 1] = torch.cat([at, near[:, None]], -1)
        return (noise + 0.8 * spot * tint).clamp(0, 1), truth

    for _ in range(80):
        pictures, truth = batch(32)
        where, near = reader.maps_of(pictures)
        loss = (reader.places_in(where, near) - truth).abs().mean()
        loss = loss + 0.3 * reader.surprise(where, truth[..., :2])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    pictures, truth = batch(100)
    with torch.no_grad():
        apart = (reader(pictures[:, None])[:, 0] - truth)[:, 1].abs().mean(0)
    assert float(apart[:2].max()) < 0.08  # of half a picture; a guess in the middle is 0.35 off
    assert float(apart[2]) < 0.12  # 0.25
