"""Sizes of the video UNet that methods have in common: small ones on linear latents, and SVD's."""

from __future__ import annotations

from typing import Any

PATCH, LATENTS, CONTEXT = 4, 32, 64
"""Of small sizes: pixels of a latent along each side; channels of latents; length of a token."""
EXTRA = 32
"""Of small sizes: length of the encodings that are added to the time embedding."""
DOWN, DOWN_CROSS = "DownBlockSpatioTemporal", "CrossAttnDownBlockSpatioTemporal"
UP, UP_CROSS = "UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"
"""diffusers' names of blocks without and with attention."""


def small_unet(
    height: int, widths: tuple[int, ...], crossed: tuple[bool, ...], frames: int, layers: int = 1
) -> dict[str, Any]:
    """Arguments of a small ``HumanVideoUNet``.

    Args:
        height: of the pictures, pixels.
        widths: of its levels, multiples of 32.
        crossed: which levels have attention.
        frames: of a window.
        layers: per block.
    """
    return {
        "sample_size": height // PATCH,
        "in_channels": 2 * LATENTS,
        "out_channels": LATENTS,
        "down_block_types": tuple(DOWN_CROSS if c else DOWN for c in crossed),
        "up_block_types": tuple(UP_CROSS if c else UP for c in reversed(crossed)),
        "block_out_channels": widths,
        "addition_time_embed_dim": EXTRA,
        "projection_class_embeddings_input_dim": 3 * EXTRA,
        "layers_per_block": layers,
        "cross_attention_dim": CONTEXT,
        "num_attention_heads": tuple(w // 32 for w in widths),
        "num_frames": frames,
    }


def small_autoencoder() -> dict[str, Any]:
    """Arguments of their ``LinearAutoencoder``, of RGB and matte."""
    return {"in_channels": 4, "patch": PATCH, "latent_channels": LATENTS}


def svd_unet(sample_size: int) -> dict[str, Any]:
    """Arguments of the ``HumanVideoUNet`` that takes SVD-xt's weights.

    Args:
        sample_size: of its latents.
    """
    return {
        "sample_size": sample_size,
        "in_channels": 8,
        "out_channels": 4,
        "down_block_types": (DOWN_CROSS, DOWN_CROSS, DOWN_CROSS, DOWN),
        "up_block_types": (UP, UP_CROSS, UP_CROSS, UP_CROSS),
        "block_out_channels": (320, 640, 1280, 1280),
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 768,
        "layers_per_block": 2,
        "cross_attention_dim": 1024,
        "num_attention_heads": (5, 10, 20, 20),
        "num_frames": 25,
    }
