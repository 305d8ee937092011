"""How near the video network comes to the truth, next to its own cue."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.evaluation.pictures import picture_scores
from muybridge.methods.gas.corpus import Row, Subject
from muybridge.methods.gas.diffuse import Settings, condition, sample
from muybridge.methods.gas.nerf_training import over_grey, person_region
from muybridge.methods.gas.networks import GasNetworks
from muybridge.methods.latent import decode
from muybridge.training import Validation

_PEOPLE = 6
_PLATE_PEOPLE = 3
_SHOWN = 8
"""Pictures of a row."""


def paint_row(
    networks: GasNetworks, subject: Subject, row: Row, body: int = 0, *,
    settings: Settings | None = None, rows: bool = True, seed: int = 0,
) -> Float[Tensor, "F 4 h w"]:
    """A row of pictures as the networks paint it: RGB over black, and matte.

    Args:
        networks: in evaluation mode.
        subject: whose reference is used.
        row: its cues and guides.
        body: of which body: 0 the exact one, 1 a little wrong.
        settings: of the sampler.
        rows: the pictures see each other; otherwise each is painted alone.
        seed: of the noise.
    """
    cue, guide = row.cues[body].float() / 255, row.guides[body].float() / 255
    reference = subject.reference.float() / 255
    alone = not rows
    if alone:
        painted = []
        for k in range(len(cue)):
            given = condition(networks, reference, cue[None, k : k + 1], guide[None, k : k + 1])
            latents = sample(networks, given, seed=seed, settings=settings)
            painted.append(decode(networks, latents)[0])
        return torch.cat(painted)
    axis = 1 if row.mode == "view" else 0
    given = condition(networks, reference, cue.unsqueeze(axis), guide.unsqueeze(axis))
    latents = sample(networks, given, seed=seed, settings=settings)
    return decode(networks, latents).squeeze(axis)


@torch.no_grad()
def validate(
    networks: GasNetworks, subjects: Sequence[Subject], rows: bool
) -> Validation:
    """Scores inside the person for views and poses, and of their cue; a plate.

    Args:
        networks: with averaged weights.
        subjects: held out.
        rows: see :func:`paint_row`.
    """
    scores: dict[str, list[float]] = {}
    strips: list[Tensor] = []
    for number, subject in enumerate(subjects[:_PEOPLE]):
        for mode in ("view", "pose"):
            row = next((r for r in subject.rows if r.mode == mode), None)
            if row is None:
                continue
            truth, cue = row.truth.float() / 255, row.cues[0].float() / 255
            made = paint_row(networks, subject, row, rows=rows)
            for name, pictures in (("", made), ("cue_", cue)):
                found = picture_scores(
                    over_grey(pictures), over_grey(truth), person_region(cue, truth)
                )
                for key, value in found.items():
                    scores.setdefault(f"{mode}_{name}{key}", []).append(value)
            if number < _PLATE_PEOPLE:
                strips += [_strip(p) for p in (truth, cue, made)]
    plate = torch.cat(strips, 1).clamp(0, 1) if strips else None
    return Validation({k: sum(v) / len(v) for k, v in scores.items()}, plate)


def _strip(pictures: Float[Tensor, "F 4 h w"]) -> Float[Tensor, "3 h W"]:
    """Some pictures of a row side by side."""
    count = len(pictures)
    which = [k * count // _SHOWN for k in range(_SHOWN)] if count > _SHOWN else range(count)
    shown = list(over_grey(pictures[list(which)]))
    blank = torch.full_like(shown[0], 0.82)
    return torch.cat((shown + [blank] * _SHOWN)[:_SHOWN], 2)
