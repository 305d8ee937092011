"""Where somebody looks before the camera, read off their picture.

Motion tokens are to forget the camera, and with it they forget this; so it is read by a small
network of its own, off what the motion encoder sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor, nn

_GROUPS = 8


class FacingReader(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Pictures of a person in the middle to points on a circle.

    Args:
        width, height: of the pictures, pixels.
        channels: of the pictures.
        widths: of the convolutions, each of which halves the picture.
        hidden: width of what is read off all that is left.
        dropout: of that, in training.
    """

    @register_to_config
    def __init__(
        self, width: int = 72, height: int = 96, channels: int = 4,
        widths: Sequence[int] = (32, 64, 96, 128), hidden: int = 128, dropout: float = 0.2,
    ) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        before, rows, columns = channels, height, width
        for here in widths:
            parts += [
                nn.Conv2d(before, here, 3, 2, 1), nn.GroupNorm(_GROUPS, here), nn.GELU(),
                nn.Conv2d(here, here, 3, 1, 1, groups=here), nn.Conv2d(here, here, 1),
                nn.GroupNorm(_GROUPS, here), nn.GELU(),
            ]
            before, rows, columns = here, -(-rows // 2), -(-columns // 2)
        self.seen = nn.Sequential(*parts)
        self.read = nn.Sequential(
            nn.Flatten(1), nn.Dropout(dropout), nn.Linear(before * rows * columns, hidden),
            nn.GELU(), nn.Linear(hidden, 2),
        )

    def forward(self, pictures: Float[Tensor, "B F C H W"]) -> Float[Tensor, "B F 2"]:
        """Where the person looks: (1, 0) is into the camera, (0, 1) where that sees their right
        side. Where it is not sure, points lie within the circle.

        Args:
            pictures: in [0, 1].
        """
        made: Any = self.read(self.seen(2 * pictures.flatten(0, 1) - 1))
        return made.unflatten(0, pictures.shape[:2])
