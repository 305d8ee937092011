"""HVG's network as a video model: frames of any method, calmed by what it knows of the body.

It is told the person's reference, bone maps and cameras, so unlike Wan it can't invent another
movement. Its windows lie along time, every view by itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.methods.hvg.conditions import crop_of_video
from muybridge.methods.hvg.diffuse import Conditions, Denoiser
from muybridge.methods.hvg.networks import HvgNetworks
from muybridge.methods.hvg.pipeline import HvgPipeline
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.sampling import (
    DiskGrids,
    Prediction,
    Refinement,
    ResidualFlow,
    SpectralTemporalRefiner,
    Tile,
)
from muybridge.sampling.spectral import resized, with_detail
from muybridge.sampling.video_model import clean_of, log_noise, preserving


@dataclass(frozen=True)
class HvgVideo:
    """HVG's networks with what steers a video; a
    :class:`~muybridge.sampling.video_model.VideoModel`.

    Latents are HVG's, scaled.

    Attributes:
        networks: of any size.
        conditions: of the whole video.
    """

    networks: HvgNetworks
    conditions: Conditions

    @property
    def frames(self) -> int:
        """Frames that go through it together."""
        return int(self.networks.config.time_window[1])

    def __call__(
        self,
        latents: Float[Tensor, "n F C h w"],
        timestep: Tensor,
        tiles: Sequence[Tile],
        guided: bool,
    ) -> Prediction:
        """See :class:`~muybridge.sampling.video_model.VideoModel`."""
        share = float(timestep)
        denoiser = Denoiser(self.networks, self.conditions)
        objective = self.networks.objective()
        if isinstance(objective, ResidualFlow):
            when = torch.tensor(objective.time_scale * share, dtype=torch.float32)
            return denoiser(latents, when, tiles, guided)
        when = torch.tensor(log_noise(share) / 4, dtype=torch.float32)
        found = denoiser(preserving(latents, share), when, tiles, guided)
        with_reference = clean_of(found.conditioned, latents, share, "v_prediction")
        if found.unconditioned is None:
            return Prediction(with_reference)
        return Prediction(
            with_reference, clean_of(found.unconditioned, latents, share, "v_prediction")
        )


@torch.no_grad()
def refine_with_hvg(
    pipeline: HvgPipeline,
    person: Person,
    motion: Motion,
    cameras: Cameras,
    pictures: Float[Tensor, "V T C H W"],
    settings: Refinement | str = "faithful",
    *,
    seed: int = 0,
    detail: float = 1.0,
) -> Float[Tensor, "V T C H W"]:
    """Refine what another method has painted, with HVG's network as the video model.

    Args:
        pipeline: HVG's, of a size.
        person, motion, cameras: of the video.
        pictures: of the crop around the person, as methods with latents see it
            (:func:`muybridge.methods.hvg.conditions.crop_of_video`), over black, in [0, 1], with
            a matte where HVG's size has one; of any size in HVG's shape.
        settings: how.
        seed: of the noise.
        detail: how much of the detail that HVG's autoencoder loses is returned, 0..1.

    Raises:
        InputError: the pictures are not of this video, or not shaped as HVG sees them.
    """
    networks = pipeline.networks
    config = networks.config
    views, frames, channels, height, width = pictures.shape
    if (views, frames) != (cameras.views, motion.frames):
        raise InputError(
            "pictures", "shape", f"{views} views and {frames} frames instead of {cameras.views} "
            f"and {motion.frames}", "give the pictures of this video",
        )
    alike = math.isclose(height / width, config.height / config.width, rel_tol=0.02)
    if channels != config.picture_channels or not alike:
        raise InputError(
            "pictures", "shape", f"{channels} channels of {width}x{height}",
            f"give {config.picture_channels} of {config.width}x{config.height}, or as wide",
        )
    crop = crop_of_video(person, motion, cameras, config.width, config.height)
    files = DiskGrids()
    given = pipeline._conditions(person, motion, crop, files, _untold)
    flat = pictures.flatten(0, 1)
    small = resized(flat, (config.height, config.width)).clamp(0, 1)
    latents = networks.encode(small) * networks.latent_scale
    grid = latents.unflatten(0, (views, frames))
    refined = SpectralTemporalRefiner(HvgVideo(networks, given), settings)(grid, seed=seed)
    before, after = (
        torch.cat([networks.decode(part) for part in each.split(config.decode_together)])
        for each in (latents, refined.flatten(0, 1))
    )
    return with_detail(after, before, flat, detail).unflatten(0, (views, frames))


def _untold(done: float, text: str = "") -> None:
    """Progress that nobody asked about."""
