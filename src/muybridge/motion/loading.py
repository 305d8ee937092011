"""One door for all motions: a clip's name or a file of any known format."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.motion import clips
from muybridge.motion.archive import member_names, read_bytes
from muybridge.motion.bvh_person import load_bvh
from muybridge.motion.npz import load_npz
from muybridge.motion.placement import (
    calibration_frames,
    face_forward,
    lead_in,
    without_calibration_pose,
)
from muybridge.motion.smplx_files import load_smplx
from muybridge.motion.timing import as_rate, resample, take
from muybridge.motion.trackers import load_gvhmr, load_phalp
from muybridge.motion.types import Motion


@dataclass(frozen=True)
class Format:
    """A motion file format.

    Attributes:
        name: short.
        suffixes: of its files.
        about: one sentence on what is read.
    """

    name: str
    suffixes: tuple[str, ...]
    about: str


FORMATS: tuple[Format, ...] = (
    Format("muybridge", (".npz",), "Our own motion files; everything is kept."),
    Format("amass", (".npz",), "AMASS: SMPL-H (T,156) and SMPL-X (T,165), either frame-rate key."),
    Format(
        "smplx",
        (".npz", ".pkl", ".json"),
        "The keys of the smplx call: global_orient, transl, body_pose, left_hand_pose, ...",
    ),
    Format("bvh", (".bvh",), "BVH of a person: Mixamo, CMU, Biped, Blender and like names."),
    Format("gvhmr", (".pt",), "GVHMR's hmr4d_results.pt."),
    Format("phalp", (".pkl",), "Tracks of 4D-Humans and PHALP."),
)
"""What :func:`load_motion` reads."""


def load_motion(
    source: str | PathLike[str],
    *,
    frames: int | None = None,
    fps: Fraction | int | float | str | None = None,
    start: int | str = 0,
    align: bool | None = None,
    up: str = "auto",
    unit: str | float = "auto",
    file_fps: Fraction | int | float | str | None = None,
    track: int | str | None = None,
    hand_components: Float[Tensor, "2 K 45"] | None = None,
) -> Motion:
    """Reads a motion file, or makes the built-in clip of that name.

    The format is told from the file's content, not from its name.

    Args:
        source: a path, or one of :data:`muybridge.motion.clips.NAMES` (a file of that
            name has to be given with its folder, as ``./walk``).
        frames: take so many (of a clip: make so many); fewer come where there are no more.
        fps: resample to this rate, by slerp, before frames are taken.
        start: first frame to take; ``"auto"`` skips a calibration pose that a recording holds
            for over a second (as far as ``frames`` allow) and notes it.
        align: begin at x = z = 0 facing +Z and drop a calibration pose. By default all
            files but our own are aligned.
        up: world axis that points up in the file; ``auto`` finds it.
        unit: metres per unit of a BVH file, or m, cm, mm, in, ft, cmu; ``auto`` finds it.
        file_fps: frames per second of a file that does not say.
        track: person in a tracker's file; by default the one seen longest.
        hand_components: left and right PCA components of the SMPL-X model's hands.

    Raises:
        InputError: the file is missing, broken, of no known format, or an option can't be.
    """
    if isinstance(start, str) and start != "auto":
        raise InputError("motion", "start", f"is {start!r}", 'give a frame, or "auto"')
    name = str(source)
    if isinstance(source, str) and name in clips.CLIPS:
        rate = Fraction(24) if fps is None else as_rate(fps)
        first = 0 if isinstance(start, str) else start
        count = None if frames is None else frames + max(first, 0)
        made = clips.make(name, count, rate)
        return _from(made, first, frames) if first else made
    path = Path(name)
    kind = sniff(path)
    given = None if file_fps is None else as_rate(file_fps)
    readers: dict[str, Callable[[], Motion]] = {
        "muybridge": lambda: load_npz(path),
        "amass": lambda: load_smplx(path, fps=given, up=up, hand_components=hand_components),
        "smplx": lambda: load_smplx(path, fps=given, up=up, hand_components=hand_components),
        "bvh": lambda: load_bvh(path, up=up, unit=unit),
        "gvhmr": lambda: load_gvhmr(path, fps=given),
        "phalp": lambda: load_phalp(path, fps=given, track=track),
    }
    motion = readers[kind]()
    if align or (align is None and kind != "muybridge"):
        motion = without_calibration_pose(motion) if kind == "bvh" else motion
        motion = face_forward(motion)
    if fps is not None:
        motion = resample(motion, fps)
    first = 0 if isinstance(start, str) else start
    if kind != "muybridge" and not first:
        held = lead_in(motion)
        if start == "auto" and calibration_frames(motion):
            first = max(min(held, motion.frames - (frames or 1)), 0)
        if first:
            motion = motion.with_note(
                f"The first {float(first / motion.fps):.1f} s, {first} frames, only hold a "
                "calibration pose and are skipped; start at frame 0 to keep them."
            )
        elif motion.fps < held < motion.frames:
            seconds = float(held / motion.fps)
            motion = motion.with_note(
                f"The first {seconds:.1f} s only hold a pose; start at frame {held} to skip them."
            )
    return motion if frames is None and not first else _from(motion, first, frames)


def _from(motion: Motion, start: int, frames: int | None) -> Motion:
    """``frames`` frames, or all, from ``start`` on."""
    return take(motion, max(motion.frames - start, 1) if frames is None else frames, start)


def sniff(path: str | PathLike[str]) -> str:
    """Name of a file's format, from its content.

    Raises:
        InputError: the file is missing or of no known format.
    """
    path = Path(path)
    if not path.exists() and not path.suffix:
        raise InputError(
            path,
            "",
            "is neither a built-in clip nor a file",
            "use one of " + ", ".join(clips.NAMES) + ", or a motion file",
        )
    if path.is_dir():
        return "smplx"
    data = read_bytes(path)
    head = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:9].upper() == b"HIERARCHY":
        return "bvh"
    if data[:2] == b"PK":
        names = member_names(data)
        members = {n.removesuffix(".npy") for n in names}
        if {"format", "quaternions_wxyz"} <= members:
            return "muybridge"
        if any(n.endswith("data.pkl") for n in names):
            return "gvhmr"
        if members & {"poses", "pose_body"}:
            return "amass"
        if members & {"body_pose", "global_orient", "fullpose"}:
            return "smplx"
        raise _unknown(path, "is a zip of " + (", ".join(sorted(members)[:8]) or "nothing"))
    if head[:1] in (b"{", b"["):
        try:
            json.loads(data)
        except (ValueError, RecursionError, UnicodeError) as error:
            raise InputError(path, "", f"is no JSON ({error})", "export the file again") from None
        return "smplx"
    if path.suffix.lower() in (".pkl", ".pickle", ".p", ".pt", ".pth"):
        from muybridge.motion.smplx_files import read_containers
        from muybridge.motion.trackers import is_gvhmr, is_phalp

        content = read_containers(path, data)
        if is_gvhmr(content):
            return "gvhmr"
        return "phalp" if is_phalp(content) else "smplx"
    raise _unknown(path, "is of no known format")


def _unknown(path: Path, problem: str) -> InputError:
    read = "; ".join(f"{f.name} ({', '.join(f.suffixes)})" for f in FORMATS)
    return InputError(
        path, "", problem, f"these are read: {read}; or a clip: {', '.join(clips.NAMES)}"
    )


def describe() -> list[dict[str, str]]:
    """Clips and file formats, as rows for a table: kind, name, about, seconds."""
    rows = [
        {
            "kind": "clip",
            "name": clip.name,
            "about": clip.about,
            "seconds": f"{clip.seconds:g}",
        }
        for clip in clips.CLIPS.values()
    ]
    rows += [{"kind": "format", "name": f.name, "about": f.about, "seconds": ""} for f in FORMATS]
    return rows
