"""Stable Video Diffusion's networks on the user's disk, read strictly and offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from muybridge.errors import InputError

if TYPE_CHECKING:
    import torch


def read_video_vae(folder: Path) -> Any:
    """SVD's autoencoder (``vae``), in float32: its encoder overflows in float16.

    Raises:
        InputError: a file is absent, damaged, or the two don't fit each other.
    """
    from diffusers.models.autoencoders.autoencoder_kl_temporal_decoder import (
        AutoencoderKLTemporalDecoder,
    )

    from muybridge.networks.weights import read_model

    return read_model(AutoencoderKLTemporalDecoder, folder)


def read_clip(folder: Path, dtype: torch.dtype | None = None) -> Any:
    """CLIP's vision model with projection (``image_encoder``).

    Args:
        folder: in transformers' format.
        dtype: of the weights in memory; float32 where ``None``.

    Raises:
        InputError: a file is absent, damaged, or the two don't fit each other.
    """
    import torch
    from transformers import CLIPVisionModelWithProjection

    source = folder / "config.json"
    if not source.is_file():
        raise InputError(source, "", "is not there", "download the folder image_encoder")
    told: dict[str, Any]
    kind: Any = CLIPVisionModelWithProjection
    try:
        network, told = kind.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True,
            dtype=dtype or torch.float32,
        )
    except (OSError, ValueError, RuntimeError, TypeError, KeyError) as error:
        raise InputError(
            folder, "", f"can't be read ({error})"[:300], "download it again"
        ) from None
    wrong = [
        *told["missing_keys"],
        *(k for k in told["unexpected_keys"] if not k.endswith("position_ids")),
        *(str(k) for k in told.get("mismatched_keys", ())),
    ]
    if wrong:
        raise InputError(
            folder, "weights", f"{len(wrong)} don't fit: {', '.join(sorted(map(str, wrong))[:12])}",
            "download it again",
        )
    return network
