"""Where the joints of a person are before the camera, read off their picture.

Motion tokens that are read off patches directly have to learn places and poses at once, and small
encoders learn that only slowly. Places alone are learnt quickly where each joint has a map of its
own, of which the mean is taken (integral regression, arXiv 1711.08229); how near a joint is comes
from a second map at the same place (arXiv 1705.01583).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float
from torch import Tensor, nn

_GROUPS = 8


class JointReader(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Pictures of a person in the middle to their joints before the camera.

    Args:
        width, height: of the pictures, pixels.
        channels: of the pictures.
        joints: how many, the root among them.
        widths: of the convolutions, each of which halves the picture; the maps have the extent
            that two halvings leave.
        blocks: residual blocks behind each but the first.
    """

    @register_to_config
    def __init__(
        self, width: int = 72, height: int = 96, channels: int = 4, joints: int = 22,
        widths: Sequence[int] = (32, 64, 96, 128), blocks: Sequence[int] = (1, 2, 2),
    ) -> None:
        super().__init__()
        first, *rest = widths
        self.enter = nn.Sequential(
            nn.Conv2d(channels, first, 3, 2, 1), nn.GroupNorm(_GROUPS, first), nn.GELU()
        )
        self.down = nn.ModuleList()
        before = first
        for here, deep in zip(rest, blocks, strict=True):
            self.down.append(nn.Sequential(
                nn.Conv2d(before, here, 3, 2, 1), *(Residual(here) for _ in range(deep))
            ))
            before = here
        wide = rest[0]
        self.across = nn.ModuleList(nn.Conv2d(here, wide, 1) for here in rest)
        self.up = nn.ModuleList(Residual(wide) for _ in rest[:-1])
        self.maps = nn.Sequential(
            nn.GroupNorm(_GROUPS, wide), nn.GELU(), nn.Conv2d(wide, 2 * joints, 1)
        )

    def forward(self, pictures: Float[Tensor, "B F C H W"]) -> Float[Tensor, "B F P 3"]:
        """Root and joints: to the right and down, half pictures each from the middle, and how
        much nearer than the root, metres.

        Args:
            pictures: in [0, 1].
        """
        where, near = self.maps_of(pictures.flatten(0, 1))
        return self.places_in(where, near).unflatten(0, pictures.shape[:2])

    def maps_of(
        self, pictures: Float[Tensor, "N C H W"]
    ) -> tuple[Float[Tensor, "N P h w"], Float[Tensor, "N P h w"]]:
        """Of each joint: where it may be, as logarithms of shares, and how near it is there.

        Args:
            pictures: in [0, 1].
        """
        seen = self.enter(2 * pictures - 1)
        levels: list[Tensor] = []
        for part in self.down:
            seen = part(seen)
            levels.append(seen)
        found: Tensor = self.across[-1](levels[-1])
        for level in range(len(levels) - 2, -1, -1):
            larger = F.interpolate(found, levels[level].shape[-2:], mode="nearest")
            found = self.up[level](larger + self.across[level](levels[level]))
        where, near = self.maps(found).float().chunk(2, 1)
        return where.flatten(2).log_softmax(-1).view_as(where), near

    @staticmethod
    def places_in(
        where: Float[Tensor, "N P h w"], near: Float[Tensor, "N P h w"]
    ) -> Float[Tensor, "N P 3"]:
        """The means of maps, see :meth:`forward`.

        Args:
            where, near: from :meth:`maps_of`.
        """
        share = where.flatten(2).exp()
        across = share @ grid_of(where)
        nearer = (share * near.flatten(2)).sum(-1, keepdim=True)
        return torch.cat([across, nearer - nearer[:, :1]], -1)

    @staticmethod
    def surprise(
        where: Float[Tensor, "N P h w"], truth: Float[Tensor, "N P 2"]
    ) -> Float[Tensor, ""]:
        """Cross entropy of maps and of blots where the joints truly are; what the blots
        themselves have is taken away.

        Means of maps have gradients everywhere or nowhere at first; blots tell each cell.

        Args:
            where: from :meth:`maps_of`. ``truth``: half pictures from the middle.
        """
        cell = where.new_tensor([2 / where.shape[-1], 2 / where.shape[-2]]) * _BEYOND
        apart = (grid_of(where) - truth[..., None, :].clamp(-_BEYOND, _BEYOND)) / (_BLOT * cell)
        blots = (-apart.square().sum(-1) / 2).log_softmax(-1)
        return (blots.exp() * (blots - where.flatten(2))).sum(-1).mean()


def grid_of(maps: Float[Tensor, "N P h w"]) -> Float[Tensor, "h*w 2"]:
    """Middles of maps' cells, half pictures to the right and down."""
    rows, columns = maps.shape[-2:]
    y = (torch.arange(rows, device=maps.device) + 0.5) / rows * 2 - 1
    x = (torch.arange(columns, device=maps.device) + 0.5) / columns * 2 - 1
    places = torch.stack([x.expand(rows, -1), y[:, None].expand(-1, columns)], -1)
    return _BEYOND * places.flatten(0, 1)


_BEYOND = 1.1
"""Half pictures: how far from the middle maps reach, a little beyond the border."""
_BLOT = 0.8
"""Cells: how wide a joint is shown to the maps, in training."""


class Residual(nn.Module):
    """Two convolutions whose sum with what came in goes on.

    Args:
        width: channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(_GROUPS, width), nn.GELU(), nn.Conv2d(width, width, 3, 1, 1),
            nn.GroupNorm(_GROUPS, width), nn.GELU(), nn.Conv2d(width, width, 3, 1, 1),
        )

    def forward(self, seen: Float[Tensor, "N C h w"]) -> Float[Tensor, "N C h w"]:
        """The same with what the layers add."""
        return seen + self.layers(seen)
