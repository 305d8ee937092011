"""GAS's pipeline: reference, cues and normals in; frames of any size out.

Cues and normals are made in blocks of frames of fixed length and kept in files; the sampler
makes the latents of the whole video from them (see :mod:`muybridge.methods.latent`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.camera.crop import Crop
from muybridge.errors import InputError
from muybridge.methods.avatar.scene import AvatarScene
from muybridge.methods.cropped import BLOCK, crop_around
from muybridge.methods.gas.checkpoints import load as load_networks
from muybridge.methods.gas.checkpoints import save
from muybridge.methods.gas.cues import CUES, AvatarCue, Cue, NerfCue
from muybridge.methods.gas.diffuse import Conditions, Settings, sample
from muybridge.methods.gas.guides import release_normals, soft_normals
from muybridge.methods.gas.networks import GasNetworks
from muybridge.methods.gas.spec import SPEC
from muybridge.methods.latent import LatentPipeline, Prepared
from muybridge.methods.loading import checked_steps, chosen_device, chosen_dtype, folder_of
from muybridge.methods.pipeline import Tell
from muybridge.methods.reference import Reference, reference_of
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.sampling import DiskGrids

INPUTS = ("appearance", "geometry", "reference")
"""What the video network is given: the cue, the body's normals, the reference picture."""
_PREPARING = 0.35
"""Share of the time before the first frame that cues and normals take, roughly."""


@dataclass(frozen=True)
class _Plan:
    """What a video is made from, besides the networks."""

    reference: Reference
    crop: Crop
    scene: AvatarScene
    cue: Cue


