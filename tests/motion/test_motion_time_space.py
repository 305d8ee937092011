"""Resampling, smoothing, joining, mirroring and placing: what must hold for any motion."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import roma
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from muybridge.body.skeleton import JOINT_INDEX, MIRROR
from muybridge.errors import InputError
from muybridge.motion import (
    Motion,
    as_rate,
    clips,
    concatenate,
    face_forward,
    forward_kinematics,
    lead_in,
    local_rotations,
    mirror,
    nominal_rest_joints,
    resample,
    smooth,
    smooth_with_camera,
    take,
    without_calibration_pose,
    world_rotations,
)
from muybridge.motion.kinematics import heading, rotation_between

RATES = st.sampled_from(
    [Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(12), Fraction(60)]
)


def wild(seed: int, frames: int = 9, fps: Fraction = Fraction(24)) -> Motion:
    """A motion of smooth random turns up to a half turn and more."""
    generator = torch.Generator().manual_seed(seed)
    keys = torch.randn(3, 55, 3, generator=generator)
    t = torch.linspace(0, 1, frames)[:, None, None]
    rotvec = keys[0] + 1.5 * t * keys[1] + t * t * keys[2]
    root = torch.cumsum(torch.randn(frames, 3, generator=generator) * 0.05, 0)
    face = {"jawOpen": torch.rand(frames, generator=generator)}
    return Motion(roma.rotvec_to_rotmat(rotvec), root, fps, None, face)


def is_so3(R: torch.Tensor) -> bool:
    gram = R @ R.transpose(-1, -2)
    return bool(
        torch.allclose(gram, torch.eye(3).expand_as(gram), atol=1e-5)
        and (torch.linalg.det(R) > 0.99).all()
    )


def angle(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(roma.rotmat_geodesic_distance(a.double(), b.double()).max())


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), rate=RATES, frames=st.integers(1, 12))
def test_resampling_keeps_times_and_rotations(seed: int, rate: Fraction, frames: int) -> None:
    motion = wild(seed, frames)
    out = resample(motion, rate)
    assert out.fps == rate and is_so3(out.R_parent_joint)
    assert resample(motion, motion.fps) is motion
    # The last frame lies within the motion, and one more would not.
    assert (out.frames - 1) / rate <= (motion.frames - 1) / motion.fps < out.frames / rate
    for k in range(out.frames):
        at = k * motion.fps / rate
        if at.denominator == 1:
            assert torch.equal(out.R_parent_joint[k], motion.R_parent_joint[int(at)])
            assert torch.allclose(out.root_position[k], motion.root_position[int(at)], atol=1e-6)
    assert len(out.face["jawOpen"]) == out.frames


def test_resampling_follows_the_great_circle_and_straight_lines() -> None:
    turn = torch.tensor([0.3, 2.0, -1.0])
    steps = torch.arange(5.0)
    R = torch.eye(3).repeat(5, 55, 1, 1)
    R[:, 7] = roma.rotvec_to_rotmat(steps[:, None] * turn * 0.4)
    motion = Motion(R, steps[:, None] * torch.tensor([1.0, 2.0, 3.0]), Fraction(10))
    out = resample(motion, 35)
    times = torch.arange(out.frames) / 35 * 10
    expected = roma.rotvec_to_rotmat(times[:, None] * turn * 0.4)
    assert angle(out.R_parent_joint[:, 7], expected) < 2e-3
    assert torch.allclose(
        out.root_position, times[:, None] * torch.tensor([1.0, 2.0, 3.0]), atol=1e-5
    )


def test_resampling_up_and_down_again_is_the_identity() -> None:
    motion = wild(4)
    back = resample(resample(motion, 72), 24)
    assert torch.equal(back.R_parent_joint, motion.R_parent_joint)
    assert torch.allclose(back.root_position, motion.root_position, atol=1e-6)


@pytest.mark.parametrize("bad", [0, -3, "x", float("nan"), 5000, "1/0"])
def test_rates_that_can_not_be(bad: object) -> None:
    with pytest.raises(InputError):
        resample(wild(1), bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given_rate", "rate"),
    [
        (29.97, Fraction(30000, 1001)),
        ("23.976", Fraction(24000, 1001)),
        (24, 24),
        ("30000/1001", Fraction(30000, 1001)),
        (12.5, Fraction(25, 2)),
    ],
)
def test_rates_are_exact(given_rate: float | str, rate: Fraction) -> None:
    assert as_rate(given_rate) == rate


def test_taking_frames() -> None:
    motion = wild(2, 9)
    assert take(motion, 4, 3).frames == 4
    assert torch.equal(take(motion, 4, 3).root_position, motion.root_position[3:7])
    short = take(motion, 20)
    assert short.frames == 9 and "9 of the 20" in short.notes[-1]
    for frames, start in ((0, 0), (-1, 0), (3, 9), (3, -1)):
        with pytest.raises(InputError):
            take(motion, frames, start)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999))
def test_smoothing_stays_on_so3_and_calms(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    base = wild(seed, 40)
    noise = roma.rotvec_to_rotmat(torch.randn(40, 55, 3, generator=generator) * 0.05)
    jitter = replace(base, R_parent_joint=base.R_parent_joint @ noise)
    out = smooth(jitter, 0.08)
    assert is_so3(out.R_parent_joint)

    def roughness(m: Motion) -> float:
        R = m.R_parent_joint
        step = R[1:] @ R[:-1].transpose(-1, -2)
        return float((step[1:] - step[:-1]).norm())

    assert roughness(out) < 0.5 * roughness(jitter)
    assert smooth(jitter, 0.0) is jitter
    assert smooth(base.slice(0, 1), 0.1).frames == 1


def test_smoothing_keeps_what_is_steady() -> None:
    steps = torch.arange(30.0)
    R = torch.eye(3).repeat(30, 55, 1, 1)
    R[:, 0] = roma.rotvec_to_rotmat(torch.tensor([0.0, 1.0, 0.0]) * steps[:, None] * 0.05)
    motion = Motion(R, steps[:, None] * torch.tensor([0.1, 0.0, 0.2]))
    out = smooth(motion, 0.1)
    assert torch.allclose(out.root_position, motion.root_position, atol=1e-5)
    assert angle(out.R_parent_joint[10:20], R[10:20]) < 2e-3


@pytest.mark.parametrize("bad", [-0.1, 11.0, float("nan")])
def test_smoothing_refuses(bad: float) -> None:
    with pytest.raises(InputError):
        smooth(wild(1), bad)


def test_smoothing_with_a_shaking_camera_keeps_the_person_in_the_picture() -> None:
    frames = 48
    person = clips.walk(frames)
    still = torch.eye(4).repeat(frames, 1, 1)
    still[:, :3, :3] = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))
    still[:, :3, 3] = torch.tensor([0.0, 1.0, 5.0])
    # What is seen is smooth; the tracker splits it wrongly into person and camera.
    torch.manual_seed(0)
    shake = torch.eye(4).repeat(frames, 1, 1)
    shake[:, :3, :3] = roma.rotvec_to_rotmat(torch.randn(frames, 3) * 0.05)
    shake[:, :3, 3] = torch.randn(frames, 3) * 0.05
    camera = still @ shake
    undo = torch.linalg.inv(shake)
    R = person.R_parent_joint.clone()
    R[:, 0] = undo[:, :3, :3] @ R[:, 0]
    root = (undo[:, :3, :3] @ person.root_position[..., None])[..., 0] + undo[:, :3, 3]
    shaken = replace(person, R_parent_joint=R, root_position=root)

    def seen(m: Motion, c: torch.Tensor) -> torch.Tensor:
        return (c[:, :3, :3] @ m.root_position[..., None])[..., 0] + c[:, :3, 3]

    out, calm = smooth_with_camera(shaken, camera, 0.1)
    before, after = seen(shaken, camera), seen(out, calm)
    assert torch.allclose(after[6:-6], before[6:-6], atol=0.03)
    assert float(calm[1:, :3, 3].sub(calm[:-1, :3, 3]).norm()) < 0.4 * float(
        camera[1:, :3, 3].sub(camera[:-1, :3, 3]).norm()
    )
    apart = seen(smooth(shaken, 0.1), camera)
    assert float((apart - before).norm()) > 3 * float((after - before).norm())
    with pytest.raises(InputError, match="cameras"):
        smooth_with_camera(shaken, camera[:-1], 0.1)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999))
def test_mirroring(seed: int) -> None:
    motion = replace(wild(seed), rest_joints=nominal_rest_joints())
    there = mirror(motion)
    back = mirror(there)
    assert is_so3(there.R_parent_joint)
    assert torch.equal(back.R_parent_joint, motion.R_parent_joint)
    assert torch.equal(back.root_position, motion.root_position)
    rest = nominal_rest_joints()
    _, a = forward_kinematics(motion.R_parent_joint, motion.root_position, rest)
    _, b = forward_kinematics(there.R_parent_joint, there.root_position, rest)
    flip = torch.tensor([-1.0, 1.0, 1.0])
    assert torch.allclose(b, a[:, list(MIRROR)] * flip, atol=1e-5)
    face = replace(motion, face={"eyeBlinkLeft": torch.ones(9), "jawOpen": torch.zeros(9)})
    assert list(mirror(face).face) == ["eyeBlinkRight", "jawOpen"]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999))
def test_facing_forward_turns_the_whole_and_nothing_else(seed: int) -> None:
    motion = wild(seed)
    out = face_forward(motion)
    assert abs(float(heading(out.R_parent_joint[0, 0]))) < 1e-5
    assert torch.allclose(out.root_position[0, [0, 2]], torch.zeros(2), atol=1e-6)
    assert torch.allclose(out.root_position[:, 1], motion.root_position[:, 1])
    assert torch.equal(out.R_parent_joint[:, 1:], motion.R_parent_joint[:, 1:])
    steps = out.root_position.diff(dim=0).norm(dim=1)
    assert torch.allclose(steps, motion.root_position.diff(dim=0).norm(dim=1), atol=1e-5)
    again = face_forward(out)
    assert torch.allclose(again.R_parent_joint, out.R_parent_joint, atol=1e-6)


@pytest.mark.parametrize("blend", [0.0, 0.25])
def test_joining_goes_on_where_the_first_one_ends(blend: float) -> None:
    a, b = clips.turn(60), clips.walk(48)
    quarter = a.slice(0, 45)
    out = concatenate([quarter, b, resample(b, 30)], blend)
    overlap = round(blend * 24)
    second = resample(resample(b, 30), 24).frames
    assert out.frames == 45 + 48 + second - 2 * overlap
    assert is_so3(out.R_parent_joint)
    # No leap at the joints: no step is much longer than a walker's.
    steps = out.root_position.diff(dim=0)[:, [0, 2]].norm(dim=1)
    assert float(steps.max()) < 0.08
    way = out.root_position[-1] - out.root_position[45]
    assert abs(float(heading(out.R_parent_joint[60, 0])) - float(torch.atan2(way[0], way[2]))) < 0.3
    assert len(out.face["eyeBlinkLeft"]) == out.frames
    assert torch.equal(concatenate([b]).R_parent_joint, b.R_parent_joint)


def test_joining_refuses() -> None:
    with pytest.raises(InputError):
        concatenate([])
    with pytest.raises(InputError):
        concatenate([wild(1), wild(2)], -1.0)


def test_a_calibration_pose_is_left_out_and_a_dance_is_not() -> None:
    dance = clips.dance(96, 60)
    pose = Motion.still(1, Fraction(60))
    led = replace(
        dance,
        R_parent_joint=torch.cat([pose.R_parent_joint, dance.R_parent_joint]),
        root_position=torch.cat([dance.root_position[:1], dance.root_position]),
        face={},
    )
    out = without_calibration_pose(led)
    assert out.frames == dance.frames and "calibration" in out.notes[-1]
    assert torch.equal(out.R_parent_joint, dance.R_parent_joint)
    for name in ("run", "jump", "wave"):
        clip = clips.make(name)
        assert without_calibration_pose(clip) is clip
    assert without_calibration_pose(pose) is pose


def test_a_pose_that_is_held_at_first_is_measured() -> None:
    walk = clips.walk(24)
    held = walk.slice(0, 1)
    motion = replace(
        walk,
        R_parent_joint=torch.cat([held.R_parent_joint.expand(30, 55, 3, 3), walk.R_parent_joint]),
        root_position=torch.cat([held.root_position.expand(30, 3), walk.root_position]),
        face={},
    )
    assert 30 < lead_in(motion) < 36
    assert lead_in(held) == 1


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_kinematics(seed: int) -> None:
    motion = wild(seed, 3)
    R_world = world_rotations(motion.R_parent_joint)
    assert torch.allclose(local_rotations(R_world), motion.R_parent_joint, atol=1e-5)
    rest = nominal_rest_joints()
    _, joints = forward_kinematics(motion.R_parent_joint, motion.root_position, rest)
    # Bones keep their length, whatever the pose.
    for a, b in (("left_hip", "left_knee"), ("neck", "head"), ("right_index2", "right_index3")):
        i, j = JOINT_INDEX[a], JOINT_INDEX[b]
        length = (joints[:, i] - joints[:, j]).norm(dim=-1)
        assert torch.allclose(length, (rest[i] - rest[j]).norm().expand(3), atol=1e-5)
    still = Motion.still(1)
    _, at_rest = forward_kinematics(still.R_parent_joint, rest[:1], rest)
    assert torch.allclose(at_rest[0], rest, atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 9999))
def test_the_smallest_rotation_between_directions(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, 3, generator=generator, dtype=torch.float64)
    if seed % 5 == 0:
        b = -a * 2
    R = rotation_between(a, b)
    assert is_so3(R.float())
    assert torch.allclose(R @ a / a.norm(), b / b.norm(), atol=1e-6)
    turned = float(roma.rotmat_geodesic_distance(R, torch.eye(3, dtype=torch.float64)))
    between = float(torch.acos(((a @ b) / a.norm() / b.norm()).clamp(-1, 1)))
    assert abs(turned - between) < 1e-5
    assert torch.equal(rotation_between(torch.zeros(3), torch.ones(3)), torch.eye(3))
