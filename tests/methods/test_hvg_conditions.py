"""What steers HVG: crops at the pelvis, maps, rotations of cameras, the aligned reference."""

from __future__ import annotations

import pytest
import roma
import torch

from muybridge.body.skeleton import JOINT_INDEX
from muybridge.camera import Cameras, build_cameras
from muybridge.camera.crop import center_on, pixels_per_metre
from muybridge.methods.hvg.conditions import (
    aligned_crop,
    aligned_reference,
    camera_rotations,
    crop_of_video,
    pose_maps,
)
from muybridge.methods.reference import reference_of
from muybridge.motion import Motion, clips, retarget
from muybridge.render import bone_map, bone_normal_colors

PELVIS = JOINT_INDEX["pelvis"]


@pytest.fixture(scope="module")
def scene(painted):
    motion = retarget(clips.make("walk", 9), painted.rest_joints)
    posed = painted.shaped.pose(motion)
    cameras = build_cameras("orbit:4", posed.joints, frames=9, width=200, height=160)
    return painted, motion, cameras, posed


def turned(motion: Motion, angle: float) -> Motion:
    """The motion with the body turned about the world's vertical axis."""
    R = roma.rotvec_to_rotmat(torch.tensor([0.0, angle, 0.0]))
    rotations = motion.R_parent_joint.clone()
    rotations[:, 0] = R @ rotations[:, 0]
    return Motion(rotations, motion.root_position @ R.T)


def test_the_pelvis_is_in_the_middle_of_every_picture(scene):
    person, motion, cameras, posed = scene
    crop = crop_of_video(person, motion, cameras, 96, 128)
    pixel, _ = crop.cameras.project(posed.joints[:, PELVIS, None])
    assert torch.allclose(pixel, torch.tensor([48.0, 64.0]).expand_as(pixel), atol=0.02)
    skin, _ = crop.cameras.project(posed.vertices)
    assert float(skin.amin()) > 0
    assert bool((skin.amax((0, 1, 2)) < torch.tensor([96.0, 128.0])).all())
    size = pixels_per_metre(crop.cameras, posed.joints[:, PELVIS])
    assert torch.allclose(size, size[:1].expand_as(size), rtol=1e-4)
    whole = aligned_crop(posed, cameras, 96, 128)
    assert torch.allclose(whole.scale, crop.scale, rtol=0.02)


def test_what_is_painted_at_the_pelvis_lands_on_the_pelvis(scene):
    person, motion, cameras, posed = scene
    crop = crop_of_video(person, motion, cameras, 96, 128)
    painted = torch.zeros(4, 9, 1, 128, 96)
    painted[..., 61:67, 45:51] = 1
    whole = crop.paste(painted, 0)
    there, _ = cameras.project(posed.joints[:, PELVIS, None])
    for v in range(4):
        for t in (0, 8):
            place = whole[v, t, 0].flatten().argmax()
            x, y = int(place) % 200 + 0.5, int(place) // 200 + 0.5
            assert abs(x - float(there[v, t, 0, 0])) < 8 and abs(y - float(there[v, t, 0, 1])) < 8


