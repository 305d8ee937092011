"""Camera files in and out: a projected point computed independently for each."""

import json
import math
import pickle
import random
import struct
import warnings

import numpy as np
import pytest
import torch

from muybridge.camera import Cameras, build_cameras, load_cameras, save_cameras
from muybridge.camera.formats import FORMATS, mvhumannet
from muybridge.errors import InputError

POINT = np.array([0.21, 1.33, -0.17])


def pixel(cameras, v=0, t=0, point=POINT):
    found, _ = cameras.project(torch.tensor(point[None], dtype=torch.float32))
    return found[v, t, 0].tolist()


def a_rig(spec="orbit:3", frames=4, **more):
    points = torch.rand(frames, 30, 3, generator=torch.manual_seed(0))
    points = points * torch.tensor([0.8, 1.7, 0.4]) - torch.tensor([0.4, 0, 0.2])
    return build_cameras(spec, points, width=300, height=200, **more)


# ------------------------------------------------------------- round trips


@pytest.mark.parametrize("form", [*FORMATS, "colmap-binary"])
@pytest.mark.parametrize("spec", ["orbit:3", "arc:50", "rig16"])
def test_round_trip(form, spec, tmp_path):
    rig = a_rig(spec)
    path = tmp_path / ("x" if "colmap" in form or form == "mvhumannet" else "x.json")
    if form == "mvhumannet" and spec == "arc:50":
        with pytest.raises(InputError, match="stand still"):
            save_cameras(rig, path, form)
        assert not path.exists()
        return
    save_cameras(rig, path, form)
    again = load_cameras(path)
    assert (again.width, again.height) == (300, 200)
    again = again.resampled(rig.frames) if form == "mvhumannet" else again
    assert again.K.shape == rig.K.shape
    assert torch.allclose(again.K, rig.K, atol=1e-4)
    assert torch.allclose(again.T_cam_world, rig.T_cam_world, atol=2e-6)
    if form == "muybridge":
        assert torch.equal(again.K, rig.K) and torch.equal(again.T_cam_world, rig.T_cam_world)
        assert again.name == rig.name
    assert not [p for p in path.parent.rglob(".*")]


def test_our_file_says_what_it_means(tmp_path):
    rig = a_rig("arc:50")
    rig.save(tmp_path / "cameras.json")
    data = json.loads((tmp_path / "cameras.json").read_text())
    text = json.dumps(data["conventions"])
    for word in ("right-handed", "+Y up", "world-to-camera", "OpenCV", "metres", "(0.5, 0.5)"):
        assert word in text
    # a reader that knows only what the file says
    row, k = np.array(data["cameras"][0]["T_cam_world"][3]), data["cameras"][0]["K"][0]
    X = row.reshape(3, 4) @ np.append(POINT, 1)
    want = [(k[0] * X[0] + k[1] * X[1]) / X[2] + k[2], k[3] * X[1] / X[2] + k[4]]
    assert pixel(Cameras.load(tmp_path / "cameras.json"), 0, 3) == pytest.approx(want, abs=1e-3)
    size = [len(json.dumps(c["K"])) for c in data["cameras"]]
    assert max(size) < 100  # still intrinsics are written once


# -------------------------------------------------- independent projections


