from __future__ import annotations

import numpy as np
import pytest
import roma
import torch
from body.model_files import forward, model, write_npz

from muybridge.body import Shape, load_body
from muybridge.body.smplx import load_smplx
from muybridge.motion import Motion, clips
from muybridge.networks.human_nerf import PosedSkin, big_pose, canonical_skin, posed_skin
from muybridge.networks.human_nerf.nearest import by_distance, nearest_vertex
from muybridge.networks.human_nerf.skin import _canonical_skin

COUNT = 1200


@pytest.fixture(scope="module")
def canonical():
    return canonical_skin(load_body(), COUNT)


@pytest.fixture(scope="module")
def child(canonical):
    """A child in four poses of a squat."""
    shaped = load_body().with_shape(Shape(age=0.4, gender=1.0))
    return shaped, clips.make("squat", frames=4)


def test_canonical_body_stands_apart(canonical):
    low, high = canonical.bounds
    assert high[0] - low[0] > 1.6  # arms out
    feet = canonical.vertices[canonical.vertices[:, 1] < low[1] + 0.15]
    left, right = feet[feet[:, 0] > 0], feet[feet[:, 0] < 0]
    assert left[:, 0].mean() - right[:, 0].mean() > 1.0  # legs apart
    assert torch.allclose(canonical.normals.norm(dim=1), torch.ones(COUNT), atol=1e-5)
    assert (canonical.normals * (canonical.vertices - canonical.vertices.mean(0))).sum() > 0


def test_vertices_are_spread_and_always_the_same(canonical):
    again = _canonical_skin.__wrapped__(load_body(), COUNT)
    assert torch.equal(canonical.which, again.which)
    assert len(canonical.which.unique()) == COUNT
    distance, _ = canonical.tree.query(canonical.vertices.numpy(), k=2)
    assert distance[:, 1].min() > 0.02
    every = load_body().with_shape(Shape()).pose(big_pose(torch.zeros(3))).vertices[0]
    gap, _ = canonical.tree.query(every.numpy())
    assert gap.max() < 0.04


def test_inverse_skinning_undoes_skinning(canonical, child):
    """Points of the skin return to the canonical skin within 0.1 mm."""
    shaped, motion = child
    skin = posed_skin(canonical, shaped, motion)
    posed = shaped.pose(motion).vertices[:, canonical.which]
    assert torch.equal(skin.vertices, posed)
    for t in range(skin.frames):
        vertex = nearest_vertex(posed[t], skin.vertices[t], lambda t=t: skin.tree(t))
        off = posed[t] - skin.vertices[t][vertex]
        back = (skin.back[t][vertex] @ off[..., None])[..., 0] + canonical.vertices[vertex]
        assert (back - canonical.vertices).norm(dim=1).max() < 1e-4


def test_points_off_the_skin_go_and_return(canonical, child):
    shaped, motion = child
    skin = posed_skin(canonical, shaped, motion)
    off = 0.05 * canonical.normals
    there = torch.einsum("tnij,nj->tni", skin.turn, off)
    back = torch.einsum("tnij,tnj->tni", skin.back, there)
    assert (back - off).norm(dim=-1).max() < 1e-4
    # along the normal, by the person's size; joints that bend far shorten it
    along = (there * skin.normals).sum(-1)
    assert (along / (0.05 * skin.scale[:, None])).median() == pytest.approx(1, abs=0.02)
    assert float(skin.scale[0]) == pytest.approx(shaped.height / canonical.height, rel=1e-5)


def test_neighbours_agree_where_each_vertex_takes_the_other(canonical, child):
    """The map is nearly continuous: half a millimetre per millimetre between vertices."""
    shaped, motion = child
    skin = posed_skin(canonical, shaped, motion)
    distance, which = canonical.tree.query(canonical.vertices.numpy(), k=2)
    other = torch.from_numpy(which[:, 1])
    step = canonical.vertices[other] - canonical.vertices
    guess = torch.einsum("tnij,nj->tni", skin.turn, step) + skin.vertices
    error = (guess - skin.vertices[:, other]).norm(dim=-1).mean()
    assert error < 0.25 * float(distance[:, 1].mean())


def test_tensors_are_the_whole_skin(canonical, child):
    skin = posed_skin(canonical, *child)
    again = PosedSkin.of(skin.tensors("a_"), canonical, "a_")
    assert torch.equal(again.turn, skin.turn)
    both = PosedSkin.cat([skin.select([2]), skin.select([0, 1])])
    assert torch.equal(both.vertices[1], skin.vertices[0])
    assert torch.equal(both.scale, skin.scale[:3])


