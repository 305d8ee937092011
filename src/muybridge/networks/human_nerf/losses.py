"""Training the human NeRF: square patches of target pictures (GAS, section 3.2; SHERF).

``L = 100 L2 + 10 mask + ssim + lpips``, the weights of the release, on rays inside the
box of the body. The release renders the whole picture; a square patch of it per target
leaves structural similarity its meaning and costs a tenth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.networks.human_nerf.features import project
from muybridge.networks.human_nerf.model import HumanNeRF
from muybridge.networks.human_nerf.rays import BOX_MARGIN
from muybridge.networks.human_nerf.rendering import SeenField, picture_rays, render_rays
from muybridge.networks.human_nerf.skin import PosedSkin

Perceptual = Callable[[Tensor, Tensor], Tensor]
"""A distance between RGB pictures ``[B, 3, h, w]`` in [0, 1], such as LPIPS; a mean."""


@runtime_checkable
class Noise(Protocol):
    """Random numbers of the items of a batch (``muybridge.training.draws.Draws`` has them)."""

    def uniform(self, *shape: int) -> Tensor:
        """In [0, 1), ``[items, *shape]``."""

    def normal(self, *shape: int) -> Tensor:
        """Standard normal, ``[items, *shape]``."""


@dataclass(frozen=True)
class LossWeights:
    """How much each term counts; the defaults are the release's.

    Attributes:
        rgb: mean squared error of the colours.
        mask: mean squared error of the coverage.
        ssim: one minus structural similarity.
        lpips: the perceptual distance, where one is given.
    """

    rgb: float = 100.0
    mask: float = 10.0
    ssim: float = 1.0
    lpips: float = 1.0


def training_item(
    reference: Float[Tensor, "3 h w"],
    reference_skin: PosedSkin,
    reference_K: Float[Tensor, "3 3"],
    reference_T_cam_world: Float[Tensor, "4 4"],
    target: Float[Tensor, "P 3 H W"],
    target_alpha: Float[Tensor, "P 1 H W"],
    target_skin: PosedSkin,
    target_K: Float[Tensor, "P 3 3"],
    target_T_cam_world: Float[Tensor, "P 4 4"],
) -> dict[str, Tensor]:
    """One item of a training batch: a person seen once, and ``P`` pictures of them to match.

    Stack items key by key for :func:`training_loss`.

    Args:
        reference, target: RGB in [0, 1], premultiplied over black.
        reference_skin: of one frame.
        target_alpha: coverage in [0, 1].
        target_skin: of ``P`` frames, in the reference's pose (as the release trains) or others.
    """
    return {
        "reference": reference,
        "reference_K": reference_K,
        "reference_T_cam_world": reference_T_cam_world,
        **{k: v[0] for k, v in reference_skin.tensors("reference_").items()},
        "target": target,
        "target_alpha": target_alpha,
        "target_K": target_K,
        "target_T_cam_world": target_T_cam_world,
        **target_skin.tensors("target_"),
    }


def training_loss(
    model: HumanNeRF,
    batch: Mapping[str, Tensor],
    draws: Noise,
    *,
    weights: LossWeights | None = None,
    patch: int = 32,
    perceptual: Perceptual | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of a batch of items, see :func:`training_item`, and its terms.

    Args:
        model: in training mode or not; gradients reach every parameter.
        batch: stacked items; ``B`` references and ``P`` targets each.
        draws: where the patches lie and how samples are jittered.
        weights: of the terms.
        patch: side of the square of rays per target, pixels.
        perceptual: adds a perceptual distance between the patches.

    Returns:
        The mean over all targets, and the terms ``rgb``, ``mask``, ``ssim``, ``lpips``
        (unweighted) with ``psnr`` of the patches, detached.
    """
    weights = weights or LossWeights()
    canonical = model.canonical
    features = model.features(
        batch["reference"], PosedSkin.of(batch, canonical, "reference_"),
        batch["reference_K"], batch["reference_T_cam_world"],
    )
    items, pictures = batch["target"].shape[:2]
    size = min(patch, *batch["target"].shape[-2:])
    where = draws.uniform(pictures, 2)
    jitter, noise = _sample_noise(model, draws, pictures, size)
    pictures_made, true_pictures = [], []
    for i in range(items):
        one = {k: v[i] for k, v in batch.items() if k.startswith("target")}
        skin = PosedSkin.of(one, canonical, "target_")
        field = SeenField(model, features.person(i))
        for p in range(pictures):
            K, T = one["target_K"][p], one["target_T_cam_world"][p]
            height, width = one["target"].shape[-2:]
            pixels = _patch(skin.vertices[p], K, T, height, width, size, where[i, p])
            rays = picture_rays(model, field, skin, p, K, T, height, width).select(pixels)
            met = (rays.far > 0).nonzero()[:, 0]
            colour, coverage, _ = render_rays(
                model, field, skin, p, rays.select(met),
                None if jitter is None else jitter[i, p, met],
                None if noise is None else noise[i, p, met],
                model.config["training_samples"],
            )
            both = torch.cat([colour.T, coverage[None]])
            made = both.new_zeros(4, size * size).index_copy(1, met, both)
            pictures_made.append(made.view(4, size, size))
            true = torch.cat([one["target"][p], one["target_alpha"][p]])
            true_pictures.append(true.flatten(1)[:, pixels].view(4, size, size))
    made_all, true_all = torch.stack(pictures_made), torch.stack(true_pictures)
    rgb, true_rgb = made_all[:, :3], true_all[:, :3]
    terms = {
        "rgb": F.mse_loss(rgb, true_rgb),
        "mask": F.mse_loss(made_all[:, 3], true_all[:, 3]),
        "ssim": 1 - structural_similarity(rgb, true_rgb),
    }
    if perceptual is not None:
        terms["lpips"] = perceptual(rgb.clamp(0, 1), true_rgb).mean()
    loss = sum((getattr(weights, name) * term for name, term in terms.items()), rgb.new_zeros(()))
    scalars = {name: term.detach() for name, term in terms.items()}
    scalars["psnr"] = -10 * torch.log10(scalars["rgb"].clamp(min=1e-10))
    return loss, scalars


