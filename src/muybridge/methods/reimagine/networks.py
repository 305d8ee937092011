"""All networks of a size of ReImagine, and what each of them does to pictures and latents."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.controlnets.controlnet_flux import FluxControlNetModel
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.methods.reimagine.condition_encoder import ConditionEncoder, PoseAdapter, token_ids
from muybridge.methods.reimagine.config import ReImagineConfig
from muybridge.methods.reimagine.denoise import LookedAt, Text, velocity
from muybridge.methods.reimagine.prompt import Prompt
from muybridge.networks.linear_autoencoder import LinearAutoencoder
from muybridge.networks.pictures import home
from muybridge.networks.video_init import zero_linear

warnings.filterwarnings("ignore", "`FluxPosEmbed` is deprecated", FutureWarning)
"""diffusers warns of how its own ControlNet imports it."""

Sides = Float[Tensor, "B S C H W"]
"""Pictures of the front and, where ``S`` is 2, of the back."""


@dataclass(frozen=True)
class Reference:
    """What is known of ``B`` people; made once for a video.

    Attributes:
        tokens: of the wide picture, front beside back, packed; they stand behind the noise.
        ids: (1, row, column) of each.
        sides: scaled latents of the front and of the back.
    """

    tokens: Float[Tensor, "B R D"]
    ids: Float[Tensor, "R 3"]
    sides: Float[Tensor, "B 2 K h w"]

    def base(self, side: Tensor) -> Float[Tensor, "B K h w"]:
        """The side that each picture shows more of: 0 the front, 1 the back, ``[B]``."""
        index = side.long()
        if len(self.sides) == 1:
            return self.sides[0, index]
        return self.sides[torch.arange(len(index), device=index.device), index]

    def expand(self, batch: int) -> Reference:
        """One person's, for several pictures."""
        return Reference(
            self.tokens.expand(batch, -1, -1), self.ids, self.sides.expand(batch, -1, -1, -1, -1)
        )


def packed(latents: Float[Tensor, "B K h w"]) -> Float[Tensor, "B N D"]:
    """Latents as tokens, two by two each, row by row; as Flux has them."""
    return F.pixel_unshuffle(latents, 2).flatten(2).transpose(1, 2)


def unpacked(
    tokens: Float[Tensor, "B N D"], grid: tuple[int, int]
) -> Float[Tensor, "B K h w"]:
    """The inverse of :func:`packed`.

    Args:
        tokens: of a picture. ``grid``: their rows and columns.
    """
    return F.pixel_shuffle(tokens.transpose(1, 2).unflatten(2, grid), 2)


