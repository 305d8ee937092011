"""The reference picture, pasted into every frame where the body is, as high as it is."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.methods.copy.spec import SPEC
from muybridge.methods.cropped import CroppedPipeline, Show
from muybridge.methods.reference import reference_of
from muybridge.motion import Motion
from muybridge.person import Person


class CopyPipeline(CroppedPipeline):
    """Shows the same cut-out of the reference in every view and frame.

    Reference and result are cropped by one rule, so body heights fit each other.
    """

    spec = SPEC
    size = "full"
    width, height = 384, 512

    def painter(self, person: Person, motion: Motion, cameras: Cameras) -> Show:
        """See :class:`CroppedPipeline`."""
        picture = reference_of(person, self.width, self.height).picture

        def show(start: int, stop: int) -> Float[Tensor, "V t 4 h w"]:
            return picture.expand(cameras.views, stop - start, -1, -1, -1)

        return show


def load(size_or_path: str = "full", **options: Any) -> CopyPipeline:
    """The pipeline. There is one size and there are no options.

    Raises:
        InputError: options were given.
    """
    if options:
        raise InputError("method copy", ", ".join(options), "is no option of it", "leave it out")
    return CopyPipeline()
