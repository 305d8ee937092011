"""ReImagine with its real parts: FLUX.1-Kontext, the ControlNet, the release's LoRA.

``mb.load("reimagine", kontext=..., controlnet=..., lora=...)``. The reference and the prompt are
encoded once for a video; pictures are on white, as the release has them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.methods.avatar.scene import AvatarScene
from muybridge.methods.cropped import BLOCK
from muybridge.methods.detail import matte_of_black
from muybridge.methods.hvg.conditions import crop_of_video
from muybridge.methods.latent import LatentPipeline, Prepared
from muybridge.methods.loading import checked_steps, chosen_device, chosen_dtype
from muybridge.methods.pipeline import Tell
from muybridge.methods.reimagine.calming import NONE
from muybridge.methods.reimagine.conditions import sides_of, turn_to_front, world_normals
from muybridge.methods.reimagine.config import PAPER
from muybridge.methods.reimagine.denoise import LookedAt, Text
from muybridge.methods.reimagine.kontext_controlnet import PROMPT, FluxKontextControlNetPipeline
from muybridge.methods.reimagine.real_parts import found, read_pipeline, read_text
from muybridge.methods.reimagine.spec import SPEC
from muybridge.motion import Motion
from muybridge.person import Person


@dataclasses.dataclass
class RealNetworks:
    """The image pipeline as what decodes latents of a video.

    Attributes:
        config: the paper's, with the pictures' size; four channels, as :meth:`decode` gives.
        pipe: of the real parts.
    """

    config: Any
    pipe: FluxKontextControlNetPipeline

    def decode(self, latents: Float[Tensor, "F K h w"]) -> Float[Tensor, "F 4 H W"]:
        """Pictures over black, and a matte: what is not white, so white clothes may have holes."""
        return over_black_of_white(self.pipe.decode(latents))


class RealReImagine(LatentPipeline):
    """A person in any motion and view, by the real networks.

    Args:
        pipe: of the real parts, where it is to run.
        text: the prompt, encoded.
        width, height: of the pictures that are painted, pixels; multiples of 16.
        references: 1 leaves the back out.
        steps: of the sampler.
        control: how strongly normals steer.
        together: pictures painted in one batch.
        detail: whether the avatar's fine detail is returned to enlarged results.
    """

    spec = SPEC
    before = 0.9
    size = "paper"

    def __init__(
        self, pipe: FluxKontextControlNetPipeline, text: Text, *, width: int = PAPER.width,
        height: int = PAPER.height, references: int = 2, steps: int | None = None,
        control: float = 1.0, together: int = 1, detail: bool = True,
    ) -> None:
        if references not in (1, 2):
            raise InputError("references", "", f"can't be {references}", "use 1 or 2")
        if not 0 <= control <= 2:
            raise InputError("controlnet_conditioning_scale", "", f"is {control}", "give 0 to 2")
        if together < 1:
            raise InputError("together", "", f"is {together}", "give 1 or more")
        for name, pixels in (("width", width), ("height", height)):
            if pixels < 16 or pixels % 16:
                raise InputError(name, "", f"is {pixels} pixels", "give a multiple of 16")
        config = dataclasses.replace(
            PAPER, width=width, height=height, picture_channels=4, decode_together=4
        )
        self.networks: RealNetworks = RealNetworks(config, pipe)
        self.text, self.together, self.detail = text, together, detail
        self.references, self.steps, self.control = references, steps or PAPER.steps, control
        self.kept_bytes = 4 * 16 * width * height // 64

    def prepare(
        self, person: Person, motion: Motion, cameras: Cameras, seed: int, tell: Tell
    ) -> Prepared:
        """See :meth:`LatentPipeline.prepare`."""
        config, pipe = self.networks.config, self.networks.pipe
        crop = crop_of_video(person, motion, cameras, config.width, config.height)
        first_body = person.shaped.pose(motion.slice(0, 1))
        turn = turn_to_front(first_body)
        sides = on_white(sides_of(person, first_body, crop, self.references).pictures)
        reference = pipe.encode_reference(torch.cat([sides[0], sides[1]], -1))
        views, frames = crop.cameras.views, motion.frames
        shape = (pipe.latent_channels, config.height // 8, config.width // 8)
        made = torch.empty(views, frames, *shape)
        for start in range(0, frames, BLOCK):
            stop = min(start + BLOCK, frames)
            posed = person.shaped.pose(motion.slice(start, stop))
            shown = on_white(world_normals(posed, crop.cameras.slice(start, stop), turn))
            for view, maps in enumerate(shown):
                tell((start * views + view * len(maps)) / (frames * views), f"frame {start + 1}")
                made[view, start:stop] = torch.cat([
                    self._painted(part, reference, seed) for part in maps.split(self.together)
                ])
        return Prepared(crop, AvatarScene.of(person, motion), made)

    def _painted(
        self, normals: Float[Tensor, "B 3 H W"], reference: LookedAt, seed: int
    ) -> Float[Tensor, "B K h w"]:
        """Latents of a few pictures, on the CPU."""
        height, width = normals.shape[-2:]
        latents: Tensor = self.networks.pipe(
            self.text, image=reference, control_image=list(normals), height=height, width=width,
            seed=seed, num_inference_steps=self.steps, output_type="latent",
            controlnet_conditioning_scale=self.control,
        ).images
        return latents.float().cpu()


def on_white(pictures: Float[Tensor, "*B 4 H W"]) -> Float[Tensor, "*B 3 H W"]:
    """RGB premultiplied over black, with its matte, as a picture on white."""
    return (pictures[..., :3, :, :] + 1 - pictures[..., 3:, :, :]).clamp(0, 1)


def over_black_of_white(pictures: Float[Tensor, "*B 3 H W"]) -> Float[Tensor, "*B 4 H W"]:
    """The inverse as far as there is one: what is not quite white is the person."""
    matte = matte_of_black(1 - pictures)
    return torch.cat([(pictures - (1 - matte)).clamp(min=0), matte], -3)


def load_real(
    *, kontext: str | Path | None = None, controlnet: str | Path | None = None,
    lora: str | Path | bool = True, lora_scale: float = 1.0, prompt: str = PROMPT,
    quantize: str | None = None, offload: bool = False, device: str | None = None,
    dtype: str | None = None, num_inference_steps: int | None = None, references: int = 2,
    width: int = PAPER.width, height: int = PAPER.height, control: float = 1.0,
    together: int = 1, refine: str | None = None, detail: bool = True,
) -> RealReImagine:
    """The pipeline of real parts.

    Args:
        kontext: folder of FLUX.1-Kontext in diffusers' layout.
        controlnet: folder of the Surface-Normals ControlNet.
        lora: the release's file, or another; ``False`` for none. These three are looked for
            among the weights where they are left out.
        lora_scale: of the LoRA.
        prompt: for all pictures.
        quantize: ``int8`` or, on a GPU, ``nf4`` to hold the transformer in less memory.
        offload: keep on the GPU only what is at work.
        device: ``cpu`` or ``cuda``; a GPU where there is one.
        dtype: of the weights; bfloat16 on a GPU, else float32.
        num_inference_steps: of the sampler.
        refine: nothing but ``none``, which is the default: a real video model sees other latents
            than the image model, so it refines the finished video (``muybridge refine``).
        references, width, height, control, together, detail: see :class:`RealReImagine`.

    Raises:
        InputError: an option can't be, or a part is damaged or does not fit.
        MissingWeights: a part is not on this machine.
    """
    if refine not in (None, NONE):
        raise InputError(
            "refine", "", f"is {refine!r}, and the image model's latents are none of a video model",
            "leave it out, and then: muybridge refine FOLDER --model a folder of Wan",
        )
    places = found(SPEC, 0, kontext), found(SPEC, 1, controlnet)
    file = None if lora is False else found(SPEC, 2, None if lora is True else lora)
    steps, where = checked_steps(num_inference_steps), chosen_device(device)
    usual = torch.bfloat16 if where.type == "cuda" else torch.float32
    kind = chosen_dtype(dtype) or usual
    if offload and where.type == "cpu":
        raise InputError("offload", "", "keeps parts off a GPU, and there is none in use",
                         "leave it out")
    text = read_text(places[0], prompt, kind, where)
    pipe = read_pipeline(
        *places, file, dtype=kind, quantize=quantize, lora_scale=float(lora_scale)
    )
    place: Callable[[Any], Any] = pipe.enable_model_cpu_offload if offload else pipe.to
    place(where)
    return RealReImagine(
        pipe, text, width=width, height=height, references=references, steps=steps,
        control=control, together=together, detail=detail,
    )
