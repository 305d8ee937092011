"""Learn what anybody's face looks like, for ``identity[hog]``, from the training people.

    muybridge people 150 -o people
    python tools/make_faces.py people/train

The package's file was made of exactly these.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

from muybridge.data.folder import iter_clips
from muybridge.evaluation.crops import SIDE, cut, find_places
from muybridge.evaluation.identity import LEARNED, NUMBERS, describe, sides
from muybridge.evaluation.sample import over_ground
from muybridge.video.atomic import replacing

OUT = Path(__file__).parents[1] / "src" / "muybridge" / "evaluation" / "data" / LEARNED


def main() -> None:
    """Reads clips, fits, and writes the file."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("people", type=Path)
    options.add_argument("-o", "--out", type=Path, default=OUT)
    asked = options.parse_args()
    found, seen = [], []
    for clip in iter_clips(asked.people):
        places = find_places(clip.posed(), clip.cameras, "face")
        faces = cut(over_ground(*clip.read()), places, SIDE["face"])
        found.append(describe(faces))
        seen.append(sides(places.towards))
    looks, side = torch.cat(found).double(), torch.cat(seen).double()
    learned = torch.linalg.lstsq(side, looks).solution
    for name, part in zip(("edges", "colours"), looks.split(NUMBERS, 1), strict=True):
        spread = (part - part.mean(0)).square().sum(1).mean().sqrt()
        print(f"{name}: deviation {spread:.4f}")
    with replacing(asked.out) as temporary:
        save_file({"sides": learned.half().contiguous()}, temporary)
    print(f"{asked.out}: {len(looks)} faces")


if __name__ == "__main__":
    main()
