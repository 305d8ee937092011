"""What a method says about itself, before any of its code is loaded.

A spec is plain data: the command line, the documentation and the contract tests
are made from it. Code is named by address (``"package.module:function"``) and
imported at first use, so listing methods loads neither torch nor networks.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from muybridge.errors import InputError, MissingWeights

REFERENCES = ("front", "front+back", "assets", "driving video")
CONTROLS = ("motion", "cameras", "words")


@dataclass(frozen=True)
class Weights:
    """One file or folder of weights that a size of a method needs.

    Attributes:
        name: file or folder name under the method's weights folder.
        licence: its licence, by name.
        source: where to get it, in words or as an address.
        megabytes: size on disk.
        sha256: of the file, hexadecimal; empty where not pinned.
        optional: the size also works without it.
    """

    name: str
    licence: str
    source: str
    megabytes: float | int
    sha256: str = ""
    optional: bool = False


@dataclass(frozen=True)
class Size:
    """A size of a method: ``nano``, ``tiny``, ``paper``, or the only one.

    Attributes:
        name: what stands after the method's name, as in ``gas-nano``.
        about: one sentence.
        weights: what it needs on disk; empty where nothing is needed.
        cost: address of its own forecast, where the method's is of another size.
    """

    name: str
    about: str
    weights: tuple[Weights, ...] = ()
    cost: str = ""


@dataclass(frozen=True)
class MethodSpec:
    """A method, as data.

    Attributes:
        name: lower case, without a hyphen; what ``--method`` takes.
        title: its name as written in a heading.
        about: one or two sentences.
        paper: citation, or empty.
        reference: what pictures it takes, of :data:`REFERENCES`.
        control: what steers it, of :data:`CONTROLS`.
        sizes: the first is the default.
        loader: address of ``load(size_or_path: str, **options) -> HumanVideoPipeline``.
        cost: address of ``cost(extent, speed) -> Cost`` (see :mod:`muybridge.methods.cost`).
        recognises: address of ``recognises(folder: Path) -> bool``, true for a folder of
            this method's checkpoints; empty where there are none.
        recipe: address of ``recipe(size: str) -> Recipe`` (see :mod:`muybridge.training`);
            empty where nothing is trained.
        parts: of the networks that ``recipe(size, part=...)`` trains beside the others.
        ablation: address of an :class:`muybridge.methods.ablation.Ablation`; empty where there
            is none.
        brings: options of the loader that name weights by themselves; where one is given, those
            of the sizes are not looked for.
        weights_from: address of the spec whose weights these are; empty for its own.
        licence: of the method's own code.
    """

    name: str
    title: str
    about: str
    paper: str
    reference: tuple[str, ...]
    control: tuple[str, ...]
    sizes: tuple[Size, ...]
    loader: str
    cost: str
    recognises: str = ""
    recipe: str = ""
    parts: tuple[str, ...] = ()
    ablation: str = ""
    brings: tuple[str, ...] = ()
    weights_from: str = ""
    licence: str = "Apache-2.0"

    def __post_init__(self) -> None:
        for field, known in (("reference", REFERENCES), ("control", CONTROLS)):
            strange = [word for word in getattr(self, field) if word not in known]
            if strange:
                raise InputError(
                    f"method {self.name}", field, f"unknown {strange}", f"use words of {known}"
                )
        if not re.fullmatch(r"[a-z0-9_]+", self.name):
            raise InputError(
                "method", "name", f"{self.name!r} is no lower-case name", "use letters and digits"
            )
        if not self.sizes:
            raise InputError(f"method {self.name}", "sizes", "is empty", "name at least one size")

    def size(self, name: str = "") -> Size:
        """The size of that name; the default one for an empty name.

        Raises:
            InputError: the method has no such size.
        """
        if not name:
            return self.sizes[0]
        for size in self.sizes:
            if size.name == name:
                return size
        raise InputError(
            f"method {self.name}", "size", f"there is no size {name!r}",
            "use one of " + ", ".join(size.name for size in self.sizes),
        )

    def cost_of(self, name: str = "") -> str:
        """Address of the forecast of a size, the default one for an empty name.

        Raises:
            InputError: the method has no such size.
        """
        return self.size(name).cost or self.cost

    def load(self, size_or_path: str = "", **options: Any) -> Any:
        """Build the pipeline of a size, or from a folder of checkpoints.

        Raises:
            MissingWeights: weights that the size needs are not on this machine.
            InputError: no such size, or the folder does not fit.
        """
        if not Path(size_or_path).is_dir() or size_or_path in {s.name for s in self.sizes}:
            size = self.size(size_or_path)
            missing = [w for w in size.weights if not w.optional and self.find(w) is None]
            if missing and not any(options.get(name) for name in self.brings):
                raise MissingWeights(missing_text(self, size, missing))
            size_or_path = size.name
        return resolve(self.loader)(size_or_path, **options)

    def make_recipe(self, size: str = "", **changes: Any) -> Any:
        """How a size is trained, a :class:`muybridge.training.Recipe`.

        Args:
            size: its name; the first by default.
            changes: further arguments of the recipe, as ablations have them.

        Raises:
            InputError: no such size or part, or there is nothing to train.
        """
        if not self.recipe:
            raise InputError(
                f"method {self.name}", "recipe", "there is nothing to train", "use it as it is"
            )
        part = changes.get("part")
        if part is not None and part not in self.parts:
            raise InputError(
                f"method {self.name}", "part", f"there is no {part!r} that is trained by itself",
                f"use {', '.join(self.parts)}" if self.parts else "leave it out",
            )
        return resolve(self.recipe)(self.size(size).name, **changes)

    def find(self, weights: Weights) -> Path | None:
        """Where these weights lie on this machine, or ``None``."""
        for folder in weight_folders(self):
            path = folder / weights.name
            if path.exists():
                return path
        return None


def weight_folders(spec: MethodSpec) -> tuple[Path, ...]:
    """Folders that are searched for a method's weights, in this order.

    ``$MUYBRIDGE_WEIGHTS/<method>`` where set, the user's data folder, and the
    method's own folder in its package (small sizes are shipped there).
    """
    if spec.weights_from:
        return weight_folders(resolve(spec.weights_from))
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    folders = [Path(home) / "muybridge" / "weights" / spec.name]
    if os.environ.get("MUYBRIDGE_WEIGHTS"):
        folders.insert(0, Path(os.environ["MUYBRIDGE_WEIGHTS"]) / spec.name)
    module = import_module(spec.loader.partition(":")[0].rpartition(".")[0])
    if module.__file__:
        folders.append(Path(module.__file__).parent / "weights")
    return tuple(folders)


def missing_text(spec: MethodSpec, size: Size, missing: list[Weights]) -> str:
    """What to fetch, from where, under which licence, how large, and where to put it."""
    lines = [f"{spec.name}-{size.name}: its weights are not on this machine. To get them:"]
    for weights in missing:
        lines.append(
            f"  {weights.name} ({weights.megabytes:g} MB, licence: {weights.licence})\n"
            f"    from {weights.source}\n"
            f"    to   {weight_folders(spec)[0] / weights.name}"
        )
    return "\n".join(lines)


def resolve(address: str) -> Any:
    """The object at ``"package.module:name"``.

    Raises:
        InputError: there is no such object.
    """
    module, _, name = address.partition(":")
    try:
        value = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            address, "", f"can't be loaded ({error})", "reinstall the package that has this method"
        ) from error
    return value
