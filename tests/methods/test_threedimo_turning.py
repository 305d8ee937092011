"""Turning: known of a body, read off a driving video, and where joints are seen after it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from methods.threedimo_small import clips_of, driver, scene, small_config, small_networks

from muybridge.body import Shape, load_body
from muybridge.camera import build_cameras
from muybridge.camera.crop import anchored, pixels_per_metre
from muybridge.methods.threedimo.clips import clip_of, mirrored
from muybridge.methods.threedimo.conditions import PELVIS, joints_seen, looks_before
from muybridge.methods.threedimo.corpus_making import turned_of_body
from muybridge.methods.threedimo.networks import ThreeDimoNetworks
from muybridge.methods.threedimo.training import looks_error
from muybridge.methods.threedimo.turning import turned_since_first
from muybridge.motion import clips, resample, retarget
from muybridge.networks.motion_layout import MotionLayout, about_up
from muybridge.training import Context


@pytest.fixture(scope="module")
def turning():
    """Somebody who turns once around on the spot, in 13 moments."""
    body = load_body().with_shape(Shape())
    return body.pose(resample(retarget(clips.make("turn", 97), body.rest_joints), 3))


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


def test_where_somebody_looks_is_read_by_a_network_of_its_own(tmp_path):
    networks = small_networks().train()
    networks.requires_grad_(True)
    batch = clips_of(Context(out=tmp_path, stage="s"))(0, range(4))
    looks_error(networks.facing, batch).backward()
    touched = {n.partition(".")[0] for n, p in networks.named_parameters() if p.grad is not None}
    assert touched == {"facing"}
    with torch.no_grad():
        angles = batch["looks"]
        networks.facing.read[-1].weight.zero_()
        networks.facing.read[-1].bias.copy_(points(angles[0, 0]))
        batch["looks"] = angles[:1, :1].expand_as(angles)
        assert float(looks_error(networks.facing, batch)) == pytest.approx(0, abs=1e-9)
        batch["looks"] = batch["looks"] + math.pi
        assert float(looks_error(networks.facing, batch)) == pytest.approx(2, rel=1e-4)


def test_hands_say_nothing_about_where_somebody_looks():
    """In a driving video they are not known."""
    networks = small_networks()
    with torch.no_grad():
        for parameter in networks.facing.parameters():
            parameter.copy_(torch.rand(parameter.shape, generator=torch.Generator().manual_seed(1)))
    seen = driver()
    unseen = replace(seen, hands=None, seen=None)
    assert torch.equal(networks.turned(seen), networks.turned(unseen))


def test_long_videos_are_read_in_parts():
    networks = small_networks()
    one = driver(150)
    with torch.no_grad():
        whole = turned_since_first(networks.facing(one.pictures))
    assert torch.allclose(networks.turned(one), whole, atol=1e-4)


def test_sizes_that_do_not_read_it_say_that_nobody_turns():
    config = small_config().varied(geometry=False)
    assert config.facing == {}
    networks = ThreeDimoNetworks.new(config, small_networks().vae)
    assert networks.facing is None
    assert torch.equal(networks.turned(driver()), torch.zeros(driver().pictures.shape[:2]))


def test_a_frame_that_is_not_sure_turns_nobody():
    """What is read at a tenth of the others' length, and far off, hardly counts."""
    looks = points(torch.tensor([0.0] * 5 + [80.0]).deg2rad())[None]
    sure, unsure = looks.clone(), looks.clone()
    unsure[:, -1] *= 0.1
    assert turned_since_first(sure)[0, -1].abs() > 0.8
    assert turned_since_first(unsure)[0].abs().max() < 0.1
