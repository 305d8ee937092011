"""What 3DiMo's networks see: other cameras' drivers, steady crops, hands, rotations, files."""

from __future__ import annotations

import math
import zlib

import pytest
import torch
from methods.gas_small import pictures
from methods.threedimo_small import scene, small_config

from muybridge.body import Shape, load_body
from muybridge.body.skeleton import JOINT_INDEX
from muybridge.camera import build_cameras
from muybridge.camera.crop import pixels_per_metre
from muybridge.errors import InputError
from muybridge.methods.threedimo.augment import CHANCES, moved_by, recoloured, warp, warped
from muybridge.methods.threedimo.clips import mirrored
from muybridge.methods.threedimo.conditions import (
    PELVIS,
    hands_of,
    joint_rotations,
    joints_seen,
    size_of,
    sized_crop,
    steady_crop,
    tilts,
)
from muybridge.methods.threedimo.corpus import read_scene, read_scenes, write_scene
from muybridge.methods.threedimo.corpus_making import said
from muybridge.methods.threedimo.words import encoded
from muybridge.motion import clips, retarget
from muybridge.motion.placement import mirror
from muybridge.synthetic.dice import Dice
from muybridge.synthetic.setups import sentence

NOTHING = (0.5, 0.5, 0.5, (1 - 0.85) / 0.33, (1 - 0.92) / 0.17, 0.5, 0.5)
"""Chances of no change."""

# ------------------------------------------------------------------ drivers


def test_chances_in_the_middle_change_nothing():
    H = warp(NOTHING, 0.75)
    assert torch.allclose(H, torch.eye(3), atol=1e-5)
    shown = pictures(2, height=24, width=18)
    assert torch.allclose(warped(shown, H), shown, atol=1e-3)


def test_the_person_stays_in_the_middle_however_the_camera_is_turned():
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        chances = [*torch.rand(5, generator=generator).tolist(), 0.5, 0.5]
        middle = warp(chances, 0.75) @ torch.tensor([0.0, 0.0, 1.0])
        assert float((middle[:2] / middle[2]).abs().max()) < 1e-6
    off = warp([*NOTHING[:5], 1.0, 0.0], 0.75) @ torch.tensor([0.0, 0.0, 1.0])
    assert (off[:2] / off[2]).tolist() == pytest.approx([0.12, -0.16], abs=1e-5)


def test_a_turned_camera_is_a_homography_of_a_real_one():
    """Points of a plane far away, seen by a camera turned about its centre."""
    yaw = 20.0
    H = warp([1.0, *NOTHING[1:]], 1.0)
    focal = 2.2 * 2
    a = math.radians(yaw)
    R = torch.tensor([[math.cos(a), 0, -math.sin(a)], [0, 1, 0], [math.sin(a), 0, math.cos(a)]])
    K = torch.diag(torch.tensor([focal, focal, 1.0]))
    p = torch.tensor([[0.3, -0.6, 1.0], [-0.5, 0.7, 1.0]]).T
    found = H @ p
    options = []
    for turn in (R, R.T):
        q = K @ turn @ torch.linalg.inv(K) @ p
        c = K @ turn @ torch.tensor([0.0, 0.0, 1.0])
        options.append(q[:2] / q[2] - (c[:2] / c[2])[:, None])
    error = min(float((found[:2] / found[2] - o).abs().max()) for o in options)
    assert error < 1e-5


def test_other_colours_stay_within_the_person():
    shown = pictures(6, height=24, width=16)
    for seed in range(12):
        made = recoloured(shown, torch.Generator().manual_seed(seed))
        assert torch.equal(made[:, 3], shown[:, 3])
        assert float(made.min()) >= 0 and bool((made[:, :3] <= made[:, 3:]).all())
        assert float((made - shown).abs().max()) > 0.02
    plain = recoloured(shown[:, :3], torch.Generator().manual_seed(1))
    assert plain.shape == (6, 3, 24, 16) and float(plain.max()) <= 1


