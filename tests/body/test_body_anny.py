"""The built-in body: recorded numbers, and what must hold of any body."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import roma
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from muybridge.body import (
    JOINT_INDEX,
    JOINTS,
    MIRROR,
    PARENTS,
    REST_DIRECTIONS,
    AnnyBody,
    Body,
    Part,
    Shape,
    ShapedBody,
    anny,
    load_anny,
    load_body,
    shape_with_height,
)
from muybridge.errors import InputError

SHAPES = {
    "average": Shape(),
    "woman": Shape(gender=1.0, age=0.7, height=0.4, weight=0.3),
    "child": Shape(age=0.3, gender=0.0),
    "elder": Shape(age=1.0, weight=0.9, muscle=0.2, proportions=0.8),
}


@dataclass
class Pose:
    R_parent_joint: Tensor
    root_position: Tensor


@pytest.fixture(scope="module")
def body() -> AnnyBody:
    return load_anny()


def still(frames: int = 1) -> Pose:
    return Pose(torch.eye(3).repeat(frames, 55, 1, 1), torch.zeros(frames, 3))


def turned(**degrees: tuple[float, float, float]) -> Pose:
    pose = still()
    for joint, vector in degrees.items():
        radians = torch.tensor(vector) * torch.pi / 180
        pose.R_parent_joint[0, JOINT_INDEX[joint]] = roma.rotvec_to_rotmat(radians)
    return pose


def random_pose(frames: int = 2, seed: int = 0, size: float = 0.6) -> Pose:
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(frames, 55, 3, generator=generator) * size
    return Pose(roma.rotvec_to_rotmat(vectors), torch.randn(frames, 3, generator=generator))


# Recorded once the body had been found equal to anny (test_body_anny_parity.py):
# stature, leg length, then zero-pose and posed places of vertices, and posed joints.
PICKS = [137, 2048, 5000, 9999]
RECORDED = {
    "average": (
        1.83589, 0.90163,
        [[-0.04642, 1.70911, 0.12269], [-0.84574, 1.45091, 0.0279],
         [-0.13678, 0.01914, 0.14372], [0.47089, 1.49834, 0.04789]],
        [[0.14776, 1.41289, 0.11385], [-0.02527, 1.22595, -0.6996],
         [0.39922, 0.2824, -0.643], [-0.04409, 1.51732, 0.40434]],
        [[0.12363, 1.32013, 0.16348], [0.03681, 1.42199, 0.63583],
         [0.46406, 0.20164, -0.49501], [0.0556, 1.42729, 0.68186]],
    ),
    "woman": (
        1.66005, 0.79212,
        [[-0.04338, 1.53981, 0.12999], [-0.73705, 1.29112, 0.0344],
         [-0.11827, 0.01727, 0.12952], [0.41367, 1.33076, 0.04776]],
        [[0.15146, 1.38128, 0.09636], [-0.0192, 1.21378, -0.62368],
         [0.37003, 0.37087, -0.60092], [-0.0406, 1.4694, 0.33858]],
        [[0.13025, 1.29764, 0.14274], [0.02914, 1.39126, 0.53509],
         [0.42033, 0.29736, -0.46381], [0.04551, 1.39614, 0.5759]],
    ),
    "child": (
        1.40156, 0.66889,
        [[-0.04172, 1.2872, 0.08354], [-0.63961, 1.10296, 0.012],
         [-0.10519, 0.01999, 0.11061], [0.35788, 1.14124, 0.02969]],
        [[0.12639, 1.34311, 0.01408], [0.01574, 1.17913, -0.57544],
         [0.32053, 0.47965, -0.52388], [-0.00518, 1.41349, 0.25627]],
        [[0.10307, 1.26181, 0.05897], [0.05376, 1.33986, 0.43254],
         [0.37554, 0.41899, -0.41946], [0.06851, 1.34334, 0.46684]],
    ),
    "elder": (
        1.81349, 0.87404,
        [[-0.04615, 1.68473, 0.09768], [-0.80051, 1.42983, 0.00669],
         [-0.14627, 0.01887, 0.14785], [0.44875, 1.47744, 0.02688]],
        [[0.13429, 1.42492, 0.08143], [-0.02849, 1.23958, -0.68965],
         [0.38888, 0.30363, -0.64365], [-0.04313, 1.51799, 0.3564]],
        [[0.10569, 1.32944, 0.13059], [0.03123, 1.42734, 0.57206],
         [0.46622, 0.22388, -0.493], [0.04998, 1.43185, 0.61591]],
    ),
}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_numbers(body: AnnyBody, name: str) -> None:
    stature, leg, zero, vertices, joints = RECORDED[name]
    vectors = torch.sin(7 * torch.linspace(0, 1, 165).reshape(55, 3)) * 0.6
    pose = Pose(roma.rotvec_to_rotmat(vectors)[None], torch.tensor([[0.1, 1.0, -0.2]]))
    shaped = body.with_shape(SHAPES[name])
    posed = body.pose(SHAPES[name], pose)
    assert abs(shaped.height - stature) < 2e-5 and abs(shaped.leg_length - leg) < 2e-5
    assert (shaped.zero.vertices[0, PICKS] - torch.tensor(zero)).abs().max() < 2e-5
    assert (posed.vertices[0, PICKS] - torch.tensor(vertices)).abs().max() < 2e-5
    which = [JOINT_INDEX[j] for j in ("head", "left_wrist", "left_ankle", "left_thumb1")]
    assert (posed.joints[0, which] - torch.tensor(joints)).abs().max() < 2e-5


def test_it_is_what_was_baked(body: AnnyBody) -> None:
    assert isinstance(body, Body) and load_body() is body and load_body("anny") is body
    assert len(body.template) == 13_718 and len(body.bones) == 104
    assert body.mesh.faces.shape == body.mesh.faces_uv.shape == (27_420, 3)
    assert body.mesh.uv.shape == (21_334, 2)
    assert int(body.mesh.faces.max()) == 13_717 and int(body.mesh.faces_uv.max()) < 21_334
    assert float(body.mesh.uv.min()) >= 0 and float(body.mesh.uv.max()) <= 1
    assert (body.rig.weights.sum(1) - 1).abs().max() < 1e-6 and body.rig.weights.min() >= 0
    assert set(body.mesh.parts.tolist()) == {int(p) for p in Part if p}
    assert len(body.face_action_names) == 52 and "jawOpen" in body.face_action_names


def test_triangles_face_outwards(body: AnnyBody) -> None:
    a, b, c = body.with_shape(Shape()).zero.vertices[0][body.mesh.faces].unbind(1)
    volume = (a * torch.linalg.cross(b, c)).sum() / 6
    assert 0.05 < float(volume) < 0.12  # cubic metres: a person


@pytest.mark.parametrize("name", SHAPES)
def test_zero_pose(body: AnnyBody, name: str) -> None:
    shaped = body.with_shape(SHAPES[name])
    rest, vertices = shaped.rest_joints, shaped.zero.vertices[0]
    assert abs(float(vertices[:, 1].min())) < 1e-6, "soles on the ground"
    assert float(rest[0, [0, 2]].abs().max()) < 1e-6, "pelvis above the origin"
    for joint, (child, direction) in REST_DIRECTIONS.items():
        bone = rest[JOINT_INDEX[child]] - rest[JOINT_INDEX[joint]]
        want = torch.nn.functional.normalize(torch.tensor(direction), dim=0)
        assert (bone / bone.norm() - want).norm() < 1e-5, joint
    mirrored = rest[list(MIRROR)] * torch.tensor([-1.0, 1.0, 1.0])
    assert (mirrored - rest).norm(dim=-1).max() < 1e-3
    other, _ = cKDTree(vertices.numpy()).query((vertices * torch.tensor([-1.0, 1, 1])).numpy())
    assert other.max() < 2e-3, "as good as the same on both sides"
    nose = vertices[body.mesh.parts == int(Part.HEAD)][:, 2].max()
    assert nose > rest[JOINT_INDEX["head"], 2] + 0.05 * shaped.height, "facing +Z"
    assert rest[JOINT_INDEX["left_wrist"], 0] > 0.3 * shaped.height, "their left is +X"


def test_hands_lie_flat_with_the_palm_down(body: AnnyBody) -> None:
    for side, out in (("left", 1.0), ("right", -1.0)):
        rest = body.with_shape(Shape()).rest_joints
        at = {n: rest[JOINT_INDEX[f"{side}_{n}"]] for n in ("wrist", "index1", "pinky1", "thumb3")}
        for finger in ("index", "middle", "ring", "pinky"):
            tip, root = (rest[JOINT_INDEX[f"{side}_{finger}{k}"]] for k in (3, 1))
            along = torch.nn.functional.normalize(tip - root, dim=0)
            assert along[0] * out > 0.99 and abs(float(along[1])) < 1e-3
        assert at["thumb3"][2] > at["index1"][2] > at["pinky1"][2], "thumb forward"
        row = at["index1"] - at["pinky1"]
        assert abs(float(row[1])) < 0.25 * float(row.norm()), "knuckles level"
        hand = body.mesh.parts == int(Part[f"{side.upper()}_HAND"])
        vertices = body.with_shape(Shape()).zero.vertices[0]
        nails = (body.masks["fingernails"] > 0.5) & hand
        tips = hand & ((vertices[:, 0] - at["index1"][0]) * out > 0.06)
        assert vertices[nails & tips, 1].mean() > vertices[tips, 1].mean(), "nails on top"


def test_root_moves_everything_rigidly(body: AnnyBody) -> None:
    shaped = body.with_shape(Shape())
    pose = random_pose(1)
    turn = roma.rotvec_to_rotmat(torch.tensor([0.4, -1.1, 0.3]))
    shift = torch.tensor([0.3, 2.0, -1.0])
    moved = Pose(pose.R_parent_joint.clone(), pose.root_position @ turn.T + shift)
    moved.R_parent_joint[:, 0] = turn @ moved.R_parent_joint[:, 0]
    before, after = shaped.pose(pose), shaped.pose(moved)
    for a, b in ((before.vertices, after.vertices), (before.joints, after.joints)):
        assert (a @ turn.T + shift - b).abs().max() < 3e-6


def test_joints_are_a_rigid_skeleton(body: AnnyBody) -> None:
    """Whatever the pose, every joint lies where its parent's rotation takes it."""
    shaped = body.with_shape(SHAPES["woman"])
    pose = random_pose(3, seed=5)
    posed = shaped.pose(pose)
    assert (posed.joints[:, 0] - pose.root_position).abs().max() < 1e-6
    rest, R = shaped.rest_joints, posed.T_world_joint[..., :3, :3]
    assert torch.equal(posed.T_world_joint[..., :3, 3], posed.joints)
    for j, parent in enumerate(PARENTS):
        if parent >= 0:
            assert (R[:, j] - R[:, parent] @ pose.R_parent_joint[:, j]).abs().max() < 1e-5
    for joint, (child, _) in REST_DIRECTIONS.items():
        a, b = JOINT_INDEX[joint], JOINT_INDEX[child]
        carried = R[:, a] @ (rest[b] - rest[a])
        assert (posed.joints[:, b] - posed.joints[:, a] - carried).norm(dim=-1).max() < 2e-6, child


