"""What 3DiMo's networks are shown in training: clips and single pictures, each with its driver.

A clip's driver is the same view, for reconstruction, or another one of the same moment, for the
reproduction across views, which makes motion tokens forget the camera (paper, section 3.3).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from muybridge.body.skeleton import JOINTS
from muybridge.errors import InputError
from muybridge.methods.threedimo.augment import CHANCES, moved_by, recoloured, warp, warped
from muybridge.methods.threedimo.corpus import Scene
from muybridge.methods.threedimo.networks import Driver
from muybridge.methods.threedimo.words import mirrored_words
from muybridge.training import Batch, Context, Shuffle, generator_of

SAID = 4
"""Sentences of a clip beside the one of the camera that is painted."""
NO_HANDS = 0.5
"""How often a clip's hands are taken to be unseen: those of a driving video are, mostly."""
_CHANGED = 0.8
"""How often a driver is seen through another camera, and in other colours, each."""


class Clips:
    """The sampler: a view to be painted and a view that drives it; clips, or single frames.

    Args:
        scenes: in memory.
        context: of the stage. ``batch``: clips of a step.
        cross: how often the driver is another view, 0..1.
        moving: how often the target is by a travelling camera; the rest is by a still one.
        augment: whether drivers are changed, see :mod:`.augment`.
        single: one frame of each clip only, as a picture, which knows its number; every moment
            counts alike, so people with more of them come more often.
        flips: half of the clips are mirrored; not where a drawn skeleton steers, whose colours
            tell left from right.
        poses: people whom one camera sees at a time are among them.
        said: sentences of a clip beside the one of the camera that is painted.
        first: how often the reference is the first frame of the target, as in the paper; else it
            is the person's own picture, standing.

    Raises:
        InputError: no scene has the cameras for it.
    """

    def __init__(
        self, scenes: Sequence[Scene], context: Context, batch: int, cross: float, moving: float,
        augment: bool = True, flips: bool = True,
        single: bool = False, first: float = 0.5, poses: bool = False,
        said: int = SAID,
    ) -> None:
        self.scenes = [s for s in scenes if (poses or not s.alone) and not bool(s.moves.all())]
        if not self.scenes:
            raise InputError("--data", "", "nobody is seen by two cameras of which one is still",
                             "make people with --paths 6")
        self.items: list[tuple[Scene, slice]] = [(scene, slice(None)) for scene in self.scenes]
        if single:
            self.items = [
                (scene, slice(number, number + 1))
                for scene in self.scenes for number in range(scene.truth.shape[1])
                for _ in range(max(1, len(scene.truth) // 2))  # as often as it has pairs of views
            ]
        self.order = Shuffle(len(self.items), batch, context.seed, context.stage)
        self.key = (context.seed, context.stage)
        self.cross, self.moving = cross, moving
        self.augment, self.flips = augment, flips
        self.first, self.said = first, said

    def __call__(self, step: int, indices: Sequence[int]) -> Batch:
        """See :class:`muybridge.training.recipe.Sampler`."""
        items = [self._item(step, index) for index in indices]
        return {name: torch.stack([item[name] for item in items]) for name in items[0]}

    def _item(self, step: int, index: int) -> dict[str, Tensor]:
        scene, frames = self.items[self.order(step, index)]
        generator = generator_of(*self.key, "clip", step, index)
        chance = torch.rand(6, generator=generator).tolist()
        travelling = scene.moves.nonzero()[:, 0].tolist()
        still = (~scene.moves).nonzero()[:, 0].tolist()
        among = travelling if travelling and chance[0] < self.moving else still
        target = among[int(chance[1] * len(among))]
        driver = target
        others = [v for v in range(len(scene.truth)) if v != target]
        if others and chance[2] < self.cross:
            driver = others[int(chance[3] * len(others))]
        item = clip_of(scene, target, driver, chance[4] < self.first, frames)
        item |= said_of(scene, frames, self.said, generator)
        if self.flips and chance[5] < 0.5:
            item = mirrored(item)
        return changed(item, generator) if self.augment else item


def clip_of(
    scene: Scene, target: int, driver: int, first: bool, frames: slice = slice(None)
) -> dict[str, Tensor]:
    """A clip and what it is made from.

    A single picture keeps its number, and what is said of the whole clip: so pictures teach
    already how far a camera has come by then.

    Args:
        scene: that it is of.
        target: the view to be painted. ``driver``: the view that drives it.
        first: the reference is the first frame of the target, not the person's own picture.
        frames: of the clip.
    """
    return {
        "reference": (scene.truth[target, 0] if first else scene.reference).float() / 255,
        "reference_joints": (
            scene.joints[target, 0] if first else scene.reference_joints
        ).float(),
        "truth": scene.truth[target, frames].float() / 255,
        "driver": scene.truth[driver, frames].float() / 255,
        "driver_joints": scene.joints[driver, frames].float(),
        "skeleton": scene.skeleton[driver, frames].float() / 255,
        "drawing": scene.skeleton[target, frames].float() / 255,
        "joints": scene.joints[target, frames].float(),
        "drawn": torch.ones(()), "told": torch.full((), 0.0 if scene.alone else 1.0),
        "hands": scene.hands[driver, frames].float() / 255,
        "seen": scene.seen[driver, frames],
        "rotations": scene.rotations[frames].float(),
        "words": scene.words[target],
        "amounts": scene.amounts[target],
        "tilts": scene.tilts[frames],
        "turned": scene.turned[frames], "looks": scene.looks[driver, frames],
        "number": torch.arange(scene.truth.shape[1])[frames],
        **said_of(scene, frames),
    }


def said_of(
    scene: Scene, frames: slice, count: int = SAID, generator: torch.Generator | None = None
) -> dict[str, Tensor]:
    """Sentences of cameras of which there are no pictures: some of a clip's, which else are its
    first ones; silence for people whom one camera sees at a time.

    Args:
        scene: that they are of. ``frames``: of the clip.
        count: how many.
        generator: decides which.
    """
    known = len(scene.said_words)
    if not known:
        silence = torch.zeros(count, scene.words.shape[1])
        joints = scene.joints[:1, frames].float().expand(count, -1, -1, -1)
        return {"said_words": silence.long(), "said_amounts": silence, "said_joints": joints}
    which = torch.arange(count) % known
    if generator is not None:
        which = torch.randint(0, known, (count,), generator=generator)
    return {
        "said_words": scene.said_words[which], "said_amounts": scene.said_amounts[which],
        "said_joints": scene.said_joints[which][:, frames].float(),
    }


def changed(item: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
    """A clip with its driver seen through another camera, in other colours, or without hands."""
    chance = torch.rand(CHANCES, generator=generator).tolist()
    made = dict(item)
    if chance[7] < _CHANGED:
        aspect = item["driver"].shape[-1] / item["driver"].shape[-2]
        H = warp(chance[:7], aspect)
        made["driver"] = warped(item["driver"], H)
        made["skeleton"] = warped(item["skeleton"], H)
        made["driver_joints"] = moved_by(H, item["driver_joints"], aspect)
    if chance[8] < _CHANGED:
        seed = int(torch.randint(0, 2**31 - 1, (), generator=generator))
        made["driver"] = recoloured(made["driver"], torch.Generator().manual_seed(seed))
        hands = recoloured(item["hands"].flatten(0, 1), torch.Generator().manual_seed(seed))
        made["hands"] = hands.unflatten(0, item["hands"].shape[:2])
    if chance[9] < NO_HANDS:
        made["seen"] = torch.zeros_like(item["seen"])
    return made


# ------------------------------------------------------------------------ mirrored


def _twins() -> list[int]:
    """For each joint but the root its twin on the other side, body then hands."""
    known = [*range(1, 22), *range(25, 55)]
    other = {"left": "right", "right": "left"}
    names = [JOINTS[k] for k in known]

    def twin(name: str) -> str:
        side, _, rest = name.partition("_")
        return f"{other[side]}_{rest}" if side in other else name

    return [names.index(twin(name)) for name in names]


_TWINS = _twins()
_BODY_TWINS = [0, *(1 + twin for twin in _TWINS[:21])]
_ACROSS = torch.tensor([-1.0, 1.0, 1.0])
"""Of a place before a camera, in the mirror."""
_SIGNS = torch.tensor([1.0, -1.0, -1.0, -1.0, 1.0, 1.0])
"""Of a matrix's first two columns where x points the other way."""


def mirrored(item: dict[str, Tensor]) -> dict[str, Tensor]:
    """A clip and all that is known of it in the mirrored world, but the skeletons' colours, which
    tell left from right: ``drawn``, how much the target's counts, is 0."""
    words, amounts = mirrored_words(item["words"], item["amounts"])
    said, said_amounts = mirrored_words(item["said_words"], item["said_amounts"])
    return {
        "reference": item["reference"].flip(-1),
        "reference_joints": item["reference_joints"][_BODY_TWINS] * _ACROSS,
        "truth": item["truth"].flip(-1),
        "driver": item["driver"].flip(-1),
        "driver_joints": item["driver_joints"][:, _BODY_TWINS] * _ACROSS,
        "skeleton": item["skeleton"].flip(-1),
        "drawing": item["drawing"].flip(-1),
        "joints": item["joints"][:, _BODY_TWINS] * _ACROSS,
        "drawn": 1 - item["drawn"], "told": item["told"],
        "hands": item["hands"].flip(1).flip(-1),
        "seen": item["seen"].flip(1),
        "rotations": item["rotations"][:, _TWINS] * _SIGNS,
        "words": words,
        "amounts": amounts,
        "number": item["number"],
        "tilts": item["tilts"] * _ACROSS * _ACROSS[:, None],
        "turned": -item["turned"], "looks": -item["looks"],
        "said_words": said, "said_amounts": said_amounts,
        "said_joints": item["said_joints"][:, :, _BODY_TWINS] * _ACROSS,
    }


def driver_of(batch: Batch) -> Driver:
    """The drivers of a batch of :class:`Clips`."""
    return Driver(
        batch["driver"], batch["hands"], batch["seen"], batch["rotations"], batch["skeleton"]
    )
