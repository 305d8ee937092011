"""Image networks whose frames look at one another: features are carried from frame to frame.

For the time of a ``with`` block, self-attention of an image UNet or of Flux is exchanged. ``kv``:
each frame also looks at the keys and values of an anchor frame and of the frame before it
(Rerender-A-Video's rule). ``nearest``: some frames are keys and look at one another; every token
of the others takes over what the most similar tokens of its neighbouring key frames have found
(TokenFlow's rule). A video model does more than this, but an image model is all that some have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.embeddings import apply_rotary_emb
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError

UP = ("up_blocks",)
"""Where a UNet's frames look at one another by default."""
_LEFT_OUT = ("motion_modules", "temporal_transformer")
"""Layers along time; they do so anyway."""


@dataclass(frozen=True)
class Propagation:
    """What is carried.

    Attributes:
        how: ``kv`` or ``nearest``.
        frames: that go through the network together, in order. A batch holds them once or several
            times, one after the other, as classifier-free guidance has it.
        anchor: number of the frame that all look at, for ``kv``.
        keys: numbers of the key frames, rising, for ``nearest``; every fourth by default.
        tokens: of the picture itself, the first ones, for networks that see a reference's behind
            them; all by default.
    """

    how: str
    frames: int
    anchor: int = 0
    keys: Sequence[int] = ()
    tokens: int | None = None

    def __post_init__(self) -> None:
        if self.how not in ("kv", "nearest"):
            raise InputError("propagate", "", f"there is no {self.how!r}", "use kv or nearest")
        if self.frames < 1 or not 0 <= self.anchor < self.frames:
            raise InputError(
                "propagate", "anchor", f"{self.anchor} of {self.frames} frames", "name one of them"
            )
        keys = list(self.keys)
        if keys != sorted(set(keys)) or any(not 0 <= key < self.frames for key in keys):
            raise InputError(
                "propagate", "keys", f"{keys} of {self.frames} frames", "give rising numbers"
            )

    @property
    def key_frames(self) -> list[int]:
        """The key frames."""
        return list(self.keys) or list(range(0, self.frames, 4))

    def grouped(self, tokens: Float[Tensor, "B ..."]) -> Float[Tensor, "G T ..."]:
        """A batch as groups of frames.

        Raises:
            ValueError: it holds no whole number of groups.
        """
        if len(tokens) % self.frames:
            raise ValueError(f"a batch of {len(tokens)} for {self.frames} frames")
        return tokens.unflatten(0, (-1, self.frames))

    def seen(self, tokens: Float[Tensor, "B N ..."]) -> Float[Tensor, "B M ..."]:
        """What each frame looks at beside itself: the tokens of other frames, one behind the other.

        Args:
            tokens: of each frame.
        """
        groups = self.grouped(tokens)
        if self.how == "nearest":
            keys = groups[:, self.key_frames].flatten(1, 2)
            return keys[:, None].expand(-1, self.frames, *keys.shape[1:]).flatten(0, 1)
        before = [max(0, t - 1) for t in range(self.frames)]
        anchor = groups[:, [self.anchor] * self.frames]
        return torch.cat([anchor, groups[:, before]], 2).flatten(0, 1)


@contextmanager
def propagating(
    network: Any,
    how: str = "kv",
    frames: int = 1,
    *,
    anchor: int = 0,
    keys: Sequence[int] = (),
    tokens: int | None = None,
    layers: Sequence[str] | None = None,
) -> Iterator[list[str]]:
    """Let the frames of an image network look at one another; afterwards it is as before.

    Args:
        network: of diffusers: a UNet (its ``attn1``), or ``FluxTransformer2DModel``.
        how, frames, anchor, keys, tokens: see :class:`Propagation`.
        layers: parts of the names of layers that are changed; a UNet's ``up_blocks`` and all of
            Flux by default.

    Yields:
        Names of the changed layers.

    Raises:
        InputError: a setting is out of range, or there is no such layer.
    """
    what = Propagation(how, frames, anchor, tuple(keys), tokens)
    before = dict(network.attn_processors)
    flux = "Flux" in type(network).__name__
    wanted = layers if layers is not None else (() if flux else UP)
    chosen = [
        name for name in before
        if (flux or name.endswith("attn1.processor"))
        and (not wanted or any(part in name for part in wanted))
        and not any(part in name for part in _LEFT_OUT)
    ]
    if not chosen:
        raise InputError(
            "propagate", "layers", f"{type(network).__name__} has none of {', '.join(wanted)}",
            "name parts of its layers' names",
        )
    made: Callable[[str], Any]
    if flux:
        shared = _Shared()
        made = lambda name: _FluxFrames(what, shared)  # noqa: E731
    else:
        made = lambda name: _UNetFrames(what, before[name])  # noqa: E731
    network.set_attn_processor({**before, **{name: made(name) for name in chosen}})
    try:
        yield chosen
    finally:
        network.set_attn_processor(before)


class _UNetFrames:
    """Self-attention of a UNet over frames; the layer's own processor does the computing."""

    def __init__(self, what: Propagation, own: Any) -> None:
        self.what, self.own = what, own

    def __call__(
        self,
        attn: Any,
        hidden_states: Float[Tensor, "B N D"],
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        **more: Any,
    ) -> Float[Tensor, "B N D"]:
        """Keys and values are made of what is looked at, so that is given in their place."""
        if encoder_hidden_states is not None or attention_mask is not None:
            raise ValueError("propagation is for self-attention without a mask")
        what = self.what
        seen = what.seen(hidden_states)
        if what.how == "kv":
            seen = torch.cat([hidden_states, seen], 1)
            return self._attend(attn, hidden_states, seen, temb, more)
        groups = what.grouped(hidden_states)
        keys = groups[:, what.key_frames].flatten(0, 1)
        theirs = what.grouped(seen)[:, what.key_frames].flatten(0, 1)
        found = self._attend(attn, keys, theirs, temb, more)
        found = found.unflatten(0, (len(groups), -1))
        return carried(found, groups, what.key_frames).flatten(0, 1)

    def _attend(
        self, attn: Any, asking: Tensor, seen: Tensor, temb: Tensor | None, more: dict[str, Any]
    ) -> Tensor:
        found: Tensor = self.own(attn, asking, seen, None, temb, **more)
        return found


