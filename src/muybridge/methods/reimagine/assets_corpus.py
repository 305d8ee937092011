"""What the encoder of assets is trained on: pictures of people, their assets, and collages.

One file per person, beside those of the other stages: the same blocks, with collages in place of
front and back, the true back, and each asset on its canvas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from muybridge.body.skeleton import JOINT_INDEX
from muybridge.camera.crop import pixels_per_metre
from muybridge.data import Reference
from muybridge.data.people import FILL, SOURCE, remade
from muybridge.data.people import assets as cut_assets
from muybridge.errors import InputError
from muybridge.methods.corpora import VALIDATION
from muybridge.methods.hvg.conditions import aligned_crop
from muybridge.methods.reimagine.assets import AssetPictures, assets_of_clip
from muybridge.methods.reimagine.collage import collage
from muybridge.methods.reimagine.composition import canvases_of
from muybridge.methods.reimagine.config import ReImagineConfig
from muybridge.methods.reimagine.corpus import Block, Subject, subject_of
from muybridge.methods.sitters import Sitter, folders_of_people, read_sitter
from muybridge.training import Context
from muybridge.training.corpus import damaged, files_in, read_tensors, to_bytes, write_tensors
from muybridge.training.recipe import Tell

FORMAT = "muybridge reimagine wearer 1"
_PARTS = ("sides", "poses", "truth", "normals", "side")
_PELVIS = JOINT_INDEX["pelvis"]


@dataclass(frozen=True)
class Wearer:
    """A person to train on.

    Attributes:
        subject: whose blocks have collages for sides.
        backs: the true picture from behind of each block.
        canvases: of the assets, by name; 8 bit.
    """

    subject: Subject
    backs: tuple[UInt8[Tensor, "4 h w"], ...]
    canvases: Mapping[str, UInt8[Tensor, "4 _ _"]]


def write_wearer(wearer: Wearer, path: Path) -> None:
    """Write a person's file, whole or not at all."""
    tensors = {f"canvas.{name}": picture for name, picture in wearer.canvases.items()}
    for number, (block, back) in enumerate(zip(wearer.subject.blocks, wearer.backs, strict=True)):
        tensors |= {f"{number}.{name}": getattr(block, name) for name in _PARTS}
        tensors[f"{number}.back"] = back
    count = str(len(wearer.backs))
    write_tensors(path, tensors, FORMAT, {"name": wearer.subject.name, "blocks": count})


def read_wearer(path: Path) -> Wearer:
    """Read a person's file.

    Raises:
        InputError: it is damaged or something else.
    """
    tensors, about = read_tensors(path, FORMAT)
    try:
        numbers = range(int(about["blocks"]))
        blocks = tuple(Block(*(tensors[f"{n}.{name}"] for name in _PARTS)) for n in numbers)
        return Wearer(
            Subject(about["name"], blocks), tuple(tensors[f"{n}.back"] for n in numbers),
            {k.removeprefix("canvas."): v for k, v in tensors.items() if k.startswith("canvas.")},
        )
    except (KeyError, ValueError) as error:
        raise damaged(path, error) from None


def read_wearers(folder: Path, limit: int | None = None) -> list[Wearer]:
    """All people of a folder in the order of their names.

    Raises:
        InputError: there are none, or a file is damaged.
    """
    return [read_wearer(path) for path in files_in(folder, limit)]


def prepare_wearers(context: Context, tell: Tell, config: ReImagineConfig) -> None:
    """Fill the stage's folder: ``train/`` and ``validation/``; who is there is not made again.

    Args:
        context: of the stage. ``tell``: told of progress. ``config``: of the size.

    Raises:
        InputError: nobody has assets.
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
            found = None if sitter is None else wearer_of(sitter, config)
            if found is not None:
                write_wearer(found, target)
        tell((number + 1) / len(work), f"person {number + 1} of {len(work)}")
    if not list((out / "train").glob("*.safetensors")):
        raise InputError(
            context.data, "assets", "nobody has any",
            "make people with: muybridge people 300",
        )


def wearer_of(sitter: Sitter, config: ReImagineConfig) -> Wearer | None:
    """A person with assets; nobody where there are none, or no back.

    Assets of the project's own people are cut out anew where their clips have none.

    Args:
        sitter: the person. ``config``: of the size.
    """
    backs = [c for c in sitter.clips if "back" in c.references]
    if not backs:
        return None
    known = next((c for c in backs if c.assets), backs[0])
    if not known.assets and known.source == SOURCE:
        height, width = known.references["back"].rgba.shape[:2]
        known = replace(known, assets=cut_assets(remade(known)[0], (width, height), FILL)[0])
    try:
        assets = assets_of_clip(known)
    except InputError:  # a coat may hide all else that somebody wears
        return None
    references = (sitter.reference, known.references["back"])
    painted = [_collage(assets, sitter, r, bool(k)) for k, r in enumerate(references)]
    subject = subject_of(sitter, config.width, config.height)
    blocks: list[Block] = []
    behind: list[Tensor] = []
    for block, clip in zip(subject.blocks, sitter.clips, strict=True):
        posed = sitter.body.pose(clip.motion)
        crop = aligned_crop(posed, clip.cameras, config.width, config.height)
        size = float(pixels_per_metre(crop.cameras, posed.joints[:, _PELVIS])[0, 0])
        sides = [
            _seen(sitter, reference, picture, config, size)
            for reference, picture in zip(references, painted, strict=True)
        ]
        blocks.append(replace(block, sides=to_bytes(torch.stack(sides))))
        behind.append(block.sides[1])
    canvases = {k: to_bytes(v) for k, v in canvases_of(assets, config).items()}
    return Wearer(Subject(subject.name, tuple(blocks)), tuple(behind), canvases)


def _collage(
    assets: AssetPictures, sitter: Sitter, reference: Reference, behind: bool
) -> Float[Tensor, "4 H W"]:
    """The collage in place of a reference, by its camera. The back is made as if unknown."""
    return collage(assets.front_only, sitter.body.pose(reference.pose), reference.camera, behind)


def _seen(
    sitter: Sitter, reference: Reference, picture: Float[Tensor, "4 H W"],
    config: ReImagineConfig, most: float,
) -> Float[Tensor, "4 h w"]:
    """A picture by a reference's camera as the networks see references."""
    posed = sitter.body.pose(reference.pose)
    crop = aligned_crop(posed, reference.camera, config.width, config.height, most=most)
    return crop.cut(picture[None, None], samples=4)[0, 0]
