"""How near GAS comes to the truth on people that it was not trained on, and what each part gives.

    muybridge people 12 --split test -o data/test
    python benchmarks/gas_quality.py data/test/test gas-nano --fitted 3

Scores are inside the person (the union of truth and cue, two pixels wider) on a light grey
ground, and of the whole picture. ``fitted`` takes the body from the front reference alone, as
``muybridge fit`` does, aligned to the truth's joints by one similarity (what a picture cannot
tell: where in the world, and how large).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import roma
import torch
from machine import header

import muybridge as mb
from muybridge.camera import Cameras
from muybridge.evaluation.pictures import picture_scores
from muybridge.methods.gas.corpus import Row, Subject
from muybridge.methods.gas.corpus_making import encode_reference, nerf_cue, render_subject
from muybridge.methods.gas.diffuse import Conditions, Settings, sample
from muybridge.methods.gas.guides import soft_normals
from muybridge.methods.gas.nerf_training import over_grey, person_region
from muybridge.methods.latent import decode
from muybridge.methods.sitters import Sitter, read_sitter, reference_picture
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.training.corpus import to_bytes
from muybridge.video import plate, write_image

WITHOUT = ("", "nerf cue", "normals", "switch", "reference")


def painted(networks, subject: Subject, row: Row, without: str, steps: int | None) -> torch.Tensor:
    """A row as the networks paint it, with one of their inputs left out."""
    axis = 1 if row.mode == "view" else 0
    cue, guide = (x[0].float() / 255 for x in (row.cues, row.guides))
    reference = subject.reference.float() / 255
    cue = cue * (without != "nerf cue")
    guide = guide * (without != "normals")
    reference = reference * (without != "reference")
    given = Conditions(
        networks.encode(reference), networks.token(reference[None])[0],
        networks.encode(cue).unsqueeze(axis), guide.unsqueeze(axis),
    )
    task = row.mode
    if without == "switch":  # the other task's switch, over the same row
        task = "pose" if row.mode == "view" else "view"
        given = replace(
            given, cue_latents=given.cue_latents.transpose(0, 1),
            normals=given.normals.transpose(0, 1),
        )
        axis = 1 - axis
    latents = sample(networks, given, settings=Settings(steps=steps, task=task))
    return decode(networks, latents).squeeze(axis)


def unsteadiness(made: torch.Tensor, truth: torch.Tensor) -> float:
    """How differently from the truth neighbours of a row differ, inside the person."""
    a, b = over_grey(made), over_grey(truth)
    off = ((a[1:] - a[:-1]) - (b[1:] - b[:-1])).abs()
    inside = person_region(truth[1:], truth[:-1]).expand_as(off)
    return float(off[inside].mean())


def fitted(sitter: Sitter, nerf, work: Path) -> Subject:
    """The person's views, with cues and guides of a body fitted to the front picture alone."""
    rgba = torch.from_numpy(sitter.reference.rgba).float() / 255
    whole = rgba[..., :3] * rgba[..., 3:] + 0.9 * (1 - rgba[..., 3:])
    scale = 4
    picture, mask = (
        torch.nn.functional.interpolate(
            x.permute(2, 0, 1)[None], scale_factor=scale, mode="bicubic"
        )[0].clamp(0, 1).permute(1, 2, 0).mul(255).round().to(torch.uint8).numpy()
        for x in (whole, rgba[..., 3:])
    )
    person = Person.from_photo(picture, mask=np.ascontiguousarray(mask[..., 0]), layout="single")
    photo = person.photos[0]
    pose = Motion(photo.R_parent_joint[None], photo.root_position[None])
    truth = sitter.body.pose(sitter.reference.pose)
    joints = person.shaped.pose(pose).joints[0]
    R, t, s = roma.rigid_points_registration(joints, truth.joints[0], compute_scaling=True)
    line = next(line for line in sitter.lines if line.mode == "view").select

    def seen_from(cameras: Cameras) -> Cameras:
        T = cameras.T_cam_world.clone()
        T[..., :3, 3] = (T[..., :3, :3] @ t + T[..., :3, 3]) / s
        T[..., :3, :3] = T[..., :3, :3] @ R
        return Cameras(cameras.K, T, cameras.width, cameras.height)

    field = encode_reference(
        nerf, reference_picture(sitter.reference), person.shaped, pose,
        seen_from(sitter.reference.camera),
    )
    cameras = seen_from(line.cameras)
    cue = nerf_cue(nerf, field, person.shaped, pose, cameras)
    guide = soft_normals(person.shaped.pose(pose), cameras)
    exact = render_subject(sitter, nerf, 0, *line.size)
    row = next(row for row in exact.rows if row.mode == "view")
    made = replace(row, cues=to_bytes(cue).transpose(0, 1), guides=to_bytes(guide).transpose(0, 1))
    return replace(exact, rows=(made,))


