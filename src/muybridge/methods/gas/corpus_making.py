"""Between the stages: the frozen NeRF renders the cues of everybody, once (paper 4.1.2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from muybridge.body import ShapedBody, load_body
from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.methods.corpora import FIT_ON, make_corpus
from muybridge.methods.gas.config import GasConfig
from muybridge.methods.gas.corpus import Row, Subject, read_subjects, write_subject
from muybridge.methods.gas.guides import soft_normals
from muybridge.methods.gas.misfit import misfit_motion, misfit_shape
from muybridge.methods.sitters import Line, Sitter, flat, pictures_of, reference_picture
from muybridge.motion import Motion
from muybridge.networks.human_nerf import Field, HumanNeRF, posed_skin
from muybridge.training import Context, generator_of
from muybridge.training.corpus import to_bytes
from muybridge.training.recipe import Tell


def prepare(context: Context, tell: Tell, nerf: HumanNeRF, config: GasConfig) -> None:
    """Fill the stage's folder, see :func:`muybridge.methods.corpora.make_corpus`.

    Args:
        context: of the stage.
        tell: told of progress.
        nerf: of the first stage.
        config: of the size.
    """

    def write(sitter: Sitter, path: Path) -> None:
        subject = render_subject(sitter, nerf, context.seed, config.width, config.height)
        write_subject(subject, path)

    make_corpus(
        context, tell, write, pictures, config.autoencoder["patch"],
        config.autoencoder["latent_channels"],
    )


def pictures(folder: Path) -> Iterator[UInt8[Tensor, "F 4 h w"]]:
    """Rows of true pictures of the first people in a folder."""
    for subject in read_subjects(folder, FIT_ON):
        for row in subject.rows:
            yield row.truth


def render_subject(
    sitter: Sitter, nerf: HumanNeRF, seed: int, width: int, height: int
) -> Subject:
    """A person's pictures with the cues of the exact body; one row also of a body a bit off.

    Args:
        sitter: the person.
        nerf: renders the cues.
        seed: of how the body is off.
        width, height: of the networks' pictures, pixels.

    Raises:
        InputError: the person's pictures have another size.
    """
    for clip in sitter.clips:
        if clip.size != (width, height):
            raise InputError(
                clip.name, "size", f"is {clip.size[0]}x{clip.size[1]}",
                f"make people with --size {width}x{height}",
            )
    generator = generator_of(seed, "misfit", sitter.name)
    shape = sitter.clips[0].shape
    bodies = [sitter.body, load_body().with_shape(misfit_shape(shape, generator))]
    baked: list[Field] = []
    shown = reference_picture(sitter.reference)
    for number, body in enumerate(bodies):
        pose = sitter.reference.pose
        pose = misfit_motion(pose, generator) if number else pose
        baked.append(encode_reference(nerf, shown, body, pose, sitter.reference.camera))
    lines = sitter.lines
    also = int(torch.randint(len(lines), (1,), generator=generator))
    rows = [
        _row(line, nerf, bodies[: 1 + (k == also)], baked, generator)
        for k, line in enumerate(lines)
    ]
    small = F.interpolate(
        shown[None], (height, width), mode="bilinear", align_corners=False, antialias=True
    )[0]
    return Subject(sitter.name, to_bytes(small), tuple(rows))


def _row(
    line: Line, nerf: HumanNeRF, bodies: list[ShapedBody], baked: list[Field],
    generator: torch.Generator,
) -> Row:
    """One row: the truth, and what both bodies say of it."""
    clip = line.select
    guides, cues = [], []
    for number, (body, field) in enumerate(zip(bodies, baked, strict=False)):
        motion = misfit_motion(clip.motion, generator) if number else clip.motion
        guides.append(to_bytes(soft_normals(body.pose(motion), clip.cameras)).flatten(0, 1))
        cues.append(to_bytes(nerf_cue(nerf, field, body, motion, clip.cameras)).flatten(0, 1))
    truth = pictures_of(clip).flatten(0, 1)
    return Row(line.mode, truth, torch.stack(guides), torch.stack(cues))


def encode_reference(
    nerf: HumanNeRF, picture: Float[Tensor, "4 h w"], body: ShapedBody, pose: Motion,
    cameras: Cameras,
) -> Field:
    """Everything of a reference that does not depend on view and pose.

    Args:
        nerf: the network.
        picture: RGB over black, and matte.
        body: of the person. ``pose``: in the picture, one frame.
        cameras: of the picture: one view, one frame.
    """
    K, T_cam_world = flat(cameras)
    return nerf.encode(
        picture[:3], posed_skin(nerf.canonical, body, pose), K[0], T_cam_world[0]
    )


@torch.no_grad()
def nerf_cue(
    nerf: HumanNeRF, person: Field, body: ShapedBody, motion: Motion, cameras: Cameras
) -> Float[Tensor, "V T 4 h w"]:
    """How the NeRF shows a person: RGB over black, and coverage."""
    rgb, alpha, _ = nerf.render_video(person, posed_skin(nerf.canonical, body, motion), cameras)
    return torch.cat([rgb, alpha], 2).clamp(0, 1)
