"""The stage that trains the encoder of assets; all other networks stay as they are.

It learns from the same pictures and with the same loss as the transformer did: a person in any
pose from any side, now known by face, garments and shoes instead of front and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.evaluation.pictures import picture_scores
from muybridge.methods.latent import decode
from muybridge.methods.picture_loss import over_grey
from muybridge.methods.reimagine.assets_corpus import Wearer
from muybridge.methods.reimagine.composition import ComposingNetworks, encoder_of
from muybridge.methods.reimagine.condition_encoder import ASSETS
from muybridge.methods.reimagine.corpus import Block
from muybridge.methods.reimagine.diffuse import Conditions, sample
from muybridge.methods.reimagine.networks import ReImagineNetworks
from muybridge.methods.reimagine.training import (
    Pictures,
    mirrored,
    picture_loss,
    train_only,
)
from muybridge.networks.weights import save_model
from muybridge.training import Batch, Context, Trainee, Validation, generator_of

ENCODER = "condition_encoder"
"""The sub-folder that the stage exports."""
WITH_BACK = 0.3
"""How often the true picture from behind is among the assets."""
_PEOPLE = 6
_VIEWS = 6
"""Pictures of each held-out person that are looked at."""


class Wearers(Pictures):
    """The sampler: single pictures of people, their assets, and collages as their sides.

    Args:
        wearers: in memory.
        context: of the stage. ``batch``: pictures of a step.
        with_back: how often the back is known, 0..1.
    """

    def __init__(
        self, wearers: Sequence[Wearer], context: Context, batch: int,
        with_back: float = WITH_BACK,
    ) -> None:
        super().__init__([w.subject for w in wearers], context, batch, no_back=0.0, flips=False)
        self.wearers = list(wearers)
        self.with_back = with_back

    def __call__(self, step: int, indices: Sequence[int]) -> Batch:
        """See :class:`muybridge.training.recipe.Sampler`.

        An asset that somebody lacks is nothing, and 0 in ``worn``.
        """
        batch = super().__call__(step, indices)
        worn = torch.zeros(len(indices), len(ASSETS))
        shapes = {n: p.shape for w in self.wearers for n, p in w.canvases.items()}
        shapes["back"] = batch["truth"].shape[1:]
        for name, shape in shapes.items():
            batch[f"asset.{name}"] = torch.zeros(len(indices), *shape)
        for row, index in enumerate(indices):
            wearer = self.wearers[self.order(step, index)]
            chance = torch.rand(
                2, generator=generator_of(*self.key, "assets", step, index)
            ).tolist()
            known = {n: p.float() / 255 for n, p in wearer.canvases.items()}
            if chance[0] < self.with_back:
                back = self._back(wearer, batch["sides"][row])
                known["back"] = back
                batch["sides"][row, 1] = back
            flipped = chance[1] < 0.5
            for name, picture in known.items():
                batch[f"asset.{name}"][row] = picture.flip(-1) if flipped else picture
                worn[row, ASSETS.index(name)] = 1
            if flipped:
                parts = ("sides", "poses", "truth", "normals", "side")
                turned = mirrored({k: batch[k][row] for k in parts})
                for name in parts:
                    batch[name][row] = turned[name]
        return {**batch, "worn": worn}

    def _back(self, wearer: Wearer, sides: Float[Tensor, "2 4 h w"]) -> Float[Tensor, "4 h w"]:
        """The true back of the block whose collages these are."""
        for block, back in zip(wearer.subject.blocks, wearer.backs, strict=True):
            if torch.equal(block.sides.float() / 255, sides):
                return back.float() / 255
        return wearer.backs[0].float() / 255


def worn_by(batch: Batch) -> list[dict[str, Tensor]]:
    """Each person's assets of a batch of :class:`Wearers`."""
    return [
        {
            name: batch[f"asset.{name}"][row]
            for k, name in enumerate(ASSETS) if float(batch["worn"][row, k])
        }
        for row in range(len(batch["worn"]))
    ]


