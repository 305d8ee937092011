"""The avatar: colours, light, and the shadow on the ground."""

from __future__ import annotations

import pytest
import torch

from muybridge import methods
from muybridge.camera import build_cameras
from muybridge.methods import Background
from muybridge.methods.avatar.cost import cost
from muybridge.methods.avatar.draw import RelativeLight
from muybridge.methods.avatar.scene import Bodies
from muybridge.methods.avatar.shadow import CELL, darken, shadow_maps
from muybridge.methods.cost import Extent, Speed
from muybridge.motion import Motion, clips, retarget


def standing(person, frames=1):
    return retarget(clips.make("idle", frames), person.rest_joints)


def test_the_texture_comes_out_as_it_went_in(painted):
    motion = standing(painted)
    cameras = build_cameras("static:0", painted.posed(motion).joints, width=96, height=128)
    video = methods.load("avatar")(
        painted, motion, cameras, background=Background("transparent")
    )
    solid = video.matte[0, 0, 0] > 0.999
    red, green = video.frames[0, 0, 0][solid], video.frames[0, 0, 1][solid]
    assert 0.68 < float(red.median()) < 0.92  # the front is painted 0.80
    left = torch.zeros_like(solid)
    left[:, 50:] = True  # their left is at the right of the picture
    assert float(green[left[solid]].median()) > float(green[~left[solid]].median()) + 0.3


def test_the_light_is_neutral_where_nothing_turned():
    normals = torch.nn.functional.normalize(torch.randn(2, 50, 3), dim=-1)
    light = RelativeLight(reference_up=normals[0, :, 1])
    assert torch.allclose(light.shade(normals[:1]), torch.ones(1, 50), atol=1e-6)
    up = torch.tensor([0.0, 1.0, 0.0]).expand(1, 50, 3)
    assert (light.shade(up) >= 1 - 1e-6).all() and (light.shade(-up) <= 1 + 1e-6).all()
    assert light.shade(up).max() <= 1.2


def test_the_shadow_lies_under_the_feet_and_goes_with_them(painted):
    vertices = painted.posed(standing(painted)).vertices
    dark, center = shadow_maps(vertices)
    side = dark.shape[-1]
    assert dark.shape == (1, side, side) and dark.min() >= 0 and dark.max() <= 1
    foot = vertices[0][vertices[0, :, 1] < 0.04].mean(0)[[0, 2]]
    column, row = ((foot - center[0]) / CELL + side / 2).long().tolist()
    assert dark[0, row - 12 : row + 12, column - 20 : column + 20].max() > 0.5
    assert dark[0, :4].max() < 0.02  # nothing far away
    step = torch.tensor([60 * CELL, 0.0, -30 * CELL])
    moved, there = shadow_maps(vertices + step)
    assert torch.allclose(there - center, step[[0, 2]][None], atol=CELL + 1e-5)
    assert (moved - dark).abs().mean() < 0.01


def test_a_jump_leaves_the_dark_part_of_the_shadow(painted):
    vertices = painted.posed(standing(painted)).vertices
    high, _ = shadow_maps(vertices + torch.tensor([0.0, 0.6, 0.0]))
    low, _ = shadow_maps(vertices)
    assert 0 < high.max() < 0.5 * low.max()


def test_only_ground_in_the_shadow_darkens():
    dark = torch.zeros(1, 216, 216)
    dark[:, 100:116, 100:116] = 1.0
    light = torch.ones(1, 1, 1, 2, 2)
    point = torch.tensor([[[0.0, 1.0], [0.0, 99.0]], [[0.0, 0.0], [0.0, 0.0]]])[None, None]
    slope = torch.tensor([[0.5, 0.5], [-0.5, 0.5]])[None, None]
    darken(light, 0.5, dark, torch.zeros(1, 2), point, slope)
    assert torch.allclose(light[0, 0, 0], torch.tensor([[0.5, 1.0], [1.0, 1.0]]))


@pytest.mark.parametrize("pieces", [(0, 3, 5, 11), (0, 1, 2, 8, 11), (7, 9, 11)])
def test_a_body_is_the_same_however_it_is_asked_for(painted, pieces):
    bodies = Bodies(painted, standing(painted, 11))
    whole = Bodies(painted, standing(painted, 11)).between(0, 11)
    for start, stop in zip(pieces, pieces[1:], strict=False):
        part = bodies.between(start, stop)
        assert torch.equal(part.vertices, whole.vertices[start:stop])
        assert torch.equal(part.dark, whole.dark[start:stop])


def test_cost_is_linear_in_views_and_frames():
    speed = Speed(0.01, 1e-8, 1e-8, 40.0, 4.0, 1 << 29)
    once = cost(Extent(2, 10, 64, 64), speed).seconds
    assert cost(Extent(4, 10, 64, 64), speed).seconds == pytest.approx(2 * once)
    assert cost(Extent(2, 20, 64, 64), speed).seconds == pytest.approx(2 * once)


def test_the_ground_of_a_still_body_stays_put(painted):
    motion = Motion.still(2)
    raised = Motion(
        motion.R_parent_joint, motion.root_position + painted.rest_joints[0],
        rest_joints=painted.rest_joints,
    )
    cameras = build_cameras("static:30", painted.posed(raised).joints, width=48, height=48)
    video = methods.load("avatar")(painted, raised, cameras)
    assert torch.equal(video.frames[:, 0], video.frames[:, 1])
