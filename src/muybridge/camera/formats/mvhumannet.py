"""MVHumanNet's rig: ``camera_intrinsics.json``, ``camera_extrinsics.json``, ``camera_scale.pkl``.

OpenCV world-to-camera. Translations are in millimetres of a calibration target
of assumed size: metres are ``translation / 1000 * camera_scale``. One set of
intrinsics serves all cameras. The rig's own world is kept; ``Cameras.moved``
brings it to ours.
"""

from __future__ import annotations

import json
import math
import pickle
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from muybridge.camera.checks import check_size, read_bytes, read_json
from muybridge.camera.formats.common import (
    arrange,
    array,
    matrix,
    nearest_rotation,
    number,
    write_whole,
)
from muybridge.camera.geometry import Array
from muybridge.camera.types import Cameras
from muybridge.errors import InputError

SIZES = {120 / 65: (4096, 3000)}
"""Picture sizes by camera scale: the two rigs had different cameras."""
OTHER_SIZE = (2448, 2048)
SCALES = ("camera_scale.json", "camera_scale.npy", "camera_scale.pkl")


def read(folder: str | PathLike[str], scale: float | int | None = None,
         size: tuple[int, int] | None = None) -> Cameras:
    """The still cameras of one MVHumanNet subject, ordered by name.

    Args:
        folder: with the JSON files and ``camera_scale.pkl`` (or ``.json``, ``.npy``).
        scale: instead of that file.
        size: of the pictures, pixels; by default that of the rig that has this
            scale, or twice the principal point where this fits neither rig.

    Raises:
        InputError: where a file is missing or can't be used.
    """
    folder = Path(folder)
    path = folder / "camera_extrinsics.json"
    factor = _scale(folder) if scale is None else float(scale)
    if not (math.isfinite(factor) and 0 < factor < 1e6):
        raise InputError(folder, "camera_scale", f"{factor} is out of range",
                         "use a positive number")
    K = _intrinsics(folder / "camera_intrinsics.json")
    entries = read_json(path)
    if not isinstance(entries, dict) or not entries:
        raise InputError(path, "", "is no table of cameras", "give MVHumanNet's own file")
    found: list[tuple[str, Any]] = []
    for key, entry in entries.items():
        name = key.rsplit(".", 1)[0].split("_")[-1] or key
        if not isinstance(entry, dict):
            raise InputError(path, key[:60], "is no object", "give MVHumanNet's own file")
        R = nearest_rotation(path, f"{key[:60]}.rotation",
                             array(path, f"{key[:60]}.rotation", entry.get("rotation"), (3, 3)))
        t = array(path, f"{key[:60]}.translation", _flat(entry.get("translation")), (3,))
        T = np.eye(4)
        T[:3, :3], T[:3, 3] = R, t / 1000 * factor
        found.append((name, T))
    found.sort(key=lambda f: f[0])
    if size is None:
        size = next((s for c, s in SIZES.items() if abs(c - factor) < 1e-3), OTHER_SIZE)
        middle = (2 * K[0, 2], 2 * K[1, 2])
        if max(abs(m - s) / s for m, s in zip(middle, size, strict=True)) > 0.1:
            size = (max(1, round(middle[0])), max(1, round(middle[1])))
    check_size(str(folder), *size)
    poses = np.stack([T for _, T in found])
    if np.abs(poses).max() > 1e6:
        raise InputError(path, "translation", "a camera stands over 1000 km away",
                         "translations are millimetres")
    return arrange(path, [n for n, _ in found], np.repeat(K[None], len(found), 0), poses,
                   [size] * len(found), "views", folder.resolve().name)


def _flat(value: Any) -> Any:
    """[[x], [y], [z]] as [x, y, z]."""
    if isinstance(value, list) and all(isinstance(v, list) and len(v) == 1 for v in value):
        return [v[0] for v in value]
    return value


def _intrinsics(path: Path) -> Array:
    data = read_json(path)
    if not isinstance(data, dict) or "intrinsics" not in data:
        raise InputError(path, "intrinsics", "is missing", "give MVHumanNet's own file")
    K = array(path, "intrinsics", data["intrinsics"], (3, 3))
    if not (1e-3 < K[0, 0] < 1e8 and 1e-3 < K[1, 1] < 1e8 and abs(K[2, 2] - 1) < 1e-6
            and np.abs(K).max() < 1e8):
        raise InputError(path, "intrinsics", "is no camera matrix",
                         "give [[fx,0,cx],[0,fy,cy],[0,0,1]]")
    return matrix(K[0, 0], K[1, 1], K[0, 2], K[1, 2])


def _scale(folder: Path) -> float:
    path = next((folder / n for n in SCALES if (folder / n).exists()), None)
    if path is None:
        raise InputError(folder, "camera_scale.pkl", "is missing",
                         "copy it from the data set, or give the scale as a number")
    if path.suffix == ".json":
        data = read_json(path)
        return number(path, "", data.get("camera_scale") if isinstance(data, dict) else data)
    if path.suffix == ".npy":
        try:
            value = np.load(path, allow_pickle=False)
            return float(np.asarray(value, dtype=np.float64).reshape(()))
        except Exception as error:
            raise InputError(path, "", f"is no array of one number ({error})",
                             "write it again") from None
    from muybridge.body.restricted import loads_pickle

    value = loads_pickle(read_bytes(path, limit=2**20), path)
    try:
        return float(np.asarray(value, dtype=np.float64).reshape(()))
    except (TypeError, ValueError):
        raise InputError(path, "", "holds no single number", "give the scale itself") from None


def write(cameras: Cameras, folder: str | PathLike[str]) -> None:
    """Write a rig of still cameras with one lens; the scale is 1.

    Raises:
        InputError: where cameras move or their lenses differ, which this format can't say.
    """
    cameras.check("cameras")
    if not bool((cameras.T_cam_world == cameras.T_cam_world[:, :1]).all()):
        raise InputError(folder, "", "MVHumanNet's files hold cameras that stand still",
                         "write another format")
    K = cameras.K[0, 0].double()
    if not bool((cameras.K[:1, :1] == cameras.K).all()):
        raise InputError(folder, "", "MVHumanNet's files hold one lens for all cameras",
                         "write another format")
    folder = Path(folder)
    entries = {}
    for v in range(cameras.views):
        T = cameras.T_cam_world[v, 0].double().cpu()
        entries[f"0_VIEW{v:03d}.png"] = {"rotation": T[:3, :3].tolist(),
                                         "translation": (T[:3, 3] * 1000).tolist()}
    write_whole(folder / "camera_intrinsics.json", json.dumps({"intrinsics": K.tolist()}).encode())
    write_whole(folder / "camera_extrinsics.json", json.dumps(entries, indent=1).encode())
    write_whole(folder / "camera_scale.pkl", pickle.dumps(1.0))
