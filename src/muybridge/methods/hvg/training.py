"""HVG's objective and what it sees: pictures, views of a moment, views x frames.

The paper has two phases: many views of a moment, then views x frames (its section 4). A small
network has no SVD to start from, so single pictures come first. The reference's latents, with
the pelvis where the pictures have it, are what the network's output is a change of.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.methods.hvg.corpus import MAPS, Block, Subject
from muybridge.methods.hvg.networks import HvgNetworks
from muybridge.methods.picture_loss import STRUCTURE, dissimilarity, near_person
from muybridge.networks.pose_modulator import MAP_CHANNELS
from muybridge.networks.video_init import temporal_parameters
from muybridge.networks.view_attention import view_parameters
from muybridge.training import Batch, Context, Shuffle, generator_of


class Blocks:
    """The sampler: so many neighbouring views and frames of a block.

    Args:
        subjects: in memory; those without a block that is large enough are left out.
        context: of the stage. ``batch``: items of a step.
        views, frames: of an item.
        maps: that the network takes, of :data:`~muybridge.methods.hvg.corpus.MAPS`.

    Raises:
        InputError: nobody has a block that is large enough.
    """

    def __init__(
        self, subjects: Sequence[Subject], context: Context, batch: int, views: int, frames: int,
        maps: Sequence[str],
    ) -> None:
        self.views, self.frames = views, frames
        self.blocks = [found for s in subjects if (found := self._fitting(s))]
        if not self.blocks:
            raise InputError(
                "--data", "", f"nobody is seen by {views} cameras over {frames} frames",
                f"make people with --grid {views} --frames {frames} (or more)",
            )
        self.channels = channels_of(maps)
        self.order = Shuffle(len(self.blocks), batch, context.seed, context.stage)
        self.key = (context.seed, context.stage)
        self.flips = "skeleton" not in maps  # its colours tell left from right

    def __call__(self, step: int, indices: Sequence[int]) -> Batch:
        """See :class:`muybridge.training.recipe.Sampler`."""
        items = [self._item(step, index) for index in indices]
        return {name: torch.stack([item[name] for item in items]) for name in items[0]}

    def _item(self, step: int, index: int) -> dict[str, Tensor]:
        fitting = self.blocks[self.order(step, index)]
        generator = generator_of(*self.key, "block", step, index)
        chance = torch.rand(4, generator=generator).tolist()
        block = fitting[int(chance[0] * len(fitting))]
        views = picked_views(block, self.views, chance[1])
        first = int(chance[2] * (block.truth.shape[1] - self.frames + 1))
        frames = slice(first, first + self.frames)
        truth = block.truth[views, frames].float() / 255
        pose = block.pose[views, frames][:, :, self.channels].float() / 255
        rotations = block.rotations[views, frames]
        reference = block.reference.float() / 255
        if self.flips and chance[3] < 0.5:
            reference, truth = reference.flip(-1), truth.flip(-1)
            pose, rotations = mirrored(pose, self.channels), mirrored_rotations(rotations)
        return {
            "reference": reference, "truth": truth, "pose": pose, "rotations": rotations,
        }

    def _fitting(self, subject: Subject) -> list[Block]:
        """Blocks of a person that are large enough."""
        return [
            b for b in subject.blocks
            if b.truth.shape[0] >= self.views and b.truth.shape[1] >= self.frames
        ]


class Tiles:
    """The sampler of the last stage: in every step what the tiles of sampling are like.

    A moving person in turn over many frames from few views and over few frames from many, and a
    standing one from all around; see :func:`tiles_loss`.

    Args:
        subjects, context, maps: as for :class:`Blocks`.
        shapes: views and frames of the moving, in turn.
        around: views of the standing.

    Raises:
        InputError: nobody has a block that is large enough.
    """

    def __init__(
        self, subjects: Sequence[Subject], context: Context, batch: int,
        shapes: Sequence[tuple[int, int]], around: int, maps: Sequence[str],
    ) -> None:
        self.moving = [Blocks(subjects, context, batch, *shape, maps) for shape in shapes]
        self.standing = Blocks(subjects, context, batch, around, 1, maps)

    def __call__(self, step: int, indices: Sequence[int]) -> Batch:
        """See :class:`muybridge.training.recipe.Sampler`."""
        moving = self.moving[step % len(self.moving)](step, indices)
        standing = self.standing(step, indices)
        return {
            f"{kind}.{name}": value
            for kind, items in (("moving", moving), ("standing", standing))
            for name, value in items.items()
        }


def channels_of(maps: Sequence[str]) -> list[int]:
    """Which of a block's channels some maps are.

    Args:
        maps: names, in the order in which the network takes them.
    """
    starts, start = {}, 0
    for name in MAPS:
        starts[name] = start
        start += MAP_CHANNELS[name]
    return [starts[name] + k for name in maps for k in range(MAP_CHANNELS[name])]


def picked_views(block: Block, count: int, place: float) -> list[int]:
    """Neighbouring views; round the seam where the block is closed.

    Args:
        block: they are of. ``count``: how many. ``place``: where to begin, 0..1.
    """
    total = block.truth.shape[0]
    if block.closed:
        first = int(place * total)
        return [(first + k) % total for k in range(count)]
    first = int(place * (total - count + 1))
    return list(range(first, first + count))


def mirrored(
    pose: Float[Tensor, "V T C h w"], channels: Sequence[int]
) -> Float[Tensor, "V T C h w"]:
    """Maps of the mirrored body: flipped, and x normals turned round where there is anything.

    Args:
        pose: maps; ``channels``: which of a block's channels they are.
    """
    flipped = pose.flip(-1)
    across = {channels_of([name])[0] for name in ("normal", "body_normal")}
    for k, channel in enumerate(channels):
        if channel in across:
            there = (flipped[:, :, k : k + 3].amax(2) > 0).to(flipped)
            flipped[:, :, k] = there - flipped[:, :, k]
    return flipped.clamp(min=0)


def mirrored_rotations(R: Float[Tensor, "V T 3 3"]) -> Float[Tensor, "V T 3 3"]:
    """Relative rotations in the mirrored world."""
    sign = R.new_tensor([-1.0, 1.0, 1.0])
    return sign[:, None] * R * sign


def block_loss(
    module: Any, batch: Batch, draws: Any, apart: bool = False
) -> tuple[Tensor, dict[str, Tensor]]:
    """The objective on a batch of :class:`Blocks`.

    Args:
        module: :class:`~muybridge.methods.hvg.networks.HvgNetworks`, in training.
        batch: of :class:`Blocks`.
        draws: noise levels and noise.
        apart: views are separate pictures; so a reference serves several.
    """
    networks: HvgNetworks = module
    objective, scale = networks.objective(), networks.latent_scale
    truth = networks.encode(batch["truth"]) * scale
    reference = networks.reference(batch["reference"])
    base = (reference.latents * scale)[:, None, None].expand_as(truth)
    sigmas = objective.sigmas(draws.normal())
    clean, flat_base = truth.flatten(1, 2), base.flatten(1, 2)
    noised = objective.noised(clean, draws.normal(*clean.shape[1:]), sigmas)
    output = networks(
        noised.latents.view_as(truth), noised.timesteps, reference,
        networks.pose_features(batch["pose"]), batch["rotations"], apart=apart,
    ).flatten(1, 2)
    errors = objective.errors(output, noised, clean, sigmas, flat_base)
    shown = batch["truth"].flatten(1, 2)
    weight = near_person(shown[:, :, 3:], networks.patch)
    estimate = objective.estimate(output, noised, sigmas, flat_base)
    unlike = dissimilarity(networks.vae, estimate / scale, shown)
    loss = (errors.mean(2, keepdim=True) * weight).sum() / weight.sum() + STRUCTURE * unlike
    plain = ((estimate - clean).square().mean(2, keepdim=True) * weight).sum() / weight.sum()
    copied = ((flat_base - clean).square().mean(2, keepdim=True) * weight).sum() / weight.sum()
    return loss, {
        "error": plain.detach(), "error_copied": copied, "unlike": unlike.detach(),
    }


def tiles_loss(module: Any, batch: Batch, draws: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """The objective on a batch of :class:`Tiles`: the mean of the moving and the standing.

    Args:
        module, draws: as for :func:`block_loss`.
        batch: of :class:`Tiles`.
    """
    losses: list[Tensor] = []
    scalars: dict[str, Tensor] = {}
    for kind in ("moving", "standing"):
        items = {n.removeprefix(f"{kind}."): v for n, v in batch.items() if n.startswith(kind)}
        loss, found = block_loss(module, items, draws)
        losses.append(loss)
        scalars |= {f"{name}_{kind}": value for name, value in found.items()}
    return (losses[0] + losses[1]) / 2, scalars


def freeze_unused(networks: HvgNetworks, views: bool, frames: bool) -> None:
    """Freeze what a stage has no use for: layers across views, and those along time.

    Args:
        networks: to be trained.
        views: items have several views. ``frames``: and several frames.
    """
    across = view_parameters(networks.unet)
    along = temporal_parameters(networks.unet) - across
    idle = (frozenset() if views else across) | (frozenset() if frames else along)
    for name, parameter in networks.unet.named_parameters():
        if name in idle:
            parameter.requires_grad_(False)


def export(networks: HvgNetworks, folder: Path) -> None:
    """Write the networks as an HVG folder."""
    from muybridge.methods.hvg.checkpoints import save

    save(networks, folder)