class ReImagineNetworks(nn.Module):
    """The networks as one module; also what is trained.

    Pictures have the config's ``picture_channels`` and values in [0, 1]; latents are scaled.

    Attributes:
        config: the size.
        transformer, controlnet: of the per-frame stage.
        prompt: embeddings of the one text.
        pose_adapter: may be ``None``.
        video: that refines; may be ``None``.
        condition_encoder: turns assets into reference tokens; may be ``None``.
        vae: frozen.
    """

    def __init__(
        self,
        config: ReImagineConfig,
        transformer: FluxTransformer2DModel,
        controlnet: FluxControlNetModel,
        prompt: Prompt,
        vae: LinearAutoencoder | AutoencoderKL,
        pose_adapter: PoseAdapter | None = None,
        video: WanTransformer3DModel | None = None,
        condition_encoder: ConditionEncoder | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.transformer = transformer
        self.controlnet = controlnet
        self.prompt = prompt
        self.vae = vae.requires_grad_(False)
        self.pose_adapter = pose_adapter
        self.video = video
        self.condition_encoder = condition_encoder

    @staticmethod
    def new(config: ReImagineConfig, vae: LinearAutoencoder, seed: int = 0) -> ReImagineNetworks:
        """Untrained networks of a small size, without an encoder of assets.

        Their output is zero, so that with the residual objective they give back the reference.
        The ControlNet's own embedder is not: from nothing, the two zeros behind each other that
        spare a trained backbone would only hold it up.

        Args:
            config: ``NANO`` or ``TINY``, or another with linear latents.
            vae: fitted on pictures.
            seed: of the weights. The global random state is left as it was.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            transformer = FluxTransformer2DModel(**config.transformer)
            controlnet = FluxControlNetModel(**config.controlnet)
            controlnet.controlnet_x_embedder.reset_parameters()
            for layer in controlnet.controlnet_blocks:
                nn.init.normal_(layer.weight, std=0.3 * layer.in_features**-0.5)
            networks = ReImagineNetworks(
                config, transformer, controlnet, Prompt(**config.prompt), vae,
                PoseAdapter(**config.pose_adapter) if config.pose_adapter else None,
                WanTransformer3DModel(**config.video) if config.video else None,
            )
        zero_linear(transformer.proj_out)
        if networks.video is not None:
            zero_linear(networks.video.proj_out)
        return networks

    # ------------------------------------------------------------------ pictures

    @property
    def patch(self) -> int:
        """Pixels per latent, along each side."""
        return self.config.latent_patch

    @torch.no_grad()
    def encode(
        self, pictures: Float[Tensor, "*B C H W"], together: int = 8
    ) -> Float[Tensor, "*B K h w"]:
        """Scaled latents, the most likely ones, a few pictures at a time, where these are."""
        flat = pictures.reshape(-1, *pictures.shape[-3:])
        device, dtype = home(self.vae)
        vae: Any = self.vae
        parts = [
            vae.encode(part.to(device, dtype) * 2 - 1).latent_dist.mode().to(pictures.device)
            for part in flat.split(together)
        ]
        latents = (torch.cat(parts).float() - self._shift) * self._scale
        return latents.reshape(*pictures.shape[:-3], *latents.shape[1:])

    @torch.no_grad()
    def decode(self, latents: Float[Tensor, "F K h w"]) -> Float[Tensor, "F C H W"]:
        """Pictures in [0, 1] of scaled latents."""
        device, dtype = home(self.vae)
        vae: Any = self.vae
        decoded = vae.decode((latents / self._scale + self._shift).to(device, dtype)).sample
        return (decoded.float() / 2 + 0.5).clamp(0, 1).to(latents.device)

    @property
    def _scale(self) -> float:
        return float(self.vae.config["scaling_factor"])

    @property
    def _shift(self) -> float:
        return float(self.vae.config.get("shift_factor") or 0.0)

    # ------------------------------------------------------------------ conditions

    def reference(self, pictures: Sides, poses: Sides | None = None) -> Reference:
        """Encode the front and, where it is known, the back.

        Args:
            pictures: of people. A back that is missing is nothing: black, without a matte.
            poses: normals of the naked body in these pictures, which small sizes want.
        """
        sides = self.encode(_both(pictures))
        tokens = self._wide(sides)
        if self.pose_adapter is not None and poses is not None:
            tokens = tokens + self.pose_adapter(self._wide(self.encode(_both(poses))))
        return Reference(tokens, self.reference_ids().to(tokens.device), sides)

    def reference_ids(self) -> Float[Tensor, "R 3"]:
        """(1, row, column) of the reference's tokens in the wide picture."""
        rows, columns = self.config.token_grid
        return token_ids((rows, 2 * columns))[self._looked_at()]

    def _wide(self, sides: Float[Tensor, "B 2 K h w"]) -> Float[Tensor, "B R D"]:
        """Tokens of the front beside the back that are looked at."""
        return packed(torch.cat([sides[:, 0], sides[:, 1]], -1))[:, self._looked_at()]

    def _looked_at(self) -> Tensor:
        """Which of the wide picture's tokens stand behind the noise, ``[R]``."""
        rows, columns = self.config.token_grid
        kept = self.config.reference_columns or columns
        column = torch.arange(2 * columns) % columns
        first = (columns - kept) // 2
        inside = (column >= first) & (column < first + kept)
        return inside.repeat(rows).nonzero()[:, 0]

    def control(self, normals: Float[Tensor, "B C H W"]) -> Float[Tensor, "B N D"]:
        """Tokens of the world's normals that steer; noise plays no part in them."""
        return packed(self.encode(normals))

    # ------------------------------------------------------------------ denoising

    def forward(
        self,
        noisy: Float[Tensor, "B K h w"],
        t: Float[Tensor, "B"],
        reference: Reference,
        control: Float[Tensor, "B N D"],
        scale: float = 1.0,
    ) -> Float[Tensor, "B K h w"]:
        """The transformer's output (what it means is the objective's matter).

        Args:
            noisy: latents on the flow path, ``(1 - t) clean + t noise``.
            t: share of noise, 0..1; one for each picture.
            reference: as many rows as pictures.
            control: from :meth:`control`.
            scale: of what the ControlNet says.
        """
        tokens = packed(noisy)
        grid = (noisy.shape[-2] // 2, noisy.shape[-1] // 2)
        ids = token_ids(grid, kind=0.0).to(tokens.device)
        text = Text(*self.prompt(len(tokens)))
        behind = LookedAt(reference.tokens.to(tokens.dtype), reference.ids)
        output = velocity(
            self.transformer, self.controlnet, tokens, ids, t, text, reference=behind,
            control=control, guidance=self.config.guidance, scale=scale,
        )
        return unpacked(output, grid)

    def estimate(
        self, output: Float[Tensor, "B K h w"], noisy: Float[Tensor, "B K h w"],
        t: Float[Tensor, "B"], base: Float[Tensor, "B K h w"],
    ) -> Float[Tensor, "B K h w"]:
        """The clean latents that an output means.

        Args:
            output: of :meth:`forward`.
            noisy, t: what it was made of.
            base: side of the reference, from :meth:`Reference.base`.
        """
        if self.config.objective == "residual":
            return output + base
        return noisy - t[:, None, None, None] * output


def _both(sides: Sides) -> Float[Tensor, "B 2 C H W"]:
    """Front and back; nothing where there is no back."""
    if sides.shape[1] == 2:
        return sides
    return torch.cat([sides, torch.zeros_like(sides)], 1)