class _Shared:
    """What Flux's double blocks tell its single ones, which see text and picture as one."""

    text = 0


class _FluxFrames:
    """Joint attention of Flux over frames: pictures look at other pictures, texts at their own."""

    def __init__(self, what: Propagation, shared: _Shared) -> None:
        self.what, self.shared = what, shared

    def __call__(
        self,
        attn: Any,
        hidden_states: Float[Tensor, "B N D"],
        encoder_hidden_states: Float[Tensor, "B L D"] | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: Any = None,
        **more: Any,
    ) -> Any:
        """Queries, keys and values as Flux makes them; then other frames' keys join."""
        what, double = self.what, encoder_hidden_states is not None
        query, key, value = self._made(attn, hidden_states, encoder_hidden_states)
        if double:
            self.shared.text = int(query.shape[1] - hidden_states.shape[1])
        if image_rotary_emb is not None:
            turned: Any = apply_rotary_emb
            query, key = (turned(each, image_rotary_emb, sequence_dim=1) for each in (query, key))
        text = self.shared.text
        own = slice(text, None if what.tokens is None else text + what.tokens)
        plain = _attention(query[:, :text], key, value)
        others = what.seen(key[:, own])
        keys, values = (
            torch.cat([key, others], 1), torch.cat([value, what.seen(value[:, own])], 1)
        )
        bias = self._bias(key, others, own)
        found = torch.cat([plain, _attention(query[:, text:], keys, values, bias)], 1)
        if what.how == "nearest":
            inputs = hidden_states if double else hidden_states[:, text:]
            pictures = what.grouped(found[:, own])
            count = pictures.shape[2]
            moved = carried(
                pictures[:, what.key_frames], what.grouped(inputs[:, :count]), what.key_frames
            )
            found = found.clone()
            found[:, own] = moved.flatten(0, 1)
        if not double:
            return found
        picture = attn.to_out[1](attn.to_out[0](found[:, text:].contiguous()))
        return picture, attn.to_add_out(found[:, :text].contiguous())

    @staticmethod
    def _bias(key: Tensor, others: Tensor, own: slice) -> Float[Tensor, "1 1 1 M"]:
        """Pictures count as one however many there are, beside the text and the reference."""
        count = len(range(*own.indices(key.shape[1])))
        less = -math.log(1 + others.shape[1] / max(1, count))
        bias = key.new_zeros(key.shape[1] + others.shape[1])
        bias[own] = less
        bias[key.shape[1]:] = less
        return bias[None, None, None]

    def _made(
        self, attn: Any, picture: Tensor, words: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values ``[B, tokens, heads, width]``; of the text first."""
        def heads(tokens: Tensor) -> Tensor:
            return tokens.unflatten(-1, (-1, attn.head_dim))

        query = attn.norm_q(heads(attn.to_q(picture)))
        key = attn.norm_k(heads(attn.to_k(picture)))
        value = heads(attn.to_v(picture))
        if words is None or attn.added_kv_proj_dim is None:
            return query, key, value
        return (
            torch.cat([attn.norm_added_q(heads(attn.add_q_proj(words))), query], 1),
            torch.cat([attn.norm_added_k(heads(attn.add_k_proj(words))), key], 1),
            torch.cat([heads(attn.add_v_proj(words)), value], 1),
        )


def carried(
    found: Float[Tensor, "G K N D"], tokens: Float[Tensor, "G T N C"], keys: Sequence[int]
) -> Float[Tensor, "G T N D"]:
    """What key frames have found, carried to all frames by the similarity of their tokens.

    A frame between two key frames, ``d`` behind the one and ``d'`` before the other, takes
    ``w = sigmoid(d' / (d + d'))`` of what the first has found and the rest of the second's.

    Args:
        found: by the key frames' tokens.
        tokens: of all frames, before attention; compared by their angle.
        keys: numbers of the key frames, rising.
    """
    unit = F.normalize(tokens.float(), dim=-1)
    frames = []
    for t in range(tokens.shape[1]):
        if t in keys:
            frames.append(found[:, keys.index(t)])
            continue
        behind = [k for k, key in enumerate(keys) if key < t][-1:]
        ahead = [k for k, key in enumerate(keys) if key > t][:1]
        parts = []
        for k in behind + ahead:
            likest = (unit[:, t] @ unit[:, keys[k]].transpose(1, 2)).argmax(-1)
            index = likest[..., None].expand(-1, -1, found.shape[-1])
            parts.append(found[:, k].gather(1, index))
        if len(parts) == 1:
            frames.append(parts[0])
            continue
        d, further = t - keys[behind[0]], keys[ahead[0]] - t
        weight = torch.sigmoid(torch.tensor(further / (d + further))).to(found)
        frames.append(weight * parts[0] + (1 - weight) * parts[1])
    return torch.stack(frames, 1)


def _attention(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None
) -> Tensor:
    """``[B, tokens, heads, width]`` to ``[B, tokens, heads * width]``."""
    if query.shape[1] == 0:
        return query.flatten(2)
    found = F.scaled_dot_product_attention(
        query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), bias
    )
    return found.transpose(1, 2).flatten(2).to(query.dtype)