@pytest.mark.parametrize(
    ("joint", "axis"), [("left_wrist", 0), ("right_elbow", 0), ("left_shoulder", 0)]
)
def test_twists_spread_over_the_limb(body: AnnyBody, joint: str, axis: int) -> None:
    """A twist moves no joint and leaves no candy wrapper: limbs keep most of their girth."""
    shaped = body.with_shape(Shape())
    vector = [0.0, 0.0, 0.0]
    vector[axis] = 90.0
    zero, posed = shaped.pose(still()), shaped.pose(turned(**{joint: tuple(vector)}))  # type: ignore[arg-type]
    side = joint.split("_")[0]
    for name in ("shoulder", "elbow", "wrist"):
        j = JOINT_INDEX[f"{side}_{name}"]
        assert (zero.joints[0, j] - posed.joints[0, j]).norm() < 1e-5
    x = zero.vertices[0, :, 0].abs()
    place = float(zero.joints[0, JOINT_INDEX[joint], 0].abs())
    centre = zero.joints[0, JOINT_INDEX[f"{side}_elbow"]]
    near = (x - place).abs() < 0.1
    near &= (x > 0.24) & (zero.vertices[0, :, 0].sign() == centre[0].sign())
    girth = [(v[near][:, 1:] - centre[1:]).norm(dim=-1).mean() for v in
             (zero.vertices[0], posed.vertices[0])]
    assert girth[1] > 0.85 * girth[0]


