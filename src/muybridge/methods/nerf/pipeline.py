"""The human NeRF's pictures, enlarged and put where they belong."""

from __future__ import annotations

from pathlib import Path

from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.methods.cropped import CroppedPipeline, Show
from muybridge.methods.gas.checkpoints import load as load_networks
from muybridge.methods.gas.cues import NerfCue
from muybridge.methods.nerf.spec import SPEC
from muybridge.methods.reference import reference_of
from muybridge.motion import Motion
from muybridge.networks.human_nerf import HumanNeRF
from muybridge.person import Person


class NerfPipeline(CroppedPipeline):
    """Renders the reference's baked field.

    Args:
        nerf: the network.
        size: its name.
        width, height: of the crops it renders, pixels.
    """

    spec = SPEC

    def __init__(self, nerf: HumanNeRF, size: str, width: int, height: int) -> None:
        self.nerf, self.size = nerf, size
        self.width, self.height = width, height

    def painter(self, person: Person, motion: Motion, cameras: Cameras) -> Show:
        """See :class:`CroppedPipeline`.

        Raises:
            InputError: the person has another body model than the network.
        """
        height, width = self.nerf.config["reference_size"]
        reference = reference_of(person, int(width), int(height))
        return NerfCue(self.nerf, person, reference, motion, cameras).show


def load(size_or_path: str = "nano", *, smpl: str | None = None) -> NerfPipeline:
    """The pipeline of GAS's size of that name, or of a folder of GAS's weights.

    Args:
        size_or_path: ``nano``, or a folder.
        smpl: the user's SMPL model file, for the released human NeRF.

    Raises:
        InputError: the folder doesn't hold them whole, or holds no human NeRF.
    """
    folder = Path(size_or_path)
    if size_or_path in {size.name for size in SPEC.sizes}:
        found = SPEC.find(SPEC.size(size_or_path).weights[0])
        assert found is not None  # the spec has looked for them
        folder = found
    networks = load_networks(folder, None, None if smpl is None else Path(smpl))
    if networks.nerf is None:
        raise InputError(
            folder, "", "holds no human NeRF", "give a folder of GAS's weights with its first stage"
        )
    return NerfPipeline(
        networks.nerf, Path(size_or_path).name, networks.config.width, networks.config.height
    )
