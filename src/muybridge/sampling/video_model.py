"""Video models as refinement sees them: noisy latents in, the estimate of the clean ones out.

Noise is counted in one way for all of them: at a share ``s`` of noise, 0..1, latents are
``(1 - s) * clean + s * noise``. What a network wants instead, and what its output means, is a
matter of scale: a variance-preserving network sees the same latents divided by
``sqrt((1 - s)^2 + s^2)``, at the noise level ``s / (1 - s)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.sampling.grid import Prediction, Tile

MEANINGS = ("flow_prediction", "epsilon", "v_prediction", "sample")
"""What an output is: the velocity ``noise - clean``, the noise, ``v``, or the clean latents;
by the names that diffusers' schedulers have for ``prediction_type``."""
Network = Callable[
    [Float[Tensor, "n F C h w"], Float[Tensor, ""], Sequence[Tile], bool],
    Float[Tensor, "n F C h w"],
]
"""Called as ``network(latents, timestep, tiles, conditioned)``; gives its raw output."""

_LEAST, _MOST = 1e-5, 1 - 1e-5
"""Shares of noise whose logarithms are still taken."""


@runtime_checkable
class VideoModel(Protocol):
    """A video diffusion model with what it has to know about a video.

    It gets ``n`` tiles of equal extent at a share of noise, and whether guidance needs the
    unconditioned estimate too. It gives estimates of the clean latents, on the device and in the
    numbers of what it got. Latents are scaled as the network knows them.

    Attributes:
        frames: latent frames that go through it together, at most.
    """

    @property
    def frames(self) -> int: ...

    def __call__(
        self,
        latents: Float[Tensor, "n F C h w"],
        timestep: Tensor,
        tiles: Sequence[Tile],
        guided: bool,
    ) -> Prediction: ...


def clean_of(
    output: Float[Tensor, "..."], noisy: Float[Tensor, "..."], share: float, meaning: str
) -> Float[Tensor, "..."]:
    """The estimate of the clean latents that an output means.

    Args:
        output: of a network.
        noisy: the latents at that share of noise, ``(1 - share) * clean + share * noise``,
            whatever the network saw.
        share: of noise, 0..1; below 1 where the output is the noise.
        meaning: of the output, of :data:`MEANINGS`.
    """
    if meaning == "sample":
        return output
    if meaning == "flow_prediction":
        return noisy - share * output
    length = math.hypot(1 - share, share)
    if meaning == "v_prediction":
        return ((1 - share) * noisy / length - share * output) / length
    return (noisy - share * output) / max(1 - share, 1 - _MOST)


def preserving(noisy: Float[Tensor, "..."], share: float) -> Float[Tensor, "..."]:
    """The same latents as variance-preserving networks (Stable Diffusion, SVD) see them."""
    return noisy / math.hypot(1 - share, share)


def log_noise(share: float) -> float:
    """Logarithm of the noise level ``share / (1 - share)``, which EDM's timesteps are made of."""
    kept = min(max(share, _LEAST), _MOST)
    return math.log(kept / (1 - kept))


def discrete_timestep(alphas_cumprod: Float[Tensor, "N"], share: float) -> float:
    """The timestep of a discrete noise schedule at a share of noise, between its whole numbers.

    Args:
        alphas_cumprod: of a diffusers scheduler, falling.
        share: of noise; below the first or above the last it is the first or the last.
    """
    signal = alphas_cumprod.double()
    levels = 0.5 * ((1 - signal).clamp(min=1e-20).log() - signal.clamp(min=1e-20).log())
    wanted = log_noise(share)
    above = int(torch.searchsorted(levels.contiguous(), torch.tensor(wanted, dtype=levels.dtype)))
    if above == 0 or above == len(levels):
        return float(min(above, len(levels) - 1))
    low, high = float(levels[above - 1]), float(levels[above])
    return above - 1 + (wanted - low) / max(high - low, 1e-12)


@dataclass(frozen=True)
class AnyVideoModel:
    """A :class:`VideoModel` made of any network whose output's meaning is known.

    Attributes:
        network: see :data:`Network`; flow networks see latents on the flow path, others see
            them variance-preserving.
        meaning: of its output.
        frames: that go through it together, at most.
        alphas_cumprod: of the noise schedule, for networks that count it in discrete timesteps;
            ``None``: the timestep is ``time_scale`` times the share of noise.
        time_scale: see there.
        on_flow: whether latents stand on the flow path; by default where the output is a velocity.
    """

    network: Network
    meaning: str
    frames: int
    alphas_cumprod: Float[Tensor, "N"] | None = None
    time_scale: float = 1000.0
    on_flow: bool | None = None

    def __post_init__(self) -> None:
        if self.meaning not in MEANINGS:
            raise InputError(
                "video model", "prediction_type", f"there is no {self.meaning!r}",
                "use " + ", ".join(MEANINGS),
            )

    def __call__(
        self,
        latents: Float[Tensor, "n F C h w"],
        timestep: Tensor,
        tiles: Sequence[Tile],
        guided: bool,
    ) -> Prediction:
        """See :class:`VideoModel`."""
        share = float(timestep)
        flow = self.meaning == "flow_prediction" if self.on_flow is None else self.on_flow
        seen = latents if flow else preserving(latents, share)
        time = (
            self.time_scale * share if self.alphas_cumprod is None
            else discrete_timestep(self.alphas_cumprod, share)
        )
        when = torch.tensor(time, dtype=torch.float32, device=latents.device)
        found = [
            clean_of(self.network(seen, when, tiles, known).to(latents), latents, share,
                     self.meaning)
            for known in (True, False)[: 2 if guided else 1]
        ]
        return Prediction(*found)
