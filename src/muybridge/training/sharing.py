"""What one run has made serves others: the files of its work stages, and finished stages that
would come out the same.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from muybridge.errors import InputError
from muybridge.training.budget import Budget
from muybridge.training.folder import RunFolder, whole_folder
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


def take_stages(recipe: Recipe, budget: Budget, run: RunFolder, other: Path) -> None:
    """Take over trained stages of another run that this one would repeat step by step.

    That is so from the beginning on, for as long as stages have the same settings, follow from
    the same (:attr:`muybridge.training.recipe.Stage.of`), and have as many steps; and both runs
    have the same seed, first weights, precision, threads and version of the recipe. Budgets of
    time share none: how many steps come of them is not known before.

    Args:
        recipe: of the run that begins.
        budget: its.
        run: its folder, with its record.
        other: folder of a run whose files were taken over, see :func:`take_files`. Its stages
            count as done, with the seconds they took there.
    """
    source = RunFolder(other)
    theirs, ours = source.record(), run.record()
    steps = budget.stage_steps(recipe)
    if steps is None or any(theirs.get(name) != ours[name] for name in _ALIKE) or (
        theirs["recipe"]["version"] != ours["recipe"]["version"]
    ):
        return
    stages = zip(theirs["recipe"]["stages"], ours["recipe"]["stages"], strict=False)
    for before, now in stages:
        name, done = now["name"], source.done(before["name"])
        if done is None or before | {"share": 0} != now | {"share": 0}:
            break
        if now["kind"] == "train":
            if not now.get("of") or done["steps"] != steps[name]:
                break
            with whole_folder(run.stage(name)) as part:
                shutil.copytree(
                    source.stage(name), part, copy_function=_link, dirs_exist_ok=True
                )


_ALIKE = ("seed", "init", "precision", "torch_threads")
"""What two records say equally."""


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk
        shutil.copy2(source, target)
