"""What refinement gives and what it costs: strength, cut-offs, fraction, steps, on Plates.

    python benchmarks/refine_sweep.py runs/reimagine/weights --plates ~/plates --people 3
    python benchmarks/refine_sweep.py runs/reimagine/weights --flicker 0.04   # truth, disturbed
    python benchmarks/refine_sweep.py nano --grid strength=0.2,0.4 cut_time=0.1,inf
    python benchmarks/refine_sweep.py nano --video hvg --base told --data data/paths/validation

The per-frame stage paints each item once; then its latents are refined with every setting, decoded,
put back into the pictures and measured as ``muybridge evaluate`` measures them. With ``--flicker``
the truth's own crops are disturbed, each frame by another shade of another place, so that the best
that can be reached is known. Rows without a model keep the slow part of the latents alone: what
a video model must do better than. Changes are against no refinement: of the flicker along exact
flow in percent, of PSNR inside the person in dB, of the person's detail (energy of its edges) in
percent. Settings are chosen on validation people (``--data``) and measured on Plates.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from machine import header
from torch import Tensor

import muybridge as mb
from muybridge.camera.crop import Crop
from muybridge.data import Clip, find_clips, read_clip
from muybridge.evaluation.flicker import flicker
from muybridge.evaluation.pictures import picture_scores
from muybridge.evaluation.plates import FAST, FULL, cache_folder, reference_of
from muybridge.evaluation.protocols import items
from muybridge.evaluation.sample import Sample, over_ground
from muybridge.methods.avatar.scene import AvatarScene
from muybridge.methods.background import Background
from muybridge.methods.hvg.conditions import crop_of_video
from muybridge.methods.latent import Prepared
from muybridge.methods.reimagine.calming import chosen_calming
from muybridge.methods.reimagine.pipeline import ReImaginePipeline
from muybridge.person import Person
from muybridge.sampling import (
    PRESETS,
    Refinement,
    filtered,
    item_generator,
    low_pass,
)
from muybridge.video.atomic import replacing

GRID = {
    "strength": [0.2, 0.4, 0.7], "cut_time": [0.06, 0.12, 0.25, math.inf],
    "fraction": [0.35, 1.0], "steps": [4],
}
"""The default sweep; ``cut_space`` is infinite in it but for the presets."""
SMOOTHED = (0.06, 0.12, 0.25, 0.4)
"""Cut-offs along time of the rows without a model, cycles per frame."""
CLEAR = Background("transparent")
BASE = "faithful"
"""Preset that the grid changes."""


class Kept(ReImaginePipeline):
    """The pipeline with latents that are there already."""

    kept: Prepared

    def prepare(self, *_: Any, **__: Any) -> Prepared:
        """What was kept."""
        return self.kept


def disturbed(pictures: Tensor, amount: float, seed: int) -> Tensor:
    """Crops ``[V, T, 4, H, W]`` whose shade changes from frame to frame, smoothly over space."""
    views, frames, _, height, width = pictures.shape
    noise = torch.randn(views * frames, 3, 6, 5, generator=item_generator(seed, 1))
    shade = torch.nn.functional.interpolate(
        noise, (height, width), mode="bicubic", align_corners=False
    ).unflatten(0, (views, frames))
    matte = pictures[:, :, 3:]
    return torch.cat([(pictures[:, :, :3] + amount * shade * matte).clamp(0, 1), matte], 2)


def truth_crops(shot: Any, crop: Crop) -> Tensor:
    """The truth as the networks see it: RGB over black, and matte."""
    whole = torch.cat([shot.frames, shot.matte], 2)
    return crop.cut(whole).clamp(0, 1)


def scores(sample: Sample) -> dict[str, float]:
    """Flicker, PSNR inside the person, and the energy of edges beside the truth's."""
    made, truth = sample.made.flatten(0, 1), sample.truth.flatten(0, 1)
    inside = sample.foreground.flatten(0, 1)
    found = picture_scores(made, truth, inside)
    whole = sample.truth_matte.flatten(0, 1) > 0.98

    def edges(pictures: Tensor) -> float:
        across = pictures.diff(dim=-1).square().mean(1, keepdim=True)
        return float(across[whole[..., 1:] & whole[..., :-1]].mean())

    made_flicker = next(v for k, v in flicker(sample).items() if "/" not in k)
    return {"flicker": made_flicker, "psnr": found["psnr"], "edges": edges(made) / edges(truth)}


