"""How 3DiMo drives people across views.

    muybridge people 20 --split test --size 120x160 --views 0 --motions 0 --frames 8 --fps 8 \
        --paths 6 -o data/paths
    python benchmarks/threedimo_drive.py data/paths/test 3dimo-nano

People, motions and garments are held out. One still camera of a moment drives, the other still
cameras are painted; scores are inside the person on a light grey ground, beside a copy of the
reference; tokens are compared between two cameras of the same moments. Hands are cut out of the
driver where they truly are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from machine import header

import muybridge as mb
from muybridge.data import find_clips, read_clip
from muybridge.evaluation.pictures import picture_scores
from muybridge.methods.picture_loss import over_grey
from muybridge.methods.sitters import read_sitter
from muybridge.methods.threedimo.clips import clip_of, driver_of
from muybridge.methods.threedimo.corpus import Scene
from muybridge.methods.threedimo.corpus_making import scene_of
from muybridge.methods.threedimo.validation import overlap, retrieval, sample_clips


def driving(networks, scenes: list[Scene], seed: int) -> dict[str, float]:
    """Scores of all still cameras but the driver's."""
    made, truth, copied = [], [], []
    for scene in scenes:
        still = (~scene.moves).nonzero()[:, 0].tolist()
        for target in still[1:]:
            item = clip_of(scene, target, still[0], first=False)
            batch = {name: value[None] for name, value in item.items()}
            made.append(sample_clips(networks, batch, seed)[0])
            truth.append(item["truth"])
            copied.append(item["reference"].expand_as(item["truth"]))
    whole = torch.cat(truth)
    scores = {}
    for name, pictures in (("", torch.cat(made)), ("copied ", torch.cat(copied))):
        found = picture_scores(over_grey(pictures), over_grey(whole), whole[:, 3:] > 0.02)
        scores[f"{name}psnr"] = found["psnr_person"]
        scores[f"{name}ssim"] = found["ssim_person"]
        scores[f"{name}iou"] = overlap(pictures[:, 3], whole[:, 3])
    return scores


def recognised(networks, scenes: list[Scene]) -> float:
    """How often tokens of a moment are nearest to the same moment's, seen by another camera."""
    first, second = [], []
    for scene in scenes:
        still = (~scene.moves).nonzero()[:, 0].tolist()
        for view, kept in ((still[0], first), (still[1], second)):
            item = clip_of(scene, view, view, first=False)
            batch = {name: value[None] for name, value in item.items()}
            kept.append(networks.motion(driver_of(batch))[0].flatten(1))
    return retrieval(torch.stack(first), torch.stack(second))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("people", type=Path, help="a split that muybridge people --paths wrote")
    parser.add_argument("model", help="3dimo-nano, or a folder of its weights")
    parser.add_argument("--count", type=int, default=20, help="people")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    networks = mb.load(asked.model).networks
    scenes = []
    for folder in sorted({c.parent for c in find_clips(asked.people)})[: asked.count]:
        clip = read_clip(find_clips(folder)[0]).select(frames=range(networks.config.window))
        scenes.append(scene_of(read_sitter(folder), clip, networks.config))
    print(header("3DiMo, driven across views"))
    with torch.no_grad():
        for name, value in driving(networks, scenes, asked.seed).items():
            print(f"driving: {name} {value:.3f}")
        if networks.config.control == "tokens":
            print(f"tokens: recognised across views {recognised(networks, scenes):.3f} of "
                  f"{len(scenes) * networks.config.window} moments")


if __name__ == "__main__":
    main()
