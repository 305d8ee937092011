"""Attention across the views of a frame, inside every spatio-temporal transformer.

HVG (paper 3.2) puts it between spatial and temporal attention. The layers are copies of the
temporal ones, and a gate that starts at zero mixes them in, so that a network made from SVD gives
SVD's results bit by bit until it is trained. Views carry no number here: the camera embedding,
which is in the features already, tells them apart, and any number of views in any order will do.

``2d`` is HVG's: each pixel attends to the same pixel of the other views, for which people are
shifted so that the pelvis is at one place. ``3d`` is Human4DiT's, as HVG describes it: every
pixel attends to all pixels of all views. Both have the same weights.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from diffusers.models.attention import TemporalBasicTransformerBlock
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.networks.video_blocks import Layout, VideoTransformer
from muybridge.networks.video_init import zero_linear

_MOST_GROUPS = 32_768
"""Groups that go through attention together: its quick kernels on GPUs take less than 65,536."""
_NAMES = (".view_transformer_blocks.", ".view_gate")


class ViewBlock(nn.Module):
    """The layers of diffusers' temporal block, under the same names, over any groups of tokens.

    Args:
        source: the temporal block to copy.
    """

    def __init__(self, source: TemporalBasicTransformerBlock) -> None:
        super().__init__()
        for name, layer in source.named_children():
            self.add_module(name, copy.deepcopy(layer))

    def forward(
        self, tokens: Float[Tensor, "G N C"], context: Float[Tensor, "B L D"]
    ) -> Float[Tensor, "G N C"]:
        """Tokens after attention within each group and to the context.

        Args:
            tokens: ``B`` divides the groups, those of a sample follow one another.
            context: tokens of the reference of every sample.
        """
        layers: Any = self
        tokens = layers.ff_in(layers.norm_in(tokens)) + tokens
        normed = layers.norm1(tokens)
        seen = [layers.attn1(part) for part in normed.split(_MOST_GROUPS)]
        tokens = (seen[0] if len(seen) == 1 else torch.cat(seen)) + tokens
        # a token's attention to the context does not depend on its group
        together = tokens.reshape(len(context), -1, tokens.shape[-1])
        together = layers.attn2(layers.norm2(together), context) + together
        together = layers.ff(layers.norm3(together)) + together
        return together.reshape(tokens.shape)


class ViewTransformer(VideoTransformer):
    """The transformer with attention across views between space and time.

    Attributes:
        view_transformer_blocks: a block per layer.
        view_gate: how much of each is mixed in.
        view_attention: ``2d`` or ``3d``.
    """

    view_transformer_blocks: nn.ModuleList
    view_gate: Float[nn.Parameter, "layers"]
    view_attention: str = "2d"

    def _across_views(self, number: int, tokens: Tensor, context: Tensor, layout: Layout) -> Tensor:
        """Tokens ``[B*V*T, S, C]`` after layer ``number``; one view needs none."""
        views, frames = layout.views, layout.frames
        if views == 1:
            return tokens
        grid = tokens.unflatten(0, (-1, views, frames))
        # [B, V, T, S, C] to [B, T, S, V, C], groups of views per pixel; or to [B, T, V, S, C],
        # groups of views and pixels
        flat = self.view_attention == "2d"
        swapped = grid.permute(0, 2, 3, 1, 4) if flat else grid.transpose(1, 2)
        groups = swapped.flatten(0, 2) if flat else swapped.flatten(2, 3).flatten(0, 1)
        words = context.unflatten(0, (-1, views * frames))[:, 0]
        mixed = self._run(self.view_transformer_blocks[number], groups, words)
        mixed = mixed.reshape(swapped.shape)
        mixed = (mixed.permute(0, 3, 1, 2, 4) if flat else mixed.transpose(1, 2)).flatten(0, 2)
        return torch.lerp(tokens, mixed, self.view_gate[number].to(tokens.dtype))


def use_view_attention(network: nn.Module, kind: str = "2d") -> None:
    """Add attention across views to every spatio-temporal transformer of a network.

    Weights of the network keep their values and names; results stay until the gates open.

    Args:
        network: with the blocks of :mod:`muybridge.networks.video_blocks`.
        kind: see the module.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in ("2d", "3d"):
        raise ValueError(f"there is no view attention {kind!r}; there are 2d and 3d")
    found: list[Any] = [m for m in network.modules() if type(m) is VideoTransformer]
    for module in found:
        blocks = module.temporal_transformer_blocks
        module.__class__ = ViewTransformer
        module.view_attention = kind
        module.view_transformer_blocks = nn.ModuleList(ViewBlock(block) for block in blocks)
        module.view_gate = nn.Parameter(module.proj_in.weight.new_zeros(len(blocks)))


def zero_view_outputs(network: nn.Module) -> None:
    """Let every layer across views start as the identity, with its gate open.

    For networks trained from scratch, whose blocks are no copies of trained ones: a closed gate
    before a block of random weights hardly ever opens, as what comes through it is noise. Results
    are those of a closed gate until the network is trained.

    Args:
        network: with view attention, or without (nothing is done then).
    """
    for module in network.modules():
        if isinstance(module, ViewTransformer):
            nn.init.ones_(module.view_gate)
        elif isinstance(module, ViewBlock):
            layers: Any = module
            for last in (
                layers.ff_in.net[-1], layers.attn1.to_out[0], layers.attn2.to_out[0],
                layers.ff.net[-1],
            ):
                zero_linear(last)


def is_view_parameter(name: str) -> bool:
    """Whether a parameter of this name belongs to attention across views."""
    return any(part in name for part in _NAMES)


def temporal_twin(name: str) -> str:
    """The temporal parameter that a parameter of a :class:`ViewBlock` starts as."""
    return name.replace(".view_transformer_blocks.", ".temporal_transformer_blocks.")


def view_parameters(network: nn.Module) -> frozenset[str]:
    """Names of the parameters that only several views use."""
    return frozenset(n for n, _ in network.named_parameters() if is_view_parameter(n))
