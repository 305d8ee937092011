"""How HVG's small sizes are trained: pictures, views of a moment, then views x frames.

The paper has the last two (its section 4: 60,000 and 50,000 steps from SVD-xt); their items are
as large as the tiles of sampling, of both shapes. A small network has no pretrained one to start
from, so single pictures come first, in which neither views nor frames see each other; three of a
person share the work on the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from muybridge.errors import InputError
from muybridge.methods.hvg.checkpoints import load, save
from muybridge.methods.hvg.config import CONFIGS, HvgConfig
from muybridge.methods.hvg.corpus import Subject, read_subjects
from muybridge.methods.hvg.corpus_making import prepare
from muybridge.methods.hvg.networks import HvgNetworks
from muybridge.methods.hvg.training import (
    Blocks,
    Tiles,
    block_loss,
    export,
    freeze_unused,
    tiles_loss,
)
from muybridge.methods.hvg.validation import validate
from muybridge.networks.linear_autoencoder import LinearAutoencoder
from muybridge.training import Context, Optimizer, Recipe, Schedule, Stage, Trainee, Work

PEOPLE, PICTURES, VIEWS, GRID = "people", "pictures", "views", "grid"
"""The stages."""
_PICTURES = (4, 3)
"""People in a step of the first stage, and pictures of each."""


def recipe(size: str, **changes: Any) -> Recipe:
    """The recipe of a size.

    Args:
        size: its name.
        changes: of the conditions, as ablations have them; see
            :meth:`muybridge.methods.hvg.config.HvgConfig.varied`.

    Raises:
        InputError: the size is the paper's, which needs the pretrained SVD and many GPUs.
    """
    config = CONFIGS.get(size)
    if config is not None:
        config = config.varied(**changes)
    if config is None or not config.autoencoder:
        raise InputError(
            f"method hvg-{size}", "recipe", "starts from SVD-xt on many GPUs, and is not here",
            "train nano or tiny",
        )
    return Recipe(
        "hvg", size,
        (
            Work(PEOPLE, 0.5, lambda context, tell: prepare(context, tell, config)),
            Stage(
                PICTURES, 5.5,
                lambda context: _trainee(context, config, *_PICTURES, 1, "", apart=True),
                batch=_PICTURES[0], optimizer=Optimizer(lr=1.5e-3), schedule=Schedule(200, 0.4),
                ema=0.999, sketch=_sketch(config), step_seconds=0.4,
            ),
            Stage(
                VIEWS, 2.0,
                lambda context: _trainee(context, config, 1, config.view_window[0], 1, PICTURES),
                batch=1, optimizer=Optimizer(lr=8e-4), schedule=Schedule(100, 0.6), ema=0.998,
                sketch=_sketch(config), step_seconds=0.4,
            ),
            Stage(
                GRID, 2.0, lambda context: _last(context, config),
                batch=1, optimizer=Optimizer(lr=5e-4), schedule=Schedule(100, 0.7), ema=0.998,
                sketch=_sketch(config), step_seconds=1.7,
            ),
        ),
        finish=_finish,
        needs_data=True,
        version=3,
    )


def _finish(context: Context, folder: Path) -> None:
    """What ships: the networks in half precision."""
    save(load(context.folder(GRID)), folder, torch.float16)


def _sketch(config: HvgConfig) -> Callable[[], nn.Module]:
    return lambda: HvgNetworks.new(config, LinearAutoencoder(**config.autoencoder))


def _trainee(
    context: Context, config: HvgConfig, batch: int, views: int, frames: int, before: str,
    apart: bool = False,
) -> Trainee:
    """A stage of items of so many views and frames; ``apart``: they are separate pictures."""
    networks = _begin(context, config, before)
    freeze_unused(networks, views > 1 and not apart, frames > 1)
    subjects, held_out = _people(context)
    return Trainee(
        networks, Blocks(subjects, context, batch, views, frames, config.maps),
        partial(block_loss, apart=apart), export,
        lambda module, step: validate(module, held_out, frames > 1),
        {"people": str(len(subjects))},
    )


def _last(context: Context, config: HvgConfig) -> Trainee:
    """The stage in which everything learns together."""
    networks = _begin(context, config, VIEWS)
    subjects, held_out = _people(context)
    around, (views, frames) = config.view_window[0], config.time_window
    shapes = ((views, frames), (2 * views, frames // 2))
    return Trainee(
        networks, Tiles(subjects, context, 1, shapes, around, config.maps), tiles_loss, export,
        lambda module, step: validate(module, held_out, True),
        {"people": str(len(subjects))},
    )


def _begin(context: Context, config: HvgConfig, before: str) -> HvgNetworks:
    """The networks as the stage before has left them; untrained if there is none."""
    vae = LinearAutoencoder.from_pretrained(context.folder(PEOPLE) / "vae")
    networks = HvgNetworks.new(config, vae, context.seed)
    if before:
        networks.load_state_dict(context.weights(before))
    return networks


def _people(context: Context) -> tuple[list[Subject], list[Subject]]:
    """To train on, and held out."""
    corpus = context.folder(PEOPLE)
    return read_subjects(corpus / "train"), read_subjects(corpus / "validation")
