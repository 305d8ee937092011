"""Rays to colours: samples, inverse skinning, the field, volume rendering."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
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


@runtime_checkable
class Field(Protocol):
    """Density and colour in the canonical space: from features, or baked."""

    @property
    def reach(self) -> Float[Tensor, "N"]:
        """How far from each canonical vertex there may be density, metres."""

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

    @property
    def reach(self) -> Float[Tensor, "N"]:
        """The model's radius around every vertex, metres."""
        return torch.full_like(self.features.seen[0], self.model.config["radius"])

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
    model: HumanNeRF, field: Field, skin: PosedSkin, frame: int, K: Float[Tensor, "3 3"],
    T_cam_world: Float[Tensor, "4 4"], height: int, width: int,
) -> Rays:
    """The rays of all pixels, row by row; see :func:`render_rays`."""
    centre, directions = pixel_rays(K, T_cam_world, height, width)
    vertices = skin.vertices[frame]
    if model.config["as_released"]:
        near, far, hit = box_stretch(centre, directions, vertices)
    else:
        reach = field.reach * skin.scale[frame]
        near, far, hit = skin_stretch(K, T_cam_world, vertices, reach, height, width)
    zero = torch.zeros_like(near)
    return Rays(centre, directions, torch.where(hit, near, zero), torch.where(hit, far, zero))


def sample_depths(
    rays: Rays, samples: int, least_step: float, as_released: bool,
    jitter: Float[Tensor, "R S"] | None = None,
) -> tuple[Float[Tensor, "R S"], Float[Tensor, "R S"], Bool[Tensor, "R S"]]:
    """z-depths of samples along rays, the length each stands for (metres), and which are meant.

    Args:
        samples: ``S``, at most so many.
        least_step: no closer than this along the ray, metres: a short stretch has fewer.
        as_released: always ``S`` from near to far inclusive, the last one without an end;
            otherwise in the middle of equal steps.
        jitter: where in its step each sample lies, 0..1.
    """
    long = rays.directions.norm(dim=1, keepdim=True)
    near, stretch = rays.near[:, None], (rays.far - rays.near)[:, None]
    number = torch.arange(samples, device=near.device)
    if as_released:
        depths = near + stretch * number / (samples - 1)
        steps = F.pad(depths[:, 1:] - depths[:, :-1], (0, 1), value=_ENDLESS)
        return depths, steps * long, torch.ones_like(depths, dtype=torch.bool)
    count = torch.full_like(near, samples)
    if least_step:
        count = torch.ceil(stretch * long / least_step).clamp(1, samples)
    step = stretch / count
    depths = near + step * (number + (0.5 if jitter is None else jitter))
    meant = number < count
    return depths, step * long * meant, meant


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
        rays: that meet the skin's surroundings, see :func:`picture_rays`.
        jitter: see :func:`sample_depths`; for training.
        noise: added to the raw densities; for training.
        samples: along each ray, if not as many as the model's settings say.
    """
    released = model.config["as_released"]
    count = len(rays.near)
    samples = samples or model.config["samples"]
    scale = float(skin.scale[frame])
    depths, steps, meant = sample_depths(
        rays, samples, model.config["least_step"] * scale, released, jitter
    )
    kept = meant.view(-1).nonzero()[:, 0]
    ray = torch.div(kept, samples, rounding_mode="floor")
    along = rays.directions.index_select(0, ray)
    points = rays.centre + depths.view(-1).index_select(0, kept)[:, None] * along
    vertices = skin.vertices[frame]
    vertex = nearest_vertex(
        points, vertices, lambda: skin.tree(frame), model.config["radius"] * scale
    )
    close = (vertex < len(vertices)).nonzero()[:, 0]
    kept, ray, along, points, vertex = (
        x.index_select(0, close) for x in (kept, ray, along, points, vertex)
    )
    back = skin.back[frame].index_select(0, vertex)
    off = points - vertices.index_select(0, vertex)
    anchor = model.canonical.vertices.to(off).index_select(0, vertex)
    canonical = (back * off[:, None]).sum(2) + anchor
    raw, hidden = field.look(canonical)
    if noise is not None:
        raw = raw + noise.reshape(-1)[kept]
    density = F.relu(raw * model.config["density_scale"])
    sigma = density.new_zeros(count * samples).index_put((kept,), density)
    weights = composite_samples(sigma.view(count, samples), steps)
    of_kept = weights.reshape(-1).index_select(0, kept)
    counts = torch.arange(len(kept), device=kept.device)
    if not torch.is_grad_enabled():
        counts = counts[of_kept > _COUNTS]
        ray, along, back, of_kept = (
            x.index_select(0, counts) for x in (ray, along, back, of_kept)
        )
    directions = (back * along[:, None]).sum(2)
    if not released:
        directions = F.normalize(directions, dim=-1)
    colour = model.colour(hidden(counts), directions)
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
        rays = picture_rays(model, field, skin, frame, K[b], T_cam_world[b], height, width)
        for part in (rays.far > 0).nonzero()[:, 0].split(_RAYS):
            rgb, alpha, depth = render_rays(model, field, skin, frame, rays.select(part))
            out[b, :, part] = torch.cat([rgb.T, alpha[None], depth[None]])
    out = out.view(len(K), 5, height, width)
    return out[:, :3].clamp(0, 1), out[:, 3:4].clamp(0, 1), out[:, 4:]
