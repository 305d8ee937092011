from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from render_shapes import camera, icosphere, rig
from torch import Tensor

from muybridge.body import JOINT_INDEX, Shape, load_body
from muybridge.motion import clips
from muybridge.render import (
    BONES,
    bone_colors,
    bone_ellipsoids,
    bone_map,
    bone_normal_colors,
    rasterize,
    render_ellipsoids,
)
from muybridge.render.bones import STATURE, stature
from muybridge.render.compiled import available

BACKENDS = ["torch", pytest.param("numba", marks=pytest.mark.skipif(
    not available(), reason="numba is not installed"))]


def random_ellipsoids(seed: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    centers = torch.randn(1, count, 3, generator=g, dtype=torch.float64) * 0.5
    axes = torch.linalg.qr(torch.randn(1, count, 3, 3, generator=g, dtype=torch.float64)).Q
    radii = 0.01 + 0.3 * torch.rand(1, count, 3, generator=g, dtype=torch.float64) ** 3
    return centers, axes, radii


def textbook(
    centers: Tensor, axes: Tensor, radii: Tensor, K: Tensor, T: Tensor, size: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Every ray against every ellipsoid in float64, by the plain quadratic."""
    R = T[:3, :3] @ axes
    c = centers @ T[:3, :3].T + T[:3, 3]
    A = R @ torch.diag_embed(radii**-2.0) @ R.mT
    xy = torch.arange(size).double() + 0.5
    grid = torch.stack(torch.meshgrid(xy, xy, indexing="xy"), -1)
    d = torch.cat([grid, torch.ones(size, size, 1)], -1).double() @ torch.linalg.inv(K).T
    Ad = torch.einsum("eij,hwj->ehwi", A, d)
    qa = (Ad * d).sum(-1)
    qb = torch.einsum("ehwi,ei->ehw", Ad, c)
    qc = torch.einsum("ei,eij,ej->e", c, A, c) - 1
    disc = qb**2 - qa * qc[:, None, None]
    z = torch.where(disc > 0, (qb - disc.clamp(min=0).sqrt()) / qa, torch.inf)
    nearest, which = z.min(0)
    hit = nearest < torch.inf
    point = d * torch.where(hit, nearest, 0.0)[..., None]
    n = (A[which] @ (point - c[which])[..., None])[..., 0]
    n = torch.nn.functional.normalize(n, dim=-1)
    return (torch.where(hit, nearest, 0.0), torch.where(hit, which, -1),
            torch.where(hit[..., None], n, 0.0).permute(2, 0, 1))


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), azimuth=st.floats(0, 360))
def test_ellipsoids_agree_with_the_plain_quadratic(
    backend: str, seed: int, azimuth: float
) -> None:
    shapes = random_ellipsoids(seed, 12)
    K, T = camera(azimuth, distance=3.0, size=96)
    K[0, 1] = 4.0  # skew
    z, which, normal = textbook(*(s[0] for s in shapes), K, T, 96)
    for dtype, tolerance in ((torch.float64, 1e-7), (torch.float32, 1e-5)):
        out = render_ellipsoids(
            *shapes, K[None], T[None], 96, 96, dtype=dtype, backend=backend
        )
        assert (out.which[0] != which).sum() <= 2
        same = (out.which[0] == which) & (which >= 0)
        assert (out.z[0] - z)[same].abs().max() < tolerance
        # The normal of a thin ellipsoid's tip turns within a hair's breadth.
        assert ((out.normal[0] - normal)[:, same].norm(dim=0) < 2e-3).float().mean() > 0.999
        length = out.normal[0].norm(dim=0)[same]
        assert torch.allclose(length, torch.ones_like(length), atol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_float32_bone_maps_are_within_a_hundredth_of_a_millimetre(backend: str) -> None:
    posed = load_body().pose(Shape(), clips.make("walk", frames=3))
    cameras = rig(posed.joints, size=384, views=3)
    single = bone_map(posed.joints, cameras, backend=backend)
    double = bone_map(posed.joints, cameras, dtype=torch.float64, backend="torch")
    same = single.bone == double.bone
    assert (~same).sum() <= 3
    assert (double.bone >= 0).sum() > 50_000
    assert (single.z - double.z)[same].abs().max() < 1e-5
    assert (single.depth - double.depth)[same].abs().max() < 1e-5
    seen = (double.bone >= 0).squeeze(2)
    assert (single.depth >= single.z).all()
    # The visible side faces the camera.
    K_inv = torch.linalg.inv(cameras.K)
    xy1 = torch.ones(384, 384, 3)
    xy1[..., 0], xy1[..., 1] = torch.arange(384) + 0.5, (torch.arange(384) + 0.5)[:, None]
    ray = torch.einsum("vtij,hwj->vtihw", K_inv, xy1)
    assert ((ray * single.normal).sum(2)[seen] < 1e-5).all()


def test_closed_form_is_what_a_fine_mesh_shows() -> None:
    posed = load_body().pose(Shape(gender=1.0), clips.make("walk", frames=1))
    cameras = rig(posed.joints, size=256, views=1)
    maps = bone_map(posed.joints, cameras)
    shapes = bone_ellipsoids(posed.joints)
    ball, faces = icosphere(4)
    scaled = shapes.axes * shapes.radii[..., None, :]
    vertices = ball @ scaled.mT + shapes.centers[:, :, None]
    first = torch.arange(len(BONES))[:, None, None] * len(ball)
    f = rasterize(vertices.flatten(1, 2), (faces + first).reshape(-1, 3), cameras.K[0],
                  cameras.T_cam_world[0], 256, 256)
    bone = torch.where(f.mask, f.triangle // len(faces), -1)
    mine = maps.bone[0, :, 0]
    union = ((bone >= 0) | (mine >= 0)).sum()
    assert ((bone >= 0) & (mine >= 0)).sum() / union > 0.995
    same = (bone == mine) & (bone >= 0)
    assert same.sum() / (mine >= 0).sum() > 0.97
    error = (f.depth - maps.z[0, :, 0])[same]
    assert error.abs().mean() < 3e-4
    assert error.min() > -1e-5  # a facet lies inside the ellipsoid, never before it


def test_the_bones_wrap_the_body() -> None:
    """The ellipsoids' silhouette is the body's, roughly, for every build."""
    for shape in (Shape(), Shape(gender=1.0, height=0.2), Shape(age=0.34)):
        posed = load_body().pose(shape, clips.make("idle", frames=1))
        cameras = rig(posed.joints, size=200, views=2)
        maps = bone_map(posed.joints, cameras)
        body = rasterize(
            posed.vertices.repeat(2, 1, 1), posed.mesh.faces, cameras.K[:, 0],
            cameras.T_cam_world[:, 0], 200, 200,
        ).mask
        bones = maps.bone[:, 0, 0] >= 0
        assert (body & bones).sum() / (body | bones).sum() > 0.72
        height = float(posed.vertices[0, :, 1].max() - posed.vertices[0, :, 1].min())
        assert abs(float(stature(posed.joints)[0]) / height - 1) < 0.03


def test_there_are_fifty_six_bones_with_the_published_wrist() -> None:
    assert len(BONES) == 56 == len({bone.name for bone in BONES})
    by_name = {bone.name: bone for bone in BONES}
    assert by_name["pelvis"][3:5] == (0.153, 0.100)
    assert by_name["left_forearm"].lateral == 0.032
    assert 1.5 < STATURE < 1.8


def test_radii_grow_with_stature_and_turn_with_the_body() -> None:
    joints = load_body().pose(Shape(), clips.make("idle", frames=1)).joints
    small, large = bone_ellipsoids(joints), bone_ellipsoids(joints * 1.3)
    assert torch.allclose(small.radii * 1.3, large.radii, rtol=1e-6)
    turn = torch.linalg.matrix_exp(torch.tensor([[0, -0.4, 0.9], [0.4, 0, 0.2], [-0.9, -0.2, 0]]))
    turned = bone_ellipsoids(joints @ turn.T)
    shape, expected = (
        s.axes @ torch.diag_embed(s.radii**2) @ s.axes.mT for s in (turned, small)
    )
    expected = turn.double() @ expected @ turn.double().T
    assert torch.allclose(shape, expected, atol=1e-7)
    eye = turned.axes.mT @ turned.axes
    assert torch.allclose(eye, torch.eye(3).double().expand_as(eye), atol=1e-9)
    assert torch.allclose(torch.linalg.det(turned.axes), torch.ones(1).double(), atol=1e-9)


def test_the_trunk_rolls_with_shoulders_and_hips() -> None:
    joints = load_body().pose(Shape(), clips.make("idle", frames=1)).joints
    shapes = bone_ellipsoids(joints)
    names = [bone.name for bone in BONES]
    for name, a, b in (("pelvis", "right_hip", "left_hip"),
                       ("chest", "right_shoulder", "left_shoulder")):
        lateral = shapes.axes[0, names.index(name), :, 0]
        line = joints[0, JOINT_INDEX[b]] - joints[0, JOINT_INDEX[a]]
        cosine = float(lateral @ line.double() / line.norm())
        assert cosine > 0.97


def test_degenerate_joints_give_finite_ellipsoids() -> None:
    joints = torch.zeros(2, 55, 3)
    joints[1] = load_body().pose(Shape(), clips.make("idle", frames=1)).joints[0]
    joints[1, JOINT_INDEX["left_eye"]] = joints[1, JOINT_INDEX["right_eye"]]
    joints[1, JOINT_INDEX["left_wrist"]] = joints[1, JOINT_INDEX["left_elbow"]]
    down = bone_ellipsoids(joints * torch.tensor([1.0, -1.0, 1.0]))  # every bone upside down
    for shapes in (bone_ellipsoids(joints), down):
        assert all(torch.isfinite(field).all() for field in shapes)
        eye = shapes.axes.mT @ shapes.axes
        assert torch.allclose(eye, torch.eye(3).double().expand_as(eye), atol=1e-6)
    cameras = rig(joints[1:], size=64, views=1)
    maps = bone_map(joints[1:], cameras)
    assert torch.isfinite(maps.depth).all() and torch.isfinite(maps.normal).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_ellipsoids_around_or_behind_the_camera_are_left_out(backend: str) -> None:
    K, T = camera(0, distance=2.0, size=64)
    centers = torch.tensor([[[0, 0, 2.0], [0, 0, 5.0], [0, 0, -1.0]]]).double()
    axes = torch.eye(3).double().expand(1, 3, 3, 3)
    radii = torch.full((1, 3, 3), 0.5).double()
    out = render_ellipsoids(centers, axes, radii, K[None], T[None], 64, 64, backend=backend)
    assert set(out.which.unique().tolist()) == {-1, 2}
    nothing = render_ellipsoids(
        centers[:, :2], axes[:, :2], radii[:, :2], K[None], T[None], 64, 64, backend=backend
    )
    assert (nothing.which == -1).all() and (nothing.z == 0).all()


def test_pictures_of_bone_maps() -> None:
    joints = load_body().pose(Shape(), clips.make("idle", frames=2)).joints
    cameras = rig(joints, size=96, views=2)
    maps = bone_map(joints, cameras)
    for picture in (bone_normal_colors(maps), bone_colors(maps.bone)):
        assert picture.shape == (2, 2, 3, 96, 96)
        assert picture.min() == 0 and picture.max() <= 1
        assert ((picture.sum(2) == 0) == (maps.bone.squeeze(2) < 0)).float().mean() > 0.999
    with pytest.raises(ValueError, match="2 frames"):
        bone_map(joints, cameras.slice(0, 1))


def test_the_distance_is_along_the_ray() -> None:
    joints = load_body().pose(Shape(), clips.make("idle", frames=1)).joints
    cameras = rig(joints, size=128, views=1)
    maps = bone_map(joints, cameras)
    y, x = (maps.bone[0, 0, 0] >= 0).nonzero()[777].tolist()
    K = cameras.K[0, 0]
    ray = (torch.tensor([x + 0.5, y + 0.5, 1.0]) @ torch.linalg.inv(K).T).norm()
    assert math.isclose(
        float(maps.depth[0, 0, 0, y, x]), float(ray * maps.z[0, 0, 0, y, x]), rel_tol=1e-6
    )
