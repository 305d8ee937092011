"""GAS's first stage: the human NeRF learns to show people from one picture of them.

As SHERF and the paper have it, a picture is shown and others of the same person are to be
matched: mostly other views of the same pose, and a share of other poses. Mostly the reference
picture is shown, sometimes any other view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.evaluation.pictures import picture_scores
from muybridge.methods.picture_loss import over_grey
from muybridge.methods.sitters import (
    Sitter,
    flat,
    folders_of_people,
    pictures_of,
    read_sitters,
    reference_picture,
)
from muybridge.motion import Motion
from muybridge.networks.human_nerf import (
    NANO,
    HumanNeRF,
    PosedSkin,
    posed_skin,
    training_item,
    training_loss,
)
from muybridge.training import Batch, Context, Shuffle, Trainee, Validation, generator_of

TARGETS = 2
"""Pictures to match of each person shown."""
_SHOW_REFERENCE, _OTHER_POSE = 0.75, 0.25
_HELD_OUT = 4
"""People that validation looks at."""


@dataclass(frozen=True)
class Album:
    """Pictures of a person in memory, with where body and cameras were.

    Attributes:
        pictures: RGB over black and matte, 8 bit.
        skins: the body in each.
        K, T_cam_world: camera of each.
    """

    pictures: Tensor
    skins: PosedSkin
    K: Float[Tensor, "N 3 3"]
    T_cam_world: Float[Tensor, "N 4 4"]


@dataclass(frozen=True)
class Shown:
    """A person as the first stage is taught them.

    Attributes:
        reference: one picture.
        still: other views of a moment. ``moving``: other moments.
    """

    reference: Album
    still: Album
    moving: Album | None


def gather(sitter: Sitter, nerf: HumanNeRF) -> Shown | None:
    """A person's pictures in memory; ``None`` where there is no moment from several views."""
    still = [line.select for line in sitter.lines if line.mode == "view"]
    moving = [line.select for line in sitter.lines if line.mode == "pose"]
    if not still:
        return None

    def album(clip_pictures: Tensor, motion: Motion, cameras: Cameras) -> Album:
        skins = posed_skin(nerf.canonical, sitter.body, motion)
        frames = list(range(motion.frames)) * cameras.views
        return Album(clip_pictures, skins.select(frames), *flat(cameras))

    reference = sitter.reference
    shown = (reference_picture(reference)[None] * 255).round().to(torch.uint8)
    albums = [
        [album(pictures_of(c).flatten(0, 1), c.motion, c.cameras) for c in clips]
        for clips in (still, moving)
    ]
    return Shown(
        album(shown, reference.pose, reference.camera), _joined(albums[0]),
        _joined(albums[1]) if albums[1] else None,
    )


def _joined(albums: Sequence[Album]) -> Album:
    return Album(
        torch.cat([a.pictures for a in albums]), PosedSkin.cat([a.skins for a in albums]),
        torch.cat([a.K for a in albums]), torch.cat([a.T_cam_world for a in albums]),
    )


class Pairs:
    """The sampler: a picture shown, and pictures to match."""

    def __init__(self, people: Sequence[Shown], context: Context, batch: int) -> None:
        self.people = people
        self.order = Shuffle(len(people), batch, context.seed, context.stage)
        self.key = (context.seed, context.stage)

    def __call__(self, step: int, indices: Sequence[int]) -> Batch:
        """See :class:`muybridge.training.recipe.Sampler`."""
        items = [self._item(step, index) for index in indices]
        return {name: torch.stack([item[name] for item in items]) for name in items[0]}

    def _item(self, step: int, index: int) -> dict[str, Tensor]:
        person = self.people[self.order(step, index)]
        generator = generator_of(*self.key, "pair", step, index)
        choice = torch.rand(2, generator=generator)
        shown, at = person.reference, 0
        if choice[0] > _SHOW_REFERENCE:
            shown = person.still
            at = int(torch.randint(len(shown.pictures), (1,), generator=generator))
        wanted = person.still
        if person.moving is not None and choice[1] < _OTHER_POSE:
            wanted = person.moving
        which = torch.randperm(len(wanted.pictures), generator=generator)[:TARGETS].tolist()
        size = person.reference.pictures.shape[-2:]
        seen, K = resized(shown.pictures[at].float() / 255, shown.K[at], (size[0], size[1]))
        truth = wanted.pictures[which].float() / 255
        return training_item(
            seen[:3], shown.skins.select([at]), K, shown.T_cam_world[at],
            truth[:, :3], truth[:, 3:], wanted.skins.select(which), wanted.K[which],
            wanted.T_cam_world[which],
        )


