"""The small sizes' own text encoder: words for the camera to tokens for the transformer."""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float, Int64
from torch import Tensor, nn

from muybridge.methods.threedimo.words import FEATURES, LENGTH, WORDS, features


class CameraText(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A transformer over words of :mod:`muybridge.methods.threedimo.words`.

    Args:
        width: of the tokens. ``layers``: how many. ``heads``: of each.
    """

    @register_to_config
    def __init__(self, width: int = 64, layers: int = 1, heads: int = 2) -> None:
        super().__init__()
        self.words = nn.Embedding(len(WORDS), width)
        self.places = nn.Parameter(torch.randn(LENGTH, width) * 0.02)
        self.amounts = nn.Sequential(
            nn.Linear(width + FEATURES, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(
        self, words: Int64[Tensor, "B L"], amounts: Float[Tensor, "B L"]
    ) -> Float[Tensor, "B L D"]:
        """Tokens of sentences.

        Args:
            words: numbers of words. ``amounts``: of each.
        """
        known = self.words(words)
        told = features(words, amounts).to(known.dtype)
        tokens = known + self.amounts(torch.cat([known, told], -1)) + self.places
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)
