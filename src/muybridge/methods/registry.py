"""Where methods are found: the built-in ones, and those that other packages bring.

A built-in method is its folder and one line here. A package adds its own with

.. code-block:: toml

    [project.entry-points."muybridge.methods"]
    mine = "my_package.spec:SPEC"
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from muybridge.errors import InputError
from muybridge.methods.spec import MethodSpec, resolve

GROUP = "muybridge.methods"

BUILT_IN: tuple[str, ...] = (
    "muybridge.methods.avatar.spec:SPEC",
    "muybridge.methods.gas.spec:SPEC",
    "muybridge.methods.hvg.spec:SPEC",
    "muybridge.methods.reimagine.spec:SPEC",
    "muybridge.methods.threedimo.spec:SPEC",
    "muybridge.methods.copy.spec:SPEC",
    "muybridge.methods.nerf.spec:SPEC",
)


@cache
def specs() -> dict[str, MethodSpec]:
    """All methods by name, the built-in ones first. No networks are loaded.

    Raises:
        InputError: a package names something that is no :class:`MethodSpec`, or a
            name that is taken.
    """
    found: dict[str, MethodSpec] = {}
    addresses = [(address, "muybridge") for address in BUILT_IN]
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        addresses.append((point.value, point.dist.name if point.dist else point.name))
    for address, package in addresses:
        spec = resolve(address)
        if not isinstance(spec, MethodSpec):
            raise InputError(
                f"package {package}", GROUP, f"{address} is no MethodSpec", "correct or remove it"
            )
        if spec.name in found:
            raise InputError(
                f"package {package}", GROUP, f"the name {spec.name!r} is taken",
                "rename the method or remove the package",
            )
        found[spec.name] = spec
    return found


def spec(name: str) -> tuple[MethodSpec, str]:
    """The method and the size that ``"gas"`` or ``"gas-nano"`` name.

    Raises:
        InputError: there is no such method or size.
    """
    method, _, size = name.partition("-")
    known = specs()
    if method not in known:
        raise InputError(
            "--method", "", f"there is no method {name!r}", "use one of " + ", ".join(known)
        )
    return known[method], known[method].size(size).name


def load(name_or_path: str | Path, **options: Any) -> Any:
    """A pipeline, by name (``"avatar"``, ``"gas-nano"``) or from a folder of checkpoints.

    Args:
        name_or_path: a method, ``method-size``, or a folder that one method recognises.
        options: handed to the method's loader.

    Returns:
        A :class:`muybridge.methods.HumanVideoPipeline`.

    Raises:
        InputError: no method has this name or recognises this folder.
        MissingWeights: the method's weights are not on this machine.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, str) and text.partition("-")[0] in specs():
        method, size = spec(text)
        return method.load(size, **options)
    folder = Path(name_or_path)
    if text and folder.is_dir():
        for method in specs().values():
            if method.recognises and resolve(method.recognises)(folder):
                return method.load(str(folder), **options)
        raise InputError(
            folder, "", "no method recognises these checkpoints",
            "give the folder that holds the model's index or weights",
        )
    raise InputError(
        text, "", "is neither a method nor a folder of checkpoints",
        "use one of " + ", ".join(specs()) + ", or a folder",
    )
