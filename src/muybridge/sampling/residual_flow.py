"""The objective of the small models: predict the clean latents as a change of the cue's.

On the path ``(1 - t) * latents + t * noise`` with ``t = sigma / (1 + sigma)``, the network's
output plus the cue's latents is the estimate of the clean latents. So an untrained network
whose last layer is zero gives the cue, and identity need not be learned. Few steps suffice, and
noise levels stay in the range that training draws from.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.schedulers.scheduling_utils import SchedulerMixin, SchedulerOutput
from jaxtyping import Float
from torch import Tensor

from muybridge.sampling.objective import Noised, per_clip


class ResidualFlowScheduler(SchedulerMixin, ConfigMixin):  # type: ignore[misc]
    """Euler steps in sigma for a model output that is the estimate of the clean latents.

    Latents are kept as ``latents + sigma * noise`` and scaled to the flow path for the network.

    Args:
        sigma_max: noise to start from.
        shift: above 1, steps are closer together where there is much noise.
        time_scale: timesteps are ``time_scale * t``.
    """

    order = 1

    @register_to_config
    def __init__(
        self, sigma_max: float = 30.0, shift: float = 3.0, time_scale: float = 10.0
    ) -> None:
        self.set_timesteps(4)

    def set_timesteps(
        self, num_inference_steps: int, device: str | torch.device | None = None
    ) -> None:
        """Choose noise levels: ``sigmas``, falling from ``sigma_max`` to 0, and ``timesteps``.

        Raises:
            ValueError: fewer than one step.
        """
        if num_inference_steps < 1:
            raise ValueError(f"{num_inference_steps} steps; give at least one")
        highest, shift = self.config["sigma_max"], self.config["shift"]
        top = highest / (1 + highest)
        t = torch.linspace(top, 0, num_inference_steps + 1, dtype=torch.float64)
        t = shift * t / (1 + (shift - 1) * t)
        t = t * (top / t[0])
        self.num_inference_steps = num_inference_steps
        self.sigmas = (t / (1 - t)).float()
        self.timesteps = (t[:-1] * self.config["time_scale"]).float().to(device)

    @property
    def init_noise_sigma(self) -> float:
        """What noise is multiplied with to start from."""
        return float(self.sigmas[0])

    def scale_model_input(
        self, sample: Float[Tensor, "..."], timestep: Tensor | float
    ) -> Float[Tensor, "..."]:
        """The latents on the flow path: ``sample / (1 + sigma)``."""
        return sample / (1 + float(self.sigmas[self._index(timestep)]))

    def step(
        self,
        model_output: Float[Tensor, "..."],
        timestep: Tensor | float,
        sample: Float[Tensor, "..."],
        return_dict: bool = True,
    ) -> SchedulerOutput | tuple[Tensor]:
        """One step down: the noise that is left shrinks in proportion to sigma.

        Args:
            model_output: the estimate of the clean latents.
            timestep: one of ``timesteps``.
            sample: the latents at that noise level.
            return_dict: give an object with ``prev_sample`` instead of a tuple.
        """
        now = self._index(timestep)
        kept = float(self.sigmas[now + 1] / self.sigmas[now])
        previous = torch.lerp(model_output, sample, kept)
        return SchedulerOutput(prev_sample=previous) if return_dict else (previous,)

    def _index(self, timestep: Tensor | float) -> int:
        """Which step a timestep is."""
        value = torch.as_tensor(timestep).to(self.timesteps)
        return int((self.timesteps - value).abs().argmin())


@dataclass(frozen=True)
class ResidualFlow:
    """Training side: see :class:`~muybridge.sampling.objective.Objective`.

    Attributes:
        log_mean, log_deviation: of the logarithm of noise levels in training. Linear latents have
            many channels that average noise away, so levels are high.
        most_weight: errors are weighted with ``1 / t**2``, at most this.
        time_scale, sigma_max, shift: see :class:`ResidualFlowScheduler`.
    """

    log_mean: float = 1.6
    log_deviation: float = 1.2
    most_weight: float = 5.0
    time_scale: float = 10.0
    sigma_max: float = 30.0
    shift: float = 3.0

    def sigmas(self, normal: Float[Tensor, "B"]) -> Float[Tensor, "B"]:
        """Noise levels to train on, from standard normal numbers."""
        return (normal * self.log_deviation + self.log_mean).exp()

    def noised(
        self,
        latents: Float[Tensor, "B F C h w"],
        noise: Float[Tensor, "B F C h w"],
        sigmas: Float[Tensor, "B"],
    ) -> Noised:
        """Latents on the flow path, and ``time_scale * t``."""
        t = sigmas / (1 + sigmas)
        return Noised(torch.lerp(latents, noise, per_clip(t)), t * self.time_scale)

    def estimate(
        self,
        output: Float[Tensor, "B F C h w"],
        noised: Noised,
        sigmas: Float[Tensor, "B"],
        cue: Float[Tensor, "B F C h w"],
    ) -> Float[Tensor, "B F C h w"]:
        """The clean latents as the network sees them: a change of the cue's."""
        return output + cue

    def errors(
        self,
        output: Float[Tensor, "B F C h w"],
        noised: Noised,
        latents: Float[Tensor, "B F C h w"],
        sigmas: Float[Tensor, "B"],
        cue: Float[Tensor, "B F C h w"],
    ) -> Float[Tensor, "B F C h w"]:
        """Weighted squared errors of the estimate; their mean is the loss."""
        t = sigmas / (1 + sigmas)
        weight = t.pow(-2).clamp(max=self.most_weight)
        return per_clip(weight) * (self.estimate(output, noised, sigmas, cue) - latents).square()

    def scheduler(self) -> ResidualFlowScheduler:
        """The scheduler that samples what this trains."""
        return ResidualFlowScheduler(
            sigma_max=self.sigma_max, shift=self.shift, time_scale=self.time_scale
        )
