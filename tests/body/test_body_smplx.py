"""SMPL-X, SMPL+H and SMPL from a model file, against the published formula."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import model_files
import numpy as np
import pytest
import roma
import torch
from torch import Tensor

from muybridge.body import JOINT_INDEX, JOINTS, PARENTS, Body, Part, Shape, load_body
from muybridge.body.smplx import load_smplx
from muybridge.errors import InputError

FAMILIES = ("smpl", "smplh", "smplx")


@dataclass
class Pose:
    R_parent_joint: Tensor
    root_position: Tensor


def random_rotations(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(*shape, 3, generator=generator, dtype=torch.float64) * 0.8
    return roma.rotvec_to_rotmat(vectors).to(dtype)


def file_joints(family: str) -> list[int]:
    """Our joint for each of the file's; -1 for SMPL's hands."""
    if family == "smpl":
        return [*range(22), -1, -1]
    return [*range(22), *range(25, 55)] if family == "smplh" else list(range(55))


def published(arrays: dict[str, Any], family: str, betas: np.ndarray, pose: Pose) -> Any:
    """The formula's vertices and joints, in every frame."""
    shaped = arrays["v_template"] + arrays["shapedirs"][:, :, : len(betas)] @ betas
    pelvis = (arrays["J_regressor"] @ shaped)[0]
    frames = []
    for R, root in zip(pose.R_parent_joint.double(), pose.root_position.double(), strict=True):
        own = [R[j].numpy() if j >= 0 else np.eye(3) for j in file_joints(family)]
        frames.append(model_files.forward(arrays, betas, np.stack(own), root.numpy() - pelvis))
    return [torch.from_numpy(np.stack(part)) for part in zip(*frames, strict=True)]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("form", ["npz", "pkl"])
@pytest.mark.parametrize(("dtype", "within"), [(torch.float64, 1e-9), (torch.float32, 1e-6)])
def test_forward_is_the_published_formula(
    tmp_path: Path, family: str, form: str, dtype: torch.dtype, within: float
) -> None:
    arrays = model_files.model(family, seed=3)
    writer = model_files.write_npz if form == "npz" else model_files.write_pickle
    body = load_smplx(writer(tmp_path / f"model.{form}", arrays), dtype=dtype)
    assert body.name == family
    betas = np.random.default_rng(1).normal(size=10) * 0.7
    pose = Pose(
        random_rotations(3, 55, dtype=dtype),
        torch.tensor([[0.0, 0.9, 0.0], [0.3, 1.0, -0.2], [0.1, 0.2, 0.3]], dtype=dtype),
    )
    posed = body.pose(Shape(betas=tuple(betas)), pose)
    vertices, joints = published(arrays, family, betas, pose)
    assert posed.vertices.dtype == dtype
    assert (posed.vertices - vertices).abs().max() < within
    own = [j for j in file_joints(family) if j >= 0]
    assert (posed.joints[:, own] - joints[:, : len(own)]).abs().max() < within
    if family == "smplx":
        assert (posed.joints - joints).abs().max() < within
    # far from trivial: pose blend shapes and shape move the skin by millimetres at least
    still = body.pose(Shape(), pose)
    assert (still.vertices - posed.vertices).abs().max() > 1e-3


