"""Versions of what makes the frames. Loads none of it."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import muybridge

PACKAGES = ("torch", "numpy", "scipy", "opencv-python-headless", "pillow", "av", "roma", "numba")


def versions() -> dict[str, str]:
    """Of muybridge, Python and the packages that make frames; ``""`` where absent."""
    found = {"muybridge": muybridge.__version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = ""
    return found


@cache
def code(rooms: tuple[str, ...] = ()) -> str:
    """SHA-256 of the program's own files, shortened: what a version says before it has a number.

    Args:
        rooms: folders of the package that count; all of it by default.
    """
    root = Path(muybridge.__file__).parent
    total = hashlib.sha256()
    for folder in [root / room for room in rooms] or [root]:
        for path in sorted(folder.rglob("*.py")):
            total.update(path.relative_to(root).as_posix().encode())
            total.update(path.read_bytes())
    return total.hexdigest()[:12]
