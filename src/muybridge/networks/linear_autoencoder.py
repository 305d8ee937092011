"""An autoencoder in closed form: principal components of small patches.

At nano size a trained VAE costs more than it gives (a few components of 4x4 patches beat it);
this one is fitted in seconds, costs next to nothing to run and has the interface of diffusers'
``AutoencoderKLTemporalDecoder`` as far as pipelines use it.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.vae import DecoderOutput, DiagonalGaussianDistribution
from diffusers.models.modeling_outputs import AutoencoderKLOutput
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.errors import InputError


class LinearAutoencoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Patches of ``patch x patch`` pixels projected on ``latent_channels`` components.

    Latent zero is a patch of the value ``ground`` in all channels (-1: black, or nothing), so
    that what a convolution pads with is ground too. All latents are divided by one number, so
    that their root mean square is 1 and the components keep their relative sizes;
    ``config.scaling_factor`` is therefore 1.

    Attributes:
        components: orthonormal rows, by falling variance; each one's largest entry is positive.
        deviation: what projections are divided by.
    """

    components: Float[Tensor, "K P"]
    deviation: Float[Tensor, ""]

    @register_to_config
    def __init__(
        self,
        in_channels: int = 4,
        patch: int = 4,
        latent_channels: int = 20,
        ground: float = -1.0,
        scaling_factor: float = 1.0,
    ) -> None:
        super().__init__()
        size = in_channels * patch * patch
        if not 1 <= latent_channels <= size:
            raise ValueError(f"{latent_channels} latent channels; a patch has {size} numbers")
        self.components = nn.Parameter(torch.eye(latent_channels, size), requires_grad=False)
        self.deviation = nn.Parameter(torch.ones(()), requires_grad=False)

    @classmethod
    def fit(
        cls,
        pictures: Float[Tensor, "N C H W"] | Iterable[Float[Tensor, "N C H W"]],
        patch: int = 4,
        latent_channels: int = 20,
        ground: float = -1.0,
    ) -> LinearAutoencoder:
        """The autoencoder that keeps most of these pictures; the same for the same pictures.

        Args:
            pictures: all at once, or in batches; values in [-1, 1], sides multiples of ``patch``.
            patch, latent_channels, ground: see the class.

        Raises:
            InputError: there are no pictures, sides don't fit the patches, a number is not
                finite, or the pictures are all ground.
        """
        total: Tensor | None = None
        patches = 0
        channels = 0
        for batch in [pictures] if isinstance(pictures, Tensor) else pictures:
            rows = _patches(batch, patch, ground).double()
            channels, patches = batch.shape[1], patches + len(rows)
            moment = rows.T @ rows
            total = moment if total is None else total + moment
        if total is None or patches == 0:
            raise InputError("pictures", "", "there are none", "give at least one")
        if not bool(torch.isfinite(total).all()):
            raise InputError("pictures", "", "a number is not finite", "check the pictures")
        values, vectors = torch.linalg.eigh(total / patches)
        kept = vectors.flip(1)[:, :latent_channels].T
        largest = kept.gather(1, kept.abs().argmax(1, keepdim=True))
        kept = kept * torch.where(largest < 0, -1.0, 1.0)
        square = float(values.flip(0)[:latent_channels].clamp(min=0).mean())
        if square < 1e-12:
            raise InputError("pictures", "", "hold nothing but ground", "give pictures of people")
        network = cls(
            in_channels=channels, patch=patch, latent_channels=latent_channels, ground=ground
        )
        network.components.copy_(kept.float())
        network.deviation.fill_(square**0.5)
        return network.eval()

    def project(self, pictures: Float[Tensor, "N C H W"]) -> Float[Tensor, "N K h w"]:
        """Latents of pictures in [-1, 1]."""
        offset = pictures.to(self.components.dtype) - self.config["ground"]
        return F.conv2d(offset, self._kernels(), stride=self.config["patch"]) / self.deviation

    def restore(self, latents: Float[Tensor, "N K h w"]) -> Float[Tensor, "N C H W"]:
        """Pictures of latents, not clamped."""
        projected = latents.to(self.components.dtype) * self.deviation
        pictures = F.conv_transpose2d(projected, self._kernels(), stride=self.config["patch"])
        return pictures + self.config["ground"]

    def encode(
        self, x: Float[Tensor, "N C H W"], return_dict: bool = True
    ) -> AutoencoderKLOutput | tuple[DiagonalGaussianDistribution]:
        """:meth:`project` as a distribution without spread: ``.latent_dist.mode()``."""
        mean = self.project(x)
        latents = DiagonalGaussianDistribution(
            torch.cat([mean, torch.zeros_like(mean)], 1), deterministic=True
        )
        return AutoencoderKLOutput(latent_dist=latents) if return_dict else (latents,)

    def decode(
        self, z: Float[Tensor, "N K h w"], num_frames: int = 1, return_dict: bool = True
    ) -> DecoderOutput | tuple[Tensor]:
        """:meth:`restore` in ``.sample``; ``num_frames`` changes nothing here."""
        pictures = self.restore(z)
        return DecoderOutput(sample=pictures) if return_dict else (pictures,)

    def forward(self, sample: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        """Pictures after encoding and decoding."""
        return self.restore(self.project(sample))

    def _kernels(self) -> Float[Tensor, "K C p p"]:
        """The components as the kernels of a convolution."""
        patch = self.config["patch"]
        return self.components.unflatten(1, (self.config["in_channels"], patch, patch))


def _patches(pictures: Tensor, patch: int, ground: float) -> Float[Tensor, "M P"]:
    """All patches as rows, relative to the ground."""
    height, width = pictures.shape[-2:]
    if height % patch or width % patch:
        raise InputError(
            "pictures", "size", f"{width}x{height} is no multiple of {patch}", "crop or resize them"
        )
    return F.pixel_unshuffle(pictures.float() - ground, patch).permute(0, 2, 3, 1).flatten(0, 2)
