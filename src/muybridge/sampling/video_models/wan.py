"""Wan as a video model: text to video, image to video, of Wan 2.1 and 2.2, on diffusers' classes.

Image-to-video models of 36 channels see the noisy latents, a mask of four channels that marks the
first frame, and the latents of a video of which only that frame is known. Wan 2.2's 14B models
are two, for much and for little noise; its 5B model is told of the first frame by giving it
clean, with a timestep of 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from jaxtyping import Float
from torch import Tensor

from muybridge.sampling.grid import Prediction, Tile
from muybridge.sampling.video_model import VideoModel, clean_of
from muybridge.sampling.video_models.tools import fitted, lengthened

AREA = 480 * 832
"""Pixels that Wan's 480P models were trained with."""
FRAMES = 81
"""Pictures of its clips."""


@dataclass(frozen=True)
class WanVideo:
    """Wan's transformer with what it is told about a clip; a
    :class:`~muybridge.sampling.video_model.VideoModel`.

    Attributes:
        transformer: of Wan's class.
        text: embeddings of what is shown.
        frames: latent frames that go through it together, at most.
        no_text: embeddings for the unconditioned output; zeros where left out.
        condition: mask and latents of the known first frame, for models of 36 channels.
        image: CLIP's embeddings of it, for Wan 2.1.
        clean_first: latents of it, for models that are given it clean.
        low_noise: the second transformer, for little noise.
        boundary: share of noise from which on the first one works.
    """

    transformer: WanTransformer3DModel
    text: Float[Tensor, "1 L D"]
    frames: int
    no_text: Float[Tensor, "1 L D"] | None = None
    condition: Float[Tensor, "Q T h w"] | None = None
    image: Float[Tensor, "1 P E"] | None = None
    clean_first: Float[Tensor, "C h w"] | None = None
    low_noise: WanTransformer3DModel | None = None
    boundary: float = 0.0

    def __call__(
        self,
        latents: Float[Tensor, "n F C h w"],
        timestep: Tensor,
        tiles: Sequence[Tile],
        guided: bool,
    ) -> Prediction:
        """See :class:`~muybridge.sampling.video_model.VideoModel`."""
        share = float(timestep)
        network = self.transformer
        if self.low_noise is not None and share < self.boundary:
            network = self.low_noise
        weight = next(network.parameters())
        known = self._known_first(tiles)
        noisy = latents
        if known is not None and self.clean_first is not None:
            noisy = latents.clone()
            noisy[:, 0] = torch.where(
                known[:, None, None, None], self.clean_first.to(latents), latents[:, 0]
            )
        seen = noisy.transpose(1, 2).to(weight.device, weight.dtype)
        if self.condition is not None:
            told = torch.stack([self.condition[:, list(tile.frames)] for tile in tiles])
            seen = torch.cat([seen, told.to(seen)], 1)
        no_text = torch.zeros_like(self.text) if self.no_text is None else self.no_text
        found = []
        for text in (self.text, no_text)[: 2 if guided else 1]:
            velocity = network(
                hidden_states=seen, timestep=self._times(network, seen, share, known),
                encoder_hidden_states=text.to(seen).expand(len(seen), -1, -1),
                encoder_hidden_states_image=None if self.image is None
                else self.image.to(seen).expand(len(seen), -1, -1),
                return_dict=False,
            )[0]
            clean = clean_of(velocity.transpose(1, 2).to(latents), noisy, share, "flow_prediction")
            if noisy is not latents and known is not None:
                clean[known, 0] = noisy[known, 0]
            found.append(clean)
        return Prediction(*found)

    def _known_first(self, tiles: Sequence[Tile]) -> Tensor | None:
        """Which tiles begin with the clip's first frame, for models that get it clean."""
        if self.clean_first is None:
            return None
        return torch.tensor([tile.frames[0] == 0 for tile in tiles])

    def _times(
        self, network: WanTransformer3DModel, seen: Tensor, share: float, known: Tensor | None
    ) -> Tensor:
        """Timesteps: one for each clip; one for each token where the first frame is clean."""
        times = torch.full((len(seen),), 1000 * share, dtype=torch.float32, device=seen.device)
        if known is None:
            return times
        along, down, across = network.config["patch_size"]
        each = times[:, None].repeat(1, seen.shape[2] // along)
        each[known.to(seen.device), 0] = 0.0
        return each.repeat_interleave((seen.shape[3] // down) * (seen.shape[4] // across), 1)


class WanTools:
    """A pipeline of Wan's as :class:`~muybridge.sampling.video_models.VideoTools`.

    Args:
        pipeline: ``WanPipeline``, ``WanVideoToVideoPipeline`` or ``WanImageToVideoPipeline``.
        text, no_text: embeddings of the prompts.
        area: pixels at which it sees pictures, at most.
        frames: pictures of a clip, at most.
    """

    channels = 3

    def __init__(
        self, pipeline: Any, text: Tensor, no_text: Tensor | None = None, *, area: int = AREA,
        frames: int = FRAMES,
    ) -> None:
        self.pipeline, self.text, self.no_text = pipeline, text, no_text
        self.area, self.frames = area, frames
        config = pipeline.vae.config
        shape = (1, int(config["z_dim"]), 1, 1, 1)
        self._mean = torch.tensor(config["latents_mean"]).reshape(shape)
        self._deviation = torch.tensor(config["latents_std"]).reshape(shape)
        self.from_image = "ImageToVideo" in type(pipeline).__name__
        """Whether the model is told of the first frame."""

    @property
    def name(self) -> str:
        """See :class:`VideoTools`."""
        kind = "image to video" if self.from_image else "text to video"
        return f"Wan, {kind}, {self.pipeline.transformer.config['num_layers']} blocks"

    @property
    def compression(self) -> int:
        """Pictures of a latent frame."""
        return int(self.pipeline.vae_scale_factor_temporal)

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        """Height and width at which it sees pictures of this size."""
        patch = int(self.pipeline.transformer.config["patch_size"][1])
        multiple = int(self.pipeline.vae_scale_factor_spatial) * patch
        return fitted(height, width, self.area, multiple)

    @torch.no_grad()
    def encode(self, pictures: Float[Tensor, "T 3 H W"]) -> Float[Tensor, "t K h w"]:
        """The most likely latents, scaled; the last picture is repeated where one is missing."""
        video = lengthened(pictures, self.compression).transpose(0, 1)[None] * 2 - 1
        return self._encode(video)[0].transpose(0, 1).to(pictures)

    @torch.no_grad()
    def decode(self, latents: Float[Tensor, "t K h w"]) -> Float[Tensor, "U 3 H W"]:
        """Pictures of scaled latents: one of the first, ``compression`` of each other."""
        vae = self.pipeline.vae
        given = latents.transpose(0, 1)[None].float().cpu() * self._deviation + self._mean
        there = self.pipeline._execution_device
        video = vae.decode(given.to(there, vae.dtype), return_dict=False)[0]
        return (video[0].transpose(0, 1).float() / 2 + 0.5).clamp(0, 1).to(latents)

    @torch.no_grad()
    def model(self, pictures: Float[Tensor, "T 3 H W"]) -> VideoModel:
        """The model for a clip; told of its first picture where it can be.

        Args:
            pictures: of the clip, of a size from :meth:`size_for`.
        """
        pipeline = self.pipeline
        count = (len(lengthened(pictures, self.compression)) - 1) // self.compression + 1
        ratio = pipeline.config.get("boundary_ratio")
        told: dict[str, Any] = {}
        if self.from_image:
            told = self.told(pictures, count)
        return WanVideo(
            pipeline.transformer, self.text, count, self.no_text,
            low_noise=None if ratio is None else pipeline.transformer_2,
            boundary=float(ratio or 0.0), **told,
        )

    @torch.no_grad()
    def told(self, pictures: Float[Tensor, "T 3 H W"], count: int) -> dict[str, Any]:
        """What an image-to-video model is told of the first picture, as :class:`WanVideo` has it.

        Args:
            pictures: only the first counts.
            count: latent frames of the clip.
        """
        pipeline = self.pipeline
        first = pictures[:1].transpose(0, 1)[None] * 2 - 1
        if pipeline.config.get("expand_timesteps"):
            return {"clean_first": self._encode(first)[0, :, 0]}
        nothing = first.new_zeros(1, 3, (count - 1) * self.compression, *first.shape[-2:])
        known = self._encode(torch.cat([first, nothing], 2))[0]
        mask = known.new_zeros(self.compression, *known.shape[1:])
        mask[:, 0] = 1
        told: dict[str, Any] = {"condition": torch.cat([mask, known])}
        if pipeline.transformer.config.get("image_dim") is not None:
            seen = (pictures[0].float().cpu().clamp(0, 1) * 255).round().byte()
            told["image"] = pipeline.encode_image(seen)
        return told

    def _encode(self, video: Float[Tensor, "1 3 T H W"]) -> Float[Tensor, "1 K t h w"]:
        vae = self.pipeline.vae
        there = self.pipeline._execution_device
        latents = vae.encode(video.to(there, vae.dtype)).latent_dist.mode().float().cpu()
        return (latents - self._mean) / self._deviation
