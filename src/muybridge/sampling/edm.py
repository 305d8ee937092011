"""SVD's objective: EDM preconditioning with v-prediction, as the released weights need it.

With ``c_skip = 1 / (s^2 + 1)``, ``c_out = -s / sqrt(s^2 + 1)``, ``c_in = 1 / sqrt(s^2 + 1)``
and ``c_noise = ln(s) / 4``, the estimate of the clean latents is ``c_skip * noisy + c_out * F``
for the network's output ``F``.
"""

from __future__ import annotations

from dataclasses import dataclass

from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from jaxtyping import Float
from torch import Tensor

from muybridge.sampling.objective import Noised, per_clip


@dataclass(frozen=True)
class EdmObjective:
    """Training side: see :class:`~muybridge.sampling.objective.Objective`.

    Attributes:
        log_mean, log_deviation: of the logarithm of noise levels in training (SVD's fine-tuning;
            GAS does not say its own).
        sigma_max, sigma_min: of the sampler.
    """

    log_mean: float = 0.7
    log_deviation: float = 1.6
    sigma_max: float = 700.0
    sigma_min: float = 0.002

    def sigmas(self, normal: Float[Tensor, "B"]) -> Float[Tensor, "B"]:
        """Noise levels to train on, from standard normal numbers."""
        return (normal * self.log_deviation + self.log_mean).exp()

    def noised(
        self,
        latents: Float[Tensor, "B F C h w"],
        noise: Float[Tensor, "B F C h w"],
        sigmas: Float[Tensor, "B"],
    ) -> Noised:
        """``c_in * (latents + sigma * noise)``, and ``c_noise``."""
        noisy = latents + per_clip(sigmas) * noise
        return Noised(noisy / per_clip((sigmas.square() + 1).sqrt()), sigmas.log() / 4)

    def estimate(
        self,
        output: Float[Tensor, "B F C h w"],
        noised: Noised,
        sigmas: Float[Tensor, "B"],
        cue: Float[Tensor, "B F C h w"],
    ) -> Float[Tensor, "B F C h w"]:
        """The clean latents as the network sees them; the cue plays no part."""
        root = per_clip((sigmas.square() + 1).sqrt())
        return (noised.latents - per_clip(sigmas) * output) / root

    def target(
        self,
        noised: Noised,
        latents: Float[Tensor, "B F C h w"],
        sigmas: Float[Tensor, "B"],
    ) -> Float[Tensor, "B F C h w"]:
        """The output ``F`` with which the estimate is the truth."""
        root = per_clip((sigmas.square() + 1).sqrt())
        return (noised.latents - root * latents) / per_clip(sigmas)

    def errors(
        self,
        output: Float[Tensor, "B F C h w"],
        noised: Noised,
        latents: Float[Tensor, "B F C h w"],
        sigmas: Float[Tensor, "B"],
        cue: Float[Tensor, "B F C h w"],
    ) -> Float[Tensor, "B F C h w"]:
        """Squared errors of ``F``: those of the estimate, weighted with ``(1 + s^2) / s^2``."""
        return (output - self.target(noised, latents, sigmas)).square()

    def scheduler(self) -> EulerDiscreteScheduler:
        """SVD's sampler: Euler steps on Karras' noise levels."""
        return EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            interpolation_type="linear",
            num_train_timesteps=1000,
            prediction_type="v_prediction",
            sigma_max=self.sigma_max,
            sigma_min=self.sigma_min,
            steps_offset=1,
            timestep_spacing="leading",
            timestep_type="continuous",
            use_karras_sigmas=True,
        )
