"""How 3DiMo drives people across views, and whether its camera does what it is told.

    muybridge people 20 --split test --size 120x160 --views 0 --motions 0 --frames 8 --fps 8 \
        --paths 6 -o data/paths
    python benchmarks/threedimo_drive.py data/paths/test 3dimo-nano

People, motions, garments and sentences are held out. *Driving*: one still camera of a moment
drives, the other still cameras are painted; scores are inside the person on a light grey ground,
beside a copy of the reference; tokens are compared between two cameras of the same moments.
*Words*: a camera goes around, comes nearer or rises by some amount. Which amount the last frame
shows is found by rendering the true person at many, and taking the render that the frame is
nearest to. So nothing learnt judges; how often the judge is right is seen on true pictures. A
move counts as obeyed if the direction is right and the amount is off by a third at most, or by
one step of the candidates.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from machine import header

import muybridge as mb
from muybridge.camera import Cameras, build_cameras
from muybridge.camera.crop import anchored, pixels_per_metre
from muybridge.camera.script import Move, Script, Step
from muybridge.data import find_clips, read_clip
from muybridge.data.people import remade
from muybridge.evaluation.pictures import picture_scores
from muybridge.methods.picture_loss import over_grey
from muybridge.methods.sitters import Sitter, read_sitter
from muybridge.methods.threedimo.clips import clip_of, driver_of
from muybridge.methods.threedimo.conditions import PELVIS, size_of, steady_crop
from muybridge.methods.threedimo.corpus import Scene
from muybridge.methods.threedimo.corpus_making import scene_of
from muybridge.methods.threedimo.validation import overlap, retrieval, sample_clips
from muybridge.methods.threedimo.words import encoded
from muybridge.synthetic.capture import photographed
from muybridge.synthetic.dice import Dice
from muybridge.video import plate, write_image

CANDIDATES = {
    "arc": [float(d) for d in range(-150, 151, 15)],
    "zoom": [round(1.12**k, 4) for k in range(-6, 7)],
    "crane": [round(0.3 * k, 2) for k in range(-6, 7)],
}
"""Amounts that a last frame is compared with: degrees, factors, metres."""
STEP = {"arc": 15.0, "zoom": 0.12, "crane": 0.3}
PROMPTS = 100


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


def prompt(number: int) -> tuple[str, float, Script]:
    """Kind of move, amount (as in :data:`CANDIDATES`) and script of a sentence."""
    dice = Dice("held-out sentences", number)
    kind = ("arc", "arc", "zoom", "crane")[number % 4]
    sign = 1 if dice.chance(0.5) else -1
    size = {"arc": (25, 115), "zoom": (1.25, 1.75), "crane": (0.5, 1.5)}[kind]
    amount = round(dice.between(*size), 2)
    start = round(dice.between(0, 360), 1)
    script = Script(start, round(dice.between(0, 12), 1), (Step((Move(kind, sign, amount),)),))
    signed = amount**sign if kind == "zoom" else sign * amount
    return kind, signed, script


class Judge:
    """Finds in which direction and how far a camera went, from the last frame.

    Args:
        clip: of a test person. ``config``: of the networks.
    """

    def __init__(self, clip, sitter: Sitter, config) -> None:
        self.who, setup = remade(clip)
        self.posed, _, _ = self.who.staged(setup)
        self.body = sitter.body.pose(clip.motion)
        self.config = config
        crop = steady_crop(self.body, clip.cameras, config.width, config.height)
        self.size = size_of(crop, self.body)

    def cameras(self, script: Script, fps) -> Cameras:
        """The camera of a sentence."""
        return build_cameras(
            script.text(), self.body.joints, width=240, height=320, fps=fps, fov=24, margin=0.06,
            facing="auto",
        )

    def last(self, scripts: list[Script], fps) -> torch.Tensor:
        """The true last frame of each sentence ``[N, 4, h, w]``, by the crop's rule."""
        made = [self.cameras(script, fps) for script in scripts]
        pelvis = self.body.joints[:, PELVIS]
        both = replace(
            made[0], K=torch.cat([c.K for c in made]),
            T_cam_world=torch.cat([c.T_cam_world for c in made]),
        )
        scale = (self.size / pixels_per_metre(both, pelvis)[:, :1]).expand(-1, both.frames)
        crop = anchored(both, pelvis, scale, self.config.width, self.config.height)
        end = both.frames - 1
        rgb, matte = photographed(
            self.posed.slice(end, end + 1), both.slice(end, end + 1), self.who.light
        )
        pictures = torch.cat([torch.from_numpy(rgb), torch.from_numpy(matte)[..., None]], -1)
        whole = pictures.permute(0, 1, 4, 2, 3).float() / 255
        known = replace(crop, scale=crop.scale[:, -1:], shift=crop.shift[:, -1:])
        return known.cut(whole)[:, 0]


