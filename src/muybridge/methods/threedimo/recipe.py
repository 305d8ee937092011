"""How 3DiMo's small sizes are trained: the paper's three stages, and four before them.

The paper begins with a trained video model (its section 4: 10,000, 15,000 and 5,000 steps). A
small one has none, and an encoder that tells nothing would be drowned by a transformer that can't
paint yet. So what reads words learns first, from poses that are known, where cameras of sentences
see joints, and what looks at driving pictures, where they are seen there; then the motion encoders
learn joint rotations, and where the body lies in other views. Then the rest learns on single
pictures, which are of more people than as many clips; and then everything on clips, which show more
per step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from muybridge.errors import InputError
from muybridge.methods.threedimo.checkpoints import READING, load, load_reading, read_index, save
from muybridge.methods.threedimo.clips import Clips
from muybridge.methods.threedimo.config import CONFIGS, ThreeDimoConfig
from muybridge.methods.threedimo.corpus import Scene, read_scenes
from muybridge.methods.threedimo.corpus_making import prepare
from muybridge.methods.threedimo.networks import ThreeDimoNetworks
from muybridge.methods.threedimo.training import (
    GEOMETRY,
    clip_loss,
    export,
    geometry_loss,
    reading_loss,
    train_only,
    words_loss,
)
from muybridge.methods.threedimo.validation import validate, validate_poses, validate_words
from muybridge.networks.linear_autoencoder import LinearAutoencoder
from muybridge.training import Context, Optimizer, Recipe, Schedule, Stage, Trainee, Work

PEOPLE, WORDS, JOINTS, POSES, PICTURES = "people", "words", "joints", "poses", "pictures"
SINGLE, CROSS, MOVING = "single", "cross", "moving"
"""The stages; the last three are the paper's."""
_BATCH, _PICTURE_BATCH, _POSE_BATCH = 4, 24, 48
_SENTENCES = 16
"""Of each item of the stage of words."""
_LOOKING = ("layout.view", "layout.moments", "layout.camera")
"""What of the layout the stage of words teaches, with the text encoder. Both stay so: before poses
that are misread it is best to go less far than was said, and that is what they would learn."""
_CROSS = {PICTURES: 0.5, SINGLE: 0.0, CROSS: 0.5, MOVING: 1.0}
"""How often another view drives."""
_TRAVEL = {PICTURES: 0.4, SINGLE: 0.2, CROSS: 0.5, MOVING: 0.8}
"""How often the camera travels. The paper's first stage has what the internet has: mostly none."""
_BLIND = {PICTURES: 1.0, SINGLE: 0.7, CROSS: 0.7, MOVING: 0.7}
"""How often nothing but the motion tells the pose, see :func:`.training.clip_loss`."""
_FIRST = {PICTURES: 0.25, SINGLE: 0.5, CROSS: 0.5, MOVING: 0.5}
"""How often the reference is the first frame: in a picture it leaves little to be learnt."""
_PLAIN = (
    "places", "moments", "latents", "which", "unseen", "patches.0", "patch_embedding", "proj_out",
    "scale_shift_table", "text.", "layers.4", "joints.3", "camera.3", "paint.4",
    "reader.enter", "reader.maps", "told.4",
)
"""What AdamW learns though it is a matrix: embeddings, what pictures enter by, and outputs."""
_READ_BY = (
    "width", "height", "picture_channels", "control", "motion", "decoder", "text", "layout",
    "reader", "drawn", "window",
)
"""Of a config, what networks depend on that read driver and words."""
_LATER = (*_PLAIN, "layout")
"""Also the layout once it is known: its wide matrices are half of Muon's work."""
_GENTLY = {name: 0.05 for name in READING}
"""Of the rate: what reads has learnt from more poses than clips show. At the whole rate, joints
seen were off by twice as much (squared) after 100 steps of clips."""
_SHARES = {SINGLE: 0.6, CROSS: 2.2, MOVING: 1.6}
_GEOMETRY = {PICTURES: (0.0, 0.0, 1), SINGLE: (GEOMETRY, GEOMETRY / 6, 150),
             CROSS: (GEOMETRY / 6, 0.0, 50), MOVING: (0.0, 0.0, 1)}
