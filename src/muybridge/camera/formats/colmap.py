"""COLMAP models, text and binary: OpenCV world-to-camera, wxyz quaternions.

COLMAP's world has no unit and no up: its numbers are kept as they are unless
``scale`` says what a unit is. Pixel centres lie at +0.5, as here. Distortion
is dropped with a warning.
"""

from __future__ import annotations

import struct
import warnings
from os import PathLike
from pathlib import Path

import numpy as np

from muybridge.camera.checks import MAX_CAMERAS, check_size, read_bytes
from muybridge.camera.formats.common import arrange, matrix, place, quaternion, write_whole
from muybridge.camera.geometry import Array
from muybridge.camera.types import Cameras
from muybridge.errors import InputError

NAMES = ("cameras.txt", "images.txt", "cameras.bin", "images.bin")
MODELS: dict[int, tuple[str, int, int]] = {
    # id: name, parameters, focal lengths among them
    0: ("SIMPLE_PINHOLE", 3, 1), 1: ("PINHOLE", 4, 2), 2: ("SIMPLE_RADIAL", 4, 1),
    3: ("RADIAL", 5, 1), 4: ("OPENCV", 8, 2), 6: ("FULL_OPENCV", 12, 2),
}
_BY_NAME = {name: (count, focal) for name, count, focal in MODELS.values()}
Intrinsics = dict[int, tuple[Array, tuple[int, int]]]
Pose = tuple[str, int, list[float]]


def read(folder: str | PathLike[str], layout: str = "auto",
         scale: float | int | None = None) -> Cameras:
    """The cameras of a COLMAP model's folder; binary where both are there.

    Raises:
        InputError: where a file is missing or broken, or its lens no pinhole.
    """
    folder = Path(folder)
    binary = (folder / "images.bin").exists()
    kind = ".bin" if binary else ".txt"
    cameras_path, images_path = folder / ("cameras" + kind), folder / ("images" + kind)
    for path in (cameras_path, images_path):
        if not path.exists():
            raise InputError(path, "", "is missing beside the other file of the model",
                             "copy the whole COLMAP model")
    try:
        intrinsics = (_cameras_bin if binary else _cameras_txt)(cameras_path)
        poses = (_images_bin if binary else _images_txt)(images_path)
    except (struct.error, UnicodeDecodeError, IndexError, OverflowError) as error:
        raise InputError(folder, "", f"the model is cut off or no COLMAP model ({error})",
                         "export it again") from None
    if not poses:
        raise InputError(images_path, "", "there is no picture in it", "register at least one")
    names, Ks, sizes = [], [], []
    numbers = np.array([p[2] for p in poses], dtype=np.float64)
    if not np.isfinite(numbers).all() or np.abs(numbers).max() > 1e9:
        raise InputError(images_path, "pose", "holds NaN or numbers out of range",
                         "export it again")
    for name, camera, _ in poses:
        if camera not in intrinsics:
            raise InputError(images_path, name[:60], f"its camera {camera} is not in the cameras "
                             "file", "copy the whole COLMAP model")
        names.append(name)
        Ks.append(intrinsics[camera][0])
        sizes.append(intrinsics[camera][1])
    T = np.tile(np.eye(4), (len(poses), 1, 1))
    T[:, :3, :3] = quaternion(images_path, "quaternion", numbers[:, :4])
    T[:, :3, 3] = numbers[:, 4:] * (1.0 if scale is None else scale)
    order = sorted(range(len(names)), key=lambda i: names[i])
    return arrange(images_path, [names[i] for i in order], np.stack(Ks)[order], T[order],
                   [sizes[i] for i in order], layout, folder.name)


def _intrinsics(path: Path, number: int, model: str, width: int, height: int,
                values: list[float]) -> tuple[Array, tuple[int, int]]:
    field = f"camera {number}"
    if model not in _BY_NAME:
        raise InputError(path, field, f"lens model {model[:30]!r} is no pinhole camera",
                         "undistort with COLMAP's image_undistorter")
    count, focal = _BY_NAME[model]
    if len(values) != count:
        raise InputError(path, field, f"{model} takes {count} parameters, not {len(values)}",
                         "export it again")
    if not np.isfinite(values).all() or np.abs(values).max() > 1e9:
        raise InputError(path, field, "holds NaN or numbers out of range", "export it again")
    if min(values[:focal]) <= 1e-3:
        raise InputError(path, field, "a focal length is zero or negative", "export it again")
    check_size(f"{path}: {field}", width, height)
    if any(abs(v) > 0 for v in values[focal + 2:]):
        warnings.warn(f"{path}: {field}: lens distortion is dropped; undistort the pictures",
                      stacklevel=4)
    fx, fy = (values[0], values[0]) if focal == 1 else values[:2]
    return matrix(fx, fy, *values[focal:focal + 2]), (width, height)


