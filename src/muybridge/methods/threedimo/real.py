"""3DiMo on Wan: ``mb.load("3dimo", wan=FOLDER, motion=FOLDER)``.

Everything but the networks is as with the small sizes: motions are shown by a figure of ours,
paths become sentences, the result is put back where the crop lies. The text encoder gets the
sentence itself. Nobody has released a motion part; :mod:`.real_parts` says what one is made of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError, MissingWeights
from muybridge.methods.loading import checked_steps, chosen_device, chosen_dtype
from muybridge.methods.spec import missing_text
from muybridge.methods.threedimo.config import ThreeDimoConfig
from muybridge.methods.threedimo.diffuse import Conditions
from muybridge.methods.threedimo.networks import Driver
from muybridge.methods.threedimo.pipeline import ThreeDimoPipeline
from muybridge.methods.threedimo.real_parts import (
    NEGATIVE,
    Sentences,
    read_motion,
    read_transformer,
    read_wan,
    save_motion,
    with_motion,
)
from muybridge.methods.threedimo.real_sampling import RealConditions, sample_real
from muybridge.methods.threedimo.spec import SPEC
from muybridge.networks.motion_tokens import MotionEncoder
from muybridge.sampling.denoise import StepCallback
from muybridge.sampling.store import DiskGrids
from muybridge.sampling.video_models import WanTools

WIDTH, HEIGHT = 480, 832
"""Of what is painted by default, pixels: as many as the paper's, upright."""
REAL = ("paper", "paper-wan21")
"""Sizes on Wan."""


@dataclass
class RealNetworks:
    """Wan with the motion part, as the pipeline sees networks.

    Attributes:
        config: of the motion part, with the pictures' size.
        tools: Wan's parts.
        control: the motion encoders.
        speak: the text encoder.
    """

    config: ThreeDimoConfig
    tools: WanTools
    control: MotionEncoder
    speak: Sentences

    @property
    def dtype(self) -> torch.dtype:
        """Of the motion encoders' weights."""
        return next(self.control.parameters()).dtype

    def motion(self, driver: Driver) -> Float[Tensor, "B F N D"]:
        """Motion tokens of a driver."""
        tokens: Tensor = self.control(driver.pictures, driver.hands, driver.seen)
        return tokens

    def turned(self, driver: Driver) -> Float[Tensor, "B F"]:
        """How far drivers have turned: not at all, as nothing has learnt to read it."""
        return torch.zeros(driver.pictures.shape[:2])

    def decode(self, latents: Float[Tensor, "F 3 H W"]) -> Float[Tensor, "F 3 H W"]:
        """Pictures as they are: Wan's autoencoder has made them of a whole view already."""
        return latents.float()


