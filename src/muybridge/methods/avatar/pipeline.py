"""The avatar's pipeline: pose the person's body, draw it, put it on a ground."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body import Mesh, PosedBody
from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.methods.avatar.draw import RelativeLight, draw
from muybridge.methods.avatar.shadow import darken, shadow_maps
from muybridge.methods.avatar.spec import SPEC
from muybridge.methods.background import Background
from muybridge.methods.ground import Ground
from muybridge.methods.pipeline import Chunk, HumanVideoPipeline, Tell
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.render import Lighting, Texture, prepare_texture, vertex_normals

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
        taken = photographed(person)
        up = vertex_normals(taken.vertices, taken.mesh.faces)[0, :, 1]
        light = RelativeLight(reference_up=up)
        texture = prepare_texture(torch.from_numpy(person.texture), taken.mesh)
        ground = Ground(background, cameras, motion.root_position)
        bodies = Bodies(person, motion)
        for first in range(start, motion.frames, chunk):
            last = min(first + chunk, motion.frames)
            frames, matte = compose(bodies.between(first, last), texture, light, ground, first)
            yield Chunk(first, frames, matte)


def photographed(person: Person) -> PosedBody:
    """The person as they stood for the first photo; in the zero pose without one."""
    if not person.photos:
        return person.posed(Motion.still())
    photo = person.photos[0]
    return person.posed(Motion(photo.R_parent_joint[None], photo.root_position[None]))


@dataclass(frozen=True)
class Moment:
    """The body in some frames, and how dark the ground is around it (see ``shadow_maps``)."""

    vertices: Float[Tensor, "T N 3"]
    mesh: Mesh
    dark: Float[Tensor, "T G G"]
    center: Float[Tensor, "T 2"]


class Bodies:
    """The posed body of any frames of a motion, equal to the last bit however it is asked for.

    Sums in a matrix product are rounded differently for different numbers of frames, so
    frames are always posed in the same blocks of equal length.
    """

    BLOCK = 8

    def __init__(self, person: Person, motion: Motion) -> None:
        self._person, self._motion = person, motion
        self._kept: dict[int, Moment] = {}

    def between(self, start: int, stop: int) -> Moment:
        """Frames ``start <= t < stop``."""
        first, last = start // self.BLOCK, (stop - 1) // self.BLOCK
        self._kept = {
            k: self._kept.get(k) or self._block(k) for k in range(first, last + 1)
        }
        parts = list(self._kept.values())
        low = first * self.BLOCK
        chosen = slice(start - low, stop - low)
        return Moment(
            torch.cat([p.vertices for p in parts])[chosen], parts[0].mesh,
            torch.cat([p.dark for p in parts])[chosen],
            torch.cat([p.center for p in parts])[chosen],
        )

    def _block(self, k: int) -> Moment:
        """A whole block; the last frame is repeated to fill the last one."""
        motion = self._motion
        frames = (torch.arange(self.BLOCK) + k * self.BLOCK).clamp(max=motion.frames - 1)
        posed = self._person.posed(
            replace(
                motion,
                R_parent_joint=motion.R_parent_joint[frames],
                root_position=motion.root_position[frames],
                face={name: values[frames] for name, values in motion.face.items()},
            )
        )
        return Moment(posed.vertices, posed.mesh, *shadow_maps(posed.vertices))


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
    if ground.background.kind == "transparent":
        return (color / matte.clamp(min=1e-3)).clamp_(0, 1), matte
    behind, point, slope = ground.see(start, stop)
    shown = 1 - matte
    darken(shown, _SHADOW, body.dark, body.center, point, slope)
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
