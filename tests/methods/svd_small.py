"""SVD of a size for tests, laid out as it is released, in either layout."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
from diffusers import AutoencoderKLTemporalDecoder, UNetSpatioTemporalConditionModel
from networks.small_unet import SMALL, randomised
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from muybridge.methods.hvg.config import PAPER, HvgConfig, reference_like
from muybridge.networks.svd_names import ORIGINAL_PREFIX, original_names

VAE = dict(
    in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(32, 32),
    down_block_types=("DownEncoderBlock2D",) * 2, layers_per_block=1,
)
CLIP = dict(
    hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
    image_size=32, patch_size=16, projection_dim=24,
)


def svd_config() -> HvgConfig:
    """The paper's size, on this SVD."""
    unet = {**SMALL, "view_attention": "2d", "camera_frequencies": 3}
    return dataclasses.replace(
        PAPER, size="small", width=32, height=32, unet=unet,
        pose_modulator={
            **PAPER.pose_modulator, "channels": (8, 16), "strides": (2, 1), "out_channels": 32,
        },
        reference_net=reference_like(unet), decode_together=4,
    )


def svd_unet() -> UNetSpatioTemporalConditionModel:
    """Its UNet; the same each time."""
    torch.manual_seed(0)
    return randomised(UNetSpatioTemporalConditionModel(**SMALL)).eval()


def write_svd(root: Path, original: bool = False) -> Path:
    """Fill ``root`` as SVD-xt's folder: with ``unet/``, or with the original's file."""
    torch.manual_seed(1)
    AutoencoderKLTemporalDecoder(**VAE).save_pretrained(root / "vae")
    CLIPVisionModelWithProjection(CLIPVisionConfig(**CLIP)).save_pretrained(root / "image_encoder")
    unet = svd_unet()
    if not original:
        unet.save_pretrained(root / "unet")
        return root
    names = original_names(unet.state_dict(), SMALL)
    tensors = {ORIGINAL_PREFIX + names[k]: v for k, v in unet.state_dict().items()}
    tensors["first_stage_model.encoder.conv_in.weight"] = torch.zeros(2)
    save_file(tensors, root / "svd_xt.safetensors")
    return root
