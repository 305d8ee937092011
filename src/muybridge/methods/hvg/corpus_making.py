"""From people of a data set to what HVG is trained on: crops at the pelvis, maps, rotations."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body import PosedBody
from muybridge.body.skeleton import JOINT_INDEX
from muybridge.camera import Cameras
from muybridge.camera.crop import pixels_per_metre
from muybridge.camera.ring import ring_of
from muybridge.data import Clip
from muybridge.methods.hvg.conditions import aligned_crop, camera_rotations, pose_maps
from muybridge.methods.hvg.config import HvgConfig
from muybridge.methods.hvg.corpus import MAPS, Block, Subject, read_subjects, write_subject
from muybridge.methods.sitters import (
    Sitter,
    folders_of_people,
    pictures_of,
    read_sitter,
    reference_picture,
)
from muybridge.networks.linear_autoencoder import LinearAutoencoder
from muybridge.training import Context
from muybridge.training.corpus import to_bytes, to_range
from muybridge.training.recipe import Tell

VALIDATION = 12
"""People of the validation split that are prepared."""
_FIT_ON = 200
"""People whose pictures the autoencoder is fitted on."""
_PELVIS = JOINT_INDEX["pelvis"]


def make_corpus(context: Context, tell: Tell, config: HvgConfig) -> None:
    """Fill the stage's folder: ``train/``, ``validation/`` and the autoencoder ``vae/``.

    Args:
        context: of the stage; people who are there already are not made again.
        tell: told of progress.
        config: of the size.
    """
    assert context.data is not None
    out = context.folder()
    work = [("train", f) for f in folders_of_people(context.data, "train")]
    work += [
        ("validation", f) for f in folders_of_people(context.data, "validation")[:VALIDATION]
    ]
    for number, (split, folder) in enumerate(work):
        target = out / split / f"{folder.name}.safetensors"
        if not target.exists() and number % context.processes == context.rank:
            sitter = read_sitter(folder)
            if sitter is not None:
                write_subject(subject_of(sitter, config.width, config.height), target)
        tell((number + 1) / (len(work) + 1), f"person {number + 1} of {len(work)}")
    if context.rank == 0 and not (out / "vae" / "config.json").exists():
        fit_autoencoder(out / "train", config).save_pretrained(out / "vae")
    tell(1.0, "people and autoencoder")


def fit_autoencoder(folder: Path, config: HvgConfig) -> LinearAutoencoder:
    """The linear autoencoder of a size, fitted on a folder's people."""
    subjects = read_subjects(folder, _FIT_ON)
    pictures = (to_range(b.truth.flatten(0, 1)) for s in subjects for b in s.blocks)
    return LinearAutoencoder.fit(
        pictures, config.autoencoder["patch"], config.autoencoder["latent_channels"]
    )


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
