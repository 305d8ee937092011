"""Sparse 3D convolutions over the voxels of a body's skin, in plain torch.

The skin fills about one in a thousand voxels of its box, so features are kept as rows,
one per filled voxel, and a convolution gathers the 27 neighbours of each row and
multiplies once. Which rows are neighbours depends on the canonical body alone; the
tables are made once for all people (spconv's "rulebooks").
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from muybridge.networks.human_nerf.norms import Norm, make_norm

OFFSETS = torch.tensor(list(itertools.product((-1, 0, 1), repeat=3)))
"""The 27 neighbours (z, y, x), in the order of a kernel's weights."""
_CORNERS = torch.tensor(list(itertools.product((0, 1), repeat=3)))


@dataclass(frozen=True, eq=False)
class VoxelLevel:
    """The filled voxels of one resolution.

    Attributes:
        coords: (z, y, x) of each, sorted.
        shape: voxels of the whole box.
        table: the box, holding the row of each filled voxel and ``M`` elsewhere.
    """

    coords: Int[Tensor, "M 3"]
    shape: tuple[int, int, int]
    table: Int[Tensor, "D H W"]

    @staticmethod
    def of(coords: Int[Tensor, "P 3"], shape: tuple[int, int, int]) -> VoxelLevel:
        """The level of the given voxels; repeated ones count once."""
        unique = torch.unique(coords, dim=0)
        table = torch.full(shape, len(unique), dtype=torch.int64)
        table[tuple(unique.T)] = torch.arange(len(unique))
        return VoxelLevel(unique, shape, table)

    def rows(self, coords: Int[Tensor, "*P 3"]) -> Int[Tensor, "*P"]:
        """The row of each voxel, ``M`` where it is empty or outside the box."""
        size = torch.tensor(self.shape, device=coords.device)
        inside = ((coords >= 0) & (coords < size)).all(-1)
        z, y, x = coords.clamp(min=0).minimum(size - 1).unbind(-1)
        return torch.where(inside, self.table[z, y, x], len(self.coords))

    def neighbours(self) -> Int[Tensor, "M 27"]:
        """Rows around each voxel: a convolution that keeps the filled voxels (submanifold)."""
        return self.rows(self.coords[:, None] + OFFSETS)

    def halved(self) -> tuple[VoxelLevel, Int[Tensor, "M2 27"]]:
        """Every voxel that a convolution of stride 2 and padding 1 reaches, and its inputs."""
        shape = tuple((size + 1) // 2 for size in self.shape)
        reached = (self.coords[:, None] - OFFSETS).reshape(-1, 3)
        reached = reached[(reached % 2 == 0).all(1)] // 2
        reached = reached[((reached >= 0) & (reached < torch.tensor(shape))).all(1)]
        level = VoxelLevel.of(reached, (shape[0], shape[1], shape[2]))
        return level, self.rows(level.coords[:, None] * 2 + OFFSETS)

    @cached_property
    def padded(self) -> Int[Tensor, "K"]:
        """``table`` with two empty voxels on every side, flat."""
        return F.pad(self.table, (2,) * 6, value=len(self.coords)).reshape(-1)

    def to(self, device: torch.device) -> VoxelLevel:
        """The same level on a device."""
        return VoxelLevel(self.coords.to(device), self.shape, self.table.to(device))

    def cells(
        self, places: Float[Tensor, "P 3"]
    ) -> tuple[Int[Tensor, "P 8"], Float[Tensor, "P 8"]]:
        """The eight voxels around places, as numbers in ``padded``, and their weights.

        Args:
            places: (z, y, x) in voxels; voxel centres are whole numbers, as for
                ``grid_sample`` with ``align_corners=True``.
        """
        low = places.floor()
        part = places - low
        size = torch.tensor(self.shape, device=places.device)
        start = low.clamp(min=-2).minimum(size).long() + 2
        line = self.shape[2] + 4
        stride = torch.tensor([(self.shape[1] + 4) * line, line, 1], device=places.device)
        step = (_CORNERS.to(places.device) * stride).sum(1)
        z, y, x = torch.stack([1 - part, part], -1).unbind(1)
        weight = z[:, :, None, None] * y[:, None, :, None] * x[:, None, None, :]
        return (start * stride).sum(1)[:, None] + step, weight.reshape(-1, 8)

    def corners(
        self, places: Float[Tensor, "P 3"]
    ) -> tuple[Int[Tensor, "P 8"], Float[Tensor, "P 8"]]:
        """Rows and weights of trilinear interpolation; see :meth:`cells`."""
        cells, weight = self.cells(places)
        return self.padded[cells], weight


class _Interpolate(torch.autograd.Function):
    """Weighted sums of rows. ``embedding_bag``'s own backward sorts all rows; this adds."""

    @staticmethod
    def forward(ctx, table, rows, weights):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(rows, weights)
        ctx.count = len(table)
        return F.embedding_bag(rows, table, mode="sum", per_sample_weights=weights)

    @staticmethod
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        rows, weights = ctx.saved_tensors
        out = grad.new_zeros(ctx.count, grad.shape[1])
        for k in range(rows.shape[1]):
            out.index_add_(0, rows[:, k], grad * weights[:, k, None])
        return out, None, None


def interpolate_rows(
    table: Float[Tensor, "M C"], rows: Int[Tensor, "P K"], weights: Float[Tensor, "P K"]
) -> Float[Tensor, "P C"]:
    """``sum_k weights[p, k] * table[rows[p, k]]``; differentiable in ``table``."""
    out: Tensor = _Interpolate.apply(table, rows, weights.to(table.dtype))
    return out


def with_empty_row(features: Float[Tensor, "B M C"]) -> Float[Tensor, "B M1 C"]:
    """Features with a row of zeros at the end, which stands for every empty voxel."""
    return F.pad(features, (0, 0, 0, 1))


class SparseConv(nn.Module):
    """A 3x3x3 convolution without bias over rows of filled voxels.

    Attributes:
        weight: ``[Cout, 3, 3, 3, Cin]`` (z, y, x), spconv's own layout.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_channels, 3, 3, 3, in_channels))
        nn.init.normal_(self.weight, std=(2 / (9 * in_channels)) ** 0.5)  # a third are filled

    def forward(
        self, features: Float[Tensor, "B M C"], inputs: Int[Tensor, "M2 27"]
    ) -> Float[Tensor, "B M2 C2"]:
        """Convolves.

        Args:
            features: of the filled voxels.
            inputs: rows under the kernel of each output voxel, ``M`` where empty.
        """
        batch, count, channels = features.shape
        rows = with_empty_row(features).reshape(-1, channels)
        first = torch.arange(batch, device=inputs.device)[:, None] * (count + 1)
        around = rows.index_select(0, (first + inputs.reshape(1, -1)).reshape(-1))
        around = around.view(batch, len(inputs), 27 * channels)
        return around @ self.weight.reshape(len(self.weight), -1).T


class _Step(nn.Module):
    """Convolution, norm, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, norm: Norm) -> None:
        super().__init__()
        self.conv = SparseConv(in_channels, out_channels)
        self.norm = make_norm(norm, out_channels, eps=1e-3)

    def forward(self, features: Tensor, inputs: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(features, inputs).mT).mT)


