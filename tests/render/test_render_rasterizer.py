from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from render_shapes import camera, edge_distance, icosphere, ray_cast, uv_sphere
from scipy.spatial import ConvexHull, Delaunay

from muybridge.body import Shape, load_body
from muybridge.render import interpolate, rasterize, rasterize_pixels
from muybridge.render import scanline as scanline_module
from muybridge.render.compiled import available

BACKENDS = ["torch", pytest.param("numba", marks=pytest.mark.skipif(
    not available(), reason="numba is not installed"))]
EDGE = 2 / scanline_module.SNAP
"""Corners are snapped to 1/16384 pixel: a pixel centre this close to an edge (in pixels) may
fall on either side of it. Nowhere else may a pixel differ from the ray cast."""


class Rest:
    """A motion: the T-pose, or random bends of every joint."""

    def __init__(self, frames: int = 1, seed: int | None = None) -> None:
        self.R_parent_joint = torch.eye(3).expand(frames, 55, 3, 3).clone()
        self.root_position = torch.tensor([[0.0, 0.95, 0.0]]).expand(frames, 3).clone()
        if seed is not None:
            g = torch.Generator().manual_seed(seed)
            axis = 0.35 * torch.randn(frames, 55, 3, generator=g)
            skew = torch.zeros(frames, 55, 3, 3)
            skew[..., 0, 1], skew[..., 0, 2] = -axis[..., 2], axis[..., 1]
            skew[..., 1, 2] = -axis[..., 0]
            self.R_parent_joint = torch.linalg.matrix_exp(skew - skew.transpose(-1, -2))


@pytest.mark.parametrize("backend", BACKENDS)
def test_ten_thousand_pixels_of_a_body_agree_with_ray_casting(backend: str) -> None:
    body = load_body()
    posed = body.pose(Shape(), Rest(frames=5, seed=3))
    g = torch.Generator().manual_seed(0)
    total = wrong = excused = hits = 0
    for t, azimuth in enumerate((0, 80, 160, 230, 300)):
        K, T = camera(azimuth, distance=3.2, size=512, focal=1.35, height=0.3)
        T[1, 3] += 0.9
        vertices = posed.vertices[t]
        f = rasterize(vertices[None], body.mesh.faces, K[None], T[None], 512, 512, backend=backend)
        rows, columns = f.mask[0].any(1).nonzero(), f.mask[0].any(0).nonzero()
        low = torch.stack([columns.min(), rows.min()]) - 3
        high = torch.stack([columns.max(), rows.max()]) + 4
        pixels = (low + torch.rand(2000, 2, generator=g) * (high - low)).long().clamp(0, 511)
        truth, z = ray_cast(vertices, body.mesh.faces, K, T, pixels, cull=True)
        mine = f.triangle[0][pixels[:, 1], pixels[:, 0]]
        differ = (mine != truth).nonzero()[:, 0]
        close = [
            edge_distance(vertices, body.mesh.faces, K, T, pixels[differ], ids[differ]) < EDGE
            for ids in (mine, truth)
        ]
        excused += int((close[0] | close[1]).sum())
        wrong += int((~(close[0] | close[1])).sum())
        total += len(pixels)
        hits += int((truth >= 0).sum())
        same = mine == truth
        error = (f.depth[0][pixels[:, 1], pixels[:, 0]] - z)[same].abs().max()
        assert error < 1e-5
    assert total == 10_000 and hits > 2_000
    assert wrong == 0
    assert excused <= 10


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("cull", [True, False])
def test_a_soup_of_piercing_triangles_agrees_with_ray_casting(backend: str, cull: bool) -> None:
    g = torch.Generator().manual_seed(5)
    vertices = torch.randn(900, 3, generator=g, dtype=torch.float64) * 0.6
    faces = torch.randint(0, 900, (400, 3), generator=g)
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2])
                  & (faces[:, 0] != faces[:, 2])]
    K, T = camera(30, distance=5.0, size=160)
    f = rasterize(vertices[None], faces, K[None], T[None], 160, 160, cull=cull, backend=backend)
    pixels = torch.stack(torch.meshgrid(torch.arange(160), torch.arange(160), indexing="xy"), -1)
    pixels = pixels.reshape(-1, 2)
    truth, z = ray_cast(vertices, faces, K, T, pixels, cull)
    mine = f.triangle[0].reshape(-1)
    differ = mine != truth
    near_edge = (edge_distance(vertices, faces, K, T, pixels, mine) < EDGE) | (
        edge_distance(vertices, faces, K, T, pixels, truth) < EDGE
    )
    # Where two triangles pierce each other, float32 can't order depths closer than this.
    tie = (mine >= 0) & (truth >= 0) & ((f.depth[0].reshape(-1) - z).abs() < 3e-5)
    assert int(differ.sum()) < 40
    assert not (differ & ~near_edge & ~tie).any()


