"""Versions of what makes the frames. Loads none of it."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

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
