"""Tensors out of a ``network-snapshot.pkl``, without running any of it.

NVIDIA's "persistence" pickles hold the source code of every network class and execute it
when they are unpickled. Here the pickle's instructions are interpreted
(:mod:`muybridge.body.unpickle`): objects of the known packages become stand-ins that only
keep their state, the source stays a string, tensors are rebuilt from their bytes by
``torch.load(weights_only=True)``, and every other name is refused.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from muybridge.body.unpickle import Interpreter, Refused
from muybridge.errors import InputError

MAX_BYTES = 8 << 30
"""A larger file is refused."""
_PACKAGES = frozenset({
    "torch", "torch_utils", "dnnlib", "training", "modules", "sherf", "torchvision", "spconv",
    "cumm", "einops", "pccm",
})
"""Packages whose objects become stand-ins. Nothing of them is imported or called."""
_DEPTH = 60
_REMEDY = "give the network-snapshot.pkl of the release"


class StandIn:
    """In the place of any object of the known packages: keeps its state, does nothing."""

    state: Any
    items: dict[Any, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> StandIn:
        """Takes whatever the object was made of, and forgets it."""
        made = super().__new__(cls)
        made.state, made.items = {}, {}
        return made

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Nothing; an object may be made with it or without."""

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items[key] = value

    def append(self, value: Any) -> None:
        """A list's item; not needed by anything."""

    def extend(self, values: Any) -> None:
        """A list's items; not needed by anything."""


class _Storage:
    """The numbers of tensors, one after the other."""

    def __init__(self, values: Tensor) -> None:
        self.values = values


def _load_storage(data: Any) -> _Storage:
    """``torch.storage._load_from_bytes``, for numbers only."""
    if not isinstance(data, (bytes, bytearray)):
        raise Refused("a storage that is no bytes")
    loaded = torch.load(io.BytesIO(bytes(data)), map_location="cpu", weights_only=True)
    if not isinstance(loaded, torch.storage.TypedStorage):
        raise Refused(f"a {type(loaded).__name__} where a storage belongs")
    values = torch.empty(0, dtype=loaded.dtype)
    return _Storage(values.set_(loaded))  # type: ignore[call-overload]


def _tensor(
    storage: Any, offset: Any, size: Any, stride: Any, *_: Any
) -> Tensor:
    """``torch._utils._rebuild_tensor_v2``, with its bounds checked."""
    if not isinstance(storage, _Storage):
        raise Refused("a tensor without numbers")
    numbers = (offset, *size, *stride)
    if any(not isinstance(n, int) or isinstance(n, bool) or n < 0 for n in numbers):
        raise Refused("a tensor of impossible shape")
    if len(size) != len(stride) or len(size) > 16:
        raise Refused("a tensor of contradictory shape")
    end = offset + 1 + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    count = 1
    for n in size:
        count *= n
    if count and end > len(storage.values):
        raise Refused("a tensor that ends behind its numbers")
    if count > len(storage.values) + 1:
        raise Refused("a tensor of more elements than numbers")
    return storage.values.as_strided(size, stride, offset).clone()


def _parameter(data: Any, *_: Any) -> Any:
    """``torch._utils._rebuild_parameter``: the tensor itself."""
    return data


def _persistent(meta: Any) -> StandIn:
    """``torch_utils.persistence._reconstruct_persistent_obj``, which would execute the source."""
    made = StandIn()
    content = meta.items if isinstance(meta, StandIn) else meta
    if isinstance(content, Mapping):
        state = content.get("state")
        made.state = state.items if isinstance(state, StandIn) else state
    return made


_KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch.storage", "_load_from_bytes"): _load_storage,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch_utils.persistence", "_reconstruct_persistent_obj"): _persistent,
}


class _SnapshotInterpreter(Interpreter):
    """Knows torch's tensors and the packages of the release."""

    def find_class(self, module: str, name: str) -> Any:
        """Our own constructor, a stand-in, or what the plain interpreter knows."""
        known = _KNOWN.get((module, name))
        if known is None and module.endswith(".torch_utils.persistence"):
            known = _KNOWN.get(("torch_utils.persistence", name))
        if known is not None:
            return known
        package = module.split(".")[0]
        if package in _PACKAGES or package.startswith("_imported_module_"):
            return type("StandIn", (StandIn,), {})  # its own, so that no pickle alters ours
        return super().find_class(module, name)

    def _state(self) -> None:
        target = self.stack[-2]
        if isinstance(target, StandIn):
            target.state = self.stack.pop()
        else:
            self._plain_build(self)

    _plain_build = Interpreter.dispatch[pickle.BUILD[0]]
    dispatch: ClassVar[dict[int, Any]] = dict(Interpreter.dispatch)
    dispatch[pickle.BUILD[0]] = _state


def read_snapshot(path: str | PathLike[str], network: str = "G") -> dict[str, Tensor]:
    """Parameters and buffers of one network of a snapshot, by name.

    Args:
        path: the pickle.
        network: ``G`` is what the release's inference runs; ``G_ema`` is its average.

    Raises:
        InputError: no such file, damaged, too large, no such network in it, or it holds
            something that is neither data nor an object of the known packages.
    """
    source = Path(path)
    try:
        if source.stat().st_size > MAX_BYTES:
            raise InputError(source, "", "is larger than 8 GiB", _REMEDY)
        data = source.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(str(source)[:200], "", f"can't be read ({error})", _REMEDY) from None
    try:
        content = _SnapshotInterpreter(io.BytesIO(data)).load()
    except Refused as refused:
        raise InputError(
            source, "", f"holds {refused}, which muybridge does not load", _REMEDY
        ) from None
    except Exception as error:
        raise InputError(
            source, "", f"is damaged or no snapshot ({type(error).__name__})", _REMEDY
        ) from None
    found = content.get(network) if isinstance(content, dict) else None
    if not isinstance(found, StandIn):
        raise InputError(source, network, "there is no such network in it", _REMEDY)
    tensors: dict[str, Tensor] = {}
    for name, tensor in _walk(found, "", source, 0):
        if name in tensors:
            raise InputError(source, name, "is there twice", _REMEDY)
        tensors[name] = tensor
    return tensors


def _walk(
    module: StandIn, prefix: str, source: Path, depth: int
) -> Iterator[tuple[str, Tensor]]:
    """Names and tensors of a module and those within it."""
    state = module.state
    if depth > _DEPTH or not isinstance(state, Mapping):
        raise InputError(source, prefix, "is no network", _REMEDY)
    for kind in ("_parameters", "_buffers"):
        for name, value in _entries(state, kind, prefix, source):
            if isinstance(value, Tensor):
                yield prefix + name, value
            elif value is not None:
                raise InputError(source, prefix + name, "is no tensor", _REMEDY)
    for name, value in _entries(state, "_modules", prefix, source):
        if isinstance(value, StandIn):
            yield from _walk(value, f"{prefix}{name}.", source, depth + 1)
        elif value is not None:
            raise InputError(source, prefix + name, "is no network", _REMEDY)


def _entries(
    state: Mapping[Any, Any], kind: str, prefix: str, source: Path
) -> list[tuple[str, Any]]:
    entries = state.get(kind, {})
    if not isinstance(entries, Mapping) or not all(isinstance(k, str) for k in entries):
        raise InputError(source, f"{prefix}{kind}", "is no table of names", _REMEDY)
    return list(entries.items())