def test_nerfstudio_point(tmp_path):
    # a Blender camera 4 units in front (-Y) of the origin, 1 unit up, looking to +Y:
    # its own +Y is world +Z, its -Z is world +Y
    c2w = [[1, 0, 0, 0.0], [0, 0, -1, -4.0], [0, 1, 0, 1.0], [0, 0, 0, 1]]
    data = {"fl_x": 500, "fl_y": 510, "cx": 320, "cy": 240, "w": 640, "h": 480,
            "frames": [{"file_path": "a.png", "transform_matrix": c2w}]}
    path = tmp_path / "transforms.json"
    path.write_text(json.dumps(data))
    rig = load_cameras(path)
    # our point (x, y, z) lies at (x, -z, y) in that world; seen from 4 + (-z) away
    x, y, z = POINT
    depth = 4.0 - z
    want = [320 + 500 * x / depth, 240 - 510 * (y - 1.0) / depth]
    assert pixel(rig) == pytest.approx(want, abs=1e-3)
    assert rig.centers[0, 0].tolist() == pytest.approx([0, 1, 4], abs=1e-6)
    assert load_cameras(path, scale=0.5).centers[0, 0].tolist() == pytest.approx([0, 0.5, 2])
    angle = {k: v for k, v in data.items() if not k.startswith("fl")}
    path.write_text(json.dumps({**angle, "camera_angle_x": 2 * math.atan(320 / 500), "k1": 0.1}))
    with pytest.warns(UserWarning, match="distortion"):
        assert load_cameras(path).K[0, 0, 1, 1] == pytest.approx(500, abs=1e-2)


def colmap_text(model="PINHOLE 640 480 500 510 320 240"):
    # turned 90 degrees around y: wxyz (cos 45, 0, sin 45, 0)
    s = math.sqrt(0.5)
    return (f"# cameras\n1 {model}\n",
            f"# images\n7 {s} 0 {s} 0 0.1 0.2 5 1 a b.png\n1 2 -1 3 4 -1\n"
            f"8 1 0 0 0 0 0 3 1 c.png\n\n")


def colmap_binary():
    s = math.sqrt(0.5)
    cameras = struct.pack("<Q", 1) + struct.pack("<iiQQ4d", 1, 1, 640, 480, 500, 510, 320, 240)
    images = struct.pack("<Q", 2)
    images += struct.pack("<i7di", 7, s, 0, s, 0, 0.1, 0.2, 5, 1) + b"a b.png\0"
    images += struct.pack("<Q", 2) + struct.pack("<ddqddq", 1, 2, -1, 3, 4, -1)
    images += struct.pack("<i7di", 8, 1, 0, 0, 0, 0, 0, 3, 1) + b"c.png\0" + struct.pack("<Q", 0)
    return cameras, images


@pytest.mark.parametrize("kind", [".txt", ".bin"])
def test_colmap_point(kind, tmp_path):
    model = tmp_path / "sparse" / "0"
    model.mkdir(parents=True)
    texts = colmap_text() if kind == ".txt" else colmap_binary()
    for name, text in zip(("cameras", "images"), texts, strict=True):
        data = text.encode() if isinstance(text, str) else text
        (model / (name + kind)).write_bytes(data)
    for path in (tmp_path, model, model / ("images" + kind)):
        rig = load_cameras(path)
        assert (rig.views, rig.frames, rig.width) == (2, 1, 640)
        x, y, z = POINT
        X = (z + 0.1, y + 0.2, -x + 5)  # R_y(90): (x, y, z) -> (z, y, -x)
        want = [320 + 500 * X[0] / X[2], 240 + 510 * X[1] / X[2]]
        assert pixel(rig) == pytest.approx(want, abs=1e-3)
        assert pixel(rig, 1) == pytest.approx(
            [320 + 500 * x / (z + 3), 240 + 510 * y / (z + 3)], abs=1e-3)
    assert load_cameras(tmp_path, layout="path").K.shape[:2] == (1, 2)
    assert load_cameras(tmp_path, scale=2).T_cam_world[0, 0, 2, 3] == pytest.approx(10)


@pytest.mark.parametrize(("model", "fx", "fy"), [
    ("SIMPLE_PINHOLE 640 480 500 320 240", 500, 500),
    ("SIMPLE_RADIAL 640 480 505 320 240 0.03", 505, 505),
    ("OPENCV 640 480 500 510 320 240 0.1 0 0 0", 500, 510),
])
def test_colmap_lenses(model, fx, fy, tmp_path):
    cameras, images = colmap_text(model)
    (tmp_path / "cameras.txt").write_text(cameras)
    (tmp_path / "images.txt").write_text(images)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        K = load_cameras(tmp_path).K[0, 0]
    assert (K[0, 0], K[1, 1], K[0, 2], K[1, 2]) == (fx, fy, 320, 240)
    assert bool(caught) == ("SIMPLE_PINHOLE" not in model)


