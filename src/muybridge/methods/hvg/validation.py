"""How near HVG comes to the truth on people that it was not trained on, beside a mere copy."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.camera.ring import Ring
from muybridge.evaluation.pictures import picture_scores
from muybridge.methods.hvg.corpus import Block, Subject
from muybridge.methods.hvg.diffuse import Conditions, Settings, sample
from muybridge.methods.hvg.networks import HvgNetworks
from muybridge.methods.hvg.training import channels_of
from muybridge.methods.latent import decode
from muybridge.methods.picture_loss import over_grey
from muybridge.training import Validation

_PEOPLE = 6
_PLATE_PEOPLE = 3
_SHOWN = 8
"""Pictures of a row of the plate."""


def paint_block(
    networks: HvgNetworks, block: Block, *, settings: Settings | None = None, seed: int = 0
) -> Float[Tensor, "V T 4 h w"]:
    """A block as the networks paint it: RGB over black, and matte.

    Args:
        networks: in evaluation mode.
        block: its reference, maps and cameras.
        settings: of the sampler.
        seed: of the noise.
    """
    with torch.no_grad():
        reference = networks.reference(block.reference[None].float() / 255)
    pose = block.pose[:, :, channels_of(networks.config.maps)]
    ring = Ring(tuple(range(len(block.truth))), block.closed)
    given = Conditions(reference, pose, block.rotations, ring)
    return decode(networks, sample(networks, given, seed=seed, settings=settings))


@torch.no_grad()
def validate(networks: HvgNetworks, subjects: Sequence[Subject], moving: bool) -> Validation:
    """Scores inside the person, and of the reference copied; a plate.

    Args:
        networks: with averaged weights.
        subjects: held out.
        moving: also blocks of several frames.
    """
    scores: dict[str, list[float]] = {}
    strips: list[Tensor] = []
    for number, subject in enumerate(subjects[:_PEOPLE]):
        for block in subject.blocks:
            still = block.truth.shape[1] == 1
            if not still and not moving:
                continue
            truth = block.truth.float() / 255
            made = paint_block(networks, block)
            copied = (block.reference.float() / 255).expand_as(truth)
            kind = "view" if still else "grid"
            for name, pictures in (("", made), ("copied_", copied)):
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


def _strip(pictures: Float[Tensor, "V T 4 h w"]) -> Float[Tensor, "3 h W"]:
    """Some pictures of a block side by side."""
    flat = pictures.flatten(0, 1)
    which = [k * len(flat) // _SHOWN for k in range(_SHOWN)]
    return torch.cat(list(over_grey(flat[which])), 2)
