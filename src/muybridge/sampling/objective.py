"""What a training objective says: how latents are noised, and what the output is compared with.

An objective and the scheduler it gives are one definition, seen from training and sampling.
``sigmas`` are noise levels in the form ``latents + sigma * noise``, one per clip.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor


class Noised(NamedTuple):
    """What the network gets.

    Attributes:
        latents: noisy and scaled.
        timesteps: as the network takes them.
    """

    latents: Float[Tensor, "B F C h w"]
    timesteps: Float[Tensor, "B"]


@runtime_checkable
class Objective(Protocol):
    """The interface of :class:`~muybridge.sampling.ResidualFlow` and ``EdmObjective``."""

    def sigmas(self, normal: Float[Tensor, "B"]) -> Float[Tensor, "B"]: ...

    def noised(
        self,
        latents: Float[Tensor, "B F C h w"],
        noise: Float[Tensor, "B F C h w"],
        sigmas: Float[Tensor, "B"],
    ) -> Noised: ...

    def estimate(
        self,
        output: Float[Tensor, "B F C h w"],
        noised: Noised,
        sigmas: Float[Tensor, "B"],
        cue: Float[Tensor, "B F C h w"],
    ) -> Float[Tensor, "B F C h w"]: ...

    def errors(
        self,
        output: Float[Tensor, "B F C h w"],
        noised: Noised,
        latents: Float[Tensor, "B F C h w"],
        sigmas: Float[Tensor, "B"],
        cue: Float[Tensor, "B F C h w"],
    ) -> Float[Tensor, "B F C h w"]: ...

    def scheduler(self) -> Any: ...


def per_clip(values: Float[Tensor, "B"]) -> Float[Tensor, "B 1 1 1 1"]:
    """One number per clip, to multiply ``[B, F, C, h, w]`` with."""
    return values[:, None, None, None, None]