def write_mvhumannet(folder, scale=120 / 65, kind="pkl"):
    folder.mkdir(exist_ok=True)
    K = [[2900.0, 0, 2050], [0, 2910.0, 1490], [0, 0, 1]]
    a = math.radians(30)
    R = [[1, 0, 0], [0, math.cos(a), -math.sin(a)], [0, math.sin(a), math.cos(a)]]
    extrinsics = {
        "1_CC32871A023.png": {"rotation": R, "translation": [100.0, -200.0, 1500.0]},
        "0_CC32871A004.png": {"rotation": np.eye(3).tolist(),
                              "translation": [[0.0], [0.0], [2000.0]]},
    }
    (folder / "camera_intrinsics.json").write_text(json.dumps({"intrinsics": K, "dist": []}))
    (folder / "camera_extrinsics.json").write_text(json.dumps(extrinsics))
    if kind == "pkl":
        (folder / "camera_scale.pkl").write_bytes(pickle.dumps(scale))
    elif kind == "numpy":
        (folder / "camera_scale.pkl").write_bytes(pickle.dumps(np.float64(scale)))
    elif kind == "npy":
        np.save(folder / "camera_scale.npy", np.array(scale))
    elif kind == "json":
        (folder / "camera_scale.json").write_text(json.dumps(scale))
    return folder


@pytest.mark.parametrize("kind", ["pkl", "numpy", "npy", "json", "argument"])
def test_mvhumannet_point(kind, tmp_path):
    folder = write_mvhumannet(tmp_path / "100831", kind=kind)
    rig = load_cameras(folder, scale=120 / 65 if kind == "argument" else None)
    assert (rig.views, rig.frames, rig.width, rig.height) == (2, 1, 4096, 3000)
    s = 120 / 65
    x, y, z = POINT
    assert pixel(rig) == pytest.approx(
        [2050 + 2900 * x / (z + 2 * s), 1490 + 2910 * y / (z + 2 * s)], abs=5e-3)
    c, n = math.cos(math.radians(30)), math.sin(math.radians(30))
    X = (x + 0.1 * s, c * y - n * z - 0.2 * s, n * y + c * z + 1.5 * s)
    assert pixel(rig, 1) == pytest.approx(
        [2050 + 2900 * X[0] / X[2], 1490 + 2910 * X[1] / X[2]], abs=5e-3)
    assert mvhumannet.read(folder, scale=1.0, size=(64, 32)).width == 64
    assert load_cameras(folder / "camera_extrinsics.json", scale=1.0).views == 2


def test_a_pickle_that_is_code_is_not_run(tmp_path):
    folder = write_mvhumannet(tmp_path / "x")
    mark = tmp_path / "ran"

    class Bad:
        def __reduce__(self):
            return (open, (str(mark), "w"))

    (folder / "camera_scale.pkl").write_bytes(pickle.dumps(Bad()))
    with pytest.raises(InputError, match="camera_scale"):
        load_cameras(folder)
    assert not mark.exists()


def test_build_from_files_fits_size_and_frames(tmp_path):
    rig = a_rig("arc:50", frames=5)
    rig.save(tmp_path / "rig.json")
    points = torch.rand(9, 4, 3, generator=torch.manual_seed(0))
    c = build_cameras(str(tmp_path / "rig.json"), points, width=150, height=100)
    assert (c.views, c.frames, c.width, c.height) == (1, 9, 150, 100)
    assert pixel(c, 0, 8) == pytest.approx([p / 2 for p in pixel(rig, 0, 4)], abs=1e-2)
    save_cameras(a_rig("orbit:4", frames=1), tmp_path / "col", "colmap")
    c = build_cameras(f"{tmp_path}/col:path", points)
    assert (c.views, c.frames) == (1, 9)
    with pytest.raises(InputError, match="no such file"):
        build_cameras(str(tmp_path / "none.json"), points)


