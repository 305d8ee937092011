"""All networks of a size of HVG, and what each of them does to pictures and latents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.methods.hvg.config import HvgConfig
from muybridge.networks.linear_autoencoder import LinearAutoencoder
from muybridge.networks.pictures import Autoencoder, PictureNetworks
from muybridge.networks.pose_modulator import PoseModulator
from muybridge.networks.reference_net import ReferenceNet
from muybridge.networks.reference_token import ReferenceToken
from muybridge.networks.video_init import zero_linear, zero_temporal_outputs
from muybridge.networks.video_unet import HumanVideoUNet
from muybridge.networks.view_attention import zero_view_outputs
from muybridge.sampling import EdmObjective, ResidualFlow


@dataclass(frozen=True)
class Reference:
    """What is known of ``R`` people from a picture each; made once for a video.

    Attributes:
        latents: unscaled; concatenated with the noisy ones.
        token: for cross-attention.
        bank: states for the spatial attention, by its name.
    """

    latents: Float[Tensor, "R K h w"]
    token: Float[Tensor, "R 1 D"]
    bank: Mapping[str, Tensor] = field(default_factory=dict)

    def without(self) -> Reference:
        """Nothing known: zero latents, a zero token, nothing to look at."""
        return Reference(torch.zeros_like(self.latents), torch.zeros_like(self.token))

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Reference:
        """The same elsewhere, or in other numbers."""
        return Reference(
            self.latents.to(device, dtype), self.token.to(device, dtype),
            {name: states.to(device, dtype) for name, states in self.bank.items()},
        )


class HvgNetworks(PictureNetworks):
    """The networks as one module; also what is trained.

    Pictures have the config's ``picture_channels``. Grids are views x frames, whole or a window.

    Attributes:
        config: the size.
        unet, pose_modulator, reference_net: trained; the last may be ``None``.
        vae: frozen.
        image_encoder: a ``ReferenceToken`` (trained) or CLIP's vision model (frozen).
    """

    def __init__(
        self,
        config: HvgConfig,
        unet: HumanVideoUNet,
        pose_modulator: PoseModulator,
        reference_net: ReferenceNet | None,
        vae: Autoencoder,
        image_encoder: nn.Module,
    ) -> None:
        super().__init__()
        self.config = config
        self.unet = unet
        self.pose_modulator = pose_modulator
        self.reference_net = reference_net
        self._use(vae, image_encoder)

    @staticmethod
    def new(config: HvgConfig, vae: LinearAutoencoder, seed: int = 0) -> HvgNetworks:
        """Untrained networks of a small size.

        Their output is zero, every temporal layer is the identity (see
        :func:`muybridge.networks.video_init.zero_temporal_outputs`), and so are the layers
        across views.

        Args:
            config: ``NANO`` or ``TINY``, or another with linear latents.
            vae: fitted on pictures.
            seed: of the weights. The global random state is left as it was.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            unet = HumanVideoUNet(**config.unet)
            networks = HvgNetworks(
                config, unet, PoseModulator(**config.pose_modulator),
                ReferenceNet(**config.reference_net) if config.reference_net else None, vae,
                ReferenceToken(**config.reference_token),
            )
        zero_linear(unet.conv_out)
        zero_temporal_outputs(unet)
        zero_view_outputs(unet)
        return networks

    def objective(self) -> ResidualFlow | EdmObjective:
        """What the networks are trained for, and the scheduler that fits."""
        return ResidualFlow() if self.config.objective == "residual" else EdmObjective()

    def reference(
        self, picture: Float[Tensor, "R C H W"], latents: Float[Tensor, "R K h w"] | None = None
    ) -> Reference:
        """Encode reference pictures in [0, 1], with the pelvis where the video has it.

        Args:
            picture: over black.
            latents: of these, unscaled, where they are known already.
        """
        weight = self.unet.conv_in.weight
        seen = self.encode(picture) if latents is None else latents
        seen, token = seen.to(weight.dtype), self.token(picture).to(weight.dtype)
        bank = {} if self.reference_net is None else self.reference_net(seen, token)
        return Reference(seen, token, bank)

    def pose_features(self, pose: Float[Tensor, "*lead C H W"]) -> Float[Tensor, "N c0 h w"]:
        """What is added behind the UNet's first convolution; noise plays no part in it.

        Args:
            pose: the config's ``maps``, one behind the other, in [0, 1] over 0.
        """
        return self.pose_modulator(pose)

    def forward(
        self,
        noisy: Float[Tensor, "B V T K h w"],
        timesteps: Float[Tensor, "..."],
        reference: Reference,
        features: Float[Tensor, "..."],
        rotations: Float[Tensor, "B V T 3 3"],
        images: bool | None = None,
        apart: bool = False,
    ) -> Float[Tensor, "B V T K h w"]:
        """The UNet's output (what it means is the objective's matter).

        Args:
            noisy: scaled noisy latents, as the objective or the scheduler gives them.
            timesteps: likewise; one for all, or one per sample.
            reference: a row per sample, or one for all.
            features: from :meth:`pose_features`, of the pictures in the order of ``noisy``.
            rotations: of the cameras, against one camera for the whole video
                (:func:`muybridge.networks.camera_embedding.relative_rotations`).
            images: frames are separate pictures and no temporal layer runs; by default where
                there is one frame.
            apart: views are separate pictures and no layer across views runs.
        """
        samples, views, frames = noisy.shape[:3]
        latents = reference.latents.expand(samples, -1, -1, -1)[:, None, None]
        both = torch.cat([noisy, latents.expand(-1, views, frames, -1, -1, -1)], 3)
        token = reference.token.expand(samples, -1, -1).repeat_interleave(views, 0)
        ids = noisy.new_tensor(self.config.time_ids).expand(len(token), -1)
        if timesteps.ndim == 1 and len(timesteps) > 1:
            timesteps = timesteps.repeat_interleave(views)
        output = self.unet(
            both.flatten(0, 1), timesteps, token, ids, cues=features,
            images=frames == 1 if images is None else images, views=1 if apart else views,
            rotations=rotations.flatten(0, 1), bank=reference.bank,
        ).sample
        return output.unflatten(0, (samples, views))

    def model_output(
        self,
        output: Float[Tensor, "B V T K h w"],
        base: Float[Tensor, "B V T K h w"] | None = None,
    ) -> Float[Tensor, "B V T K h w"]:
        """What the scheduler calls the model output.

        Args:
            output: from :meth:`forward`.
            base: scaled latents that the output of the residual objective is a change of; zeros
                where left out. Training gives the same to the objective as ``cue``.
        """
        return output if base is None or self.config.objective != "residual" else output + base
