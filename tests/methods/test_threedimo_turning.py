"""Turning: known of a body, read off a driving video, and where joints are seen after it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from methods.threedimo_small import awake, driver, scene, small_config, small_networks

from muybridge.body import Shape, load_body
from muybridge.camera import build_cameras
from muybridge.camera.crop import anchored, pixels_per_metre
from muybridge.methods.threedimo.clips import clip_of, mirrored
from muybridge.methods.threedimo.conditions import (
    PELVIS,
    joint_rotations,
    joints_seen,
    looks_before,
    tilts,
)
from muybridge.methods.threedimo.corpus_making import turned_of_body
from muybridge.methods.threedimo.joints import joint_places
from muybridge.methods.threedimo.networks import ThreeDimoNetworks
from muybridge.methods.threedimo.turning import looks_of, turned_since_first
from muybridge.motion import clips, resample, retarget
from muybridge.networks.motion_layout import MotionLayout, about_up


@pytest.fixture(scope="module")
def turning_motion():
    body = load_body().with_shape(Shape())
    return resample(retarget(clips.make("turn", 97), body.rest_joints), 3)


@pytest.fixture(scope="module")
def turning(turning_motion):
    """Somebody who turns once around on the spot, in 13 moments."""
    return load_body().with_shape(Shape()).pose(turning_motion)


def points(angles):
    return torch.stack([angles.cos(), angles.sin()], -1)


def test_a_body_turns_and_a_camera_that_stays_comes_to_other_sides(turning):
    turned = turned_of_body(turning.joints)
    assert float(turned[0]) == 0 and float(turned.abs().max()) > 2
    assert float(turned.abs().max()) <= math.pi
    cameras = build_cameras("static:0,90", turning.joints, width=36, height=48, facing="auto")
    looks = looks_before(turning.joints, cameras)
    assert float(looks[0, 0].abs()) < 0.05  # before their front
    assert float(looks[1, 0]) == pytest.approx(math.pi / 2, abs=0.1)  # on their right
    apart = torch.remainder(looks[0, :1] - looks[0] - turned + math.pi, 2 * math.pi) - math.pi
    assert float(apart.abs().max()) < 0.15  # they step a little aside


def test_a_pelvis_lies_as_it_does_whichever_way_somebody_looks(turning_motion, turning):
    """And with it, the places in its own frame and the turn are the body before a front view."""
    tilt = tilts(turning_motion, turning.joints)
    assert torch.allclose(tilt @ tilt.mT, torch.eye(3).expand_as(tilt), atol=1e-5)
    apart = (tilt - torch.eye(3)).flatten(1).norm(dim=1)
    assert float(apart.max()) < 0.3  # who turns on the spot stays upright
    turned = about_up(turned_of_body(turning.joints)).float()
    first = about_up(-turned_to_front(turning.joints[:1])).float()
    places = joint_places(joint_rotations(turning_motion))[:, :, None]
    told = (turned @ tilt)[:, None] @ places.mT
    world = (turning.joints[:, 1:22] - turning.joints[:, :1])[:, :, None]
    assert torch.allclose(told, first @ world.mT, atol=1e-4)


def test_joints_of_who_turns_are_seen_where_they_are(turning):
    """A layout that knows the places of the first pose, told the turn alone."""
    joints = turning.joints[:1]
    for degrees in (-120, -30, 45, 90, 170):
        angle = torch.tensor(math.radians(degrees))
        R = about_up(angle)
        middle = joints[:, PELVIS : PELVIS + 1]
        turned = (joints - middle) @ R.mT + middle
        assert float(turned_of_body(torch.cat([joints, turned]))[1]) == pytest.approx(
            float(angle), abs=1e-4
        )
        cameras = build_cameras("static:0", joints, width=36, height=48, facing="auto")
        scale = 12.0 / pixels_per_metre(cameras, middle[:, 0])
        seen = joints_seen(turned, anchored(cameras, middle[:, 0], scale, 36, 48).cameras)[0]
        layout = MotionLayout(rows=24, columns=18, parents=[0] * 21, lengths=[0.5] * 21)
        with torch.no_grad():
            layout.camera[-1].weight.zero_()
            places = (joints - middle)[:, None, 1:22] @ about_up(-turned_to_front(joints)).mT
            found = layout.seen(
                places, about_up(angle)[None, None], torch.zeros(1, 1, 512), torch.ones(1)
            )[0, 0]
        # the same up to the camera's lens and height: as a scale and a few degrees
        larger = float((found[1:, :2] * seen[0, 1:, :2]).sum() / found[1:, :2].square().sum())
        assert float((larger * found[1:, :2] - seen[0, 1:, :2]).abs().max()) < 0.08


def turned_to_front(joints):
    """Where somebody looks, radians from +Z to their right."""
    across = sum(joints[0, a] - joints[0, b] for a, b in ((1, 2), (16, 17)))
    return torch.atan2(across[2], across[0])


@given(st.floats(-math.pi, math.pi), st.floats(-3.1, 3.1), st.booleans())
def test_turns_are_read_off_points_on_a_circle(first, turn, shaken):
    ramp = torch.linspace(0, 1, 21).clamp(max=0.8) / 0.8
    looks = first - turn * ramp
    if shaken:
        looks = looks + 0.1 * torch.randn(21, generator=torch.Generator().manual_seed(3))
    found = turned_since_first(3.0 * points(looks)[None])[0]
    assert float(found[0]) == 0
    if abs(turn) > math.radians(65):
        end = math.remainder(float(found[-1]) - turn, 2 * math.pi)
        assert abs(end) < (0.3 if shaken else 0.1)
    if abs(turn) < math.radians(3):
        assert float(found.abs().max()) == 0


def test_one_frame_has_not_turned():
    assert turned_since_first(torch.tensor([[[0.3, -0.7]]])).tolist() == [[0.0]]


def test_looks_come_with_their_driver_and_the_mirror_swaps_sides():
    known = scene()
    item = clip_of(known, 0, 3, first=False)
    assert torch.equal(item["looks"], known.looks[3])
    assert torch.equal(item["turned"], known.turned)
    other = mirrored(item)
    assert torch.equal(other["looks"], -item["looks"])
    assert torch.equal(other["turned"], -item["turned"])


@pytest.mark.parametrize("azimuth", [0, 50, 90, 160, -130, -70])
def test_where_somebody_looks_is_how_hips_and_shoulders_are_seen(turning, azimuth):
    """Of a person who walks around a camera's view, at any size."""
    joints = turning.joints[:5]
    cameras = build_cameras(f"static:{azimuth}", joints, width=36, height=48, facing="auto")
    for pixels in (9.0, 14.0):
        scale = (pixels / pixels_per_metre(cameras, joints[:, PELVIS]))
        crop = anchored(cameras, joints[:, PELVIS], scale, 36, 48)
        seen = joints_seen(joints, crop.cameras)
        looks = looks_of(seen, torch.full((1, 5), pixels / 24), 36 / 48)
        apart = torch.atan2(looks[..., 1], looks[..., 0]) - looks_before(joints, cameras)
        apart = torch.remainder(apart + math.pi, 2 * math.pi) - math.pi
        assert float(apart.abs().max()) < math.radians(6)  # perspective is not thought of
        assert 0.8 < float(looks.norm(dim=-1).min()) < float(looks.norm(dim=-1).max()) < 1.2


