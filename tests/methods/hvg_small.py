"""Networks of HVG of a size for tests, on linear latents as nano has them."""

from __future__ import annotations

import dataclasses

import torch
from methods.gas_small import pictures

from muybridge.methods.hvg.config import NANO, HvgConfig, reference_like
from muybridge.methods.hvg.networks import HvgNetworks
from muybridge.networks.linear_autoencoder import LinearAutoencoder


def small_config(**changes) -> HvgConfig:
    """Nano with two levels and 8 latent channels, for pictures of 24 x 32."""
    unet = {
        **NANO.unet, "in_channels": 16, "out_channels": 8,
        "down_block_types": NANO.unet["down_block_types"][1:],
        "up_block_types": NANO.unet["up_block_types"][:2],
        "block_out_channels": (32, 64), "num_attention_heads": (1, 2),
    }
    config = dataclasses.replace(
        NANO, size="small", width=24, height=32, unet=unet, from_mean=False,
        pose_modulator={
            **NANO.pose_modulator, "channels": (8, 16), "strides": (2, 2), "out_channels": 32,
        },
        reference_net=reference_like(unet),
        autoencoder={**NANO.autoencoder, "latent_channels": 8},
        time_window=(2, 4), time_overlap=1, view_window=(4, 2), view_overlap=1,
        decode_together=4, steps=3,
    )
    return dataclasses.replace(config, **changes)


def small_networks(seed: int = 0, **changes) -> HvgNetworks:
    """Untrained: they give back the reference."""
    vae = LinearAutoencoder.fit(pictures(8, seed=1) * 2 - 1, latent_channels=8)
    return HvgNetworks.new(small_config(**changes), vae, seed).eval()


def awake(networks: HvgNetworks, spread: float = 0.05, seed: int = 7) -> HvgNetworks:
    """Networks that do something: nothing is zero any more."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in networks.named_parameters():
            if not name.startswith("vae."):
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.add_(spread * noise)
    return networks
