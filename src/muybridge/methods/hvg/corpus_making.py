"""From people of a data set to what HVG is trained on: crops at the pelvis, maps, rotations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from muybridge.body import PosedBody
from muybridge.body.skeleton import JOINT_INDEX
from muybridge.camera import Cameras
from muybridge.camera.crop import pixels_per_metre
from muybridge.camera.ring import ring_of
from muybridge.data import Clip
from muybridge.methods.corpora import FIT_ON, make_corpus
from muybridge.methods.hvg.conditions import aligned_crop, camera_rotations, pose_maps
from muybridge.methods.hvg.config import HvgConfig
from muybridge.methods.hvg.corpus import MAPS, Block, Subject, read_subjects, write_subject
from muybridge.methods.sitters import Sitter, pictures_of, reference_picture
from muybridge.training import Context
from muybridge.training.corpus import to_bytes
from muybridge.training.recipe import Tell

_PELVIS = JOINT_INDEX["pelvis"]


def prepare(context: Context, tell: Tell, config: HvgConfig) -> None:
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
    """True pictures of the first people in a folder, block by block."""
    for subject in read_subjects(folder, FIT_ON):
        for block in subject.blocks:
            yield block.truth.flatten(0, 1)


def subject_of(sitter: Sitter, width: int, height: int) -> Subject:
    """A person's clips as blocks.

    Args:
        sitter: the person.
        width, height: of the networks' pictures, pixels.
    """
    reference = sitter.body.pose(sitter.reference.pose)
    blocks = tuple(_block(clip, sitter, reference, width, height) for clip in sitter.clips)
    return Subject(sitter.name, blocks)


def _block(
    clip: Clip, sitter: Sitter, reference: PosedBody, width: int, height: int
) -> Block:
    posed = sitter.body.pose(clip.motion)
    crop = aligned_crop(posed, clip.cameras, width, height)
    rows: list[Float[Tensor, "1 T C h w"]] = []
    truth = crop.cut(pictures_of(clip).float() / 255)
    for view in range(clip.views):
        rows.append(pose_maps(posed, crop.cameras.select([view]), MAPS))
    size = pixels_per_metre(crop.cameras, posed.joints[:, _PELVIS])[0, 0]
    first = sitter.body.pose(clip.motion.slice(0, 1))
    return Block(
        ring_of(clip.cameras, posed.joints[0, _PELVIS]).closed,
        to_bytes(_reference(sitter, reference, width, height, float(size))),
        to_bytes(truth), to_bytes(torch.cat(rows)),
        camera_rotations(clip.cameras, first, sitter.reference.camera, reference).float(),
    )


def _reference(
    sitter: Sitter, posed: PosedBody, width: int, height: int, most: float
) -> Float[Tensor, "4 h w"]:
    cameras: Cameras = sitter.reference.camera
    crop = aligned_crop(posed, cameras, width, height, most=most)
    return crop.cut(reference_picture(sitter.reference)[None, None], samples=4)[0, 0]
