"""From cues and a reference to frames: GAS's sampling, at the level of pictures and latents.

What the release does (its pipeline, notes in the README): the reference is encoded once; the
unconditioned output has a zero token and zero reference latents, but keeps cues and switch;
guidance over views is triangular, over frames fixed (paper) at 2; long videos go in windows
that share frame 0. It makes one orbit of one pose, or one view of one motion.

Ours, where neither paper nor release say: views x frames at once, by alternating view passes
over the columns and pose passes over the rows from step to step (the project page says "by
alternating the sampling between view and pose", and no more); windows over more views than
fit; independent noise for every frame of a long video. Small sizes start from the noise's mean,
zero, and take two steps, with which validation people were nearest the truth and steadiest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from muybridge.methods.gas.config import Mode
from muybridge.methods.gas.networks import GasNetworks, mode_labels
from muybridge.sampling import (
    Pass,
    Plan,
    Prediction,
    Tile,
    alternating,
    anchored_windows,
    combined,
    denoise,
    draw_noise,
    ramp,
    triangular,
)
from muybridge.sampling.denoise import StepCallback

Task = Literal["view", "pose", "grid"]


@dataclass(frozen=True)
class Conditions:
    """What steers a video of ``V`` views and ``T`` frames.

    Attributes:
        reference_latents: of the reference picture, unscaled.
        token: of the reference picture.
        cue_latents: of the cue pictures, unscaled.
        normals: guides of the body, in [0, 1], or 0..255 as bytes to save memory.
    """

    reference_latents: Float[Tensor, "K h w"]
    token: Float[Tensor, "1 D"]
    cue_latents: Float[Tensor, "V T K h w"]
    normals: Float[Tensor, "V T C H W"] | UInt8[Tensor, "V T C H W"]

    @property
    def views(self) -> int:
        """Number of views."""
        return int(self.cue_latents.shape[0])

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.cue_latents.shape[1])


@dataclass(frozen=True)
class Settings:
    """How to sample; ``None`` takes the size's own.

    Attributes:
        steps: of the sampler.
        window, overlap: of views or frames that go through the network together.
        view_guidance: at the reference view, on the far side.
        pose_guidance: of the first and the last frame.
        task: ``view``: passes over views only; ``pose``: over frames only; ``grid``: both in
            turn, or together where there is one step. By default what the video's size asks for.
        tiles_per_call: windows that share a call of the network.
        pack_guidance: both outputs that guidance needs in one call; quicker on a GPU.
    """

    steps: int | None = None
    window: int | None = None
    overlap: int | None = None
    view_guidance: tuple[float, float] | None = None
    pose_guidance: tuple[float, float] | None = None
    task: Task | None = None
    tiles_per_call: int = 1
    pack_guidance: bool = False


def condition(
    networks: GasNetworks,
    reference: Float[Tensor, "C H W"],
    cues: Float[Tensor, "V T C H W"],
    normals: Float[Tensor, "V T Cn H W"] | UInt8[Tensor, "V T Cn H W"],
) -> Conditions:
    """Encode what steers a video.

    For long videos, encode the cues piece by piece with :meth:`GasNetworks.encode` and make
    the :class:`Conditions` from the pieces.

    Args:
        networks: of the size.
        reference: picture of the person over black, in [0, 1].
        cues: how they should look in every view and frame, likewise.
        normals: guides of the body.
    """
    with torch.no_grad():
        token = networks.token(reference[None])[0]
    return Conditions(networks.encode(reference), token, networks.encode(cues), normals)


@torch.no_grad()
def sample(
    networks: GasNetworks,
    conditions: Conditions,
    *,
    seed: int = 0,
    settings: Settings | None = None,
    noise: Float[Tensor, "V T K h w"] | None = None,
    callback: StepCallback | None = None,
) -> Float[Tensor, "V T K h w"]:
    """Scaled latents of the whole video.

    Args:
        networks: of the size; latents stay where the conditions are.
        conditions: from :func:`condition`.
        seed: of the noise, which belongs to each (view, frame).
        settings: how.
        noise: standard normal; in place of the seed's.
        callback: told after each step.
    """
    settings = settings or Settings()
    views, frames = conditions.views, conditions.frames
    shape = conditions.cue_latents.shape[2:]
    if noise is None:
        noise = (
            torch.zeros(views, frames, *shape) if networks.config.from_mean else
            draw_noise(seed, range(views), range(frames), (shape[0], shape[1], shape[2]))
        )
    noise = noise.to(conditions.cue_latents)
    scheduler = networks.objective().scheduler()
    steps = settings.steps or networks.config.steps
    scheduler.set_timesteps(steps)
    return denoise(
        Denoiser(networks, conditions, settings.pack_guidance),
        scheduler,
        noise * float(scheduler.init_noise_sigma),
        plan(networks, views, frames, settings),
        tiles_per_call=settings.tiles_per_call,
        callback=callback,
    )


def plan(
    networks: GasNetworks, views: int, frames: int, settings: Settings | None = None
) -> Plan:
    """Which passes each step makes.

    One frame from several views is a view task; one view over frames a pose task; several
    of both take turns, and the last step looks along time, where flicker would show. A single
    step looks along both.

    Args:
        networks: of the size.
        views, frames: of the video.
        settings: how.

    Raises:
        InputError: window and overlap don't fit each other.
    """
    settings = settings or Settings()
    config = networks.config
    window = config.window if settings.window is None else settings.window
    overlap = config.overlap if settings.overlap is None else settings.overlap
    low, high = settings.view_guidance or config.view_guidance
    first, last = settings.pose_guidance or config.pose_guidance
    task = settings.task or ("pose" if views == 1 else "view" if frames == 1 else "grid")
    view = Pass(
        views=anchored_windows(views, window, overlap),
        guidance=triangular(views, low, high)[:, None], mode="view",
    )
    pose = Pass(
        frames=anchored_windows(frames, window, overlap),
        guidance=ramp(frames, first, last)[None], mode="pose",
    )
    if task == "grid":
        steps = settings.steps or config.steps
        return alternating(view, pose, steps=steps) if steps > 1 else combined(view, pose)
    return combined(view if task == "view" else pose)


class Denoiser:
    """The networks with one video's conditions, as the sampling loop calls them.

    Args:
        networks, conditions: see :func:`sample`.
        pack_guidance: conditioned and unconditioned in one call.
    """

    def __init__(
        self, networks: GasNetworks, conditions: Conditions, pack_guidance: bool = False
    ) -> None:
        self._networks, self._conditions = networks, conditions
        self._pack = pack_guidance
        weight = next(networks.unet.parameters())
        self._device, self._dtype = weight.device, weight.dtype

    def __call__(
        self,
        latents: Float[Tensor, "n F K h w"],
        timestep: Tensor,
        tiles: Sequence[Tile],
        guided: bool,
    ) -> Prediction:
        """The model output of some tiles; see :class:`muybridge.sampling.WindowModel`."""
        count, frames = latents.shape[:2]
        cues = torch.stack([t.take(self._conditions.cue_latents) for t in tiles])
        normals = torch.stack([t.take(self._conditions.normals) for t in tiles])
        given = dict(
            noisy=self._here(latents),
            features=self._networks.cue_features(self._here(normals), self._here(cues)),
            labels=mode_labels([_mode(t) for t in tiles]).to(self._device),
        )
        reference = self._here(self._conditions.reference_latents).expand(count, -1, -1, -1)
        token = self._here(self._conditions.token).expand(count, -1, -1)
        images = frames == 1 and self._networks.config.learns_pictures
        sides = [(reference, token)]
        if guided:
            sides.append((torch.zeros_like(reference), torch.zeros_like(token)))
        if self._pack and guided:
            sides = [(torch.cat([r for r, _ in sides]), torch.cat([t for _, t in sides]))]
            given = {k: torch.cat([v, v]) for k, v in given.items()}
        outputs: list[Tensor] = []
        for latent, word in sides:
            output = self._networks(
                timesteps=timestep.to(self._device), reference_latents=latent, token=word,
                images=images, **given,
            )
            outputs += output.float().to(latents.device).split(count)
        if self._networks.config.objective == "residual":
            scaled = cues * self._networks.latent_scale
            outputs = [output + scaled for output in outputs]
        return Prediction(*outputs)

    def _here(self, values: Tensor) -> Tensor:
        """Values where the networks are, in their numbers; bytes become 0..1."""
        moved = values.to(self._device)
        if moved.dtype == torch.uint8:
            return moved.to(self._dtype) / 255
        return moved.to(self._dtype)


def _mode(tile: Tile) -> Mode:
    return "view" if tile.mode == "view" else "pose"
