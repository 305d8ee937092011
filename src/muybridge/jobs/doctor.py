"""Is everything installed as it should be? Every finding comes with a remedy."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from muybridge.jobs.versions import versions


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what.
        state: ``ok``, ``note`` (works, could be better) or ``fault``.
        text: what was found.
        remedy: what to do; empty where nothing is to be done.
    """

    name: str
    state: str
    text: str
    remedy: str = ""

    def to_dict(self) -> dict[str, str]:
        """Plain values."""
        return asdict(self)


def examine() -> list[Finding]:
    """Look at versions, threads, memory, disk, codecs, numba and the body's data."""
    findings: list[Finding] = []
    for name, check in CHECKS.items():
        try:
            findings += list(check())
        except Exception as error:  # a check that fails is a finding, not a crash
            findings.append(
                Finding(name, "fault", f"{type(error).__name__}: {error}", "reinstall muybridge")
            )
    return findings


def _versions() -> Iterator[Finding]:
    found = versions()
    text = ", ".join(f"{name} {version}" for name, version in found.items() if version)
    yield Finding("versions", "ok", text)
    major = int(found["opencv-python-headless"].partition(".")[0] or 4)
    if major >= 5:
        yield Finding(
            "opencv", "fault", f"version {major} has no face cascades",
            'pip install "opencv-python-headless>=4.9,<5"',
        )


def _threads() -> Iterator[Finding]:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = torch.get_num_threads()
    text = f"{threads} threads on {cores} cores, {platform.machine()}"
    if cores and threads > cores:
        yield Finding("threads", "note", text, f"set OMP_NUM_THREADS={cores}, or give --threads")
    else:
        yield Finding("threads", "ok", text)
    if torch.cuda.is_available():
        yield Finding("gpu", "ok", torch.cuda.get_device_name(0))


def _memory() -> Iterator[Finding]:
    if hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        page = os.sysconf("SC_PAGE_SIZE")
        free, whole = os.sysconf("SC_AVPHYS_PAGES") * page, os.sysconf("SC_PHYS_PAGES") * page
        text = f"{free / 2**30:.1f} GiB free of {whole / 2**30:.1f}"
        if whole < 3 << 30:
            yield Finding("memory", "note", text, "a fit needs about 2 GiB; close other programs")
        else:
            yield Finding("memory", "ok", text)
    disk = shutil.disk_usage(Path.cwd())
    text = f"{disk.free / 2**30:.1f} GiB free here"
    low = disk.free < 2 << 30
    yield Finding("disk", "note" if low else "ok", text, "make room" if low else "")


def _codecs() -> Iterator[Finding]:
    import av

    missing = [name for name in ("libx264", "ffv1") if name not in av.codecs_available]
    if missing:
        yield Finding(
            "codecs", "fault", f"PyAV {av.__version__} lacks {', '.join(missing)}",
            "pip install --force-reinstall av",
        )
    else:
        yield Finding("codecs", "ok", f"PyAV {av.__version__} with libx264 and ffv1")


def _numba() -> Iterator[Finding]:
    try:
        numba = import_module("numba")
    except ImportError:
        yield Finding(
            "numba", "note", "absent; drawing is several times slower",
            'pip install "muybridge[fast]"',
        )
        return
    yield Finding("numba", "ok", str(numba.__version__))


def _keypoints() -> Iterator[Finding]:
    from importlib.util import find_spec

    if find_spec("mediapipe") is None:
        yield Finding(
            "keypoints", "note", "mediapipe is absent; fits go by silhouette alone",
            'pip install "muybridge[keypoints]"',
        )
    else:
        yield Finding("keypoints", "ok", "mediapipe is there")


def _body() -> Iterator[Finding]:
    from muybridge.body import Shape, load_body

    body = load_body().with_shape(Shape())
    count = len(body.bind_vertices)
    yield Finding("body", "ok", f"the built-in body has {count} vertices, {body.height:.2f} m tall")


def _methods() -> Iterator[Finding]:
    from muybridge.methods.overview import overview

    for method in overview():
        name = f"method {method['name']}"
        ready = [size["name"] for size in method["sizes"] if size["ready"]]
        lacking = [size["name"] for size in method["sizes"] if not size["ready"]]
        text = "ready: " + (", ".join(ready) or "none")
        if lacking:
            text += "; without weights: " + ", ".join(lacking)
            yield Finding(name, "note", text, f"muybridge weights {method['name']}")
        else:
            yield Finding(name, "ok", text)


CHECKS: dict[str, Callable[[], Iterator[Finding]]] = {
    "versions": _versions, "threads": _threads, "memory": _memory, "codecs": _codecs,
    "numba": _numba, "keypoints": _keypoints, "body": _body, "methods": _methods,
}


def report(findings: list[Finding]) -> dict[str, Any]:
    """Plain values, with the verdict."""
    return {
        "healthy": all(f.state != "fault" for f in findings),
        "findings": [f.to_dict() for f in findings],
    }