@pytest.mark.parametrize("backend", BACKENDS)
def test_depth_of_a_sphere_is_the_analytic_depth(backend: str) -> None:
    vertices, faces = icosphere(5)
    K, T = camera(20, distance=4.0, size=200)
    f = rasterize(vertices[None], faces, K[None], T[None], 200, 200, backend=backend)
    xy = torch.arange(200).double() + 0.5
    ray = torch.stack(torch.meshgrid((xy - 100) / K[0, 0], (xy - 100) / K[1, 1], indexing="xy"), 0)
    d2 = (ray**2).sum(0) + 1
    disc = 16 - d2 * 15
    z = (4 - disc.clamp(min=0).sqrt()) / d2
    inside = (disc > 0.02) & f.mask[0]
    assert inside.sum() > 10_000
    assert (f.depth[0] - z)[inside].abs().max() < 2.5e-3  # the height of a facet
    assert (f.mask[0] & (disc < 0)).sum() == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_barycentrics_are_perspective_correct(backend: str) -> None:
    vertices = torch.tensor([[-1.0, -0.8, 1.5], [1.2, -0.9, -4.0], [0.1, 1.1, 0.3]]).double()
    faces = torch.tensor([[0, 1, 2]])
    K, T = camera(0, distance=3.0, size=96)
    f = rasterize(vertices[None], faces, K[None], T[None], 96, 96, cull=False, backend=backend)
    assert f.mask.sum() > 500
    point = interpolate(f, faces, vertices)[0]
    cam = point @ T[:3, :3].T + T[:3, 3]
    uv = (cam @ K.T)[..., :2] / cam[..., 2:]
    rows, columns = f.mask[0].nonzero().T
    expected = torch.stack([columns, rows], 1) + 0.5
    assert (uv[f.mask[0]] - expected).abs().max() < 2e-4
    assert (cam[..., 2] - f.depth[0])[f.mask[0]].abs().max() < 1e-9
    total = f.barycentric.sum(-1)[f.mask]
    assert torch.allclose(total, torch.ones_like(total), atol=1e-12)
    assert (f.barycentric[f.mask] >= 0).all()
    assert (f.barycentric[~f.mask] == 0).all() and (f.depth[~f.mask] == 0).all()


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), grid=st.sampled_from([0, 1, 2, 8]))
def test_a_triangulated_plane_covers_every_pixel_once(backend: str, seed: int, grid: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(-3, 35, (40, 2))
    if grid:  # corners and edges right through pixel centres
        points = np.unique(np.round(points * grid) / grid + 0.5, axis=0)
    hull = Delaunay(points)
    faces = torch.from_numpy(hull.simplices).long()
    xyz = torch.cat([torch.from_numpy(points), torch.ones(len(points), 1)], 1)
    alone = rasterize_pixels(
        xyz[None].expand(len(faces), -1, -1), faces[:, None], 32, 32, backend=backend
    )
    times = alone.mask.sum(0)
    assert times.max() <= 1
    xy = np.stack(np.meshgrid(np.arange(32) + 0.5, np.arange(32) + 0.5), -1)
    sides = ConvexHull(points).equations
    outside = torch.from_numpy((xy @ sides[:, :2].T + sides[:, 2]).max(-1))
    assert (times[outside < -1e-3] == 1).all()
    assert (times[outside > 1e-3] == 0).all()
    together = rasterize_pixels(xyz[None], faces, 32, 32, backend=backend)
    assert (together.mask[0] == (times > 0)).all()


@pytest.mark.skipif(not available(), reason="numba is not installed")
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 100_000), scale=st.sampled_from([0.05, 1.0, 30.0]),
    cull=st.booleans(), dirt=st.booleans(),
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
)
def test_both_backends_agree_bit_for_bit(
    seed: int, scale: float, cull: bool, dirt: bool, size: tuple[int, int]
) -> None:
    g = torch.Generator().manual_seed(seed)
    xyz = torch.randn(3, 50, 3, generator=g) * scale
    xyz[..., :2] = xyz[..., :2] * 20 + 30
    xyz[..., 2] = xyz[..., 2].abs() + 0.5
    if dirt:
        bad = [torch.nan, torch.inf, -torch.inf, 1e30, -1e9, 0.0]
        for value in bad:
            at = torch.randint(0, 450, (2,), generator=g)
            xyz.view(-1)[at] = value
    faces = torch.randint(0, 50, (60, 3), generator=g)
    a, b = (
        rasterize_pixels(xyz, faces, *size, cull=cull, backend=backend)
        for backend in ("torch", "numba")
    )
    assert torch.equal(a.triangle, b.triangle)
    assert torch.equal(a.barycentric, b.barycentric)
    assert torch.equal(a.depth, b.depth)
    assert torch.isfinite(a.barycentric).all() and torch.isfinite(a.depth).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_among_equally_near_triangles_the_first_wins(backend: str) -> None:
    xyz = torch.tensor([[2.0, 2, 1], [30, 3, 2], [5, 28, 3]]).repeat(4, 1)
    faces = torch.arange(12).view(4, 3)
    f = rasterize_pixels(xyz[None], faces, 32, 32, backend=backend)
    assert f.mask.sum() > 100
    assert (f.triangle[f.mask] == 0).all()
    farther = xyz.clone()
    farther[:3, 2] += 0.5
    f = rasterize_pixels(farther[None], faces, 32, 32, backend=backend)
    assert (f.triangle[f.mask] == 1).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_back_faces_are_culled_and_only_they(backend: str) -> None:
    vertices, faces = uv_sphere()
    K, T = camera(40)
    both = rasterize(vertices[None], faces, K[None], T[None], 128, 128, cull=False, backend=backend)
    front = rasterize(vertices[None], faces, K[None], T[None], 128, 128, backend=backend)
    behind = rasterize(vertices[None], faces.flip(1), K[None], T[None], 128, 128, backend=backend)
    assert (both.triangle == front.triangle).float().mean() > 0.999
    assert (behind.depth[behind.mask] > 8 / 3 - 0.03).all()
    assert (front.depth[front.mask] < 8 / 3 + 0.03).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_triangles_that_reach_behind_the_near_plane_are_dropped_whole(backend: str) -> None:
    K, T = camera(0, distance=3.0)
    vertices = torch.tensor([[-1.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0.5, 3.5]]).double()
    faces = torch.tensor([[0, 1, 3], [0, 1, 2]])
    f = rasterize(vertices[None], faces, K[None], T[None], 128, 128, cull=False, backend=backend)
    assert set(f.triangle.unique().tolist()) == {-1, 1}
    f = rasterize(
        vertices[None], faces, K[None], T[None], 128, 128, cull=False, near=3.1, backend=backend
    )
    assert not f.mask.any()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_batch_is_its_pictures_one_by_one(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vertices, faces = uv_sphere()
    poses = [camera(a, size=100) for a in (0, 50, 120)]
    K, T = (torch.stack([p[i] for p in poses]) for i in range(2))
    g = torch.Generator().manual_seed(1)
    many = vertices + 0.02 * torch.randn(3, *vertices.shape, generator=g)
    together = rasterize(many, faces, K, T, 100, 90, backend=backend)
    own_faces = torch.stack([faces] * 3)
    assert torch.equal(
        together.triangle, rasterize(many, own_faces, K, T, 100, 90, backend=backend).triangle
    )
    for b in range(3):
        one = rasterize(many[b : b + 1], faces, K[b : b + 1], T[b : b + 1], 100, 90,
                        backend=backend)
        assert torch.equal(one.triangle[0], together.triangle[b])
        assert torch.equal(one.barycentric[0], together.barycentric[b])
    # Working in small pieces, as big batches do, changes nothing.
    monkeypatch.setitem(scanline_module._CHUNK, "cpu", 777)
    pieces = rasterize(many, faces, K, T, 100, 90, backend=backend)
    assert torch.equal(pieces.triangle, together.triangle)
    assert torch.equal(pieces.depth, together.depth)


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_to_draw(backend: str) -> None:
    xyz = torch.rand(2, 5, 3) + 1
    for faces in (torch.zeros(0, 3, dtype=torch.long), torch.tensor([[0, 0, 1]])):
        f = rasterize_pixels(xyz, faces, 8, 9, backend=backend)
        assert f.triangle.shape == (2, 8, 9) and not f.mask.any()
    away = rasterize_pixels(xyz + 1000, torch.tensor([[0, 1, 2]]), 8, 9, backend=backend)
    assert not away.mask.any()


def test_what_cannot_be_rasterised_is_said() -> None:
    xyz, faces = torch.rand(1, 3, 3), torch.tensor([[0, 1, 2]])
    with pytest.raises(ValueError, match="0 x 8"):
        rasterize_pixels(xyz, faces, 8, 0)
    with pytest.raises(Exception, match="cuda|backend"):
        rasterize_pixels(xyz, faces, 8, 8, backend="cuda")


@pytest.mark.skipif(not available(), reason="numba is not installed")
def test_threads_change_nothing() -> None:
    vertices, faces = uv_sphere()
    K, T = camera(10, size=200)
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append(rasterize(vertices[None], faces, K[None], T[None], 200, 200,
                                   backend="numba"))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0].triangle, found[1].triangle)
    assert torch.equal(found[0].barycentric, found[1].barycentric)