def _cameras_txt(path: Path) -> Intrinsics:
    out: Intrinsics = {}
    for i, line in enumerate(read_bytes(path).decode().splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            number, model, width, height = int(words[0]), words[1], int(words[2]), int(words[3])
            values = [float(w) for w in words[4:]]
        except (ValueError, IndexError):
            raise InputError(path, f"line {i}", "is not CAMERA_ID MODEL WIDTH HEIGHT PARAMS",
                             "export it again") from None
        out[number] = _intrinsics(path, number, model, width, height, values)
    return out


def _images_txt(path: Path) -> list[Pose]:
    out: list[Pose] = []
    lines = [(i, line) for i, line in enumerate(read_bytes(path).decode().splitlines(), 1)
             if not line.lstrip().startswith("#")]
    while lines and not lines[0][1].strip():
        lines.pop(0)
    for i, line in lines[::2]:  # every second line lists a picture's 2D points
        words = line.split(maxsplit=9)
        if not words:
            continue
        try:
            values, camera, name = [float(w) for w in words[1:8]], int(words[8]), words[9]
            int(words[0])
        except (ValueError, IndexError):
            raise InputError(path, f"line {i}", "is not IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID "
                             "NAME", "each picture has two lines; export it again") from None
        out.append((name.strip(), camera, values))
    return out


class _Bytes:
    """Little-endian numbers from bytes; ``struct.error`` past the end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, form: str) -> tuple[float | int, ...]:
        """The next values of a struct format."""
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def skip(self, count: int) -> None:
        """Leave out bytes that must be there."""
        if count > len(self.data) - self.at:
            raise struct.error("the file ends too early")
        self.at += count

    def text(self) -> str:
        """Bytes up to a zero."""
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise struct.error("a name has no end")
        out = self.data[self.at:end].decode()
        self.at = end + 1
        return out


def _count(path: Path, data: _Bytes, least: int) -> int:
    count = int(data.take("Q")[0])
    if count > MAX_CAMERAS or count * least > len(data.data):
        raise InputError(path, "", f"says it holds {count} entries, more than its bytes can",
                         "export it again")
    return count


def _cameras_bin(path: Path) -> Intrinsics:
    data, out = _Bytes(read_bytes(path)), {}
    for _ in range(_count(path, data, 24)):
        number, model, width, height = (int(x) for x in data.take("iiQQ"))
        if model not in MODELS:
            raise InputError(path, f"camera {number}", f"lens model {model} is no pinhole camera",
                             "undistort with COLMAP's image_undistorter")
        name, count, _ = MODELS[model]
        out[number] = _intrinsics(path, number, name, width, height,
                                  [float(v) for v in data.take(f"{count}d")])
    return out


def _images_bin(path: Path) -> list[Pose]:
    data, out = _Bytes(read_bytes(path)), []
    for _ in range(_count(path, data, 64)):
        data.take("i")
        values = [float(v) for v in data.take("7d")]
        camera = int(data.take("i")[0])
        name = data.text()
        data.skip(24 * int(data.take("Q")[0]))
        out.append((name, camera, values))
    return out


def write(cameras: Cameras, folder: str | PathLike[str], binary: bool = False) -> None:
    """Write ``cameras``, ``images`` and an empty ``points3D``, one PINHOLE for each picture."""
    from scipy.spatial.transform import Rotation

    cameras.check("cameras")
    folder = Path(folder)
    K = cameras.K.double().cpu().numpy().reshape(-1, 3, 3)
    T = cameras.T_cam_world.double().cpu().numpy().reshape(-1, 4, 4)
    quats = np.roll(Rotation.from_matrix(T[:, :3, :3]).as_quat(), 1, axis=-1)
    names = [place(v, t) for v in range(cameras.views) for t in range(cameras.frames)]
    params = np.stack([K[:, 0, 0], K[:, 1, 1], K[:, 0, 2], K[:, 1, 2]], -1)
    size = (cameras.width, cameras.height)
    if binary:
        head = struct.pack("<Q", len(names))
        cams = b"".join(struct.pack("<iiQQ4d", i, 1, *size, *p) for i, p in enumerate(params, 1))
        images = b"".join(
            struct.pack("<i7di", i, *q, *x[:3, 3], i) + n.encode() + b"\0" + struct.pack("<Q", 0)
            for i, (q, x, n) in enumerate(zip(quats, T, names, strict=True), 1))
        files = {"cameras.bin": head + cams, "images.bin": head + images,
                 "points3D.bin": struct.pack("<Q", 0)}
    else:
        lines = [" ".join(map(repr, (*map(float, q), *map(float, x[:3, 3])))) for q, x in
                 zip(quats, T, strict=True)]
        cams_text = "# CAMERA_ID MODEL WIDTH HEIGHT fx fy cx cy\n" + "".join(
            f"{i} PINHOLE {size[0]} {size[1]} " + " ".join(repr(float(v)) for v in p) + "\n"
            for i, p in enumerate(params, 1))
        images_text = "# IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME, then a line of points\n" + \
            "".join(f"{i} {line} {i} {n}\n\n" for i, (line, n) in
                    enumerate(zip(lines, names, strict=True), 1))
        files = {"cameras.txt": cams_text.encode(), "images.txt": images_text.encode(),
                 "points3D.txt": b"# empty\n"}
    for name, data in files.items():
        write_whole(folder / name, data)
