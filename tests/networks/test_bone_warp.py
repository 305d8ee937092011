"""A picture moved along bones: properties, and a drawn person whose colours tell where they are."""

from __future__ import annotations

import pytest
import torch

from muybridge.body import Shape, load_body
from muybridge.body.skeleton import JOINT_INDEX
from muybridge.camera import build_cameras
from muybridge.methods.threedimo.conditions import joints_seen, steady_crop
from muybridge.motion import clips, retarget
from muybridge.networks.bone_warp import BONES, moved
from muybridge.render import normal_map, skeleton_map

WIDTH, HEIGHT = 72, 96


def seen_from(azimuth: str, name: str = "idle", frame: int = 0):
    """Where somebody's joints are seen, and a picture of them: a skeleton, and the body's matte."""
    body = load_body().with_shape(Shape())
    motion = retarget(clips.make(name, frame + 1), body.rest_joints).slice(frame, frame + 1)
    posed = body.pose(motion)
    points = torch.cat([posed.joints, posed.vertices[:, ::61]], 1)
    cameras = build_cameras(f"static:{azimuth}", points, frames=1, width=96, height=128)
    crop = steady_crop(posed, cameras, WIDTH, HEIGHT)
    normals = normal_map(posed, crop.cameras, frame="hvg")[:, 0]  # on black
    matte = (normals.amax(1, keepdim=True) > 0).float()
    colour = skeleton_map(posed.joints, crop.cameras)[:, 0] * matte
    return joints_seen(posed.joints, crop.cameras)[:, 0].float(), torch.cat([colour, matte], 1)


def overlap(a, b):
    a, b = a[:, 3] > 0.5, b[:, 3] > 0.5
    return float((a & b).sum() / (a | b).sum())


@pytest.fixture(scope="module")
def standing():
    return seen_from("0")


def test_who_stays_as_they_are_stays_as_they_are(standing):
    joints, picture = standing
    made = moved(picture, joints, joints)
    assert overlap(made, picture) > 0.9
    inside = picture[:, 3:] * (made[:, 3:] > 0.9)
    assert float(((made - picture).abs() * inside).mean()) < 0.01
    assert float(made.min()) >= 0 and float(made.max()) <= 1 + 1e-6


@pytest.mark.parametrize("by", [(6.0, 0.0), (0.0, -5.0), (-7.0, 3.0)])
def test_who_is_elsewhere_is_shown_there(standing, by):
    joints, picture = standing
    there = joints.clone()
    there[..., :2] += 2 * torch.tensor(by) / torch.tensor([WIDTH, HEIGHT])
    made, still = moved(picture, joints, there), moved(picture, joints, joints)
    whole = tuple(round(x) for x in by[::-1])
    assert torch.allclose(made[..., 10:-10, 10:-10],
                          still.roll(whole, (-2, -1))[..., 10:-10, 10:-10], atol=2e-3)


def test_who_is_nearer_is_shown_larger(standing):
    joints, picture = standing
    near = joints * torch.tensor([1.3, 1.3, 1.0])
    made, still = moved(picture, joints, near), moved(picture, joints, joints)
    assert float(made[:, 3].sum()) == pytest.approx(1.3**2 * float(still[:, 3].sum()), rel=0.06)


@pytest.mark.parametrize(("name", "frame"), [("walk", 6), ("jump", 8), ("wave", 12)])
def test_limbs_go_where_they_are_told(standing, name, frame):
    joints, picture = standing
    there, truth = seen_from("0", name, frame)
    made = moved(picture, joints, there)
    assert overlap(made, truth) > max(0.7, overlap(picture, truth))
    both = (made[:, 3:] > 0.9) & (truth[:, 3:] > 0.9)
    apart = ((made - truth)[:, :3].abs() * both).sum() / both.sum()
    unmoved = ((picture - truth)[:, :3].abs() * both).sum() / both.sum()
    assert float(apart) < 0.7 * float(unmoved)


def test_a_limb_before_the_trunk_covers_it(standing):
    joints, picture = standing
    wrist, elbow = JOINT_INDEX["left_wrist"], JOINT_INDEX["left_elbow"]
    colour = torch.tensor([0.0, 1.0, 0.0, 1.0]).view(1, 4, 1, 1)
    size = torch.tensor([WIDTH, HEIGHT])
    a, b = (((joints[0, k, :2] + 1) / 2 * size - 0.5) for k in (elbow, wrist))
    marked = torch.tensor([1.0, 0.0, 0.0, 1.0]).view(1, 4, 1, 1) * picture[:, 3:]
    for t in torch.linspace(0, 1, 12):
        x, y = (a + t * (b - a)).round().long().tolist()
        marked[:, :, y - 2 : y + 3, x - 2 : x + 3] = colour
    counts = []
    for nearer in (0.35, -0.35):
        there = joints.clone()
        there[:, elbow] = torch.tensor([-0.05, -0.15, nearer])
        there[:, wrist] = torch.tensor([-0.05, 0.0, nearer])
        made = moved(marked, joints, there)
        middle = made[0, :, 42:48, 33:36]
        counts.append(float((middle[1] > middle[0]).float().mean()))
    assert counts[0] > 0.9 and counts[1] < 0.1


def test_from_behind_sides_change(standing):
    """What was to the picture's left of a front is to the right of the back."""
    joints, picture = standing
    behind, _ = seen_from("180")
    half = torch.cat([torch.ones(1, 1, HEIGHT, WIDTH // 2), torch.zeros(1, 1, HEIGHT, WIDTH // 2)],
                     3)
    marked = torch.cat([half, torch.zeros_like(half), 1 - half, half * 0 + 1], 1) * picture[:, 3:]
    made = moved(marked, joints, behind)
    solid = made[:, 3] > 0.9
    left, right = solid.clone(), solid.clone()
    left[..., WIDTH // 2 - 2 :] = False
    right[..., : WIDTH // 2 + 2] = False
    assert float(made[:, 2][left].mean()) > 0.8 and float(made[:, 0][right].mean()) > 0.8


def test_bones_seen_end_on_and_all_in_one_place_do_no_harm(standing):
    joints, picture = standing
    for target in (torch.zeros_like(joints), joints * 0 + 3, -joints):
        made = moved(picture, joints, target)
        assert torch.isfinite(made).all() and float(made.max()) <= 1 + 1e-6
    assert torch.isfinite(moved(picture, torch.zeros_like(joints), joints)).all()


def test_half_precision_comes_back_and_mattes_are_needed(standing):
    joints, picture = standing
    made = moved(picture.half(), joints.half(), joints.half())
    assert made.dtype == torch.float16 and overlap(made, picture) > 0.9
    with pytest.raises(ValueError, match="4 channels"):
        moved(picture[:, :3], joints, joints)


def test_bones_are_joints_that_there_are():
    names = [name for bone in BONES for name in (bone.first, bone.last)]
    assert set(names) <= set(JOINT_INDEX)
    assert max(JOINT_INDEX[name] for name in names) < 22
