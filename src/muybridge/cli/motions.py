"""``muybridge motions``: built-in clips, file formats, and what is in a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tyro

from muybridge.cli.common import Json, MaybeFile, read, show, table


@dataclass
class Motions:
    """List the built-in clips and the formats that are read, or describe one motion.

    Attributes:
        motion: a clip or a file to describe.
        json_: print for a program.
    """

    motion: tyro.conf.Positional[MaybeFile] = None
    json_: Json = False


def main(argv: list[str]) -> int:
    """Run the verb; returns the exit code."""
    asked = read(Motions, "motions", argv)
    if asked.motion is None:
        from muybridge.motion import describe

        listing = describe()
        rows = [
            (r["name"], f"{r['seconds']} s" if r["seconds"] else r["kind"], r["about"])
            for r in listing
        ]
        show(listing, asked.json_, table(rows))
        return 0
    facts = _facts(asked.motion)
    lines = [(name, str(value)) for name, value in facts.items() if name != "notes"]
    lines += [("note", note) for note in facts["notes"]]
    show(facts, asked.json_, table(lines))
    return 0


def _facts(name: str) -> dict[str, Any]:
    from muybridge.motion import load_motion

    motion = load_motion(name)
    path = motion.root_position
    travelled = (path[1:, [0, 2]] - path[:-1, [0, 2]]).norm(dim=1).sum() if len(path) > 1 else 0.0
    return {
        "name": motion.name,
        "frames": motion.frames,
        "fps": str(motion.fps),
        "seconds": round(motion.duration, 3),
        "travels_metres": round(float(travelled), 3),
        "face_actions": sorted(motion.face),
        "knows_its_body": motion.rest_joints is not None,
        "notes": list(motion.notes),
    }
