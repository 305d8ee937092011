"""FLUX.1-Kontext with a ControlNet, which diffusers does not have, as ReImagine's release runs it.

A wide picture of somebody's front and back is looked at unresized; the world's normals steer; any
size that is a multiple of 16 pixels is painted, where Kontext's own pipeline goes to a size of its
own list. What a video has one of (prompt, reference, noise) is encoded once and given again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from diffusers.pipelines.flux.pipeline_flux_kontext import FluxKontextPipeline, calculate_shift
from diffusers.pipelines.flux.pipeline_output import FluxPipelineOutput
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from muybridge.errors import InputError
from muybridge.methods.reimagine.condition_encoder import token_ids
from muybridge.methods.reimagine.denoise import LookedAt, Text, Tokens, denoise
from muybridge.methods.reimagine.networks import packed, unpacked
from muybridge.methods.reimagine.scheduler import release_levels

PROMPT = "person, clean white background, highly detailed, high resolution, 4k"
"""The release's, for all pictures."""
Picture = Image.Image | Tensor
"""A PIL picture, or ``[C, H, W]`` in [0, 1]; alpha is laid on white."""
StepEnd = Callable[[Any, int, Any, dict[str, Any]], dict[str, Any] | None]
"""diffusers' callback at the end of a step."""
_TOGETHER = 4
"""Pictures that go through the autoencoder together."""


