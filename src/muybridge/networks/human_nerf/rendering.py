"""Rays to colours: samples, inverse skinning, the field, volume rendering."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.networks.human_nerf.features import ReferenceFeatures
from muybridge.networks.human_nerf.nearest import nearest_vertex
from muybridge.networks.human_nerf.rays import (
    box_stretch,
    composite_samples,
    pixel_rays,
    skin_stretch,
)
from muybridge.networks.human_nerf.skin import PosedSkin

if TYPE_CHECKING:
    from muybridge.networks.human_nerf.model import HumanNeRF

_COUNTS = 1e-4
"""A sample that counts less than this is given no colour outside training."""
_ENDLESS = 1e10
_RAYS = 8192
"""Rays that are followed together."""


Hidden = Callable[[Tensor], Tensor]
"""Gives the hidden colour of some of the points, by number: ``[p] -> [p, H]``."""


class Field(Protocol):
    """Density and colour in the canonical space: from features, or baked."""

    def look(self, points: Float[Tensor, "P 3"]) -> tuple[Float[Tensor, "P"], Hidden]:
        """Raw density at canonical points, and a way to their hidden colours."""


@dataclass(frozen=True, eq=False)
class SeenField:
    """The field of one reference, computed anew at each point.

    Attributes:
        model: the network.
        features: of one picture.
    """

    model: HumanNeRF
    features: ReferenceFeatures

    def look(self, points: Float[Tensor, "P 3"]) -> tuple[Float[Tensor, "P"], Hidden]:
        """Raw density at canonical points, and a way to their hidden colours."""
        raw, hidden = self.model.place(self.features, points)
        return raw, hidden.__getitem__


@dataclass(frozen=True)
class Rays:
    """Rays of one picture.

    Attributes:
        centre: of the camera.
        directions: to the plane one metre in front of it.
        near, far: z-depths between which the body may be met; both 0 on rays that miss it.
    """

    centre: Float[Tensor, "3"]
    directions: Float[Tensor, "R 3"]
    near: Float[Tensor, "R"]
    far: Float[Tensor, "R"]

    def select(self, which: Tensor) -> Rays:
        """Some of the rays, by number or by mask."""
        return Rays(
            self.centre, self.directions[which], self.near[which], self.far[which]
        )


def picture_rays(
    model: HumanNeRF, skin: PosedSkin, frame: int, K: Float[Tensor, "3 3"],
    T_cam_world: Float[Tensor, "4 4"], height: int, width: int,
) -> Rays:
    """The rays of all pixels, row by row."""
    centre, directions = pixel_rays(K, T_cam_world, height, width)
    vertices = skin.vertices[frame]
    if model.config["as_released"]:
        near, far, hit = box_stretch(centre, directions, vertices)
    else:
        reach = model.config["radius"] * float(skin.scale[frame])
        near, far, hit = skin_stretch(K, T_cam_world, vertices, reach, height, width)
    zero = torch.zeros_like(near)
    return Rays(centre, directions, torch.where(hit, near, zero), torch.where(hit, far, zero))


def sample_depths(
    rays: Rays, samples: int, as_released: bool, jitter: Float[Tensor, "R S"] | None = None
) -> tuple[Float[Tensor, "R S"], Float[Tensor, "R S"]]:
    """z-depths of samples along rays, and the length each stands for, metres.

    Args:
        as_released: from near to far inclusive, the last one without an end; otherwise in
            the middle of equal steps.
        jitter: where in its step each sample lies, 0..1.
    """
    long = rays.directions.norm(dim=1, keepdim=True)
    near, stretch = rays.near[:, None], (rays.far - rays.near)[:, None]
    count = torch.arange(samples, device=near.device)
    if as_released:
        depths = near + stretch * count / (samples - 1)
        steps = F.pad(depths[:, 1:] - depths[:, :-1], (0, 1), value=_ENDLESS)
    else:
        depths = near + stretch * (count + (0.5 if jitter is None else jitter)) / samples
        steps = (stretch / samples).expand(-1, samples)
    return depths, steps * long


def render_rays(
    model: HumanNeRF,
    field: Field,
    skin: PosedSkin,
    frame: int,
    rays: Rays,
    jitter: Float[Tensor, "R S"] | None = None,
    noise: Float[Tensor, "R S"] | None = None,
    samples: int | None = None,
) -> tuple[Float[Tensor, "R 3"], Float[Tensor, "R"], Float[Tensor, "R"]]:
    """Premultiplied colour, coverage and z-depth (0 where there is nobody) of rays.

    Args:
        model: for its settings and for the colours.
        field: density and colour around the canonical body.
        skin: the target body; ``frame`` says which of its poses.
        rays: see :func:`picture_rays`.
        jitter: see :func:`sample_depths`; for training.
        noise: added to the raw densities; for training.
        samples: along each ray, if not as many as the model's settings say.
    """
    released = model.config["as_released"]
    count = len(rays.near)
    samples = samples or model.config["samples"]
    depths, steps = sample_depths(rays, samples, released, jitter)
    points = (rays.centre + depths[..., None] * rays.directions[:, None]).reshape(-1, 3)
    possible = (rays.far > 0).repeat_interleave(samples).nonzero()[:, 0]
    vertices = skin.vertices[frame]
    bound = model.config["radius"] * float(skin.scale[frame])
    vertex = nearest_vertex(points[possible], vertices, lambda: skin.tree(frame), bound)
    near = vertex < len(vertices)
    kept, vertex = possible[near], vertex[near]
    back = skin.back[frame][vertex]
    off = points[kept] - vertices[vertex]
    canonical = (back @ off[..., None])[..., 0] + model.canonical.vertices.to(off)[vertex]
    raw, hidden = field.look(canonical)
    if noise is not None:
        raw = raw + noise.reshape(-1)[kept]
    density = F.relu(raw * model.config["density_scale"])
    sigma = density.new_zeros(count * samples).index_put((kept,), density)
    weights = composite_samples(sigma.view(count, samples), steps)
    counts = torch.arange(len(kept), device=kept.device)
    if not torch.is_grad_enabled():
        counts = counts[weights.reshape(-1)[kept] > _COUNTS]
    kept = kept[counts]
    ray = torch.div(kept, samples, rounding_mode="floor")
    directions = (back[counts] @ rays.directions[ray][..., None])[..., 0]
    if not released:
        directions = F.normalize(directions, dim=-1)
    colour = model.colour(hidden(counts), directions)
    of_kept = weights.reshape(-1)[kept]
    rgb = colour.new_zeros(count, 3).index_add(0, ray, colour * of_kept[:, None])
    alpha = weights.sum(1)
    depth = (weights * depths).sum(1) / alpha.clamp(min=1e-6)
    return rgb, alpha, torch.where(alpha > 0.01, depth, torch.zeros_like(depth))


@torch.no_grad()
def render_pictures(
    model: HumanNeRF,
    field: Field,
    skin: PosedSkin,
    K: Float[Tensor, "B 3 3"],
    T_cam_world: Float[Tensor, "B 4 4"],
    height: int,
    width: int,
) -> tuple[
    Float[Tensor, "B 3 {height} {width}"], Float[Tensor, "B 1 {height} {width}"],
    Float[Tensor, "B 1 {height} {width}"],
]:
    """Whole pictures; see :meth:`~muybridge.networks.human_nerf.HumanNeRF.render`."""
    out = torch.zeros(len(K), 5, height * width, device=K.device)
    for b in range(len(K)):
        frame = b % skin.frames
        rays = picture_rays(model, skin, frame, K[b], T_cam_world[b], height, width)
        for part in (rays.far > 0).nonzero()[:, 0].split(_RAYS):
            rgb, alpha, depth = render_rays(model, field, skin, frame, rays.select(part))
            out[b, :, part] = torch.cat([rgb.T, alpha[None], depth[None]])
    out = out.view(len(K), 5, height, width)
    return out[:, :3].clamp(0, 1), out[:, 3:4].clamp(0, 1), out[:, 4:]
