"""Networks of ReImagine of a size for tests, on linear latents as nano has them."""

from __future__ import annotations

import dataclasses

import torch
from methods.gas_small import pictures

from muybridge.methods.reimagine.config import NANO, ReImagineConfig
from muybridge.methods.reimagine.corpus import Block, Subject
from muybridge.methods.reimagine.networks import ReImagineNetworks
from muybridge.networks.linear_autoencoder import LinearAutoencoder


def small_config(**changes) -> ReImagineConfig:
    """Nano with one block of each kind and 8 latent channels, for pictures of 24 x 32."""
    flux = {"in_channels": 32, "num_attention_heads": 1}
    config = dataclasses.replace(
        NANO, size="small", width=24, height=32,
        transformer={**NANO.transformer, **flux, "num_single_layers": 1},
        controlnet={**NANO.controlnet, **flux},
        pose_adapter={"dim": 32},
        video={**NANO.video, "in_channels": 8, "out_channels": 8, "num_attention_heads": 1,
               "num_layers": 1, "ffn_dim": 32},
        autoencoder={**NANO.autoencoder, "latent_channels": 8},
        reference_columns=2, refine_with="own", window=4, overlap=1, decode_together=4,
        steps=2, lora_rank=2,
    )
    return dataclasses.replace(config, **changes)


def small_networks(seed: int = 0, **changes) -> ReImagineNetworks:
    """Untrained: they give back the reference."""
    vae = LinearAutoencoder.fit(pictures(8, seed=1) * 2 - 1, latent_channels=8)
    return ReImagineNetworks.new(small_config(**changes), vae, seed).eval()


def awake(networks: ReImagineNetworks, spread: float = 0.05, seed: int = 7) -> ReImagineNetworks:
    """Networks that do something: nothing is zero any more."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in networks.named_parameters():
            if not name.startswith("vae."):
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.add_(spread * noise)
    return networks


def block(views: int = 2, frames: int = 4, back: bool = True) -> Block:
    """Blobs; picture (v, t) is one grey level of ``10 v + t`` in its normals."""
    place = 10 * torch.arange(views)[:, None] + torch.arange(frames)
    normals = place[..., None, None, None].expand(views, frames, 4, 32, 24).to(torch.uint8)
    sides, poses = (
        (pictures(2, seed=seed) * 255).round().to(torch.uint8) for seed in (2, 3)
    )
    if not back:
        sides[1], poses[1] = 0, 0
    truth = (pictures(views, frames, seed=4) * 255).round().to(torch.uint8)
    side = (torch.arange(views) % 2 if back else torch.zeros(views, dtype=torch.long))
    return Block(
        sides, poses, truth, normals.contiguous(),
        side[:, None].expand(views, frames).to(torch.uint8).contiguous(),
    )


def subject(*blocks: Block) -> Subject:
    """Somebody with these blocks."""
    return Subject("somebody", blocks or (block(), block(4, 1)))