class FluxKontextControlNetPipeline(FluxKontextPipeline):  # type: ignore[misc]
    """See the module. Every part is a class of diffusers or transformers.

    Args:
        scheduler: ``release_scheduler()``, or another flow-matching one.
        vae: Flux's autoencoder.
        text_encoder, tokenizer: CLIP's; ``None`` where prompts come encoded.
        text_encoder_2, tokenizer_2: T5's; likewise.
        transformer: Kontext.
        controlnet: of its width; of any number of blocks. It stays on the device when models
            are offloaded, as it is called in every step.
        image_encoder, feature_extractor: of IP adapters; not used.
    """

    def __init__(
        self, scheduler: Any, vae: Any, text_encoder: Any, tokenizer: Any, text_encoder_2: Any,
        tokenizer_2: Any, transformer: Any, controlnet: Any, image_encoder: Any = None,
        feature_extractor: Any = None,
    ) -> None:
        super().__init__(
            scheduler, vae, text_encoder, tokenizer, text_encoder_2, tokenizer_2, transformer,
            image_encoder, feature_extractor,
        )
        self.register_modules(controlnet=controlnet)

    # ------------------------------------------------------------------ encoded once

    @torch.no_grad()
    def encode_text(self, prompt: str = PROMPT, max_sequence_length: int = 512) -> Text:
        """A prompt, for any number of pictures.

        Args:
            prompt: for both text encoders.
            max_sequence_length: of T5's tokens.

        Raises:
            InputError: the pipeline was made without text encoders.
        """
        if self.text_encoder is None or self.text_encoder_2 is None:
            raise InputError("prompt", "", "can't be encoded without text encoders",
                             "give an encoded prompt")
        tokens, pooled, _ = self.encode_prompt(prompt, max_sequence_length=max_sequence_length)
        kind = self.transformer.dtype
        return Text(tokens.to(kind), pooled.to(kind))

    def encode_reference(self, image: Picture) -> LookedAt:
        """Tokens of what is looked at, at its own size: front beside back for the release's LoRA.

        Args:
            image: of any size in multiples of 16 pixels.

        Raises:
            InputError: of another size.
        """
        latents = self._encoded([image], "reference")
        rows, columns = (n // 2 for n in latents.shape[-2:])
        return LookedAt(packed(latents), token_ids((rows, columns)).to(latents.device))

    def encode_control(
        self, images: Sequence[Picture], height: int | None = None, width: int | None = None
    ) -> Tokens:
        """Tokens of the maps that steer, one row each.

        Args:
            images: normals of the world, of one size.
            height, width: of the result, pixels; maps are fitted to it as the release does
                (see :func:`fit_to_height`). Left as they are without.

        Raises:
            InputError: sizes differ or are no multiple of 16.
        """
        if height is not None and width is not None:
            images = [fit_to_height(rgb(image), height, width) for image in images]
        return packed(self._encoded(images, "control"))

    @torch.no_grad()
    def _encoded(self, images: Sequence[Picture], what: str) -> Float[Tensor, "B K h w"]:
        """Most likely latents, scaled, in the transformer's numbers."""
        pictures = [as_tensor(image) for image in images]
        sizes = {tuple(picture.shape[-2:]) for picture in pictures}
        pixels = 2 * self.vae_scale_factor
        for size in sizes:
            if size[0] % pixels or size[1] % pixels:
                raise InputError(f"{what} picture", "size", f"is {size[1]} x {size[0]} pixels",
                                 f"give multiples of {pixels}")
        if len(sizes) != 1:
            raise InputError(f"{what} pictures", "size", f"there are {len(sizes)} sizes",
                             "give at least one, and all of one size")
        device, kind = self._execution_device, self.vae.dtype
        parts = [
            self.vae.encode(part.to(device, kind) * 2 - 1).latent_dist.mode()
            for part in torch.stack(pictures).split(_TOGETHER)
        ]
        config = self.vae.config
        latents = (torch.cat(parts) - config.shift_factor) * config.scaling_factor
        return latents.to(self.transformer.dtype)

    @torch.no_grad()
    def decode(self, latents: Float[Tensor, "B K h w"]) -> Float[Tensor, "B 3 H W"]:
        """Pictures in [0, 1] of scaled latents, on the latents' device."""
        config, device = self.vae.config, self._execution_device
        made = [
            self.vae.decode(
                (part / config.scaling_factor + config.shift_factor).to(device, self.vae.dtype),
                return_dict=False,
            )[0] for part in latents.split(_TOGETHER)
        ]
        return (torch.cat(made).float() / 2 + 0.5).clamp(0, 1).to(latents.device)

    # ------------------------------------------------------------------ painting

    def noise(self, height: int, width: int, seed: int = 43) -> Tokens:
        """The noise of a seed, made on the CPU in float32 as the release makes it; one row."""
        generator = torch.Generator("cpu").manual_seed(seed)
        size = (1, self.latent_channels, height // self.vae_scale_factor,
                width // self.vae_scale_factor)
        return packed(torch.randn(size, generator=generator))

    @torch.no_grad()
    def __call__(
        self,
        prompt: str | Text = PROMPT,
        *,
        image: Picture | LookedAt | None = None,
        control_image: Picture | Sequence[Picture] | Tokens | None = None,
        negative_prompt: str | Text | None = None,
        height: int = 1328,
        width: int = 800,
        num_inference_steps: int = 20,
        sigmas: Sequence[float] | None = None,
        guidance_scale: float = 3.5,
        true_cfg_scale: float = 1.0,
        controlnet_conditioning_scale: float = 1.0,
        extra_tokens: LookedAt | None = None,
        seed: int = 43,
        latents: Tokens | None = None,
        output_type: str = "pil",
        return_dict: bool = True,
        joint_attention_kwargs: dict[str, Any] | None = None,
        callback_on_step_end: StepEnd | None = None,
        max_sequence_length: int = 512,
    ) -> Any:
        """Paint one picture for each control picture, all from the same noise and reference.

        Args:
            prompt, negative_prompt: words, or what :meth:`encode_text` gave. The negative one is
                used only where ``true_cfg_scale`` is not 1.
            image: the reference, or what :meth:`encode_reference` gave.
            control_image: one or several, or what :meth:`encode_control` gave.
            height, width: pixels, multiples of 16.
            num_inference_steps: of the sampler.
            sigmas: noise levels before the shift; the release's by default.
            guidance_scale: the embedded one.
            true_cfg_scale: towards the prompt, away from the negative one; 1 costs least.
            controlnet_conditioning_scale: how strongly the control steers.
            extra_tokens: stand in the reference's place, such as a ``ConditionEncoder`` makes.
            seed: of the noise. ``latents``: noise tokens of one or each picture, instead.
            output_type: ``pil``, ``pt`` (in [0, 1]) or ``latent`` (scaled, ``[B, K, h, w]``).
            return_dict: give diffusers' output object, else a tuple.
            joint_attention_kwargs: for attention processors.
            callback_on_step_end: may change ``latents`` of its dictionary by giving it back.
            max_sequence_length: of T5's tokens.

        Raises:
            InputError: a size or option can't be.
        """
        grid = self._checked(height, width, num_inference_steps, output_type)
        if true_cfg_scale != 1 and negative_prompt is None:
            raise InputError("true_cfg_scale", "", f"is {true_cfg_scale} without a negative prompt",
                             "give negative_prompt, or leave it at 1")
        if extra_tokens is not None and image is not None:
            raise InputError("extra_tokens", "", "would replace the image", "give one of the two")
        device, kind = self._execution_device, self.transformer.dtype

        def text_of(given: str | Text) -> Text:
            known = given if isinstance(given, Text) else self.encode_text(
                given, max_sequence_length
            )
            return Text(known.tokens.to(device, kind), known.pooled.to(device, kind))

        text = text_of(prompt)
        negative = None
        if true_cfg_scale != 1 and negative_prompt is not None:
            negative = text_of(negative_prompt)
        seen = extra_tokens if extra_tokens is not None else image
        if seen is not None and not isinstance(seen, LookedAt):
            seen = self.encode_reference(seen)
        if seen is not None:
            seen = LookedAt(seen.tokens.to(device, kind), seen.ids.to(device))
        control = self._control(control_image, height, width, grid)
        x = (self.noise(height, width, seed) if latents is None else latents).to(device, kind)
        count = max(len(x), 1 if control is None else len(control))
        x = x.expand(count, -1, -1)
        self._set_levels(num_inference_steps, sigmas, x.shape[1])
        ids = token_ids(grid, kind=0.0).to(device)
        with self.progress_bar(total=len(self.scheduler.timesteps)) as bar:

            def stepped(step: int, timestep: Tensor, now: Tensor) -> Tensor | None:
                bar.update()
                if callback_on_step_end is None:
                    return None
                changed = callback_on_step_end(self, step, timestep, {"latents": now})
                return (changed or {}).get("latents")

            made = denoise(
                self.transformer, self.controlnet, self.scheduler, x, ids, text,
                negative=negative, true_cfg_scale=true_cfg_scale, callback=stepped,
                reference=seen, control=control, guidance=guidance_scale,
                scale=controlnet_conditioning_scale, attention=joint_attention_kwargs,
            )
        result: Any = unpacked(made, grid)
        if output_type != "latent":
            result = self.decode(result)
        if output_type == "pil":
            result = [Image.fromarray(each) for each in as_bytes(result)]
        self.maybe_free_model_hooks()
        return FluxPipelineOutput(images=result) if return_dict else (result,)

    def _checked(
        self, height: int, width: int, steps: int, output_type: str
    ) -> tuple[int, int]:
        """Rows and columns of tokens, of a request that can be."""
        pixels = 2 * self.vae_scale_factor
        for name, value in (("height", height), ("width", width)):
            if value < pixels or value % pixels:
                raise InputError(name, "", f"is {value} pixels", f"give a multiple of {pixels}")
        if steps < 1:
            raise InputError("num_inference_steps", "", f"is {steps}", "give 1 or more")
        if output_type not in ("pil", "pt", "latent"):
            raise InputError("output_type", "", f"can't be {output_type!r}",
                             "use pil, pt or latent")
        return height // pixels, width // pixels

    def _control(
        self, given: Any, height: int, width: int, grid: tuple[int, int]
    ) -> Tokens | None:
        """Tokens of what steers, for the size that is painted."""
        if given is None:
            return None
        if _are_tokens(given, self.transformer.config.in_channels, height):
            if given.shape[1] != grid[0] * grid[1]:
                raise InputError("control_image", "", f"has {given.shape[1]} tokens",
                                 f"encode it for {width} x {height} pixels")
            return given.to(self._execution_device, self.transformer.dtype)
        single = isinstance(given, Image.Image) or (isinstance(given, Tensor) and given.ndim == 3)
        return self.encode_control([given] if single else list(given), height, width)

    def _set_levels(self, steps: int, sigmas: Sequence[float] | None, tokens: int) -> None:
        """Timesteps of the scheduler, from the release's noise levels by default."""
        config, more = self.scheduler.config, {}
        if config.get("use_dynamic_shifting"):
            names = ("base_image_seq_len", "max_image_seq_len", "base_shift", "max_shift")
            more["mu"] = calculate_shift(tokens, *(config[name] for name in names))
        levels = list(sigmas) if sigmas is not None else release_levels(steps)
        self.scheduler.set_timesteps(sigmas=levels, device=self._execution_device, **more)


def _are_tokens(given: Any, channels: int, height: int) -> bool:
    """Whether a tensor holds tokens; a picture of that height is one."""
    if not isinstance(given, Tensor) or given.ndim != 3 or given.shape[-1] != channels:
        return False
    return given.shape[0] not in (3, 4) or given.shape[1] != height


# ------------------------------------------------------------------ pictures


def rgb(image: Picture) -> Image.Image:
    """A picture with three channels; what is transparent becomes white."""
    if isinstance(image, Tensor):
        array = (image.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
        image = Image.fromarray(array)
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def as_tensor(image: Picture) -> Float[Tensor, "3 H W"]:
    """A picture as numbers in [0, 1]."""
    if isinstance(image, Tensor) and image.shape[0] == 3:
        return image.float()
    return torch.from_numpy(np.array(rgb(image))).permute(2, 0, 1).float() / 255


def as_bytes(pictures: Float[Tensor, "B 3 H W"]) -> UInt8[np.ndarray, "B H W 3"]:
    """Bytes; cut off, not rounded, as the release does it."""
    values = (pictures * 255).clamp(0, 255).to(torch.uint8)
    return values.permute(0, 2, 3, 1).cpu().numpy()


def fit_to_height(image: Image.Image, height: int, width: int) -> Image.Image:
    """Scale a picture to a height; then repeat its border columns, or cut, to reach a width.

    Args:
        image: RGB.
        height, width: pixels.
    """
    scaled = image.resize(
        (max(1, int(image.width * (height / image.height))), height), Image.Resampling.LANCZOS
    )
    room = width - scaled.width
    if room == 0:
        return scaled
    pixels = np.asarray(scaled)
    if room > 0:
        pixels = np.pad(pixels, ((0, 0), (room // 2, room - room // 2), (0, 0)), mode="edge")
    else:
        pixels = pixels[:, -room // 2 :][:, :width]
    return Image.fromarray(pixels)
