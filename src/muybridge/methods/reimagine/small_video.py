"""The video model of ReImagine's small sizes, for latents of the method and for any pictures."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.methods.reimagine.networks import ReImagineNetworks
from muybridge.sampling import PRESETS, Refinement, SpectralTemporalRefiner, open_windows
from muybridge.sampling.video_models import WanVideo, fitted

NONE = "none"
"""In place of a preset's name: pictures stay as the per-frame stage painted them."""
_SPAN = 4
"""Windows of the video model whose latents are refined together."""


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


def chosen_refiner(
    networks: ReImagineNetworks, asked: Refinement | str | None = None
) -> SpectralTemporalRefiner | None:
    """What is asked for; ``None`` where pictures stay as they are.

    Args:
        networks: of a small size.
        asked: a preset's name, settings, or ``none``. By default the size's own preset, or none
            where there is no trained video model.

    Raises:
        InputError: there is no such preset, or a preset is asked for and there is no video model.
    """
    if asked == NONE or asked is None and not knows_video(networks):
        return None
    if isinstance(asked, str) and asked not in PRESETS:
        raise InputError(
            "refine", "", f"there is no {asked!r}", "use " + ", ".join((*PRESETS, NONE))
        )
    return refiner(networks, asked)


@torch.no_grad()
def refine_views(
    made: SpectralTemporalRefiner, latents: Float[Tensor, "V T K h w"], *, seed: int = 0,
    callback: Callable[[int, int], None] | None = None,
) -> None:
    """Refine every view of a video, in its place; a single frame stays as it is.

    Long videos are refined in spans, each of some windows. A span begins with the last frames
    of the one before, refined already and held, the more firmly the earlier they are; so
    memory is that of a span, and what was decided once is carried on.

    Args:
        made: from :func:`refiner`.
        latents: scaled; changed.
        seed: of the noise, which belongs to each (view, frame).
        callback: told of (steps done, steps) of all views.
    """
    views, frames = map(int, latents.shape[:2])
    if frames == 1:
        return
    model = made.model
    place = next(model.transformer.parameters()).device if isinstance(model, WanVideo) else "cpu"
    size = min(_SPAN * model.frames, frames)
    spans = open_windows(frames, size, min(made.settings.overlap or 0, size - 1)).items
    whole = views * len(spans) * made.settings.steps
    for view in range(views):
        known = 0
        for number, span in enumerate(spans):
            first, stop = span[0], span[-1] + 1
            before = (view * len(spans) + number) * made.settings.steps

            def stepped(done: int, of: int, before: int = before) -> None:
                if callback is not None:
                    callback(before + done, whole)

            given = latents[view : view + 1, first:stop].to(place)
            held = known - first
            pull = torch.zeros(stop - first)
            pull[:held] = 1 - torch.arange(held) / max(held, 1)
            refined = made(given, seed=seed, first=(view, first), pull=pull, callback=stepped)
            latents[view, first:stop] = refined[0].to(latents)
            known = stop


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
