"""ReImagine's objectives and what they see: single pictures, and for the video model clips.

The same pictures train the base, a LoRA over it, and (on the user's own Kontext) the real one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.methods.picture_loss import STRUCTURE, dissimilarity, near_person
from muybridge.methods.reimagine.conditions import mirrored_normals
from muybridge.methods.reimagine.corpus import Block, Subject
from muybridge.methods.reimagine.networks import ReImagineNetworks
from muybridge.sampling import ResidualFlow
from muybridge.training import Batch, Context, Shuffle, generator_of

NO_BACK = 0.2
"""How often the back is withheld, so that the front alone is enough."""
_VIDEO_NOISE = (-0.4, 1.0)
"""Mean and deviation of the logit of the video model's share of noise."""
_SHIFT = 3.0
"""Of the real model's noise levels (the release's recipe: uniform over shifted steps)."""


class Pictures:
    """The sampler: single pictures of people, with both sides of them.

    Args:
        subjects: in memory.
        context: of the stage. ``batch``: pictures of a step.
        no_back: how often the back is withheld, 0..1.
        flips: half of the pictures are mirrored.
    """

    def __init__(
        self, subjects: Sequence[Subject], context: Context, batch: int, no_back: float = NO_BACK,
        flips: bool = True,
    ) -> None:
        self.subjects = list(subjects)
        self.order = Shuffle(len(self.subjects), batch, context.seed, context.stage)
        self.key = (context.seed, context.stage)
        self.no_back, self.flips = no_back, flips

    def __call__(self, step: int, indices: Sequence[int]) -> Batch:
        """See :class:`muybridge.training.recipe.Sampler`."""
        items = [self._item(step, index) for index in indices]
        return {name: torch.stack([item[name] for item in items]) for name in items[0]}

    def _item(self, step: int, index: int) -> dict[str, Tensor]:
        subject = self.subjects[self.order(step, index)]
        chance = torch.rand(4, generator=generator_of(*self.key, "picture", step, index)).tolist()
        place = int(chance[0] * sum(block.side.numel() for block in subject.blocks))
        for block in subject.blocks:
            if place < block.side.numel():
                break
            place -= block.side.numel()
        view, frame = divmod(place, block.truth.shape[1])
        item = {
            "sides": block.sides.float() / 255,
            "poses": block.poses.float() / 255,
            "truth": block.truth[view, frame].float() / 255,
            "normals": block.normals[view, frame].float() / 255,
            "side": block.side[view, frame].long(),
        }
        if chance[1] < self.no_back:
            front = torch.tensor([1.0, 0.0])[:, None, None, None]
            item |= {
                "sides": item["sides"] * front, "poses": item["poses"] * front,
                "side": torch.zeros_like(item["side"]),
            }
        return mirrored(item) if self.flips and chance[2] < 0.5 else item


class Sequences:
    """The sampler of the video model: neighbouring frames of a view.

    Args:
        subjects: in memory; those who don't move for so long are left out.
        context: of the stage. ``batch``: clips of a step. ``frames``: of each.

    Raises:
        InputError: nobody moves for so long.
    """

    def __init__(
        self, subjects: Sequence[Subject], context: Context, batch: int, frames: int
    ) -> None:
        self.frames = frames
        moving = ([b for b in s.blocks if b.truth.shape[1] >= frames] for s in subjects)
        self.blocks: list[list[Block]] = [blocks for blocks in moving if blocks]
        if not self.blocks:
            raise InputError(
                "--data", "", f"nobody is seen for {frames} frames",
                f"make people with --grid 1 --frames {frames} (or more)",
            )
        self.order = Shuffle(len(self.blocks), batch, context.seed, context.stage)
        self.key = (context.seed, context.stage)

    def __call__(self, step: int, indices: Sequence[int]) -> Batch:
        """See :class:`muybridge.training.recipe.Sampler`."""
        return {"truth": torch.stack([self._item(step, index) for index in indices])}

    def _item(self, step: int, index: int) -> Float[Tensor, "F 4 h w"]:
        fitting = self.blocks[self.order(step, index)]
        chance = torch.rand(4, generator=generator_of(*self.key, "clip", step, index)).tolist()
        block = fitting[int(chance[0] * len(fitting))]
        view = int(chance[1] * len(block.truth))
        first = int(chance[2] * (block.truth.shape[1] - self.frames + 1))
        shown = block.truth[view, first : first + self.frames].float() / 255
        return shown.flip(-1) if chance[3] < 0.5 else shown


