"""How near methods come to real photographs, at the photographs' own cameras.

    muybridge fit front.png --back back.png -o people/anna
    python benchmarks/real_people.py people/anna people/ben --methods avatar,nerf,gas,copy

What is true of real people is known from their photos alone: each method shows the fitted person
in the photo's pose to the photo's camera, and is held against the photo over the ground that
everything is measured on. The front is the reference; a back is seen by those methods only that
take one (the avatar).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from machine import header

import muybridge as mb
from muybridge.camera import Cameras
from muybridge.evaluation.pictures import picture_scores
from muybridge.evaluation.sample import over_ground
from muybridge.methods import Background
from muybridge.motion import Motion
from muybridge.person import Person, Photo
from muybridge.video import plate, write_image

_HEIGHT = 512
"""Of the pictures that are compared, pixels."""


def photo_of(photo: Photo) -> tuple[torch.Tensor, torch.Tensor, Motion, Cameras]:
    """The photo over black and its matte, smaller; the pose in it, and its camera."""
    alpha = torch.from_numpy(photo.alpha).float()[None]
    image = torch.from_numpy(np.ascontiguousarray(photo.image)).permute(2, 0, 1).float() / 255
    height, width = alpha.shape[-2:]
    scale = _HEIGHT / height
    size = (_HEIGHT, round(width * scale))
    both = F.interpolate(
        torch.cat([image * alpha, alpha])[None], size, mode="bilinear", antialias=True
    )[0]
    K = photo.K * photo.K.new_tensor([[size[1] / width], [scale], [1.0]])
    cameras = Cameras(K[None, None], photo.T_cam_world[None, None], size[1], size[0])
    motion = Motion(photo.R_parent_joint[None], photo.root_position[None])
    return both[:3], both[3:], motion, cameras


def main() -> None:
    """Measures, prints a table, and draws a plate."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("people", type=Path, nargs="+")
    options.add_argument("--methods", default="copy,avatar,nerf,gas")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--plate", type=Path)
    options.add_argument("--write", type=Path)
    asked = options.parse_args()
    torch.set_num_threads(asked.threads)
    pipes = {name: mb.load(name) for name in asked.methods.split(",")}
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    rows, labels = [], []
    for number, folder in enumerate(asked.people, 1):
        person = Person.load(folder)
        for photo in person.photos:
            rgb, alpha, motion, cameras = photo_of(photo)
            truth = over_ground(rgb, alpha)[None]
            motion = replace(motion, rest_joints=person.rest_joints)
            shown = [truth[0]]
            for name, pipe in pipes.items():
                video = pipe(person, motion, cameras, background=Background("transparent"))
                matte = video.matte[0, 0]
                made = over_ground(video.frames[0, 0] * matte, matte)[None]
                mask = F.max_pool2d(torch.maximum(matte, alpha)[None], 5, 1, 2) > 0.02
                scores = picture_scores(made, truth, mask)
                found.setdefault((name, photo.name), []).append(scores)
                shown.append(made[0])
            width = min(picture.shape[-1] for picture in shown)
            rows.append(torch.stack([
                F.interpolate(p[None], (256, round(256 * width / _HEIGHT)), antialias=True,
                              mode="bilinear")[0] for p in shown
            ]))
            labels.append(f"{number} {photo.name}")
    lines = ["| method | photo | people | PSNR person | SSIM person | PSNR | SSIM |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    for (name, side), scores in sorted(found.items(), key=lambda pair: (pair[0][1], pair[0][0])):
        mean = {key: sum(s[key] for s in scores) / len(scores) for key in scores[0]}
        lines.append(
            f"| {name} | {side} | {len(scores)} | {mean['psnr_person']:.2f} | "
            f"{mean['ssim_person']:.3f} | {mean['psnr']:.2f} | {mean['ssim']:.3f} |"
        )
    text = "\n".join(lines)
    print(text)
    if asked.plate:
        width = min(row.shape[-1] for row in rows)
        even = torch.stack([row[..., :width] for row in rows])
        write_image(asked.plate, plate(even, labels, ["photo", *pipes]))
    if asked.write:
        asked.write.write_text(
            header("Real people at their photos' own cameras") + f"\n{text}\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
