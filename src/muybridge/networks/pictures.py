"""What networks on latents do to pictures, whichever autoencoder and picture encoder they have.

Small sizes have a :class:`LinearAutoencoder` and a :class:`ReferenceToken`, the real ones SVD's
autoencoder and CLIP.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_temporal_decoder import (
    AutoencoderKLTemporalDecoder,
)
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.networks.clip_picture import clip_picture
from muybridge.networks.linear_autoencoder import LinearAutoencoder
from muybridge.networks.reference_token import ReferenceToken

Autoencoder = LinearAutoencoder | AutoencoderKLTemporalDecoder


class PictureNetworks(nn.Module):
    """An autoencoder and an encoder of the reference picture; networks of a method derive from it.

    Pictures are ``[.., C, H, W]`` in [0, 1]. Latents are unscaled unless said otherwise, as SVD
    conditions on them; what is denoised is scaled.

    Attributes:
        vae: frozen.
        image_encoder: a ``ReferenceToken`` (trained) or CLIP's vision model (frozen).
    """

    vae: Autoencoder
    image_encoder: nn.Module

    def _use(self, vae: Autoencoder, image_encoder: nn.Module) -> None:
        """Set both; freeze what is never trained."""
        self.vae = vae.requires_grad_(False)
        self.image_encoder = image_encoder
        if not isinstance(image_encoder, ReferenceToken):
            image_encoder.requires_grad_(False)

    @property
    def latent_scale(self) -> float:
        """What latents are multiplied with to be denoised."""
        return float(self.vae.config["scaling_factor"])

    @property
    def patch(self) -> int:
        """Pixels per latent, along each side."""
        if isinstance(self.vae, LinearAutoencoder):
            return int(self.vae.config["patch"])
        return int(2 ** (len(self.vae.config["block_out_channels"]) - 1))

    @torch.no_grad()
    def encode(
        self, pictures: Float[Tensor, "*B C H W"], together: int = 8
    ) -> Float[Tensor, "*B K h w"]:
        """Unscaled latents of pictures in [0, 1], a few at a time, where the pictures are."""
        flat = pictures.flatten(0, -4) if pictures.ndim > 4 else pictures
        flat = flat if flat.ndim == 4 else flat[None]
        device, dtype = home(self.vae)
        parts = [
            _mode(self.vae, part.to(device, dtype) * 2 - 1).to(pictures.device)
            for part in flat.split(together)
        ]
        latents = torch.cat(parts).float()
        return latents.reshape(*pictures.shape[:-3], *latents.shape[1:])

    @torch.no_grad()
    def decode(self, latents: Float[Tensor, "F K h w"]) -> Float[Tensor, "F C H W"]:
        """Pictures in [0, 1] of scaled latents; SVD's decoder looks at neighbouring frames."""
        device, dtype = home(self.vae)
        unscaled = latents.to(device, dtype) / self.latent_scale
        decoded: Any = self.vae.decode(unscaled, num_frames=len(unscaled))
        return (decoded.sample.float() / 2 + 0.5).clamp(0, 1).to(latents.device)

    def token(self, picture: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 1 D"]:
        """The reference picture as a token for cross-attention."""
        if isinstance(self.image_encoder, ReferenceToken):
            return self.image_encoder(picture * 2 - 1)
        device, dtype = home(self.image_encoder)
        clip: Any = self.image_encoder
        seen = clip_picture(picture[:, :3].float(), clip.config.image_size).to(device, dtype)
        return clip(seen).image_embeds[:, None]


def home(network: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Device and number type of a network's weights."""
    first = next(network.parameters())
    return first.device, first.dtype


def _mode(vae: Any, pictures: Tensor) -> Tensor:
    """The most likely latents of pictures in [-1, 1]."""
    return vae.encode(pictures).latent_dist.mode()
