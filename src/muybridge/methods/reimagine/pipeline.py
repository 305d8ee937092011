"""ReImagine's pipeline: front, back and normals in; frames of any size out.

Normals are made in blocks of frames of fixed length and kept in a file; every picture is sampled
by itself; then a video model calms the latents of each view, some windows at a time (see
:mod:`muybridge.methods.latent` for the rest).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from muybridge.camera import Cameras
from muybridge.camera.crop import Crop
from muybridge.errors import InputError
from muybridge.methods.avatar.scene import AvatarScene
from muybridge.methods.cropped import BLOCK
from muybridge.methods.hvg.conditions import crop_of_video
from muybridge.methods.latent import LatentPipeline, Prepared
from muybridge.methods.loading import checked_steps, chosen_device, chosen_dtype, folder_of
from muybridge.methods.pipeline import Tell
from muybridge.methods.reimagine.along_body import chosen_following
from muybridge.methods.reimagine.calming import HvgCalming, chosen_calming
from muybridge.methods.reimagine.checkpoints import load as load_networks
from muybridge.methods.reimagine.checkpoints import save
from muybridge.methods.reimagine.conditions import (
    shown_side,
    sides_of,
    turn_to_front,
    world_normals,
)
from muybridge.methods.reimagine.diffuse import Conditions, sample
from muybridge.methods.reimagine.networks import ReImagineNetworks
from muybridge.methods.reimagine.spec import SPEC
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.sampling import DiskGrids, Refinement

_PREPARING, _PAINTING, _FOLLOWING = 0.1, 0.45, 0.9
"""Shares of the time before the first frame at which normals, pictures and the video model are
done, roughly; pictures are the last where nothing is calmed."""


class ReImaginePipeline(LatentPipeline):
    """A person in any motion and view, from one or two pictures.

    Args:
        networks: of a size.
        size: its name.
        references: 1 leaves the back out where there is one.
        steps: of the per-frame sampler; the size's own by default.
        control: how strongly the normals steer; 1 is the release's.
        refine: how the sequence is calmed: a preset (``told``, ``faithful``, ``steady``,
            ``paper``, ``strong``), settings, or ``none``. By default what suits the video model,
            or none where there is no trained one. A single frame is never refined.
        video: the video model that does it: ``own``, ``hvg``, or a folder of HVG's weights; see
            :func:`muybridge.methods.reimagine.calming.chosen_calming`.
        follow: over so many frames before and behind, what is painted is averaged along the
            body's surface in the end (:mod:`muybridge.methods.reimagine.along_body`), 0 to 8;
            by default over one where HVG's network calms, else over none.
        detail: whether the avatar's fine detail is returned to enlarged results.

    Raises:
        InputError: an option is out of range, or there is no video model for the preset.
    """

    spec = SPEC
    before = 0.8

    def __init__(
        self, networks: ReImagineNetworks, size: str, *, references: int = 2,
        steps: int | None = None, control: float = 1.0,
        refine: Refinement | str | None = None, video: str | Path | None = None,
        follow: int | None = None, detail: bool = True,
    ) -> None:
        if references not in (1, 2):
            raise InputError("references", "", f"can't be {references}", "use 1 or 2")
        if not 0 <= control <= 2:
            raise InputError("controlnet_conditioning_scale", "", f"is {control}", "give 0 to 2")
        self.networks: ReImagineNetworks = networks
        self.size, self.detail = size, detail
        self.references, self.steps, self.control = references, steps, control
        self.calming = chosen_calming(networks, refine, video)
        self.following = chosen_following(networks, follow, isinstance(self.calming, HvgCalming))
        config = networks.config
        pixels = config.width * config.height
        latents = config.latent_channels * pixels // networks.patch**2
        self.kept_bytes = 2 * 4 * latents + config.picture_channels * pixels
        if self.calming is not None:
            self.kept_bytes += self.calming.kept_bytes

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the networks as a folder that :func:`muybridge.load` reads.

        Raises:
            InputError: the folder holds something else.
        """
        save(self.networks, Path(folder))

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> LatentPipeline:
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
        given = self._conditions(person, motion, crop, files, tell)

        calm = self.calming is not None or self.following is not None
        end = _PAINTING if calm and motion.frames > 1 else 1.0

        def painted(done: int, of: int) -> None:
            share = _PREPARING + (end - _PREPARING) * done / of
            tell(share, f"picture {done} of {of}")

        latents = sample(
            self.networks, given, seed=seed, steps=self.steps, scale=self.control,
            callback=painted,
        )
        if self.calming is not None and motion.frames > 1:

            calm_by = 1.0 if self.following is None else _FOLLOWING

            def calmed(done: int, of: int) -> None:
                share = end + (calm_by - end) * done / of
                tell(min(1.0, share), f"refinement, step {done} of {of}")

            self.calming(latents, person, motion, cameras, seed, calmed)
        if self.following is not None and motion.frames > 1:

            def followed(done: int, of: int) -> None:
                tell(_FOLLOWING + (1 - _FOLLOWING) * done / of, "following the surface")

            self.following(latents, person, motion, crop.cameras, followed)
        return Prepared(crop, AvatarScene.of(person, motion), latents)

    def _conditions(
        self, person: Person, motion: Motion, crop: Crop, files: DiskGrids, tell: Tell
    ) -> Conditions:
        """The reference, and block by block the normals of the whole video."""
        config, cameras = self.networks.config, crop.cameras
        device = next(self.networks.transformer.parameters()).device
        first_body = person.shaped.pose(motion.slice(0, 1))
        turn = turn_to_front(first_body)
        normals = files.zeros(
            (cameras.views, motion.frames, 4, config.height, config.width), torch.uint8
        )
        for first in range(0, motion.frames, BLOCK):
            last = min(first + BLOCK, motion.frames)
            tell(_PREPARING * first / motion.frames, f"normals of frame {first + 1}")
            posed = person.shaped.pose(motion.slice(first, last))
            shown = world_normals(posed, cameras.slice(first, last), turn)
            normals[:, first:last] = (shown * 255).round().to(torch.uint8)
        sides = sides_of(person, first_body, crop, self.references)
        with torch.no_grad():
            reference = self.networks.reference(
                sides.pictures[None].to(device), sides.normals[None].to(device)
            )
        return Conditions(reference, normals, shown_side(cameras, motion, sides.known))


