"""Parts of the objective that small methods share: where errors count, and structure.

Squared errors alone are least for a blur wherever a network can't know. What latents show is
cheap to look at where the autoencoder is linear, so structural similarity joins the loss.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.networks.human_nerf.losses import structural_similarity
from muybridge.networks.linear_autoencoder import LinearAutoencoder

GREY = 0.82
"""Ground that pictures are compared on."""
OUTSIDE = 0.3
"""Weight of errors away from the person."""
STRUCTURE = 0.5
"""Weight of the structural dissimilarity of the pictures."""


def over_grey(pictures: Float[Tensor, "*B 4 H W"]) -> Float[Tensor, "*B 3 H W"]:
    """RGB premultiplied over black, and matte, on the light grey ground that scores use."""
    return pictures[..., :3, :, :] + GREY * (1 - pictures[..., 3:, :, :])


def dissimilarity(
    vae: nn.Module, latents: Float[Tensor, "B F K h w"], truth: Float[Tensor, "B F 4 H W"]
) -> Float[Tensor, ""]:
    """One minus the structural similarity of what latents show.

    Args:
        vae: linear, so that decoding costs next to nothing.
        latents: unscaled.
        truth: RGB premultiplied over black, and matte, in [0, 1].
    """
    assert isinstance(vae, LinearAutoencoder)
    with torch.autocast(latents.device.type, enabled=False):
        shown = vae.restore(latents.flatten(0, 1).float()) / 2 + 0.5
        return 1 - structural_similarity(over_grey(shown), over_grey(truth.flatten(0, 1)))


def near_person(
    mattes: Float[Tensor, "B F 1 H W"], patch: int
) -> Float[Tensor, "B F 1 h w"]:
    """Weights of errors of latents: 1 at and around the person, less elsewhere.

    Args:
        mattes: where somebody is.
        patch: pixels per latent.
    """
    coarse = F.max_pool2d(mattes.flatten(0, 1), patch)
    near = F.max_pool2d(coarse, 3, 1, 1) > 0.02
    return torch.where(near, 1.0, OUTSIDE).unflatten(0, mattes.shape[:2])
