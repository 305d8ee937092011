"""How ReImagine is trained: pictures, a LoRA over them, and a video model.

The paper has the middle one only: a LoRA over FLUX.1-Kontext with a frozen ControlNet. A small
transformer has no Kontext to begin from, so it and its ControlNet are trained on pictures first;
the LoRA's stage is the paper's then. The video model that refines is trained on clips by itself:
to it the per-frame stage is unknown, as Wan's is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from muybridge.errors import InputError
from muybridge.methods.reimagine.assets_recipe import assets_recipe
from muybridge.methods.reimagine.checkpoints import add_lora, assemble, save_lora
from muybridge.methods.reimagine.config import CONFIGS, ReImagineConfig
from muybridge.methods.reimagine.corpus import prepare, read_subjects
from muybridge.methods.reimagine.networks import ReImagineNetworks
from muybridge.methods.reimagine.training import (
    Pictures,
    Sequences,
    export,
    picture_loss,
    train_only,
    video_loss,
)
from muybridge.methods.reimagine.validation import validate, validate_video
from muybridge.networks.linear_autoencoder import LinearAutoencoder
from muybridge.networks.weights import save_model
from muybridge.training import Context, Optimizer, Recipe, Schedule, Stage, Trainee, Work

PEOPLE, PICTURES, LORA, VIDEO = "people", "pictures", "lora", "video"
"""The stages."""
_BATCH, _CLIPS = 8, 2
"""Pictures of a step; clips of a step."""


def recipe(size: str, **changes: Any) -> Recipe:
    """The recipe of a size.

    Args:
        size: its name.
        changes: ``part="assets"`` trains the encoder of assets for networks that are there;
            there are no others.

    Raises:
        InputError: there is no such size or condition.
    """
    config, part = CONFIGS.get(size), changes.pop("part", "")
    if changes or part not in ("", "assets"):
        what = ", ".join(changes) or f"part {part}"
        raise InputError("recipe", what, "is not known", "leave it out")
    if config is None or not config.autoencoder:
        raise InputError(
            f"method reimagine-{size}", "recipe", "starts from FLUX.1-Kontext on many GPUs, and "
            "is not here", "train nano or tiny",
        )
    if part:
        return assets_recipe(config)
    return Recipe(
        "reimagine", size,
        (
            Work(PEOPLE, 0.8, lambda context, tell: prepare(context, tell, config)),
            Stage(
                PICTURES, 6.8, lambda context: _pictures(context, config), batch=_BATCH,
                optimizer=Optimizer(lr=2e-3), schedule=Schedule(200, 0.6), ema=0.998,
                sketch=_sketch(config), step_seconds=0.9,
            ),
            Stage(
                LORA, 0.7, lambda context: _lora(context, config), batch=_BATCH,
                optimizer=Optimizer(lr=4e-4, weight_decay=0.0), schedule=Schedule(20, 0.7),
                ema=0.99, sketch=_sketch(config), step_seconds=0.9,
            ),
            Stage(
                VIDEO, 1.7, lambda context: _video(context, config), batch=_CLIPS,
                optimizer=Optimizer(lr=1.5e-3), schedule=Schedule(100, 0.6), ema=0.995,
                sketch=_sketch(config), step_seconds=0.3,
            ),
        ),
        finish=_finish,
        needs_data=True,
    )


def _sketch(config: ReImagineConfig) -> Callable[[], nn.Module]:
    return lambda: ReImagineNetworks.new(config, LinearAutoencoder(**config.autoencoder))


def _networks(context: Context, config: ReImagineConfig) -> ReImagineNetworks:
    """Untrained, with the autoencoder that was fitted on the people."""
    vae = LinearAutoencoder.from_pretrained(context.folder(PEOPLE) / "vae")
    return ReImagineNetworks.new(config, vae, context.seed)


def _pictures(context: Context, config: ReImagineConfig) -> Trainee:
    """The transformer, its ControlNet and what goes into them."""
    networks = _networks(context, config)
    networks.video = None
    train_only(networks, "transformer", "controlnet", "prompt", "pose_adapter")
    subjects = read_subjects(context.folder(PEOPLE) / "train")
    held_out = read_subjects(context.folder(PEOPLE) / "validation")
    return Trainee(
        networks, Pictures(subjects, context, _BATCH), picture_loss, export,
        lambda module, step: validate(module, held_out), {"people": str(len(subjects))},
    )


def _lora(context: Context, config: ReImagineConfig) -> Trainee:
    """A LoRA over the frozen base."""
    networks = _networks(context, config)
    networks.video = None
    networks.load_state_dict(context.weights(PICTURES))
    train_only(networks)
    add_lora(networks.transformer, config.lora_rank)
    subjects = read_subjects(context.folder(PEOPLE) / "train")
    held_out = read_subjects(context.folder(PEOPLE) / "validation")

    def write(module: ReImagineNetworks, folder: Path) -> None:
        save_lora(module.transformer, folder / LORA)

    return Trainee(
        networks, Pictures(subjects, context, _BATCH), picture_loss, write,
        lambda module, step: validate(module, held_out), {"people": str(len(subjects))},
    )


def _video(context: Context, config: ReImagineConfig) -> Trainee:
    """The video model, on clips."""
    networks = _networks(context, config)
    networks.load_state_dict(context.weights(PICTURES), strict=False)
    train_only(networks, "video")
    subjects = read_subjects(context.folder(PEOPLE) / "train")
    held_out = read_subjects(context.folder(PEOPLE) / "validation")

    def write(module: ReImagineNetworks, folder: Path) -> None:
        save_model(module.video, folder / VIDEO)

    return Trainee(
        networks, Sequences(subjects, context, _CLIPS, config.window), video_loss, write,
        lambda module, step: validate_video(module, held_out), {"people": str(len(subjects))},
    )


def _finish(context: Context, folder: Path) -> None:
    """The base, with the LoRA and the video model beside it."""
    assemble(
        context.folder(PICTURES), folder,
        {name: context.folder(name) / name for name in (LORA, VIDEO)},
    )
