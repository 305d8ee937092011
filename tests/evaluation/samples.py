"""Samples out of clips, for tests of metrics."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from muybridge.data.record import Clip
from muybridge.evaluation.sample import Sample, over_ground


def truth_of(clip: Clip) -> Float[Tensor, "V T 3 H W"]:
    """A clip's own pictures over the ground."""
    return over_ground(*clip.read())


def sample_of(
    clip: Clip,
    made: Float[Tensor, "V T 3 H W"] | None = None,
    made_matte: Float[Tensor, "V T 1 H W"] | None = None,
) -> Sample:
    """What was made of a clip: pictures over the ground; by default the truth itself."""
    shot = clip.read()
    truth = over_ground(shot.frames, shot.matte)
    return Sample(truth if made is None else made, truth, shot.matte, clip, made_matte)
