"""GAS's second stage: the video network learns to turn cues into pictures.

It comes in two parts at small sizes: single pictures first (the temporal layers do not run,
so many people and noise levels fit into a step), then rows of views or frames. The NeRF is
frozen; its cues were rendered before. Cues, reference and switch are each left out of a few
items, so that the network is defined without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from muybridge.methods.gas.config import MODES
from muybridge.methods.gas.corpus import Row, Subject
from muybridge.methods.gas.guides import mirrored
from muybridge.methods.gas.networks import GasNetworks
from muybridge.methods.picture_loss import STRUCTURE, dissimilarity, near_person
from muybridge.training import Batch, Context, Shuffle, generator_of

_MISFIT = 0.35
"""Share of items with cues of a body that is a little wrong."""
_LEFT_OUT = 0.05
"""Share of items without the appearance cue, without normals, without the reference, without
the switch, each."""


class Rows:
    """The sampler: ``frames`` neighbouring pictures of a row; one picture where it is 1.

    Args:
        subjects: in memory.
        context: of the stage. ``batch``: items of a step.
        frames: of an item.
    """

    def __init__(
        self, subjects: Sequence[Subject], context: Context, batch: int, frames: int
    ) -> None:
        self.subjects, self.frames = subjects, frames
        self.order = Shuffle(len(subjects), batch, context.seed, context.stage)
        self.key = (context.seed, context.stage)

    def __call__(self, step: int, indices: Sequence[int]) -> Batch:
        """See :class:`muybridge.training.recipe.Sampler`."""
        items = [self._item(step, index) for index in indices]
        return {name: torch.stack([item[name] for item in items]) for name in items[0]}

    def _item(self, step: int, index: int) -> dict[str, Tensor]:
        subject = self.subjects[self.order(step, index)]
        generator = generator_of(*self.key, "row", step, index)
        chance = torch.rand(8, generator=generator).tolist()
        row = subject.rows[int(chance[0] * len(subject.rows))]
        which = picked(row, self.frames, chance[1], backwards=chance[2] < 0.5)
        body = int(chance[3] < _MISFIT and len(row.cues) > 1)
        reference = subject.reference.float() / 255
        truth = row.truth[which].float() / 255
        cue = row.cues[body][which].float() / 255
        guide = row.guides[body][which].float() / 255
        if chance[4] < 0.5:
            reference, truth, cue = reference.flip(-1), truth.flip(-1), cue.flip(-1)
            guide = mirrored(guide)
        kept = [float(c >= _LEFT_OUT) for c in torch.rand(4, generator=generator).tolist()]
        return {
            "reference": reference * kept[2],
            "truth": truth,
            "cue": cue * kept[0],
            "guide": guide * kept[1],
            "label": torch.tensor(MODES[row.mode]) * kept[3],
        }


def picked(row: Row, frames: int, place: float, backwards: bool) -> list[int]:
    """Neighbouring places of a row; views go round.

    Args:
        row: the row.
        frames: how many; a shorter row is walked to and fro.
        place: where to begin, 0..1.
        backwards: the other way.
    """
    count = len(row.truth)
    if row.mode == "view":
        first = int(place * count)
        found = [(first + k) % count for k in range(frames)]
    else:
        first = int(place * (max(count - frames, 0) + 1))
        cycle = [*range(count), *range(count - 2, 0, -1)]
        found = [cycle[(first + k) % len(cycle)] for k in range(frames)]
    return found[::-1] if backwards else found


def video_loss(
    module: Any, batch: Batch, draws: Any
) -> tuple[Tensor, dict[str, Tensor]]:
    """The objective on a batch of :class:`Rows`.

    Args:
        module: :class:`~muybridge.methods.gas.networks.GasNetworks`, in training.
        batch: of :class:`Rows`.
        draws: noise levels and noise.
    """
    networks: GasNetworks = module
    objective = networks.objective()
    truth, cue = networks.encode(batch["truth"]), networks.encode(batch["cue"])
    reference = networks.encode(batch["reference"])
    scale = networks.latent_scale
    count, frames = truth.shape[:2]
    sigmas = objective.sigmas(draws.normal())
    noise = draws.normal(*truth.shape[1:])
    noised = objective.noised(truth * scale, noise, sigmas)
    output = networks(
        noised.latents, noised.timesteps, reference, networks.token(batch["reference"]),
        networks.cue_features(batch["guide"], cue), batch["label"], images=frames == 1,
    )
    errors = objective.errors(output, noised, truth * scale, sigmas, cue * scale)
    either = torch.maximum(batch["truth"][:, :, 3:], batch["cue"][:, :, 3:])
    weight = near_person(either, networks.patch)
    estimate = objective.estimate(output, noised, sigmas, cue * scale)
    unlike = dissimilarity(networks.vae, estimate / scale, batch["truth"])
    loss = (errors.mean(2, keepdim=True) * weight).sum() / weight.sum() + STRUCTURE * unlike
    plain = ((estimate - truth * scale).square().mean(2, keepdim=True) * weight).sum()
    before = ((cue * scale - truth * scale).square().mean(2, keepdim=True) * weight).sum()
    return loss, {
        "error": plain.detach() / weight.sum(), "error_cue": before / weight.sum(),
        "unlike": unlike.detach(),
    }


def export(networks: GasNetworks, folder: Path) -> None:
    """Write the networks as a GAS folder."""
    from muybridge.methods.gas.checkpoints import save

    save(networks, folder)
