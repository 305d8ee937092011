"""Real motions on other bodies: rotations kept, feet planted, jumps flown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import roma
import torch

from muybridge.body import Shape, load_body
from muybridge.errors import InputError
from muybridge.motion import Motion, clips, foot_report, load_motion, nominal_rest_joints, retarget
from muybridge.motion.contacts import find_contacts, foot_points
from muybridge.motion.kinematics import leg_length

FILES = (
    *("animdraw_dab", "animdraw_jumping", "animdraw_jumping_jacks", "animdraw_wave_hello"),
    *("animdraw_zombie", "pybvh_cmu_12_01_walk"),
)


@pytest.fixture(scope="module")
def bodies() -> dict[str, torch.Tensor]:
    body = load_body("anny")
    shapes = {
        "adult": Shape(),
        "child": Shape(age=0.33, height=0.4),
        "small": Shape(gender=1.0, height=0.1),
    }
    return {name: body.with_shape(shape).rest_joints for name, shape in shapes.items()}


@pytest.mark.parametrize("name", FILES)
def test_feet_of_real_motions_stand(
    shared: Path, name: str, bodies: dict[str, torch.Tensor]
) -> None:
    motion = load_motion(shared / "data" / "motions" / f"{name}.bvh")
    assert motion.rest_joints is not None
    contacts = find_contacts(motion, motion.rest_joints)
    for rest in bodies.values():
        kept = foot_report(retarget(motion, rest, feet="keep"), rest, contacts)
        planted = retarget(motion, rest)
        report = foot_report(planted, rest, contacts)
        assert report.sink < 0.003
        assert report.slide < 0.03 and report.slide < 0.4 * kept.slide
        assert report.float_ < 0.003
        grounded = foot_report(retarget(motion, rest, feet="ground"), rest, contacts)
        assert grounded.sink < 0.003
        # The upper body is not touched.
        same = retarget(motion, rest, feet="keep").R_parent_joint
        assert torch.allclose(planted.R_parent_joint[:, 12:], same[:, 12:], atol=1e-5)
        assert planted.checked(name).frames == motion.frames


def test_planting_does_not_shake(shared: Path, bodies: dict[str, torch.Tensor]) -> None:
    for name in FILES:
        motion = load_motion(shared / "data" / "motions" / f"{name}.bvh", fps=30)
        rest = bodies["adult"]
        a, b = retarget(motion, rest, feet="keep"), retarget(motion, rest)

        def jolt(m: Motion) -> torch.Tensor:
            return m.root_position.diff(n=2, dim=0).norm(dim=1) * 900

        # Accelerations of the pelvis stay what they were, but for a few m/s^2.
        assert float(jolt(b).quantile(0.99)) < float(jolt(a).quantile(0.99)) + 4


def test_a_jump_remains_a_flight(shared: Path, bodies: dict[str, torch.Tensor]) -> None:
    motion = load_motion(shared / "data" / "motions" / "animdraw_jumping.bvh")
    assert motion.rest_joints is not None
    before = foot_points(motion, motion.rest_joints)[..., 1].flatten(1).amin(1)
    top = int(before.argmax())
    for rest in bodies.values():
        ratio = leg_length(rest) / leg_length(motion.rest_joints)
        after = foot_points(retarget(motion, rest), rest)[..., 1].flatten(1).amin(1)
        assert float(after[top]) > 0.75 * ratio * float(before[top]) > 0.03


def test_the_root_path_scales_with_the_legs(bodies: dict[str, torch.Tensor]) -> None:
    motion = clips.walk(96)
    assert motion.rest_joints is not None
    for rest in bodies.values():
        out = retarget(motion, rest)
        ratio = leg_length(rest) / leg_length(motion.rest_joints)
        way = [float(m.root_position[-1, 2] - m.root_position[0, 2]) for m in (motion, out)]
        assert abs(way[1] / way[0] / ratio - 1) < 0.03


def test_the_same_body_changes_nothing_with_feet_kept() -> None:
    motion = clips.dance(40)
    assert motion.rest_joints is not None
    out = retarget(motion, motion.rest_joints, feet="keep")
    assert torch.allclose(out.R_parent_joint, motion.R_parent_joint, atol=1e-6)
    assert torch.allclose(out.root_position, motion.root_position, atol=1e-6)
    planted = retarget(motion, motion.rest_joints)
    assert torch.allclose(planted.root_position, motion.root_position, atol=0.02)


def test_rest_joints_that_are_unknown_are_an_adults() -> None:
    motion = replace(clips.squat(30), rest_joints=None)
    out = retarget(motion, nominal_rest_joints(1.2))
    assert (
        abs(float(out.root_position[0, 1]) / float(motion.root_position[0, 1]) - 1.2 / 1.7) < 0.01
    )


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_few_frames(frames: int) -> None:
    rest = nominal_rest_joints(1.5)
    for name in ("walk", "jump", "turn"):
        for feet in ("plant", "ground", "keep"):
            retarget(clips.make(name, frames), rest, feet=feet).checked(name)


def test_wild_motions_stay_sound() -> None:
    torch.manual_seed(0)
    for frames in (1, 5, 60):
        R = roma.random_rotmat(frames * 55).reshape(frames, 55, 3, 3)
        motion = Motion(R, torch.randn(frames, 3))
        for feet in ("plant", "ground"):
            out = retarget(motion, nominal_rest_joints(), feet=feet).checked("wild")
            assert float(foot_points(out, nominal_rest_joints())[..., 1].min()) > -0.9


@pytest.mark.parametrize("feet", ["fly", ""])
def test_unknown_feet_are_refused(feet: str) -> None:
    with pytest.raises(InputError):
        retarget(clips.idle(2), nominal_rest_joints(), feet=feet)


def test_bodies_without_legs_are_refused() -> None:
    for rest in (torch.zeros(55, 3), torch.full((55, 3), float("nan"))):
        with pytest.raises(InputError):
            retarget(clips.idle(2), rest)
