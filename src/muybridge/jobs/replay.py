"""Run a recorded run again, and see whether the same frames come out."""

from __future__ import annotations

from pathlib import Path

import torch

from muybridge.errors import InputError, MuybridgeError
from muybridge.jobs import digest
from muybridge.jobs.driving import drives
from muybridge.jobs.files import read_json
from muybridge.jobs.job import Job
from muybridge.jobs.progress import Listener
from muybridge.jobs.run import Result, run
from muybridge.jobs.threads import threads
from muybridge.jobs.versions import versions


def replay(
    record_path: Path, out: Path, *, listener: Listener | None = None, force: bool = False
) -> Result:
    """Make the frames of a ``run.json`` again from the person, motion and cameras beside it.

    It computes with as many threads as the run did.

    Args:
        record_path: the ``run.json``; its folder still holds ``person/``, ``motion.npz``
            and ``cameras.json``.
        out: another folder.
        listener: told of progress.
        force: also take a folder that holds other things.

    Raises:
        InputError: the record or a file beside it is missing or was changed.
        MuybridgeError: the frames differ; the text says in which views and why that may be.
    """
    if record_path.is_dir():
        record_path = record_path / "run.json"
    record = read_json(record_path)
    source = record_path.parent
    for key in ("job", "files", "frames_sha256"):
        if key not in record:
            raise InputError(record_path, key, "is missing", "give a run.json of muybridge")
    job = Job.from_dict(record["job"], f"{record_path}: job")
    if out.resolve() == source.resolve():
        raise InputError("-o", "", f"{out} is the run itself", "name another folder")
    for name in ("person", "motion.npz", "cameras.json"):
        path = source / name
        if not path.exists():
            raise InputError(path, "", "is not there", "keep it beside run.json")
        if digest.of_path(path) != dict(record["files"]).get(name):
            raise InputError(path, "", "is not what the run was made from", "restore it")
    inputs = dict(record.get("inputs", {}))
    needed = ("background", *(("motion", "matte", "keypoints") if drives(job.motion) else ()))
    for role in needed:
        known, path = inputs.get(role), Path(getattr(job, role) or "")
        if known and (not path.exists() or digest.of_path(path) != known.get("sha256")):
            raise InputError(path, "", "is not what the run was made from", "restore it")
    count = dict(record.get("machine", {})).get("threads")
    with threads(count if isinstance(count, int) and count > 0 else torch.get_num_threads()):
        result = run(job, out, listener=listener, force=force, source=source, inputs=inputs)
    was, now = record["frames_sha256"], result.record["frames_sha256"]
    if was != now:
        differ = [str(v) for v, (a, b) in enumerate(zip(was, now, strict=False)) if a != b]
        changed = [
            f"{name} {record.get('versions', {}).get(name, '?')} -> {version}"
            for name, version in versions().items()
            if record.get("versions", {}).get(name) != version
        ]
        raise MuybridgeError(
            f"{out}: the frames are not those of {record_path} (views {', '.join(differ)}). "
            + ("Versions differ: " + ", ".join(changed) if changed else "Versions are the same")
        )
    return result
