"""Whether 3DiMo's camera does what it is told.

    muybridge people 20 --split test --size 120x160 --views 0 --motions 0 --frames 8 --fps 8 \
        --paths 6 -o data/paths
    python benchmarks/threedimo_words.py data/paths/test 3dimo-nano

People, motions, garments and sentences are held out. A sentence says that the camera goes around,
comes nearer or rises by some amount. ``held``: before somebody's picture, as ``muybridge drive``
has views of one picture. ``moving``: before somebody in motion, whom a still camera's view drives
anew from their reference; there the pose is read off a video and has to be right, too. The whole
way of ``muybridge drive`` is gone. Only where the person stands, which a driving video does not
tell, is as it truly was.

Which amount the last frame shows is found by rendering the true person in the true motion by
cameras of many amounts, and taking the render that the frame is nearest to, both reduced to
1/8 of their size. So nothing learnt judges; how often the judge is right is seen on true pictures.
A move counts as obeyed if the direction is right and the amount is off by a third at most, or
by one step of the candidates. How near the camera comes is the crop's matter, not the networks'.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from machine import header
from torch import Tensor

import muybridge as mb
from muybridge.camera import Cameras, build_cameras
from muybridge.camera.script import Move, Script, Step
from muybridge.data import Clip, find_clips, read_clip
from muybridge.data.people import reference_setup, remade
from muybridge.methods.background import Background
from muybridge.methods.driving import compact
from muybridge.methods.picture_loss import over_grey
from muybridge.methods.pipeline import HumanVideoPipeline
from muybridge.methods.sitters import Sitter, pictures_of, read_sitter, reference_picture
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.synthetic.capture import Sitter as Who
from muybridge.synthetic.capture import photographed
from muybridge.synthetic.dice import Dice
from muybridge.synthetic.figure import PosedFigure
from muybridge.video import plate, write_image

CANDIDATES = {
    "arc": [float(d) for d in range(-150, 151, 15)],
    "zoom": [round(1.12**k, 4) for k in range(-6, 7)],
    "crane": [round(0.3 * k, 2) for k in range(-6, 7)],
}
"""Amounts that a last frame is compared with: degrees, factors, metres."""
STEP = {"arc": 15.0, "zoom": 0.12, "crane": 0.3}
WIDTH, HEIGHT = 240, 320
REDUCED = 8
PROMPTS = 100


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


class Scene:
    """A test person in a motion, who can be painted and rendered by any sentence's camera.

    Args:
        who: the person. ``sitter``: with the pictures that are known of them.
        posed: how they truly are, in all frames or in the only one.
        motion: of a body that is as long.
        driver: what is filmed of them.
    """

    def __init__(
        self, who: Who, sitter: Sitter, posed: PosedFigure, motion: Motion,
        driver: UInt8[Tensor, "T 4 h w"],
    ) -> None:
        self.who, self.posed, self.driver = who, posed, driver
        self.body = sitter.body.pose(motion)
        self.fps = motion.fps
        self.person = Person.from_known(sitter.reference, shape=sitter.clips[0].shape)
        self.motion = not_turning(motion)

    @staticmethod
    def moving(clip: Clip, sitter: Sitter) -> Scene:
        """Filmed by a camera that stays.

        Args:
            clip: of a test person, as long as a window. ``sitter``: the person.
        """
        who, setup = remade(clip)
        still = [v for v in range(clip.views) if not travels(clip, v)]
        filmed = compact(pictures_of(clip.select([still[0]]))[0].float() / 255)
        return Scene(who, sitter, who.staged(setup)[0], clip.motion, filmed)

    @staticmethod
    def held(clip: Clip, sitter: Sitter) -> Scene:
        """Not moving: the person's picture, held.

        Args:
            clip, sitter: as of :meth:`moving`.
        """
        who, setup = remade(clip)
        posed, pose, _ = who.staged(reference_setup(who, setup.size))
        motion = replace(
            pose, fps=clip.motion.fps,
            R_parent_joint=pose.R_parent_joint[:1].expand(clip.frames, -1, -1, -1).clone(),
            root_position=pose.root_position[:1].expand(clip.frames, -1).clone(),
        )
        filmed = compact(reference_picture(sitter.reference)[None].float())
        return Scene(who, sitter, posed, motion, filmed.expand(clip.frames, -1, -1, -1))

    def cameras(self, script: Script) -> Cameras:
        """The camera of a sentence."""
        return build_cameras(
            script.text(), self.body.joints, width=WIDTH, height=HEIGHT, fps=self.fps, fov=24,
            margin=0.06, facing="auto",
        )

    def painted(
        self, pipe: HumanVideoPipeline, script: Script, seed: int
    ) -> Float[Tensor, "T 4 H W"]:
        """What the method makes of a sentence: RGB over black, and matte."""
        made = pipe.driven_by(self.driver)(
            self.person, self.motion, self.cameras(script), seed=seed,
            background=Background("transparent"),
        )
        rgb, matte = made.frames[0].cpu(), made.matte[0].cpu()
        return torch.cat([rgb * matte, matte], 1)

    def last(self, script: Script) -> Float[Tensor, "4 H W"]:
        """The true last frame of a sentence."""
        cameras = self.cameras(script)
        ends = [frames - 1 for frames in (self.posed.frames, cameras.frames)]
        rgb, matte = photographed(
            self.posed.slice(ends[0], ends[0] + 1), cameras.slice(ends[1], ends[1] + 1),
            self.who.light,
        )
        whole = torch.cat([torch.from_numpy(rgb), torch.from_numpy(matte)[..., None]], -1)
        return whole[0, 0].permute(2, 0, 1).float() / 255


KINDS = {"held": Scene.held, "moving": Scene.moving}
"""Whom the camera moves before."""


def travels(clip: Clip, view: int) -> bool:
    """Whether a camera of a clip travels."""
    seen = clip.cameras.T_cam_world[view]
    return bool((seen - seen[:1]).abs().max() > 1e-4)


def not_turning(motion: Motion) -> Motion:
    """A motion whose body looks where it looks first: turning is for the video to tell."""
    rotations = motion.R_parent_joint.clone()
    rotations[:, 0] = rotations[:1, 0]
    return replace(motion, R_parent_joint=rotations)


def nearest(
    amounts: list[float], true: Float[Tensor, "N 4 H W"], picture: Float[Tensor, "4 H W"]
) -> float:
    """The amount whose true last frame a picture is nearest to."""
    small = (F.avg_pool2d(over_grey(x), REDUCED) for x in (true, picture[None]))
    first, second = small
    return amounts[int((first - second).square().mean((1, 2, 3)).argmin())]


def words(
    pipe: HumanVideoPipeline, scenes: list[Scene], prompts: int, seed: int
) -> tuple[dict[str, list[bool]], list[tuple[str, Tensor, Tensor]]]:
    """Which moves of each kind were obeyed; and some: sentence, frames, the true last frame."""
    results: dict[str, list[bool]] = {"judge": [], "arc": [], "zoom": [], "crane": []}
    shown: list[tuple[str, Tensor, Tensor]] = []
    for number in range(prompts):
        kind, said, script = prompt(number)
        scene = scenes[number % len(scenes)]
        made = scene.painted(pipe, script, seed)
        amounts = CANDIDATES[kind]
        true = torch.stack([scene.last(with_amount(script, kind, a)) for a in amounts])
        told = scene.last(script)
        results["judge"].append(obeyed(kind, said, nearest(amounts, true, told)))
        found = nearest(amounts, true, made[-1])
        results[kind].append(obeyed(kind, said, found))
        if len(shown) < 16:
            shown.append((f"{script.text()} [{found:g}]", made, told))
    return results, shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("people", type=Path, help="a split that muybridge people --paths wrote")
    parser.add_argument("model", help="3dimo-nano, or a folder of its weights")
    parser.add_argument("--of", choices=list(KINDS), nargs="+", default=list(KINDS))
    parser.add_argument("--count", type=int, default=20, help="people")
    parser.add_argument("--prompts", type=int, default=PROMPTS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write a picture of some sentences")
    asked = parser.parse_args()
    pipe = mb.load(asked.model)
    folders = sorted({c.parent for c in find_clips(asked.people)})[: asked.count]
    print(header("3DiMo, told by words"))
    for kind in asked.of:
        scenes = []
        for folder in folders:
            clip = read_clip(find_clips(folder)[0]).select(
                frames=range(pipe.networks.config.window)
            )
            scenes.append(KINDS[kind](clip, read_sitter(folder)))
        results, shown = words(pipe, scenes, asked.prompts, asked.seed)
        sure = results.pop("judge")
        print(f"{kind}: the judge is right on true pictures in {sum(sure)} of {len(sure)}")
        for move, found in results.items():
            print(f"{kind}: {move} obeyed {sum(found)} of {len(found)}")
        every = [each for found in results.values() for each in found]
        print(f"{kind}: all obeyed {sum(every)} of {len(every)}", flush=True)
        if asked.out and shown:
            rows = [over_grey(torch.cat([made, told[None]])) for _, made, told in shown]
            frames = [str(t) for t in range(pipe.networks.config.window)]
            write_image(
                asked.out.with_stem(f"{asked.out.stem}-{kind}"),
                plate(torch.stack(rows), [text for text, _, _ in shown], [*frames, "true last"]),
            )


if __name__ == "__main__":
    main()