"""Weight of the geometric loss at first, in the end, and steps in between. It falls over the first
stage and a part of the second, as in the paper. Before, encoders that have learnt joint rotations
by themselves are left alone: they have seen more people than pictures are painted of."""


def recipe(size: str, **changes: Any) -> Recipe:
    """The recipe of a size.

    Args:
        size: its name.
        changes: of the conditions, as ablations have them; see
            :meth:`muybridge.methods.threedimo.config.ThreeDimoConfig.varied`. ``stages``: only
            so many of the paper's three, with the time of all.

    Raises:
        InputError: the size is the paper's, which begins with Wan on many GPUs; or there is no
            such condition.
    """
    config = CONFIGS.get(size)
    if config is None or not config.autoencoder:
        raise InputError(
            f"method 3dimo-{size}", "recipe", "starts from Wan on many GPUs, and is not here",
            "train nano or tiny",
        )
    stages = int(changes.pop("stages", 3))
    if not 1 <= stages <= 3:
        raise InputError("recipe", "stages", f"is {stages}", "give 1 to 3")
    config = config.varied(**changes)
    names = (SINGLE, CROSS, MOVING)[:stages]
    longer = sum(_SHARES.values()) / sum(_SHARES[name] for name in names)
    early = _early(config)
    poses = any(stage.name == POSES for stage in early)
    before = dict(zip(names, (PICTURES, *names), strict=False))

    def prepared(name: str) -> Callable[[Context], Trainee]:
        return lambda context: _clips(context, config, name, before[name])

    return Recipe(
        "3dimo", size,
        (
            Work(PEOPLE, 0.8, lambda context, tell: prepare(context, tell, config)),
            *early,
            Stage(
                PICTURES, 2.6,
                lambda context: _clips(
                    context, config, PICTURES, early[-1].name if early else "",
                    known=poses or context.init is not None,
                ),
                batch=_PICTURE_BATCH, optimizer=Optimizer(lr=2e-3, muon=_LATER),
                schedule=Schedule(150, 0.5), ema=0.998, sketch=_sketch(config), step_seconds=2.0,
                workers=1, of=config.to_json(),
            ),
            *(
                Stage(
                    name, _SHARES[name] * longer, prepared(name), batch=_BATCH,
                    optimizer=Optimizer(
                        lr=6e-4, muon=_LATER, shares=_GENTLY if poses else {}
                    ),
                    schedule=Schedule(30, 0.8 if name == names[-1] else 0.0), ema=0.99,
                    sketch=_sketch(config), step_seconds=2.4, workers=1, of=config.to_json(),
                )
                for name in names
            ),
        ),
        finish=partial(_finish, last=names[-1]),
        needs_data=True,
        takes_init=True,
        version=9,
    )


def _early(config: ThreeDimoConfig) -> tuple[Stage, ...]:
    """The stages before anything is painted, as many as there are networks for."""
    stages: list[Stage] = []
    for name, share, make, seconds, there in (
        (WORDS, 0.8, _words, 0.2, config.drawn), (JOINTS, 2.0, _joints, 0.55, config.reader),
        (POSES, 3.0, _poses, 1.5, config.decoder),
    ):
        if there:
            before = stages[-1].name if stages else ""
            stages.append(Stage(
                name, share, partial(make, config=config, before=before), batch=_POSE_BATCH,
                optimizer=Optimizer(lr=3e-3, muon=_PLAIN), schedule=Schedule(100, 0.5), ema=0.99,
                sketch=_sketch(config), step_seconds=seconds, workers=1, of=config.to_json(),
            ))
    return tuple(stages)


def _finish(context: Context, folder: Path, last: str) -> None:
    """What ships: the networks in half precision."""
    save(load(context.folder(last)), folder, torch.float16)


def _sketch(config: ThreeDimoConfig) -> Callable[[], nn.Module]:
    return lambda: ThreeDimoNetworks.new(config, LinearAutoencoder(**config.autoencoder))


