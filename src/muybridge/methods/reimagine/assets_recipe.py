"""How the encoder of assets is trained for networks that are there: ``--part assets``.

The paper trains its compositional model after the other; here all but the encoder stay frozen,
so what is trained for known fronts and backs is not changed by it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from torch import nn

from muybridge.errors import InputError
from muybridge.methods.reimagine.assets_corpus import prepare_wearers, read_wearers
from muybridge.methods.reimagine.assets_training import ENCODER, assets_trainee
from muybridge.methods.reimagine.checkpoints import assemble, load
from muybridge.methods.reimagine.composition import encoder_of
from muybridge.methods.reimagine.config import ReImagineConfig
from muybridge.training import Context, Optimizer, Recipe, Schedule, Stage, Trainee, Work

WEARERS, ASSETS = "wearers", "assets"
"""The stages."""
_BATCH = 8
"""Pictures of a step."""


def assets_recipe(config: ReImagineConfig) -> Recipe:
    """The recipe of the encoder of assets of a small size; ``--init`` has the other networks.

    Args:
        config: of the size.
    """
    return Recipe(
        "reimagine", config.size,
        (
            Work(WEARERS, 1.0, lambda context, tell: prepare_wearers(context, tell, config)),
            Stage(
                ASSETS, 3.0, partial(_trainee, config=config), batch=_BATCH,
                optimizer=Optimizer(lr=2e-3, weight_decay=0.0), schedule=Schedule(50, 0.6),
                ema=0.99, sketch=_sketch(config), step_seconds=0.8,
            ),
        ),
        finish=_finish,
        needs_data=True,
        takes_init=True,
    )


def _sketch(config: ReImagineConfig) -> Callable[[], nn.Module]:
    return lambda: encoder_of(config)


def _trainee(context: Context, config: ReImagineConfig) -> Trainee:
    """The encoder, beside the frozen networks of ``--init``."""
    networks = load(_init(context))
    if networks.config.to_json() != config.to_json():
        raise InputError(_init(context), "size", f"is {networks.config.size}, not {config.size}",
                         "give weights of the size that is trained")
    folder = context.folder(WEARERS)
    wearers, held_out = (read_wearers(folder / split) for split in ("train", "validation"))
    return assets_trainee(context, networks, wearers, held_out, _BATCH)


def _init(context: Context) -> Path:
    """The folder of the other networks.

    Raises:
        InputError: none is given.
    """
    if context.init is None:
        raise InputError("--init", "", "is not given", "give the folder of trained networks")
    return context.init


def _finish(context: Context, folder: Path) -> None:
    """The networks of ``--init``, with the encoder beside them."""
    assemble(_init(context), folder, {ENCODER: context.folder(ASSETS) / ENCODER})
