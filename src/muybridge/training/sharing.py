"""What one run has made of the data serves others: the files of its work stages."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from muybridge.errors import InputError
from muybridge.training.folder import RunFolder
from muybridge.training.recipe import Recipe, Work


def take_files(recipe: Recipe, run: RunFolder, other: Path) -> None:
    """Take over the files of another run's finished work stages: links, or copies.

    The stages find them as an earlier call of theirs would have left them.

    Args:
        recipe: of the run that begins.
        run: its folder.
        other: folder of a run of the same method and size on the same data.

    Raises:
        InputError: it is no such run, or it has not finished a stage that makes files.
    """
    source = RunFolder(other)
    of = source.record().get("recipe", {})
    if (of.get("name"), of.get("size")) != (recipe.name, recipe.size):
        raise InputError(other, "", f"is no run of {recipe.name}-{recipe.size}",
                         "name a run of the same method and size, on the same data")
    for stage in recipe.stages:
        if not isinstance(stage, Work):
            continue
        if source.done(stage.name) is None:
            raise InputError(other, stage.name, "has not finished this stage",
                             "let that run go on first")
        target = run.stage(stage.name) / "files"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(
            source.stage(stage.name) / "files", target, copy_function=_link, dirs_exist_ok=True
        )


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk
        shutil.copy2(source, target)
