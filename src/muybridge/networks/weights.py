"""Weights that fit a network to the last key, or are refused whole; read without running code."""

from __future__ import annotations

import json
import pickle
from collections.abc import Collection, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from muybridge.errors import InputError

CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"
_TOLD = 12
Network = TypeVar("Network", bound=nn.Module)


def check_keys(
    expected: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    source: str | PathLike[str],
    may_lack: Collection[str] = (),
) -> None:
    """Refuse weights whose names or shapes are not exactly the expected ones.

    Args:
        expected: the network's ``state_dict()``, on any device.
        given: what was read.
        source: where from, for the error.
        may_lack: names that need not be there.

    Raises:
        InputError: names missing, names too many, or shapes that differ; all are named.
    """
    missing = [k for k in expected if k not in given and k not in may_lack]
    extra = [k for k in given if k not in expected]
    shapes = [
        f"{k} {list(given[k].shape)} instead of {list(expected[k].shape)}"
        for k in expected if k in given and given[k].shape != expected[k].shape
    ]
    problems = [
        f"{len(names)} {what}: {', '.join(names[:_TOLD])}"
        + (f" and {len(names) - _TOLD} more" if len(names) > _TOLD else "")
        for what, names in (("missing", missing), ("unknown", extra), ("of other shape", shapes))
        if names
    ]
    if problems:
        raise InputError(
            source, "weights", "; ".join(problems), "give the file made for this network"
        )


def load_strictly(
    network: nn.Module,
    given: Mapping[str, Tensor],
    source: str | PathLike[str],
    may_lack: Collection[str] = (),
    assign: bool = False,
) -> None:
    """Load weights that fit exactly; otherwise leave the network as it was.

    Args:
        network: of any device; on ``meta`` with ``assign``.
        given: the weights. source: where from. may_lack: see :func:`check_keys`.
        assign: take the tensors themselves instead of copying them.

    Raises:
        InputError: see :func:`check_keys`.
    """
    check_keys(network.state_dict(), given, source, may_lack)
    network.load_state_dict(dict(given), strict=not may_lack, assign=assign)


def read_weights(path: Path, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """Tensors by name of a ``.safetensors`` file, or of a ``.pth`` that holds nothing else.

    Args:
        path: the file.
        dtype: of the floating-point ones in memory; as in the file where ``None``.

    Raises:
        InputError: the file is absent, damaged, holds something else than tensors (code is
            never run), or a number that is not finite.
    """
    remedy = "download it again"
    try:
        if path.suffix == ".safetensors":
            values: Any = load_file(path)
        else:
            values = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(path, "", "is not there", "check the name") from None
    except pickle.UnpicklingError:
        raise InputError(
            path, "", "holds something else than tensors, which could be code; it was not read",
            "use a file from its authors, or one in the safetensors format",
        ) from None
    except (OSError, SafetensorError, RuntimeError, ValueError, EOFError, KeyError) as error:
        raise InputError(path, "", f"can't be read ({error})"[:300], remedy) from None
    if not isinstance(values, dict) or not values or not all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in values.items()
    ):
        raise InputError(path, "", "is no table of tensors by name", remedy)
    for name, value in values.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise InputError(path, name, "holds a number that is not finite", remedy)
    return {k: v.to(dtype if v.is_floating_point() else v.dtype) for k, v in values.items()}


def on_meta(kind: type[Network], arguments: Mapping[str, Any], source: Path | str) -> Network:
    """A network without memory for its weights yet, to be loaded with ``assign=True``.

    Raises:
        InputError: the arguments make no such network.
    """
    try:
        with torch.device("meta"):
            return kind(**arguments)
    except (TypeError, ValueError, IndexError, KeyError, ZeroDivisionError, RuntimeError) as error:
        raise InputError(
            source, "", f"these settings make no {kind.__name__} ({error})"[:300],
            "use the file as it was written",
        ) from None


def save_model(network: Any, folder: Path, dtype: torch.dtype | None = None) -> None:
    """Write a diffusers model as its ``save_pretrained`` does, optionally in other numbers.

    Args:
        network: a model with a config.
        folder: made where it is not there.
        dtype: of the file's floating-point numbers; as they are where ``None``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network.save_config(folder)
    tensors = {
        name: value.detach().to("cpu", dtype if value.is_floating_point() else None).contiguous()
        for name, value in network.state_dict().items()
    }
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def read_model(
    kind: type[Network], folder: Path, dtype: torch.dtype | None = torch.float32
) -> Network:
    """A diffusers model from its folder, strictly and from this machine only.

    Args:
        kind: its class.
        folder: holds ``config.json`` and the weights as safetensors (``.fp16`` too).
        dtype: of the weights in memory; as in the file where ``None``.

    Raises:
        InputError: a file is absent or damaged, or the two don't fit each other.
    """
    arguments = read_config(kind, folder)
    network = on_meta(kind, arguments, folder / CONFIG)
    path = folder / WEIGHTS
    if not path.exists():
        path = folder / WEIGHTS.replace(".safetensors", ".fp16.safetensors")
    if not path.exists():
        raise InputError(folder / WEIGHTS, "", "is not there", "download the folder again")
    load_strictly(network, read_weights(path, dtype), path, assign=True)
    return network.eval()


def read_config(kind: Any, folder: Path) -> dict[str, Any]:
    """The arguments of a diffusers model that stand in ``config.json``.

    Raises:
        InputError: the file is absent, no JSON object, or has arguments the class lacks.
    """
    path = folder / CONFIG
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(path, "", f"can't be read ({error.strerror})", "check the name") from None
    except (ValueError, RecursionError) as error:
        raise InputError(path, "", f"is no JSON ({error})", "download it again") from None
    if not isinstance(values, dict):
        raise InputError(path, "", "is no JSON object", "download it again")
    name = values.get("_class_name", kind.__name__)
    if name != kind.__name__:
        raise InputError(path, "_class_name", f"is {name}, not {kind.__name__}",
                         "give the folder of that network")
    return {k: v for k, v in values.items() if not k.startswith("_")}