def test_wrist_twist_reaches_into_the_forearm(body: AnnyBody) -> None:
    shaped = body.with_shape(Shape())
    zero, posed = shaped.pose(still()), shaped.pose(turned(left_wrist=(90.0, 0.0, 0.0)))
    elbow, wrist = (float(zero.joints[0, JOINT_INDEX[f"left_{j}"], 0]) for j in ("elbow", "wrist"))
    share = (zero.vertices[0, :, 0] - elbow) / (wrist - elbow)
    moved = (posed.vertices - zero.vertices)[0].norm(dim=-1)
    forearm = body.mesh.parts == int(Part.LEFT_FOREARM)
    assert moved[forearm & (share < 0.2)].max() < 5e-3
    assert moved[forearm & (share > 0.6) & (share < 0.9)].mean() > 0.01


def test_mirrored_motion_gives_the_mirrored_body(body: AnnyBody) -> None:
    shaped = body.with_shape(Shape())
    pose = random_pose(1, seed=3, size=0.4)
    flip = torch.diag(torch.tensor([-1.0, 1.0, 1.0]))
    mirrored = Pose(
        flip @ pose.R_parent_joint[:, list(MIRROR)] @ flip, pose.root_position @ flip
    )
    a, b = shaped.pose(pose), shaped.pose(mirrored)
    assert (a.joints[:, list(MIRROR)] @ flip - b.joints).norm(dim=-1).max() < 2e-3
    distance, _ = cKDTree(b.vertices[0].numpy()).query((a.vertices[0] @ flip).numpy())
    assert distance.max() < 4e-3


