"""What small networks have in place of a text: a few learned tokens, the same for everybody."""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor, nn


class Prompt(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """The release has one prompt for all pictures; so its embeddings can be weights.

    They can also hold what text encoders made of a prompt.

    Args:
        length: tokens.
        width: of a token.
        pooled_width: of the pooled embedding.

    Attributes:
        tokens: for the transformer's attention.
        pooled: for its modulation.
    """

    tokens: Float[Tensor, "L D"]
    pooled: Float[Tensor, "P"]

    @register_to_config
    def __init__(self, length: int = 2, width: int = 64, pooled_width: int = 64) -> None:
        super().__init__()
        self.tokens = nn.Parameter(0.5 * torch.randn(length, width))
        self.pooled = nn.Parameter(0.5 * torch.randn(pooled_width))

    def forward(self, batch: int) -> tuple[Float[Tensor, "B L D"], Float[Tensor, "B P"]]:
        """The embeddings for so many pictures."""
        return self.tokens.expand(batch, -1, -1), self.pooled.expand(batch, -1)

    @staticmethod
    def of(tokens: Float[Tensor, "L D"], pooled: Float[Tensor, "P"]) -> Prompt:
        """A prompt that text encoders have encoded."""
        made = Prompt(len(tokens), tokens.shape[1], len(pooled))
        with torch.no_grad():
            made.tokens.copy_(tokens)
            made.pooled.copy_(pooled)
        return made
