"""All networks of a size of GAS, and what each of them does to pictures and latents."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.methods.gas.config import MODES, GasConfig
from muybridge.networks.cue_encoders import NeRFNet, PoseNet
from muybridge.networks.linear_autoencoder import LinearAutoencoder
from muybridge.networks.pictures import Autoencoder, PictureNetworks
from muybridge.networks.reference_token import ReferenceToken
from muybridge.networks.video_init import zero_linear, zero_temporal_outputs
from muybridge.networks.video_unet import HumanVideoUNet
from muybridge.sampling import EdmObjective, ResidualFlow


class GasNetworks(PictureNetworks):
    """The networks as one module; also what is trained.

    Pictures have the config's ``picture_channels``.

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
        self._use(vae, image_encoder)
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