def test_face_actions_move_only_the_face(body: AnnyBody) -> None:
    parts = body.mesh.parts
    off_face = (parts != int(Part.HEAD)) & (parts != int(Part.NECK))
    back = body.with_shape(Shape()).zero.vertices[0, :, 2] < -0.02
    for name in body.face_action_names:
        moved = body.face_offsets({name: torch.ones(1)})[0].norm(dim=-1)
        assert moved.max() > 5e-4, name
        assert moved[off_face].max() < 5e-4 and moved[back].max() < 5e-3, name


def test_face_tracks(body: AnnyBody) -> None:
    shaped = body.with_shape(Shape())
    track = torch.tensor([0.0, 0.5, 1.0])
    opened = shaped.pose(still(3), face={"jawOpen": track}).vertices
    quiet = shaped.pose(still(3)).vertices
    change = (opened - quiet).norm(dim=-1).amax(1)
    assert change[0] < 1e-6 and 0.02 < float(change[2]) < 0.06
    assert abs(float(change[1] / change[2]) - 0.5) < 1e-3
    motion = SimpleNamespace(**still(3).__dict__, face={"jawOpen": track})
    assert torch.equal(shaped.pose(motion).vertices, opened), "a motion's own tracks"
    assert torch.equal(shaped.pose(motion, face={}).vertices, quiet)
    with pytest.raises(InputError, match="noseGrow"):
        shaped.pose(still(), face={"noseGrow": torch.ones(1)})


def test_offsets_are_carried_by_the_skin(body: AnnyBody) -> None:
    shaped = body.with_shape(Shape())
    offsets = torch.zeros_like(shaped.bind_vertices)
    chest = int((body.mesh.parts == int(Part.TORSO)).nonzero()[0])
    offsets[chest] = torch.tensor([0.0, 0.0, 0.05])
    pose = random_pose(1)
    change = (shaped.pose(pose, offsets=offsets).vertices - shaped.pose(pose).vertices)[0]
    lengths = change.norm(dim=-1)
    assert 0.03 < float(lengths[chest]) < 0.0501
    lengths[chest] = 0
    assert lengths.max() == 0


def test_skin_takes_other_points_and_weights(body: AnnyBody) -> None:
    shaped = body.with_shape(Shape())
    pose = random_pose(3)
    R, heads, _ = shaped.bones(pose.R_parent_joint, pose.root_position)
    whole = shaped.skin(shaped.bind_vertices, body.rig.weights, R, heads)
    some = torch.arange(0, 13_718, 97)
    points, weights = shaped.bind_vertices[some], body.rig.weights[some]
    assert (shaped.skin(points, weights, R, heads) - whole[:, some]).abs().max() < 2e-6
    each = points.expand(3, -1, 3).contiguous()
    assert (shaped.skin(each, weights, R, heads) - whole[:, some]).abs().max() < 2e-6
    # the plain formula, in float64
    A, t = R.double(), heads.double() - (R.double() @ shaped.bind_heads.double()[..., None])[..., 0]
    per_bone = torch.einsum("tbij,nj->tbni", A, points.double()) + t[:, :, None]
    plain = torch.einsum("nb,tbni->tni", weights.double(), per_bone)
    assert (shaped.skin(points, weights, R, heads) - plain).abs().max() < 2e-6


