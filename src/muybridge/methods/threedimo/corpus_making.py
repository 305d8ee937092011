"""From people of a data set to what 3DiMo is trained on."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from muybridge.body import PosedBody
from muybridge.camera import build_cameras, facing_of
from muybridge.camera.script import Script
from muybridge.data import Clip
from muybridge.errors import InputError
from muybridge.methods.corpora import FIT_ON, make_corpus
from muybridge.methods.hvg.conditions import aligned_crop
from muybridge.methods.sitters import Sitter, pictures_of, reference_picture
from muybridge.methods.threedimo.conditions import (
    PELVIS,
    facing_in,
    hands_of,
    joint_rotations,
    joints_seen,
    looks_before,
    size_of,
    sized_crop,
    steady_crop,
    tilts,
    wrapped,
)
from muybridge.methods.threedimo.config import ThreeDimoConfig
from muybridge.methods.threedimo.corpus import Scene, read_scenes, write_scene
from muybridge.methods.threedimo.view_words import as_seen
from muybridge.methods.threedimo.words import encoded, script_of_path
from muybridge.render import skeleton_map
from muybridge.synthetic.dice import Dice
from muybridge.synthetic.setups import path_scripts, sentence
from muybridge.training import Context
from muybridge.training.corpus import to_bytes
from muybridge.training.recipe import Tell

SENTENCES = 48
"""Said of each clip beside those of its cameras."""
_JOINTS = 22, 3


def prepare(context: Context, tell: Tell, config: ThreeDimoConfig) -> None:
    """Fill the stage's folder, see :func:`muybridge.methods.corpora.make_corpus`.

    Args:
        context: of the stage.
        tell: told of progress.
        config: of the size.
    """

    def write(sitter: Sitter, path: Path) -> None:
        for name, scene in reversed(scenes_of(sitter, config)):
            write_scene(scene, path.with_stem(path.stem + name))

    make_corpus(
        context, tell, write, pictures, config.autoencoder["patch"],
        config.autoencoder["latent_channels"],
    )


def pictures(folder: Path) -> Iterator[UInt8[Tensor, "F 4 h w"]]:
    """True pictures of the first people in a folder, view by view."""
    for scene in read_scenes(folder, FIT_ON):
        yield from scene.truth


def scenes_of(sitter: Sitter, config: ThreeDimoConfig) -> list[tuple[str, Scene]]:
    """What there is of a person, each with what its file's name ends in; the first one ends in
    nothing, and is written last: by it is seen that a person is done.

    Args:
        sitter: the person.
        config: of the size.

    Raises:
        InputError: they don't move.
    """
    across = [clip for clip in sitter.clips if clip.frames >= config.window and clip.views > 1]
    rest = [clip for clip in sitter.clips if clip not in across and clip.frames > 1]
    shown = [clip.select(frames=range(config.window)) for clip in across]
    found = [(f"-{k}" if k else "", scene_of(sitter, clip, config)) for k, clip in enumerate(shown)]
    if rest or not found:
        found.append(("-poses" if found else "", poses_of(sitter, rest, config)))
    return found


def poses_of(sitter: Sitter, clips: Sequence[Clip], config: ThreeDimoConfig) -> Scene:
    """All frames of a person's motions, each by its first camera, as one view.

    Args:
        sitter: the person. ``clips``: theirs. ``config``: of the size.

    Raises:
        InputError: there are no motions.
    """
    scenes = [scene_of(sitter, clip.select([0]), config, sentences=0) for clip in clips]
    if not scenes:
        raise InputError(
            "--data", sitter.name, "does not move",
            f"make people with --paths 6 --frames {config.window} (or more), or --motions 16",
        )

    def joined(name: str) -> Tensor:
        return torch.cat([getattr(scene, name)[:1] for scene in scenes], 1)

    first = scenes[0]
    return replace(
        first, truth=joined("truth"), skeleton=joined("skeleton"), joints=joined("joints"),
        hands=joined("hands"), seen=joined("seen"), looks=joined("looks"),
        tilts=torch.cat([scene.tilts for scene in scenes]),
        turned=torch.cat([scene.turned for scene in scenes]),
        rotations=torch.cat([scene.rotations for scene in scenes]),
        words=first.words[:1], amounts=first.amounts[:1], moves=torch.tensor([False]),
        said_joints=torch.cat([scene.said_joints for scene in scenes], 1),
    )


def scene_of(
    sitter: Sitter, clip: Clip, config: ThreeDimoConfig, sentences: int = SENTENCES
) -> Scene:
    """A clip as the networks see it.

    Args:
        sitter: the person. ``clip``: theirs.
        config: of the size.
        sentences: see :func:`said`.
    """
    body = sitter.body
    posed = body.pose(clip.motion)
    width, height = config.width, config.height
    reference = body.pose(sitter.reference.pose)
    standing = aligned_crop(reference, sitter.reference.camera, width, height)
    crop = steady_crop(posed, clip.cameras, width, height, most=size_of(standing, reference))
    pictures = pictures_of(clip).float() / 255
    hands, seen = hands_of(posed, clip.cameras, pictures, max(config.motion["hand"], 1))
    facing = facing_of(posed.joints[:1])
    scripts = scripts_of(clip, facing)
    words, amounts = encoded(as_seen(scripts, clip.cameras, posed.joints[0, PELVIS], facing))
    standing = aligned_crop(
        reference, sitter.reference.camera, width, height, most=size_of(crop, posed)
    )
    own = standing.cut(reference_picture(sitter.reference)[None, None], samples=4)[0, 0]
    return Scene(
        sitter.name,
        to_bytes(own),
        joints_seen(reference.joints, standing.cameras)[0, 0].half(),
        to_bytes(crop.cut(pictures)),
        to_bytes(skeleton_map(posed.joints, crop.cameras)),
        joints_seen(posed.joints, crop.cameras).half(),
        to_bytes(hands), seen, joint_rotations(clip.motion).half(), words, amounts,
        torch.tensor([moves(script) for script in scripts]),
        tilts(clip.motion, posed.joints), turned_of_body(posed.joints),
        looks_before(posed.joints, clip.cameras),
        *said(f"{sitter.name} {clip.name}", posed, clip.motion.fps, size_of(crop, posed), config,
              sentences),
    )


def said(
    name: str, posed: PosedBody, fps: Fraction, size: float, config: ThreeDimoConfig,
    sentences: int,
) -> tuple[Int64[Tensor, "S L"], Float[Tensor, "S L"], Float[Tensor, "S T 22 3"]]:
    """Random sentences as numbers and amounts, and where their cameras see the joints.

    Pictures of cameras are dear, so people are taken by few; joints cost nothing.

    Args:
        name: decides which sentences.
        posed: the body, of all frames.
        fps: of the motion.
        size: pixels per metre of the first frame's crop.
        config: of the size.
        sentences: how many.
    """
    if not sentences:
        return *encoded(()), torch.zeros(0, len(posed.joints), *_JOINTS).half()
    dices = [Dice(f"sentence {number}", zlib.crc32(name.encode())) for number in range(sentences)]
    scripts = [sentence(dice) for dice in dices]
    made = [
        build_cameras(
            script.text(), posed.joints, width=config.width, height=config.height, fps=fps,
            fov=dice.between(14, 40), facing="auto",
        )
        for script, dice in zip(scripts, dices, strict=True)
    ]
    cameras = replace(
        made[0], K=torch.cat([c.K for c in made]),
        T_cam_world=torch.cat([c.T_cam_world for c in made]),
    )
    crop = sized_crop(posed, cameras, config.width, config.height, size)
    facing = facing_of(posed.joints[:1])
    told = encoded(as_seen(scripts, cameras, posed.joints[0, PELVIS], facing))
    return *told, joints_seen(posed.joints, crop.cameras).half()


def scripts_of(clip: Clip, facing: float) -> list[Script]:
    """What each camera does: as it was told, or as its path shows.

    Args:
        clip: of any source. ``facing``: of the person in the first frame, degrees.
    """
    setup = clip.parameters.get("setup")
    if isinstance(setup, dict) and setup.get("rig") == "paths":
        return path_scripts(int(setup["number"]), int(setup["views"]))
    return [script_of_path(clip.cameras, view, facing) for view in range(clip.views)]


def turned_of_body(joints: Float[Tensor, "T 55 3"]) -> Float[Tensor, "T"]:
    """How far somebody has turned to their right since the first frame, radians."""
    facing = torch.tensor(facing_in(joints))
    return wrapped(torch.deg2rad(facing - facing[0]))


def moves(script: Script) -> bool:
    """Whether a camera does anything."""
    return any(move.kind != "static" for step in script.steps for move in step.moves)
