"""A video UNet of a size for tests, and inputs for it."""

from __future__ import annotations

import torch

SMALL = dict(
    sample_size=8,
    in_channels=8,
    out_channels=4,
    down_block_types=("DownBlockSpatioTemporal", "CrossAttnDownBlockSpatioTemporal"),
    up_block_types=("CrossAttnUpBlockSpatioTemporal", "UpBlockSpatioTemporal"),
    block_out_channels=(32, 64),
    addition_time_embed_dim=16,
    projection_class_embeddings_input_dim=48,
    layers_per_block=1,
    cross_attention_dim=24,
    num_attention_heads=(1, 2),
    num_frames=4,
)


def randomised(network, seed=1):
    """All weights away from their initial values, so that every path counts."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return network


def inputs(batch=2, frames=4, height=8, width=8, seed=0):
    """Keyword arguments of a call."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(shape, generator=generator)

    return dict(
        sample=draw(batch, frames, 8, height, width),
        timestep=draw(batch),
        encoder_hidden_states=draw(batch, 1, 24),
        added_time_ids=torch.tensor([[6.0, 127.0, 0.0]]).expand(batch, 3),
        class_labels=torch.tensor([[0.0, 1.0]]).expand(batch, 2),
        cues=draw(batch, frames, 32, height, width),
    )