def test_one_draw_holds_for_a_whole_clip():
    still = pictures(1, height=24, width=16).expand(4, -1, -1, -1)
    H = warp(torch.rand(CHANCES, generator=torch.Generator().manual_seed(3)).tolist()[:7], 0.75)
    for made in (warped(still, H), recoloured(still, torch.Generator().manual_seed(3))):
        assert torch.equal(made, made[:1].expand_as(made))


# ------------------------------------------------------------------ crops, hands, rotations


@pytest.fixture(scope="module")
def body():
    return load_body().with_shape(Shape())


@pytest.fixture(scope="module")
def walking(body):
    motion = retarget(clips.make("walk", 5), body.rest_joints)
    return motion, body.pose(motion)


def cameras_of(spec, posed, width=120, height=160):
    return build_cameras(spec, posed.joints, width=width, height=height, facing="auto")


@pytest.mark.parametrize("seed", range(4))
def test_joints_go_where_the_changed_picture_shows_them(seed):
    chances = torch.rand(7, generator=torch.Generator().manual_seed(seed)).tolist()
    width, height = 72, 96
    H = warp(chances, width / height)
    joints = torch.tensor([[[-0.3, 0.2, 0.7], [0.25, -0.4, -0.1]]])
    shown = torch.zeros(1, 2, height, width)
    y = (torch.arange(height) + 0.5) / height * 2 - 1
    x = (torch.arange(width) + 0.5) / width * 2 - 1
    for k, (right, down, _) in enumerate(joints[0].tolist()):
        apart = ((x - right) * width / height).square() + (y - down).square()[:, None]
        shown[0, k] = (-apart / (2 * 0.04**2)).exp()
    changed = warped(shown, H)[0]
    share = changed / changed.sum((1, 2), keepdim=True)
    middles = torch.stack([(share.sum(1) * x).sum(1), (share.sum(2) * y).sum(1)], -1)
    moved = moved_by(H, joints, width / height)
    assert torch.allclose(moved[0, :, :2], middles, atol=0.01)
    assert not torch.allclose(moved[..., :2], joints[..., :2], atol=0.02)
    assert torch.equal(moved[..., 2], joints[..., 2])


def test_a_crop_goes_with_the_pelvis_and_lets_zooms_show(walking):
    _, posed = walking
    cameras = cameras_of("Front view. The camera zooms in by a factor of 1.6.", posed)
    crop = steady_crop(posed, cameras, 16, 24)
    assert torch.allclose(crop.scale, crop.scale[:, :1].expand_as(crop.scale))
    pixel, _ = crop.cameras.project(posed.joints[:, PELVIS, None])
    assert torch.allclose(pixel, torch.tensor([8.0, 12.0]).expand_as(pixel), atol=1e-3)
    size = pixels_per_metre(crop.cameras, posed.joints[:, PELVIS])
    assert float(size[0, -1] / size[0, 0]) == pytest.approx(1.6, rel=0.05)
    assert size_of(crop, posed) == pytest.approx(float(size[0, 0]))


def test_all_views_begin_equally_large_and_no_larger_than_told(walking):
    _, posed = walking
    cameras = cameras_of("orbit:3,fov=40", posed)
    crop = steady_crop(posed, cameras, 16, 24)
    first = pixels_per_metre(crop.cameras, posed.joints[:, PELVIS])[:, 0]
    assert torch.allclose(first, first[:1].expand_as(first), rtol=1e-4)
    skin, _ = crop.cameras.project(posed.vertices[:1].expand(5, -1, -1))
    assert float(skin[:, 0].amin()) > 0 and bool((skin[:, 0] < torch.tensor([16.0, 24])).all())
    small = steady_crop(posed, cameras, 16, 24, most=5.0)
    assert size_of(small, posed) == pytest.approx(5.0, rel=1e-4)


