"""Frames that were painted one by one, calmed by a video model: no training is needed.

Noise is added to the frames' latents and taken away again by the video model (SDEdit). On the
way, the slow and coarse part of each clean estimate is pulled to that of the frames, so that the
video model decides on the rest: what flickers. The first frame is an anchor. ReImagine (arXiv
2604.19720) names these parts, strength 0.7, 20 steps, cut-offs 0.06 and 0.12 and the first 35 % of
steps; its formula is nowhere to be found. A filter on noisy latents would leave a hundredth of
their noise, so it is the clean estimate that is filtered here, for any model that gives one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.sampling.denoise import predict
from muybridge.sampling.grid import Pass
from muybridge.sampling.noise import draw_noise
from muybridge.sampling.spectral import KINDS, blended, low_pass
from muybridge.sampling.video_model import VideoModel
from muybridge.sampling.windows import Windows, open_windows

StepsDone = Callable[[int, int], None]
"""Called as ``callback(steps_done, steps)`` after each step."""


@dataclass(frozen=True)
class Refinement:
    """How frames are refined.

    Attributes:
        strength: where on its way from noise (1) to clean latents (0) the model begins, before
            ``shift``; 0 changes nothing.
        steps: of the model, all of them from there.
        shift: above 1, steps are closer together where there is much noise, and there is more of
            it: ``s = shift * u / (1 + (shift - 1) * u)``.
        guidance: how strongly the model follows what it is told; 1 is without, and half the time.
        fraction: of the steps, the first ones, in which slow and coarse parts are blended.
        amount: of the blending, 0..1.
        fade: ``constant``; ``cosine`` lets the amount fall to 0 over these steps.
        cut_time, cut_space: what is slow and coarse, cycles per latent; ``inf`` for everything.
        kind: of the filter, see :mod:`muybridge.sampling.spectral`.
        anchor: how firmly the first frame is held, 0..1.
        still_noise: how much of the noise (its variance) all frames of a view share, 0..1.
        noise_scale: of the noise, 0..1; at 0 models start from its mean, which suits those that
            paint in few steps.
        window, overlap: latent frames that go through the model together, and that neighbours
            share; ``None`` for as many as the model takes, and a quarter of these.
    """

    strength: float = 0.4
    steps: int = 20
    shift: float = 3.0
    guidance: float = 1.0
    fraction: float = 1.0
    amount: float = 1.0
    fade: str = "constant"
    cut_time: float = 0.25
    cut_space: float = math.inf
    kind: str = "gaussian"
    anchor: float = 1.0
    still_noise: float = 0.0
    noise_scale: float = 1.0
    window: int | None = None
    overlap: int | None = None

    @staticmethod
    def of(preset: str | Refinement, **changes: Any) -> Refinement:
        """A preset with some settings changed, checked.

        Args:
            preset: a name of :data:`PRESETS`, or settings.
            changes: settings by name.

        Raises:
            InputError: there is no such preset or setting, or it is out of range.
        """
        if isinstance(preset, str):
            if preset not in PRESETS:
                raise InputError(
                    "refine", "", f"there is no {preset!r}", "use " + ", ".join(PRESETS)
                )
            preset = PRESETS[preset]
        unknown = sorted(set(changes) - set(Refinement.__dataclass_fields__))
        if unknown:
            raise InputError(
                "refine", unknown[0], "is no setting",
                "use " + ", ".join(Refinement.__dataclass_fields__),
            )
        for name, value in changes.items():
            kinds, said = _kinds(name)
            if isinstance(value, bool) or not isinstance(value, kinds):
                raise InputError("refine", name, f"is {value!r}", f"give {said}")
        return replace(preset, **changes).checked()

    def checked(self) -> Refinement:
        """These settings.

        Raises:
            InputError: one is out of range.
        """
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if value is None and name in ("window", "overlap"):
                continue
            if not low <= value <= high:
                raise InputError("refine", name, f"is {value}", f"give {low:g} to {high:g}")
        for name, known in (("fade", ("constant", "cosine")), ("kind", KINDS)):
            if getattr(self, name) not in known:
                raise InputError(
                    "refine", name, f"there is no {getattr(self, name)!r}",
                    "use " + ", ".join(known),
                )
        if self.window and self.overlap and self.overlap >= self.window:
            raise InputError(
                "refine", "overlap", f"{self.overlap} with windows of {self.window}",
                f"give 0 to {self.window - 1}",
            )
        return self

    def noise_levels(self) -> list[float]:
        """Shares of noise before each step, and 0 behind the last; falling."""
        levels = []
        for k in range(self.steps + 1):
            u = self.strength * (1 - k / self.steps)
            levels.append(self.shift * u / (1 + (self.shift - 1) * u))
        return levels

    def amounts(self) -> list[float]:
        """How much is blended in each step."""
        count = math.ceil(self.fraction * self.steps - 1e-9)
        fading = self.fade == "cosine"
        return [
            0.0 if k >= count
            else self.amount * (0.5 + 0.5 * math.cos(math.pi * k / count) if fading else 1.0)
            for k in range(self.steps)
        ]

    def windows(self, frames: int, most: int) -> Windows:
        """Over the frames of a video, for a model that takes so many together."""
        size = min(self.window or most, most)
        overlap = min(size // 4 if self.overlap is None else self.overlap, size - 1)
        return open_windows(frames, size, overlap, "ramp")


_RANGES = (
    ("strength", 0, 1), ("steps", 1, 1000), ("shift", 0.01, 100), ("guidance", 0, 100),
    ("fraction", 0, 1), ("amount", 0, 1), ("cut_time", 0, math.inf), ("cut_space", 0, math.inf),
    ("anchor", 0, 1), ("still_noise", 0, 1), ("noise_scale", 0, 1),
    ("window", 1, 100_000), ("overlap", 0, 100_000),
)

PRESETS: dict[str, Refinement] = {
    "faithful": Refinement(still_noise=1.0),
    "steady": Refinement(strength=0.95, steps=4, still_noise=1.0),
    "told": Refinement(
        strength=0.9, steps=2, amount=0.5, cut_time=0.06, anchor=0.0, noise_scale=0.0
    ),
    "paper": Refinement(
        strength=0.7, shift=5.0, guidance=5.0, fraction=0.35, cut_time=0.06, cut_space=0.12
    ),
    "strong": Refinement(
        strength=0.6, shift=5.0, guidance=3.5, fraction=0.6, fade="cosine", cut_time=0.12,
        cut_space=0.25, anchor=0.5,
    ),
}
"""By name. ``paper`` has the paper's numbers, as far as they are known; ``faithful`` keeps all that
is slow, in every step, and stays close to the frames; all of these share their noise, without
which a small model adds more flicker than it takes. ``steady`` is ``faithful`` from nearly nothing
but noise on, in a few steps, for small models. ``told`` is for a small model that knows what each
frame shows (HVG's): it begins from the noise's mean, and half of what is slow stays.
``strong`` lets the video model repaint."""


class SpectralTemporalRefiner:
    """See the module.

    Args:
        model: the video model.
        settings: a preset's name, or settings.
        scheduler: of diffusers, for flow (``FlowMatchEulerDiscreteScheduler``,
            ``UniPCMultistepScheduler``); its noise levels are replaced. Euler steps by default.
        changes: settings by name that differ.

    Raises:
        InputError: see :meth:`Refinement.of`.
    """

    def __init__(
        self, model: VideoModel, settings: Refinement | str = "faithful", *,
        scheduler: Any = None, **changes: Any,
    ) -> None:
        self.model = model
        self.settings = Refinement.of(settings, **changes)
        self.scheduler = scheduler

    @torch.no_grad()
    def __call__(
        self,
        latents: Float[Tensor, "V T C h w"],
        *,
        seed: int = 0,
        noise: Float[Tensor, "V T C h w"] | None = None,
        windows: Windows | None = None,
        pull: Float[Tensor, "T"] | None = None,
        first: tuple[int, int] = (0, 0),
        tiles_per_call: int = 1,
        callback: StepsDone | None = None,
    ) -> Float[Tensor, "V T C h w"]:
        """Refined latents; every view is a video by itself.

        Args:
            latents: of the frames, scaled as the model knows them; the most likely ones.
            seed: of the noise, which belongs to each (view, frame).
            noise: standard normal; in place of the seed's.
            windows: over frames; of the settings by default.
            pull: how firmly each frame is held to what it is, 0..1, beside the anchor: frames that
                an earlier call has refined already.
            first: numbers of the first view and frame in the whole video, for the noise.
            tiles_per_call: windows that share a call of the model.
            callback: told after each step.
        """
        how = self.settings
        if how.strength == 0:
            return latents.clone()
        given = latents.float()
        frames = given.shape[1]
        levels, amounts = how.noise_levels(), how.amounts()
        size = (int(frames), int(given.shape[3]), int(given.shape[4]))
        mask = low_pass(size, how.cut_time, how.cut_space, how.kind)
        held = _held(frames, how.anchor, pull)
        look = Pass(
            frames=windows or how.windows(frames, self.model.frames), guidance=how.guidance
        )
        noise = self._noise(given, seed, first) if noise is None else noise
        x = torch.lerp(given, noise, levels[0])
        step = self._stepper(levels)
        for k in range(how.steps):
            share = torch.tensor(levels[k], dtype=torch.float64)
            clean = predict(self.model, x, share, look, tiles_per_call)
            clean = blended(clean, given, mask, amounts[k])
            if held is not None:
                clean = torch.lerp(clean, given, held.to(given)[:, None, None, None])
            x = step(k, x, clean)
            if callback is not None:
                callback(k + 1, how.steps)
        return x.to(latents.dtype)

    def _noise(
        self, latents: Float[Tensor, "V T C h w"], seed: int, first: tuple[int, int]
    ) -> Float[Tensor, "V T C h w"]:
        """Of the video's numbers; what frames share is that of frame -1."""
        views, frames, channels, rows, columns = map(int, latents.shape)
        shown = range(first[0], first[0] + views)
        size = (channels, rows, columns)
        own = draw_noise(seed, shown, range(first[1], first[1] + frames), size)
        share = self.settings.still_noise
        if share:
            shared = draw_noise(seed, shown, [-1], size)
            own = math.sqrt(share) * shared + math.sqrt(1 - share) * own
        return own.to(latents) * self.settings.noise_scale

    def _stepper(self, levels: list[float]) -> Callable[[int, Tensor, Tensor], Tensor]:
        """From latents and their clean estimate to the latents of the next noise level."""
        if self.scheduler is None:
            return lambda k, x, clean: torch.lerp(clean, x, levels[k + 1] / levels[k])
        scheduler = flow_scheduler(self.scheduler, levels)
        times = scheduler.timesteps

        def step(k: int, x: Tensor, clean: Tensor) -> Tensor:
            velocity = (x - clean) / levels[k]
            moved: Tensor = scheduler.step(velocity, times[k], x, return_dict=False)[0]
            return moved

        return step


def flow_scheduler(scheduler: Any, levels: list[float]) -> Any:
    """A diffusers scheduler for flow at given noise levels; the one given is left as it was.

    Args:
        scheduler: of a class whose ``set_timesteps`` takes ``sigmas``.
        levels: shares of noise, falling to 0.

    Raises:
        InputError: it can't be used so.
    """
    name = type(scheduler).__name__
    remedy = "use FlowMatchEulerDiscreteScheduler or UniPCMultistepScheduler, or leave it out"
    known = set(scheduler.config)
    if not known & {"shift", "flow_shift"}:
        raise InputError("scheduler", "", f"{name} is none for flow", remedy)
    wanted = {
        "shift": 1.0, "flow_shift": 1.0, "use_dynamic_shifting": False, "shift_terminal": None,
        "use_flow_sigmas": True, "prediction_type": "flow_prediction",
    }
    fresh = type(scheduler).from_config(
        scheduler.config, **{key: value for key, value in wanted.items() if key in known}
    )
    try:
        fresh.set_timesteps(sigmas=np.array(levels[:-1]))
    except (TypeError, ValueError) as error:
        problem = f"{name} takes no noise levels ({error})"
        raise InputError("scheduler", "", problem, remedy) from None
    found = torch.as_tensor(fresh.sigmas).double()
    if found.shape != (len(levels),) or float((found - torch.tensor(levels)).abs().max()) > 1e-4:
        raise InputError("scheduler", "", f"{name} changes the noise levels", remedy)
    return fresh


def _kinds(name: str) -> tuple[tuple[type, ...], str]:
    """Types that a setting may have, and how to say it."""
    if name in ("fade", "kind"):
        return (str,), "a name"
    if name == "steps":
        return (int,), "a whole number"
    if name in ("window", "overlap"):
        return (int, type(None)), "a whole number"
    return (int, float), "a number"


def _held(
    frames: int, anchor: float, pull: Float[Tensor, "T"] | None
) -> Float[Tensor, "T"] | None:
    """How firmly each frame is held; ``None`` where none is."""
    held = torch.zeros(frames) if pull is None else pull.float().clone()
    held[0] = max(float(held[0]), anchor)
    return held if bool(held.any()) else None
