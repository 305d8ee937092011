"""BVH: what the text says, what is found in the data, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from motion_files import TREE, bvh_text, mutated, pose_with_scipy

from muybridge.body import Shape, load_body
from muybridge.body.skeleton import JOINT_INDEX
from muybridge.errors import InputError
from muybridge.motion import load_bvh, load_motion, retarget
from muybridge.motion.bvh import frame_rate, parse_bvh, read_bvh
from muybridge.motion.bvh_names import match, plain
from muybridge.motion.bvh_person import person_from_bvh
from muybridge.motion.kinematics import forward_kinematics

LIMBS = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))


def directions(position: np.ndarray, pairs: list[tuple[int, int]]) -> np.ndarray:
    bones = np.stack([position[:, b] - position[:, a] for a, b in pairs], axis=1)
    return bones / np.linalg.norm(bones, axis=-1, keepdims=True)


def limb_error(path: Path, text: str, rest_joints: torch.Tensor | None) -> float:
    """Largest angle, degrees, between limbs of the file and ours, after one turn of the world."""
    motion = load_bvh(path)
    if rest_joints is not None:
        motion = retarget(motion, rest_joints, feet="keep")
    assert motion.rest_joints is not None
    _, joints = forward_kinematics(
        motion.R_parent_joint.double(), motion.root_position.double(), motion.rest_joints.double()
    )
    names, theirs = pose_with_scipy(text)
    found = match(path, names, read_bvh(path).parents)
    pairs = [(f"{s}_{a}", f"{s}_{b}") for s in ("left", "right") for a, b in LIMBS]
    pairs = [p for p in pairs if p[1] in found.joints]
    assert len(pairs) == 8
    a = directions(theirs, [(found.joints[x], found.joints[y]) for x, y in pairs])
    b = directions(joints.numpy(), [(JOINT_INDEX[x], JOINT_INDEX[y]) for x, y in pairs])
    u, _, vt = np.linalg.svd(np.einsum("tki,tkj->ij", b, a))
    turn = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    cosine = np.einsum("tki,ij,tkj->tk", b, turn, a).clip(-1, 1)
    return float(np.degrees(np.arccos(cosine)).max())


@pytest.fixture(scope="module")
def adult() -> torch.Tensor:
    return load_body("anny").with_shape(Shape()).rest_joints


@pytest.mark.parametrize(
    "name",
    [
        *("animdraw_dab", "animdraw_jumping", "animdraw_jumping_jacks", "animdraw_wave_hello"),
        *("animdraw_zombie", "pybvh_cmu_12_01_walk"),
    ],
)
def test_limbs_point_where_the_file_says(shared: Path, name: str, adult: torch.Tensor) -> None:
    path = shared / "data" / "motions" / f"{name}.bvh"
    text = path.read_text()
    assert limb_error(path, text, None) < 0.1
    assert limb_error(path, text, adult) < 0.1


@pytest.mark.parametrize(
    ("name", "fps", "height"),
    [
        ("animdraw_dab", Fraction(30), 1.7),
        ("animdraw_jumping_jacks", Fraction(30), 1.8),
        ("pybvh_cmu_12_01_walk", Fraction(120), 1.67),
    ],
)
def test_real_files_stand_on_the_ground(
    shared: Path, name: str, fps: Fraction, height: float
) -> None:
    motion = load_bvh(shared / "data" / "motions" / f"{name}.bvh")
    assert motion.fps == fps
    assert motion.rest_joints is not None
    _, joints = forward_kinematics(motion.R_parent_joint, motion.root_position, motion.rest_joints)
    ankles = joints[:, [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]], 1]
    assert 0.03 < float(ankles.amin(1).median()) < 0.2
    # The head is above the pelvis, and the person is of a person's size.
    assert float((joints[:, 15, 1] - joints[:, 0, 1]).min()) > 0.2
    assert 0.75 * height < float(joints[:, 15, 1].max()) < 1.6 * height


def test_cmu_walk_goes_forward_where_it_faces(shared: Path) -> None:
    motion = load_motion(shared / "data" / "motions" / "pybvh_cmu_12_01_walk.bvh")
    assert motion.frames == 523  # 524 less the calibration pose
    way = motion.root_position[-1] - motion.root_position[0]
    assert float(way[2]) > 3.0 and abs(float(way[0])) < 0.5
    assert torch.allclose(motion.root_position[0, [0, 2]], torch.zeros(2), atol=1e-6)


@pytest.mark.parametrize("order", ["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"])
def test_any_order_of_channels(tmp_path: Path, order: str) -> None:
    text = bvh_text(order=order, amount=60)
    path = tmp_path / "a.bvh"
    path.write_text(text)
    names, expected = pose_with_scipy(text)
    _, position = read_bvh(path).pose()
    assert np.abs(position.numpy() - expected).max() < 1e-4
    assert limb_error(path, text, None) < 0.1


def test_layout_of_the_text_does_not_matter() -> None:
    text = bvh_text()
    plain_text = parse_bvh("a", text.encode())
    squeezed = text.replace("\n", " ", text[: text.index("MOTION")].count("\n"))
    for changed in (
        text.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + text.encode(),
        squeezed.replace(" {", "{").replace("} ", "}").encode(),
        text.replace("Frames:", "Frames :").replace("Frame Time:", "Frame  Time:").encode(),
        text.replace("Xposition", "XPOSITION").replace("rotation", "Rotation").encode(),
    ):
        other = parse_bvh("b", changed)
        assert other.names == plain_text.names
        assert torch.equal(other.values, plain_text.values)
        assert torch.equal(other.offsets, plain_text.offsets)


@pytest.mark.parametrize("z_up", [False, True])
@pytest.mark.parametrize(
    ("scale", "unit"),
    [
        (1.0, "centimetres"),
        (0.01, "metres"),
        (10.0, "millimetres"),
        (1 / 2.54, "inches"),
        (0.45 / 2.54, "CMU units"),
    ],
)
def test_units_and_up_axis_are_found(scale: float, unit: str, z_up: bool) -> None:
    text = bvh_text(scale=scale, z_up=z_up)
    motion = person_from_bvh("a.bvh", parse_bvh("a.bvh", text.encode()))
    assert unit in motion.notes[0] and ("+Z" if z_up else "+Y") in motion.notes[0]
    reference = person_from_bvh("a.bvh", parse_bvh("a.bvh", bvh_text().encode()))
    # Offsets and angles are written with few digits.
    assert torch.allclose(motion.root_position, reference.root_position, atol=2e-3)
    if not z_up:
        assert torch.allclose(motion.R_parent_joint, reference.R_parent_joint, atol=1e-4)


def test_a_file_in_no_known_unit_makes_an_adult() -> None:
    motion = person_from_bvh("a.bvh", parse_bvh("a.bvh", bvh_text(scale=3.0).encode()))
    assert "unknown units" in motion.notes[0]
    assert motion.rest_joints is not None
    assert 1.4 < float(motion.rest_joints[15, 1]) < 1.8


def test_unit_and_axis_can_be_said() -> None:
    bvh = parse_bvh("a.bvh", bvh_text(scale=0.01).encode())
    assert person_from_bvh("a", bvh, unit=2.0).root_position[0, 1] > 1.6
    for bad in ("furlong", -1.0, 0.0):
        with pytest.raises(InputError, match="unit"):
            person_from_bvh("a", bvh, unit=bad)
    with pytest.raises(InputError, match="up"):
        person_from_bvh("a", bvh, up="w")


def names_like(style: str) -> dict[str, str]:
    plain_names = [n for n, _, _ in TREE]
    if style == "mixamo":
        return {n: f"mixamorig:{n}" for n in plain_names}
    if style == "mixamo flat":
        return {n: f"mixamorig{n}" for n in plain_names}
    sides = {"Left": ("L", "l", "left"), "Right": ("R", "r", "right")}
    words = {
        "cmu": ("Hip", "Knee", "Ankle", "Toe", "Collar", "Shoulder", "Elbow", "Wrist"),
        "biped": ("Thigh", "Calf", "Foot", "Toe0", "Clavicle", "UpperArm", "Forearm", "Hand"),
        "smpl": ("Hip", "Knee", "Ankle", "Foot", "Collar", "Shoulder", "Elbow", "Wrist"),
        "blender": ("thigh", "shin", "foot", "toe", "shoulder", "upper_arm", "forearm", "hand"),
        "daz": ("ThighBend", "Shin", "Foot", "Toe", "Collar", "ShldrBend", "ForearmBend", "Hand"),
        "unreal": ("thigh", "calf", "foot", "ball", "clavicle", "upperarm", "lowerarm", "hand"),
        "rokoko": ("Thigh", "Shin", "Foot", "Toe", "Shoulder", "Arm", "ForeArm", "Hand"),
        "xsens": (
            "UpperLeg",
            "LowerLeg",
            "Foot",
            "Toe",
            "Shoulder",
            "UpperArm",
            "LowerArm",
            "Hand",
        ),
        "makehuman": (
            *("upperleg01", "lowerleg01", "foot", "toe1-1"),
            *("clavicle", "upperarm01", "lowerarm01", "wrist"),
        ),
    }[style]
    ours = ("UpLeg", "Leg", "Foot", "ToeBase", "Shoulder", "Arm", "ForeArm", "Hand")
    out: dict[str, str] = {"Head": "head", "Neck": "neck", "Hips": "pelvis"}
    for side, (upper, low, full) in sides.items():
        for old, new in zip(ours, words, strict=True):
            out[f"{side}{old}"] = {
                "cmu": f"{side}{new}",
                "biped": f"Bip01_{upper}_{new}",
                "smpl": f"{upper}_{new}",
                "blender": f"DEF-{new}.{upper}",
                "daz": f"{low}{new}",
                "unreal": f"{new}_{low}",
                "rokoko": f"{side}{new}",
                "xsens": f"{full}_{new}",
                "makehuman": f"{new}.{upper}",
            }[style]
    return out


@pytest.mark.parametrize(
    "style",
    [
        *("mixamo", "mixamo flat", "cmu", "biped", "smpl", "blender", "daz", "unreal", "rokoko"),
        *("xsens", "makehuman"),
    ],
)
def test_joints_are_known_by_many_names(style: str) -> None:
    reference = person_from_bvh("a.bvh", parse_bvh("a.bvh", bvh_text().encode()))
    text = bvh_text(rename=names_like(style))
    motion = person_from_bvh("a.bvh", parse_bvh("a.bvh", text.encode()))
    assert torch.equal(motion.R_parent_joint, reference.R_parent_joint)
    assert torch.equal(motion.root_position, reference.root_position)


def test_3ds_max_names_have_spaces() -> None:
    text = bvh_text(rename={"LeftUpLeg": "Bip01 L Thigh", "LeftLeg": "Bip01 L Calf"})
    bvh = parse_bvh("a.bvh", text.encode())
    assert "Bip01 L Thigh" in bvh.names
    person_from_bvh("a.bvh", bvh)


@pytest.mark.parametrize(
    ("name", "side", "word"),
    [
        ("LeftUpLeg", "left", "upleg"),
        ("rShldr", "right", "shldr"),
        ("hand.R", "right", "hand"),
        ("mixamorig:LeftHandThumb1", "left", "handthumb1"),
        ("Bip001 R UpperArm", "right", "upperarm"),
        ("lhand", "left", "hand"),
        ("LHipJoint", "left", "hipjoint"),
        ("rightHip", "right", "hip"),
        ("leg", "", "leg"),
        ("Root", "", "root"),
        ("", "", ""),
    ],
)
def test_names_are_reduced(name: str, side: str, word: str) -> None:
    assert (plain(name).side, plain(name).word) == (side, word)


def test_unrecognised_joints_are_listed() -> None:
    text = bvh_text(rename={"LeftUpLeg": "foo", "LeftLeg": "bar", "RightForeArm": "baz"})
    with pytest.raises(InputError) as error:
        person_from_bvh("x.bvh", parse_bvh("x.bvh", text.encode()))
    assert error.value.source == "x.bvh"
    for word in ("left_hip", "right_elbow", "foo", "bar", "baz", "Mixamo"):
        assert word in str(error.value)


def test_a_zero_pose_that_does_not_stand_is_replaced_by_a_frame() -> None:
    bvh = parse_bvh("a.bvh", bvh_text(amount=5).encode())
    # The same motion, told by a skeleton whose zero pose is a heap of bones along one axis.
    R, position = bvh.pose()
    heap = bvh.offsets.norm(dim=-1, keepdim=True) * torch.tensor([[0.0, 1.0, 0.0]]).double()
    broken = type(bvh)(bvh.names, bvh.parents, heap, bvh.ends, bvh.channels, bvh.values, bvh.fps)
    with pytest.raises(InputError, match="standing"):
        person_from_bvh("a.bvh", broken)


@pytest.mark.parametrize(
    ("written", "rate"),
    [
        (".0083333", Fraction(120)),
        ("0.0333333", Fraction(30)),
        ("0.033", Fraction(30)),
        (".03333", Fraction(30)),
        ("0.0333667", Fraction(30000, 1001)),
        ("0.008341667", Fraction(120000, 1001)),
        ("0.0416667", Fraction(24)),
        ("0.01", Fraction(100)),
        ("4.16667e-2", Fraction(24)),
        ("2", Fraction(1, 2)),
    ],
)
def test_frame_rates_are_what_was_meant(written: str, rate: Fraction) -> None:
    assert frame_rate(written) == rate


GOOD = bvh_text(frames=3)
BAD: dict[str, bytes] = {
    "empty": b"",
    "binary": bytes(range(256)) * 4,
    "no motion": GOOD[: GOOD.index("MOTION")].encode(),
    "no hierarchy": GOOD[GOOD.index("MOTION") :].encode(),
    "cut within the frames": GOOD[: len(GOOD) - 400].encode(),
    "cut within the hierarchy": (GOOD[:500] + "\nMOTION\nFrames: 1\nFrame Time: 1\n0").encode(),
    "too many values": (GOOD + GOOD[GOOD.index("Frame Time") + 22 :]).encode(),
    "no frames": GOOD.replace("Frames: 3", "Frames: 0").encode(),
    "negative frames": GOOD.replace("Frames: 3", "Frames: -3").encode(),
    "huge frames": GOOD.replace("Frames: 3", "Frames: 99999999999999999999").encode(),
    "many frames": GOOD.replace("Frames: 3", "Frames: 200000").encode(),
    "zero frame time": GOOD.replace("0.0333333", "0").encode(),
    "negative frame time": GOOD.replace("0.0333333", "-0.1").encode(),
    "frame time nan": GOOD.replace("0.0333333", "nan").encode(),
    "frame time word": GOOD.replace("0.0333333", "fast").encode(),
    "nan in a frame": GOOD.replace("92.00000", "nan", 1).encode(),
    "infinite": GOOD.replace("92.00000", "1e999", 1).encode(),
    "a word in a frame": GOOD.replace("92.00000", "abc", 1).encode(),
    "nan offset": GOOD.replace("9.000000 -4.000000", "nan -4", 1).encode(),
    "unknown channel": GOOD.replace("Zrotation", "Wrotation", 1).encode(),
    "channel twice": GOOD.replace("Zrotation Xrotation", "Zrotation Zrotation", 1).encode(),
    "negative channels": GOOD.replace("CHANNELS 3", "CHANNELS -3", 1).encode(),
    "many channels": GOOD.replace("CHANNELS 3", "CHANNELS 900", 1).encode(),
    "a brace too many": GOOD.replace("MOTION", "}\nMOTION").encode(),
    "a brace too few": GOOD.replace("}\nMOTION", "\nMOTION").encode(),
    "two roots": GOOD.replace("MOTION", "ROOT b\n{\nOFFSET 0 0 0\n", 1).encode(),
    "no legs": GOOD.replace("UpLeg", "Fin").encode(),
    "flat person": GOOD.replace("-41.000000", "0").replace("-40.000000", "0").encode(),
    "too many joints": (
        "HIERARCHY ROOT a { OFFSET 0 0 0 "
        + "JOINT b { OFFSET 0 0 0 " * 1001
        + "}" * 1002
        + " MOTION Frames: 1 Frame Time: 1 0"
    ).encode(),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_refused_in_words(case: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.bvh"
    path.write_bytes(BAD[case])
    with pytest.raises(InputError) as error:
        load_bvh(path)
    assert str(path) in str(error.value) and error.value.problem and error.value.remedy


def test_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.bvh", tmp_path, tmp_path / "a\0b.bvh"):
        with pytest.raises(InputError):
            load_bvh(path)


def test_two_thousand_damaged_files() -> None:
    data = bvh_text(frames=2).encode()
    rng = np.random.default_rng(7)
    fine = 0
    for _ in range(2000):
        changed = mutated(data, rng)
        try:
            person_from_bvh("m.bvh", parse_bvh("m.bvh", changed))
            fine += 1
        except InputError:
            pass
    assert 50 < fine < 1950
