"""ReImagine's networks where the person is known by assets instead of pictures of them.

As in the release, the encoder's tokens stand where the reference's stand, and all else stays.
Small sizes depart from it in this: a collage of the assets (see
:mod:`muybridge.methods.reimagine.collage`) takes the place of front and back, and the encoder
says what is to be changed of its tokens. So an untrained encoder gives the collage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.errors import InputError
from muybridge.methods.reimagine.assets import AssetPictures, canvas, canvas_size
from muybridge.methods.reimagine.condition_encoder import ConditionEncoder, token_ids
from muybridge.methods.reimagine.config import ReImagineConfig
from muybridge.methods.reimagine.networks import Reference, ReImagineNetworks, Sides, packed

Canvases = Mapping[str, Float[Tensor, "C _ _"]]
"""One person's assets by name, in the networks' pictures' channels, [0, 1]."""


def encoder_of(config: ReImagineConfig, seed: int = 0) -> ConditionEncoder:
    """An untrained encoder for networks of a size.

    For the real networks it is the release's. A small one's queries stand in the grid of the
    front, its learned back beside it, columns count, and its tokens begin at zero.

    Args:
        config: of the size. ``seed``: of the weights; the global random state stays as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if not config.autoencoder:
            return ConditionEncoder()
        first, kept = looked_at(config)
        rows, columns = config.token_grid
        made = ConditionEncoder(
            input_dim=config.token_channels, model_dim=config.token_channels,
            num_frontal_queries=rows * kept, back_view_length=rows * kept,
            rope_axes=(1, 2), query_grid=(rows, kept), back_grid=(rows, kept),
            query_column=first, back_column=columns + first,
        )
    nn.init.zeros_(made.layer_norm_frontal.weight)
    nn.init.zeros_(made.missing_back_embedding)
    return made


def looked_at(config: ReImagineConfig) -> tuple[int, int]:
    """The first of a side's columns of tokens that are looked at, and how many are."""
    columns = config.token_grid[1]
    kept = config.reference_columns or columns
    return (columns - kept) // 2, kept


def canvases_of(assets: AssetPictures, config: ReImagineConfig) -> dict[str, Tensor]:
    """Assets as networks of a size take them: RGB over black, and matte, or RGB over white.

    Front and back have to be as the networks' own pictures are; see
    :func:`muybridge.methods.reimagine.conditions.sides_of`.
    """
    made = {}
    for name, rgba in assets.pictures.items():
        shown = canvas(rgba, *canvas_size(config, name))
        made[name] = shown if config.picture_channels == 4 else shown[:3] + 1 - shown[3:]
    return made


class ComposingNetworks(ReImagineNetworks):
    """The same networks; references are made of assets and of the collage that is their picture.

    Attributes:
        assets: of each person of the batch that comes next.
    """

    def __init__(self, networks: ReImagineNetworks) -> None:
        if networks.condition_encoder is None:
            raise InputError("networks", "condition_encoder", "is missing",
                             "train one: muybridge train reimagine --part assets --init FOLDER")
        super().__init__(
            networks.config, networks.transformer, networks.controlnet, networks.prompt,
            networks.vae, networks.pose_adapter, networks.video, networks.condition_encoder,
        )
        self.assets: Sequence[Canvases] = ()

    def reference(self, pictures: Sides, poses: Sides | None = None) -> Reference:
        """Encode the assets.

        Args:
            pictures: collages of people from both sides.
            poses: normals of the naked body in these.

        Raises:
            ValueError: there are more or fewer people than sets of assets.
        """
        if len(self.assets) != len(pictures) or pictures.shape[1] != 2:
            raise ValueError(f"{len(self.assets)} sets of assets for {tuple(pictures.shape)}")
        made = [self._tokens(canvases) for canvases in self.assets]
        tokens, ids = torch.cat([t for t, _ in made]), made[0][1]
        sides = self.encode(pictures)
        if self.config.autoencoder:
            tokens = tokens + self._in_order(sides)
            if self.pose_adapter is not None and poses is not None:
                tokens = tokens + self.pose_adapter(self._in_order(self.encode(poses)))
        return Reference(tokens, ids, sides)

    def _tokens(
        self, canvases: Canvases
    ) -> tuple[Float[Tensor, "1 R D"], Float[Tensor, "R 3"]]:
        """The encoder's tokens of one person, and their ids."""
        encoder: Any = self.condition_encoder
        weight = encoder.frontal_queries
        tokens, ids = {}, {}
        for name, picture in canvases.items():
            latents, column = self.encode(picture[None]), 0
            if name == "back":
                latents = self._inside(latents)
                column = int(encoder.config["back_column"])
            grid = (latents.shape[-2] // 2, latents.shape[-1] // 2)
            tokens[name] = packed(latents).to(weight)
            ids[name] = token_ids(grid, column=column).to(weight.device)
        found, places = encoder(tokens, ids)
        return found, places

    def _inside(self, latents: Float[Tensor, "*B K h w"]) -> Float[Tensor, "*B K h v"]:
        """The columns of a side that are looked at."""
        first, kept = looked_at(self.config)
        return latents[..., 2 * first : 2 * (first + kept)]

    def _in_order(self, sides: Float[Tensor, "B 2 K h w"]) -> Float[Tensor, "B R D"]:
        """Front and back as tokens, in the encoder's order: all of the front first."""
        inside = self._inside(sides)
        return torch.cat([packed(inside[:, 0]), packed(inside[:, 1])], 1)
