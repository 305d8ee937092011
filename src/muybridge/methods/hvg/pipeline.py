"""HVG's pipeline: a reference and bone maps in; frames of any size out.

Bone maps are made in blocks of frames of fixed length. They, or what the network makes of them,
are kept in a file; the sampler makes the latents of the whole video from them (see
:mod:`muybridge.methods.latent`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.camera.crop import Crop
from muybridge.camera.ring import ring_of
from muybridge.methods.avatar.scene import AvatarScene
from muybridge.methods.cropped import BLOCK
from muybridge.methods.hvg.checkpoints import load as load_networks
from muybridge.methods.hvg.checkpoints import save
from muybridge.methods.hvg.conditions import (
    aligned_reference,
    camera_rotations,
    crop_of_video,
    pose_maps,
)
from muybridge.methods.hvg.diffuse import Conditions, Settings, sample
from muybridge.methods.hvg.networks import HvgNetworks
from muybridge.methods.hvg.spec import SPEC
from muybridge.methods.latent import LatentPipeline, Prepared
from muybridge.methods.loading import checked_steps, chosen_device, chosen_dtype, folder_of
from muybridge.methods.pipeline import Tell
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.sampling import DiskGrids

_PREPARING = 0.2
"""Share of the time before the first frame that bone maps take, roughly."""

_SMALL = 256
"""Height of the networks' pictures, pixels, up to which features of maps are kept."""


class HvgPipeline(LatentPipeline):
    """Views x frames of a person in any motion, from one picture.

    Args:
        networks: of a size.
        size: its name.
        detail: whether the avatar's fine detail is returned to enlarged results.
        settings: of the sampler.
    """

    spec = SPEC
    before = 0.7

    def __init__(
        self, networks: HvgNetworks, size: str, *, detail: bool = True,
        settings: Settings | None = None,
    ) -> None:
        self.networks: HvgNetworks = networks
        self.size, self.detail = size, detail
        self.settings = settings or Settings()
        pixels = networks.config.width * networks.config.height
        latents = networks.config.latent_channels * pixels // networks.patch**2
        features = 2 * networks.config.unet["block_out_channels"][0] * pixels // networks.patch**2
        maps = networks.config.pose_channels * pixels
        self.kept_bytes = 5 * 4 * latents + (features if self._keeps_features else maps)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the networks as a folder that :func:`muybridge.load` reads.

        Raises:
            InputError: the folder holds something else.
        """
        save(self.networks, Path(folder))

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> HvgPipeline:
        """The pipeline of a folder of weights.

        Raises:
            InputError: the folder does not hold them whole.
        """
        return load(str(folder), **options)

    def prepare(
        self, person: Person, motion: Motion, cameras: Cameras, seed: int, tell: Tell
    ) -> Prepared:
        """See :meth:`LatentPipeline.prepare`."""
        config = self.networks.config
        crop = crop_of_video(person, motion, cameras, config.width, config.height)
        files = DiskGrids()
        conditions = self.conditions(person, motion, crop, files, tell)

        def stepped(done: int, steps: int, _: Tensor) -> None:
            before = _PREPARING + (1 - _PREPARING) * done / steps
            tell(min(1.0, before), f"step {done} of {steps}")

        latents = sample(
            self.networks, conditions, seed=seed, settings=self.settings, callback=stepped
        )
        return Prepared(crop, AvatarScene.of(person, motion), latents)

    def conditions(
        self, person: Person, motion: Motion, crop: Crop, files: DiskGrids, tell: Tell
    ) -> Conditions:
        """What the network is told of a video: the reference, and the maps of all frames.

        Args:
            person, motion: of the video.
            crop: around the person, in all views and frames.
            files: where the maps lie meanwhile.
            tell: of the progress.
        """
        networks, cameras = self.networks, crop.cameras
        config, device = networks.config, next(networks.unet.parameters()).device
        kept = self._room(files, cameras.views, motion.frames)
        for first in range(0, motion.frames, BLOCK):
            last = min(first + BLOCK, motion.frames)
            tell(_PREPARING * first / motion.frames, f"bone maps of frame {first + 1}")
            posed = person.shaped.pose(motion.slice(first, last))
            maps = pose_maps(posed, cameras.slice(first, last), config.maps)
            if self._keeps_features:
                for view, shown in enumerate(maps):
                    with torch.no_grad():
                        made = networks.pose_features(shown.to(device, networks.unet.dtype))
                    kept[view, first:last] = made.to(kept)
            else:
                kept[:, first:last] = (maps * 255).round().to(torch.uint8)
        start = person.shaped.pose(motion.slice(0, 1))
        reference = aligned_reference(person, start, crop)
        rotations = camera_rotations(
            cameras, start, reference.cameras, person.shaped.pose(reference.motion)
        )
        with torch.no_grad():
            picture = reference.picture[None, : config.picture_channels].to(device)
            encoded = networks.reference(picture)
        ring = ring_of(cameras, start.joints[0, 0])
        if self._keeps_features:
            return Conditions(encoded, None, rotations, ring, kept)
        return Conditions(encoded, kept, rotations, ring)

    @property
    def _keeps_features(self) -> bool:
        """Whether the features of maps are kept, not the maps; large ones take more room."""
        return bool(self.networks.config.height <= _SMALL)

    def _room(self, files: DiskGrids, views: int, frames: int) -> Tensor:
        """A file for the maps of a video, as bytes, or for their features."""
        config, patch = self.networks.config, self.networks.patch
        width, height = config.width, config.height
        if self._keeps_features:
            channels = config.unet["block_out_channels"][0]
            shape = (views, frames, channels, height // patch, width // patch)
            return files.zeros(shape, torch.float16)
        shape = (views, frames, config.pose_channels, height, width)
        return files.zeros(shape, torch.uint8)


def load(
    size_or_path: str = "nano", *, detail: bool = True, device: str | None = None,
    dtype: str | None = None, num_inference_steps: int | None = None,
    guidance_scale: float | None = None, looks: str = "both",
) -> HvgPipeline:
    """HVG's pipeline of a size, or of a folder of weights.

    Args:
        size_or_path: ``nano``, ``tiny``, ``paper``, or a folder.
        detail: see :class:`HvgPipeline`.
        device: ``cpu`` or ``cuda``; a GPU where there is one.
        dtype: of the weights, such as ``float16``.
        num_inference_steps: of the sampler.
        guidance_scale: how strongly the reference is followed; 1 is without guidance.
        looks: ``both`` (each step along time and around), ``turns``, ``time`` or ``around``.

    Raises:
        InputError: an option is out of range, or the folder does not hold the weights whole.
        MissingWeights: the size's weights are not on this machine.
    """
    settings = Settings(
        steps=checked_steps(num_inference_steps), looks=looks,
        guidance=None if guidance_scale is None else float(guidance_scale),
    )
    folder, size = folder_of(SPEC, size_or_path)
    networks = load_networks(folder, chosen_dtype(dtype))
    networks.requires_grad_(False)
    networks.to(chosen_device(device))
    return HvgPipeline(networks, size, detail=detail, settings=settings)
