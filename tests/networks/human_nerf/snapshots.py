"""Writes ``network-snapshot.pkl`` files as NVIDIA's persistence writes them, and hostile ones.

The classes and the function that such a pickle names are made for the time of writing
only; the function, and the source code inside, leave a mark if anybody runs them.
"""

from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

RAN: list[str] = []
"""What was run that should not have been."""
SOURCE = "import sys; sys.modules['snapshots'].RAN.append('the embedded source')"


def _reconstruct_persistent_obj(meta: Any) -> None:
    RAN.append("the reconstruction")


class EasyDict(dict):
    """A dictionary of the release's helper package."""


class Plain:
    """A class of the release's package that isn't persistent."""


class Persistent(nn.Module):
    """Pickles as a persistent class: by the function above, source and all."""

    def __reduce__(self) -> Any:
        state = EasyDict(self.__dict__)
        state["_init_kwargs"] = EasyDict(z_dim=512, img=[1, 2, {"a": (3,)}])
        state["plane_axes"], state["helper"] = torch.eye(3), Plain()
        meta = {
            "type": "class", "version": 6, "module_src": SOURCE, "class_name": "TriPlaneGenerator",
            "state": state,
        }
        return _reconstruct_persistent_obj, (meta,)


@contextmanager
def packages() -> Iterator[None]:
    """The release's packages, as far as pickling goes."""
    homes = {
        "torch_utils.persistence": _reconstruct_persistent_obj,
        "dnnlib.util": EasyDict,
        "training.volumetric_rendering.renderer": Plain,
    }
    made = {name.split(".")[0] for name in homes} | set(homes)
    before = {thing: thing.__module__ for thing in homes.values()}
    for name in made:
        sys.modules[name] = types.ModuleType(name)
    try:
        for name, thing in homes.items():
            thing.__module__ = name
            setattr(sys.modules[name], thing.__name__, thing)
        yield
    finally:
        for thing, module in before.items():
            thing.__module__ = module
        for name in made:
            del sys.modules[name]


def network(tensors: dict[str, Tensor]) -> Persistent:
    """A tree of modules that holds tensors under dotted names, persistent at its root."""
    root = Persistent()
    for name, tensor in tensors.items():
        *path, last = name.split(".")
        module: nn.Module = root
        for part in path:
            if part not in module._modules:
                module.add_module(part, nn.Module())
            module = module._modules[part]  # type: ignore[assignment]
        buffer = last.startswith(("running", "num_", "resample", "noise_c", "_", "w_avg"))
        if buffer:
            module.register_buffer(last, tensor)
        else:
            module.register_parameter(last, nn.Parameter(tensor, requires_grad=False))
    return root


def write(path: Path, content: Any) -> Path:
    """Pickles with the release's packages in place."""
    with packages(), path.open("wb") as file:
        pickle.dump(content, file)
    return path


def snapshot(tensors: dict[str, Tensor]) -> dict[str, Any]:
    """The content of a snapshot: two networks and what was told to the data set."""
    return {
        "training_set_kwargs": {"class_name": "training.dataset", "resolution": 512},
        "G": network(tensors),
        "D": None,
        "G_ema": network({k: v + 1 if v.is_floating_point() else v for k, v in tensors.items()}),
        "augment_pipe": None,
    }
