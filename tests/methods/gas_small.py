"""Networks of GAS of a size for tests, on linear latents as nano has them."""

from __future__ import annotations

import dataclasses

import torch
import torch.nn.functional as F

from muybridge.methods.gas.config import NANO, GasConfig
from muybridge.methods.gas.networks import GasNetworks
from muybridge.networks.linear_autoencoder import LinearAutoencoder


def pictures(*lead: int, height: int = 32, width: int = 24, seed: int = 0) -> torch.Tensor:
    """Blobs over nothing, RGB premultiplied and matte, in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    count = int(torch.tensor(lead).prod()) if lead else 1
    coarse = torch.rand(count, 4, 6, 5, generator=generator)
    smooth = F.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    matte = (smooth[:, 3:] > 0.4).float()
    return torch.cat([smooth[:, :3] * matte, matte], 1).reshape(*lead, 4, height, width)


def small_config() -> GasConfig:
    """Nano with two levels and 8 latent channels, for pictures of 24 x 32."""
    return dataclasses.replace(
        NANO, size="small", width=24, height=32, from_mean=False,
        unet={
            **NANO.unet, "in_channels": 16, "out_channels": 8,
            "down_block_types": NANO.unet["down_block_types"][1:],
            "up_block_types": NANO.unet["up_block_types"][:2],
            "block_out_channels": (64, 64), "num_attention_heads": (1, 2),
        },
        nerf_net={**NANO.nerf_net, "in_channels": 8},
        autoencoder={**NANO.autoencoder, "latent_channels": 8},
        window=4, decode_together=4,
    )


def small_networks(seed: int = 0) -> GasNetworks:
    """Untrained: they give back the cue."""
    vae = LinearAutoencoder.fit(pictures(8, seed=1) * 2 - 1, latent_channels=8)
    return GasNetworks.new(small_config(), vae, seed).eval()