def test_the_reference_is_as_large_as_the_first_frame_and_at_its_place(scene):
    person, motion, cameras, posed = scene
    crop = crop_of_video(person, motion, cameras, 96, 128)
    first = person.shaped.pose(motion.slice(0, 1))
    reference = aligned_reference(person, first, crop)
    assert reference.picture.shape == (4, 128, 96)
    stood = person.shaped.pose(reference.motion)
    pixel, _ = reference.cameras.project(stood.joints[:, PELVIS, None])
    assert torch.allclose(pixel, torch.tensor([48.0, 64.0]).expand_as(pixel), atol=0.6)
    sizes = [
        float(pixels_per_metre(c, body.joints[:1, PELVIS])[0, 0])
        for c, body in (
            (crop.cameras.slice(0, 1), first), (reference.cameras, stood),
        )
    ]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.03)
    matte = reference.picture[3]
    assert float(matte[0].max()) < 0.1 and float(matte[-1].max()) < 0.1
    # a first frame that is larger, as of somebody curled up, does not cut the reference
    hips = first.joints[:, [JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"]]]
    close = center_on(cameras.slice(0, 1), first.joints[:, PELVIS], hips, 96, 128)
    assert float(pixels_per_metre(close.cameras, first.joints[:, PELVIS])[0, 0]) > 3 * sizes[0]
    whole = aligned_reference(person, first, close).picture[3]
    assert float(whole[0].max()) < 0.1 and float(whole[-1].max()) < 0.1


def test_rotations_are_against_the_camera_of_the_reference(scene):
    person, _, _, _ = scene
    reference = reference_of(person, 96, 128)
    stood = person.shaped.pose(reference.motion)
    rig = Cameras.orbit(4, 3, elevation=0)
    base = Cameras.static(0, 1, elevation=0)
    R = camera_rotations(rig, stood, base, stood)
    assert R.shape == (4, 3, 3, 3)
    assert torch.allclose(R[0], torch.eye(3).expand(3, 3, 3), atol=1e-5)
    back = torch.diag(torch.tensor([-1.0, 1.0, -1.0]))
    assert torch.allclose(R[2], back.expand(3, 3, 3), atol=1e-5)
    assert torch.allclose(R.transpose(-1, -2) @ R, torch.eye(3).expand(4, 3, 3, 3), atol=1e-5)


@pytest.mark.parametrize("angle", [0.7, 3.0, -2.0])
def test_rotations_follow_where_the_body_looks_not_the_world(scene, angle):
    """Body and cameras turned together: the same numbers; the body alone: other ones."""
    person, motion, cameras, _ = scene
    reference = reference_of(person, 96, 128)
    stood = person.shaped.pose(reference.motion)
    first = person.shaped.pose(motion.slice(0, 1))
    there = camera_rotations(cameras, first, reference.cameras, stood)
    about = roma.rotvec_to_rotmat(torch.tensor([0.0, angle, 0.0]))
    moved = person.shaped.pose(turned(motion.slice(0, 1), angle))
    along = cameras.moved(about, torch.zeros(3))
    both = camera_rotations(along, moved, reference.cameras, stood)
    assert torch.allclose(both, there, atol=1e-4)
    alone = camera_rotations(cameras, moved, reference.cameras, stood)
    assert float((alone - there).abs().max()) > 0.3
    # the reference may have been taken from anywhere, of a body that looked anywhere
    seat = person.shaped.pose(turned(reference.motion, angle))
    elsewhere = reference.cameras.moved(about, torch.zeros(3))
    assert torch.allclose(camera_rotations(cameras, first, elsewhere, seat), there, atol=1e-4)


def test_maps_are_stacked_in_the_order_asked_for(scene):
    person, motion, cameras, _ = scene
    posed = person.shaped.pose(motion.slice(0, 2))
    crop = aligned_crop(posed, cameras.slice(0, 2), 48, 64)
    every = ("normal", "depth", "skeleton", "body_normal")
    whole = pose_maps(posed, crop.cameras, every)
    assert whole.shape == (4, 2, 10, 64, 48)
    assert float(whole.min()) >= 0 and float(whole.max()) <= 1
    assert not whole[..., 0, :].any()
    parts = [pose_maps(posed, crop.cameras, (name,)) for name in every]
    assert [part.shape[2] for part in parts] == [3, 1, 3, 3]
    assert torch.equal(torch.cat(parts, 2), whole)
    swapped = pose_maps(posed, crop.cameras, ("depth", "normal"))
    assert torch.equal(swapped, torch.cat([parts[1], parts[0]], 2))
    with pytest.raises(ValueError, match="there is no map 'semantic'"):
        pose_maps(posed, crop.cameras, ("semantic",))


def test_small_maps_are_means_of_large_ones(scene):
    person, motion, cameras, _ = scene
    posed = person.shaped.pose(motion.slice(0, 1))
    crop = aligned_crop(posed, cameras.slice(0, 1), 48, 64)
    soft = pose_maps(posed, crop.cameras, ("normal",))
    hard = bone_normal_colors(bone_map(posed.joints, crop.cameras))
    inside = torch.nn.functional.avg_pool2d((hard.amax(2) > 0).float(), 3, 1, 1) == 1
    apart = (soft - hard).abs().amax(2)[inside]
    assert float(apart.mean()) < 0.08
    edge = (soft.amax(2) > 0).float().mean()
    assert float(edge) > float((hard.amax(2) > 0).float().mean())
    large = aligned_crop(posed, cameras.slice(0, 1), 288, 384)
    assert torch.equal(
        pose_maps(posed, large.cameras, ("normal",)),
        bone_normal_colors(bone_map(posed.joints, large.cameras)).float(),
    )


def test_depth_is_half_at_the_pelvis_and_lighter_nearer(scene):
    person, motion, cameras, _ = scene
    posed = person.shaped.pose(motion.slice(0, 1))
    crop = aligned_crop(posed, cameras.slice(0, 1), 48, 64)
    depth = pose_maps(posed, crop.cameras, ("depth",))[:, 0, 0]
    # the skin of the trunk is nearer than the pelvis joint within it
    assert bool((depth[:, 32, 24] > 0.5).all()) and bool((depth[:, 32, 24] < 0.6).all())
    there = depth > 0
    assert float(depth[there].max()) < 0.8