class RealThreeDimo(ThreeDimoPipeline):
    """See :class:`ThreeDimoPipeline`; on Wan.

    Args:
        networks: where they are to run.
        detail, steps: see there.
        guidance: how strongly words and motion are followed; the size's own by default.
        negative: what is said to the output that sees neither.
    """

    networks: RealNetworks  # type: ignore[assignment]

    def __init__(
        self, networks: RealNetworks, *, detail: bool = True, steps: int | None = None,
        guidance: float | None = None, negative: str = NEGATIVE,
    ) -> None:
        if guidance is not None and not 0 <= guidance <= 100:
            raise InputError("guidance_scale", "", f"is {guidance}", "give 0 to 100")
        config = networks.config
        if guidance is not None:
            networks.config = config = replace(config, guidance=float(guidance))
        pipeline = networks.tools.pipeline
        side = int(pipeline.vae_scale_factor_spatial) * int(
            pipeline.transformer.config["patch_size"][1]
        )
        for name, pixels in (("width", config.width), ("height", config.height)):
            if pixels < side or pixels % side:
                raise InputError(name, "", f"is {pixels} pixels", f"give a multiple of {side}")
        self.networks = networks
        self.size, self.detail, self.steps = config.size, detail, steps
        self.driver, self.driver_hands, self.negative = None, None, negative
        per_frame = config.motion["dim"] * 3 * config.motion["tokens"]
        self.kept_bytes = (2 * 3 + 1) * config.width * config.height + 4 * per_frame

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the motion part; Wan's weights stay where they are.

        Raises:
            InputError: the folder holds something else.
        """
        made = self.networks
        save_motion(made.config, made.tools.pipeline.transformer, made.control, Path(folder))

    def painted(
        self, given: Conditions, seed: int, callback: StepCallback
    ) -> Float[Tensor, "V T 3 H W"]:
        """Pictures of the whole video in half precision, in a file; see the base class."""
        config, tools = self.networks.config, self.networks.tools
        known = RealConditions(given.picture[:, :3], given.motion, given.say, given.views)
        latents = sample_real(
            tools, config, known, self.networks.speak, negative=self.negative, seed=seed,
            steps=self.steps, callback=callback,
        )
        views, frames = given.views, given.frames
        self._files = DiskGrids("muybridge-3dimo-")
        made = self._files.zeros((views, frames, 3, config.height, config.width), torch.float16)
        for view, row in enumerate(latents):
            made[view] = tools.decode(row)[1 : frames + 1].half()
        return made


def load_real(
    size: str = "", *, wan: str | Path | None = None, motion: str | Path | None = None,
    offload: bool = False, device: str | None = None, dtype: str | None = None,
    num_inference_steps: int | None = None, guidance_scale: float | None = None,
    negative_prompt: str = NEGATIVE, width: int = WIDTH, height: int = HEIGHT,
    detail: bool = True,
) -> RealThreeDimo:
    """The pipeline of real parts.

    Args:
        size: ``paper`` or ``paper-wan21``, for where parts are looked for; any other: ``paper``.
        wan: folder of Wan in diffusers' layout.
        motion: folder of the motion part trained for it. Both are looked for among the weights
            where they are left out.
        offload: keep on the GPU only what is at work.
        device: ``cpu`` or ``cuda``; a GPU where there is one.
        dtype: of the weights; bfloat16 on a GPU, else float32.
        num_inference_steps, guidance_scale: of the sampler.
        negative_prompt: see :class:`RealThreeDimo`.
        width, height: of what is painted, pixels.
        detail: see :class:`ThreeDimoPipeline`.

    Raises:
        InputError: an option can't be, or a part is damaged or does not fit.
        MissingWeights: a part is not on this machine.
    """
    size = size if size in REAL else REAL[0]
    places = [_place(size, number, given) for number, given in enumerate((wan, motion))]
    steps, where = checked_steps(num_inference_steps), chosen_device(device)
    if offload and where.type == "cpu":
        raise InputError("offload", "", "keeps parts off a GPU, and there is none in use",
                         "leave it out")
    kind = chosen_dtype(dtype) or (torch.bfloat16 if where.type == "cuda" else torch.float32)
    config, weights, control = read_motion(places[1], kind)
    base = read_transformer(places[0] / "transformer", kind)
    transformer = with_motion(base, config, weights, source=places[0] / "transformer")
    tools = read_wan(places[0], transformer, config, kind)
    place: Callable[[Any], Any] = (
        tools.pipeline.enable_model_cpu_offload if offload else tools.pipeline.to
    )
    place(where)
    eyes: Any = control
    networks = RealNetworks(
        replace(config, width=width, height=height), tools,
        eyes.to(where).requires_grad_(False), Sentences(tools.pipeline),
    )
    return RealThreeDimo(
        networks, detail=detail, steps=steps, guidance=guidance_scale, negative=negative_prompt
    )


def _place(size: str, number: int, given: str | Path | None) -> Path:
    """Where a part lies: as given, or in the weights' folder."""
    if given is not None:
        path = Path(given)
        if not path.is_dir():
            raise InputError(path, "", "is no folder", "check the name")
        return path
    wanted = SPEC.size(size)
    known = SPEC.find(wanted.weights[number])
    if known is None:
        raise MissingWeights(missing_text(SPEC, wanted, [wanted.weights[number]]))
    return known
