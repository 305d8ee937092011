"""The avatar's pipeline: pose the person's body, draw it, put it on a ground."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body import PosedBody
from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.methods.avatar.draw import RelativeLight, draw
from muybridge.methods.avatar.shadow import darken, shadow_maps
from muybridge.methods.avatar.spec import SPEC
from muybridge.methods.background import Background
from muybridge.methods.ground import Ground
from muybridge.methods.pipeline import Callback, Chunk, HumanVideoPipeline, check_request
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.render import Lighting, Texture, prepare_texture, vertex_normals

_SHADOW = 0.55
"""Share of the ground's light that the deepest shadow takes."""


class AvatarPipeline(HumanVideoPipeline):
    """Renders ``person.posed(motion)`` with the person's texture."""

    spec = SPEC
    size = "full"

    def stream(
        self,
        person: Person,
        motion: Motion,
        cameras: Cameras,
        *,
        seed: int = 0,
        background: Background | None = None,
        chunk: int = 4,
        start: int = 0,
        callback: Callback | None = None,
    ) -> Iterator[Chunk]:
        """See :meth:`HumanVideoPipeline.stream`. Nothing is drawn at random here."""
        check_request(motion, cameras, chunk, start)
        background = background or Background()
        still = person.posed(Motion.still())
        mesh = still.mesh
        light = RelativeLight(reference_up=vertex_normals(still.vertices, mesh.faces)[0, :, 1])
        texture = prepare_texture(torch.from_numpy(person.texture), mesh)
        ground = Ground(background, cameras, motion.root_position)
        for first in range(start, motion.frames, chunk):
            last = min(first + chunk, motion.frames)
            posed = person.posed(motion.slice(first, last))
            frames, matte = compose(posed, texture, light, ground, first)
            yield Chunk(first, frames, matte)
            if callback is not None:
                callback(last, motion.frames)


def compose(
    posed: PosedBody, texture: Texture, light: Lighting, ground: Ground, start: int
) -> tuple[Float[Tensor, "V T 3 H W"], Float[Tensor, "V T 1 H W"]]:
    """Frames of a posed, textured body on the ground with its shadow on it, and mattes.

    Args:
        posed: the body in frames ``start``, ``start + 1``, ...
        texture: of its mesh. ``light``: on it.
        ground: of the whole video.
        start: the first of these frames.
    """
    stop = start + posed.vertices.shape[0]
    eyes = ground.cameras.slice(start, stop)
    color, matte = draw(posed.vertices, posed.mesh, texture, light, eyes)
    if ground.background.kind == "transparent":
        return (color / matte.clamp(min=1e-3)).clamp_(0, 1), matte
    behind, point, slope = ground.see(start, stop)
    shown = 1 - matte
    darken(shown, _SHADOW, *shadow_maps(posed.vertices), point, slope)
    return torch.addcmul(color, behind, shown).clamp_(0, 1), matte


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
