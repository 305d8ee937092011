"""Where a person of some motion tokens lies in the picture of a camera that words tell of.

Tokens know neither place nor camera, and attention has to find out for every patch by itself what
they mean there, which small networks learn only slowly. Here all tokens of a frame and the words
are read together and spread into maps, whose first channels can be held against a skeleton and a
matte; a video network then sees them beside its latents.
"""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float, Int64
from torch import Tensor, nn


class MotionLayout(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Motion tokens and words to maps of the latents' extent.

    Args:
        tokens, dim: motion tokens of a frame, and their width.
        words, text_dim: tokens of a sentence, and their width.
        frames: of a window; a sentence says what happens over all of it.
        rows, columns: of the maps, even.
        channels: of the maps.
        hidden: width of what is read. ``width``: of the maps before the last.
    """

    @register_to_config
    def __init__(
        self, tokens: int = 15, dim: int = 128, words: int = 16, text_dim: int = 64,
        frames: int = 8, rows: int = 24, columns: int = 18, channels: int = 32,
        hidden: int = 512, width: int = 48,
    ) -> None:
        super().__init__()
        self.pose = nn.Linear(tokens * dim, hidden)
        self.view = nn.Linear(words * text_dim, hidden)
        self.moments = nn.Parameter(torch.randn(frames, hidden) * 0.02)
        self.think = nn.Sequential(
            nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(),
        )
        small = (rows // 2, columns // 2)
        self.spread = nn.Sequential(
            nn.Linear(hidden, width * small[0] * small[1]), nn.Unflatten(1, (width, *small)),
        )
        self.paint = nn.Sequential(
            nn.GELU(), nn.Conv2d(width, width, 3, padding=1), nn.GELU(),
            nn.Conv2d(width, 4 * channels, 3, padding=1), nn.PixelShuffle(2),
        )

    def forward(
        self, motion: Float[Tensor, "B F N D"], text: Float[Tensor, "B L C"],
        numbers: Int64[Tensor, "B F"] | None = None,
    ) -> Float[Tensor, "B F K h w"]:
        """Maps of each frame.

        Args:
            motion: tokens. ``text``: of the words for the camera.
            numbers: of the frames in their window, where they do not follow each other from 0 on.
        """
        if numbers is None:
            numbers = torch.arange(motion.shape[1], device=motion.device)[None]
        when = self.moments[numbers.clamp(max=len(self.moments) - 1)]
        known = self.pose(motion.flatten(2)) + self.view(text.flatten(1))[:, None] + when
        flat = known.flatten(0, 1)
        maps: Tensor = self.paint(self.spread(flat + self.think(flat)))
        return maps.unflatten(0, motion.shape[:2])
