"""Reads arrays out of files that could hold code: ``.npz``, pickles, joblib dumps.

Body models and tracker results are still handed around as pickles. Unpickling
runs whatever the file says, so nothing here does: an interpreter of the pickle
format that knows arrays, numbers, strings and containers, and refuses every
other name it meets. numpy arrays are rebuilt from their raw bytes, chumpy's and
scipy's wrappers are reduced to the arrays inside, and joblib's array records
are read from the stream behind them.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import re
import zipfile
import zlib
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from muybridge.errors import InputError

MAX_BYTES = 2 << 30
"""Largest decompressed content that is read, bytes."""

_PLAIN_DTYPE = re.compile(r"^[<>|=]?[biufcSU?][0-9]*$")


class _Refused(Exception):
    """The pickle names something that is not data."""


class _Dtype:
    """Stand-in for ``numpy.dtype``: only plain numbers, strings and objects."""

    def __init__(self, code: Any = "", *_: Any) -> None:
        self.code = code.decode("latin1") if isinstance(code, bytes) else str(code)
        self.order = ""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "|", "="):
            self.order = state[1]
        if isinstance(state, tuple) and len(state) > 4 and (state[2:5] != (None, None, None)):
            raise _Refused("a structured numpy dtype")

    def resolve(self) -> np.dtype[Any] | None:
        """The numpy dtype, or ``None`` for an array of objects."""
        if self.code.startswith("O"):
            return None
        if not _PLAIN_DTYPE.match(self.code):
            raise _Refused(f"numpy dtype {self.code!r}")
        return np.dtype(self.code).newbyteorder(self.order or "=")  # type: ignore[arg-type]


class _Array:
    """Stand-in for ``numpy.ndarray`` until its raw bytes are known."""

    value: np.ndarray[Any, Any] | list[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, raw = state
        shape = tuple(int(s) for s in shape)
        if len(shape) > 16 or any(s < 0 for s in shape):
            raise _Refused(f"an array of shape {shape}")
        plain = dtype.resolve()
        if plain is None:
            self.value = list(raw)
            return
        data = raw.encode("latin1") if isinstance(raw, str) else bytes(raw)
        count = int(np.prod(shape, dtype=object)) if shape else 1
        if count * plain.itemsize != len(data):
            raise _Refused("an array whose length is not that of its data")
        flat = np.frombuffer(data, plain)
        self.value = flat.reshape(shape, order="F" if fortran else "C").copy()


class _JoblibArray:
    """joblib's record of an array whose bytes follow in the stream."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.state = state

    def read(self, stream: io.BytesIO) -> np.ndarray[Any, Any]:
        """The array, taken from the stream at its present position."""
        dtype = self.state["dtype"].resolve()
        shape = tuple(int(s) for s in self.state["shape"])
        if dtype is None or any(s < 0 for s in shape) or len(shape) > 16:
            raise _Refused("a joblib array of objects")
        if self.state.get("numpy_array_alignment_bytes") is not None:
            padding = stream.read(1)
            stream.read(padding[0] if padding else 0)
        count = int(np.prod(shape, dtype=object)) if shape else 1
        data = stream.read(count * dtype.itemsize) if count * dtype.itemsize <= MAX_BYTES else b""
        if len(data) != count * dtype.itemsize:
            raise _Refused("a joblib array that ends before its data")
        order = "F" if self.state.get("order") == "F" else "C"
        return np.frombuffer(data, dtype).reshape(shape, order=order).copy()  # type: ignore[call-overload,no-any-return]


class _Wrapper:
    """Stand-in for chumpy and scipy.sparse objects: keeps their state."""

    def __init__(self, *args: Any) -> None:
        self.args = args
        self.state: Any = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _scalar(dtype: _Dtype, raw: Any = b"") -> Any:
    plain = dtype.resolve()
    data = raw.encode("latin1") if isinstance(raw, str) else bytes(raw)
    if plain is None or len(data) != plain.itemsize:
        raise _Refused("a numpy scalar of objects")
    return np.frombuffer(data, plain)[0]