def test_joints_before_the_cameras_of_sentences(walking):
    """As large in the first frame as told, in the middle, and where the sentence has them."""
    motion, posed = walking
    config = small_config()
    words, amounts, joints = said("somebody", posed, motion.fps, 12.0, config, 6)
    assert words.shape == amounts.shape == (6, 16) and joints.shape == (6, 5, 22, 3)
    again = said("somebody", posed, motion.fps, 12.0, config, 6)
    assert torch.equal(again[2], joints) and torch.equal(again[0], words)
    assert not torch.equal(said("another", posed, motion.fps, 12.0, config, 6)[0], words)
    assert float(joints[:, :, 0, :2].abs().max()) < 1e-3
    for n in range(6):
        script = sentence(Dice(f"sentence {n}", zlib.crc32(b"somebody")))
        assert torch.equal(encoded([script])[0][0], words[n])
        cameras = cameras_of(script.text(), posed)
        crop = sized_crop(posed, cameras, 16, 24, 12.0)
        assert size_of(crop, posed) == pytest.approx(12.0, rel=1e-4)
        near = joints_seen(posed.joints, crop.cameras)[0]
        # another lens, so not to the last digit
        assert float((near - joints[n].float())[..., :2].abs().mean()) < 0.05
    nothing = said("somebody", posed, motion.fps, 12.0, config, 0)
    assert nothing[0].shape == (0, 16) and nothing[2].shape == (0, 5, 22, 3)


def test_hands_are_cut_out_where_they_are(walking):
    _, posed = walking
    cameras = cameras_of("static:0,180", posed)
    shown = torch.zeros(2, 5, 4, 160, 120)
    for name, channel in (("left", 0), ("right", 1)):
        pixel, _ = cameras.project(posed.joints[:, JOINT_INDEX[f"{name}_middle1"], None])
        for view in range(2):
            for t in range(5):
                x, y = (int(v) for v in pixel[view, t, 0])
                shown[view, t, channel, y - 1 : y + 2, x - 1 : x + 2] = 1
    hands, seen = hands_of(posed, cameras, shown, 16)
    assert hands.shape == (2, 5, 2, 3, 16, 16) and bool(seen.all())
    inside = hands[..., 4:12, 4:12].amax((-1, -2))
    assert float(inside[:, :, 0, 0].min()) > 0.5 and float(inside[:, :, 1, 1].min()) > 0.5
    assert float(hands[:, :, :, 2].max()) == 0
    aside = cameras.select([0])
    aside.K[..., 0, 2] += 1000
    assert not hands_of(posed, aside, shown[:1], 16)[1].any()


def test_rotations_leave_the_root_out(walking):
    motion, _ = walking
    known = joint_rotations(motion)
    assert known.shape == (5, 51, 6)
    R = motion.R_parent_joint
    knee = R[:, JOINT_INDEX["left_knee"]]
    assert torch.equal(known[:, JOINT_INDEX["left_knee"] - 1], torch.cat([knee[..., 0],
                                                                         knee[..., 1]], -1))
    thumb = R[:, JOINT_INDEX["right_thumb3"], :, 0]
    assert torch.equal(known[:, JOINT_INDEX["right_thumb3"] - 4, :3], thumb)


def test_rotations_in_the_mirror_are_the_mirrored_motions(walking):
    motion, _ = walking
    item = mirrored(item_of(joint_rotations(motion)))
    assert torch.allclose(item["rotations"], joint_rotations(mirror(motion)), atol=1e-6)


def test_tilts_in_the_mirror_are_the_mirrored_motions(walking):
    motion, posed = walking
    item = item_of(joint_rotations(motion)) | {"tilts": tilts(motion, posed.joints)}
    other = mirror(motion)
    body = load_body().with_shape(Shape())
    assert torch.allclose(
        mirrored(item)["tilts"], tilts(other, body.pose(other).joints), atol=2e-2
    )


