"""Motions and cameras by number: repeatable, sound on any body, apart in their splits."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
import torch

from muybridge.body import JOINT_INDEX, Shape, load_body
from muybridge.errors import InputError
from muybridge.motion import foot_report, forward_kinematics
from muybridge.synthetic import setups
from muybridge.synthetic.dice import Dice
from muybridge.synthetic.moves import KINDS, ONLY_IN, kind_of, move, reference_pose
from muybridge.synthetic.splits import SPLITS, number_in, split_of

BODIES = (Shape(), Shape(gender=0.9, age=0.95, height=0.1, weight=0.9), Shape(gender=0.1, height=1))


def rest_of(shape: Shape):
    return load_body().with_shape(shape).rest_joints


def first_of(kind: str) -> int:
    return next(n for n in range(2000) if kind_of(n) == kind)


def test_draws_depend_on_purpose_and_number_alone():
    a, b = Dice("x", 3), Dice("x", 3)
    assert [a.between(0, 1) for _ in range(5)] == [b.between(0, 1) for _ in range(5)]
    assert Dice("x", 3).between(0, 1) != Dice("x", 4).between(0, 1) != Dice("y", 4).between(0, 1)
    # the stream must never change: data sets are made from it
    assert Dice("motion", 0).between(0, 1) == pytest.approx(0.24510830540299267, abs=1e-15)
    dice = Dice("all", 0)
    assert {dice.whole(2, 4) for _ in range(99)} == {2, 3, 4}
    assert all(-1 <= dice.near(0, 1) <= 1 for _ in range(99))
    counts = Counter(dice.weighted({"a": 3, "b": 1, "never": 0}) for _ in range(2000))
    assert set(counts) == {"a", "b"} and 2 < counts["a"] / counts["b"] < 4.5


def test_splits_share_no_number():
    seen = {s: [number_in(s, k) for k in range(500)] for s in SPLITS}
    assert all(split_of(n) == s for s, numbers in seen.items() for n in numbers)
    assert len({n for numbers in seen.values() for n in numbers}) == 1500
    assert seen["train"][:10] == [0, 1, 2, 3, 4, 5, 6, 7, 10, 11]
    assert (seen["validation"][1], seen["test"][1]) == (18, 19)
    with pytest.raises(InputError):
        number_in("train", -1)


def test_every_kind_is_drawn_and_two_are_kept_for_one_split():
    kinds = {s: Counter(kind_of(number_in(s, k)) for k in range(600)) for s in SPLITS}
    assert set(kinds["train"]) == set(KINDS)
    assert set(kinds["validation"]) == {*KINDS, ONLY_IN["validation"]}
    assert set(kinds["test"]) == {*KINDS, ONLY_IN["test"]}


@pytest.mark.parametrize("kind", [*KINDS, *ONLY_IN.values()])
def test_a_motion_is_sound_and_stands_on_the_ground(kind):
    number = first_of(kind)
    shape = BODIES[number % 3]
    rest = rest_of(shape)
    motion = move(number, rest, 16, Fraction(16)).checked(kind)
    assert motion.frames == 16 and motion.fps == 16 and motion.name == f"{kind}-{number}"
    assert torch.equal(motion.rest_joints, rest)
    again = move(number, rest, 16, Fraction(16))
    assert torch.equal(motion.R_parent_joint, again.R_parent_joint)
    report = foot_report(motion, rest)
    assert report.sink < 0.015  # 1.5 cm, less than a sole
    if kind not in ("jump", "run", "walk"):
        # a lifted foot that is about to land counts as touching for a frame
        assert report.slide < 0.06
    # joints move on without leaps: a jump's knees turn by 17 radians a second
    step = motion.R_parent_joint[:-1].transpose(-1, -2) @ motion.R_parent_joint[1:]
    angle = ((step.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2).clamp(-1, 1).acos()
    assert float(angle.max()) * 16 < (20.0 if kind in ("jump", "run", "walk", "kick") else 9.0)


def test_other_numbers_are_other_motions():
    rest = rest_of(Shape())
    wander = [n for n in range(200) if kind_of(n) == "wander"][:6]
    poses = torch.stack([move(n, rest, 4).R_parent_joint[0, 1:22] for n in wander])
    apart = (poses[:, None] - poses[None]).abs().amax((-1, -2, -3))
    assert float(apart[~torch.eye(6, dtype=torch.bool)].min()) > 0.3


def test_hands_stay_out_of_the_trunk():
    rest = rest_of(Shape())
    worst = 1.0
    for number in [n for n in range(120) if kind_of(n) in ("wander", "talk", "sit")][:10]:
        motion = move(number, rest, 8, 8)
        R, joints = forward_kinematics(motion.R_parent_joint, motion.root_position, rest)
        for side in ("left", "right"):
            for level in ("spine2", "spine3"):
                j = JOINT_INDEX[level]
                away = joints[:, JOINT_INDEX[f"{side}_wrist"]] - joints[:, j]
                local = torch.einsum("tji,tj->ti", R[:, j], away)
                worst = min(worst, float(local.norm(dim=-1).min()))
    assert worst > 0.09  # metres from the middle of the back's joint


def test_arms_are_held_further_out_where_that_is_asked_for():
    rest = rest_of(Shape())
    for number in (first_of("idle"), first_of("talk"), 3):
        near, far = (
            forward_kinematics(m.R_parent_joint, m.root_position, rest)[1]
            for m in (move(number, rest, 2, 24, out) for out in (0.0, 20.0))
        )
        elbow = [JOINT_INDEX["left_elbow"], JOINT_INDEX["right_elbow"]]
        widths = [float((j[:, elbow[0]] - j[:, elbow[1]]).norm(dim=-1).mean()) for j in (near, far)]
        assert widths[1] > widths[0] + 0.03


def test_the_reference_pose_stands_with_arms_away_and_varies():
    rest = rest_of(Shape())
    poses = [reference_pose(n, rest) for n in range(8)]
    for pose in poses:
        joints = forward_kinematics(pose.R_parent_joint, pose.root_position, rest)[1][0]
        left, right = joints[JOINT_INDEX["left_wrist"]], joints[JOINT_INDEX["right_wrist"]]
        assert 0.35 < float(left[0] - right[0]) < 1.3 and float(left[0]) > 0 > float(right[0])
        assert float(left[1]) < float(joints[JOINT_INDEX["left_shoulder"], 1]) - 0.3
        assert foot_report(pose, rest).sink < 0.005
    assert not torch.equal(poses[0].R_parent_joint, poses[1].R_parent_joint)


@pytest.mark.parametrize("rig, views", [("orbit", 5), ("fixed", 1), ("grid", 3), ("rig16", 16),
                                        ("front_and_back", 2)])
def test_cameras_see_the_whole_person(rig, views):
    shape = BODIES[1]
    body = load_body().with_shape(shape)
    frames = 1 if rig == "front_and_back" else 4
    for number in (2, 19):
        posed = body.pose(move(number, body.rest_joints, frames, 12))
        args = (posed.joints,) if rig == "rig16" else (number, posed.joints)
        counted = (views,) if rig in ("orbit", "grid") else ()
        cameras = getattr(setups, rig)(*args, *counted, (48, 64))
        assert (cameras.views, cameras.frames, cameras.width, cameras.height) == (
            views, frames, 48, 64
        )
        pixels, depth = cameras.project(posed.vertices)
        assert float(depth.min()) > 0
        assert float(pixels.min()) > -0.5
        assert float(pixels[..., 0].max()) < 48.5 and float(pixels[..., 1].max()) < 64.5


def test_lenses_vary_with_the_number():
    joints = load_body().with_shape(Shape()).zero.joints
    focal = {round(float(setups.orbit(n, joints, 4, (48, 64)).K[0, 0, 0, 0])) for n in range(8)}
    assert len(focal) > 5
    heights = [float(setups.fixed(n, joints, (48, 64)).centers[0, 0, 1]) for n in range(8)]
    assert max(heights) - min(heights) > 0.4