@dataclass(frozen=True, eq=False)
class VoxelTables:
    """Everything that sparse convolutions over one skin look up.

    Attributes:
        first: the finest level.
        vertex_rows: the voxel of each vertex, as a row.
        share: one over how many vertices share the vertex' voxel.
        keep: neighbours within each of the four levels.
        down: inputs of each halving.
        levels: the three coarser levels, whose features are looked up.
    """

    first: VoxelLevel
    vertex_rows: Int[Tensor, "N"]
    share: Float[Tensor, "N"]
    keep: tuple[Tensor, ...]
    down: tuple[Tensor, ...]
    levels: tuple[VoxelLevel, ...]

    @staticmethod
    def of(
        coords: Int[Tensor, "N 3"], shape: tuple[int, int, int], device: torch.device
    ) -> VoxelTables:
        """Tables for vertices in the voxels ``coords`` (z, y, x) of a box."""
        level = first = VoxelLevel.of(coords, shape)
        keep, down, levels = [level.neighbours()], [], []
        for _ in range(3):
            level, inputs = level.halved()
            down.append(inputs)
            keep.append(level.neighbours())
            levels.append(level)
        rows = first.rows(coords)
        share = 1.0 / torch.bincount(rows, minlength=len(first.coords))[rows].float()
        return VoxelTables(
            first.to(device), rows.to(device), share.to(device),
            tuple(k.to(device) for k in keep), tuple(d.to(device) for d in down),
            tuple(one.to(device) for one in levels),
        )


class VoxelNetwork(nn.Module):
    """SHERF's sparse encoder: four resolutions, features of the three coarser ones.

    With ``C`` channels: 2 convolutions, down, 2, down to ``2 C``, 3, down to ``3 C``, 3.
    """

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        widths = (channels, channels, 2 * channels, 3 * channels)
        self.stages = nn.ModuleList(
            nn.ModuleList(_Step(width, width, norm) for _ in range(depth))
            for width, depth in zip(widths, (2, 2, 3, 3), strict=True)
        )
        self.downs = nn.ModuleList(
            _Step(a, b, norm) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )

    def forward(
        self, vertex_features: Float[Tensor, "B N C"], tables: VoxelTables
    ) -> tuple[Float[Tensor, "B M C"], Float[Tensor, "B M2 C2"], Float[Tensor, "B M3 C3"]]:
        """Features of the voxels at half, a quarter and an eighth of the resolution.

        Vertices of one voxel are averaged.
        """
        batch, _, channels = vertex_features.shape
        x = vertex_features.new_zeros(batch, len(tables.first.coords), channels)
        x = x.index_add(1, tables.vertex_rows, vertex_features * tables.share[:, None])
        found = []
        for k in range(4):
            if k:
                x = self.downs[k - 1](x, tables.down[k - 1])
            for step in self.stages[k]:  # type: ignore[union-attr,attr-defined]
                x = step(x, tables.keep[k])
            if k:
                found.append(x)
        return found[0], found[1], found[2]
