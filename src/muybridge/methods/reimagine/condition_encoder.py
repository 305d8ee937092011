"""From pictures of a face, garments and shoes to the tokens that take the reference's place.

ReImagine's release holds the architecture of its compositional model without its weights. Every
asset is encoded and packed by itself, at its own size. A fixed number of learned queries look at
all frontal assets; the back follows, or learned tokens where there is none. The result stands
behind the noise tokens as the reference picture's tokens do, so everything else stays as it is.
Parameters are named as in the release, so that its weights will load.

Two choices of the release are arguments here, with the release's as defaults: its rotary
embedding turns by an id's type and row and never by its column (``rope_axes``), and all queries
have one place (``query_grid``, ``back_grid``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.errors import InputError

FRONTAL = ("face", "upper", "lower", "full", "shoes", "front")
"""Assets that the queries look at."""
ASSETS = (*FRONTAL, "back")
"""All names of assets, in the release's order."""
Grid = Sequence[int]
"""Rows and columns of tokens."""


def token_ids(grid: Grid, kind: float = 1.0, column: int = 0) -> Float[Tensor, "N 3"]:
    """Position ids (kind, row, column) of a grid of tokens, row by row.

    Args:
        grid: rows and columns.
        kind: 0 for noise tokens, 1 for everything that is looked at.
        column: of the first one.
    """
    rows, columns = torch.meshgrid(*(torch.arange(n).float() for n in grid), indexing="ij")
    ids = torch.stack([torch.full_like(rows, kind), rows, columns + column], -1)
    return ids.flatten(0, 1)


def _placed(count: int, grid: Grid | None, column: int = 0) -> Float[Tensor, "1 N 3"]:
    """Ids of a grid that begins at a column, or all (1, 0, 0)."""
    if grid is None:
        return torch.tensor([1.0, 0.0, 0.0]).repeat(1, count, 1)
    if grid[0] * grid[1] != count:
        raise ValueError(f"a grid of {tuple(grid)} is not {count} tokens")
    return token_ids(grid, column=column)[None]


class _Turning(nn.Module):
    """Turns pairs of channels by positions: the first half by one axis, the rest by another."""

    inv_freq_h: Float[Tensor, "D"]
    inv_freq_w: Float[Tensor, "D"]

    def __init__(self, width: int, base: float, axes: tuple[int, int]) -> None:
        super().__init__()
        quarter = width // 4
        frequencies = base ** -(torch.arange(quarter, dtype=torch.float32) / quarter)
        self.register_buffer("inv_freq_h", frequencies)
        self.register_buffer("inv_freq_w", frequencies.clone())
        self.axes = axes

    def forward(
        self, x: Float[Tensor, "B N C"], ids: Float[Tensor, "N 3"]
    ) -> Float[Tensor, "B N C"]:
        """The features, each pair turned by its place times its frequency."""
        turned = []
        frequencies = (self.inv_freq_h, self.inv_freq_w)
        for part, axis, frequency in zip(x.chunk(2, -1), self.axes, frequencies, strict=True):
            angle = ids[:, axis, None].float() * frequency.float()
            cosine, sine = angle.cos(), angle.sin()
            a, b = part.float().chunk(2, -1)
            turned += [a * cosine - b * sine, a * sine + b * cosine]
        return torch.cat(turned, -1).to(x.dtype)


