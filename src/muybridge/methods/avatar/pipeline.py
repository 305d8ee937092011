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
from muybridge.methods.avatar.shadow import shade_ground, shadow_maps
from muybridge.methods.avatar.spec import SPEC
from muybridge.methods.background import Background, ground_rays
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
        for first in range(start, motion.frames, chunk):
            last = min(first + chunk, motion.frames)
            posed = person.posed(motion.slice(first, last))
            frames, matte = compose(
                posed, texture, light, cameras.slice(first, last), background
            )
            yield Chunk(first, frames, matte)
            if callback is not None:
                callback(last, motion.frames)


def compose(
    posed: PosedBody,
    texture: Texture,
    light: Lighting,
    cameras: Cameras,
    background: Background,
) -> tuple[Float[Tensor, "V T 3 H W"], Float[Tensor, "V T 1 H W"]]:
    """Frames of a posed, textured body on a background with its shadow on it, and mattes."""
    color, matte = draw(posed.vertices, posed.mesh, texture, light, cameras)
    if background.kind == "transparent":
        return (color / matte.clamp(min=1e-3)).clamp(0, 1), matte
    behind = background.render(cameras, posed.joints[:, 0])
    dark, center = shadow_maps(posed.vertices)
    shade = shade_ground(dark, center, *ground_rays(cameras))
    return (color + behind * (1 - _SHADOW * shade) * (1 - matte)).clamp(0, 1), matte


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
