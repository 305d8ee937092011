"""Methods that denoise latents of a whole video, and decode it piece by piece.

What the networks see is a crop around the person, of their own size. Everything up to the
latents is made once for the whole video; then frames are decoded, put back into the pictures,
given the avatar's fine detail, and put on a ground.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.camera.crop import Crop
from muybridge.methods.avatar.draw import draw
from muybridge.methods.avatar.pipeline import on_ground
from muybridge.methods.avatar.scene import AvatarScene
from muybridge.methods.background import Background
from muybridge.methods.cropped import BLOCK, Blocks, pieces
from muybridge.methods.detail import add_detail, matte_of_black, sharpen_matte
from muybridge.methods.ground import Ground
from muybridge.methods.pipeline import Chunk, HumanVideoPipeline, Tell
from muybridge.motion import Motion
from muybridge.person import Person


@runtime_checkable
class LatentNetworks(Protocol):
    """Networks of a method.

    Attributes:
        config: has ``width``, ``height``, ``picture_channels`` (3: RGB over black; 4: and matte)
            and ``decode_together``.
    """

    config: Any

    def decode(self, latents: Float[Tensor, "F K h w"]) -> Float[Tensor, "F C H W"]: ...


@dataclass(frozen=True)
class Prepared:
    """A video before it is decoded.

    Attributes:
        crop: what the networks saw.
        scene: the avatar in the same motion.
        latents: of the crops, scaled.
    """

    crop: Crop
    scene: AvatarScene
    latents: Float[Tensor, "V T K h w"]


class LatentPipeline(HumanVideoPipeline):
    """See the module. Subclasses set these and implement :meth:`prepare`.

    Attributes:
        networks: of a size.
        detail: whether the avatar's fine detail is returned to enlarged results.
    """

    networks: LatentNetworks
    detail: bool = True

    @abstractmethod
    def prepare(
        self, person: Person, motion: Motion, cameras: Cameras, seed: int, tell: Tell
    ) -> Prepared:
        """Sample the latents of a video; arguments as for :meth:`HumanVideoPipeline.make`."""

    def make(
        self,
        person: Person,
        motion: Motion,
        cameras: Cameras,
        *,
        seed: int,
        background: Background,
        chunk: int,
        start: int,
        tell: Tell,
    ) -> Iterator[Chunk]:
        """See :meth:`HumanVideoPipeline.make`."""
        if start >= motion.frames:
            return
        made = self.prepare(person, motion, cameras, seed, tell)
        ground = Ground(background, cameras, motion.root_position)
        painted = Blocks(
            lambda first, stop: decode(self.networks, made.latents, first, stop), motion.frames,
            max(BLOCK, self.networks.config.decode_together),
        )
        yield from pieces(
            start, motion.frames, chunk,
            lambda t: self._finished(painted.frame(t), made, ground, t),
        )

    def _finished(
        self, painted: Float[Tensor, "V 1 C h w"], made: Prepared, ground: Ground, t: int
    ) -> tuple[Float[Tensor, "V 1 3 H W"], Float[Tensor, "V 1 1 H W"]]:
        """One frame of all views in the whole pictures, on the ground; and its matte."""
        larger = made.crop.enlargement
        body = made.scene.bodies.between(t, t + 1)
        cameras = ground.cameras.slice(t, t + 1)
        if self.networks.config.picture_channels == 3:
            painted = torch.cat([painted, matte_of_black(painted)], 2)
        whole = sharpen_matte(made.crop.paste(painted, t), larger)
        if self.detail and larger > 1:
            avatar = torch.cat(
                draw(body.vertices, body.mesh, made.scene.texture, made.scene.light, cameras), 2
            )
            whole = add_detail(whole, avatar, larger)
        color, matte = whole[:, :, :3], whole[:, :, 3:]
        return on_ground(color, matte, body, ground, t), matte


@torch.no_grad()
def decode(
    networks: LatentNetworks,
    latents: Float[Tensor, "V T K h w"],
    start: int = 0,
    stop: int | None = None,
) -> Float[Tensor, "V t C H W"]:
    """Pictures in [0, 1] of the frames ``start <= t < stop``.

    SVD's decoder looks at neighbours, so frames go through it in fixed blocks of
    ``config.decode_together``, whichever are asked for: along time, or along views where there
    is one frame. Asking for whole blocks costs least.

    Args:
        networks: of the size.
        latents: of the whole video, scaled.
        start, stop: frames wanted; all by default.
    """
    stop = latents.shape[1] if stop is None else stop
    block = networks.config.decode_together
    if latents.shape[1] == 1:
        parts = [networks.decode(part) for part in latents[:, 0].split(block)]
        return torch.cat(parts)[:, None][:, start:stop]
    first = start // block * block
    blocks = range(first, max(stop, first + 1), block)
    rows = []
    for row in latents:
        parts = [networks.decode(row[k:k + block]) for k in blocks]
        rows.append(torch.cat(parts)[start - first:stop - first])
    return torch.stack(rows)
