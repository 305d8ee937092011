"""The appearance cue: how a person should look in every view and frame, roughly.

Two can be had: the human NeRF's rendering, as GAS has it, and the avatar's, whose texture
may hold the back of the person too. Cues are rendered in blocks of frames of fixed length,
so that a frame is the same to the last bit however many are asked for.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.methods.avatar.draw import draw
from muybridge.methods.avatar.scene import AvatarScene
from muybridge.methods.gas.corpus_making import encode_reference, nerf_cue
from muybridge.methods.reference import Reference
from muybridge.motion import Motion
from muybridge.networks.human_nerf import HumanNeRF
from muybridge.person import Person

CUES = ("nerf", "avatar")


@runtime_checkable
class Cue(Protocol):
    """Something that shows a person to cameras."""

    def show(self, start: int, stop: int) -> Float[Tensor, "V t 4 h w"]:
        """RGB premultiplied over black, and coverage, of the frames ``start <= t < stop``."""


class NerfCue:
    """The human NeRF, with the reference encoded once.

    Args:
        nerf: the network.
        person: whose naked body is used.
        reference: their picture.
        motion: on their proportions. ``cameras``: of the cue pictures.

    Raises:
        InputError: the person has another body model than the network.
    """

    def __init__(
        self, nerf: HumanNeRF, person: Person, reference: Reference, motion: Motion,
        cameras: Cameras,
    ) -> None:
        model = "anny" if person.body == "anny" else "smpl"
        if nerf.config["body"] != model:
            raise InputError(
                "--cue", "nerf", f"the network's body is {nerf.config['body']}, the person's is "
                f"{person.body}", "take --cue avatar, or fit the person with that body",
            )
        self._nerf, self._body = nerf, person.shaped
        self._motion, self._cameras = motion, cameras
        self._field = encode_reference(
            nerf, reference.picture, self._body, reference.motion, reference.cameras
        )

    def show(self, start: int, stop: int) -> Float[Tensor, "V t 4 h w"]:
        """See :class:`Cue`."""
        return nerf_cue(
            self._nerf, self._field, self._body, self._motion.slice(start, stop),
            self._cameras.slice(start, stop),
        )


class AvatarCue:
    """The textured, posed body of the person.

    Args:
        scene: the person in the motion. ``cameras``: of the cue pictures.
    """

    def __init__(self, scene: AvatarScene, cameras: Cameras) -> None:
        self._scene, self._cameras = scene, cameras

    def show(self, start: int, stop: int) -> Float[Tensor, "V t 4 h w"]:
        """See :class:`Cue`."""
        vertices = self._scene.bodies.between(start, stop).vertices
        color, matte = draw(
            vertices, self._scene.mesh, self._scene.texture, self._scene.light,
            self._cameras.slice(start, stop),
        )
        return torch.cat([color, matte], 2).clamp(0, 1)
