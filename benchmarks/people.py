"""How long it takes to build, pose and draw a synthetic person.

    python benchmarks/people.py [--threads N] [--write FILE]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from machine import header, milliseconds

from muybridge.camera import Cameras
from muybridge.motion import clips
from muybridge.render.compiled import available
from muybridge.synthetic.casting import build_figure, cast
from muybridge.synthetic.light import Light
from muybridge.synthetic.stage import shoot

PEOPLE = 4
FRAMES = 8
SIZES = ((96, 128), (256, 256), (512, 512))
"""Width and height, pixels."""


def main() -> None:
    """Print tables of milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    backends = ["torch", "numba"] if available() else ["torch"]
    lines = [
        header("Synthetic people"),
        f"{FRAMES} frames of a walk seen by 2 cameras, the person filling about 80 % of the"
        " picture's height, 2 x 2 points per pixel; best of 5 calls (median in brackets).\n",
        "| person | triangles | build, s | pose | "
        + " | ".join(f"{w} x {h}, {b}" for w, h in SIZES for b in backends)
        + " |",
        "|---|" + "---|" * (3 + len(SIZES) * len(backends)),
    ]
    len(build_figure(cast(PEOPLE, "train"), 512).surface.faces)  # makes what all share
    for number in range(PEOPLE):
        who = cast(number, "train")
        start = time.perf_counter()
        figure = build_figure(who, 512)
        triangles = len(figure.surface.faces)
        built = time.perf_counter() - start
        motion = clips.make(
            "walk", frames=FRAMES, rest_joints=figure.body.rest_joints, in_place=True
        )
        posed = figure.posed(motion)
        best, median = milliseconds(lambda: figure.posed(motion), 5)  # noqa: B023
        cells = [f"{best / FRAMES:.1f} ({median / FRAMES:.1f})"]
        for width, height in SIZES:
            cameras = Cameras.orbit(
                views=2, frames=FRAMES, size=(width, height), distance=4.3,
                center=(0.0, 0.53 * figure.body.height, 0.0),
            )
            for backend in backends:
                best, median = milliseconds(
                    lambda: shoot(posed, cameras, Light.studio(), backend=backend),  # noqa: B023
                    5 if height < 512 else 2,
                )
                count = 2 * FRAMES
                cells.append(f"{best / count:.1f} ({median / count:.1f})")
        wears = ", ".join(kind for kind, _ in who.garments)
        lines.append(f"| {wears} | {triangles} | {built:.2f} | {' | '.join(cells)} |")
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.write:
        arguments.write.write_text(text)


if __name__ == "__main__":
    main()
