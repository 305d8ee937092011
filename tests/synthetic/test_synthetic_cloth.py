"""Loose cloth: it hangs, swings, and lies on legs instead of letting them through."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from stage_figures import skirted
from torch import Tensor

from muybridge.body import JOINT_INDEX
from muybridge.motion import Motion, clips
from muybridge.motion.timing import resample


@pytest.fixture(scope="module")
def figure():
    return skirted()


def moving(figure, clip: str, frames: int = 24) -> Motion:
    kwargs = {"in_place": True} if clip in ("walk", "run") else {}
    return clips.make(clip, frames=frames, rest_joints=figure.body.rest_joints, **kwargs)


def skirt_of(figure, posed) -> Tensor:
    return posed.vertices[:, len(figure.layers[0].vertices):]


def depth_in_legs(figure, motion: Motion, points: Tensor) -> Tensor:
    """How deep each point lies in a thigh or a shank of 5.5 and 4.5 cm, metres [T, N].

    The real ones are thicker; so a point is within the leg's flesh where this is positive.
    """
    _, heads, _ = figure.body.bones(motion.R_parent_joint, motion.root_position)
    names = figure.body.rig.bones
    worst = torch.full(points.shape[:2], -1.0)
    for side in "LR":
        chain = [heads[:, names.index(f"{b}.{side}")] for b in ("upperleg01", "lowerleg01", "foot")]
        for a, b, radius in ((chain[0], chain[1], 0.055), (chain[1], chain[2], 0.045)):
            line = (b - a)[:, None]
            share = ((points - a[:, None]) * line).sum(-1) / line.square().sum(-1)
            share = share.clamp(0, 1)[..., None]
            away = (points - a[:, None] - share * line).norm(dim=-1)
            worst = torch.maximum(worst, radius - away)
    return worst


@pytest.mark.parametrize("clip", ["walk", "squat", "dance", "run"])
def test_no_leg_comes_through_a_skirt(figure, clip):
    motion = moving(figure, clip)
    points = skirt_of(figure, figure.posed(motion))
    columns = 56
    # the middles of the triangles' long sides too, so that nothing slips between vertices
    grid = points.reshape(len(points), -1, columns, 3)
    between = (grid[:, :-1] + grid[:, 1:].roll(-1, 2)) / 2
    below = torch.cat([grid[:, 3:], between[:, 3:]], 1).flatten(1, 2)
    assert float(depth_in_legs(figure, motion, below).max()) < 0.005


def test_skinning_alone_would_let_thighs_through(figure):
    """The test above can fail: without settling, a squat's thighs are in front of the skirt."""
    motion = moving(figure, "squat")
    cloth = figure._cloth
    try:
        figure.__dict__["_cloth"] = _Idle()
        points = skirt_of(figure, figure.posed(motion))
    finally:
        figure.__dict__["_cloth"] = cloth
    assert float(depth_in_legs(figure, motion, points[:, 4 * 56:]).max()) > 0.02


class _Idle:
    def settled(self, carried, *_):
        return carried


def test_a_lifted_thigh_takes_the_skirt_along(figure):
    motion = moving(figure, "squat")
    low = int(motion.root_position[:, 1].argmin())
    posed = figure.posed(motion)
    joints = figure.body.pose(motion).joints[low]
    hip, knee = joints[JOINT_INDEX["left_hip"]], joints[JOINT_INDEX["left_knee"]]
    middle = (hip + knee) / 2
    skirt = skirt_of(figure, posed)[low]
    near = (skirt[:, [0, 2]] - middle[[0, 2]]).norm(dim=1) < 0.06
    assert bool((skirt[near, 1] > middle[1] + 0.05).any()), "some of it lies on the thigh"


def test_standing_still_hangs_at_rest(figure):
    pose = moving(figure, "idle", 1)
    still = replace(
        pose, R_parent_joint=pose.R_parent_joint.expand(30, -1, -1, -1),
        root_position=pose.root_position.expand(30, -1), face={},
    )
    skirt = skirt_of(figure, figure.posed(still))
    torch.testing.assert_close(skirt, skirt[:1].expand_as(skirt), rtol=0, atol=1e-6)
    alone = skirt_of(figure, figure.posed(still.slice(0, 1)))
    torch.testing.assert_close(alone[0], skirt[0], rtol=0, atol=1e-5)


def test_what_is_carried_along_lags_and_comes_to_rest(figure):
    pose = moving(figure, "idle", 1)
    T = 60
    path = pose.root_position.expand(T, -1).clone()
    path[:, 0] += 0.5 * torch.sigmoid((torch.arange(T) - 12.0) / 1.5)
    motion = replace(
        pose, R_parent_joint=pose.R_parent_joint.expand(T, -1, -1, -1), root_position=path, face={}
    )
    skirt = skirt_of(figure, figure.posed(motion))
    hem = skirt[:, -56:].mean(1)[:, 0] - path[:, 0]
    rest = hem[-1]
    assert float((hem - rest)[8:14].min()) < -0.015, "the hem stays behind at first"
    assert float((hem - rest)[14:30].max()) > 0.004, "and swings over"
    assert float((hem - rest)[50:].abs().max()) < 0.003, "and comes to rest"


def test_the_frame_rate_changes_little(figure):
    slow = replace(moving(figure, "walk", 24), face={})
    fast = resample(slow, Fraction(48))
    a = skirt_of(figure, figure.posed(slow))
    b = skirt_of(figure, figure.posed(fast))[::2]
    # within what the path itself differs by between frames; a lag per frame would be 3 cm off
    assert float((a - b)[4:-2].norm(dim=-1).mean()) < 0.01


def test_bowing_hangs_the_hem_down(figure):
    """A tilted trunk does not carry a skirt along like a bell of iron."""
    pose = moving(figure, "idle", 1)
    tilt = torch.tensor(0.9)
    R = torch.tensor([[1, 0, 0], [0, tilt.cos(), -tilt.sin()], [0, tilt.sin(), tilt.cos()]])
    bowed = pose.R_parent_joint.clone()
    bowed[:, 0] = R @ bowed[:, 0]
    motion = replace(pose, R_parent_joint=bowed, face={})
    for leg in ("left_hip", "right_hip"):
        motion.R_parent_joint[:, JOINT_INDEX[leg]] = R.T @ motion.R_parent_joint[
            :, JOINT_INDEX[leg]
        ]
    skirt = skirt_of(figure, figure.posed(motion))[0].reshape(-1, 56, 3)
    front = skirt[:, 0]
    lean = (front[-1] - front[2]) / (front[-1] - front[2]).norm()
    assert float(lean[1]) < -0.85, "its front hangs, within 30 degrees of the vertical"


def test_the_same_twice(figure):
    motion = moving(figure, "dance")
    assert torch.equal(figure.posed(motion).vertices, figure.posed(motion).vertices)
