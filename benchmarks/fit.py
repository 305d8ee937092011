"""How well is a person fitted? Re-renders the person at each photo's own camera.

    python benchmarks/fit.py PHOTO [PHOTO ...]

prints a Markdown table: overlap (IoU) of the re-rendered silhouette with the matte, and
PSNR over the matte's pixels, the render laid over white (the photos' grounds are light)
and over black (a missed pixel costs most). The truth of both is the photo itself; the
matte is the one found, so IoU says how well the surface meets the matte, not how good
the matte is.
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path

import numpy as np
import torch

from muybridge.person import Person


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Of two sets of colours in 0..1, dB."""
    return float(-10 * np.log10(np.square(a - b).mean()))


def main() -> None:
    """Fit every photo and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("photos", nargs="+", type=Path)
    photos = parser.parse_args().photos
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print("| photo | side | IoU | PSNR over white | PSNR over black | fit |")
    print("| --- | --- | --- | --- | --- | --- |")
    for path in photos:
        start = time.perf_counter()
        person = Person.from_photo(path)
        seconds = time.perf_counter() - start
        for i, photo in enumerate(person.photos):
            drawn = person.render_photo(i).astype(np.float64) / 255
            rgb, alpha = drawn[..., :3], drawn[..., 3:]
            mask = photo.alpha > 0.5
            seen = alpha[..., 0] > 0.5
            truth = photo.image[mask] / 255.0
            iou = (mask & seen).sum() / (mask | seen).sum()
            white = psnr((rgb * alpha + 1 - alpha)[mask], truth)
            black = psnr((rgb * alpha)[mask], truth)
            print(
                f"| {path.name} | {photo.name} | {iou:.4f} | {white:.2f} dB | {black:.2f} dB "
                f"| {seconds:.1f} s |",
                flush=True,
            )


if __name__ == "__main__":
    main()