class Table:
    """Scores by row name, averaged."""

    def __init__(self) -> None:
        self.found: dict[str, list[dict[str, float]]] = {}

    def add(self, name: str, made: torch.Tensor, truth: torch.Tensor, cue: torch.Tensor) -> None:
        scores = picture_scores(over_grey(made), over_grey(truth), person_region(cue, truth))
        scores["unsteadiness"] = 255 * unsteadiness(made, truth)
        self.found.setdefault(name, []).append(scores)

    def markdown(self) -> str:
        lines = ["| what | PSNR person | SSIM person | PSNR | SSIM | unsteadiness |",
                 "| --- | --- | --- | --- | --- | --- |"]
        for name, rows in self.found.items():
            mean = {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}
            lines.append(
                f"| {name} | {mean['psnr_person']:.2f} | {mean['ssim_person']:.3f} | "
                f"{mean['psnr']:.2f} | {mean['ssim']:.3f} | {mean['unsteadiness']:.2f} |"
            )
        return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("people", type=Path)
    options.add_argument("method")
    options.add_argument("--count", type=int, default=12)
    options.add_argument("--fitted", type=int, default=0)
    options.add_argument("--steps", type=int, default=None)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--plate", type=Path)
    options.add_argument("--write", type=Path)
    asked = options.parse_args()
    torch.set_num_threads(asked.threads)
    networks = mb.load(asked.method).networks
    table, strips = Table(), []
    folders = sorted(f for f in asked.people.iterdir() if f.is_dir())[: asked.count]
    for number, folder in enumerate(folders):
        sitter = read_sitter(folder)
        if sitter is None:
            continue
        width, height = sitter.clips[0].size
        subject = render_subject(sitter, networks.nerf, 0, width, height)
        for mode in ("view", "pose"):
            row = next(r for r in subject.rows if r.mode == mode)
            truth, cue = row.truth.float() / 255, row.cues[0].float() / 255
            table.add(f"novel {mode}: NeRF alone (the cue)", cue, truth, cue)
            for without in WITHOUT:
                made = painted(networks, subject, row, without, asked.steps)
                name = "GAS" if not without else f"without {without}"
                table.add(f"novel {mode}: {name}", made, truth, cue)
                if not without and len(strips) < 18:
                    strips += [over_grey(x[: 8]) for x in (truth, cue, made)]
        if number < asked.fitted:
            off = fitted(sitter, networks.nerf, folder)
            row = off.rows[0]
            truth, cue = row.truth.float() / 255, row.cues[0].float() / 255
            table.add("novel view, fitted body: NeRF alone", cue, truth, cue)
            made = painted(networks, off, row, "", asked.steps)
            table.add("novel view, fitted body: GAS", made, truth, cue)
    text = table.markdown()
    print(text)
    if asked.plate:
        write_image(asked.plate, plate(
            torch.stack(strips),
            row_labels=[("truth", "cue", "GAS")[k % 3] for k in range(len(strips))],
            column_labels=[str(k) for k in range(8)],
        ))
    if asked.write:
        asked.write.write_text(
            header("GAS: quality on held-out people") + f"\n{text}\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