def _begin(context: Context, config: ThreeDimoConfig, before: str) -> ThreeDimoNetworks:
    """The networks as the stage before has left them; if there is none those of ``--init``, or
    untrained ones."""
    vae = LinearAutoencoder.from_pretrained(context.folder(PEOPLE) / "vae")
    networks = ThreeDimoNetworks.new(config, vae, context.seed)
    if before:
        networks.load_state_dict(context.weights(before))
    elif context.init is not None:
        networks.load_state_dict(networks.state_dict() | _initial(context.init, config))
    return networks


def _initial(folder: Path, config: ThreeDimoConfig) -> dict[str, torch.Tensor]:
    """Weights to go on from: of all networks, or of those that read driver and words, where what
    paints is another.

    Raises:
        InputError: they are of another size, or have other conditions.
    """
    found, wanted = read_index(folder).to_json(), config.to_json()
    if any(found[name] != wanted[name] for name in _READ_BY):
        raise InputError(folder, "size", "is not what is trained",
                         f"give weights of the size {config.size} with the same conditions")
    if found == wanted:
        return {name: value.float() for name, value in load(folder).state_dict().items()}
    return {
        f"{name}.{key}": value.float()
        for name, part in load_reading(folder).items() for key, value in part.state_dict().items()
    }


def _words(context: Context, config: ThreeDimoConfig, before: str) -> Trainee:
    """What reads words alone."""
    networks = _begin(context, config, before)
    train_only(networks, "text", *_LOOKING)
    scenes, held_out = _people(context)
    clips = Clips(
        scenes, context, _POSE_BATCH, 0.0, 0.5, single=True, augment=False, said=_SENTENCES
    )
    return Trainee(
        networks, clips, words_loss, export,
        lambda module, step: validate_words(module, held_out), {"people": str(len(scenes))},
    )


def _joints(context: Context, config: ThreeDimoConfig, before: str) -> Trainee:
    """What looks at driving pictures alone."""
    networks = _begin(context, config, before)
    train_only(networks, "reader")
    scenes, held_out = _people(context)
    return Trainee(
        networks, Clips(scenes, context, _POSE_BATCH, 0.7, 0.5, single=True, poses=True),
        reading_loss, export,
        lambda module, step: validate_poses(module, held_out), {"people": str(len(scenes))},
    )


def _poses(context: Context, config: ThreeDimoConfig, before: str) -> Trainee:
    """The motion encoders and the decoder of rotations."""
    networks = _begin(context, config, before)
    train_only(
        networks, "control", "decoder", "reader", *(("layout",) if config.drawn else ()),
        known=_LOOKING,
    )
    scenes, held_out = _people(context)
    return Trainee(
        networks, Clips(scenes, context, _POSE_BATCH, 0.7, 0.5, single=True, poses=True),
        geometry_loss, export,
        lambda module, step: validate_poses(module, held_out), {"people": str(len(scenes))},
    )


def _people(context: Context) -> tuple[list[Scene], list[Scene]]:
    """To train on, and held out; of these, who is seen across views."""
    corpus = context.folder(PEOPLE)
    held_out = [scene for scene in read_scenes(corpus / "validation") if len(scene.truth) > 2]
    if not held_out:
        raise InputError("--data", "validation", "nobody is seen by three cameras",
                         "make people with --paths 6 --split validation")
    return read_scenes(corpus / "train"), held_out


def _clips(
    context: Context, config: ThreeDimoConfig, name: str, before: str, known: bool = False
) -> Trainee:
    """One of the paper's stages, or that of pictures.

    Args:
        context: of the stage. ``config``: of the size.
        name: of the stage. ``before``: of the one before it; there may be none.
        known: what reads driver and words is left as it is.
    """
    networks = _begin(context, config, before)
    train_only(
        networks, "transformer",
        *(() if known else ("text", "layout", "control", "decoder", "reader")),
        known=("text", *_LOOKING) if config.drawn else (),
    )
    scenes, held_out = _people(context)
    return Trainee(
        networks,
        Clips(
            scenes, context, _PICTURE_BATCH if name == PICTURES else _BATCH, _CROSS[name],
            _TRAVEL[name], flips=config.control != "skeleton", single=name == PICTURES,
            first=_FIRST[name],
        ),
        partial(clip_loss, geometry=_GEOMETRY[name], blind=_BLIND[name]), export,
        lambda module, step: validate(module, held_out), {"people": str(len(scenes))},
    )
