"""How the parts of a video UNet start that must not change what comes in."""

from __future__ import annotations

from diffusers.models.attention import TemporalBasicTransformerBlock
from diffusers.models.resnet import AlphaBlender, TemporalResnetBlock
from diffusers.models.transformers.transformer_temporal import TransformerSpatioTemporalModel
from torch import nn


def zero_linear(layer: nn.Module) -> None:
    """Set weights and bias of a linear layer or convolution to zero."""
    for parameter in layer.parameters(recurse=False):
        nn.init.zeros_(parameter)


def zero_temporal_outputs(network: nn.Module) -> None:
    """Let every temporal layer start as the identity.

    The last layer of each temporal branch becomes zero. A video stage then starts with what
    an image stage has learned: for a clip the network gives, to rounding, what image mode
    gives for its frames. For networks trained from scratch; released weights lose their
    temporal layers by it.
    """
    for module in network.modules():
        if isinstance(module, TemporalResnetBlock):
            zero_linear(module.conv2)
        elif isinstance(module, TransformerSpatioTemporalModel):
            zero_linear(module.time_pos_embed.linear_2)
        elif isinstance(module, TemporalBasicTransformerBlock):
            zero_linear(module.ff_in.net[-1])
            zero_linear(module.attn1.to_out[0])
            zero_linear(module.ff.net[-1])
            if module.attn2 is not None:
                zero_linear(module.attn2.to_out[0])


def temporal_parameters(network: nn.Module) -> frozenset[str]:
    """Names of the parameters that only video mode uses: what an image stage need not train."""
    kinds = (TemporalResnetBlock, TemporalBasicTransformerBlock, AlphaBlender)
    names: set[str] = set()
    for where, module in network.named_modules():
        if isinstance(module, kinds) or where.endswith(".time_pos_embed"):
            names.update(f"{where}.{name}" for name, _ in module.named_parameters())
    return frozenset(names)