def item_of(rotations):
    """A clip of noise with these rotations."""
    known = scene()
    return {
        "reference": known.reference / 255, "truth": known.truth[0] / 255,
        "reference_joints": known.reference_joints,
        "drawing": known.skeleton[0] / 255, "drawn": torch.ones(()),
        "told": torch.ones(()), "joints": known.joints[0],
        "driver": known.truth[1] / 255, "driver_joints": known.joints[1],
        "skeleton": known.skeleton[1] / 255,
        "hands": known.hands[1] / 255, "seen": known.seen[1], "rotations": rotations,
        "words": known.words[1], "amounts": known.amounts[1],
        "number": torch.arange(known.truth.shape[1]),
        "tilts": known.tilts, "turned": known.turned, "looks": known.looks[1],
        "said_words": known.said_words, "said_amounts": known.said_amounts,
        "said_joints": known.said_joints,
    }


def test_joints_before_cameras(walking):
    """Pixels, and how much nearer than the pelvis; the mirror swaps sides."""
    motion, posed = walking
    joints = posed.joints
    cameras = cameras_of("static:0,90", posed, 36, 48)
    seen = joints_seen(joints, cameras)
    assert seen.shape == (2, motion.frames, 22, 3) and torch.isfinite(seen).all()
    pixel, depth = cameras.project(joints[:, :22])
    assert torch.allclose((seen[..., 0] + 1) * 18, pixel[..., 0], atol=1e-4)
    assert torch.allclose((seen[..., 1] + 1) * 24, pixel[..., 1], atol=1e-4)
    left, right = JOINT_INDEX["left_shoulder"], JOINT_INDEX["right_shoulder"]
    front, side = seen[:, 0]
    assert front[left, 0] > front[right, 0]  # who is seen from the front has their left there
    assert abs(float(side[left, 2] - side[right, 2])) > 0.1  # one is nearer, from the side
    assert torch.allclose(seen[..., 2], depth[..., PELVIS : PELVIS + 1] - depth, atol=1e-5)
    item = item_of(joint_rotations(motion))
    item["joints"] = seen[0]
    made = mirrored(item)["joints"]
    assert torch.equal(made[:, left, 0], -seen[0, :, right, 0])
    assert torch.equal(made[:, left, 1:], seen[0, :, right, 1:])
    assert torch.equal(made[:, PELVIS, 1:], seen[0, :, PELVIS, 1:])


def test_mirrored_twice_is_the_same(walking):
    item = item_of(joint_rotations(walking[0]))
    item["seen"][:, 0] = False
    once = mirrored(item)
    assert torch.equal(once["hands"][:, 0], item["hands"][:, 1].flip(-1))
    assert not once["seen"][:, 1].any() and bool(once["seen"][:, 0].all())
    twice = mirrored(once)
    assert set(twice) == set(item)
    for name, value in item.items():
        assert torch.allclose(twice[name], value), name


# ------------------------------------------------------------------ files


def test_files_of_people(tmp_path):
    write_scene(scene(), tmp_path / "a.safetensors")
    write_scene(scene(1, "another"), tmp_path / "b.safetensors")
    read = read_scene(tmp_path / "a.safetensors")
    for name, value in vars(scene()).items():
        assert value == "somebody" if name == "name" else torch.equal(getattr(read, name), value)
    assert [s.name for s in read_scenes(tmp_path)] == ["somebody", "another"]
    assert len(read_scenes(tmp_path, 1)) == 1
    with pytest.raises(InputError, match="holds no people"):
        read_scenes(tmp_path / "nowhere")


@pytest.mark.parametrize("how", ["cut", "foreign", "empty"])
def test_files_that_are_damaged_are_refused(tmp_path, how):
    from safetensors.torch import save_file

    path = tmp_path / "a.safetensors"
    write_scene(scene(), path)
    if how == "foreign":
        save_file({"x": torch.zeros(2)}, path, {"format": "muybridge 3dimo scene 3"})
    else:
        path.write_bytes(path.read_bytes()[:-50] if how == "cut" else b"")
    with pytest.raises(InputError, match="is no training file"):
        read_scenes(tmp_path)
