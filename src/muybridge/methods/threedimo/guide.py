"""A drawn skeleton as channels beside the latents: the 2D control that 3DiMo is compared with."""

from __future__ import annotations

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor, nn


class SkeletonGuide(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Convolutions from a picture of the skeleton in the driving view to the latents' grid.

    Args:
        dim: channels of the result. ``patch``: pixels of a latent.
    """

    @register_to_config
    def __init__(self, dim: int = 128, patch: int = 4) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 32, 3, 1, 1), nn.SiLU(), nn.Conv2d(32, 64, patch, patch), nn.SiLU(),
            nn.Conv2d(64, dim, 3, 1, 1),
        )

    def forward(self, skeleton: Float[Tensor, "B F 3 H W"]) -> Float[Tensor, "B F D h w"]:
        """Maps of skeletons, RGB in [0, 1]."""
        made: Tensor = self.layers(skeleton.flatten(0, 1))
        return made.unflatten(0, skeleton.shape[:2])
