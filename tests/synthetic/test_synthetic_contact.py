"""Layers over layers, solids, and the spring that makes cloth lag."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from muybridge.render import vertex_normals
from muybridge.synthetic.contact import Sheet, lies_under, tucked, what_lies_below
from muybridge.synthetic.swing import lag


def sheet(height: float, cells: int = 12, size: float = 0.5) -> tuple[torch.Tensor, torch.Tensor]:
    """A level square seen from above."""
    side = torch.linspace(-size / 2, size / 2, cells + 1)
    z, x = torch.meshgrid(side, side, indexing="ij")
    vertices = torch.stack([x, torch.full_like(x, height), z], -1).reshape(-1, 3)
    i, j = torch.meshgrid(torch.arange(cells), torch.arange(cells), indexing="ij")
    a = i * (cells + 1) + j
    b, c, d = a + 1, a + cells + 1, a + cells + 2
    faces = torch.cat([torch.stack([a, c, b], -1), torch.stack([b, c, d], -1)]).reshape(-1, 3)
    return vertices, faces


def test_an_upper_sheet_is_kept_off_a_lower_one():
    low, faces = sheet(0.0)
    high, _ = sheet(0.02)
    vertices = torch.cat([low, high])
    both = torch.cat([faces, faces + len(low)])
    normals = vertex_normals(vertices[None], both)[0]
    torch.testing.assert_close(normals[:, 1], torch.ones(len(vertices)))
    loose = torch.arange(len(high)) + len(low)
    below = what_lies_below(vertices, normals, both, loose, torch.arange(len(low)))
    assert below is not None and len(below.over) == len(high)
    sunk = vertices.clone()
    sunk[len(low):, 1] -= 0.05
    points = sunk.T[:, None]
    push = below.push(
        points[:, :, loose], points[:, :, below.sheet.vertex], below.sheet.normals(points)
    )
    risen = points[:, 0, loose][1] + push[:, 0][1]
    assert float(risen.min()) > 0.004
    resting = vertices.T[:, None]
    nothing = below.push(
        resting[:, :, loose], resting[:, :, below.sheet.vertex], below.sheet.normals(resting)
    )
    assert float(nothing.abs().max()) < 1e-6, "where it lay, nothing is moved"
    assert what_lies_below(vertices, normals, both, loose, loose[:0]) is None


def test_an_inner_sheet_that_came_through_is_put_back():
    inner, faces = sheet(-0.01, size=0.4)
    outer, _ = sheet(0.0)
    vertices = torch.cat([inner, outer])
    both = torch.cat([faces, faces + len(inner)])
    normals = vertex_normals(vertices[None], both)[0]
    own, cover = torch.arange(len(inner)), torch.arange(len(outer)) + len(inner)
    under = lies_under(vertices, normals, own, cover)
    assert float(under.float().mean()) > 0.7
    over = Sheet.of(cover, both)
    through = vertices.clone()
    through[own, 1] += 0.03 * torch.rand(len(own), generator=torch.Generator().manual_seed(0))
    points = through.T[:, None].expand(-1, 3, -1)
    moved = tucked(points[:, :, own], points[:, :, cover], over.normals(points))
    assert float(moved[1].max()) < -0.004
    torch.testing.assert_close(moved[[0, 2]], points[[0, 2]][:, :, own])


def test_sheet_normals_are_the_surfaces_normals():
    vertices, faces = sheet(0.0)
    g = torch.Generator().manual_seed(1)
    vertices = vertices + 0.01 * torch.randn(vertices.shape, generator=g)
    some = torch.tensor([40, 7, 7, 100])
    normals = Sheet.of(some, faces).normals(vertices.T[:, None])
    expected = vertex_normals(vertices[None], faces)[0][some]
    torch.testing.assert_close(normals[:, 0].T, F.normalize(expected, dim=1), rtol=0, atol=1e-5)


def test_the_spring_is_at_rest_under_even_speed_and_hangs_back_under_even_force():
    fps, frames = 24.0, 60
    time = torch.arange(frames) / fps
    length = torch.full((5,), 0.3)
    still = torch.zeros(3, frames, 5)
    assert float(lag(still, length, fps).abs().max()) == 0
    even = still.clone()
    even[0] = (1.5 * time)[:, None]
    assert float(lag(even, length, fps).abs().max()) < 1e-3
    pushed = still.clone()
    pushed[0] = (0.5 * 2.0 * time.square())[:, None]
    back = lag(pushed, length, fps)[0, -1]
    # a / omega^2 with omega^2 = 7 g / length, a little less by the softening of great lags
    assert bool((back < -0.006).all()) and bool((back > -2.0 * 0.3 / (7 * 9.81) - 1e-4).all())


def test_longer_cloth_swings_slower():
    fps, frames = 48.0, 96
    step = torch.zeros(3, frames, 2)
    step[0, 20:] = 0.05
    swung = lag(step, torch.tensor([0.1, 0.5]), fps)[0, 22:]
    crossing = [int((swung[:, k] > 0).nonzero()[0]) for k in range(2)]
    assert crossing[0] < crossing[1]


@pytest.mark.parametrize("fps", [1.0, 12.0])
def test_what_hangs_on_itself_does_not_lag_however_few_frames_a_second_there_are(fps: float):
    g = torch.Generator().manual_seed(2)
    carried = torch.randn(3, 13, 2, generator=g).cumsum(1)
    carried[:, :, 1] = 0.3  # where cloth begins, and nothing moves: was 0 / 0
    lagging = lag(carried, torch.tensor([0.4, 0.0]), fps)
    assert bool(lagging.isfinite().all())
    assert float(lagging[..., 1].abs().max()) == 0
    assert float(lagging[..., 0].abs().max()) > 0
