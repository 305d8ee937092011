"""All networks of a size of 3DiMo, and what each of them does to pictures, words and latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from muybridge.methods.threedimo.camera_text import CameraText
from muybridge.methods.threedimo.config import ThreeDimoConfig
from muybridge.methods.threedimo.guide import SkeletonGuide
from muybridge.methods.threedimo.turning import looks_of, turned_since_first
from muybridge.networks.bone_warp import moved
from muybridge.networks.joint_reader import JointReader
from muybridge.networks.linear_autoencoder import LinearAutoencoder
from muybridge.networks.motion_layout import MotionLayout
from muybridge.networks.motion_tokens import MotionEncoder, PoseDecoder, PoseTokens
from muybridge.networks.motion_transformer import MotionTransformer
from muybridge.networks.pictures import home
from muybridge.networks.video_init import zero_linear

Control = MotionEncoder | PoseTokens | SkeletonGuide
_READ_TOGETHER = 64
"""Frames of a driving video whose turning is read at a time."""


@dataclass(frozen=True)
class Driver:
    """Driving videos as the networks see them.

    Attributes:
        pictures: of the person in the middle, with the config's channels of the encoder.
        hands: the left and the right one; ``None`` where no hand is known.
        seen: which of them are.
        rotations: of the joints, for the comparison with SMPL's.
        skeleton: drawn in the driving view, for that with skeletons.
    """

    pictures: Float[Tensor, "B F C H W"]
    hands: Float[Tensor, "B F 2 3 s s"] | None = None
    seen: Bool[Tensor, "B F 2"] | None = None
    rotations: Float[Tensor, "B F J 6"] | None = None
    skeleton: Float[Tensor, "B F 3 H W"] | None = None

    def frames(self, which: slice) -> Driver:
        """Some of the frames."""
        parts: dict[str, Any] = {
            name: None if value is None else value[:, which] for name, value in vars(self).items()
        }
        return Driver(**parts)


@dataclass(frozen=True)
class Cue:
    """What is known of the frames of a window before they are painted.

    Attributes:
        latents: scaled, of the reference, moved to where its joints shall be.
        maps: of the layout; ``None`` in sizes without.
    """

    latents: Float[Tensor, "B F K h w"]
    maps: Float[Tensor, "B F C h w"] | None = None

    def to(self, *target: Any) -> Cue:
        """On another device, or in another precision."""
        maps = None if self.maps is None else self.maps.to(*target)
        return Cue(self.latents.to(*target), maps)

    def each(self) -> list[Cue]:
        """Of every window by itself."""
        maps = [None] * len(self.latents) if self.maps is None else self.maps.split(1)
        return [Cue(*parts) for parts in zip(self.latents.split(1), maps, strict=True)]

    @staticmethod
    def together(cues: Sequence[Cue]) -> Cue:
        """The inverse of :meth:`each`."""
        maps = [cue.maps for cue in cues if cue.maps is not None]
        return Cue(torch.cat([cue.latents for cue in cues]), torch.cat(maps) if maps else None)


class ThreeDimoNetworks(nn.Module):
    """The networks as one module; also what is trained.

    Pictures have the config's ``picture_channels`` and values in [0, 1]; latents are scaled.

    Attributes:
        config: the size.
        transformer: of the video.
        control: what reads the driver: a motion encoder, or what it is compared with.
        decoder: of joint rotations; ``None`` without geometric supervision.
        layout: of motion tokens before the camera; ``None`` as in the paper.
        reader: where joints of who drives are seen, which the motion encoder is told; likewise.
        text: of the words for the camera.
        vae: frozen.
    """

    def __init__(
        self,
        config: ThreeDimoConfig,
        transformer: MotionTransformer,
        control: Control,
        text: CameraText,
        vae: LinearAutoencoder,
        decoder: PoseDecoder | None = None,
        layout: MotionLayout | None = None,
        reader: JointReader | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.transformer, self.control, self.text = transformer, control, text
        self.decoder, self.layout, self.reader = decoder, layout, reader
        self.vae = vae.requires_grad_(False)

    @staticmethod
    def new(config: ThreeDimoConfig, vae: LinearAutoencoder, seed: int = 0) -> ThreeDimoNetworks:
        """Untrained networks of a small size; their output is zero.

        The outputs of attention to the motion, which are zero where a trained transformer is to
        be spared, are not: two zeros behind each other would only hold it up.

        Args:
            config: ``NANO`` or ``TINY``, or another with linear latents.
            vae: fitted on pictures.
            seed: of the weights. The global random state is left as it was.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            transformer = MotionTransformer(**config.transformer)
            for module in transformer.motion_blocks.values():
                last: Any = module
                last.to_out.reset_parameters()
            networks = ThreeDimoNetworks(
                config, transformer, new_control(config), CameraText(**config.text), vae,
                PoseDecoder(**config.decoder) if config.decoder else None,
                MotionLayout(**config.layout) if config.layout else None,
                JointReader(**config.reader) if config.reader else None,
            )
        zero_linear(transformer.proj_out)
        return networks

    # ------------------------------------------------------------------ pictures

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return next(self.transformer.parameters()).dtype

    @property
    def patch(self) -> int:
        """Pixels per latent, along each side."""
        return int(self.vae.config["patch"])

    @torch.no_grad()
    def encode(self, pictures: Float[Tensor, "*B C H W"]) -> Float[Tensor, "*B K h w"]:
        """Scaled latents of pictures, where these are."""
        device, dtype = home(self.vae)
        vae: Any = self.vae
        flat = pictures.reshape(-1, *pictures.shape[-3:])
        made = vae.encode(flat.to(device, dtype) * 2 - 1).latent_dist.mode()
        latents = made.to(pictures.device).float() * self.latent_scale
        return latents.reshape(*pictures.shape[:-3], *latents.shape[1:])

    @torch.no_grad()
    def decode(self, latents: Float[Tensor, "F K h w"]) -> Float[Tensor, "F C H W"]:
        """Pictures in [0, 1] of scaled latents."""
        device, dtype = home(self.vae)
        vae: Any = self.vae
        decoded = vae.decode((latents / self.latent_scale).to(device, dtype)).sample
        return (decoded.float() / 2 + 0.5).clamp(0, 1).to(latents.device)

    @property
    def latent_scale(self) -> float:
        """What the autoencoder's latents are multiplied with to be denoised."""
        return float(self.vae.config["scaling_factor"])

    # ------------------------------------------------------------------ conditions

    def motion(
        self, driver: Driver, joints: Float[Tensor, "B F P 3"] | None = None
    ) -> Float[Tensor, "B F N D"] | Float[Tensor, "B F D h w"]:
        """What steers: tokens per frame; or maps, where a skeleton does.

        Args:
            driver: as this size looks at it.
            joints: as the reader sees them, if it has looked already.

        Raises:
            ValueError: the driver lacks what this size looks at.
        """
        if isinstance(self.control, MotionEncoder):
            if joints is None and self.reader is not None:
                joints = self.reader(driver.pictures)
            return self.control(driver.pictures, driver.hands, driver.seen, joints)
        if isinstance(self.control, PoseTokens):
            if driver.rotations is None:
                raise ValueError("this size is driven by joint rotations")
            return self.control(driver.rotations)
        if driver.skeleton is None:
            raise ValueError("this size is driven by a skeleton")
        return self.control(driver.skeleton)

    def words(
        self, words: Int64[Tensor, "B L"], amounts: Float[Tensor, "B L"]
    ) -> Float[Tensor, "B L D"]:
        """Tokens of what is said to the camera."""
        return self.text(words, amounts)

    def cue(
        self,
        picture: Float[Tensor, "B C H W"],
        joints: Float[Tensor, "B P 3"],
        motion: Float[Tensor, "B F ..."],
        text: Float[Tensor, "B L D"],
        numbers: Int64[Tensor, "B F"] | None = None,
        target: Float[Tensor, "B F P 3"] | None = None,
        turned: Float[Tensor, "B F"] | None = None,
        larger: Float[Tensor, "B F"] | None = None,
    ) -> Cue:
        """What is known of each frame: the reference, moved to where the layout has the joints
        (as it is, in sizes without that), and the layout's maps.

        Args:
            picture: the reference.
            joints: where they are in it, see :func:`.conditions.joints_seen`.
            motion, text, numbers: as of :meth:`forward`.
            target: where they shall be, if it is known; else the layout says it.
            turned, larger: see :meth:`~muybridge.networks.motion_layout.MotionLayout.forward`.
        """
        frames, layout = motion.shape[1], self.layout
        if layout is None:
            return Cue(self.encode(picture)[:, None].expand(-1, frames, -1, -1, -1))
        known = (motion, text, joints, numbers, turned, larger)
        maps = layout(*known)
        if not self.config.moved:
            return Cue(self.encode(picture)[:, None].expand(-1, frames, -1, -1, -1), maps)
        with torch.no_grad():
            if target is None:
                target = layout.joints_seen(*known)
            shown = moved(
                picture.repeat_interleave(frames, 0), joints.repeat_interleave(frames, 0),
                target.flatten(0, 1),
            )
        return Cue(self.encode(shown).unflatten(0, (-1, frames)), maps)

    @torch.no_grad()
    def turned(self, driver: Driver) -> Float[Tensor, "B F"]:
        """How far drivers have turned to their right since the first frame, as far as it is read
        off their pictures; radians. Not at all, in sizes that see no joints."""
        if self.reader is None or self.layout is None:
            return torch.zeros(driver.pictures.shape[:2])
        looks = [self.looks(some) for some in driver.pictures.split(_READ_TOGETHER, 1)]
        return turned_since_first(torch.cat(looks, 1))

    @torch.no_grad()
    def looks(self, pictures: Float[Tensor, "B F C H W"]) -> Float[Tensor, "B F 2"]:
        """Where people look before the camera, see :func:`.turning.looks_of`.

        Args:
            pictures: of drivers.

        Raises:
            ValueError: this size sees no joints.
        """
        if self.reader is None or self.layout is None:
            raise ValueError("this size sees no joints")
        device, dtype = home(self.reader)
        joints = self.reader(pictures.to(device, dtype)).float()
        metre = self.layout.metre_in(joints.flatten(0, 1)).view(joints.shape[:2])
        return looks_of(joints, metre, self.config.width / self.config.height).cpu()

    # ------------------------------------------------------------------ denoising

    def forward(
        self,
        noisy: Float[Tensor, "B F K h w"],
        timesteps: Float[Tensor, "..."],
        reference: Float[Tensor, "B K h w"],
        motion: Float[Tensor, "..."],
        text: Float[Tensor, "B L D"],
        cue: Cue,
        numbers: Int64[Tensor, "B F"] | None = None,
    ) -> Float[Tensor, "B F O h w"]:
        """The transformer's output; what it means is the objective's matter.

        The reference stands before the frames, clean and at timestep 0.

        Args:
            noisy: latents on the flow path.
            timesteps: one of each sample, or one for all.
            reference: latents.
            motion: from :meth:`motion`, of the frames of ``noisy``.
            text: from :meth:`words`.
            cue: from :meth:`cue`.
            numbers: of the frames in their window, for pictures out of a clip; else they follow
                each other from 0 on.
        """
        samples, frames = noisy.shape[:2]
        both = torch.cat([reference[:, None].to(noisy), noisy], 1)
        tokens = both.shape[-2] // 2 * (both.shape[-1] // 2)
        t = timesteps.reshape(-1, 1).to(noisy).expand(samples, tokens * frames)
        t = torch.cat([t.new_zeros(samples, tokens), t], 1)
        known: dict[str, Any] = {}
        if motion.ndim == 5 or self.config.inject == "concat":
            both = torch.cat([both, joined(motion, noisy).to(both)], 2)
        else:
            per_frame = motion.shape[2]
            if cue.maps is not None:
                both = torch.cat([both, with_reference(cue.maps).to(both)], 2)
            if self.config.moved:
                known_of = torch.cat([reference[:, None].to(both), cue.latents.to(both)], 1)
                both = torch.cat([both, known_of], 2)
            known["motion_tokens"] = motion.flatten(1, 2)
            known["motion_times"] = torch.arange(
                1, frames + 1, device=noisy.device, dtype=torch.float32
            ).repeat_interleave(per_frame)
        if numbers is not None:
            known["numbers"] = torch.cat([torch.zeros_like(numbers[:, :1]), 1 + numbers], 1)
            known["span"] = self.config.window + 1
        output: Any = self.transformer(
            both.transpose(1, 2), t, text, return_dict=False, **known
        )[0]
        return output.transpose(1, 2)[:, 1:]

    def model_output(
        self, output: Float[Tensor, "B F O h w"], cue: Cue
    ) -> Float[Tensor, "B F K h w"]:
        """What the scheduler calls the model output.

        Args:
            output: from :meth:`forward`. ``cue``: see there.
        """
        return output + cue.latents if self.config.objective == "residual" else output


def new_control(config: ThreeDimoConfig) -> Control:
    """The untrained network that reads the driver."""
    width = config.motion["dim"]
    if config.control == "tokens":
        return MotionEncoder(**config.motion)
    if config.control == "smpl":
        return PoseTokens(width, config.motion["tokens"])
    return SkeletonGuide(width, int(config.autoencoder["patch"]))


def joined(
    motion: Float[Tensor, "..."], noisy: Float[Tensor, "B F K h w"]
) -> Float[Tensor, "B F+1 D h w"]:
    """Motion as channels beside the latents, nothing beside the reference's.

    Args:
        motion: maps per frame; or tokens, of which each picture gets the mean everywhere.
        noisy: latents, for their extent.
    """
    height, width = noisy.shape[-2:]
    if motion.ndim == 4:
        motion = motion.mean(2)[..., None, None].expand(-1, -1, -1, height, width)
    return with_reference(motion)


def with_reference(maps: Float[Tensor, "B F D h w"]) -> Float[Tensor, "B F+1 D h w"]:
    """Maps of the frames behind nothing, which is the reference's."""
    return torch.cat([torch.zeros_like(maps[:, :1]), maps], 1)
