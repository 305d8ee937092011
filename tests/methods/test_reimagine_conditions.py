"""What steers ReImagine: world normals, the two sides of a person, and which one is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from muybridge.camera import Cameras, build_cameras
from muybridge.methods.hvg.conditions import crop_of_video
from muybridge.methods.reimagine.conditions import (
    mirrored_normals,
    over_black,
    shown_side,
    sides_of,
    turn_to_front,
    world_normals,
)
from muybridge.motion import Motion, clips, retarget
from muybridge.person import Photo
from muybridge.render import normal_map


@pytest.fixture(scope="module")
def standing(painted):
    """The person at ease, seen from four sides."""
    motion = retarget(clips.make("idle", 1), painted.rest_joints)
    posed = painted.shaped.pose(motion)
    return motion, posed, build_cameras("orbit:4", posed.joints, width=48, height=64)


def turned(motion: Motion, degrees: float) -> Motion:
    """The same motion about the world's vertical axis."""
    angle = torch.tensor(degrees).deg2rad()
    c, s = angle.cos(), angle.sin()
    R = torch.tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    joints = motion.R_parent_joint.clone()
    joints[:, 0] = R @ joints[:, 0]
    return replace(motion, R_parent_joint=joints, root_position=motion.root_position @ R.T)


def means(normals):
    """Mean normals (up, right, front) of each view's first frame."""
    share = normals[:, 0, 3].sum((-1, -2))
    return 2 * normals[:, 0, :3].sum((-1, -2)) / share[:, None] - 1


def test_colours_are_the_worlds(standing):
    motion, posed, cameras = standing
    found = means(world_normals(posed, cameras, turn_to_front(posed)))
    front, *sides = found
    facing = [int(view[1:].abs().argmax()) for view in found]
    assert front[2] > 0.5 and facing == [1, 0, 1, 0]  # blue, then green, blue, green
    assert sides[1][2] < -0.5 and sides[0][1] * sides[2][1] < -0.25


def test_they_are_the_renderers_over_black(standing):
    motion, posed, cameras = standing
    plain = over_black(normal_map(posed, cameras, frame="reimagine"))
    soft = world_normals(posed, cameras, torch.eye(3))
    assert float((soft - plain).abs().mean()) < 0.02
    inside = soft[:, :, 3] == 1
    assert float((soft[:, :, :3].movedim(2, -1)[inside] * 2 - 1).norm(dim=-1).mean()) > 0.9
    assert bool((soft[:, :, :3] <= soft[:, :, 3:] + 1e-6).all())


def test_where_the_person_looks_first_is_the_front(standing, painted):
    motion, posed, cameras = standing
    away = turned(motion, 70.0)
    body = painted.shaped.pose(away)
    rig = build_cameras("orbit:4", body.joints, width=48, height=64)
    assert rig.views == 4
    ours = means(world_normals(posed, cameras, turn_to_front(posed)))
    theirs = means(world_normals(body, rig, turn_to_front(body)))
    ahead = (theirs - ours).abs().amax(1)
    looked = [int(m[:, 2].argmax()) for m in (ours, theirs)]
    same = float((turn_to_front(body) @ body.joints[0, 1] - posed.joints[0, 1]).abs().max())
    assert same < 0.02
    if looked[0] == looked[1]:  # a rig that begins before the person
        assert float(ahead.max()) < 0.1


def test_mirrored_people_have_mirrored_normals(standing):
    motion, posed, cameras = standing
    both = world_normals(posed, cameras, torch.eye(3))
    once = mirrored_normals(both)
    assert torch.allclose(mirrored_normals(once), both, atol=1e-6)
    # the right side in a mirror is the left side, but for how the arms hang
    left, right = means(both)[1], means(once)[3]
    assert float((left - right).abs().max()) < 0.1


def test_files_on_white_are_read_as_ours(standing):
    """What others have drawn, a little spoilt by compression."""
    motion, posed, cameras = standing
    ours = normal_map(posed, cameras, frame="reimagine")
    spoilt = (ours + 0.05 * (torch.rand(ours.shape) - 0.5)).clamp(0, 1)
    clean, read = over_black(ours), over_black(spoilt)
    assert torch.equal(read[:, :, 3], clean[:, :, 3])
    assert float((read - clean).abs().max()) < 0.15


def test_the_side_that_is_seen(standing):
    motion, _, cameras = standing
    seen = shown_side(cameras, motion)[:, 0].tolist()
    assert seen[0] == 0 and seen[2] == 1
    assert shown_side(cameras, motion, (True, False)).eq(0).all()
    assert shown_side(cameras, motion, (False, True)).eq(1).all()
    around = turned(motion, 180.0)
    assert shown_side(cameras, around)[0, 0] == 1


def photo(name: str, person, motion: Motion, cameras: Cameras, level: int) -> Photo:
    """A plain picture where the body is."""
    posed = person.shaped.pose(motion)
    share = world_normals(posed, cameras, torch.eye(3))[0, 0, 3].numpy()
    image = np.full((*share.shape, 3), level, np.uint8)
    return Photo(
        name, image, share, cameras.K[0, 0], cameras.T_cam_world[0, 0], motion.R_parent_joint[0],
        motion.root_position[0], torch.zeros_like(person.offsets),
    )


@pytest.fixture(scope="module")
def photographed(standing, painted):
    """The person with photos of grey levels: 80 in front, 160 behind, names that say nothing."""
    motion, _, cameras = standing
    photos = tuple(
        photo(name, painted, motion, cameras.select([view]), level)
        for name, view, level in (("view04", 2, 160), ("front", 0, 80))
    )
    return replace(painted, photos=photos)


def sides(person, motion, cameras, **options):
    crop = crop_of_video(person, motion, cameras, 24, 32)
    return sides_of(person, person.shaped.pose(motion.slice(0, 1)), crop, **options)


def test_front_and_back_are_told_apart(photographed, standing):
    motion, _, cameras = standing
    found = sides(photographed, motion, cameras)
    assert found.known.tolist() == [True, True]
    levels = found.pictures[:, 0].amax((-1, -2)) * 255
    assert levels.tolist() == pytest.approx([80, 160], abs=2)
    assert means(found.normals[:, None])[:, 2].tolist() == pytest.approx([0.65, -0.65], abs=0.25)
    inside = (found.pictures[:, 3] > 0.5) & (found.normals[:, 3] > 0.5)
    either = (found.pictures[:, 3] > 0.5) | (found.normals[:, 3] > 0.5)
    assert float(inside.sum() / either.sum()) > 0.75


def test_one_reference_leaves_the_back_out(photographed, standing):
    motion, _, cameras = standing
    found = sides(photographed, motion, cameras, references=1)
    assert found.known.tolist() == [True, False] and not found.pictures[1].any()
    behind = replace(photographed, photos=photographed.photos[:1])
    found = sides(behind, motion, cameras, references=1)  # nothing else is known
    assert found.known.tolist() == [False, True] and not found.normals[0].any()


def test_who_has_no_photos_is_drawn(painted, standing):
    motion, _, cameras = standing
    found = sides(painted, motion, cameras)
    assert found.known.all()
    red = (found.pictures[:, 0] / found.pictures[:, 3].clamp(min=0.5))
    shown = found.pictures[:, 3] > 0.9
    assert float(red[0][shown[0]].mean()) > float(red[1][shown[1]].mean()) + 0.3
