"""The video model of ReImagine's small sizes, for latents of the method and for any pictures."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.methods.reimagine.networks import ReImagineNetworks
from muybridge.sampling import Refinement, SpectralTemporalRefiner
from muybridge.sampling.video_models import WanVideo, fitted


def knows_video(networks: ReImagineNetworks) -> bool:
    """Whether there is a video model that was trained; an untrained one says nothing but zero."""
    return networks.video is not None and bool(networks.video.proj_out.weight.any())


def video_model(networks: ReImagineNetworks) -> WanVideo:
    """The small Wan with the one prompt that it knows.

    Raises:
        InputError: these networks have none, or it was never trained.
    """
    if networks.video is None or not knows_video(networks):
        raise InputError(
            f"reimagine-{networks.config.size}", "video",
            f"these networks have no video model{' that was trained' * bool(networks.video)}",
            "train its stage, give a folder with Wan or Stable Video Diffusion, or refine=none",
        )
    with torch.no_grad():
        text, _ = networks.prompt(1)
    return WanVideo(networks.video, text, networks.config.window)


def refiner(
    networks: ReImagineNetworks, settings: Refinement | str | None = None
) -> SpectralTemporalRefiner:
    """What refines scaled latents of a video of the per-frame stage.

    Args:
        networks: of a small size.
        settings: a preset's name, or settings; the size's own preset by default.

    Raises:
        InputError: the networks have no video model, or there is no such preset.
    """
    config = networks.config
    made = SpectralTemporalRefiner(video_model(networks), settings or config.refine)
    if made.settings.overlap is None:
        most = min(made.settings.window or config.window, config.window)
        made = SpectralTemporalRefiner(
            made.model, made.settings, overlap=min(config.overlap, most - 1)
        )
    return made


class SmallTools:
    """A small size's video model and autoencoder; a
    :class:`~muybridge.sampling.video_models.VideoTools`.

    Args:
        networks: of a small size.

    Raises:
        InputError: they have no video model.
    """

    compression = 1

    def __init__(self, networks: ReImagineNetworks) -> None:
        self.networks = networks
        self._model = video_model(networks)

    @property
    def name(self) -> str:
        """See :class:`~muybridge.sampling.video_models.VideoTools`."""
        return f"reimagine-{self.networks.config.size}"

    @property
    def frames(self) -> int:
        """Pictures that go through the model together."""
        return self.networks.config.window

    @property
    def channels(self) -> int:
        """4: RGB premultiplied over black, and matte."""
        return self.networks.config.picture_channels

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        """Height and width at which it sees pictures of this size."""
        config = self.networks.config
        return fitted(height, width, config.width * config.height, 2 * config.latent_patch)

    def encode(self, pictures: Float[Tensor, "T C H W"]) -> Float[Tensor, "T K h w"]:
        """Scaled latents of pictures."""
        return self.networks.encode(pictures)

    def decode(self, latents: Float[Tensor, "T K h w"]) -> Float[Tensor, "T C H W"]:
        """Pictures of scaled latents."""
        return self.networks.decode(latents)

    def model(self, pictures: Float[Tensor, "T C H W"]) -> WanVideo:
        """The model; it is told of no picture."""
        return self._model
