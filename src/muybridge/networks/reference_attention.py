"""Spatial attention that also looks at a reference picture: Animate Anyone's, by name.

A reference network keeps the normed tokens that its self-attentions get: a bank. In the video
UNet, the self-attention of the same name adds keys and values of these tokens to its own, the
same for all views and frames. There is no state: the bank travels with the call, so that
guidance, windows and checkpointed gradients need no care. Without an entry, results are those
of diffusers' attention bit by bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from jaxtyping import Float
from torch import Tensor, nn

Bank = Mapping[str, Float[Tensor, "R S C"]]
"""States of ``R`` references by the name of the attention that keeps and reads them."""

Fusion = Literal["downmid", "midup", "full"]
"""Which attentions look at the reference: HVG's (down and middle), or those of others."""

_PARTS: dict[str, tuple[str, ...]] = {
    "downmid": ("down_blocks.", "mid_block."),
    "midup": ("mid_block.", "up_blocks."),
    "full": ("down_blocks.", "mid_block.", "up_blocks."),
}


class ReferenceAttention(AttnProcessor2_0):
    """Self-attention with keys and values of a reference besides its own."""

    def __call__(
        self,
        attn: Attention,
        hidden_states: Float[Tensor, "N S C"],
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        ip_hidden_states: Float[Tensor, "R S2 C"] | None = None,
    ) -> Float[Tensor, "N S C"]:
        """Attention of tokens to themselves and to the reference.

        Args:
            attn: the layer. hidden_states: its tokens.
            encoder_hidden_states, attention_mask, temb: as for diffusers' processor, which does
                the work where there is no reference.
            ip_hidden_states: the bank's entry; ``R`` divides ``N``. diffusers' name for states of
                a picture that prompts: attentions that don't know them pass over them.
        """
        if ip_hidden_states is None:
            return super().__call__(
                attn, hidden_states, encoder_hidden_states, attention_mask, temb
            )
        seen = ip_hidden_states.to(hidden_states.dtype)
        query = _heads(attn, attn.to_q(hidden_states))
        key, value = (
            _heads(attn, torch.cat([
                layer(hidden_states), _repeated(layer(seen), len(hidden_states)),
            ], 1))
            for layer in (attn.to_k, attn.to_v)
        )
        mixed = F.scaled_dot_product_attention(query, key, value)
        return attn.to_out[0](mixed.transpose(1, 2).flatten(2))


def _heads(attn: Attention, states: Tensor) -> Tensor:
    """``[N, S, C]`` as ``[N, heads, S, C / heads]``."""
    return states.unflatten(2, (attn.heads, -1)).transpose(1, 2)


def _repeated(states: Tensor, count: int) -> Tensor:
    """Each reference's states once for every picture that is made from it.

    Raises:
        ValueError: the references do not divide the pictures.
    """
    if count % len(states):
        raise ValueError(f"a bank of {len(states)} references for {count} pictures")
    return states[:, None].expand(-1, count // len(states), -1, -1).flatten(0, 1)


def use_reference_attention(network: nn.Module) -> None:
    """Let every spatial self-attention of a UNet read a bank; without one nothing changes."""
    for layer in attentions(network).values():
        layer.set_processor(ReferenceAttention())


def attentions(network: nn.Module) -> dict[str, Any]:
    """The spatial self-attentions of a UNet by name, in the order in which they run."""
    found = {
        name: module for name, module in network.named_modules()
        if name.endswith(".attn1") and ".transformer_blocks." in name
    }
    parts = ("down_blocks.", "mid_block.", "up_blocks.")
    return {
        name: module for part in parts for name, module in found.items() if name.startswith(part)
    }


def places(network: nn.Module, fusion: str) -> tuple[str, ...]:
    """Names of the attentions that look at the reference, in the order in which they run.

    Args:
        network: a UNet of either kind.
        fusion: one of :data:`Fusion`.

    Raises:
        ValueError: there is no such way, or no such attention.
    """
    if fusion not in get_args(Fusion):
        raise ValueError(f"there is no fusion {fusion!r}; there are {', '.join(get_args(Fusion))}")
    names = tuple(n for n in attentions(network) if n.startswith(_PARTS[fusion]))
    if not names:
        raise ValueError(f"the network has no attention for the fusion {fusion!r}")
    return names
