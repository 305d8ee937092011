"""HVG's network as a video model: frames of any method, calmed by what it knows of the body.

It is told the person's reference, bone maps and cameras, so unlike Wan it can't invent another
movement. Its windows lie along time, every view by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.methods.cropped import BLOCK
from muybridge.methods.hvg.conditions import crop_of_video
from muybridge.methods.hvg.diffuse import Conditions, Denoiser
from muybridge.methods.hvg.networks import HvgNetworks
from muybridge.methods.hvg.pipeline import HvgPipeline
from muybridge.methods.reimagine.config import TOLD
from muybridge.methods.reimagine.spans import refine_views
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
from muybridge.sampling.refine import StepsDone
from muybridge.sampling.spectral import resized, with_detail
from muybridge.sampling.video_model import clean_of, log_noise, preserving

Shown = Callable[[int, int, int], Float[Tensor, "t C H W"]]
"""``shown(view, start, stop)``: pictures that are refined."""


@dataclass(frozen=True)
class HvgVideo:
    """HVG's networks with what steers a video; a
    :class:`~muybridge.sampling.video_model.VideoModel`.

    Latents are HVG's, scaled.

    Attributes:
        networks: of any size.
        conditions: of the whole video.
        first: view and frame of it at which the latents begin.
    """

    networks: HvgNetworks
    conditions: Conditions
    first: tuple[int, int] = (0, 0)

    @property
    def frames(self) -> int:
        """Frames that go through it together."""
        return int(self.networks.config.time_window[1])

    def at(self, view: int, frame: int) -> HvgVideo:
        """The model of latents that begin there."""
        return replace(self, first=(view, frame))

    def __call__(
        self,
        latents: Float[Tensor, "n F C h w"],
        timestep: Tensor,
        tiles: Sequence[Tile],
        guided: bool,
    ) -> Prediction:
        """See :class:`~muybridge.sampling.video_model.VideoModel`."""
        share = float(timestep)
        view, frame = self.first
        tiles = [
            Tile(tuple(v + view for v in tile.views), tuple(t + frame for t in tile.frames))
            for tile in tiles
        ]
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


class HvgRefiner:
    """Refines pictures of a person whose motion and cameras are known.

    Args:
        pipeline: HVG's, of a size.
        settings: a preset's name, or settings.
        detail: how much of the detail that HVG's autoencoder loses is returned, 0..1.

    Raises:
        InputError: there is no such preset.
    """

    def __init__(
        self, pipeline: HvgPipeline, settings: Refinement | str = TOLD, detail: float = 1.0
    ) -> None:
        self.pipeline, self.detail = pipeline, detail
        made = Refinement.of(settings)
        if made.overlap is None:
            window = min(made.window or math.inf, pipeline.networks.config.time_window[1])
            made = replace(made, overlap=int(window) // 4)
        self.settings = made

    @property
    def kept_bytes(self) -> int:
        """That are kept of each picture of a video."""
        config, patch = self.pipeline.networks.config, self.pipeline.networks.patch
        latents = config.latent_channels * config.width * config.height // patch**2
        return self.pipeline.kept_bytes + 2 * 4 * latents

    @torch.no_grad()
    def pieces(
        self, person: Person, motion: Motion, cameras: Cameras, shown: Shown, *, seed: int = 0,
        callback: StepsDone | None = None,
    ) -> Iterator[tuple[int, int, Float[Tensor, "t C H W"], Float[Tensor, "t C H W"]]]:
        """Refined pictures, piece by piece, when all of them have been through the network.

        Args:
            person, motion, cameras: of the video.
            shown: the pictures of the crop around the person, as methods with latents see it
                (:func:`muybridge.methods.hvg.conditions.crop_of_video`), over black, in [0, 1],
                with a matte where HVG's size has one; of any size in HVG's shape. Asked twice.
            seed: of the noise.
            callback: told after each step.

        Yields:
            view, first frame, the pictures before and after.

        Raises:
            InputError: the pictures are not shaped as HVG sees them.
        """
        networks: HvgNetworks = self.pipeline.networks
        config, scale = networks.config, networks.latent_scale
        views, frames = cameras.views, motion.frames
        crop = crop_of_video(person, motion, cameras, config.width, config.height)
        files = DiskGrids()
        given = self.pipeline.conditions(person, motion, crop, files, _untold)
        size = (config.height // networks.patch, config.width // networks.patch)
        grid = (views, frames, config.latent_channels, *size)
        before, after = (files.zeros(grid, torch.float32) for _ in range(2))
        blocks = [
            (view, first, min(first + BLOCK, frames))
            for view in range(views) for first in range(0, frames, BLOCK)
        ]
        for view, first, stop in blocks:
            pictures = shown(view, first, stop)
            self._check(pictures)
            small = resized(pictures, (config.height, config.width)).clamp(0, 1)
            before[view, first:stop] = networks.encode(small) * scale
        after.copy_(before)
        model = HvgVideo(networks, given)
        refine_views(
            SpectralTemporalRefiner(model, self.settings), after, seed=seed, model_at=model.at,
            callback=callback,
        )
        for view, first, stop in blocks:
            pictures = shown(view, first, stop)
            was, now = (networks.decode(each[view, first:stop]) for each in (before, after))
            yield view, first, pictures, with_detail(now, was, pictures, self.detail)

    def _check(self, pictures: Float[Tensor, "t C H W"]) -> None:
        """Refuse pictures that HVG can't see."""
        config = self.pipeline.networks.config
        channels, height, width = pictures.shape[1:]
        alike = math.isclose(height / width, config.height / config.width, rel_tol=0.02)
        if channels != config.picture_channels or not alike:
            raise InputError(
                "pictures", "shape", f"{channels} channels of {width}x{height}",
                f"give {config.picture_channels} of {config.width}x{config.height}, or as wide",
            )


def refine_with_hvg(
    pipeline: HvgPipeline,
    person: Person,
    motion: Motion,
    cameras: Cameras,
    pictures: Float[Tensor, "V T C H W"],
    settings: Refinement | str = TOLD,
    *,
    seed: int = 0,
    detail: float = 1.0,
) -> Float[Tensor, "V T C H W"]:
    """Refine what another method has painted, with HVG's network as the video model.

    Args:
        pipeline: HVG's, of a size.
        person, motion, cameras: of the video.
        pictures: see :meth:`HvgRefiner.pieces`.
        settings: how.
        seed: of the noise.
        detail: see :class:`HvgRefiner`.

    Raises:
        InputError: the pictures are not of this video, or not shaped as HVG sees them.
    """
    views, frames = pictures.shape[:2]
    if (views, frames) != (cameras.views, motion.frames):
        raise InputError(
            "pictures", "shape", f"{views} views and {frames} frames instead of {cameras.views} "
            f"and {motion.frames}", "give the pictures of this video",
        )
    made = torch.empty_like(pictures)
    for view, first, _, after in HvgRefiner(pipeline, settings, detail).pieces(
        person, motion, cameras, lambda view, start, stop: pictures[view, start:stop], seed=seed
    ):
        made[view, first : first + len(after)] = after
    return made


def _untold(done: float, text: str = "") -> None:
    """Progress that nobody asked about."""