def with_amount(script: Script, kind: str, amount: float) -> Script:
    """A sentence with another amount, signed as in :data:`CANDIDATES`."""
    up = amount > 1 if kind == "zoom" else amount > 0
    size = max(amount, 1 / amount) if kind == "zoom" else abs(amount)
    if size < (1.01 if kind == "zoom" else 0.01):
        return replace(script, steps=())
    return replace(script, steps=(Step((Move(kind, 1 if up else -1, size),)),))


def obeyed(kind: str, said: float, found: float) -> bool:
    """Whether a move came out as it was said."""
    if kind == "zoom":
        said, found = torch.tensor([said, found]).log().tolist()
    right = said * found > 0
    return right and abs(found - said) <= max(abs(said) / 3, STEP[kind])


def nearest(amounts: list[float], true: list[torch.Tensor], picture: torch.Tensor) -> float:
    """The amount whose true last frame a picture is nearest to."""
    away = (over_grey(torch.stack(true)) - over_grey(picture)).square().mean((1, 2, 3))
    return amounts[int(away.argmin())]


def words(networks, known, prompts: int, seed: int) -> tuple[dict[str, list[bool]], list]:
    """Which moves of each kind were obeyed; and some pictures."""
    results: dict[str, list[bool]] = {"judge": [], "arc": [], "zoom": [], "crane": []}
    shown = []
    judges: dict[int, Judge] = {}
    for number in range(prompts):
        kind, said, script = prompt(number)
        which = number % len(known)
        clip, sitter, scene = known[which]
        if which not in judges:
            judges[which] = Judge(clip, sitter, networks.config)
        judge = judges[which]
        still = (~scene.moves).nonzero()[:, 0].tolist()
        item = clip_of(scene, still[0], still[0], first=False)
        item["words"], item["amounts"] = (values[0] for values in encoded([script]))
        made = sample_clips(networks, {n: v[None] for n, v in item.items()}, seed)[0]
        amounts = CANDIDATES[kind]
        asked = [with_amount(script, kind, a) for a in amounts]
        *true, told = judge.last([*asked, script], clip.motion.fps)
        results["judge"].append(obeyed(kind, said, nearest(amounts, true, told)))
        found = nearest(amounts, true, made[-1])
        results[kind].append(obeyed(kind, said, found))
        if len(shown) < 8:
            shown.append((f"{script.text()} [{found:g}]", made))
    return results, shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("people", type=Path, help="a split that muybridge people --paths wrote")
    parser.add_argument("model", help="3dimo-nano, or a folder of its weights")
    parser.add_argument("--count", type=int, default=20, help="people")
    parser.add_argument("--prompts", type=int, default=PROMPTS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write a picture of some sentences")
    asked = parser.parse_args()
    networks = mb.load(asked.model).networks
    known, folders = [], sorted({c.parent for c in find_clips(asked.people)})[: asked.count]
    for folder in folders:
        sitter = read_sitter(folder)
        clip = read_clip(find_clips(folder)[0]).select(frames=range(networks.config.window))
        known.append((clip, sitter, scene_of(sitter, clip, networks.config)))
    scenes = [scene for _, _, scene in known]
    print(header("3DiMo, driven across views and told by words"))
    with torch.no_grad():
        for name, value in driving(networks, scenes, asked.seed).items():
            print(f"driving: {name} {value:.3f}")
        if networks.config.control == "tokens":
            print(f"tokens: recognised across views {recognised(networks, scenes):.3f} of "
                  f"{len(scenes) * networks.config.window} moments")
        results, shown = words(networks, known, asked.prompts, asked.seed)
    sure = results.pop("judge")
    print(f"words: the judge is right on true pictures in {sum(sure)} of {len(sure)}")
    for kind, found in results.items():
        print(f"words: {kind} obeyed {sum(found)} of {len(found)}")
    every = [each for found in results.values() for each in found]
    print(f"words: all obeyed {sum(every)} of {len(every)}")
    if asked.out and shown:
        picture = plate(
            torch.stack([over_grey(made) for _, made in shown]),
            row_labels=[text for text, _ in shown],
            column_labels=[str(t) for t in range(networks.config.window)],
        )
        write_image(asked.out, picture)


if __name__ == "__main__":
    main()
