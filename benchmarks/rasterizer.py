"""How long the rasteriser and the textured body take per frame.

    python benchmarks/rasterizer.py [--threads N] [--write FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from machine import header, milliseconds
from scene import orbit_of_walk

from muybridge.render import (
    Lighting,
    prepare_texture,
    rasterize,
    render_textured,
)
from muybridge.render.compiled import available


def main() -> None:
    """Print a table of milliseconds per frame."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    backends = ["torch", "numba"] if available() else ["torch"]
    lines = [
        header("Rasteriser"),
        "The built-in body (27,420 triangles) walking, seen by 8 cameras all around it, about 70 %"
        " of the picture's height; 8 pictures per call; best of 7 calls (median in brackets).\n",
        "| ms per frame | " + " | ".join(f"{s} x {s}" for s in (256, 512, 1024)) + " |",
        "|---|---|---|---|",
    ]
    for backend in backends:
        cells = []
        for size in (256, 512, 1024):
            posed, cameras = orbit_of_walk(8, 8, size)
            K, T = (x.diagonal(dim1=0, dim2=1).movedim(-1, 0) for x in
                    (cameras.K, cameras.T_cam_world))
            best, median = milliseconds(lambda: rasterize(
                posed.vertices, posed.mesh.faces, K, T, size, size, backend=backend  # noqa: B023
            ))
            cells.append(f"{best / 8:.1f} ({median / 8:.1f})")
        lines.append(f"| triangle, barycentrics, depth: {backend} | {' | '.join(cells)} |")
    g = torch.Generator().manual_seed(0)
    picture = torch.rand(128, 128, 3, generator=g).repeat_interleave(16, 0)
    picture = picture.repeat_interleave(16, 1)
    for light in (None, Lighting()):
        for backend in backends:
            cells = []
            for size in (256, 512, 1024):
                posed, cameras = orbit_of_walk(8, 8, size)
                texture = prepare_texture(picture, posed.mesh)
                K, T = (x.diagonal(dim1=0, dim2=1).movedim(-1, 0) for x in
                        (cameras.K, cameras.T_cam_world))
                best, median = milliseconds(lambda: render_textured(
                    posed.vertices, posed.mesh, texture, K, T, size, size,  # noqa: B023
                    shading=light, backend=backend,  # noqa: B023
                ))
                cells.append(f"{best / 8:.1f} ({median / 8:.1f})")
            what = "textured, 2 x 2 points per pixel" + (", lit" if light else "")
            lines.append(f"| {what}: {backend} | {' | '.join(cells)} |")
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.write:
        arguments.write.write_text(text)


if __name__ == "__main__":
    main()
