"""People dressed by pictures whose body, pose and camera are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from muybridge.data.people import references, sitter
from muybridge.errors import InputError
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.person.known import _facing, _fit, person_from_known
from muybridge.render import render_textured


@pytest.fixture(scope="module")
def who():
    return sitter(0, "validation", 256)


@pytest.fixture(scope="module")
def shown(who):
    return references(who, (96, 128))


@pytest.fixture(scope="module")
def known(who, shown):
    return Person.from_known(shown["front"], shape=who.shape)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_the_outline_is_met(known, shown):
    drawn = known.render_photo(0)
    truth = shown["front"].rgba
    assert overlap(drawn[..., 3] > 127, truth[..., 3] > 127) > 0.93
    assert known.confidence["front.outline"] > 0.93
    inside = (drawn[..., 3] > 250) & (truth[..., 3] > 250)
    off = np.abs(drawn[..., :3].astype(float) - truth[..., :3])[inside]
    assert off.mean() < 12  # colours are the picture's own


def test_the_other_side_stands_where_the_exact_body_stands(known, shown):
    back = shown["back"]
    posed = known.posed(back.pose)
    _, alpha = render_textured(
        posed.vertices, posed.mesh, torch.from_numpy(known.texture), back.camera.K[0],
        back.camera.T_cam_world[0], back.camera.height, back.camera.width, supersample=2,
    )
    assert overlap(alpha[0, 0].numpy() > 0.5, back.rgba[..., 3] > 127) > 0.87


def test_the_photo_is_what_a_fit_would_keep(known, shown, who, tmp_path):
    photo = known.photos[0]
    pose = shown["front"].pose
    assert torch.equal(photo.R_parent_joint, pose.R_parent_joint[0])
    assert photo.root_position[[0, 2]].abs().max() == 0  # over the origin
    moved = Motion(photo.R_parent_joint[None], photo.root_position[None])
    here = known.shaped.pose(moved).joints[0] @ photo.T_cam_world[:3, :3].T
    there = shown["front"].camera.T_cam_world[0, 0]
    true = who.figure.body.pose(pose).joints[0] @ there[:3, :3].T + there[:3, 3]
    assert torch.allclose(here + photo.T_cam_world[:3, 3], true, atol=2e-3)
    known.save(tmp_path / "p")
    assert torch.equal(Person.load(tmp_path / "p").offsets, known.offsets)


def test_sides_are_told_and_cameras_are_put_upright(who, shown):
    front, back = shown["front"], shown["back"]
    body = known_body(who)
    assert (_facing(body, front), _facing(body, back)) == ("front", "back")
    quarter = torch.eye(4)
    quarter[:3, :3] = torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    turned = replace(front.camera, T_cam_world=front.camera.T_cam_world @ quarter)
    assert _facing(body, replace(front, camera=turned)) == "side"
    fit = _fit([front], who.shape)
    joints = body.pose(Motion(fit.R_parent_joint, fit.root_position)).joints[0]
    pixel, depth = front.camera.project(body.pose(front.pose).joints)
    x = -joints[:, 0] / joints[:, 2] * fit.focal[0] + front.camera.K[0, 0, 0, 2]
    assert torch.allclose(x, pixel[0, 0, :, 0], atol=1e-2)
    assert torch.allclose(-joints[:, 2], depth[0, 0], atol=1e-4)


def known_body(who):
    from muybridge.body import load_body

    return load_body().with_shape(who.shape)


@pytest.mark.parametrize("change, what", [
    (lambda r: replace(r, rgba=np.zeros_like(r.rgba)), "front: picture: shows nobody"),
    (lambda r: replace(r, rgba=r.rgba[:64]), "front: camera: has 1 views"),
    (lambda r: replace(r, camera=r.camera.select([0, 0])), "front: camera: has 2 views"),
    (lambda r: replace(r, pose=stretched(r.pose)), "front: pose: has 2 frames"),
    (lambda r: replace(r, pose=replace(r.pose, root_position=r.pose.root_position * torch.nan)),
     "front: root path: not a finite"),
    (lambda r: replace(r, camera=wide(r.camera)), "are not square"),
    (lambda r: replace(r, camera=replace(r.camera, K=r.camera.K * 0)), "front: .*K"),
])
def test_what_cannot_be_known(shown, who, change, what):
    with pytest.raises(InputError, match=what):
        person_from_known(change(shown["front"]), shape=who.shape)


def stretched(pose: Motion) -> Motion:
    return replace(pose, R_parent_joint=pose.R_parent_joint.repeat(2, 1, 1, 1),
                   root_position=pose.root_position.repeat(2, 1))


def wide(camera):
    K = camera.K.clone()
    K[..., 0, 0] *= 1.2
    return replace(camera, K=K)
