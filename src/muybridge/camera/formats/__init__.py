"""Camera files of other programs, in and out.

==============  =================================================  =====
format          what is read                                       write
==============  =================================================  =====
muybridge       ``cameras.json`` (its header says what it means)   yes
nerfstudio      ``transforms.json`` (OpenGL, camera-to-world)      yes
colmap          folder with cameras/images ``.txt`` or ``.bin``    yes
mvhumannet      folder with ``camera_extrinsics.json``             yes
==============  =================================================  =====
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from muybridge.camera.checks import read_json
from muybridge.camera.formats import colmap, mvhumannet, nerfstudio, ours
from muybridge.camera.types import Cameras
from muybridge.errors import InputError

FORMATS = ("muybridge", "nerfstudio", "colmap", "mvhumannet")
LAYOUTS = ("auto", "views", "path")
_SUFFIXES = (".json", ".txt", ".bin", ".npz", ".pkl")


def find(spec: str) -> tuple[Path, str] | None:
    """The path and layout that a camera spec names, or ``None`` where it is no path.

    ``rig.json:path`` reads the pictures of a file as the moments of one camera,
    ``rig.json:views`` as cameras that stand still.
    """
    text, layout = spec.strip(), "auto"
    for name in LAYOUTS:
        if text.endswith(":" + name):
            text, layout = text[: -len(name) - 1], name
    looks = text.lower().endswith(_SUFFIXES) or "/" in text or "\\" in text
    try:
        if looks or Path(text).exists():
            return Path(text), layout
    except (OSError, ValueError):
        pass
    return None


def load_cameras(path: str | PathLike[str], layout: str = "auto",
                 scale: float | int | None = None) -> Cameras:
    """Read cameras from any format; the content says which one it is.

    Args:
        path: a file, or the folder of a COLMAP model or of MVHumanNet.
        layout: ``views`` (each picture a camera that stands still), ``path``
            (all pictures one camera over time), or ``auto``: as the file says
            where muybridge wrote it, else ``views``.
        scale: metres per unit of the file's translations, where it is known;
            for MVHumanNet instead of its ``camera_scale.pkl``.

    Raises:
        InputError: where it can't be used, saying what is wrong and what to do.
    """
    path = Path(path)
    if layout not in LAYOUTS:
        raise InputError(path, "layout", f"{layout!r} is not known", "use " + ", ".join(LAYOUTS))
    if scale is not None and not 0 < float(scale) < 1e6:
        raise InputError(path, "scale", f"{scale} is out of range", "use a positive number")
    if path.is_dir():
        return _load_folder(path, layout, scale)
    if path.name in ("camera_extrinsics.json", "camera_intrinsics.json"):
        return mvhumannet.read(path.parent, scale=scale)
    if path.name in colmap.NAMES:
        return colmap.read(path.parent, layout, scale)
    data = read_json(path)
    if not isinstance(data, dict):
        raise InputError(path, "", "is JSON, but no camera file",
                         "give one of " + ", ".join(FORMATS))
    if "muybridge_cameras" in data:
        return ours.parse(data, path)
    if "frames" in data:
        return nerfstudio.parse(data, path, layout, scale)
    raise InputError(path, "", "is JSON, but of no known camera format",
                     "give muybridge's cameras.json or nerfstudio's transforms.json")


def _load_folder(path: Path, layout: str, scale: float | int | None) -> Cameras:
    if (path / "camera_extrinsics.json").exists():
        return mvhumannet.read(path, scale=scale)
    for folder in (path, path / "sparse" / "0", path / "sparse"):
        if any((folder / n).exists() for n in colmap.NAMES):
            return colmap.read(folder, layout, scale)
    for name in ("cameras.json", "transforms.json"):
        if (path / name).exists():
            return load_cameras(path / name, layout, scale)
    raise InputError(path, "", "holds no cameras that are known",
                     "look for cameras.json, transforms.json, images.txt, images.bin or "
                     "camera_extrinsics.json")


def save_cameras(cameras: Cameras, path: str | PathLike[str], form: str = "muybridge") -> None:
    """Write cameras; ``colmap`` (text), ``colmap-binary`` and ``mvhumannet`` make a folder."""
    if form == "muybridge":
        ours.write(cameras, path)
    elif form == "nerfstudio":
        nerfstudio.write(cameras, path)
    elif form in ("colmap", "colmap-binary"):
        colmap.write(cameras, path, binary=form.endswith("binary"))
    elif form == "mvhumannet":
        mvhumannet.write(cameras, path)
    else:
        raise InputError(path, "format", f"{form!r} is not known",
                         "use " + ", ".join((*FORMATS, "colmap-binary")))