def test_hands_say_nothing_about_where_somebody_looks():
    """In a driving video they are not known."""
    networks = awake(small_networks())
    seen = driver()
    unseen = replace(seen, hands=None, seen=None)
    assert torch.equal(networks.turned(seen), networks.turned(unseen))


def test_long_videos_are_read_in_parts():
    networks = small_networks()
    one = driver(150)
    whole = turned_since_first(networks.looks(one.pictures))
    assert torch.allclose(networks.turned(one), whole, atol=1e-4)


def test_sizes_that_do_not_read_it_say_that_nobody_turns():
    config = small_config().varied(geometry=False)
    assert config.reader == {}
    networks = ThreeDimoNetworks.new(config, small_networks().vae)
    with pytest.raises(ValueError, match="sees no joints"):
        networks.looks(driver().pictures)
    assert torch.equal(networks.turned(driver()), torch.zeros(driver().pictures.shape[:2]))


def test_a_frame_that_is_not_sure_turns_nobody():
    """What is read at a tenth of the others' length, and far off, hardly counts."""
    looks = points(torch.tensor([0.0] * 5 + [80.0]).deg2rad())[None]
    sure, unsure = looks.clone(), looks.clone()
    unsure[:, -1] *= 0.1
    assert turned_since_first(sure)[0, -1].abs() > 0.8
    assert turned_since_first(unsure)[0].abs().max() < 0.1