def mirrored(item: dict[str, Tensor]) -> dict[str, Tensor]:
    """A picture and all that is known of it in the mirrored world."""
    return {
        "sides": item["sides"].flip(-1), "poses": mirrored_normals(item["poses"]),
        "truth": item["truth"].flip(-1), "normals": mirrored_normals(item["normals"]),
        "side": item["side"],
    }


def picture_loss(module: Any, batch: Batch, draws: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """The objective on a batch of :class:`Pictures`.

    Args:
        module: :class:`~muybridge.methods.reimagine.networks.ReImagineNetworks`, in training.
        batch: of :class:`Pictures`.
        draws: noise levels and noise.
    """
    networks: ReImagineNetworks = module
    clean = networks.encode(batch["truth"])
    reference = networks.reference(batch["sides"], batch["poses"])
    control = networks.control(batch["normals"])
    if networks.config.objective == "flow":
        return _velocity_loss(networks, clean, reference, control, draws)
    flow = ResidualFlow()
    base = reference.base(batch["side"])
    sigmas = flow.sigmas(draws.normal())
    noised = flow.noised(clean[:, None], draws.normal(*clean.shape[1:])[:, None], sigmas)
    t = noised.timesteps / flow.time_scale
    output = networks(noised.latents[:, 0], t, reference, control).float()
    estimate = networks.estimate(output, noised.latents[:, 0], t, base)
    errors = flow.errors(output[:, None], noised, clean[:, None], sigmas, base[:, None])
    weight = near_person(batch["truth"][:, None, 3:], networks.patch)
    unlike = dissimilarity(networks.vae, estimate[:, None], batch["truth"][:, None])
    loss = (errors.mean(2, keepdim=True) * weight).sum() / weight.sum() + STRUCTURE * unlike

    def plain(found: Tensor) -> Tensor:
        squares = (found - clean).square().mean(1, keepdim=True) * weight[:, 0]
        return (squares.sum() / weight.sum()).detach()

    return loss, {
        "error": plain(estimate), "error_copied": plain(base), "unlike": unlike.detach(),
    }


def _velocity_loss(
    networks: ReImagineNetworks, clean: Float[Tensor, "B K h w"], reference: Any,
    control: Float[Tensor, "B N D"], draws: Any,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Rectified flow as the real transformer was trained with."""
    u = draws.uniform()
    t = _SHIFT * u / (1 + (_SHIFT - 1) * u)
    noise = draws.normal(*clean.shape[1:])
    noisy = torch.lerp(clean, noise, t[:, None, None, None])
    output = networks(noisy, t, reference, control).float()
    loss = (output - (noise - clean)).square().mean()
    return loss, {"error": loss.detach()}


def video_loss(module: Any, batch: Batch, draws: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """Rectified flow on clips: the video model gives the velocity, as Wan does.

    Args:
        module: :class:`~muybridge.methods.reimagine.networks.ReImagineNetworks`, in training.
        batch: of :class:`Sequences`.
        draws: noise levels and noise.
    """
    networks: ReImagineNetworks = module
    assert networks.video is not None
    clean = networks.encode(batch["truth"]).transpose(1, 2)
    mean, deviation = _VIDEO_NOISE
    t = (draws.normal() * deviation + mean).sigmoid()
    noise = draws.normal(*clean.shape[1:])
    noisy = torch.lerp(clean, noise, t[:, None, None, None, None])
    text, _ = networks.prompt(len(clean))
    output = networks.video(noisy, 1000 * t, text, return_dict=False)[0].float()
    near = near_person(batch["truth"][:, :, 3:], networks.patch).transpose(1, 2)
    squares = (output - (noise - clean)).square().mean(1, keepdim=True)
    loss = (squares * near).sum() / near.sum()
    left = (squares.detach() * t[:, None, None, None, None].square() * near).sum() / near.sum()
    return loss, {"error": left}


def train_only(networks: ReImagineNetworks, *names: str) -> None:
    """Freeze all networks but some.

    Args:
        networks: to be trained. ``names``: of the parts that are.
    """
    networks.requires_grad_(False)
    for name in names:
        part = getattr(networks, name)
        if part is not None:
            part.requires_grad_(True)
    if "controlnet" in names and not networks.controlnet.config["num_single_layers"]:
        last: Any = networks.controlnet.transformer_blocks[-1]
        for part in (last.ff_context, last.attn.to_add_out, last.attn.add_q_proj,
                     last.attn.norm_added_q):
            part.requires_grad_(False)  # nobody reads what the last block says to the text


def export(networks: ReImagineNetworks, folder: Path) -> None:
    """Write the networks as a ReImagine folder."""
    from muybridge.methods.reimagine.checkpoints import save

    save(networks, folder)
