"""From motion and words to latents: 3DiMo's sampling, of one view or many.

Each view is painted by itself: one window of frames at a time, windows sharing frames, where they
fade into each other in every step. Words are said for each window. The reference stands before
every window, clean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from muybridge.camera.script import Script
from muybridge.methods.threedimo.conditions import wrapped
from muybridge.methods.threedimo.networks import Cue, ThreeDimoNetworks
from muybridge.methods.threedimo.words import encoded
from muybridge.sampling import (
    Plan,
    Prediction,
    Reach,
    ResidualFlow,
    Tile,
    denoise,
    draw_noise,
    progressive,
)
from muybridge.sampling.denoise import StepCallback

_STEEP = math.radians(45)
"""Heights above which training has hardly any cameras, so that nothing was learnt about them."""
Say = Callable[[int, int, int], Script]
"""``say(view, first, last)``: what that camera does from one frame to the other."""


@dataclass(frozen=True)
class Conditions:
    """What steers a video of ``V`` views and ``T`` frames.

    Attributes:
        picture: the reference of each view, or the one for all.
        joints: where the body's are in it, see
            :func:`~muybridge.methods.threedimo.conditions.joints_seen`.
        motion: of all frames: tokens, or maps.
        facing: where the person looks in each frame, radians, growing to their right; from any
            direction.
        heights: elevation of each camera, as the pelvis sees it; radians.
        say: what the cameras do.
        views: how many.
    """

    picture: Float[Tensor, "R C H W"]
    joints: Float[Tensor, "R P 3"]
    motion: Float[Tensor, "T ..."]
    facing: Float[Tensor, "T"]
    heights: Float[Tensor, "V T"]
    say: Say
    views: int

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.motion.shape[0])

    def larger(self, tile: Tile) -> Float[Tensor, "F"]:
        """How many times larger a tile shows the person than training would: a camera that rises
        goes away by it, but crops of a video keep the person's size."""
        heights = self.heights[tile.views[0], list(tile.frames)]
        near = heights.clamp(-_STEEP, _STEEP).cos()
        return near[:1] / near

    def rows(self, views: Sequence[int]) -> list[int]:
        """Which references are those of some views."""
        return [min(view, len(self.picture) - 1) for view in views]


def plan(window: int, overlap: int, views: int, frames: int) -> Plan:
    """Which tiles each step passes: a view and a window of frames each.

    Args:
        window, overlap: frames of a window, and that neighbours share.
        views, frames: of the video.
    """
    reach = Reach(time=(1, window), time_overlap=overlap, around=(1, 1), around_overlap=0, still=1)
    return progressive(views, frames, reach, share=1.0)


@torch.no_grad()
def sample(
    networks: ThreeDimoNetworks,
    conditions: Conditions,
    *,
    seed: int = 0,
    steps: int | None = None,
    callback: StepCallback | None = None,
) -> Float[Tensor, "V T K h w"]:
    """Scaled latents of the whole video, in the machine's main memory.

    Args:
        networks: of the size.
        conditions: what steers.
        seed: of the noise, which belongs to each (view, frame).
        steps: of the sampler; the size's own by default.
        callback: told after each step.
    """
    config = networks.config
    height, width = (int(side) // networks.patch for side in conditions.picture.shape[-2:])
    shape = (config.latent_channels, height, width)
    views, frames = conditions.views, conditions.frames
    noise = (
        torch.zeros(views, frames, *shape) if config.from_mean
        else draw_noise(seed, range(views), range(frames), shape)
    )
    scheduler = ResidualFlow().scheduler()
    scheduler.set_timesteps(steps or config.steps)
    return denoise(
        Denoiser(networks, conditions), scheduler, noise * scheduler.init_noise_sigma,
        plan(config.window, config.overlap, views, frames), callback=callback,
    )


class Denoiser:
    """The networks with one video's conditions, as the sampling loop calls them.

    Args:
        networks, conditions: see :func:`sample`.
    """

    def __init__(self, networks: ThreeDimoNetworks, conditions: Conditions) -> None:
        self._networks, self._conditions = networks, conditions
        weight = next(networks.transformer.parameters())
        self._device, self._dtype = weight.device, weight.dtype
        self._said: dict[Tile, tuple[Int64[Tensor, "L"], Float[Tensor, "L"]]] = {}  # noqa: F821
        self._cues: dict[Tile, Cue] = {}
        pictures = conditions.picture.to(self._device, self._dtype)
        self._references = networks.encode(pictures).to(self._dtype)

    def __call__(
        self,
        latents: Float[Tensor, "n F K h w"],
        timestep: Tensor,
        tiles: Sequence[Tile],
        guided: bool,
    ) -> Prediction:
        """The model output of some tiles; see :class:`muybridge.sampling.WindowModel`."""
        networks = self._networks
        said = [self._words(tile) for tile in tiles]
        words, amounts = (torch.stack(part).to(self._device) for part in zip(*said, strict=True))
        motion = torch.stack([self._conditions.motion[list(tile.frames)] for tile in tiles])
        reference = self._references[self._conditions.rows([tile.views[0] for tile in tiles])]
        noisy, motion = (part.to(self._device, self._dtype) for part in (latents, motion))
        text = networks.words(words, amounts)
        self._look_up(tiles, motion, text)
        cue = Cue.together([self._cues[tile] for tile in tiles]).to(self._device, self._dtype)
        output = networks(noisy, timestep.to(self._device), reference, motion, text, cue)
        output = networks.model_output(output, cue)
        return Prediction(output.float().to(latents.device))

    def _look_up(
        self, tiles: Sequence[Tile], motion: Float[Tensor, "n F ..."],
        text: Float[Tensor, "n L D"],
    ) -> None:
        """Find the cues of tiles, once: they are kept in the machine's main memory."""
        if all(tile in self._cues for tile in tiles):
            return
        rows = self._conditions.rows([tile.views[0] for tile in tiles])
        picture, joints = self._conditions.picture[rows], self._conditions.joints[rows]
        facing = torch.stack([self._conditions.facing[list(tile.frames)] for tile in tiles])
        found = self._networks.cue(
            picture.to(self._device, self._dtype), joints.to(self._device), motion, text,
            turned=wrapped(facing - facing[:, :1]).to(self._device),
            larger=torch.stack([self._conditions.larger(tile) for tile in tiles]).to(self._device),
        ).to("cpu")
        self._cues |= dict(zip(tiles, found.each(), strict=True))

    def _words(self, tile: Tile) -> tuple[Tensor, Tensor]:
        """What is said for a tile; looked for once."""
        if tile not in self._said:
            script = self._conditions.say(tile.views[0], tile.frames[0], tile.frames[-1])
            words, amounts = encoded([script])
            self._said[tile] = (words[0], amounts[0])
        return self._said[tile]
