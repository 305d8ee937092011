"""Video models from folders in diffusers' layout, read offline; no code in them is run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from muybridge.errors import InputError, MissingWeights
from muybridge.sampling.video_models.svd import SvdTools
from muybridge.sampling.video_models.tools import VideoTools
from muybridge.sampling.video_models.wan import WanTools

INDEX = "model_index.json"
WAN = ("WanPipeline", "WanVideoToVideoPipeline", "WanImageToVideoPipeline")
SVD = ("StableVideoDiffusionPipeline",)
HOW = (
    "give a folder in diffusers' layout: Wan 2.1 or 2.2, text or image to video (Apache-2.0; "
    "about 30 GB at 1.3B, 65 GB at 14B), or Stable Video Diffusion (9 GB; its own community "
    "licence, which asks for an agreement)"
)
"""What to do without weights."""
PROMPT = "a person, clean plain background, highly detailed, steady lighting"
NEGATIVE = "flicker, jitter, blurry, deformed, changing clothes"
"""What Wan is told by default."""


def is_video_folder(folder: Path) -> bool:
    """Whether a folder has a video model that can be used; looks at ``model_index.json`` only."""
    try:
        return _kind(folder) in (*WAN, *SVD)
    except InputError:
        return False


def load_tools(
    folder: Path,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    prompt: str = PROMPT,
    negative_prompt: str = NEGATIVE,
    fps: float = 7.0,
    offload: bool = False,
) -> VideoTools:
    """Wan or Stable Video Diffusion from a folder.

    Args:
        folder: with ``model_index.json``.
        device: where it computes.
        dtype: of the large networks; autoencoders keep full precision.
        prompt, negative_prompt: for Wan; encoded once, then its text encoder is let go.
        fps: of the video, for Stable Video Diffusion.
        offload: keep in the GPU's memory only what is computing.

    Raises:
        MissingWeights: there is no such folder.
        InputError: it holds something else, or is damaged.
    """
    if not folder.exists():
        raise MissingWeights(f"{folder}: there is no such video model; {HOW}")
    kind = _kind(folder)
    if kind not in (*WAN, *SVD):
        raise InputError(folder / INDEX, "_class_name", f"is {kind}", HOW)
    import diffusers

    try:
        pipeline: Any = getattr(diffusers, kind).from_pretrained(
            folder, local_files_only=True, use_safetensors=True, torch_dtype=dtype,
        )
    except (OSError, ValueError, RuntimeError, TypeError, KeyError, ImportError) as error:
        words = " ".join(str(error).split())[:300]
        raise InputError(folder, "", f"can't be read ({words})", "download it again") from None
    pipeline.vae.to(torch.float32)
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.requires_grad_(False).eval()
    return _wan(pipeline, device, prompt, negative_prompt, offload) if kind in WAN else _svd(
        pipeline, device, fps, offload
    )


def _wan(
    pipeline: Any, device: torch.device | str, prompt: str, negative_prompt: str, offload: bool
) -> WanTools:
    """Wan with its prompts encoded."""
    from diffusers import WanPipeline

    pipeline.text_encoder.to(device)
    with torch.no_grad():  # WanPipeline's own way, which does without ftfy
        text, no_text = (
            WanPipeline._get_t5_prompt_embeds(
                pipeline, words, max_sequence_length=512, device=torch.device(device)
            )
            for words in (prompt, negative_prompt)
        )
    pipeline.text_encoder = None
    _place(pipeline, device, offload)
    return WanTools(pipeline, text, no_text)


def _svd(pipeline: Any, device: torch.device | str, fps: float, offload: bool) -> SvdTools:
    _place(pipeline, device, offload)
    return SvdTools(pipeline, fps=fps)


def _place(pipeline: Any, device: torch.device | str, offload: bool) -> None:
    """Where networks are while they don't compute."""
    if not offload:
        pipeline.to(device)
        return
    if torch.device(device).type == "cpu":
        raise InputError("offload", "", "is for a GPU", "leave it out, or give --device cuda")
    pipeline.enable_model_cpu_offload(device=device)


def _kind(folder: Path) -> str:
    """The pipeline's class in ``model_index.json``."""
    path = folder / INDEX
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(path, "", f"can't be read ({error.strerror})", HOW) from None
    except (ValueError, RecursionError) as error:
        raise InputError(path, "", f"is no JSON ({error})", "download it again") from None
    name = values.get("_class_name") if isinstance(values, dict) else None
    if not isinstance(name, str):
        raise InputError(path, "_class_name", "is missing", HOW)
    return name