# ---------------------------------------------------------------- bad input


def good_transforms():
    return {"fl_x": 500, "w": 640, "h": 480,
            "frames": [{"file_path": "a", "transform_matrix": np.eye(4).tolist()}]}


def edited(make, *path_value):
    data = make()
    *path, value = path_value
    at = data
    for key in path[:-1]:
        at = at[key]
    if value is KeyError:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return data


def good_ours():
    return {"muybridge_cameras": 1, "width": 64, "height": 48, "frames": 2, "cameras": [
        {"K": [[50, 0, 32, 50, 24]], "T_cam_world": [[1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2]] * 2}]}


MIRROR = np.diag([-1.0, 1, 1, 1]).tolist()
NERF = "frames", 0, "transform_matrix"
BAD_JSON = [
    (b"", "empty"), (b"{", "JSON"), (b"\xff\xfe\x00", "UTF-8"), (b"[1, 2]", "no camera file"),
    (b"{}", "no known"), (b"[" * 100000, "JSON"), (b'{"frames": NaN}', "list"),
    (edited(good_transforms, "frames", []), "list"), (edited(good_transforms, "frames", 3), "list"),
    (edited(good_transforms, "frames", [3]), "object"),
    (edited(good_transforms, "w", 0), "range"), (edited(good_transforms, "h", -5), "range"),
    (edited(good_transforms, "w", "wide"), "whole number"),
    (edited(good_transforms, "w", 1e400), "whole"), (edited(good_transforms, "w", 10**9), "range"),
    (edited(good_transforms, "w", KeyError), "missing"),
    (edited(good_transforms, "fl_x", KeyError), "missing"),
    (edited(good_transforms, "fl_x", 0), "range"), (edited(good_transforms, "fl_x", -3), "range"),
    (edited(good_transforms, "fl_x", math.nan), "NaN"),
    (edited(good_transforms, "fl_x", True), "number"),
    (edited(good_transforms, "fl_x", 10**400), "infinite"),
    (edited(good_transforms, "camera_model", "OPENCV_FISHEYE"), "pinhole"),
    (edited(good_transforms, *NERF, None), "array"), (edited(good_transforms, *NERF, []), "array"),
    (edited(good_transforms, *NERF, [[1, 2], [3]]), "array"),
    (edited(good_transforms, *NERF, np.zeros((4, 4)).tolist()), "4x4|rotation"),
    (edited(good_transforms, *NERF, (np.eye(4) * 2).tolist()), "4x4|rotation"),
    (edited(good_transforms, *NERF, MIRROR), "mirrors"),
    (edited(good_transforms, *NERF, 0, 3, math.inf), "NaN|infin"),
    (edited(good_transforms, *NERF, 0, 3, 1e12), "1000 km"),
    (edited(good_ours, "muybridge_cameras", 9), "version"),
    (edited(good_ours, "muybridge_cameras", [1]), "version"),
    (edited(good_ours, "frames", 0), "frames"), (edited(good_ours, "frames", 2.0), "frames"),
    (edited(good_ours, "frames", 10**12), "many"), (edited(good_ours, "frames", 3), "rows"),
    (edited(good_ours, "cameras", []), "list"), (edited(good_ours, "cameras", [0]), "object"),
    (edited(good_ours, "cameras", 0, "K", [[50, 0, 32, 50]]), "array"),
    (edited(good_ours, "cameras", 0, "K", [[0, 0, 32, 50, 24]]), "focal"),
    (edited(good_ours, "cameras", 0, "K", [[-5, 0, 32, 50, 24]]), "focal"),
    (edited(good_ours, "cameras", 0, "K", [[1e300, 0, 32, 50, 24]]), "range"),
    (edited(good_ours, "cameras", 0, "T_cam_world", [[0] * 12]), "orthonormal"),
    (edited(good_ours, "cameras", 0, "T_cam_world", [["a"] * 12]), "array"),
    (edited(good_ours, "width", None), "whole"), (edited(good_ours, "height", 1e9), "range"),
]


