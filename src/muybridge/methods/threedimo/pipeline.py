"""3DiMo's pipeline: a reference, a motion or a driving video, and words; frames of any size out.

A motion is shown by a figure in blocks of frames of fixed length, of which only motion tokens are
kept. The sampler makes the latents of the whole video from them (see
:mod:`muybridge.methods.latent`). For every window of frames the words for the camera are made
from where it stands about the person; how near it is, and where in the picture the person is,
is the crop's matter.
"""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.camera.crop import Crop
from muybridge.errors import InputError
from muybridge.methods.avatar.scene import AvatarScene
from muybridge.methods.cropped import BLOCK
from muybridge.methods.driving import outstretched
from muybridge.methods.hvg.conditions import aligned_reference, crop_of_video
from muybridge.methods.latent import LatentPipeline, Prepared
from muybridge.methods.loading import checked_steps, chosen_device, chosen_dtype, folder_of
from muybridge.methods.pipeline import Tell
from muybridge.methods.threedimo.checkpoints import load as load_networks
from muybridge.methods.threedimo.checkpoints import save
from muybridge.methods.threedimo.conditions import PELVIS, facing_in, joints_seen
from muybridge.methods.threedimo.diffuse import Conditions, sample
from muybridge.methods.threedimo.driver import of_pictures, shown
from muybridge.methods.threedimo.networks import Driver, ThreeDimoNetworks
from muybridge.methods.threedimo.spec import SPEC
from muybridge.methods.threedimo.view_words import Directions
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.sampling.denoise import StepCallback

_PREPARING = 0.3
"""Share of the time before the first frame that the driver takes, roughly."""