class _Attention(nn.Module):
    """Cross-attention of several heads without biases."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(width, width, bias=False)
        self.to_v = nn.Linear(width, width, bias=False)
        self.to_out = nn.Linear(width, width, bias=False)

    def forward(
        self, queries: Float[Tensor, "B Q C"], seen: Float[Tensor, "B N C"]
    ) -> Float[Tensor, "B Q C"]:
        """What each query gathers from the tokens that are seen."""
        q, k, v = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer, x in ((self.to_q, queries), (self.to_k, seen), (self.to_v, seen))
        )
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.to_out(mixed.transpose(1, 2).flatten(2))


class ConditionEncoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Gathers a person's assets into reference tokens.

    Args:
        input_dim: width of packed tokens, 64 in Flux.
        model_dim: width inside and of the result; it has to be ``input_dim``, as the result
            stands among packed tokens.
        num_heads: of the attention.
        num_frontal_queries: tokens that all frontal assets become.
        back_view_length: learned tokens for a back that isn't given; 83 x 50 of 800 x 1328.
        rope_base: of the rotary embedding.
        rope_axes: which of an id's (kind, row, column) turn the first and the second half of
            the channels. The release's are (0, 1): columns change nothing.
        query_grid: rows and columns that the queries stand in; ``None``: all at (1, 0, 0), as
            in the release.
        back_grid: the same for the learned back.
        query_column, back_column: where these grids begin; the back is beside the front where
            they are one wide picture.

    Raises:
        ValueError: widths, heads or grids don't fit each other.
    """

    frontal_agg_ids: Float[Tensor, "1 Q 3"]
    missing_back_ids: Float[Tensor, "1 M 3"]

    @register_to_config
    def __init__(
        self,
        input_dim: int = 64,
        model_dim: int = 64,
        num_heads: int = 4,
        num_frontal_queries: int = 4096,
        back_view_length: int = 4150,
        rope_base: float = 10000.0,
        rope_axes: Sequence[int] = (0, 1),
        query_grid: Grid | None = None,
        back_grid: Grid | None = None,
        query_column: int = 0,
        back_column: int = 0,
    ) -> None:
        super().__init__()
        if model_dim != input_dim or input_dim % 4 or model_dim % num_heads:
            raise ValueError(f"{input_dim} to {model_dim} channels in {num_heads} heads")
        if not set(rope_axes) <= {0, 1, 2}:
            raise ValueError(f"an id has the axes 0, 1 and 2, not {tuple(rope_axes)}")
        self.type_embeddings = nn.ParameterDict(
            {name: nn.Parameter(0.02 * torch.randn(1, 1, input_dim)) for name in ASSETS}
        )
        self.rope_2d = _Turning(input_dim, rope_base, (rope_axes[0], rope_axes[1]))
        self.input_proj = nn.Sequential(nn.Linear(input_dim, model_dim), nn.LayerNorm(model_dim))
        self.frontal_queries = nn.Parameter(0.02 * torch.randn(1, num_frontal_queries, model_dim))
        self.frontal_attn = _Attention(model_dim, num_heads)
        self.frontal_ffn = nn.Sequential(
            nn.LayerNorm(model_dim), nn.Linear(model_dim, 4 * model_dim), nn.GELU(),
            nn.Linear(4 * model_dim, model_dim),
        )
        self.layer_norm_frontal = nn.LayerNorm(model_dim)
        self.missing_back_embedding = nn.Parameter(
            0.02 * torch.randn(1, back_view_length, model_dim)
        )
        front = _placed(num_frontal_queries, query_grid, query_column)
        back = _placed(back_view_length, back_grid, back_column)
        self.register_buffer("frontal_agg_ids", front)
        self.register_buffer("missing_back_ids", back)

    def project(
        self, name: str, tokens: Float[Tensor, "B N C"], ids: Float[Tensor, "N 3"]
    ) -> Float[Tensor, "B N C"]:
        """One asset's tokens with what it is and where they lie worked in."""
        typed = tokens + self.type_embeddings[name]
        return self.input_proj(self.rope_2d(typed, ids))

    def forward(
        self,
        tokens: Mapping[str, Float[Tensor, "B _ C"]],
        ids: Mapping[str, Float[Tensor, "_ 3"]],
    ) -> tuple[Float[Tensor, "B R C"], Float[Tensor, "R 3"]]:
        """Reference tokens of a person, and their ids.

        Args:
            tokens: packed latents of each asset, by the names of :data:`ASSETS`; the same
                assets for the whole batch. Their order changes nothing.
            ids: see :func:`token_ids`.

        Returns:
            Tokens of the front and of the back, and their position ids.

        Raises:
            InputError: an unknown asset, none of the front, or ids that don't fit.
        """
        _check(tokens, ids)
        seen = torch.cat([self.project(n, tokens[n], ids[n]) for n in FRONTAL if n in tokens], 1)
        batch = len(seen)
        gathered = self.frontal_attn(self.frontal_queries.expand(batch, -1, -1), seen)
        front = self.layer_norm_frontal(gathered + self.frontal_ffn(gathered))
        back_ids = self.missing_back_ids[0]
        if "back" in tokens:
            back, back_ids = self.project("back", tokens["back"], ids["back"]), ids["back"]
        else:
            back = self.missing_back_embedding.expand(batch, -1, -1)
        places = torch.cat([self.frontal_agg_ids[0].float(), back_ids.to(front.device).float()])
        return torch.cat([front, back.to(front.dtype)], 1), places


def _check(tokens: Mapping[str, Tensor], ids: Mapping[str, Tensor]) -> None:
    """Refuse assets that can't be encoded together."""
    for name in tokens:
        if name not in ASSETS:
            raise InputError("assets", name, "is no asset", f"use {', '.join(ASSETS)}")
        if name not in ids or ids[name].shape != (tokens[name].shape[1], 3):
            raise InputError("assets", name, "has no ids for its tokens", "give [N, 3]")
    if not set(tokens) & set(FRONTAL):
        raise InputError("assets", "", "none shows the front", f"give one of {', '.join(FRONTAL)}")


class PoseAdapter(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A pose map's packed tokens as a change of other tokens; almost none before training.

    The release keeps it beside the ControlNet: the map of the wanted pose is added to the noise
    tokens and the map of the reference's own pose to the reference tokens.

    Args:
        dim: width of packed tokens.
    """

    @register_to_config
    def __init__(self, dim: int = 64) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, dim)
        self.fc2 = nn.Linear(dim, dim)
        nn.init.normal_(self.fc2.weight, std=1e-3)
        nn.init.zeros_(self.fc2.bias)

    def forward(self, pose: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C"]:
        """What to add to the tokens at the same places."""
        return self.fc2(F.gelu(self.fc1(self.norm(pose))))
