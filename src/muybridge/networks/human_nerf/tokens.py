"""Fusing a point's features, and the decoder that turns them into density and colour."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


def waves(x: Float[Tensor, "P 3"], frequencies: int) -> Float[Tensor, "P D"]:
    """Positional encoding: ``x``, then sine and cosine of ``2^k x`` for each ``k``.

    ``D`` is ``3 + 6 frequencies``.
    """
    powers = 2.0 ** torch.arange(frequencies, device=x.device)
    angle = x[:, None, None] * powers[:, None, None]
    phase = torch.tensor([0.0, math.pi / 2], device=x.device)[:, None]
    return torch.cat([x, torch.sin(angle + phase).flatten(1)], 1)


class TokenAttention(nn.Module):
    """Attention among a point's three tokens, for many points.

    Three tokens make matrices too small for matrix products; the sums run over the points
    side by side instead (three times as fast as batched products on a CPU).
    """

    def __init__(self, dim: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads, self.head_dim = heads, head_dim
        self.to_qkv = nn.Linear(dim, 3 * heads * head_dim, bias=False)
        self.to_out = nn.Linear(heads * head_dim, dim)

    def forward(self, x: Float[Tensor, "P 3 D"]) -> Float[Tensor, "P 3 D"]:
        """The tokens after attention, without the shortcut."""
        points = len(x)
        flat = self.to_qkv(x).view(points, -1).T.contiguous()
        q, k, v = flat.view(3, 3, self.heads, self.head_dim, points).unbind(1)
        score = (q[:, None] * k[None]).sum(3) * self.head_dim**-0.5
        out = (score.softmax(1)[:, :, :, None] * v[None]).sum(1)
        return self.to_out(out.view(-1, points).T.reshape(points, 3, -1))


class Fusion(nn.Module):
    """A 1x1 convolution per token, then one transformer layer over the three tokens.

    Args:
        inputs: length of a token's concatenated features.
        dim: of the fused tokens.
        heads, head_dim: of the attention.
        hidden: of the feed-forward layer.
    """

    def __init__(self, inputs: int, dim: int, heads: int, head_dim: int, hidden: int) -> None:
        super().__init__()
        self.projection = nn.Linear(inputs, dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = TokenAttention(dim, heads, head_dim)
        self.expand, self.contract = nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def forward(self, features: Float[Tensor, "P 3 I"]) -> Float[Tensor, "P 3 D"]:
        """Fused tokens."""
        x = self.projection(features)
        x = x + self.attention(self.norm1(x))
        return x + self.contract(F.gelu(self.expand(self.norm2(x))))


class Decoder(nn.Module):
    """NeRF's network: density from the place, colour from the place and the direction.

    Args:
        inputs: length of what is known of the place.
        token: length of the token that joins for the colour.
        directions: length of the encoded direction.
        width, depth: of the hidden layers.
        skip: after which layer the input joins again.
        given: how many colours a place may take over as they are; see :meth:`place`.
    """

    def __init__(
        self, inputs: int, token: int, directions: int, width: int, depth: int, skip: int,
        given: int = 0,
    ) -> None:
        super().__init__()
        self.skip, self.width, self.directions = skip, width, directions
        self.pts_linears = nn.ModuleList(
            nn.Linear(inputs if k == 0 else width + inputs * (k == skip + 1), width)
            for k in range(depth)
        )
        self.alpha_linear = nn.Linear(width, 1)
        nn.init.constant_(self.alpha_linear.bias, 0.1)  # no density at all would teach nothing
        self.feature_linear = nn.Linear(width, width)
        self.views_linear = nn.Linear(width + directions + token, width // 2)
        self.rgb_linear = nn.Linear(width // 2, 3)
        self.shares = nn.Linear(width, 1 + given) if given else None

    def place(
        self, x: Float[Tensor, "P I"], token: Float[Tensor, "P D"],
        given: Float[Tensor, "P G 3"] | None = None,
    ) -> tuple[Float[Tensor, "P"], Float[Tensor, "P H"]]:
        """What doesn't depend on the direction: raw density, and the colour layer's sum so far.

        Args:
            x: what is known of the places.
            token: joins for the colour.
            given: colours of which each place takes a share; then their sum and the share
                that is left to the network's own colour follow the colour layer's sum.
        """
        h = x
        for k, layer in enumerate(self.pts_linears):
            if k == self.skip + 1:
                h = torch.cat([x, h], 1)
            h = F.relu(layer(h))
        weight = self.views_linear.weight
        seen = torch.cat([weight[:, : self.width], weight[:, self.width + self.directions :]], 1)
        known = torch.cat([self.feature_linear(h), token], 1)
        hidden = F.linear(known, seen, self.views_linear.bias)
        if self.shares is not None and given is not None:
            own, *taken = self.shares(h).softmax(1).split(1, 1)
            mixed = sum((t * given[:, k] for k, t in enumerate(taken)), torch.zeros_like(own))
            hidden = torch.cat([hidden, mixed, own], 1)
        return self.alpha_linear(h)[:, 0], hidden

    def colour(
        self, hidden: Float[Tensor, "P H"], direction: Float[Tensor, "P E"]
    ) -> Float[Tensor, "P 3"]:
        """RGB, -0.001..1.001, of places seen along encoded directions."""
        weight = self.views_linear.weight[:, self.width : self.width + self.directions]
        so_far = hidden[:, : self.width // 2]
        h = F.relu(so_far + F.linear(direction, weight))
        rgb = torch.sigmoid(self.rgb_linear(h)) * 1.002 - 0.001
        if self.shares is None:
            return rgb
        return hidden[:, -4:-1] + hidden[:, -1:] * rgb