def _sample_noise(
    model: HumanNeRF, draws: Noise, pictures: int, size: int
) -> tuple[Tensor | None, Tensor | None]:
    """Jitter and density noise of all samples; ``None`` where the model has none."""
    samples = model.config["training_samples"] or model.config["samples"]
    shape = (pictures, size * size, samples)
    jitter = None if model.config["as_released"] else draws.uniform(*shape)
    deviation = model.config["sigma_noise"]
    return jitter, draws.normal(*shape) * deviation if deviation else None


def _patch(
    vertices: Float[Tensor, "N 3"], K: Tensor, T_cam_world: Tensor, height: int, width: int,
    size: int, where: Float[Tensor, "2"],
) -> Int[Tensor, "S"]:
    """Numbers of the pixels of a square inside the body's box in the picture.

    Args:
        where: its place in the box, 0..1 in x and y.
    """
    low, high = vertices.amin(0) - BOX_MARGIN, vertices.amax(0) + BOX_MARGIN
    corners = torch.cartesian_prod(*torch.stack([low, high], 1).unbind(0))
    pixels, depth = project(corners, K, T_cam_world)
    limit = pixels.new_tensor([width, height])
    if bool((depth <= 0).any()):
        first, last = torch.zeros_like(limit), limit
    else:
        first = pixels.amin(0).clamp(min=0).minimum(limit)
        last = pixels.amax(0).clamp(min=0).minimum(limit)
    room = (last - first - size).clamp(min=0)
    spare = (last - first - size).clamp(max=0) / 2  # a box smaller than the patch lies mid-patch
    corner = first + spare + where.to(first) * room
    corner = corner.round().clamp(min=0).minimum(limit - size).long()
    step = torch.arange(size, device=vertices.device)
    return ((corner[1] + step)[:, None] * width + corner[0] + step).reshape(-1)


def structural_similarity(
    a: Float[Tensor, "B C H W"], b: Float[Tensor, "B C H W"]
) -> Float[Tensor, ""]:
    """SSIM (Wang et al., 2004) of pictures in [0, 1]: Gaussian window of 11 pixels, mean.

    Pictures smaller than the window are compared through a window of their size.
    """
    side = min(11, *a.shape[-2:])
    place = torch.arange(side, device=a.device) - (side - 1) / 2
    line = torch.exp(-(place**2) / (2 * 1.5**2))
    line = (line / line.sum()).to(a.dtype)
    channels = a.shape[1]
    stack = torch.cat([a, b, a * a, b * b, a * b], 1)
    down = line.view(1, 1, -1, 1).expand(5 * channels, 1, side, 1)
    mean = F.conv2d(stack, down, groups=5 * channels)
    mean = F.conv2d(mean, down.mT, groups=5 * channels)
    ma, mb, aa, bb, ab = mean.split(channels, 1)
    c1, c2 = 0.01**2, 0.03**2
    value = (2 * ma * mb + c1) * (2 * (ab - ma * mb) + c2)
    scale = (ma * ma + mb * mb + c1) * (aa - ma * ma + bb - mb * mb + c2)
    return (value / scale).mean()
