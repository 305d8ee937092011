"""``muybridge cameras``: built-in paths, and what a sentence or a file means."""

from __future__ import annotations

from dataclasses import dataclass

import tyro

from muybridge.cli.common import Json, read, show, table
from muybridge.jobs.job import parse_size


@dataclass
class CamerasVerb:
    """List the camera paths, or say what a path, sentence or file does.

    Attributes:
        camera: what --camera would be given.
        frames: of the motion that it is tried on.
        size: 512 (a square) or WIDTHxHEIGHT, in pixels.
        json_: print for a program; with a camera, all its numbers.
    """

    camera: tyro.conf.Positional[str | None] = None
    frames: int = 24
    size: str = "512"
    json_: Json = False


def main(argv: list[str]) -> int:
    """Run the verb; returns the exit code."""
    asked = read(CamerasVerb, "cameras", argv)
    width, height = parse_size(asked.size)
    from muybridge.camera import BUILT_IN, OPTIONS

    if asked.camera is None:
        rows = [tuple(line.split(" - ", 1)) for line in BUILT_IN.values()]
        options = [(f"{name}=", about) for name, about in OPTIONS.items()]
        sentence = 'or a sentence, such as "arc left slowly, then pull back", or a camera file'
        head = "options, as in orbit:8,elevation=10"
        text = f"{table(rows)}\n\n{head}\n{table(options)}\n\n{sentence}"
        show({"paths": dict(BUILT_IN), "options": dict(OPTIONS)}, asked.json_, text)
        return 0
    from muybridge.body import Shape, load_body
    from muybridge.camera import build_cameras
    from muybridge.camera.words import describe, view_labels
    from muybridge.motion import clips, retarget

    body = load_body().with_shape(Shape())
    motion = retarget(clips.make("idle", asked.frames), body.rest_joints)
    cameras = build_cameras(
        asked.camera, body.pose(motion).joints, frames=asked.frames, width=width, height=height
    )
    words = [describe(cameras, view) for view in range(cameras.views)]
    facts = {
        "name": cameras.name, "views": cameras.views, "frames": cameras.frames,
        "width": cameras.width, "height": cameras.height, "words": words,
        "K": cameras.K.tolist(), "T_cam_world": cameras.T_cam_world.tolist(),
    }
    rows = list(zip(view_labels(cameras), words, strict=True))
    show(facts, asked.json_, f"{cameras.views} views x {cameras.frames} frames\n{table(rows)}")
    return 0
