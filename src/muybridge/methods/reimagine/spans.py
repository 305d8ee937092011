"""Long videos are refined in spans, each of some windows of the video model.

A span begins with the last frames of the one before, refined already and held, the more firmly
the earlier they are; so memory is that of a span, and what was decided once is carried on.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.sampling import SpectralTemporalRefiner, VideoModel, open_windows
from muybridge.sampling.refine import StepsDone

SPAN = 4
"""Windows of the video model whose latents are refined together."""

ModelAt = Callable[[int, int], VideoModel]
"""``model_at(view, frame)``: the video model, told that its latents begin there."""


@torch.no_grad()
def refine_views(
    made: SpectralTemporalRefiner, latents: Float[Tensor, "V T K h w"], *, seed: int = 0,
    model_at: ModelAt | None = None, place: torch.device | str = "cpu",
    callback: StepsDone | None = None,
) -> None:
    """Refine every view of a video, in its place; a single frame stays as it is.

    Args:
        made: how.
        latents: scaled; changed.
        seed: of the noise, which belongs to each (view, frame).
        model_at: for models that are told what every frame shows.
        place: where the model is.
        callback: told of (steps done, steps) of all views.
    """
    views, frames = map(int, latents.shape[:2])
    how = made.settings
    if frames == 1 or how.strength == 0:
        return
    size = min(SPAN * made.model.frames, frames)
    spans = open_windows(frames, size, min(how.overlap or 0, size - 1)).items
    whole = views * len(spans) * how.steps
    for view in range(views):
        known = 0
        for number, span in enumerate(spans):
            first, stop = span[0], span[-1] + 1
            before = (view * len(spans) + number) * how.steps

            def stepped(done: int, of: int, before: int = before) -> None:
                if callback is not None:
                    callback(before + done, whole)

            here = made if model_at is None else SpectralTemporalRefiner(
                model_at(view, first), how, scheduler=made.scheduler
            )
            given = latents[view : view + 1, first:stop].to(place)
            held = known - first
            pull = torch.zeros(stop - first)
            pull[:held] = 1 - torch.arange(held) / max(held, 1)
            refined = here(given, seed=seed, first=(view, first), pull=pull, callback=stepped)
            latents[view, first:stop] = refined[0].to(latents)
            known = stop