@pytest.mark.parametrize(("data", "word"), BAD_JSON, ids=range(len(BAD_JSON)))
def test_bad_json(data, word, tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    with pytest.raises(InputError, match=word):
        load_cameras(path)


def test_good_json_is_good(tmp_path):
    for make in (good_ours, good_transforms):
        (tmp_path / "x.json").write_text(json.dumps(make()))
        assert load_cameras(tmp_path / "x.json").views == 1


@pytest.mark.parametrize(("part", "old", "new", "word"), [
    ("cameras", "PINHOLE", "FISHEYE", "pinhole"), ("cameras", " 240", "", "parameters"),
    ("cameras", "500", "0", "focal"), ("cameras", "500", "nan", "NaN"),
    ("cameras", "640", "-640", "range"), ("cameras", "640", "wide", "line 2"),
    ("cameras", "1 P", "2 P", "not in the cameras"), ("images", "7 ", "x ", "line 2"),
    ("images", " 1 a b.png", "", "line 2"), ("images", "0.1", "inf", "NaN"),
    ("images", "8 1 0 0 0", "8 0 0 0 0", "quaternion"), ("images", "5 1 a", "5e8 1 a", "1000 km"),
    ("images", "7", "# 7", "line"),
])
def test_bad_colmap_text(part, old, new, word, tmp_path):
    for name, text in zip(("cameras", "images"), colmap_text(), strict=True):
        (tmp_path / f"{name}.txt").write_text(text.replace(old, new) if name == part else text)
    with pytest.raises(InputError, match=word):
        load_cameras(tmp_path)


@pytest.mark.parametrize(("part", "data"), [
    ("cameras", b""), ("images", b""), ("cameras", b"\1"), ("images", struct.pack("<Q", 2**60)),
    ("cameras", struct.pack("<Q", 3)), ("images", struct.pack("<Q", 0)),
    ("images", colmap_binary()[1][:-4]), ("images", colmap_binary()[1][:100]),
    ("cameras", colmap_binary()[0][:12] + struct.pack("<i", 99) + colmap_binary()[0][16:]),
    ("images", colmap_binary()[1].replace(b"c.png\0", b"\xff.png\0")),
    ("images", colmap_binary()[1][:-8] + struct.pack("<Q", 2**62)),
], ids=range(11))
def test_bad_colmap_binary(part, data, tmp_path):
    for name, good in zip(("cameras", "images"), colmap_binary(), strict=True):
        (tmp_path / f"{name}.bin").write_bytes(data if name == part else good)
    with pytest.raises(InputError):
        load_cameras(tmp_path)


@pytest.mark.parametrize(("name", "data", "word"), [
    ("camera_scale.pkl", None, "missing"), ("camera_scale.pkl", b"", "empty"),
    ("camera_scale.pkl", b"hello", "camera_scale"),
    ("camera_scale.pkl", pickle.dumps([1, 2]), "single"),
    ("camera_scale.pkl", pickle.dumps("big"), "single"),
    ("camera_scale.pkl", pickle.dumps(float("nan")), "range"),
    ("camera_scale.pkl", pickle.dumps(-1.0), "range"),
    ("camera_intrinsics.json", None, "no such"), ("camera_intrinsics.json", b"{}", "intrinsics"),
    ("camera_intrinsics.json", b'{"intrinsics": [[1, 2], [3, 4]]}', "array"),
    ("camera_intrinsics.json", json.dumps({"intrinsics": np.zeros((3, 3)).tolist()}).encode(),
     "matrix"),
    ("camera_extrinsics.json", b"{}", "table"), ("camera_extrinsics.json", b'{"a": 3}', "object"),
    ("camera_extrinsics.json", b'{"a": {"rotation": [1], "translation": [0, 0, 1]}}', "array"),
    ("camera_extrinsics.json", json.dumps({"a": {"rotation": np.ones((3, 3)).tolist(),
                                                 "translation": [0, 0, 1]}}).encode(), "rotation"),
    ("camera_extrinsics.json", json.dumps({"a": {"rotation": np.eye(3).tolist(),
                                                 "translation": [0, 1]}}).encode(), "array"),
])
def test_bad_mvhumannet(name, data, word, tmp_path):
    folder = write_mvhumannet(tmp_path / "x")
    if data is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(data)
    with pytest.raises(InputError, match=word):
        load_cameras(folder)


def test_bad_arguments(tmp_path):
    with pytest.raises(InputError, match="no cameras"):
        load_cameras(tmp_path)
    with pytest.raises(InputError, match="layout"):
        load_cameras(tmp_path, layout="sideways")
    with pytest.raises(InputError, match="scale"):
        load_cameras(tmp_path, scale=-1.0)
    with pytest.raises(InputError, match="not known"):
        save_cameras(a_rig(), tmp_path / "x", "obj")
    with pytest.raises(InputError, match="folder"):
        a_rig().save(tmp_path)
    (tmp_path / "images.txt").write_text("x")
    with pytest.raises(InputError, match="missing beside"):
        load_cameras(tmp_path)


# --------------------------------------------------------------------- fuzz


def mutations(data: bytes, count: int, seed: int):
    """Byte flips, cuts, insertions, repeats and swapped numbers, a fixed sequence."""
    r = random.Random(seed)
    odd = [b"nan", b"-1", b"0", b"1e999", b"null", b"[]", b"{}", b'""', b"true", b"\0", b"\xff",
           b"999999999999999999999", b"1e-320", b"\n", b" "]
    for _ in range(count):
        x = bytearray(data)
        for _ in range(r.choice([1, 1, 2, 5])):
            if not x:
                break
            i = r.randrange(len(x))
            j = min(len(x), i + r.choice([1, 2, 8, 40]))
            how = r.randrange(6)
            if how == 0:
                x[i] = r.randrange(256)
            elif how == 1:
                x[i] ^= 1 << r.randrange(8)
            elif how == 2:
                del x[i:j]
            elif how == 3:
                x[i:i] = x[i:j]
            elif how == 4:
                x[i:j] = r.choice(odd)
            elif r.random() < 0.3:
                del x[i:]
        yield bytes(x)


SEEDS = ["ours", "transforms", "cameras.txt", "images.txt", "cameras.bin", "images.bin",
         "camera_extrinsics.json", "camera_intrinsics.json", "camera_scale.pkl"]


@pytest.mark.parametrize("which", SEEDS)
def test_fuzz(which, tmp_path):
    if which in ("ours", "transforms"):
        make = good_ours if which == "ours" else good_transforms
        target = load = tmp_path / "x.json"
        seed = json.dumps(make()).encode()
    elif which.endswith((".txt", ".bin")):
        texts = colmap_text() if which.endswith("txt") else colmap_binary()
        for name, text in zip(("cameras", "images"), texts, strict=True):
            data = text.encode() if isinstance(text, str) else text
            (tmp_path / (name + which[-4:])).write_bytes(data)
        target, load = tmp_path / which, tmp_path
        seed = target.read_bytes()
    else:
        load = write_mvhumannet(tmp_path / "x")
        target = load / which
        seed = target.read_bytes()
    count = 500 if "camera_" in which else 1000 if which[-4:] in (".txt", ".bin") else 2000
    usable = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for data in mutations(seed, count, seed=len(which)):
            target.write_bytes(data)
            try:
                load_cameras(load).check()
                usable += 1
            except InputError as error:
                assert len(str(error)) < 700 + len(str(tmp_path))
    assert 0 < usable < count
