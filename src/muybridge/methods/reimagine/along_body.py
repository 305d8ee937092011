"""Frames that were painted one by one, calmed along the surface that they show; no training.

The body's motion is known, and so is where each point of its surface is seen in the frames before
and behind. What is painted there is averaged, as far as it is alike: a sleeve that hangs away from
the body, or a face that looks elsewhere, is left alone. Where ReImagine's paper propagates a video
model's features to neighbouring frames, this propagates colours, to places that are known exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.methods.avatar.scene import Bodies
from muybridge.methods.cropped import BLOCK
from muybridge.methods.reimagine.networks import ReImagineNetworks
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.render import Fragments, interpolate, rasterize
from muybridge.sampling.refine import StepsDone

REACH, MOST = 1, 8
"""Frames before and behind; as many as can be asked for."""
LIKENESS = 0.2
"""Distance of colours, all channels together, at which one counts ``exp(-1/2)``."""
_TOLERANCE = 0.03
"""Metres that a point may lie behind what the other frame shows there."""


@dataclass(frozen=True)
class Seen:
    """Where points of some frames are seen in others.

    Attributes:
        source, target: frames that points are of, and are looked for in.
        place: of every pixel's point in the target, -1..1 from edge to edge (``grid_sample``'s).
        visible: whether there is one, and nothing is before it.
    """

    source: Int[Tensor, "P"]  # noqa: F821
    target: Int[Tensor, "P"]  # noqa: F821
    place: Float[Tensor, "P H W 2"]
    visible: Bool[Tensor, "P H W"]


def followed(
    vertices: Float[Tensor, "T N 3"], faces: Int[Tensor, "F 3"], cameras: Cameras, reach: int
) -> Iterator[Seen]:
    """Every frame's surface in the frames around it.

    Args:
        vertices: of the person, world, metres.
        faces: of the mesh.
        cameras: one view, as many frames.
        reach: frames before and behind.

    Yields:
        of each distance in time, from ``-reach`` to ``reach``, those frames that have one there.
    """
    frames, height, width = len(vertices), cameras.height, cameras.width
    K, T_cam_world = cameras.K[0], cameras.T_cam_world[0]
    shown = rasterize(vertices, faces, K, T_cam_world, height, width)
    for apart in (k for k in range(-reach, reach + 1) if k and abs(k) < frames):
        source = torch.arange(max(0, -apart), min(frames, frames - apart))
        target = source + apart
        here = Fragments(
            shown.triangle[source], shown.barycentric[source], shown.depth[source]
        )
        points = interpolate(here, faces, vertices[target])
        R, t = T_cam_world[target, :3, :3], T_cam_world[target, :3, 3]
        in_camera = torch.einsum("pij,phwj->phwi", R, points) + t[:, None, None]
        depth = in_camera[..., 2]
        pixel = torch.einsum("pij,phwj->phwi", K[target], in_camera)
        pixel = pixel[..., :2] / depth.clamp(min=1e-3)[..., None]
        place = (2 * pixel / pixel.new_tensor([width, height]) - 1).float()
        there = F.grid_sample(
            shown.depth[target][:, None].float(), place, "nearest", "zeros", align_corners=False
        )[:, 0]
        visible = here.mask & (there > 0) & ((there - depth).abs() < _TOLERANCE)
        yield Seen(source, target, place, visible)


def averaged(
    pictures: Float[Tensor, "T C H W"], seen: list[Seen], likeness: float = LIKENESS
) -> Float[Tensor, "T C H W"]:
    """Every pixel with what is painted on the same place of the surface in other frames.

    Args:
        pictures: in [0, 1].
        seen: of :func:`followed`.
        likeness: see :data:`LIKENESS`.
    """
    total, weights = pictures.clone(), torch.ones_like(pictures[:, :1])
    for pair in seen:
        other = F.grid_sample(
            pictures[pair.target], pair.place, "bicubic", "border", align_corners=False
        ).clamp(0, 1)
        apart = (other - pictures[pair.source]).square().sum(1, keepdim=True)
        weight = pair.visible[:, None] * torch.exp(-apart / (2 * likeness**2))
        total.index_add_(0, pair.source, weight * other)
        weights.index_add_(0, pair.source, weight)
    return total / weights


class BodyCalming:
    """Calms a video's latents along the person's surface; what it leaves alone stays, bit for bit.

    Args:
        networks: of ReImagine.
        reach: frames before and behind; at least 1.
        likeness: see :data:`LIKENESS`.
    """

    def __init__(
        self, networks: ReImagineNetworks, reach: int = REACH, likeness: float = LIKENESS
    ) -> None:
        self._networks, self.reach, self.likeness = networks, reach, likeness

    @torch.no_grad()
    def __call__(
        self, latents: Float[Tensor, "V T K h w"], person: Person, motion: Motion,
        cameras: Cameras, callback: StepsDone,
    ) -> None:
        """Calm in place; memory is that of a block of frames.

        Args:
            latents: scaled; changed.
            person, motion: of the video.
            cameras: of the pictures that the latents are of.
            callback: told of (blocks done, blocks).
        """
        views, frames = latents.shape[:2]
        blocks = range(0, frames, BLOCK)
        bodies = Bodies(person, motion)
        painted = [latents[view, :0].clone() for view in range(views)]  # before the block
        for number, first in enumerate(blocks):
            stop = min(first + BLOCK, frames)
            low, high = first - len(painted[0]), min(frames, stop + self.reach)
            body = bodies.between(low, high)
            for view in range(views):
                given = torch.cat([painted[view], latents[view, first:high]])
                painted[view] = given[: stop - low][-self.reach :].clone()
                cameras_there = cameras.select([view]).slice(low, high)
                seen = list(followed(body.vertices, body.mesh.faces, cameras_there, self.reach))
                before = self._networks.decode(given)
                after = averaged(before, seen, self.likeness)
                own = slice(first - low, stop - low)
                change = self._networks.encode(after[own]) - self._networks.encode(before[own])
                latents[view, first:stop] += change.to(latents)
                callback(number * views + view + 1, len(blocks) * views)


def chosen_following(
    networks: ReImagineNetworks, reach: int | None, knows: bool
) -> BodyCalming | None:
    """What is asked for; ``None`` for nothing.

    Args:
        networks: of a small size.
        reach: frames before and behind; by default :data:`REACH` where ``knows``, else none.
        knows: the sequence is calmed by a video model that knows the body.

    Raises:
        InputError: the reach is out of range.
    """
    if reach is None:
        reach = REACH if knows else 0
    if isinstance(reach, bool) or not 0 <= reach <= MOST:
        raise InputError("follow", "", f"is {reach}", f"give 0 to {MOST}")
    return BodyCalming(networks, reach) if reach else None
