"""The recorded networks laid out as the release lays out its files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
from diffusers import AutoencoderKLTemporalDecoder
from gas_recorded import recording, weights
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from muybridge.methods.gas.config import PAPER


def tiny_config(shared: Path):
    """The recorded size, as a config."""
    config, _ = recording(shared)
    width = config["unet"]["block_out_channels"][0]
    return dataclasses.replace(
        PAPER, size="recorded", width=64, height=64, unet=config["unet"],
        pose_net={"out_channels": width}, nerf_net={"out_channels": width}, decode_together=4,
    )


def write_release(shared: Path, root: Path, ending: str = ".pth") -> Path:
    """Fill ``root`` like the release's ``pretrained_models``."""
    config, tensors = recording(shared)
    (root / "GAS").mkdir(parents=True)
    for name in ("unet", "pose_net", "nerf_net"):
        path = root / "GAS" / f"{name}{ending}"
        if ending == ".pth":
            torch.save(weights(tensors, name), path)
        else:
            save_file(weights(tensors, name), path)
    svd = root / "stable-video-diffusion-img2vid-xt-1-1"
    vae = AutoencoderKLTemporalDecoder(**config["vae"])
    vae.load_state_dict(weights(tensors, "vae"), strict=True)
    vae.save_pretrained(svd / "vae")
    clip = CLIPVisionModelWithProjection(CLIPVisionConfig(**config["clip"]))
    clip.load_state_dict(weights(tensors, "clip"), strict=True)
    clip.save_pretrained(svd / "image_encoder")
    return root
