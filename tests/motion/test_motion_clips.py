"""Built-in clips, hands, faces: feet that stand, loops that close, any length and rate."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from muybridge.body import Shape, load_body
from muybridge.body.skeleton import JOINT_INDEX
from muybridge.errors import InputError
from muybridge.motion import (
    FACE_ACTIONS,
    HAND_POSES,
    blink_track,
    check_face,
    clips,
    expression,
    foot_report,
    forward_kinematics,
    hand_pose,
    relaxed_hands,
    retarget,
    with_face,
    with_hands,
)
from muybridge.motion.contacts import find_contacts, foot_points
from muybridge.motion.types import Motion


def joints_of(motion: Motion) -> torch.Tensor:
    assert motion.rest_joints is not None
    return forward_kinematics(motion.R_parent_joint, motion.root_position, motion.rest_joints)[1]


@pytest.mark.parametrize("name", clips.NAMES)
@pytest.mark.parametrize("fps", [24, 60, Fraction(30000, 1001)])
def test_feet_neither_slide_nor_sink(name: str, fps: int | Fraction) -> None:
    motion = clips.make(name, fps=fps)
    assert motion.rest_joints is not None
    report = foot_report(motion, motion.rest_joints)
    assert report.sink < 0.001
    assert report.slide < 0.005
    assert report.worst_slide < 0.02
    assert report.float_ < 0.003


@pytest.mark.parametrize("name", clips.NAMES)
def test_feet_stand_on_other_bodies(name: str) -> None:
    body = load_body("anny")
    motion = clips.make(name)
    assert motion.rest_joints is not None
    contacts = find_contacts(motion, motion.rest_joints)
    for shape in (Shape(), Shape(age=0.33, height=0.4), Shape(gender=1.0, height=0.3, weight=0.8)):
        rest = body.with_shape(shape).rest_joints
        report = foot_report(retarget(motion, rest), rest, contacts)
        assert report.sink < 0.003 and report.slide < 0.01 and report.worst_slide < 0.02


@pytest.mark.parametrize("name", clips.NAMES)
@pytest.mark.parametrize(
    ("frames", "fps"), [(1, 24), (2, 24), (7, 12), (24, 24), (150, 25), (33, 50)]
)
def test_any_number_of_frames_and_any_rate(name: str, frames: int, fps: int) -> None:
    motion = clips.make(name, frames, fps).checked(name)
    assert motion.frames == frames and motion.fps == fps
    assert float(foot_points(motion, motion.rest_joints)[..., 1].min()) > -0.003  # type: ignore[arg-type]


@pytest.mark.parametrize("name", clips.NAMES)
def test_clips_are_smooth(name: str) -> None:
    motion = clips.make(name, fps=120)
    R = motion.R_parent_joint.double()
    step = R[:-1].transpose(-1, -2) @ R[1:]
    angle = torch.acos(((step.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2).clamp(-1, 1))
    # No joint turns faster than 1,300 degrees a second (a runner's knee makes 700).
    assert float(angle.max()) * 120 < 23
    assert float(motion.root_position.diff(dim=0).norm(dim=1).max()) * 120 < 5


@pytest.mark.parametrize("name", clips.NAMES)
def test_clips_loop(name: str) -> None:
    motion = clips.make(name, fps=48)
    clip = clips.CLIPS[name]
    first, last = motion.R_parent_joint[0].clone(), motion.R_parent_joint[-1].clone()
    if name == "turn":
        first, last = first[1:], last[1:]
    step = (motion.R_parent_joint[1:] - motion.R_parent_joint[:-1]).abs().amax(dim=(1, 2, 3))
    gap = float((first - last).abs().max())
    # From the last frame to the first is a step as any other.
    assert gap <= 1.3 * float(step.max()) + 1e-3
    if not clip.travels:
        assert float((motion.root_position[0] - motion.root_position[-1]).norm()) < 0.05


@pytest.mark.parametrize("name", clips.NAMES)
def test_people_keep_upright_and_their_hands_relaxed(name: str) -> None:
    motion = clips.make(name)
    joints = joints_of(motion)
    assert float((joints[:, JOINT_INDEX["head"], 1] - joints[:, 0, 1]).min()) > 0.3
    if name != "wave":
        fingers = motion.R_parent_joint[:, 25:]
        assert torch.allclose(fingers, relaxed_hands().expand_as(fingers), atol=1e-5)
    knees = motion.R_parent_joint[:, [JOINT_INDEX["left_knee"], JOINT_INDEX["right_knee"]]]
    # Knees bend backwards only: the shank turns about +X.
    assert float((knees[..., 2, 1] - knees[..., 1, 2]).min()) > -0.05


def test_walk_and_run_go_forward_at_a_persons_pace() -> None:
    walk, run = clips.walk(96), clips.run(96)
    for motion, low, high in ((walk, 1.0, 1.6), (run, 2.3, 3.5)):
        speed = float(motion.root_position[-1, 2] - motion.root_position[0, 2]) / (95 / 24)
        assert low < speed < high
        assert float(motion.root_position[:, 0].abs().max()) < 0.05
    still = clips.walk(96, in_place=True)
    assert float(still.root_position[:, 2].abs().max()) < 0.03
    assert torch.equal(still.R_parent_joint, walk.R_parent_joint)


def test_running_and_jumping_fly() -> None:
    run, jump = clips.run(fps=60), clips.jump(fps=60)
    for motion, share in ((run, 0.2), (jump, 0.15)):
        lowest = foot_points(motion, motion.rest_joints)[..., 1].flatten(1).amin(1)  # type: ignore[arg-type]
        flying = lowest > 0.01
        assert float(flying.double().mean()) > share
        assert not bool(flying.all())
    # In the air only gravity works.
    lowest = foot_points(jump, jump.rest_joints)[..., 1].flatten(1).amin(1)  # type: ignore[arg-type]
    air = (lowest > 0.03).nonzero().flatten()
    y = jump.root_position[:, 1].double()
    acceleration = (y[air + 1] - 2 * y[air] + y[air - 1]) * 60**2
    assert torch.allclose(acceleration, torch.full_like(acceleration, -9.81), atol=0.3)


def test_a_jump_stays_a_jump_on_another_body() -> None:
    rest = load_body("anny").with_shape(Shape(age=0.33)).rest_joints
    jump = retarget(clips.jump(fps=60), rest)
    lowest = foot_points(jump, rest)[..., 1].flatten(1).amin(1)
    assert float(lowest.max()) > 0.08
    assert float((lowest > 0.01).double().mean()) > 0.15


def test_turn_turns_once() -> None:
    motion = clips.turn()
    forward = motion.R_parent_joint[:, 0, :, 2]
    heading = torch.atan2(forward[:, 0], forward[:, 2])
    steps = torch.atan2(heading.diff().sin(), heading.diff().cos())
    assert abs(float(steps.sum()) - 2 * torch.pi) < 0.01
    assert float(steps.min()) > -0.01


def test_squat_is_deep_and_wave_waves_above_the_shoulder() -> None:
    squat = clips.squat()
    joints = joints_of(squat)
    thigh = joints[:, JOINT_INDEX["left_hip"], 1] - joints[:, JOINT_INDEX["left_knee"], 1]
    assert float(thigh.min()) < 0.12 and float(thigh.max()) > 0.35
    joints = joints_of(clips.wave())
    raised = (
        joints[20:50, JOINT_INDEX["right_wrist"], 1]
        - joints[20:50, JOINT_INDEX["right_shoulder"], 1]
    )
    assert float(raised.min()) > 0.05
    swing = joints[20:50, JOINT_INDEX["right_wrist"], 0]
    assert float(swing.max() - swing.min()) > 0.12


def test_same_clip_twice_is_the_same() -> None:
    for name in clips.NAMES:
        a, b = clips.make(name, 30), clips.make(name, 30)
        assert torch.equal(a.R_parent_joint, b.R_parent_joint)


@pytest.mark.parametrize(
    ("name", "frames", "fps"),
    [
        ("fly", 24, 24),
        ("walk", 0, 24),
        ("walk", -5, 24),
        ("walk", 10**7, 24),
        ("walk", 24, 0),
        ("walk", 24, -1),
    ],
)
def test_clips_refuse(name: str, frames: int, fps: int) -> None:
    with pytest.raises(InputError):
        clips.make(name, frames, fps)


@pytest.mark.parametrize("name", HAND_POSES)
def test_hands(name: str) -> None:
    left, right = hand_pose(name, "left"), hand_pose(name, "right")
    flip = torch.tensor([-1.0, 1.0, 1.0])
    assert torch.allclose(right, left * flip[:, None] * flip, atol=1e-6)
    motion = with_hands(clips.idle(3), name, "fist")
    assert torch.allclose(motion.R_parent_joint[2, 25:40], left, atol=1e-6)
    motion = with_hands(Motion.still(1), name, name)
    rest = clips.idle(1).rest_joints
    assert rest is not None
    _, joints = forward_kinematics(motion.R_parent_joint, rest[:1], rest)
    # Fingers curl towards the palm, which points down in the T-pose.
    drop = rest[JOINT_INDEX["left_middle3"], 1] - joints[0, JOINT_INDEX["left_middle3"], 1]
    expected = {
        "open": (0, 0.001),
        "flat": (0, 0.02),
        "relaxed": (0.02, 0.06),
        "fist": (0.025, 0.08),
    }
    low, high = expected.get(name, (0.025, 0.08))
    assert low - 1e-6 <= float(drop) <= high


def test_unknown_hands_are_refused() -> None:
    for name, side in (("claw", "left"), ("fist", "middle")):
        with pytest.raises(InputError):
            hand_pose(name, side)


def test_faces() -> None:
    assert len(FACE_ACTIONS) == len(set(FACE_ACTIONS)) == 52
    blink = blink_track(48, Fraction(24), at=(0.5,))
    assert set(blink) == {"eyeBlinkLeft", "eyeBlinkRight"}
    closed = blink["eyeBlinkLeft"]
    assert (
        float(closed[:12].max()) == 0
        and float(closed[12:18].max()) > 0.7
        and float(closed[20:].max()) == 0
    )
    smile = expression(5, mouthSmileLeft=0.5, jawOpen=[0, 1, 0])
    assert smile["jawOpen"].tolist() == pytest.approx([0, 0.5, 1, 0.5, 0])
    motion = with_face(clips.idle(5), smile)
    assert set(motion.face) == {*blink, *smile}
    for bad in (
        {"earWiggle": torch.zeros(5)},
        {"jawOpen": torch.full((5,), 1.5)},
        {"jawOpen": torch.full((5,), -1.0)},
        {"jawOpen": torch.full((5,), float("nan"))},
    ):
        with pytest.raises(InputError):
            check_face(bad)
    with pytest.raises(InputError, match="frames"):
        with_face(motion, {"jawOpen": torch.zeros(4)})
    with pytest.raises(InputError):
        expression(5, jawOpen=[])