def _latin1(text: str, encoding: str = "latin1") -> bytes:
    return str(text).encode("latin1")


_NAMES: dict[tuple[str, str], Callable[..., Any] | type] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): lambda *_: defaultdict(),
    ("_codecs", "encode"): _latin1,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): _JoblibArray,
}
for _core in ("numpy.core", "numpy._core"):
    _NAMES[(f"{_core}.multiarray", "_reconstruct")] = _reconstruct
    _NAMES[(f"{_core}.multiarray", "scalar")] = _scalar
for _builtin in ("builtins", "__builtin__"):
    for _type in (dict, list, tuple, set, int, float, complex, str, bytes, bool):
        _NAMES[(_builtin, _type.__name__)] = _type
    _NAMES[(_builtin, "object")] = _Wrapper
    _NAMES[(_builtin, "bytearray")] = lambda *a: bytes(a[0]) if a and not isinstance(
        a[0], int
    ) else b""


class _Interpreter(pickle._Unpickler):  # type: ignore[name-defined,misc]
    """A pickle interpreter that can build data only."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream, encoding="latin1")
        self._stream = stream

    def find_class(self, module: str, name: str) -> Any:
        known = _NAMES.get((module, name))
        if known is not None:
            return known
        if module == "copy_reg" and name == "_reconstructor":
            return lambda cls, *_: cls()
        if module.split(".")[0] in ("chumpy",) or module.startswith("scipy.sparse"):
            return _Wrapper
        raise _Refused(f"{module}.{name}")

    def _build(self) -> None:
        super().load_build()  # type: ignore[misc]
        if isinstance(self.stack[-1], _JoblibArray):  # type: ignore[has-type]
            record = self.stack.pop()  # type: ignore[has-type]
            self.stack.append(record.read(self._stream))  # type: ignore[has-type]

    dispatch = dict(pickle._Unpickler.dispatch)  # type: ignore[attr-defined]
    dispatch[pickle.BUILD[0]] = _build


def _unwrap(value: Any, depth: int = 0) -> Any:
    """Turns stand-ins into arrays, containers into plain ones."""
    if depth > 64:
        raise _Refused("containers nested too deeply")
    if isinstance(value, _Array):
        inner = value.value
        return _unwrap(inner, depth + 1) if isinstance(inner, list) else inner
    if isinstance(value, _Wrapper):
        return _unwrap_wrapper(value, depth)
    if isinstance(value, dict):
        return {k: _unwrap(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_unwrap(v, depth + 1) for v in value)
    if isinstance(value, (_Dtype, _JoblibArray)) or callable(value):
        return None
    return value


def _unwrap_wrapper(value: _Wrapper, depth: int) -> Any:
    state = value.state if isinstance(value.state, dict) else {}
    state = {k: _unwrap(v, depth + 1) for k, v in state.items()}
    if {"data", "indices", "indptr"} <= set(state):
        shape = state.get("_shape", state.get("shape"))
        return _dense(state["data"], state["indices"], state["indptr"], shape)
    if "x" in state:
        return state["x"]
    return state


def _dense(data: Any, indices: Any, indptr: Any, shape: Any) -> np.ndarray[Any, Any]:
    """A compressed sparse-column matrix (SMPL's joint regressor) as a dense array."""
    rows, columns = (int(s) for s in shape)
    if rows * columns * 8 > MAX_BYTES or rows < 0 or columns < 0 or len(indptr) != columns + 1:
        raise _Refused("a sparse matrix of impossible size")
    dense = np.zeros((rows, columns))
    which = np.repeat(np.arange(columns), np.diff(indptr))
    dense[np.asarray(indices), which] = data
    return dense


def _inflate(data: bytes, source: str) -> bytes:
    """Undoes the compressions that joblib knows, up to :data:`MAX_BYTES`."""
    openers: list[tuple[bytes, Callable[[io.BytesIO], Any]]] = [
        (b"\x1f\x8b", lambda b: gzip.GzipFile(fileobj=b)),
        (b"BZh", bz2.BZ2File),
        (b"\xfd7zXZ", lzma.LZMAFile),
        (b"\x5d\x00", lzma.LZMAFile),
    ]
    out: bytes
    if data[:1] == b"\x78" and data[1:2] in (b"\x01", b"\x5e", b"\x9c", b"\xda", b"\x3f"):
        out = zlib.decompressobj().decompress(data, MAX_BYTES + 1)
    else:
        opener = next((o for magic, o in openers if data.startswith(magic)), None)
        if opener is None:
            return data
        out = opener(io.BytesIO(data)).read(MAX_BYTES + 1)
    if len(out) > MAX_BYTES:
        raise _Refused("more than 2 GiB after decompression")
    return out


def loads_pickle(data: bytes, source: str | PathLike[str] = "pickle") -> Any:
    """Containers, numbers, strings and arrays of a pickle or joblib dump.

    Args:
        data: the file's bytes; zlib, gzip, bz2 and xz are undone.
        source: name of the file, for the error's text.

    Raises:
        InputError: the file is damaged or holds anything but data.
    """
    try:
        stream = io.BytesIO(_inflate(data, str(source)))
        return _unwrap(_Interpreter(stream).load())
    except _Refused as refused:
        raise InputError(
            source, "", f"this pickle holds {refused}, which muybridge does not load",
            "save its arrays as .npz (numpy.savez) and give that file",
        ) from None
    except Exception as error:
        raise InputError(
            source, "", f"is damaged or no pickle ({type(error).__name__})",
            "fetch or export the file again",
        ) from None


def load_npz(path: str | PathLike[str]) -> dict[str, Any]:
    """Arrays of an ``.npz``; entries that are pickled objects go through the
    restricted interpreter, so they may hold data and nothing else.

    Raises:
        InputError: no such file, damaged, too large, or an entry with code in it.
    """
    source = Path(path)
    arrays: dict[str, Any] = {}
    try:
        with zipfile.ZipFile(source) as archive:
            if sum(max(entry.file_size, 0) for entry in archive.infolist()) > MAX_BYTES:
                raise InputError(source, "", "holds more than 2 GiB", "give a smaller file")
            for entry in archive.infolist():
                if entry.filename.endswith(".npy"):
                    with archive.open(entry) as member:
                        raw = member.read(MAX_BYTES)
                    arrays[entry.filename[:-4]] = _read_npy(raw, source, entry.filename)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(source, "", "there is no such file", "check the path") from None
    except IsADirectoryError:
        raise InputError(source, "", "is a folder", "give a file") from None
    except Exception as error:
        raise InputError(
            source, "", f"is damaged or no .npz ({type(error).__name__})",
            "export the file again",
        ) from None
    return arrays


def _read_npy(raw: bytes, source: Path, name: str) -> Any:
    stream = io.BytesIO(raw)
    version = np.lib.format.read_magic(stream)
    reader = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = reader(stream)
    if dtype.hasobject:
        return loads_pickle(stream.read(), f"{source}: {name}")
    count = int(np.prod(shape, dtype=object)) if shape else 1
    if count * dtype.itemsize > len(raw):
        raise InputError(source, name, "ends before its data", "export the file again")
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)


def load_arrays(path: str | PathLike[str]) -> dict[str, Any]:
    """The top-level dictionary of an ``.npz`` or pickle: arrays, numbers, strings.

    Raises:
        InputError: the file is missing, damaged, holds code, or is no dictionary.
    """
    source = Path(path)
    try:
        with source.open("rb") as file:
            head = file.read(4)
            if head.startswith(b"PK"):
                return load_npz(source)
            if source.stat().st_size > MAX_BYTES:
                raise InputError(source, "", "is larger than 2 GiB", "give a smaller file")
            data = head + file.read()
    except FileNotFoundError:
        raise InputError(source, "", "there is no such file", "check the path") from None
    except IsADirectoryError:
        raise InputError(source, "", "is a folder", "give a file") from None
    value = loads_pickle(data, source)
    if not isinstance(value, dict):
        raise InputError(
            source, "", f"holds a {type(value).__name__}, not a dictionary",
            "give a file whose top level names its arrays",
        )
    return value