def resized(
    picture: Float[Tensor, "4 H W"], K: Float[Tensor, "3 3"], size: tuple[int, int]
) -> tuple[Float[Tensor, "4 h w"], Float[Tensor, "3 3"]]:
    """A picture at another size (height, width), and its camera's intrinsics with it."""
    given = picture.shape[-2:]
    if tuple(given) == size:
        return picture, K
    grown = F.interpolate(
        picture[None], size, mode="bilinear", align_corners=False, antialias=True
    )[0]
    scale = K.new_tensor([[size[1] / given[1]], [size[0] / given[0]], [1.0]])
    return grown, K * scale


def trainee(context: Context, size: int) -> Trainee:
    """The first stage's live things.

    Args:
        context: of the stage.
        size: items of a step.

    Raises:
        InputError: no data folder was given, or nobody in it can be used.
    """
    if context.data is None:
        raise InputError("--data", "", "is missing", "name a folder of muybridge people")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(context.seed)
        nerf = HumanNeRF(**NANO)
    people = _people(context.data, "train", nerf, None)
    held_out = _people(context.data, "validation", nerf, _HELD_OUT)

    def loss(module: Any, batch: Batch, draws: Any) -> tuple[Tensor, dict[str, Tensor]]:
        # lengths and densities need full precision, whatever the run is told
        with torch.autocast(context.device.type, enabled=False):
            return training_loss(module, batch, draws)

    def validate(module: HumanNeRF, step: int) -> Validation:
        return compare(module, held_out)

    return Trainee(
        nerf, Pairs(people, context, size), loss, _export, validate, {"people": str(len(people))}
    )


def _people(data: Path, split: str, nerf: HumanNeRF, most: int | None) -> list[Shown]:
    """Everybody of a split, in memory."""
    folders = folders_of_people(data, split)[:most]
    found = [shown for s in read_sitters(folders) if (shown := gather(s, nerf)) is not None]
    if not found:
        raise InputError(data / split, "", "nobody is seen from several sides",
                         "make people with --views 12")
    return found


@torch.no_grad()
def compare(nerf: HumanNeRF, people: Sequence[Shown], views: int = 4) -> Validation:
    """Views of people that were not trained on, against the truth.

    Args:
        nerf: the network.
        people: who.
        views: how many of each, evenly spread.
    """
    rows, made_all, truth_all = [], [], []
    for person in people:
        shown = person.reference
        field = nerf.encode(
            shown.pictures[0, :3].float() / 255, shown.skins, shown.K[0], shown.T_cam_world[0]
        )
        count = len(person.still.pictures)
        which = [round(k * count / views) % count for k in range(views)]
        truth = person.still.pictures[which].float() / 255
        rgb, alpha, _ = nerf.render(
            field, person.still.skins.select(which), person.still.K[which],
            person.still.T_cam_world[which], truth.shape[-2], truth.shape[-1],
        )
        made = torch.cat([rgb, alpha], 1)
        rows.append(torch.cat([over_grey(truth), over_grey(made)], 2))
        made_all.append(made)
        truth_all.append(truth)
    made, truth = torch.cat(made_all), torch.cat(truth_all)
    scores = picture_scores(over_grey(made), over_grey(truth), person_region(made, truth))
    plate = torch.cat([torch.cat(list(row), 2) for row in rows], 1)
    return Validation(scores, plate.clamp(0, 1))


def person_region(made: Tensor, truth: Tensor) -> Tensor:
    """Where the person is in either picture ``[N, 4, H, W]``, two pixels wider."""
    either = torch.maximum(made[:, 3:], truth[:, 3:])
    return F.max_pool2d(either, 5, 1, 2) > 0.02


def _export(nerf: HumanNeRF, folder: Path) -> None:
    nerf.save_pretrained(folder)
