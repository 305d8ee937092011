"""How GAS's small sizes are trained: the NeRF, its cues, pictures, then video.

The paper has two stages (3.5): the NeRF on multi-view data, then the full video network with
both cue encoders on renderings stored before. A small network has no pretrained one to start
from, so its second stage has a part on single pictures before the one on rows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from muybridge.errors import InputError
from muybridge.methods.gas import nerf_training, video_training
from muybridge.methods.gas.checkpoints import save
from muybridge.methods.gas.config import CONFIGS, GasConfig
from muybridge.methods.gas.corpus import read_subjects
from muybridge.methods.gas.corpus_making import prepare
from muybridge.methods.gas.networks import GasNetworks
from muybridge.methods.gas.validation import validate
from muybridge.networks.human_nerf import NANO, HumanNeRF
from muybridge.networks.linear_autoencoder import LinearAutoencoder
from muybridge.networks.video_init import temporal_parameters
from muybridge.training import Context, Optimizer, Recipe, Schedule, Stage, Trainee, Work
from muybridge.training.recipe import Tell

NERF, CUES, PICTURES, VIDEO = "nerf", "cues", "pictures", "video"
"""The stages."""


def recipe(size: str) -> Recipe:
    """The recipe of a size.

    Raises:
        InputError: the size is the paper's, whose weights are the authors'.
    """
    config = CONFIGS.get(size)
    if config is None or not config.autoencoder:
        raise InputError(
            f"method gas-{size}", "recipe", "has the authors' weights, and is not trained here",
            "train nano or tiny",
        )
    batch = 8
    return Recipe(
        "gas", size,
        (
            Stage(
                NERF, 2.5, lambda context: nerf_training.trainee(context, 2), batch=2,
                optimizer=Optimizer(lr=1.5e-3, weight_decay=0.0, clip=1.0),
                schedule=Schedule(100, 0.6), ema=0.998, workers=0,
                sketch=lambda: HumanNeRF(**NANO), step_seconds=0.4,
            ),
            Work(CUES, 1.0, lambda context, tell: _cues(context, tell, config)),
            Stage(
                PICTURES, 4.5, lambda context: _video(context, config, batch, 1), batch=batch,
                optimizer=Optimizer(lr=1.5e-3), schedule=Schedule(200, 0.4), ema=0.999,
                sketch=_sketch(config), step_seconds=0.2,
            ),
            Stage(
                VIDEO, 2.0, lambda context: _video(context, config, 2, config.window), batch=2,
                optimizer=Optimizer(lr=7e-4), schedule=Schedule(100, 0.7), ema=0.998,
                sketch=_sketch(config), step_seconds=0.5,
            ),
        ),
        finish=_finish,
        needs_data=True,
        takes_init=True,
    )


def trained_nerf(context: Context) -> HumanNeRF:
    """The first stage's network, frozen."""
    nerf = HumanNeRF(**NANO)
    nerf.load_state_dict(context.weights(NERF))
    return nerf.eval().requires_grad_(False)


def _cues(context: Context, tell: Tell, config: GasConfig) -> None:
    prepare(context, tell, trained_nerf(context), config)


def _sketch(config: GasConfig) -> Callable[[], nn.Module]:
    return lambda: GasNetworks.new(config, LinearAutoencoder(**config.autoencoder))


def _video(context: Context, config: GasConfig, batch: int, frames: int) -> Trainee:
    """A part of the second stage: rows of so many frames."""
    corpus = context.folder(CUES)
    networks = GasNetworks.new(
        config, LinearAutoencoder.from_pretrained(corpus / "vae"), context.seed
    )
    if frames > 1:
        networks.load_state_dict(context.weights(PICTURES))
    elif context.init is not None:
        networks.load_state_dict(_initial(context.init, config))
    if frames == 1:  # the temporal layers don't run, so nothing reaches them
        skipped = temporal_parameters(networks.unet)
        for name, parameter in networks.unet.named_parameters():
            if name in skipped:
                parameter.requires_grad_(False)
    subjects = read_subjects(corpus / "train")
    held_out = read_subjects(corpus / "validation")
    return Trainee(
        networks, video_training.Rows(subjects, context, batch, frames),
        video_training.video_loss, video_training.export,
        lambda module, step: validate(module, held_out, frames > 1),
        {"people": str(len(subjects))},
    )


def _initial(folder: Path, config: GasConfig) -> dict[str, torch.Tensor]:
    """Weights to start from: of a GAS folder of the same size."""
    from muybridge.methods.gas.checkpoints import load

    networks = load(folder)
    if networks.config.unet != config.unet:
        raise InputError(folder, "unet", "is of another size", "give weights of the same size")
    return {name: value.float() for name, value in networks.state_dict().items()}


def _finish(context: Context, folder: Path) -> None:
    """What ships: all networks, the NeRF with them, in half precision."""
    from muybridge.methods.gas.checkpoints import load

    networks = load(context.folder(VIDEO))
    networks.use_nerf(trained_nerf(context))
    save(networks, folder, torch.float16)