def smoothed(latents: Tensor, cut_time: float) -> Tensor:
    """Latents ``[V, T, K, h, w]`` without what is faster than a cut-off; no model is asked."""
    size = (latents.shape[1], latents.shape[3], latents.shape[4])
    return filtered(latents, low_pass(size, cut_time, math.inf))


def settings_of(
    grid: dict[str, list[Any]], steps: int, base: str
) -> Iterator[tuple[str, Refinement]]:
    """All settings to try, named; the presets too where the base is the usual one."""
    for name in PRESETS if base == BASE else (base,):
        yield f"`{name}`, {steps} steps", Refinement.of(name, steps=steps, guidance=1.0)
    for values in itertools.product(*grid.values()):
        chosen = dict(zip(grid, values, strict=True))
        yield ", ".join(f"{k} {v:g}" if isinstance(v, float | int) else f"{k} {v}"
                        for k, v in chosen.items()), Refinement.of(base, **chosen)


@dataclass(frozen=True)
class Case:
    """A sequence: the truth, the person's pictures, and a seed."""

    name: str
    truth: Clip
    references: Clip
    seed: int


def of_plates(asked: argparse.Namespace) -> list[Case]:
    """Motions of Plates' people."""
    plates = FAST if asked.fast else FULL
    root = asked.plates or cache_folder(plates)
    found = []
    for item in items("novel-pose", plates):
        motion = int(item.clip.removeprefix("motion"))
        if 0 <= item.person - asked.first < asked.people and motion < asked.motions:
            clip = plates.read(root, item.person, item.clip)
            truth = clip.select(item.views, item.frames[: asked.frames])
            found.append(Case(item.name, truth, clip, item.seed))
    return found


def of_folder(asked: argparse.Namespace) -> list[Case]:
    """Motions of any people, from two still cameras each."""
    found = []
    for folder in find_clips(asked.data)[asked.first : asked.first + asked.people]:
        clip = read_clip(folder)
        frames = tuple(range(min(clip.frames, asked.frames)))
        found.append(Case(clip.name, clip.select((0, 2), frames), clip, 0))
    return found


def values_of(pairs: list[str]) -> dict[str, list[Any]]:
    """``name=a,b`` as a grid."""
    grid: dict[str, list[Any]] = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        grid[name] = [
            math.inf if word == "inf" else json.loads(word) if word[0] in "-.0123456789" else word
            for word in text.split(",")
        ]
    return grid


