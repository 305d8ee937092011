"""All networks of a size of GAS, and what each of them does to pictures and latents."""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_temporal_decoder import (
    AutoencoderKLTemporalDecoder,
)
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.methods.gas.clip_picture import clip_picture
from muybridge.methods.gas.config import MODES, GasConfig
from muybridge.networks.cue_encoders import NeRFNet, PoseNet
from muybridge.networks.linear_autoencoder import LinearAutoencoder
from muybridge.networks.reference_token import ReferenceToken
from muybridge.networks.video_init import zero_linear, zero_temporal_outputs
from muybridge.networks.video_unet import HumanVideoUNet
from muybridge.sampling import EdmObjective, ResidualFlow

Autoencoder = LinearAutoencoder | AutoencoderKLTemporalDecoder


class GasNetworks(nn.Module):
    """The networks as one module; also what is trained.

    Pictures are ``[.., C, H, W]`` in [0, 1] with the config's ``picture_channels``. Latents are
    unscaled unless said otherwise, as GAS conditions on them; what is denoised is scaled.

    Attributes:
        config: the size.
        unet, pose_net, nerf_net: trained.
        vae: frozen.
        image_encoder: a ``ReferenceToken`` (trained) or CLIP's vision model (frozen).
        nerf: the human NeRF that renders cues, or ``None``; frozen, not part of the module, so
            that it is neither trained nor counted.
    """

    def __init__(
        self,
        config: GasConfig,
        unet: HumanVideoUNet,
        pose_net: PoseNet,
        nerf_net: NeRFNet,
        vae: Autoencoder,
        image_encoder: nn.Module,
        nerf: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.unet = unet
        self.pose_net = pose_net
        self.nerf_net = nerf_net
        self.vae = vae.requires_grad_(False)
        self.image_encoder = image_encoder
        if not isinstance(image_encoder, ReferenceToken):
            image_encoder.requires_grad_(False)
        self._nerf = (nerf,)  # in a tuple: torch must not find it

    @property
    def nerf(self) -> Any:
        """The human NeRF, or ``None``."""
        return self._nerf[0]

    def use_nerf(self, nerf: nn.Module | None) -> None:
        """Set the human NeRF."""
        self._nerf = (nerf,)

    @staticmethod
    def new(config: GasConfig, vae: LinearAutoencoder, seed: int = 0) -> GasNetworks:
        """Untrained networks of a small size.

        Their output is zero, so that with the residual objective they give back the cue, and
        every temporal layer is the identity (see
        :func:`muybridge.networks.video_init.zero_temporal_outputs`).

        Args:
            config: ``NANO`` or ``TINY``, or another with linear latents.
            vae: fitted on pictures.
            seed: of the weights. The global random state is left as it was.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            unet = HumanVideoUNet(**config.unet)
            networks = GasNetworks(
                config, unet, PoseNet(**config.pose_net), NeRFNet(**config.nerf_net), vae,
                ReferenceToken(**config.reference_token),
            )
            if unet.class_embedding is not None:
                unet.class_embedding.linear_2.reset_parameters()
        zero_linear(unet.conv_out)
        zero_temporal_outputs(unet)
        return networks

    def objective(self) -> ResidualFlow | EdmObjective:
        """What the networks are trained for, and the scheduler that fits."""
        return ResidualFlow() if self.config.objective == "residual" else EdmObjective()

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

    # ---------------------------------------------------------------- pictures

    @torch.no_grad()
    def encode(
        self, pictures: Float[Tensor, "*B C H W"], together: int = 8
    ) -> Float[Tensor, "*B K h w"]:
        """Unscaled latents of pictures in [0, 1], a few at a time, where the pictures are."""
        flat = pictures.flatten(0, -4) if pictures.ndim > 4 else pictures
        flat = flat if flat.ndim == 4 else flat[None]
        device, dtype = _home(self.vae)
        parts = [
            _mode(self.vae, part.to(device, dtype) * 2 - 1).to(pictures.device)
            for part in flat.split(together)
        ]
        latents = torch.cat(parts).float()
        return latents.reshape(*pictures.shape[:-3], *latents.shape[1:])

    @torch.no_grad()
    def decode(self, latents: Float[Tensor, "F K h w"]) -> Float[Tensor, "F C H W"]:
        """Pictures in [0, 1] of scaled latents; SVD's decoder looks at neighbouring frames."""
        device, dtype = _home(self.vae)
        unscaled = latents.to(device, dtype) / self.latent_scale
        decoded: Any = self.vae.decode(unscaled, num_frames=len(unscaled))
        return (decoded.sample.float() / 2 + 0.5).clamp(0, 1).to(latents.device)

    def token(self, picture: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 1 D"]:
        """The reference picture as a token for cross-attention."""
        if isinstance(self.image_encoder, ReferenceToken):
            return self.image_encoder(picture * 2 - 1)
        device, dtype = _home(self.image_encoder)
        clip: Any = self.image_encoder
        seen = clip_picture(picture[:, :3].float(), clip.config.image_size).to(device, dtype)
        return clip(seen).image_embeds[:, None]

    # ----------------------------------------------------------------- denoising

    def cue_features(
        self,
        normals: Float[Tensor, "B F C H W"],
        cue_latents: Float[Tensor, "B F K h w"],
    ) -> Float[Tensor, "BF c0 h w"]:
        """``C_nerf + C_smpl`` of the paper: what is added behind the UNet's first convolution."""
        return self.pose_net(normals) + self.nerf_net(cue_latents)

    def forward(
        self,
        noisy: Float[Tensor, "B F K h w"],
        timesteps: Float[Tensor, "..."],
        reference_latents: Float[Tensor, "B K h w"],
        token: Float[Tensor, "B 1 D"],
        features: Float[Tensor, "BF c0 h w"],
        labels: Float[Tensor, "B 2"],
        images: bool = False,
    ) -> Float[Tensor, "B F K h w"]:
        """The UNet's output (what it means is the objective's matter).

        Args:
            noisy: scaled noisy latents, as the objective or the scheduler gives them.
            timesteps: likewise; one for all, or one per clip.
            reference_latents: unscaled; zeros for the unconditioned output.
            token: from :meth:`token`; zeros for the unconditioned output.
            features: from :meth:`cue_features`; the same for the unconditioned output.
            labels: from :func:`mode_labels`, one row per clip.
            images: frames are separate pictures; no temporal layer runs.
        """
        beside = reference_latents[:, None].expand(-1, noisy.shape[1], -1, -1, -1)
        ids = noisy.new_tensor(self.config.time_ids).expand(len(noisy), -1)
        return self.unet(
            torch.cat([noisy, beside], 2), timesteps, token, ids,
            class_labels=labels.to(noisy.dtype), cues=features, images=images,
        ).sample


def mode_labels(modes: list[str]) -> Float[Tensor, "B 2"]:
    """The switch for clips of these modes, ``view`` or ``pose``."""
    return torch.tensor([MODES[mode] for mode in modes])


def _home(network: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Device and number type of a network's weights."""
    first = next(network.parameters())
    return first.device, first.dtype


def _mode(vae: Any, pictures: Tensor) -> Tensor:
    """The most likely latents of pictures in [-1, 1]."""
    return vae.encode(pictures).latent_dist.mode()
