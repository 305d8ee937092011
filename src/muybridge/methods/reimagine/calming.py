"""Which video model calms a sequence: the networks' own small one, or HVG's."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.methods.hvg.checkpoints import is_hvg_folder
from muybridge.methods.hvg.pipeline import HvgPipeline
from muybridge.methods.hvg.pipeline import load as load_hvg
from muybridge.methods.hvg.spec import SPEC as HVG_SPEC
from muybridge.methods.reimagine.config import TOLD
from muybridge.methods.reimagine.hvg_video import HvgRefiner
from muybridge.methods.reimagine.networks import ReImagineNetworks
from muybridge.methods.reimagine.small_video import knows_video, refiner
from muybridge.methods.reimagine.spans import refine_views
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.sampling import PRESETS, Refinement
from muybridge.sampling.refine import StepsDone

NONE = "none"
"""In place of a preset's name: pictures stay as the per-frame stage painted them."""
OWN, HVG = "own", "hvg"
"""Video models: the networks' own; HVG's of its smallest size."""


@runtime_checkable
class Calming(Protocol):
    """Calms the latents of a video.

    Attributes:
        settings: how.
        kept_bytes: that it keeps of each picture, beside the latents.
    """

    settings: Refinement

    @property
    def kept_bytes(self) -> int: ...

    def __call__(
        self, latents: Float[Tensor, "V T K h w"], person: Person, motion: Motion,
        cameras: Cameras, seed: int, callback: StepsDone,
    ) -> None: ...


class OwnCalming:
    """By the networks' own video model, which is told of nothing but the latents.

    Args:
        networks: of a small size.
        settings: a preset's name, or settings; the size's own preset by default.

    Raises:
        InputError: there is no trained video model, or no such preset.
    """

    kept_bytes = 0

    def __init__(
        self, networks: ReImagineNetworks, settings: Refinement | str | None = None
    ) -> None:
        self._refiner = refiner(networks, settings)
        self._networks = networks
        self.settings = self._refiner.settings

    def __call__(
        self, latents: Float[Tensor, "V T K h w"], person: Person, motion: Motion,
        cameras: Cameras, seed: int, callback: StepsDone,
    ) -> None:
        """Refine in place; arguments as for :class:`HvgCalming`."""
        place = next(self._networks.transformer.parameters()).device
        refine_views(self._refiner, latents, seed=seed, place=place, callback=callback)


class HvgCalming:
    """By HVG's network, which knows the person, the motion and the cameras.

    It has latents of its own; what it changes in the pictures is added to the latents here, so
    that what it leaves alone stays as it was, bit for bit.

    Args:
        networks: of a small size.
        refiner: HVG's.
    """

    def __init__(self, networks: ReImagineNetworks, refiner: HvgRefiner) -> None:
        self._networks, self._refiner = networks, refiner
        self.settings = refiner.settings

    @property
    def kept_bytes(self) -> int:
        """See :class:`Calming`."""
        return self._refiner.kept_bytes

    @torch.no_grad()
    def __call__(
        self, latents: Float[Tensor, "V T K h w"], person: Person, motion: Motion,
        cameras: Cameras, seed: int, callback: StepsDone,
    ) -> None:
        """Refine in place.

        Args:
            latents: scaled; changed.
            person, motion, cameras: of the video.
            seed: of the noise.
            callback: told of (steps done, steps).
        """
        def shown(view: int, start: int, stop: int) -> Tensor:
            return self._networks.decode(latents[view, start:stop])

        for view, first, before, after in self._refiner.pieces(
            person, motion, cameras, shown, seed=seed, callback=callback
        ):
            change = self._networks.encode(after) - self._networks.encode(before)
            latents[view, first : first + len(after)] += change.to(latents)


def chosen_calming(
    networks: ReImagineNetworks, asked: Refinement | str | None = None,
    video: str | Path | None = None,
) -> Calming | None:
    """What is asked for; ``None`` where pictures stay as they are.

    Args:
        networks: of a small size.
        asked: a preset's name, settings, or ``none``; what suits the video model by default.
        video: ``own``, the networks' own; ``hvg``, ``hvg-nano`` and the like; or a folder of
            HVG's. By default the size's: small ones are refined by HVG. Networks whose own
            video model is absent or untrained are refined where that is asked for only.

    Raises:
        InputError: there is no such preset, or no video model that was asked for.
        MissingWeights: HVG's are not on this machine.
    """
    if asked == NONE:
        return None
    if isinstance(asked, str) and asked not in PRESETS:
        raise InputError(
            "refine", "", f"there is no {asked!r}", "use " + ", ".join((*PRESETS, NONE))
        )
    if video is None and asked is None and not knows_video(networks):
        return None
    if video is None:
        video = networks.config.refine_with if asked in (None, TOLD) else OWN
    if video == OWN:
        return OwnCalming(networks, asked)
    return HvgCalming(networks, HvgRefiner(_hvg(networks, str(video)), asked or TOLD))


def _hvg(networks: ReImagineNetworks, name: str) -> HvgPipeline:
    """HVG's pipeline of a size or of a folder, where the networks are."""
    method, _, size = name.partition("-")
    device = next(networks.transformer.parameters()).device.type
    if method == HVG:
        made = HVG_SPEC.load(HVG_SPEC.size(size).name, device=device, detail=False)
    elif is_hvg_folder(Path(name)):
        made = load_hvg(name, device=device, detail=False)
    else:
        raise InputError(
            "video", "", f"{name} is no video model for this",
            f"use {OWN}, {HVG}, or a folder of HVG's weights",
        )
    assert isinstance(made, HvgPipeline)
    return made
