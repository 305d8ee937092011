"""GAS's pipeline: reference, cues and normals in; frames of any size out.

What the networks see is a crop around the person, of their own size. Everything up to the
latents is made once for the whole video, in blocks of frames of fixed length; then frames
are decoded, put back into the pictures, given the avatar's fine detail, and put on a ground.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.camera.crop import Crop
from muybridge.errors import InputError
from muybridge.methods.avatar.draw import draw
from muybridge.methods.avatar.pipeline import on_ground
from muybridge.methods.avatar.scene import AvatarScene
from muybridge.methods.background import Background
from muybridge.methods.cropped import BLOCK, Blocks, crop_around
from muybridge.methods.gas.checkpoints import load as load_networks
from muybridge.methods.gas.checkpoints import save
from muybridge.methods.gas.cues import CUES, AvatarCue, Cue, NerfCue
from muybridge.methods.gas.detail import add_detail, sharpen_matte
from muybridge.methods.gas.diffuse import Conditions, Settings, decode, sample
from muybridge.methods.gas.guides import release_normals, soft_normals
from muybridge.methods.gas.networks import GasNetworks
from muybridge.methods.gas.reference import Reference, reference_of
from muybridge.methods.gas.spec import SPEC
from muybridge.methods.ground import Ground
from muybridge.methods.pipeline import Chunk, HumanVideoPipeline, Tell
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


class GasPipeline(HumanVideoPipeline):
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
        self.networks, self.size, self.cue, self.detail = networks, size, cue, detail
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

    def make(
        self,
        person: Person,
        motion: Motion,
        cameras: Cameras,
        *,
        seed: int,
        background: Background,
        chunk: int,
        start: int,
        tell: Tell,
    ) -> Iterator[Chunk]:
        """See :meth:`HumanVideoPipeline.make`."""
        if start >= motion.frames:
            return
        plan = self._plan(person, motion, cameras)
        latents = self._latents(plan, person, motion, seed, tell)
        ground = Ground(background, cameras, motion.root_position)
        painted = Blocks(
            lambda first, stop: decode(self.networks, latents, first, stop), motion.frames,
            max(BLOCK, self.networks.config.decode_together),
        )
        for first in range(start, motion.frames, chunk):
            last = min(first + chunk, motion.frames)
            frames = [
                self._finished(painted.frame(t), plan, ground, t) for t in range(first, last)
            ]
            color = torch.cat([f for f, _ in frames], 1)
            yield Chunk(first, color, torch.cat([m for _, m in frames], 1))

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

    def _finished(
        self, painted: Float[Tensor, "V 1 C h w"], plan: _Plan, ground: Ground, t: int
    ) -> tuple[Float[Tensor, "V 1 3 H W"], Float[Tensor, "V 1 1 H W"]]:
        """One frame of all views in the whole pictures, on the ground; and its matte."""
        larger = plan.crop.enlargement
        body = plan.scene.bodies.between(t, t + 1)
        cameras = ground.cameras.slice(t, t + 1)
        if self.networks.config.picture_channels == 3:
            painted = torch.cat([painted, matte_of_black(painted)], 2)
        whole = sharpen_matte(plan.crop.paste(painted, t), larger)
        if self.detail and larger > 1:
            avatar = torch.cat(
                draw(body.vertices, body.mesh, plan.scene.texture, plan.scene.light, cameras), 2
            )
            whole = add_detail(whole, avatar, larger)
        color, matte = whole[:, :, :3], whole[:, :, 3:]
        return on_ground(color, matte, body, ground, t), matte


def matte_of_black(pictures: Float[Tensor, "*B 3 h w"]) -> Float[Tensor, "*B 1 h w"]:
    """A matte for pictures over pure black: where it is not quite black, edges soft.

    The released networks paint over black and have no matte; very dark clothes may be cut.
    """
    return ((pictures.amax(-3, keepdim=True) - 0.02) / 0.04).clamp(0, 1)


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
    folder, size = _folder_of(size_or_path)
    networks = load_networks(folder, _dtype(dtype), None if smpl is None else Path(smpl))
    networks.requires_grad_(False)
    networks.to(_chosen_device(device))
    if num_inference_steps is not None and not 1 <= num_inference_steps <= 1000:
        raise InputError(
            "num_inference_steps", "", f"is {num_inference_steps}", "give 1 to 1000"
        )
    if task not in (None, "view", "pose", "grid"):
        raise InputError("task", "", f"there is no {task!r}", "use view, pose or grid")
    settings = Settings(
        steps=num_inference_steps, window=window, overlap=overlap,
        view_guidance=None if guidance_scale is None else (1.0, float(guidance_scale)),
        pose_guidance=None if guidance_scale is None else (float(guidance_scale),) * 2,
        task=task,  # type: ignore[arg-type]
    )
    withheld = tuple(name.strip() for name in without.split(",") if name.strip())
    return GasPipeline(
        networks, size, cue=cue, detail=detail, settings=settings, without=withheld
    )


def _folder_of(size_or_path: str) -> tuple[Path, str]:
    """Where the weights lie, and what the size is called."""
    sizes = {size.name: size for size in SPEC.sizes}
    if size_or_path not in sizes:
        folder = Path(size_or_path)
        return folder, folder.name
    size = sizes[size_or_path]
    first = SPEC.find(size.weights[0])
    assert first is not None  # the spec has looked for them
    return (first if first.is_dir() else first.parent.parent), size.name


def _dtype(name: str | None) -> torch.dtype | None:
    if name is None:
        return None
    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise InputError("dtype", "", f"there is no {name!r}", "use float32, float16 or bfloat16")
    return found


def _chosen_device(name: str | None) -> torch.device:
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(name)
    except RuntimeError:
        raise InputError("device", "", f"there is no {name!r}", "use cpu or cuda") from None
