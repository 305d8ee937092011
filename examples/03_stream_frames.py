"""Frames as they come.

A pipeline streams pieces, so a long video needs no more memory than a short one. Here a person is
rendered without a ground, and the share of the picture that they cover is printed as it goes.
"""

from __future__ import annotations

import sys

import muybridge as mb
from muybridge.camera import build_cameras
from muybridge.methods import Background
from muybridge.motion import clips, retarget


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit("usage: 03_stream_frames.py PERSON_FOLDER   (made by: muybridge fit PHOTO)")
    person = mb.Person.load(sys.argv[1])
    motion = retarget(clips.make("turn", 48), person.rest_joints)
    cameras = build_cameras("static:0", person.posed(motion).joints, width=256, height=384)
    pipe = mb.load("avatar")
    for piece in pipe.stream(
        person, motion, cameras, chunk=8, background=Background("transparent")
    ):
        for offset, cover in enumerate(piece.matte.mean(dim=(0, 2, 3, 4)).tolist()):
            print(f"frame {piece.start + offset:3d}: {cover:6.2%} of the picture")


if __name__ == "__main__":
    main()