def main() -> None:
    """Print the table, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weights", help="a size of ReImagine, or its folder")
    parser.add_argument("--plates", type=Path)
    parser.add_argument("--data", type=Path, help="people in place of Plates: a split's folder")
    parser.add_argument("--video", default="own", help="the model: own, hvg, or HVG's folder")
    parser.add_argument("--base", default=BASE, help="the preset that the grid changes")
    parser.add_argument("--fast", action="store_true", help="Plates' two people")
    parser.add_argument("--people", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="number of the first person")
    parser.add_argument("--motions", type=int, default=1, help="of each person")
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--flicker", type=float, default=0.0, metavar="SHADE")
    parser.add_argument("--steps", type=int, default=4, help="of the presets")
    parser.add_argument("--grid", nargs="*", default=[], metavar="NAME=A,B")
    parser.add_argument("-o", "--out", type=Path)
    asked = parser.parse_args()
    grid = values_of(asked.grid) or GRID
    known = Path(asked.weights).is_dir()
    name = asked.weights if known else f"reimagine-{asked.weights}"
    loaded = mb.load(name, detail=False, refine="none")
    pipe = Kept(loaded.networks, loaded.size, detail=False, refine="none")
    cases = of_folder(asked) if asked.data else of_plates(asked)
    total: dict[str, list[dict[str, float]]] = {}
    for case in cases:
        truth = case.truth
        person = Person.from_known(
            *(reference_of(case.references, n) for n in ("front", "back")),
            shape=case.references.shape,
        )
        shot = truth.read()
        config = pipe.networks.config
        if asked.flicker:
            crop = crop_of_video(
                person, truth.motion, truth.cameras, config.width, config.height
            )
            crops = disturbed(truth_crops(shot, crop), asked.flicker, case.seed)
            scene = AvatarScene.of(person, truth.motion)
            painted = Prepared(crop, scene, pipe.networks.encode(crops))
        else:
            painted = ReImaginePipeline.prepare(
                pipe, person, truth.motion, truth.cameras, case.seed, lambda done, text: None
            )
        ground = over_ground(shot.frames, shot.matte)

        def measured(latents: Tensor, truth=truth, painted=painted, person=person, shot=shot,
                     ground=ground) -> dict[str, float]:
            pipe.kept = Prepared(painted.crop, painted.scene, latents)
            video = pipe(person, truth.motion, truth.cameras, background=CLEAR)
            made = over_ground(video.frames * video.matte, video.matte)
            return scores(Sample(made, ground, shot.matte, truth, video.matte))

        total.setdefault("", []).append(measured(painted.latents))
        for cut in SMOOTHED:
            began = time.perf_counter()
            plain = smoothed(painted.latents, cut)
            took = time.perf_counter() - began
            total.setdefault(f"no model, cut_time {cut:g}", []).append(
                {**measured(plain), "seconds": took}
            )
        for label, how in settings_of(grid, asked.steps, asked.base):
            began = time.perf_counter()
            refined = painted.latents.clone()
            calming = chosen_calming(pipe.networks, how, asked.video)
            assert calming is not None
            calming(refined, person, truth.motion, truth.cameras, case.seed, untold)
            took = time.perf_counter() - began
            found = measured(refined)
            total.setdefault(label, []).append({**found, "seconds": took})
        print(f"{case.name}, {len(cases)} in all", flush=True)
    text = table(total, asked.flicker, len(cases), asked.frames)
    print(text)
    if asked.out:
        with replacing(asked.out) as part:
            part.write_text(header("Refinement: a sweep") + "\n" + text)


def untold(done: int, of: int) -> None:
    """Progress that nobody asked about."""


def table(
    total: dict[str, list[dict[str, float]]], flicker: float, count: int, frames: int
) -> str:
    """As Markdown, against no refinement."""
    def mean(rows: list[dict[str, float]], key: str) -> float:
        return sum(row[key] for row in rows) / len(rows)

    base = total.pop("")
    of = "the truth's crops, disturbed" if flicker else "ReImagine's per-frame stage"
    lines = [
        f"{count} sequences of {frames} frames from {of}. Without refinement: flicker "
        f"{mean(base, 'flicker'):.4f}, PSNR {mean(base, 'psnr'):.2f} dB, edges "
        f"{mean(base, 'edges'):.2f} of the truth's.", "",
        "| setting | flicker | PSNR, dB | edges | seconds a frame |", "|" + 5 * " --- |",
    ]
    for label, rows in total.items():
        calm = 100 * (mean(rows, "flicker") / mean(base, "flicker") - 1)
        sharp = 100 * (mean(rows, "edges") / mean(base, "edges") - 1)
        lines.append(
            f"| {label} | {calm:+.1f} % | {mean(rows, 'psnr') - mean(base, 'psnr'):+.2f} | "
            f"{sharp:+.0f} % | {mean(rows, 'seconds') / frames:.3f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
