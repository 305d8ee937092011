"""The person in a motion, ready to be drawn: posed bodies, texture, light."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body import Mesh, PosedBody
from muybridge.methods.avatar.draw import RelativeLight
from muybridge.methods.avatar.shadow import shadow_maps
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.render import Lighting, Texture, prepare_texture, vertex_normals


@dataclass(frozen=True)
class AvatarScene:
    """A person in a motion.

    Attributes:
        bodies: posed, with their shadows.
        mesh: triangles and texture coordinates.
        texture: prepared for drawing.
        light: relative to that of the photo.
    """

    bodies: Bodies
    mesh: Mesh
    texture: Texture
    light: Lighting

    @staticmethod
    def of(person: Person, motion: Motion) -> AvatarScene:
        """The scene of a person and a motion on their proportions."""
        taken = photographed(person)
        up = vertex_normals(taken.vertices, taken.mesh.faces)[0, :, 1]
        texture = prepare_texture(torch.from_numpy(person.texture), taken.mesh)
        light = RelativeLight(reference_up=up)
        return AvatarScene(Bodies(person, motion), taken.mesh, texture, light)


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