def test_nearest_is_the_nearest():
    g = torch.Generator().manual_seed(0)
    points, vertices = torch.rand(200, 3, generator=g), torch.rand(40, 3, generator=g)
    from scipy.spatial import cKDTree

    found = nearest_vertex(points, vertices, lambda: cKDTree(vertices.numpy()), 0.15)
    distance, which = torch.cdist(points, vertices).min(1)
    assert torch.equal(found, torch.where(distance < 0.15, which, 40))
    assert (found == 40).any() and (found < 40).any()
    assert torch.equal(by_distance(points, vertices, 0.15, block=400), found)


def test_smpl_goes_back_by_the_published_formula(tmp_path):
    """Against inverse LBS as SHERF writes it: poses, offsets and mean shape undone in turn."""
    arrays = model("smpl", vertices=300)
    body = load_smplx(write_npz(tmp_path / "SMPL_NEUTRAL.npz", arrays))
    canonical = canonical_skin(body)
    assert len(canonical.vertices) == 300
    rng = np.random.default_rng(0)
    betas = rng.normal(size=10)
    vectors = torch.from_numpy(rng.normal(size=(24, 3)) * 0.3)
    R24 = roma.rotvec_to_rotmat(vectors)
    R24[22:] = torch.eye(3, dtype=torch.float64)  # our skeleton has no SMPL hands
    R = torch.eye(3).repeat(1, 55, 1, 1)
    R[0, :22] = R24[:22].float()
    shaped = body.with_shape(Shape(betas=tuple(betas)))
    rest = arrays["J_regressor"] @ (arrays["v_template"] + arrays["shapedirs"] @ betas)
    Th = np.array([0.3, 1.0, -0.2])
    motion = Motion(R, torch.from_numpy(rest[0] + Th).float()[None])
    skin = posed_skin(canonical, shaped, motion, scale=1.0)

    vertices, _ = forward(arrays, betas, R24.numpy(), Th)
    assert np.abs(skin.vertices[0].numpy() - vertices).max() < 1e-5
    point = vertices + rng.normal(size=vertices.shape) * 0.02  # one beside each vertex

    A = _transforms(arrays, betas, R24.numpy())
    B = _transforms(arrays, np.zeros(10), _big(24))
    W = arrays["weights"]
    offset = arrays["shapedirs"] @ betas + _pose_offset(arrays, R24.numpy())
    big = _pose_offset(arrays, _big(24))
    there = np.einsum("nj,jab->nab", W, A)
    back = np.linalg.solve(there[:, :3, :3], (point - Th - there[:, :3, 3])[..., None])[..., 0]
    to_big = np.einsum("nj,jab->nab", W, B)
    expected = np.einsum("nab,nb->na", to_big[:, :3, :3], back - offset + big) + to_big[:, :3, 3]

    off = torch.from_numpy(point).float() - skin.vertices[0]
    ours = (skin.back[0] @ off[..., None])[..., 0] + canonical.vertices
    assert np.abs(ours.numpy() - expected).max() < 1e-4


def _big(joints: int) -> np.ndarray:
    """SHERF's big pose: rotation vectors' entries 5, 8, 23 and 26."""
    poses = np.zeros(3 * joints)
    poses[[5, 8, 23, 26]] = np.deg2rad([45, -45, -30, 30])
    return roma.rotvec_to_rotmat(torch.from_numpy(poses.reshape(-1, 3))).numpy()


def _pose_offset(arrays, R) -> np.ndarray:
    return arrays["posedirs"] @ np.concatenate([(r - np.eye(3)).ravel() for r in R[1:]])


def _transforms(arrays, betas, R) -> np.ndarray:
    """Each joint's rigid transform from the rest pose."""
    above = [int(p) for p in arrays["kintree_table"][0].astype(np.int64)]
    rest = arrays["J_regressor"] @ (arrays["v_template"] + arrays["shapedirs"] @ betas)
    world = []
    for j, r in enumerate(R):
        local = np.eye(4)
        local[:3, :3], local[:3, 3] = r, rest[j] - (rest[above[j]] if j else 0)
        world.append(world[above[j]] @ local if j else local)
    out = np.stack(world)
    out[:, :3, 3] -= np.einsum("jab,jb->ja", out[:, :3, :3], rest)
    return out
