"""Bodies, motions and cameras.

The three things a picture is made of, without a photo: a body of a chosen shape, a built-in clip on
its proportions, and a camera path said in words. The part map and the normals of every frame are
printed as a plate.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from muybridge.body import Shape, load_body
from muybridge.camera import build_cameras
from muybridge.motion import clips, retarget
from muybridge.render import MAPS
from muybridge.video import plate, write_image


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "out/maps")
    out.mkdir(parents=True, exist_ok=True)
    body = load_body().with_shape(Shape(gender=1.0, age=0.7, height=0.4, muscle=0.6))
    motion = retarget(clips.make("dance", 24), body.rest_joints)
    posed = body.pose(motion)
    cameras = build_cameras("arc left slowly", posed.joints, width=160, height=240)
    names = ("parts", "normals-reimagine", "skeleton", "bones-normal")
    rows = torch.cat([MAPS[name].function(posed, cameras) for name in names])
    write_image(out / "plate.png", plate(rows, list(names), columns=8))
    print(out / "plate.png")


if __name__ == "__main__":
    main()
