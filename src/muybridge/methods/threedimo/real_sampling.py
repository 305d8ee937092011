"""3DiMo's sampling on Wan: latent frames of four pictures each, and Wan's own scheduler.

The reference is Wan's first frame, which has a latent frame of its own; what follows is the video.
Wan 2.2's 5B model is given that frame clean, its tokens with a timestep of 0. Wan 2.1's is shown
it in channels beside the noise, with a mask, and by CLIP's tokens. In long videos every window
begins with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from jaxtyping import Float
from torch import Tensor

from muybridge.methods.threedimo.config import ThreeDimoConfig
from muybridge.methods.threedimo.diffuse import Say
from muybridge.sampling import Pass, Plan, Prediction, Tile, anchored_windows, denoise, draw_noise
from muybridge.sampling.denoise import StepCallback
from muybridge.sampling.video_models import WanTools, latent_frames

Speak = Callable[[str], Float[Tensor, "1 L D"]]
"""A sentence to tokens of the text encoder."""


@dataclass(frozen=True)
class RealConditions:
    """What steers a video of ``V`` views and ``T`` frames.

    Attributes:
        reference: the person's picture, in [0, 1], as large as the frames.
        motion: tokens of all driving frames.
        say: what the cameras do.
        views: how many.
    """

    reference: Float[Tensor, "1 3 H W"]
    motion: Float[Tensor, "T N D"]
    say: Say
    views: int


def scheduler_of(config: ThreeDimoConfig) -> UniPCMultistepScheduler:
    """The scheduler that Wan's own folders have, with the size's shift of noise levels."""
    return UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=float(config.shift),
    )


def plan_of(config: ThreeDimoConfig, latents: int) -> Plan:
    """Windows over latent frames, each of which begins with the reference's.

    Args:
        config: of the size. ``latents``: latent frames of the video, the reference's among them.
    """
    size = latent_frames(config.window, config.compression)
    overlap = min(max(1, config.overlap // config.compression), max(1, size - 1))
    windows = anchored_windows(latents, size, overlap)
    look = Pass(frames=windows, guidance=float(config.guidance))
    return lambda step: (look,)


def motion_times(count: int, compression: int) -> Float[Tensor, "F"]:
    """Times of driving frames behind the reference, in latent frames.

    Frames ``4 k - 3 .. 4 k`` make latent frame ``k``; their times have that mean.

    Args:
        count: of the frames. ``compression``: frames of a latent frame, here 4.
    """
    frames = torch.arange(1, count + 1, dtype=torch.float32)
    return (frames + (compression - 1) / 2) / compression


@torch.no_grad()
def sample_real(
    tools: WanTools,
    config: ThreeDimoConfig,
    conditions: RealConditions,
    speak: Speak,
    *,
    negative: str,
    seed: int = 0,
    steps: int | None = None,
    callback: StepCallback | None = None,
) -> Float[Tensor, "V t K h w"]:
    """Latents of the whole video, the reference's first, in the machine's main memory.

    Args:
        tools: Wan's parts, their transformer with attention to motion.
        config: of the size.
        conditions: what steers.
        speak: the text encoder.
        negative: said where guidance asks for an output that sees neither words nor motion.
        seed: of the noise, which belongs to each (view, latent frame).
        steps: of the sampler; the size's own by default.
        callback: told after each step.
    """
    frames, views = len(conditions.motion), conditions.views
    latents = latent_frames(frames + 1, config.compression)
    size = min(latents, latent_frames(config.window, config.compression))
    told = tools.told(conditions.reference, size)
    spatial = int(tools.pipeline.vae_scale_factor_spatial)
    height, width = (int(side) // spatial for side in conditions.reference.shape[-2:])
    noise = draw_noise(
        seed, range(views), range(latents), (config.latent_channels, height, width)
    )
    scheduler = scheduler_of(config)
    scheduler.set_timesteps(steps or config.steps)
    made = denoise(
        RealDenoiser(tools, config, conditions, speak, negative, told), scheduler, noise,
        plan_of(config, latents), callback=callback,
    )
    if "clean_first" in told:
        made[:, 0] = told["clean_first"]
    return made


class RealDenoiser:
    """Wan with one video's conditions, as the sampling loop calls it; gives velocities.

    Args:
        tools, config, conditions, speak, negative: see :func:`sample_real`.
        told: what Wan is told of the reference, :meth:`WanTools.told`.
    """

    def __init__(
        self, tools: WanTools, config: ThreeDimoConfig, conditions: RealConditions, speak: Speak,
        negative: str, told: dict[str, Any],
    ) -> None:
        self._network: Any = tools.pipeline.transformer
        self._device = tools.pipeline._execution_device
        self._config, self._given, self._told = config, conditions, told
        self._speak, self._negative = speak, negative
        missing = -len(conditions.motion) % config.compression
        last = conditions.motion[-1:].expand(missing, -1, -1)
        self._motion = torch.cat([conditions.motion, last])

    def __call__(
        self,
        latents: Float[Tensor, "n F C h w"],
        timestep: Tensor,
        tiles: Sequence[Tile],
        guided: bool,
    ) -> Prediction:
        """The velocities of some tiles; see :class:`muybridge.sampling.WindowModel`."""
        clean = self._told.get("clean_first")
        noisy = latents
        if clean is not None:
            noisy = latents.clone()
            noisy[:, 0] = clean
        seen = self._there(noisy.transpose(1, 2))
        if "condition" in self._told:
            condition = self._there(self._told["condition"][:, : seen.shape[2]])
            seen = torch.cat([seen, condition.expand(len(seen), -1, -1, -1, -1)], 1)
        image = self._told.get("image")
        motion = torch.stack([self._motion[self._frames(tile)] for tile in tiles])
        times = motion_times(motion.shape[1], self._config.compression)
        follow = {
            "motion_tokens": self._there(motion.flatten(1, 2)),
            "motion_times": times.repeat_interleave(motion.shape[2]).to(self._device),
        }
        words = torch.cat([self._speak(self._said(tile)) for tile in tiles])
        nothing = self._speak(self._negative).expand(len(tiles), -1, -1) if guided else words
        found = [
            self._network(
                hidden_states=seen, timestep=self._times(timestep, seen),
                encoder_hidden_states=self._there(text),
                encoder_hidden_states_image=None if image is None
                else self._there(image).expand(len(seen), -1, -1),
                return_dict=False, **known,
            )[0].transpose(1, 2).to(latents)
            for text, known in ((words, follow), (nothing, {}))[: 2 if guided else 1]
        ]
        return Prediction(*found)

    def _there(self, values: Tensor) -> Tensor:
        """Where the network is, in its numbers."""
        return values.to(self._device, self._network.dtype)

    def _frames(self, tile: Tile) -> list[int]:
        """Driving frames of a tile, which begins with the reference's latent frame."""
        each = self._config.compression
        return [each * (k - 1) + j for k in tile.frames[1:] for j in range(each)]

    def _said(self, tile: Tile) -> str:
        """The sentence for a tile."""
        frames = self._frames(tile)
        last = min(frames[-1], len(self._given.motion) - 1)
        return self._given.say(tile.views[0], frames[0], last).text(amounts=False)

    def _times(self, timestep: Tensor, seen: Float[Tensor, "n C F h w"]) -> Tensor:
        """One timestep for each clip; for each token where the first frame is clean."""
        each = timestep.to(self._device).float().expand(len(seen))
        if "clean_first" not in self._told:
            return each
        _, down, across = self._network.config["patch_size"]
        tokens = (seen.shape[3] // down) * (seen.shape[4] // across)
        each = each[:, None].repeat(1, seen.shape[2] * tokens)
        each[:, :tokens] = 0
        return each