def assets_loss(module: Any, batch: Batch, draws: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """The objective on a batch of :class:`Wearers`.

    Args:
        module: :class:`~muybridge.methods.reimagine.composition.ComposingNetworks`, in training.
        batch: of :class:`Wearers`.
        draws: noise levels and noise.
    """
    networks: ComposingNetworks = module
    networks.assets = worn_by(batch)
    loss, told = picture_loss(networks, batch, draws)
    # what nobody of the batch wears has a gradient of zero, not none
    encoder: Any = networks.condition_encoder
    for parameter in encoder.parameters():
        if parameter.requires_grad:
            loss = loss + 0 * parameter.sum()
    return loss, told


def assets_trainee(
    context: Context, networks: ReImagineNetworks, wearers: Sequence[Wearer],
    held_out: Sequence[Wearer], batch: int,
) -> Trainee:
    """What the stage trains.

    Args:
        context: of the stage.
        networks: trained, with their LoRA merged; they get an untrained encoder.
        wearers: to train on. ``held_out``: to validate on. ``batch``: pictures of a step.
    """
    networks.condition_encoder = encoder_of(networks.config, context.seed)
    networks.video = None
    composing = ComposingNetworks(networks)
    train_only(composing, ENCODER)
    encoder: Any = composing.condition_encoder
    never = set(ASSETS) - {"back", *(name for w in wearers for name in w.canvases)}
    for name in never:
        encoder.type_embeddings[name].requires_grad_(False)
    return Trainee(
        composing, Wearers(wearers, context, batch), assets_loss, export_encoder,
        lambda module, step: validate_assets(module, held_out), {"people": str(len(wearers))},
    )


def export_encoder(networks: ReImagineNetworks, folder: Path) -> None:
    """Write the encoder, which joins the folder of the other networks."""
    save_model(networks.condition_encoder, folder / ENCODER)


@torch.no_grad()
def paint_wearer(
    networks: ComposingNetworks, wearer: Wearer, number: int = 0, *, back: bool = False,
    views: Sequence[int] | None = None, steps: int | None = None, seed: int = 0,
) -> Float[Tensor, "V T 4 h w"]:
    """A block of somebody as the networks compose it: RGB over black, and matte.

    Args:
        networks: in evaluation mode. ``wearer``: whose assets. ``number``: of the block.
        back: whether the true back is among the assets.
        views: some of the block's; all by default.
        steps: of the sampler. ``seed``: of the noise.
    """
    block, known = block_of(wearer, number, back, views)
    networks.assets = [known]
    reference = networks.reference(
        block.sides[None].float() / 255, block.poses[None].float() / 255
    )
    made = sample(
        networks, Conditions(reference, block.normals, block.side), seed=seed, steps=steps
    )
    return decode(networks, made)


def block_of(
    wearer: Wearer, number: int = 0, back: bool = False, views: Sequence[int] | None = None
) -> tuple[Block, dict[str, Tensor]]:
    """A block of somebody, and their assets; see :func:`paint_wearer`."""
    whole = wearer.subject.blocks[number]
    chosen = list(range(len(whole.truth)) if views is None else views)
    block = replace(
        whole, truth=whole.truth[chosen], normals=whole.normals[chosen], side=whole.side[chosen]
    )
    known = {name: picture.float() / 255 for name, picture in wearer.canvases.items()}
    if back:
        block = replace(block, sides=torch.stack([block.sides[0], wearer.backs[number]]))
        known["back"] = wearer.backs[number].float() / 255
    return block, known


@torch.no_grad()
def validate_assets(networks: ComposingNetworks, wearers: Sequence[Wearer]) -> Validation:
    """Scores inside the person, beside the collage's own; a plate.

    Args:
        networks: with averaged weights. ``wearers``: held out.
    """
    scores: dict[str, list[float]] = {}
    strips: list[Tensor] = []
    for number, wearer in enumerate(wearers[:_PEOPLE]):
        blocks = wearer.subject.blocks
        standing = next((k for k, block in enumerate(blocks) if not block.moves), 0)
        count = len(blocks[standing].truth)
        views = range(0, count, max(1, -(-count // _VIEWS)))
        block, _ = block_of(wearer, standing, views=views)
        truth = block.truth.float() / 255
        made = paint_wearer(networks, wearer, standing, views=views)
        laid = block.sides[block.side.long()].float() / 255
        for name, pictures in (("", made), ("collage_", laid)):
            found = picture_scores(
                over_grey(pictures.flatten(0, 1)), over_grey(truth.flatten(0, 1)),
                truth[:, :, 3:].flatten(0, 1) > 0.02,
            )
            for key, value in found.items():
                scores.setdefault(name + key, []).append(value)
        if number < 3:
            strips += [
                torch.cat(list(over_grey(p.flatten(0, 1))), 2) for p in (truth, laid, made)
            ]
    plate = torch.cat(strips, 1).clamp(0, 1) if strips else None
    return Validation({k: sum(v) / len(v) for k, v in scores.items()}, plate)