class ThreeDimoPipeline(LatentPipeline):
    """A person in the motion of a driver, seen from wherever the words say.

    Args:
        networks: of a size.
        size: its name.
        detail: whether the avatar's fine detail is returned to enlarged results. It comes from
            the body's own motion, so a driving video is painted without.
        steps: of the sampler; the size's own by default.
        driver: pictures of a driving video, RGB premultiplied over black, and matte; in place of
            the motion, which says only how many frames there are and where the person stands.
    """

    spec = SPEC
    before = 0.7

    def __init__(
        self, networks: ThreeDimoNetworks, size: str, *, detail: bool = True,
        steps: int | None = None, driver: UInt8[Tensor, "T 4 H W"] | None = None,
    ) -> None:
        self.networks: ThreeDimoNetworks = networks
        self.size, self.detail, self.steps = size, detail and driver is None, steps
        self.driver = driver
        self.driver_hands: Float[Tensor, "F 2 2"] | None = None
        config = networks.config
        pixels = config.width * config.height // networks.patch**2
        per_frame = config.motion["dim"] * 3 * config.motion["tokens"]
        self.kept_bytes = 4 * 4 * config.latent_channels * pixels + 4 * per_frame

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the networks as a folder that :func:`muybridge.load` reads.

        Raises:
            InputError: the folder holds something else.
        """
        save(self.networks, Path(folder))

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> ThreeDimoPipeline:
        """The pipeline of a folder of weights.

        Raises:
            InputError: the folder does not hold them whole.
        """
        return load(str(folder), **options)

    def driven_by(
        self, pictures: UInt8[Tensor, "T 4 H W"], hands: Float[Tensor, "T 2 2"] | None = None
    ) -> ThreeDimoPipeline:
        """The same networks with a driving video; see
        :meth:`~muybridge.methods.pipeline.HumanVideoPipeline.driven_by`."""
        made = copy(self)
        made.driver, made.driver_hands, made.detail = pictures, hands, False
        return made

    def prepare(
        self, person: Person, motion: Motion, cameras: Cameras, seed: int, tell: Tell
    ) -> Prepared:
        """See :meth:`LatentPipeline.prepare`.

        Raises:
            InputError: the driving video has another number of frames than the motion.
        """
        config = self.networks.config
        room = motion if self.driver is None else outstretched(motion)
        crop = crop_of_video(person, room, cameras, config.width, config.height)
        driver = self._filmed(motion)
        tokens = self._tokens(motion, driver, tell)
        start = person.shaped.pose(motion.slice(0, 1))
        reference = aligned_reference(person, start, crop)
        picture = reference.picture[None, : config.picture_channels]
        posed = person.shaped.pose(reference.motion)
        joints = joints_seen(posed.joints, reference.cameras)[0]

        def stepped(done: int, steps: int, _: Tensor) -> None:
            tell(min(1.0, _PREPARING + (1 - _PREPARING) * done / steps), f"step {done} of {steps}")

        say = self._words(person, motion, crop, driver)
        facing = torch.deg2rad(torch.tensor(say.facing))
        given = Conditions(picture, joints, tokens, facing, say.heights, say, cameras.views)
        latents = self.painted(given, seed, stepped)
        return Prepared(crop, AvatarScene.of(person, motion), latents)

    def painted(
        self, given: Conditions, seed: int, callback: StepCallback
    ) -> Float[Tensor, "V T K h w"]:
        """Latents of the whole video, which the networks' ``decode`` makes pictures of.

        Args:
            given: what steers.
            seed: of the noise. ``callback``: told after each step.
        """
        return sample(self.networks, given, seed=seed, steps=self.steps, callback=callback)

    def _filmed(self, motion: Motion) -> Driver | None:
        """The driving video as the networks see it, if there is one."""
        if self.driver is None:
            return None
        if len(self.driver) != motion.frames:
            raise InputError("driver", "frames", f"has {len(self.driver)}, the motion "
                             f"{motion.frames}", "give a motion of as many frames")
        return of_pictures(self.driver, self.networks.config, self.driver_hands)

    @torch.no_grad()
    def _tokens(self, motion: Motion, driver: Driver | None, tell: Tell) -> Float[Tensor, "T ..."]:
        """Motion tokens of all frames."""
        if driver is not None:
            tell(0.0, "motion tokens of the driving video")
            return torch.cat([
                self._read(driver.frames(slice(first, first + BLOCK)))
                for first in range(0, motion.frames, BLOCK)
            ])
        made: list[Tensor] = []
        for part in shown(motion, self.networks.config):
            tell(_PREPARING * len(made) * BLOCK / motion.frames, "the driver is shown")
            made.append(self._read(part))
        return torch.cat(made)

    def _read(self, driver: Driver) -> Float[Tensor, "T ..."]:
        """Tokens of some frames."""
        device, dtype = next(self.networks.control.parameters()).device, self.networks.dtype
        there: dict[str, Any] = {
            name: None if value is None else
            value.to(device, dtype if value.is_floating_point() else None)
            for name, value in vars(driver).items()
        }
        return self.networks.motion(Driver(**there))[0].float().cpu()

    def _words(
        self, person: Person, motion: Motion, crop: Crop, driver: Driver | None
    ) -> Directions:
        """What there is to say about the cameras, and where the person looks: as the motion has
        it, or turning as who drives does."""
        middle, facing = [], []
        for first in range(0, motion.frames, BLOCK):
            joints = person.shaped.pose(motion.slice(first, first + BLOCK)).joints
            middle.append(joints[:, PELVIS])
            facing += facing_in(joints)
        if driver is not None:
            turned = self.networks.turned(driver)[0].rad2deg().tolist()
            facing = [first + more for first, more in zip(facing, turned, strict=True)]
        return Directions(crop.cameras, torch.cat(middle), facing)


def load(
    size_or_path: str = "nano", *, detail: bool = True, device: str | None = None,
    dtype: str | None = None, num_inference_steps: int | None = None,
    wan: str | Path | None = None, motion: str | Path | None = None, **real: Any,
) -> ThreeDimoPipeline:
    """3DiMo's pipeline of a size, of a folder of weights, or on Wan.

    Args:
        size_or_path: ``nano``, ``tiny``, ``paper``, ``paper-wan21``, or a folder.
        detail: see :class:`ThreeDimoPipeline`.
        device: ``cpu`` or ``cuda``; a GPU where there is one.
        dtype: of the weights, such as ``float16``.
        num_inference_steps: of the sampler.
        wan, motion: folders of the real parts; these and ``real``:
            see :func:`muybridge.methods.threedimo.real.load_real`.

    Raises:
        InputError: an option is out of range, or the folder does not hold the weights whole.
        MissingWeights: the size's weights are not on this machine.
    """
    if size_or_path.startswith("paper") or wan or motion:
        from muybridge.methods.threedimo.real import load_real

        return load_real(
            size_or_path, wan=wan, motion=motion, detail=detail, device=device, dtype=dtype,
            num_inference_steps=num_inference_steps, **real,
        )
    if real:
        raise InputError(next(iter(real)), "", "is an option of the real parts",
                         "give wan and motion, or leave it")
    folder, size = folder_of(SPEC, size_or_path)
    networks = load_networks(folder, chosen_dtype(dtype))
    networks.requires_grad_(False)
    networks.to(chosen_device(device))
    return ThreeDimoPipeline(
        networks, size, detail=detail, steps=checked_steps(num_inference_steps)
    )
