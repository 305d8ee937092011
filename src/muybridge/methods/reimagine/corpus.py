"""What ReImagine is trained on, at its own size and ready to be read.

One file per person: blocks of views x frames with front and back as large as they are, and the
normals of all. Pictures are 8 bit, colours premultiplied over black, with a matte.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from muybridge.body import PosedBody
from muybridge.body.skeleton import JOINT_INDEX
from muybridge.camera.crop import pixels_per_metre
from muybridge.data import Clip, Reference
from muybridge.methods.corpora import FIT_ON, make_corpus
from muybridge.methods.hvg.conditions import aligned_crop
from muybridge.methods.reimagine.conditions import shown_side, turn_to_front, world_normals
from muybridge.methods.reimagine.config import ReImagineConfig
from muybridge.methods.sitters import Sitter, pictures_of, reference_picture
from muybridge.training import Context
from muybridge.training.corpus import damaged, files_in, read_tensors, to_bytes, write_tensors
from muybridge.training.recipe import Tell

FORMAT = "muybridge reimagine subject 1"
_PARTS = ("sides", "poses", "truth", "normals", "side")
_PELVIS = JOINT_INDEX["pelvis"]


@dataclass(frozen=True)
class Block:
    """Views and frames that belong together.

    Attributes:
        sides: front and back, RGB over black, and matte; nothing where there is no back.
        poses: normals of the body in these.
        truth: RGB over black, and matte.
        normals: of the body in each picture.
        side: that each picture shows more of, 0 the front.
    """

    sides: UInt8[Tensor, "2 4 h w"]
    poses: UInt8[Tensor, "2 4 h w"]
    truth: UInt8[Tensor, "V T 4 h w"]
    normals: UInt8[Tensor, "V T 4 h w"]
    side: UInt8[Tensor, "V T"]

    @property
    def moves(self) -> bool:
        """Whether there are several frames."""
        return self.truth.shape[1] > 1


@dataclass(frozen=True)
class Subject:
    """A person to train on.

    Attributes:
        name: of the person.
        blocks: pictures of them.
    """

    name: str
    blocks: tuple[Block, ...]


def write_subject(subject: Subject, path: Path) -> None:
    """Write a person's file, whole or not at all."""
    tensors = {
        f"{number}.{name}": getattr(block, name)
        for number, block in enumerate(subject.blocks) for name in _PARTS
    }
    write_tensors(
        path, tensors, FORMAT, {"name": subject.name, "blocks": str(len(subject.blocks))}
    )


def read_subject(path: Path) -> Subject:
    """Read a person's file.

    Raises:
        InputError: it is damaged or something else.
    """
    tensors, about = read_tensors(path, FORMAT)
    try:
        blocks = tuple(
            Block(*(tensors[f"{n}.{name}"] for name in _PARTS)) for n in range(int(about["blocks"]))
        )
        return Subject(about["name"], blocks)
    except (KeyError, ValueError) as error:
        raise damaged(path, error) from None


def read_subjects(folder: Path, limit: int | None = None) -> list[Subject]:
    """All people of a folder in the order of their names.

    Raises:
        InputError: there are none, or a file is damaged.
    """
    return [read_subject(path) for path in files_in(folder, limit)]


def prepare(context: Context, tell: Tell, config: ReImagineConfig) -> None:
    """Fill the stage's folder, see :func:`muybridge.methods.corpora.make_corpus`.

    Args:
        context: of the stage.
        tell: told of progress.
        config: of the size.
    """

    def write(sitter: Sitter, path: Path) -> None:
        write_subject(subject_of(sitter, config.width, config.height), path)

    make_corpus(
        context, tell, write, pictures, config.autoencoder["patch"],
        config.autoencoder["latent_channels"],
    )


def pictures(folder: Path) -> Iterator[UInt8[Tensor, "F 4 h w"]]:
    """Pictures of the first people in a folder, and the normals of some of them."""
    for subject in read_subjects(folder, FIT_ON):
        for block in subject.blocks:
            yield block.truth.flatten(0, 1)
            yield block.normals[:, ::4].flatten(0, 1)


def subject_of(sitter: Sitter, width: int, height: int) -> Subject:
    """A person's clips as blocks.

    Args:
        sitter: the person.
        width, height: of the networks' pictures, pixels.
    """
    back = next((c.references["back"] for c in sitter.clips if "back" in c.references), None)
    sides = [(r, sitter.body.pose(r.pose)) if r else None for r in (sitter.reference, back)]
    return Subject(
        sitter.name, tuple(_block(clip, sitter, sides, width, height) for clip in sitter.clips)
    )


def _block(
    clip: Clip, sitter: Sitter, sides: list[tuple[Reference, PosedBody] | None], width: int,
    height: int,
) -> Block:
    posed = sitter.body.pose(clip.motion)
    crop = aligned_crop(posed, clip.cameras, width, height)
    turn = turn_to_front(posed)
    rows = [
        world_normals(posed, crop.cameras.select([view]), turn) for view in range(clip.views)
    ]
    size = float(pixels_per_metre(crop.cameras, posed.joints[:, _PELVIS])[0, 0])
    seen = [_side(side, width, height, size) for side in sides]
    truth = crop.cut(pictures_of(clip).float() / 255)
    return Block(
        to_bytes(torch.stack([picture for picture, _ in seen])),
        to_bytes(torch.stack([normals for _, normals in seen])),
        to_bytes(truth), to_bytes(torch.cat(rows)),
        shown_side(clip.cameras, clip.motion, [side is not None for side in sides]),
    )


def _side(
    side: tuple[Reference, PosedBody] | None, width: int, height: int, most: float
) -> tuple[Float[Tensor, "4 h w"], Float[Tensor, "4 h w"]]:
    """A reference, and its normals, at the size of the block's first frame."""
    if side is None:
        nothing = torch.zeros(4, height, width)
        return nothing, nothing
    reference, posed = side
    crop = aligned_crop(posed, reference.camera, width, height, most=most)
    picture = crop.cut(reference_picture(reference)[None, None], samples=4)[0, 0]
    return picture, world_normals(posed, crop.cameras, turn_to_front(posed))[0, 0]
