"""Bone maps in closed form against the same ellipsoids rasterised as meshes, in one run.

    python benchmarks/bone_maps.py [--threads N] [--write FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from machine import header, milliseconds
from scene import orbit_of_walk
from torch import Tensor

from muybridge.render import bone_ellipsoids, bone_map, interpolate, rasterize
from muybridge.render.compiled import available


def icosphere(subdivisions: int) -> tuple[Tensor, Tensor]:
    """A unit sphere of 20 * 4**subdivisions triangles."""
    g = (1 + 5**0.5) / 2
    corners = [(-1, g, 0), (1, g, 0), (-1, -g, 0), (1, -g, 0), (0, -1, g), (0, 1, g),
               (0, -1, -g), (0, 1, -g), (g, 0, -1), (g, 0, 1), (-g, 0, -1), (-g, 0, 1)]
    triangles = [(0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11), (1, 5, 9), (5, 11, 4),
                 (11, 10, 2), (10, 7, 6), (7, 1, 8), (3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8),
                 (3, 8, 9), (4, 9, 5), (2, 4, 11), (6, 2, 10), (8, 6, 7), (9, 8, 1)]
    vertices, faces = torch.tensor(corners, dtype=torch.float64), torch.tensor(triangles)
    for _ in range(subdivisions):
        edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        unique, index = edges.sort(dim=1).values.unique(dim=0, return_inverse=True)
        a, b, c = (index + len(vertices)).split(len(faces))
        vertices = torch.cat([vertices, vertices[unique].mean(1)])
        p, q, r = faces.unbind(1)
        faces = torch.cat([torch.stack(t, 1) for t in
                           ((p, a, c), (q, b, a), (r, c, b), (a, b, c))])
    return torch.nn.functional.normalize(vertices, dim=1), faces


def main() -> None:
    """Print a table of milliseconds per frame, and how many times faster the closed form is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    backends = ["torch", "numba"] if available() else ["torch"]
    ball, ball_faces = icosphere(4)
    frames = 8
    sizes = (256, 512, 1024)
    times: dict[str, list[float]] = {}
    for size in sizes:
        posed, cameras = orbit_of_walk(1, frames, size)
        joints, K, T = posed.joints, cameras.K[0], cameras.T_cam_world[0]
        for backend in backends:
            times.setdefault(f"closed form, {backend}", []).append(
                milliseconds(lambda: bone_map(joints, cameras, backend=backend))[0]  # noqa: B023
                / frames
            )
            def meshes() -> object:
                shapes = bone_ellipsoids(joints)  # noqa: B023
                scaled = shapes.axes * shapes.radii[..., None, :]
                vertices = (ball @ scaled.mT + shapes.centers[:, :, None]).float()
                normals = (ball / shapes.radii[..., None, :]) @ shapes.axes.mT
                count = vertices.shape[1]
                first = torch.arange(count)[:, None, None] * len(ball)
                faces = (ball_faces + first).reshape(-1, 3)
                f = rasterize(
                    vertices.flatten(1, 2), faces, K, T, size, size,  # noqa: B023
                    backend=backend,  # noqa: B023
                )
                return interpolate(f, faces, normals.flatten(1, 2).float())

            name = f"icosphere meshes, {backend}"
            times.setdefault(name, []).append(milliseconds(meshes, 3)[0] / frames)
    lines = [
        header("Bone maps"),
        f"56 ellipsoids; depth, normal and number per pixel; {frames} frames per call. The meshes"
        " are icospheres of 4 subdivisions (286,720 triangles), as depth and normals need them."
        " Best of 7 calls (meshes: of 3).\n",
        "| ms per frame | " + " | ".join(f"{s} x {s}" for s in sizes) + " |",
        "|---|---|---|---|",
        *(f"| {name} | {' | '.join(f'{t:.1f}' for t in row)} |" for name, row in times.items()),
    ]
    for backend in backends:
        pairs = zip(times[f"icosphere meshes, {backend}"], times[f"closed form, {backend}"],
                    strict=True)
        ratios = " | ".join(f"{mesh / closed:.1f} x" for mesh, closed in pairs)
        lines.append(f"| closed form is faster, {backend} | {ratios} |")
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.write:
        arguments.write.write_text(text)


if __name__ == "__main__":
    main()
