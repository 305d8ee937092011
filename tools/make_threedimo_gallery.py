"""Paint the sheet of 3DiMo for the gallery: ``docs/gallery/3dimo.png``.

Two real people, each from one photo. One walks as a video of the other's avatar does, and one
makes the gestures of their own; both videos are filmed from their right. Everything goes by the
command line, as for users.

    python tools/make_threedimo_gallery.py PHOTO OTHER_PHOTO GESTURES.bvh [-o PICTURE] [--work DIR]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from muybridge.video import plate, read_video, write_image

OUT = Path(__file__).parents[1] / "docs" / "gallery" / "3dimo.png"
SENTENCES = (
    "The camera remains static.", "Left side view.", "Back view.",
    "The camera arcs left by 90 degrees.",
)
FRAMES, COLUMNS, SHOWN = 24, 5, 128
"""Of each video; of them in a row; and how wide a picture is."""


def muybridge(*words: str | Path) -> None:
    """Run the command line."""
    subprocess.run([sys.executable, "-m", "muybridge", *map(str, words), "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)


def row(video: Path) -> Tensor:
    """Frames of a video's first view."""
    frames = torch.from_numpy(read_video(video)[0]).permute(0, 3, 1, 2).float() / 255
    which = torch.linspace(0, len(frames) - 1, COLUMNS).long()
    height = round(SHOWN * frames.shape[2] / frames.shape[3])
    return torch.nn.functional.interpolate(frames[which], (height, SHOWN), mode="area")


def rows_of(photo: Path, actor: Path, motion: str, work: Path) -> dict[str, Tensor]:
    """Somebody in the motion of a video of somebody's avatar, which is made first."""
    name = Path(motion).stem.rpartition("_")[2]
    film = work / f"driver-{name}"
    muybridge("animate", actor, "--method", "avatar", "--motion", motion, "--frames", str(FRAMES),
              "--camera", "static:90", "--size", "400x504", "-o", film)
    made = {f"driver {name}": row(film / "views" / "00.mp4")}
    for number, said in enumerate(SENTENCES):
        out = work / f"{photo.stem}-{name}-{number}"
        muybridge("drive", photo, film / "views" / "00.mp4", "--camera", said, "--size", "400x504",
                  "-o", out)
        made[f"{photo.stem} {said}"] = row(out / "views" / "00.mp4")
    out = work / f"{photo.stem}-around"
    muybridge("drive", photo, "--still", str(FRAMES), "--size", "400x504", "-o", out)
    made[f"{photo.stem} still, around"] = row(out / "views" / "00.mp4")
    return made


def main() -> None:
    """Make the sheet."""
    options = argparse.ArgumentParser()
    options.add_argument("photo", type=Path)
    options.add_argument("other", type=Path)
    options.add_argument("gestures")
    options.add_argument("-o", "--out", type=Path, default=OUT)
    options.add_argument("--work", type=Path, help="where the videos are left")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = asked.work or Path(scratch)
        rows = rows_of(asked.photo, asked.other, "walk", work)
        rows |= rows_of(asked.other, asked.other, asked.gestures, work)
    columns = [str(int(k)) for k in torch.linspace(0, FRAMES - 1, COLUMNS)]
    write_image(asked.out, plate(torch.stack(list(rows.values())), list(rows), columns))


if __name__ == "__main__":
    main()
