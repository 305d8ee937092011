"""The avatar's pipeline: pose the person's body, draw it, put it on a ground."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.methods.avatar.draw import draw
from muybridge.methods.avatar.scene import AvatarScene, Moment
from muybridge.methods.avatar.shadow import darken
from muybridge.methods.avatar.spec import SPEC
from muybridge.methods.background import Background
from muybridge.methods.ground import Ground
from muybridge.methods.pipeline import Chunk, HumanVideoPipeline, Tell
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.render import Lighting, Texture

_SHADOW = 0.55
"""Share of the ground's light that the deepest shadow takes."""


class AvatarPipeline(HumanVideoPipeline):
    """Renders ``person.posed(motion)`` with the person's texture."""

    spec = SPEC
    size = "full"

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
        """See :meth:`HumanVideoPipeline.make`. Nothing is drawn at random here."""
        scene = AvatarScene.of(person, motion)
        ground = Ground(background, cameras, motion.root_position)
        for first in range(start, motion.frames, chunk):
            last = min(first + chunk, motion.frames)
            frames, matte = compose(
                scene.bodies.between(first, last), scene.texture, scene.light, ground, first
            )
            yield Chunk(first, frames, matte)


def compose(
    body: Moment, texture: Texture, light: Lighting, ground: Ground, start: int
) -> tuple[Float[Tensor, "V T 3 H W"], Float[Tensor, "V T 1 H W"]]:
    """Frames of a posed, textured body on the ground with its shadow on it, and mattes.

    Args:
        body: in frames ``start``, ``start + 1``, ...
        texture: of its mesh. ``light``: on it.
        ground: of the whole video.
        start: the first of these frames.
    """
    stop = start + body.vertices.shape[0]
    color, matte = draw(body.vertices, body.mesh, texture, light, ground.cameras.slice(start, stop))
    return on_ground(color, matte, body, ground, start), matte


def on_ground(
    color: Float[Tensor, "V T 3 H W"], matte: Float[Tensor, "V T 1 H W"], body: Moment,
    ground: Ground, start: int,
) -> Float[Tensor, "V T 3 H W"]:
    """Pictures of a person put on the ground, with the body's shadow on it.

    Args:
        color: premultiplied by the matte, in frames ``start``, ``start + 1``, ...
        matte: share of the person in each pixel.
        body: in these frames.
        ground: of the whole video.
        start: the first of these frames.

    Returns:
        RGB in [0, 1]; straight colours (not premultiplied) where the ground is transparent.
    """
    if ground.background.kind == "transparent":
        return (color / matte.clamp(min=1e-3)).clamp_(0, 1)
    behind, point, slope = ground.see(start, start + body.vertices.shape[0])
    shown = 1 - matte
    darken(shown, _SHADOW, body.dark, body.center, point, slope)
    return torch.addcmul(color, behind, shown).clamp_(0, 1)


def load(size_or_path: str = "full", **options: Any) -> AvatarPipeline:
    """The avatar's pipeline. There is one size and there are no options.

    Raises:
        InputError: options were given.
    """
    if options:
        raise InputError(
            "method avatar", ", ".join(options), "is no option of it", "leave it out"
        )
    return AvatarPipeline()