def test_expressions_are_those_of_the_formula(tmp_path: Path) -> None:
    arrays = model_files.model("smplx", seed=5)
    body = load_smplx(model_files.write_npz(tmp_path / "m.npz", arrays), dtype=torch.float64)
    assert (body.num_betas, body.num_expressions) == (10, 10)
    coefficients = torch.randn(20, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    pose = Pose(random_rotations(2, 55, seed=4), torch.zeros(2, 3, dtype=torch.float64))
    shaped = body.with_betas(coefficients[:10], coefficients[10:])
    vertices, joints = published(arrays, "smplx", coefficients.numpy(), pose)
    posed = shaped.pose(pose)
    assert (posed.vertices - vertices).abs().max() < 1e-9
    assert (posed.joints - joints).abs().max() < 1e-9


def test_expression_tracks_displace_the_bind_skin(tmp_path: Path) -> None:
    arrays = model_files.model("smplx", seed=5)
    body = load_smplx(model_files.write_npz(tmp_path / "m.npz", arrays), dtype=torch.float64)
    shaped = body.with_shape(Shape())
    still = Pose(torch.eye(3).double().expand(2, 55, 3, 3), torch.zeros(2, 3).double())
    track = torch.tensor([0.0, 1.5], dtype=torch.float64)
    moved = shaped.pose(still, face={"expression3": track}).vertices - shaped.pose(still).vertices
    assert moved[0].abs().max() == 0
    expected = 1.5 * torch.from_numpy(arrays["shapedirs"][:, :, 13])
    assert (moved[1] - expected).abs().max() < 1e-12
    opened = shaped.pose(still, face={"jawOpen": track / 1.5}).vertices
    change = (opened - shaped.pose(still).vertices)[1].norm(dim=-1)
    jaw = torch.from_numpy(arrays["weights"][:, JOINT_INDEX["jaw"]])
    assert change[jaw > 0].min() > 1e-4 and change[jaw == 0].max() < 1e-12
    unmoved = shaped.pose(still, face={"eyeBlinkLeft": track / 1.5}).vertices
    assert torch.equal(unmoved, shaped.pose(still).vertices)


def test_smpl_reaches_all_55_joints(tmp_path: Path) -> None:
    arrays = model_files.model("smpl", vertices=400, seed=1)
    body = load_smplx(model_files.write_npz(tmp_path / "m.npz", arrays))
    rest = body.with_shape(Shape()).rest_joints
    assert rest.shape == (55, 3) and bool(torch.isfinite(rest).all())
    for side in ("left", "right"):
        wrist = rest[JOINT_INDEX[f"{side}_wrist"]]
        fingers = [JOINT_INDEX[f"{side}_{f}3"] for f in ("index", "middle", "ring", "pinky")]
        assert (rest[fingers] - wrist).norm(dim=-1).min() > 0.01
    # what the file lacks rides along rigidly: fingers with the wrist, eyes with the head
    pose = Pose(random_rotations(1, 55, dtype=torch.float32), torch.zeros(1, 3))
    posed = body.with_shape(Shape()).pose(pose)
    for joint, bone in (("left_index2", "left_wrist"), ("right_eye", "head"), ("jaw", "head")):
        a, b = JOINT_INDEX[joint], JOINT_INDEX[bone]
        before = (rest[a] - rest[b]).norm()
        assert abs(float((posed.joints[0, a] - posed.joints[0, b]).norm() - before)) < 1e-5


def test_a_hand_of_smpl_follows_the_wrist(tmp_path: Path) -> None:
    arrays = model_files.model("smpl", seed=1)
    body = load_smplx(model_files.write_npz(tmp_path / "m.npz", arrays))
    R = torch.eye(3).repeat(1, 55, 1, 1)
    R[:, 25:] = random_rotations(1, 30, dtype=torch.float32)  # fingers, which SMPL does not have
    shaped = body.with_shape(Shape())
    root = torch.zeros(1, 3)
    still = shaped.pose(Pose(torch.eye(3).repeat(1, 55, 1, 1), root)).vertices
    assert torch.equal(shaped.pose(Pose(R, root)).vertices, still)


@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_a_body(tmp_path: Path, family: str) -> None:
    arrays = model_files.model(family, vertices=300)
    path = model_files.write_npz(tmp_path / "m.npz", arrays)
    body = load_body(path)
    assert isinstance(body, Body)
    shaped = body.with_shape(Shape())
    assert abs(float(shaped.zero.vertices[..., 1].min())) < 1e-6
    pelvis = shaped.rest_joints[0]
    assert abs(float(pelvis[0])) < 1e-7 and abs(float(pelvis[2])) < 1e-7
    assert shaped.height > 0
    mesh = body.mesh
    assert mesh.faces.shape == mesh.faces_uv.shape == (160, 3)
    assert float(mesh.uv.min()) >= 0 and float(mesh.uv.max()) <= 1
    assert int(mesh.faces_uv.max()) < len(mesh.uv) and len(mesh.parts) == 300


def test_parts_follow_the_weights(tmp_path: Path) -> None:
    body = load_smplx(model_files.write_npz(tmp_path / "m.npz", model_files.model("smplx")))
    parts = body.mesh.parts[:55].tolist()  # vertex j hangs on joint j alone
    for joint, part in {
        "pelvis": Part.HIPS, "spine2": Part.TORSO, "left_collar": Part.TORSO, "neck": Part.NECK,
        "head": Part.HEAD, "jaw": Part.HEAD, "left_eye": Part.HEAD, "right_eye": Part.HEAD,
        "left_hip": Part.LEFT_THIGH, "right_knee": Part.RIGHT_CALF, "left_foot": Part.LEFT_FOOT,
        "right_ankle": Part.RIGHT_FOOT, "left_shoulder": Part.LEFT_UPPER_ARM,
        "right_elbow": Part.RIGHT_FOREARM, "left_wrist": Part.LEFT_HAND,
        "right_thumb3": Part.RIGHT_HAND,
    }.items():
        assert parts[JOINT_INDEX[joint]] == part, joint


def test_texture_coordinates_come_from_the_file_or_from_cylinders(tmp_path: Path) -> None:
    arrays = model_files.model("smplx")
    body = load_smplx(model_files.write_npz(tmp_path / "a.npz", arrays))
    expected = np.stack([arrays["vt"][:, 0], 1 - arrays["vt"][:, 1]], 1)
    assert np.abs(body.mesh.uv.numpy() - expected).max() < 1e-6
    del arrays["vt"], arrays["ft"]
    made = load_smplx(model_files.write_npz(tmp_path / "b.npz", arrays)).mesh
    corners = made.uv[made.faces_uv]
    cell = (corners * 4).floor().clamp(max=3)
    assert torch.equal(cell.amin(1), cell.amax(1)), "a triangle lies in one cell of the atlas"
    part = made.parts[made.faces].long().mode(1).values - 1
    assert torch.equal(cell[:, 0, 1] * 4 + cell[:, 0, 0], part.float())


def test_hand_components(tmp_path: Path) -> None:
    arrays = model_files.model("smplx")
    body = load_smplx(model_files.write_npz(tmp_path / "m.npz", arrays), dtype=torch.float64)
    hand = body.hand_components["left"]
    six = torch.randn(4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    vectors = six.numpy() @ arrays["hands_componentsl"][:6] + arrays["hands_meanl"]
    expected = roma.rotvec_to_rotmat(torch.from_numpy(vectors.reshape(4, 15, 3)))
    assert (hand.rotations(six) - expected).abs().max() < 1e-12
    flat = hand.rotations(torch.zeros(1, 6, dtype=torch.float64), flat_hand_mean=True)
    assert torch.equal(flat[0], torch.eye(3).double().expand(15, 3, 3))
    with pytest.raises(InputError, match="46 coefficients for 45"):
        hand.rotations(torch.zeros(1, 46, dtype=torch.float64))
    assert not load_smplx(
        model_files.write_npz(tmp_path / "s.npz", model_files.model("smpl"))
    ).hand_components


def test_betas_have_gradients(tmp_path: Path) -> None:
    arrays = model_files.model("smplx")
    body = load_smplx(model_files.write_npz(tmp_path / "m.npz", arrays))
    betas = torch.zeros(10, requires_grad=True)
    R = random_rotations(1, 55, dtype=torch.float32).requires_grad_()
    posed = body.with_betas(betas).pose(Pose(R, torch.zeros(1, 3)))
    posed.vertices.square().sum().backward()
    assert betas.grad is not None and bool((betas.grad != 0).all())
    assert R.grad is not None and bool((R.grad.abs().amax((-2, -1)) > 0).all())


def test_joint_tree_is_ours() -> None:
    assert model_files.parents("smplx") == list(PARENTS) and len(JOINTS) == 55


def changed(**fields: Any) -> Any:
    def change(arrays: dict[str, Any]) -> dict[str, Any]:
        out = dict(arrays)
        for name, value in fields.items():
            out[name] = value(arrays[name]) if callable(value) else value
            if out[name] is None:
                del out[name]
        return out

    return change


def put(value: float, *where: int) -> Any:
    def write(array: np.ndarray) -> np.ndarray:
        out = array.astype(np.float64)
        out[where] = value
        return out

    return write


DAMAGED = {
    "nothing": (lambda a: {}, "v_template"),
    "no weights": (changed(weights=None), "weights"),
    "no faces": (changed(f=None), "f"),
    "no regressor": (changed(J_regressor=None), "J_regressor"),
    "template of text": (changed(v_template=np.array(["a", "b"])), "v_template"),
    "template flat": (changed(v_template=lambda a: a.ravel()), "v_template"),
    "template empty": (changed(v_template=np.zeros((0, 3))), "v_template"),
    "template a point": (changed(v_template=np.zeros((1, 3))), "v_template"),
    "template NaN": (changed(v_template=put(np.nan, 3, 1)), "v_template"),
    "template infinite": (changed(v_template=put(np.inf, 3, 1)), "v_template"),
    "template boolean": (changed(v_template=lambda a: a > 0), "v_template"),
    "template complex": (changed(v_template=lambda a: a + 0j), "v_template"),
    "template a number": (changed(v_template=np.float64(3)), "v_template"),
    "huge mesh": (changed(v_template=np.zeros((200_001, 3), np.float32)), "v_template"),
    "weights short": (changed(weights=lambda a: a[:-1]), "weights"),
    "weights of other joints": (changed(weights=lambda a: a[:, :24]), "weights"),
    "weights negative": (changed(weights=lambda a: a - 0.5), "weights"),
    "weights doubled": (changed(weights=lambda a: a * 2), "weights"),
    "shapedirs of two dimensions": (changed(shapedirs=lambda a: a[..., 0]), "shapedirs"),
    "shapedirs without any": (changed(shapedirs=lambda a: a[..., :0]), "shapedirs"),
    "posedirs short": (changed(posedirs=lambda a: a[..., :-1]), "posedirs"),
    "posedirs too many": (changed(posedirs=lambda a: np.concatenate([a, a], -1)), "posedirs"),
    "posedirs turned": (changed(posedirs=lambda a: a.transpose(2, 0, 1)), "posedirs"),
    "regressor turned": (changed(J_regressor=lambda a: a.T), "J_regressor"),
    "regressor of zeros": (changed(J_regressor=lambda a: a * 0), "J_regressor"),
    "tree of 30 joints": (changed(kintree_table=lambda a: a[:, :30]), "kintree_table"),
    "tree of one row": (changed(kintree_table=lambda a: a[:1]), "kintree_table"),
    "tree hangs elsewhere": (changed(kintree_table=put(9, 0, 4)), "kintree_table"),
    "tree numbered otherwise": (changed(kintree_table=put(9, 1, 4)), "kintree_table"),
    "faces out of range": (changed(f=put(90, 0, 0)), "f"),
    "faces negative": (changed(f=put(-1, 0, 0)), "f"),
    "faces halved": (changed(f=put(0.5, 0, 0)), "f"),
    "faces square": (changed(f=lambda a: np.concatenate([a, a[:, :1]], 1)), "f"),
    "vt without ft": (changed(ft=None), "ft"),
    "ft without vt": (changed(vt=None), "vt"),
    "vt outside": (changed(vt=put(1.7, 0, 0)), "vt"),
    "ft outside": (changed(ft=put(120, 0, 0)), "ft"),
    "ft short": (changed(ft=lambda a: a[:-1]), "ft"),
    "hand mean short": (changed(hands_meanl=lambda a: a[:-3]), "hands_meanl"),
    "hand mean lost": (changed(hands_meanr=None), "hands_meanr"),
    "hand components lost": (changed(hands_componentsr=None), "hands_componentsr"),
    "hand components narrow": (
        changed(hands_componentsr=lambda a: a[:, :6]), "hands_componentsr"
    ),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_model_files(tmp_path: Path, case: str) -> None:
    change, field = DAMAGED[case]
    arrays = change(model_files.model("smplx"))
    path = model_files.write_npz(tmp_path / "broken.npz", arrays)
    with pytest.raises(InputError) as caught:
        load_body(path)
    assert caught.value.source == str(path) and caught.value.field == field
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("shape", "field"),
    [
        (Shape(betas=(0.0,) * 11), "betas"),
        (Shape(betas=(0.0, float("nan"))), "betas[1]"),
        (Shape(betas=(-21.0,)), "betas[0]"),
        (Shape(betas=(float("inf"),)), "betas[0]"),
    ],
)
def test_wrong_shapes(tmp_path: Path, shape: Shape, field: str) -> None:
    body = load_smplx(model_files.write_npz(tmp_path / "m.npz", model_files.model("smplx")))
    with pytest.raises(InputError) as caught:
        body.with_shape(shape)
    assert caught.value.field == field
    assert body.with_shape(replace(shape, betas=())).height > 0


@pytest.mark.parametrize("name", ["nobody", "", "smplx", "there/is/no.npz", "there/is/no.pkl"])
def test_unknown_bodies(name: str) -> None:
    with pytest.raises(InputError):
        load_body(name)


def test_options_are_for_files() -> None:
    with pytest.raises(InputError, match="no option of the built-in body"):
        load_body("anny", dtype=torch.float64)
