from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from muybridge.networks.human_nerf.sparse import (
    SparseConv,
    VoxelLevel,
    VoxelNetwork,
    VoxelTables,
    interpolate_rows,
    with_empty_row,
)

SHAPE = (12, 20, 16)


@pytest.fixture
def filled() -> VoxelLevel:
    g = torch.Generator().manual_seed(0)
    coords = torch.stack([torch.randint(0, s, (300,), generator=g) for s in SHAPE], 1)
    return VoxelLevel.of(coords, SHAPE)


def dense(level: VoxelLevel, rows: torch.Tensor) -> torch.Tensor:
    """[B, C, D, H, W], zeros where there is no voxel."""
    volume = rows.new_zeros(len(rows), rows.shape[2], *level.shape)
    z, y, x = level.coords.T
    volume[:, :, z, y, x] = rows.mT
    return volume


def test_submanifold_convolution_equals_the_dense_one(filled):
    torch.manual_seed(0)
    conv, rows = SparseConv(5, 7), torch.randn(2, len(filled.coords), 5)
    truth = F.conv3d(dense(filled, rows), conv.weight.permute(0, 4, 1, 2, 3), padding=1)
    z, y, x = filled.coords.T
    ours = conv(rows, filled.neighbours())
    assert (ours - truth[:, :, z, y, x].mT).abs().max() < 1e-5


def test_strided_convolution_equals_the_dense_one_everywhere(filled):
    torch.manual_seed(0)
    conv, rows = SparseConv(5, 7), torch.randn(2, len(filled.coords), 5)
    weight = conv.weight.permute(0, 4, 1, 2, 3)
    truth = F.conv3d(dense(filled, rows), weight, stride=2, padding=1)
    level, inputs = filled.halved()
    ours = dense(level, conv(rows, inputs))
    assert ours.shape == truth.shape
    assert (ours - truth).abs().max() < 1e-5


def test_odd_sizes_halve_as_the_dense_ones():
    level, _ = VoxelLevel.of(torch.tensor([[0, 0, 0], [6, 4, 2]]), (7, 5, 3)).halved()
    assert level.shape == tuple(F.conv3d(
        torch.zeros(1, 1, 7, 5, 3), torch.zeros(1, 1, 3, 3, 3), stride=2, padding=1
    ).shape[2:])


def test_lookup_equals_grid_sample_also_outside(filled):
    torch.manual_seed(0)
    rows = torch.randn(1, len(filled.coords), 6)
    size = torch.tensor(SHAPE).float()
    places = torch.rand(900, 3) * (size + 5) - 3
    grid = (2 * places / (size - 1) - 1).flip(1)[None, None, None]
    truth = F.grid_sample(dense(filled, rows), grid, align_corners=True)[0, :, 0, 0].T
    ours = interpolate_rows(with_empty_row(rows)[0], *filled.corners(places))
    assert (ours - truth).abs().max() < 1e-5
    assert (ours == 0).all(1).any()


def test_lookup_has_the_gradient_of_the_plain_sum(filled):
    torch.manual_seed(0)
    table = torch.randn(len(filled.coords) + 1, 4, dtype=torch.float64, requires_grad=True)
    rows, weights = filled.corners(torch.rand(60, 3) * 11)
    pull = torch.randn(60, 4, dtype=torch.float64)
    (interpolate_rows(table, rows, weights) * pull).sum().backward()
    ours, table.grad = table.grad, None
    ((table[rows] * weights.double()[..., None]).sum(1) * pull).sum().backward()
    assert torch.allclose(ours, table.grad, atol=1e-6)  # weights are float32


def test_vertices_of_one_voxel_are_averaged():
    coords = torch.tensor([[4, 4, 4], [4, 4, 4], [4, 4, 4], [5, 4, 4]])
    tables = VoxelTables.of(coords, (32, 32, 32), torch.device("cpu"))
    network = VoxelNetwork(4, "group")
    features = torch.randn(1, 4, 4)
    mean = features.clone()
    mean[:, :3] = features[:, :3].mean(1, keepdim=True)
    for a, b in zip(network(features, tables), network(mean, tables), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_nobody_depends_on_who_else_is_in_the_batch():
    torch.manual_seed(0)
    coords = torch.randint(0, 32, (400, 3))
    tables = VoxelTables.of(coords, (32, 32, 32), torch.device("cpu"))
    for norm in ("group", "batch_statistics"):
        network = VoxelNetwork(4, norm)
        features = torch.randn(3, 400, 4)
        together, alone = network(features, tables), network(features[1:2], tables)
        for a, b in zip(together, alone, strict=True):
            assert torch.allclose(a[1:2], b, atol=1e-5)