def load(
    size_or_path: str = "nano", *, references: int = 2, lora: bool | str | Path = True,
    detail: bool = True, device: str | None = None, dtype: str | None = None,
    num_inference_steps: int | None = None, controlnet_conditioning_scale: float = 1.0,
    refine: str | None = None, video: str | Path | None = None, follow: int | None = None,
    kontext: str | Path | None = None, controlnet: str | Path | None = None, **real: Any,
) -> LatentPipeline:
    """ReImagine's pipeline of a size, of a folder of weights, or of the real parts.

    Args:
        size_or_path: ``nano``, ``tiny``, or a folder.
        references: 1 leaves the back out where there is one.
        lora: merge the folder's LoRA; of the real parts, a file.
        detail: see :class:`ReImaginePipeline`.
        device: ``cpu`` or ``cuda``; a GPU where there is one.
        dtype: of the weights, such as ``float16``.
        num_inference_steps: of the per-frame sampler.
        controlnet_conditioning_scale: how strongly the normals steer.
        refine: ``told``, ``faithful``, ``steady``, ``paper``, ``strong`` or ``none``; see
            :class:`ReImaginePipeline`.
        video: ``own``, ``hvg``, or a folder of HVG's weights; see there.
        follow: frames before and behind that are averaged along the body's surface; see there.
        kontext, controlnet: folders of the real parts; these and ``real``:
            see :func:`muybridge.methods.reimagine.real.load_real`.

    Raises:
        InputError: an option is unknown or out of range, the folder does not hold the weights
            whole, or there is no video model for a preset that is asked for.
        MissingWeights: the size's weights are not on this machine.
    """
    if size_or_path == "paper" or kontext or controlnet:
        from muybridge.methods.reimagine.real import load_real

        if video is not None or follow is not None:
            raise InputError(
                "follow" if video is None else "video", "", "calms the small sizes",
                "use muybridge refine on the finished video",
            )
        return load_real(
            kontext=kontext, controlnet=controlnet, lora=lora, device=device, dtype=dtype,
            num_inference_steps=num_inference_steps, references=references, detail=detail,
            control=controlnet_conditioning_scale, refine=refine, **real,
        )
    if real or not isinstance(lora, bool):
        name = next(iter(real), "lora")
        raise InputError(name, "", "is an option of the real parts", "give kontext, or leave it")
    folder, size = folder_of(SPEC, size_or_path)
    networks = load_networks(folder, chosen_dtype(dtype), lora=lora)
    networks.requires_grad_(False)
    networks.to(chosen_device(device))
    return ReImaginePipeline(
        networks, size, references=references, steps=checked_steps(num_inference_steps),
        control=controlnet_conditioning_scale, refine=refine, video=video,
        follow=follow, detail=detail,
    )
