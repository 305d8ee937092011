"""Joints' places from rotations, and what there is of a person for training."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from methods.threedimo_small import awake, scene, small_networks

from muybridge.body import Shape, load_body
from muybridge.data.people import Programme, clips
from muybridge.errors import InputError
from muybridge.methods.sitters import Sitter
from muybridge.methods.threedimo.conditions import joint_rotations
from muybridge.methods.threedimo.config import NANO
from muybridge.methods.threedimo.corpus_making import scenes_of
from muybridge.methods.threedimo.joints import joint_places
from muybridge.methods.threedimo.training import geometry_loss
from muybridge.methods.threedimo.validation import batch_of
from muybridge.synthetic.moves import move


def test_places_are_those_of_the_body_seen_from_its_pelvis():
    body = load_body().with_shape(Shape())
    motion = move(12, body.rest_joints, 6)
    posed = body.pose(motion).joints
    R_world_pelvis = motion.R_parent_joint[:, 0]
    known = (posed[:, 1:22] - posed[:, :1]) @ R_world_pelvis
    assert torch.allclose(joint_places(joint_rotations(motion)), known.float(), atol=1e-4)


def test_columns_need_be_neither_square_nor_of_length_one():
    body = load_body().with_shape(Shape())
    exact = joint_rotations(move(3, body.rest_joints, 2))
    first, second = exact[..., :3], exact[..., 3:]
    loose = torch.cat([3 * first, 0.5 * second + 0.2 * first], -1)
    assert torch.allclose(joint_places(loose), joint_places(exact), atol=1e-5)


def test_what_moves_a_joint_further_counts_more():
    networks = awake(small_networks())
    batch = batch_of([scene()], [(0, 1)])
    exact = batch["rotations"].clone()
    exact[...] = torch.tensor([1.0, 0, 0, 0, 1, 0])
    turned = torch.tensor([1.0, 0, 0, 0, 0.8, 0.6])
    errors = {}
    for name, joint in (("hip", 0), ("wrist", 19)):
        wrong = exact.clone()
        wrong[:, :, joint] = turned
        networks.decoder.forward = lambda tokens, wrong=wrong: wrong
        loss, told = geometry_loss(networks, {**batch, "rotations": exact}, None)
        errors[name] = (float(loss), float(told["pose_error"]), float(told["joint_cm"]))
    assert errors["hip"][1] == pytest.approx(errors["wrist"][1])
    assert errors["hip"][0] > errors["wrist"][0]
    assert errors["hip"][2] > 5 and errors["wrist"][2] == pytest.approx(0, abs=1e-3)


def test_every_motion_that_cameras_see_together_is_a_scene():
    programme = Programme(
        size=(48, 64), views=3, motions=2, frames=8, paths=2, path_motions=2, reference_scale=1
    )
    made = tuple(clips(0, "train", programme))
    assert [clip.name.rsplit("-", 1)[1] for clip in made] == [
        "orbit", "motion0", "motion1", "paths", "paths1"
    ]
    assert sum(clip.views * clip.frames for clip in made) == programme.pictures
    assert made[3].parameters["setup"]["number"] != made[4].parameters["setup"]["number"]
    sitter = Sitter("train-0", made[0].references["front"], made)
    small = dataclasses.replace(NANO, width=24, height=32)
    found = dict(scenes_of(sitter, small))
    assert list(found) == ["", "-1", "-poses"]
    assert [tuple(s.truth.shape[:2]) for s in found.values()] == [(2, 8), (2, 8), (1, 16)]
    assert not torch.equal(found[""].rotations, found["-1"].rotations)
    alone = dict(scenes_of(dataclasses.replace(sitter, clips=made[1:3]), small))
    assert list(alone) == [""] and alone[""].alone
    with pytest.raises(InputError, match="does not move"):
        scenes_of(dataclasses.replace(sitter, clips=made[:1]), small)