def test_gradients(body: AnnyBody) -> None:
    values = torch.tensor([0.4, 0.72, 0.3, 0.6, 0.55, 0.45], requires_grad=True)
    pose = random_pose(2)
    R = pose.R_parent_joint.requires_grad_()
    root = pose.root_position.requires_grad_()
    posed = body.with_phenotypes(values).pose(Pose(R, root))
    weight = torch.randn(posed.vertices.shape, generator=torch.Generator().manual_seed(0))
    (posed.vertices * weight).sum().backward()
    for tensor in (values, R, root):
        assert tensor.grad is not None and bool(torch.isfinite(tensor.grad).all())
    assert values.grad is not None and bool((values.grad != 0).all())
    moving = [j for j, name in enumerate(JOINTS) if name != "jaw"]
    assert R.grad is not None and bool((R.grad[:, moving].abs().amax((-2, -1)) > 0).all())


def test_gradient_of_height_is_the_slope(body: AnnyBody) -> None:
    values = torch.tensor([0.5, 0.7, 0.5, 0.5, 0.3, 0.5], requires_grad=True)
    head = body.with_phenotypes(values).zero.joints[0, JOINT_INDEX["head"], 1]
    (slope,) = torch.autograd.grad(head, values)
    ends = []
    for change in (-0.01, 0.01):
        moved = values.detach().clone()
        moved[4] += change
        ends.append(body.with_phenotypes(moved).zero.joints[0, JOINT_INDEX["head"], 1])
    assert abs(float((ends[1] - ends[0]) / 0.02 - slope[4])) < 0.02


def test_phenotypes_do_what_they_say(body: AnnyBody) -> None:
    def shaped(**values: float) -> ShapedBody:
        return body.with_shape(replace(Shape(), **values))

    def waist(s: ShapedBody) -> float:
        v, level = s.zero.vertices[0], float(s.rest_joints[JOINT_INDEX["spine1"], 1])
        return float(v[(v[:, 1] - level).abs() < 0.03][:, 0].abs().max())

    assert shaped(height=0.1).height < shaped(height=0.5).height < shaped(height=0.9).height
    assert shaped(age=0.0).height < shaped(age=1 / 3).height < shaped(age=2 / 3).height
    assert waist(shaped(weight=0.1)) < waist(shaped(weight=0.5)) < waist(shaped(weight=0.9))
    assert 0.4 < shaped(age=0.0).height < 0.9 and 1.5 < shaped(gender=1.0).height < 1.9


@pytest.mark.parametrize("metres", [1.55, 1.62, 1.781, 1.95])
def test_shape_of_a_given_height(body: AnnyBody, metres: float) -> None:
    shape = shape_with_height(body, Shape(gender=0.3, weight=0.6), metres)
    assert abs(body.with_shape(shape).height - metres) < 6e-4
    assert replace(shape, height=0.5) == Shape(gender=0.3, weight=0.6)


@pytest.mark.parametrize("metres", [0.0, -1.0, 0.9, 3.0, float("nan"), float("inf")])
def test_heights_out_of_reach(body: AnnyBody, metres: float) -> None:
    with pytest.raises(InputError, match=r"give 1\.\d\d to 2\.\d\d m"):
        shape_with_height(body, Shape(), metres)


@pytest.mark.parametrize("name", anny.PHENOTYPES)
@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf"), 180.0])
def test_phenotypes_out_of_range(body: AnnyBody, name: str, value: float) -> None:
    with pytest.raises(InputError) as caught:
        body.with_shape(replace(Shape(), **{name: value}))
    assert caught.value.field == name


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive"])
def test_a_damaged_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(anny, "DATA", tmp_path / "anny.npz")
    for _ in range(2):  # missing, then damaged
        with pytest.raises(InputError, match="install muybridge again"):
            anny.load_anny.__wrapped__()
        (tmp_path / "anny.npz").write_bytes(content)
    with np.load(Path(anny.__file__).parent / "data" / "anny.npz") as file:
        np.savez(tmp_path / "anny.npz", template=file["template"])
    with pytest.raises(InputError, match="install muybridge again"):
        anny.load_anny.__wrapped__()
