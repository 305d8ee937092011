"""From bone maps and a reference to frames: HVG's sampling, at the level of maps and latents.

The grid of views x frames is sampled as :func:`muybridge.sampling.progressive` says. The
reference is encoded once. Guidance, of which the paper does not speak, compares with an output
that has no reference (zero latents, a zero token, nothing to look at) but keeps maps and
cameras; small sizes do without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from muybridge.camera.ring import Ring
from muybridge.errors import InputError
from muybridge.methods.hvg.config import HvgConfig
from muybridge.methods.hvg.networks import HvgNetworks, Reference
from muybridge.sampling import (
    Plan,
    Prediction,
    Reach,
    Tile,
    denoise,
    draw_noise,
    progressive,
    turns,
)
from muybridge.sampling.denoise import StepCallback
from muybridge.sampling.progressive import Share

LOOKS = ("both", "turns", "time", "around")
"""What each step looks along: both (the paper), one of them in turn, or always the same one."""
_MOST_STILL = 48
"""Views of one moment that go through together at most: as many as the paper trains with."""


@dataclass(frozen=True)
class Conditions:
    """What steers a video of ``V`` views and ``T`` frames.

    Attributes:
        reference: encoded, one row.
        pose: maps of :func:`muybridge.methods.hvg.conditions.pose_maps`, in [0, 1], or 0..255
            as bytes to save memory; ``None`` where their features are given.
        rotations: of the cameras, from :func:`~muybridge.methods.hvg.conditions.camera_rotations`.
        ring: how the cameras stand.
        features: of the maps (:meth:`HvgNetworks.pose_features`), which are the same in every
            step; small networks save a seventh of their time by it.
    """

    reference: Reference
    pose: Float[Tensor, "V T C H W"] | UInt8[Tensor, "V T C H W"] | None
    rotations: Float[Tensor, "V T 3 3"]
    ring: Ring
    features: Float[Tensor, "V T c0 h w"] | None = None

    def __post_init__(self) -> None:
        if self.pose is None and self.features is None:
            raise ValueError("neither maps nor their features are given")

    @property
    def views(self) -> int:
        """Number of views."""
        return int(self.rotations.shape[0])

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.rotations.shape[1])


@dataclass(frozen=True)
class Settings:
    """How to sample; ``None`` takes the size's own.

    Attributes:
        steps: of the sampler.
        reach: of the tiles.
        looks: along what, of :data:`LOOKS`.
        guidance: how strongly the reference is followed; 1 is without guidance.
        turning: whether tiles around closed rigs begin elsewhere in each step.
        tiles_per_call: tiles that share a call of the network; more is quicker on a GPU.
    """

    steps: int | None = None
    reach: Reach | None = None
    looks: str = "both"
    guidance: float | None = None
    turning: bool = True
    tiles_per_call: int = 1

    def __post_init__(self) -> None:
        if self.looks not in LOOKS:
            raise InputError(
                "looks", "", f"there is no {self.looks!r}", "use " + ", ".join(LOOKS)
            )


def reach_of(config: HvgConfig) -> Reach:
    """The tiles of a size."""
    views, frames = config.view_window
    return Reach(
        time=config.time_window, time_overlap=config.time_overlap,
        around=config.view_window, around_overlap=config.view_overlap,
        still=min(_MOST_STILL, views * frames),
    )


def plan(
    config: HvgConfig, views: int, frames: int, ring: Ring | None = None,
    settings: Settings | None = None,
) -> Plan:
    """Which passes each step makes.

    Args:
        config: of the size.
        views, frames: of the video.
        ring: how the cameras stand; an open row as numbered by default.
        settings: how.

    Raises:
        InputError: a number is out of range.
    """
    settings = settings or Settings()
    ring = ring or Ring(tuple(range(views)), closed=False)
    guidance = config.guidance if settings.guidance is None else settings.guidance
    shares: dict[str, Share | float] = {
        "both": config.time_share, "turns": turns(settings.steps or config.steps),
        "time": 1.0, "around": 0.0,
    }
    return progressive(
        views, frames, settings.reach or reach_of(config), order=ring.order, closed=ring.closed,
        share=shares[settings.looks], guidance=guidance, turning=settings.turning,
    )


@torch.no_grad()
def sample(
    networks: HvgNetworks,
    conditions: Conditions,
    *,
    seed: int = 0,
    settings: Settings | None = None,
    noise: Float[Tensor, "V T K h w"] | None = None,
    callback: StepCallback | None = None,
) -> Float[Tensor, "V T K h w"]:
    """Scaled latents of the whole video, in the machine's main memory.

    Args:
        networks: of the size.
        conditions: what steers.
        seed: of the noise, which belongs to each (view, frame).
        settings: how.
        noise: standard normal; in place of the seed's.
        callback: told after each step.
    """
    settings = settings or Settings()
    views, frames = conditions.views, conditions.frames
    if noise is None:
        size = conditions.reference.latents.shape[-2:]
        shape = (networks.config.latent_channels, int(size[0]), int(size[1]))
        noise = (
            torch.zeros(views, frames, *shape) if networks.config.from_mean
            else draw_noise(seed, range(views), range(frames), shape)
        )
    scheduler: Any = networks.objective().scheduler()
    scheduler.set_timesteps(settings.steps or networks.config.steps)
    start = noise * float(scheduler.init_noise_sigma)
    del noise
    return denoise(
        Denoiser(networks, conditions),
        scheduler,
        start,
        plan(networks.config, views, frames, conditions.ring, settings),
        tiles_per_call=settings.tiles_per_call,
        callback=callback,
    )


class Denoiser:
    """The networks with one video's conditions, as the sampling loop calls them.

    Args:
        networks, conditions: see :func:`sample`.
    """

    def __init__(self, networks: HvgNetworks, conditions: Conditions) -> None:
        self._networks, self._conditions = networks, conditions
        weight = next(networks.unet.parameters())
        self._device, self._dtype = weight.device, weight.dtype
        self._reference = conditions.reference.to(self._device, self._dtype)

    def __call__(
        self,
        latents: Float[Tensor, "n F K h w"],
        timestep: Tensor,
        tiles: Sequence[Tile],
        guided: bool,
    ) -> Prediction:
        """The model output of some tiles; see :class:`muybridge.sampling.WindowModel`."""
        extent = (len(tiles[0].views), len(tiles[0].frames))
        noisy = self._here(latents).unflatten(1, extent)
        rotations = torch.stack([tile.take(self._conditions.rotations) for tile in tiles])
        features = self._features(tiles)
        sides = [self._reference] + [self._reference.without()] * guided
        outputs = []
        for reference in sides:
            output = self._networks(
                noisy, timestep.to(self._device), reference, features,
                self._here(rotations).unflatten(1, extent),
            )
            base = reference.latents[:, None, None] * self._networks.latent_scale
            output = self._networks.model_output(output, base.expand_as(output))
            outputs.append(output.flatten(1, 2).float().to(latents.device))
        return Prediction(*outputs)

    def _features(self, tiles: Sequence[Tile]) -> Float[Tensor, "N c0 h w"]:
        """Features of the tiles' maps, one tile behind the other."""
        kept, pose = self._conditions.features, self._conditions.pose
        if kept is not None:
            return self._here(torch.cat([tile.take(kept) for tile in tiles]))
        assert pose is not None
        return self._networks.pose_features(
            self._here(torch.cat([tile.take(pose) for tile in tiles]))
        )

    def _here(self, values: Tensor) -> Tensor:
        """Values where the networks are, in their numbers; bytes become 0..1."""
        moved = values.to(self._device)
        if moved.dtype == torch.uint8:
            return moved.to(self._dtype) / 255
        return moved.to(self._dtype)
