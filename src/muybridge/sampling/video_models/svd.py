"""Stable Video Diffusion as a video model.

Its UNet sees the noisy latents beside those of the first picture, unscaled, and CLIP's embedding
of it. It is preconditioned as EDM has it: ``v`` at a noise level whose logarithm is the timestep.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.networks.clip_picture import clip_picture
from muybridge.networks.pictures import home
from muybridge.sampling.grid import Prediction, Tile
from muybridge.sampling.noise import item_generator
from muybridge.sampling.video_model import VideoModel, clean_of, log_noise, preserving
from muybridge.sampling.video_models.tools import fitted

AREA = 576 * 1024
"""Pixels that SVD was trained with."""


@dataclass(frozen=True)
class SvdVideo:
    """SVD's UNet with what it is told about a clip; a
    :class:`~muybridge.sampling.video_model.VideoModel`.

    Attributes:
        unet: ``UNetSpatioTemporalConditionModel``.
        image: unscaled latents of the first picture.
        embedding: CLIP's of it.
        ids: frames per second less one, motion bucket, noise on the first picture.
        frames: that go through it together, at most.
    """

    unet: Any
    image: Float[Tensor, "C h w"]
    embedding: Float[Tensor, "1 1 D"]
    ids: tuple[float, float, float]
    frames: int

    def __call__(
        self,
        latents: Float[Tensor, "n F C h w"],
        timestep: Tensor,
        tiles: Sequence[Tile],
        guided: bool,
    ) -> Prediction:
        """See :class:`~muybridge.sampling.video_model.VideoModel`."""
        share = float(timestep)
        device, dtype = home(self.unet)
        seen = preserving(latents, share).to(device, dtype)
        image = self.image.to(seen).expand(*seen.shape[:2], -1, -1, -1)
        embedding = self.embedding.to(seen).expand(len(seen), -1, -1)
        ids = seen.new_tensor(self.ids).expand(len(seen), -1)
        when = torch.tensor(log_noise(share) / 4, device=device, dtype=torch.float32)
        found = []
        for known in (1.0, 0.0)[: 2 if guided else 1]:
            output = self.unet(
                torch.cat([seen, image * known], 2), when, embedding * known, added_time_ids=ids,
                return_dict=False,
            )[0]
            found.append(clean_of(output.to(latents), latents, share, "v_prediction"))
        return Prediction(*found)


class SvdTools:
    """A ``StableVideoDiffusionPipeline`` as :class:`~muybridge.sampling.video_models.VideoTools`.

    Args:
        pipeline: of diffusers.
        fps: of the video, as SVD was told in training (6 to 30).
        motion: bucket of how much moves, 1..255.
        noise: on the first picture, as it is told of it.
        area: pixels at which it sees pictures, at most.
        frames: pictures of a clip, at most; as many as it was trained with by default.
    """

    channels = 3
    compression = 1

    def __init__(
        self, pipeline: Any, *, fps: float = 7.0, motion: float = 127.0, noise: float = 0.02,
        area: int = AREA, frames: int | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.fps, self.motion, self.noise, self.area = fps, motion, noise, area
        self.frames = int(frames or pipeline.unet.config["num_frames"])

    @property
    def name(self) -> str:
        """See :class:`VideoTools`."""
        return f"Stable Video Diffusion, {self.frames} frames"

    @property
    def _scale(self) -> float:
        return float(self.pipeline.vae.config["scaling_factor"])

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        """Height and width at which it sees pictures of this size."""
        levels = len(self.pipeline.unet.config["block_out_channels"]) - 1
        return fitted(height, width, self.area, int(self.pipeline.vae_scale_factor) * 2**levels)

    @torch.no_grad()
    def encode(self, pictures: Float[Tensor, "T 3 H W"]) -> Float[Tensor, "T K h w"]:
        """The most likely latents of each picture, scaled."""
        return torch.cat([self._encode(one[None]) for one in pictures]) * self._scale

    @torch.no_grad()
    def decode(self, latents: Float[Tensor, "T K h w"]) -> Float[Tensor, "T 3 H W"]:
        """Pictures of scaled latents; the decoder looks at neighbours."""
        vae = self.pipeline.vae
        given = latents.to(self.pipeline._execution_device, vae.dtype) / self._scale
        video = vae.decode(given, num_frames=len(given)).sample
        return (video.float() / 2 + 0.5).clamp(0, 1).to(latents)

    @torch.no_grad()
    def model(self, pictures: Float[Tensor, "T 3 H W"]) -> VideoModel:
        """The model for a clip, told of its first picture.

        Args:
            pictures: of the clip, of a size from :meth:`size_for`.
        """
        first = pictures[:1].float()
        noise = torch.randn(first.shape, generator=item_generator(0, -1)).to(first)
        image = self._encode(first + 0.5 * self.noise * noise)[0]
        clip = self.pipeline.image_encoder
        seen = clip_picture(first, clip.config.image_size)
        seen = seen.to(self.pipeline._execution_device, clip.dtype)
        ids = (self.fps - 1, self.motion, self.noise)
        if not all(math.isfinite(value) for value in ids):
            raise ValueError(f"{ids} are not finite")
        embedding = clip(seen).image_embeds[:, None]
        return SvdVideo(self.pipeline.unet, image, embedding, ids, self.frames)

    def _encode(self, pictures: Float[Tensor, "T 3 H W"]) -> Float[Tensor, "T K h w"]:
        vae = self.pipeline.vae
        given = pictures.to(self.pipeline._execution_device, vae.dtype) * 2 - 1
        return vae.encode(given).latent_dist.mode().to(pictures)
