"""What 3DiMo is trained on, at its own size and ready to be read.

One file per person and motion: the views of a moment after the other, still and travelling
cameras, each with what is to be said about it. Every view can be driver, and every other target.
Of people whom one camera sees at a time, the frames of all their motions are one view: the motion
encoders learn from them alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from muybridge.training.corpus import damaged, files_in, read_tensors, write_tensors

FORMAT = "muybridge 3dimo scene 7"
_PARTS = (
    "reference", "reference_joints", "truth", "skeleton", "joints", "hands", "seen", "rotations",
    "words", "amounts", "moves", "tilts", "turned", "looks", "said_words", "said_amounts",
    "said_joints",
)


@dataclass(frozen=True)
class Scene:
    """A person in a motion, seen by several cameras.

    Attributes:
        name: of the person.
        reference: the person's picture, RGB over black, and matte.
        reference_joints: where the body's lie in it, see :func:`.conditions.joints_seen`.
        truth: RGB over black, and matte.
        skeleton: drawn in each picture.
        joints: likewise, in each.
        hands: the left and the right one, RGB over black.
        seen: whether they lie within the picture.
        rotations: of the joints, :func:`muybridge.methods.threedimo.conditions.joint_rotations`.
        words, amounts: what each camera does, :func:`muybridge.methods.threedimo.words.encoded`.
        moves: which cameras travel.
        tilts: of the pelvis, see :func:`.conditions.tilts`.
        turned: how far the person has turned to their right since the first frame, radians.
        looks: see :func:`.conditions.looks_before`.
        said_words, said_amounts: of cameras of which there are no pictures.
        said_joints: where those see the joints.
    """

    name: str
    reference: UInt8[Tensor, "4 h w"]
    reference_joints: Float[Tensor, "22 3"]
    truth: UInt8[Tensor, "V T 4 h w"]
    skeleton: UInt8[Tensor, "V T 3 h w"]
    joints: Float[Tensor, "V T 22 3"]
    hands: UInt8[Tensor, "V T 2 3 s s"]
    seen: Bool[Tensor, "V T 2"]
    rotations: Float[Tensor, "T J 6"]
    words: Int64[Tensor, "V L"]
    amounts: Float[Tensor, "V L"]
    moves: Bool[Tensor, "V"]
    tilts: Float[Tensor, "T 3 3"]
    turned: Float[Tensor, "T"]
    looks: Float[Tensor, "V T"]
    said_words: Int64[Tensor, "S L"]
    said_amounts: Float[Tensor, "S L"]
    said_joints: Float[Tensor, "S T 22 3"]

    @property
    def alone(self) -> bool:
        """Whether there is one view only: frames of several motions, of which none is painted."""
        return len(self.truth) == 1


def write_scene(scene: Scene, path: Path) -> None:
    """Write a file, whole or not at all."""
    tensors = {name: getattr(scene, name) for name in _PARTS}
    write_tensors(path, tensors, FORMAT, {"name": scene.name})


def read_scene(path: Path) -> Scene:
    """Read a file.

    Raises:
        InputError: it is damaged or something else.
    """
    tensors, about = read_tensors(path, FORMAT)
    try:
        return Scene(about["name"], *(tensors[name] for name in _PARTS))
    except KeyError as error:
        raise damaged(path, error) from None


def read_scenes(folder: Path, limit: int | None = None) -> list[Scene]:
    """All files of a folder in the order of their names.

    Raises:
        InputError: there are none, or a file is damaged.
    """
    return [read_scene(path) for path in files_in(folder, limit)]
