"""From people of a data set to the files that a method's networks are trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from muybridge.methods.sitters import Sitter, folders_of_people, read_sitter
from muybridge.networks.linear_autoencoder import LinearAutoencoder
from muybridge.training import Context
from muybridge.training.corpus import to_range
from muybridge.training.recipe import Tell

VALIDATION = 12
"""People of the validation split that are prepared."""
FIT_ON = 200
"""People whose pictures the autoencoder is fitted on."""


def make_corpus(
    context: Context, tell: Tell, write: Callable[[Sitter, Path], None],
    pictures: Callable[[Path], Iterable[UInt8[Tensor, "N C H W"]]],
    patch: int, latent_channels: int,
) -> None:
    """Fill the stage's folder: ``train/``, ``validation/`` and the autoencoder ``vae/``.

    Args:
        context: of the stage; people who are there already are not made again.
        tell: told of progress.
        write: prepares a person and writes their file.
        pictures: of the first :data:`FIT_ON` people in a folder of such files.
        patch, latent_channels: of the linear autoencoder.
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
                write(sitter, target)
        tell((number + 1) / (len(work) + 1), f"person {number + 1} of {len(work)}")
    if context.rank == 0 and not (out / "vae" / "config.json").exists():
        shown = (to_range(some) for some in pictures(out / "train"))
        LinearAutoencoder.fit(shown, patch, latent_channels).save_pretrained(out / "vae")
    tell(1.0, "people and autoencoder")
