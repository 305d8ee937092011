"""Networks made of the files that their authors released."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from muybridge.errors import InputError
from muybridge.networks.weights import load_strictly, on_meta, read_weights

Network = TypeVar("Network", bound=nn.Module)
_COUNT = "num_batches_tracked"
"""What batch normalisation counts in training; files from before PyTorch 0.4.1 lack it."""


def network_of(kind: type[Network], path: Path, device: torch.device | str) -> Network:
    """A network that takes all its weights, float32, from a file, ready to be used.

    Args:
        kind: its class, which takes no arguments.
        path: a table of tensors by name, ``.safetensors`` or ``.pth``; or a ``.pth`` that has
            it under ``state_dict``. Names may start with ``module.``.
        device: where it is to run.

    Raises:
        InputError: the file is absent, damaged, holds something else than tensors (code is
            never run), or does not fit the network to the last name.
    """
    network = on_meta(kind, {}, path)
    counts = {
        name: torch.zeros((), dtype=torch.long)
        for name in network.state_dict() if name.endswith(_COUNT)
    }
    weights = {
        name.removeprefix("module."): value.float() if value.is_floating_point() else value
        for name, value in _table(path).items()
    }
    load_strictly(network, {**counts, **weights}, path, assign=True)
    return network.eval().requires_grad_(False).to(device)


def _table(path: Path) -> Mapping[str, Tensor]:
    if path.suffix == ".safetensors":
        return read_weights(path)
    try:
        values: Any = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(path, "", "is not there", "check the name") from None
    except pickle.UnpicklingError:
        raise InputError(
            path, "", "holds something else than tensors, which could be code; it was not read",
            "use the file of its authors, or one in the safetensors format",
        ) from None
    except (OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
        raise InputError(path, "", f"can't be read ({error})"[:300],
                         "download it again") from None
    table = values.get("state_dict", values) if isinstance(values, Mapping) else None
    if not isinstance(table, Mapping) or not table or not all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in table.items()
    ):
        raise InputError(path, "", "is no table of tensors by name", "download it again")
    for name, value in table.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise InputError(path, name, "holds a number that is not finite", "download it again")
    return table