class GasPipeline(LatentPipeline):
    """Novel views, novel poses, and both at once, from one picture.

    Args:
        networks: of a size.
        size: its name.
        cue: ``nerf`` or ``avatar``; by default the NeRF's where there is one.
        detail: whether the avatar's fine detail is returned to enlarged results.
        settings: of the sampler.
        without: what the networks are not given, of :data:`INPUTS`; for ablations. Shipped
            weights were trained with each left out now and then.

    Raises:
        InputError: an unknown cue or input, or the NeRF's cue where there is no NeRF.
    """

    spec = SPEC
    before = 0.7

    def __init__(
        self, networks: GasNetworks, size: str, *, cue: str | None = None, detail: bool = True,
        settings: Settings | None = None, without: Sequence[str] = (),
    ) -> None:
        for name in without:
            if name not in INPUTS:
                raise InputError("without", "", f"there is no {name!r}",
                                 "use " + ", ".join(INPUTS))
        if cue is None:
            cue = "nerf" if networks.nerf is not None else "avatar"
        if cue not in CUES:
            raise InputError("--cue", "", f"there is no {cue!r}", "use " + " or ".join(CUES))
        if cue == "nerf" and networks.nerf is None:
            raise InputError(
                "--cue", "nerf", "these weights hold no human NeRF",
                "take --cue avatar, or add sherf/network-snapshot.pkl and --set smpl=FILE",
            )
        self.networks: GasNetworks = networks
        self.size, self.cue, self.detail = size, cue, detail
        self.settings = settings or Settings()
        self.without = frozenset(without)
        pixels = networks.config.width * networks.config.height
        latents = networks.config.latent_channels * pixels // networks.patch**2
        self.kept_bytes = 5 * 4 * latents + networks.config.picture_channels * pixels

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the networks as a folder that :func:`muybridge.load` reads.

        Raises:
            InputError: the folder holds something else.
        """
        save(self.networks, Path(folder))

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> GasPipeline:
        """The pipeline of a folder of ours or of the authors' release.

        Raises:
            InputError: the folder does not hold them whole.
        """
        return load(str(folder), **options)

    def prepare(
        self, person: Person, motion: Motion, cameras: Cameras, seed: int, tell: Tell
    ) -> Prepared:
        """See :meth:`LatentPipeline.prepare`."""
        plan = self._plan(person, motion, cameras)
        latents = self._latents(plan, person, motion, seed, tell)
        return Prepared(plan.crop, plan.scene, latents)

    def _plan(self, person: Person, motion: Motion, cameras: Cameras) -> _Plan:
        config = self.networks.config
        width, height = config.width, config.height
        crop = crop_around(person, motion, cameras, width, height)
        reference = reference_of(person, width, height)
        scene = AvatarScene.of(person, motion)
        cue: Cue = AvatarCue(scene, crop.cameras)
        if self.cue == "nerf":
            larger = reference_of(person, *_nerf_size(self.networks.nerf))
            cue = NerfCue(self.networks.nerf, person, larger, motion, crop.cameras)
        return _Plan(reference, crop, scene, cue)

    def _latents(
        self, plan: _Plan, person: Person, motion: Motion, seed: int, tell: Tell
    ) -> Float[Tensor, "V T K h w"]:
        """Latents of the whole video: cues and normals block by block, then the sampler."""
        networks = self.networks
        channels = networks.config.picture_channels
        size = (networks.config.height // networks.patch, networks.config.width // networks.patch)
        grid = (plan.crop.cameras.views, motion.frames)
        files = DiskGrids()
        cue_latents = files.zeros((*grid, networks.config.latent_channels, *size), torch.float32)
        normals = files.zeros(
            (*grid, channels, networks.config.height, networks.config.width), torch.uint8
        )
        for first in range(0, motion.frames, BLOCK):
            last = min(first + BLOCK, motion.frames)
            tell(_PREPARING * first / motion.frames, f"cues of frame {first + 1}")
            shown = plan.cue.show(first, last)[:, :, :channels]
            shown = shown * ("appearance" not in self.without)
            cue_latents[:, first:last] = networks.encode(shown)
            posed = person.shaped.pose(motion.slice(first, last))
            cameras = plan.crop.cameras.slice(first, last)
            guide = soft_normals if channels == 4 else release_normals
            if "geometry" not in self.without:
                normals[:, first:last] = (guide(posed, cameras) * 255).round().to(torch.uint8)
        reference = plan.reference.picture[:channels] * ("reference" not in self.without)
        with torch.no_grad():
            token = networks.token(reference[None].to(_device(networks)))[0].cpu()
        conditions = Conditions(networks.encode(reference), token, cue_latents, normals)

        def stepped(done: int, steps: int, _: Tensor) -> None:
            tell(_PREPARING + (1 - _PREPARING) * done / steps, f"step {done} of {steps}")

        return sample(
            networks, conditions, seed=seed, settings=self.settings, callback=stepped
        )


def _nerf_size(nerf: Any) -> tuple[int, int]:
    """Width and height of the reference that a NeRF takes."""
    height, width = nerf.config["reference_size"]
    return int(width), int(height)


def _device(networks: GasNetworks) -> torch.device:
    return next(networks.unet.parameters()).device


def load(
    size_or_path: str = "nano", *, cue: str | None = None, detail: bool = True,
    device: str | None = None, dtype: str | None = None, num_inference_steps: int | None = None,
    guidance_scale: float | None = None, window: int | None = None, overlap: int | None = None,
    task: str | None = None, smpl: str | None = None, without: str = "",
) -> GasPipeline:
    """GAS's pipeline of a size, or of a folder of weights.

    Args:
        size_or_path: ``nano``, ``tiny``, ``paper``, or a folder.
        cue, detail: see :class:`GasPipeline`.
        device: ``cpu`` or ``cuda``; a GPU for the paper's size where there is one.
        dtype: of the weights, such as ``float16``.
        num_inference_steps: of the sampler.
        guidance_scale: on the far side (views) and throughout (poses).
        window, overlap: frames or views that go through the network together.
        task: ``view``, ``pose`` or ``grid``; by what is asked for where left out.
        smpl: the user's SMPL model file, for the released human NeRF.
        without: inputs that are withheld, as in ``geometry,reference``; see :class:`GasPipeline`.

    Raises:
        InputError: an option is out of range, or the folder does not hold the weights whole.
        MissingWeights: the size's weights are not on this machine.
    """
    folder, size = folder_of(SPEC, size_or_path)
    networks = load_networks(folder, chosen_dtype(dtype), None if smpl is None else Path(smpl))
    networks.requires_grad_(False)
    networks.to(chosen_device(device))
    if task not in (None, "view", "pose", "grid"):
        raise InputError("task", "", f"there is no {task!r}", "use view, pose or grid")
    settings = Settings(
        steps=checked_steps(num_inference_steps), window=window, overlap=overlap,
        view_guidance=None if guidance_scale is None else (1.0, float(guidance_scale)),
        pose_guidance=None if guidance_scale is None else (float(guidance_scale),) * 2,
        task=task,  # type: ignore[arg-type]
    )
    withheld = tuple(name.strip() for name in without.split(",") if name.strip())
    return GasPipeline(
        networks, size, cue=cue, detail=detail, settings=settings, without=withheld
    )
