"""How near ReImagine comes to the truth on people that it was not trained on, beside a copy."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.evaluation.pictures import picture_scores
from muybridge.methods.latent import decode
from muybridge.methods.picture_loss import over_grey
from muybridge.methods.reimagine.corpus import Block, Subject
from muybridge.methods.reimagine.diffuse import Conditions, sample
from muybridge.methods.reimagine.networks import ReImagineNetworks
from muybridge.training import Validation
from muybridge.training.draws import generator_of

_PEOPLE = 6
_PLATE_PEOPLE = 3
_FRAMES = (0, 5)
"""Frames of a moving block that are looked at, as far as there are any."""
_SHOWN = 8
"""Pictures of a row of the plate."""
_NOISE = 0.4
"""Share of noise from which the video model is tried."""


def paint_block(
    networks: ReImagineNetworks, block: Block, *, references: int = 2, steps: int | None = None,
    seed: int = 0,
) -> Float[Tensor, "V T 4 h w"]:
    """A block as the per-frame stage paints it: RGB over black, and matte.

    Args:
        networks: in evaluation mode.
        block: both sides of the person, normals.
        references: 1 withholds the back.
        steps: of the sampler.
        seed: of the noise.
    """
    some = slice(0, references)
    with torch.no_grad():
        reference = networks.reference(
            block.sides[None, some].float() / 255, block.poses[None, some].float() / 255
        )
    side = block.side if references == 2 else torch.zeros_like(block.side)
    made = sample(networks, Conditions(reference, block.normals, side), seed=seed, steps=steps)
    return decode(networks, made)


def some_frames(block: Block) -> Block:
    """A block of few frames, for a quick look."""
    frames = [t for t in _FRAMES if t < block.truth.shape[1]]
    return Block(
        block.sides, block.poses, block.truth[:, frames], block.normals[:, frames],
        block.side[:, frames],
    )


def copied(block: Block) -> Float[Tensor, "V T 4 h w"]:
    """The side of the reference that each picture shows more of."""
    return block.sides[block.side.long()].float() / 255


@torch.no_grad()
def validate(networks: ReImagineNetworks, subjects: Sequence[Subject]) -> Validation:
    """Scores inside the person, of the reference copied, and without the back; a plate.

    Args:
        networks: with averaged weights.
        subjects: held out.
    """
    scores: dict[str, list[float]] = {}
    strips: list[Tensor] = []
    for number, subject in enumerate(subjects[:_PEOPLE]):
        for whole in subject.blocks:
            block = some_frames(whole)
            truth = block.truth.float() / 255
            made = paint_block(networks, block)
            kind = "grid" if whole.moves else "view"
            shown = {"": made, "copied_": copied(block)}
            if not whole.moves:
                shown["front_only_"] = paint_block(networks, block, references=1)
            for name, pictures in shown.items():
                found = picture_scores(
                    over_grey(pictures.flatten(0, 1)), over_grey(truth.flatten(0, 1)),
                    truth[:, :, 3:].flatten(0, 1) > 0.02,
                )
                for key, value in found.items():
                    scores.setdefault(f"{kind}_{name}{key}", []).append(value)
            if number < _PLATE_PEOPLE:
                strips += [_strip(p) for p in (truth, made)]
    plate = torch.cat(strips, 1).clamp(0, 1) if strips else None
    return Validation({k: sum(v) / len(v) for k, v in scores.items()}, plate)


@torch.no_grad()
def validate_video(networks: ReImagineNetworks, subjects: Sequence[Subject]) -> Validation:
    """How much of added noise the video model takes away in one step.

    Args:
        networks: with averaged weights.
        subjects: held out.
    """
    assert networks.video is not None
    left: list[float] = []
    for number, subject in enumerate(subjects[:_PEOPLE]):
        for block in subject.blocks:
            if not block.moves:
                continue
            clean = networks.encode(block.truth.float() / 255).transpose(1, 2)
            noise = torch.randn(clean.shape, generator=generator_of("video", number))
            noisy = torch.lerp(clean, noise, _NOISE)
            t = torch.full((len(clean),), 1000 * _NOISE)
            output = networks.video(noisy, t, networks.prompt(len(clean))[0], return_dict=False)[0]
            found = noisy - _NOISE * output.float()
            left.append(float((found - clean).square().mean() / clean.square().mean()))
    return Validation({"error_left": sum(left) / len(left)} if left else {})


def _strip(pictures: Float[Tensor, "V T 4 h w"]) -> Float[Tensor, "3 h W"]:
    """Some pictures of a block side by side."""
    flat = pictures.flatten(0, 1)
    return torch.cat(list(over_grey(flat[[k * len(flat) // _SHOWN for k in range(_SHOWN)]])), 2)
