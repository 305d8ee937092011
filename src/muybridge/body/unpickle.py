"""An interpreter of the pickle format that can build data and nothing else.

It knows arrays, numbers, strings and containers, and refuses every other name it
meets. numpy arrays are rebuilt from their raw bytes, chumpy's and scipy's wrappers
are reduced to the arrays inside, and joblib's array records are read from the
stream behind them.
"""

from __future__ import annotations

import io
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar

import numpy as np

MAX_ARRAY = 1 << 30
"""Largest array that is built from less than its own bytes, bytes."""
_DEPTH = 100
_PLAIN_DTYPE = re.compile(r"^[<>|=]?[biufcSU?][0-9]{0,9}$")


class Refused(Exception):
    """The pickle holds something that is not data."""


class _Dtype:
    """Stand-in for ``numpy.dtype``: only plain numbers, strings and objects."""

    def __init__(self, code: Any = "", *_: Any) -> None:
        self.code = code.decode("latin1") if isinstance(code, bytes) else str(code)
        self.order = ""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "|", "="):
            self.order = state[1]
        if isinstance(state, tuple) and len(state) > 4 and (state[2:5] != (None, None, None)):
            raise Refused("a structured numpy dtype")

    def resolve(self) -> np.dtype | None:
        """The numpy dtype, or ``None`` for an array of objects."""
        if self.code.startswith("O"):
            return None
        if not _PLAIN_DTYPE.match(self.code):
            raise Refused(f"numpy dtype {self.code[:40]!r}")
        return np.dtype(self.code).newbyteorder(self.order or "=")  # type: ignore[arg-type]


def _shape(shape: Any) -> tuple[int, ...]:
    sizes = tuple(int(s) for s in shape) if isinstance(shape, (tuple, list)) else (int(shape),)
    if len(sizes) > 16 or any(not 0 <= s < 1 << 40 for s in sizes):
        raise Refused("an array of impossible shape")
    return sizes


def _length(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """Bytes that an array takes."""
    count = 1
    for size in shape:
        count *= size
    return count * dtype.itemsize


def _from_bytes(raw: Any, dtype: _Dtype, shape: Any, order: str) -> np.ndarray:
    plain = dtype.resolve()
    data = raw.encode("latin1") if isinstance(raw, str) else raw
    if plain is None or not isinstance(data, (bytes, bytearray)):
        raise Refused("an array of objects where bytes belong")
    sizes = _shape(shape)
    if _length(sizes, plain) != len(data):
        raise Refused("an array whose length is not that of its data")
    if len(data) == 0:
        return np.zeros(sizes, plain.newbyteorder("="))
    return np.frombuffer(data, plain).reshape(sizes, order="F" if order == "F" else "C").copy()


class _Array:
    """Stand-in for ``numpy.ndarray`` until its raw bytes are known."""

    value: np.ndarray | list[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, raw = state
        if not isinstance(dtype, _Dtype):
            raise Refused("an array without a dtype")
        if dtype.resolve() is None:
            if not isinstance(raw, list):
                raise Refused("an array of objects without a list of them")
            self.value = raw
        else:
            self.value = _from_bytes(raw, dtype, shape, "F" if fortran else "C")


class _JoblibArray:
    """joblib's record of an array whose bytes follow in the stream."""

    value: np.ndarray | None = None
    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def read(self, stream: io.BytesIO) -> None:
        """Takes the array from the stream, at its present position."""
        state = self.state
        if not isinstance(state, dict) or not isinstance(state.get("dtype"), _Dtype):
            raise Refused("a joblib array without a dtype")
        dtype = state["dtype"].resolve()
        if dtype is None:
            raise Refused("a joblib array of objects")
        shape = _shape(state.get("shape", ()))
        if state.get("numpy_array_alignment_bytes") is not None:
            padding = stream.read(1)
            stream.read(padding[0] if padding else 0)
        count = _length(shape, dtype)
        left = len(stream.getbuffer()) - stream.tell()
        if count > left:
            raise Refused("a joblib array that ends before its data")
        self.value = _from_bytes(stream.read(count), state["dtype"], shape, state.get("order", "C"))


class _Wrapper:
    """Stand-in for chumpy and scipy.sparse objects: keeps their state."""

    kind = ""
    state: Any = None

    def __init__(self, *args: Any) -> None:
        self.state: Any = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state


@cache
def _wrapper(kind: str) -> type[_Wrapper]:
    return type("_Wrapper", (_Wrapper,), {"kind": kind})


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _frombuffer(raw: Any, dtype: Any, shape: Any, order: Any, *_: Any) -> np.ndarray:
    if not isinstance(dtype, _Dtype):
        raise Refused("an array without a dtype")
    return _from_bytes(raw, dtype, shape, str(order))


def _scalar(dtype: Any, raw: Any = b"") -> Any:
    if not isinstance(dtype, _Dtype):
        raise Refused("a numpy scalar without a dtype")
    return _from_bytes(raw, dtype, (), "C")[()]


def _latin1(text: Any, encoding: Any = "latin1") -> bytes:
    if not isinstance(text, str):
        raise Refused("a call of _codecs.encode")
    return text.encode("latin1")


def _plain(kind: type, *accepted: type) -> Callable[..., Any]:
    """A constructor that copies one value of the accepted types, or makes an empty one."""

    def make(*args: Any) -> Any:
        if not args:
            return kind()
        if len(args) > 1 or not isinstance(args[0], accepted):
            raise Refused(f"a call of {kind.__name__}")
        return kind(args[0])

    return make


def _complex(*args: Any) -> complex:
    if len(args) > 2 or not all(isinstance(a, (int, float)) for a in args):
        raise Refused("a call of complex")
    return complex(*args)


def _names() -> dict[tuple[str, str], Any]:
    table: dict[tuple[str, str], Any] = {
        ("collections", "OrderedDict"): _plain(OrderedDict, dict, list),
        ("collections", "defaultdict"): lambda *_: {},
        ("_codecs", "encode"): _latin1,
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Dtype,
        ("joblib.numpy_pickle", "NumpyArrayWrapper"): _JoblibArray,
        ("copy_reg", "_reconstructor"): _reconstructor,
        ("copyreg", "_reconstructor"): _reconstructor,
    }
    for core in ("numpy.core", "numpy._core"):
        table[(f"{core}.multiarray", "_reconstruct")] = _reconstruct
        table[(f"{core}.multiarray", "scalar")] = _scalar
        table[(f"{core}.numeric", "_frombuffer")] = _frombuffer
    makers = {
        "dict": _plain(dict, dict, list),
        "list": _plain(list, list, tuple, set),
        "tuple": _plain(tuple, list, tuple, set),
        "set": _plain(set, list, tuple, set),
        "frozenset": _plain(frozenset, list, tuple, set),
        "int": _plain(int, int, float, bool),
        "float": _plain(float, int, float),
        "bool": _plain(bool, int, float),
        "complex": _complex,
        "str": _plain(str, str),
        "bytes": _plain(bytes, bytes, bytearray),
        "bytearray": _plain(bytes, bytes, bytearray),
        "object": _wrapper("object"),
    }
    for builtin in ("builtins", "__builtin__"):
        table |= {(builtin, name): maker for name, maker in makers.items()}
    return table


def _reconstructor(cls: Any, *_: Any) -> Any:
    """Python 2's way to make an object of a class; its state follows."""
    if isinstance(cls, type) and issubclass(cls, (_Wrapper, _Array)):
        return cls()
    raise Refused("an object of an unknown class")


_NAMES = _names()
_STANDINS = (_Dtype, _Array, _JoblibArray, _Wrapper)


class Interpreter(pickle._Unpickler):  # type: ignore[name-defined,misc]
    """Runs a pickle's instructions; what they build is data or a stand-in for it."""

    stack: list[Any]
    read: Callable[[int], bytes]
    append: Callable[[Any], None]

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream, encoding="latin1")
        self._stream = stream

    def find_class(self, module: str, name: str) -> Any:
        """Our own constructor of that name; nothing is ever imported."""
        known = _NAMES.get((module, name))
        if known is not None:
            return known
        if module.split(".")[0] == "chumpy" or module.startswith("scipy.sparse"):
            return _wrapper(f"{module}.{name}"[:80])
        raise Refused(f"{module}.{name}"[:80])

    def _build(self) -> None:
        target = self.stack[-2]
        if not isinstance(target, _STANDINS):
            raise Refused("a state for something that has none")
        target.__setstate__(self.stack.pop())
        if isinstance(target, _JoblibArray):
            target.read(self._stream)

    def _bytearray8(self) -> None:
        size = int.from_bytes(self.read(8), "little")
        data = self.read(min(size, MAX_ARRAY))
        if len(data) != size:
            raise Refused("bytes that end before their length")
        self.append(data)

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)  # type: ignore[attr-defined]
    dispatch[pickle.BUILD[0]] = _build
    dispatch[pickle.BYTEARRAY8[0]] = _bytearray8


def load_plain(data: bytes) -> Any:
    """What a pickle holds, as containers, numbers, strings and arrays.

    Raises:
        Refused: it holds anything else. Damage raises whatever it hits.
    """
    return _Plain().of(Interpreter(io.BytesIO(data)).load(), 0)


class _Plain:
    """Turns stand-ins into arrays and containers into plain ones, each once."""

    def __init__(self) -> None:
        self.done: dict[int, tuple[Any, Any]] = {}
        self.open: set[int] = set()

    def of(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(
            value, (bool, int, float, complex, str, bytes, np.ndarray, np.generic)
        ):
            return value
        if isinstance(value, bytearray):
            return bytes(value)
        key = id(value)
        if key in self.done:
            return self.done[key][1]
        if depth > _DEPTH or key in self.open:
            raise Refused("containers nested too deeply, or in themselves")
        self.open.add(key)
        plain = self._make(value, depth + 1)
        self.open.discard(key)
        self.done[key] = (value, plain)  # the value is kept, so that its id stays its own
        return plain

    def _make(self, value: Any, depth: int) -> Any:
        if isinstance(value, _Array):
            return self.of(value.value, depth)
        if isinstance(value, _JoblibArray):
            return value.value
        if isinstance(value, _Wrapper):
            return self._unwrap(value, depth)
        if isinstance(value, dict):
            return {self._key(k, depth): self.of(v, depth) for k, v in value.items()}
        if isinstance(value, (list, set, frozenset)):
            return [self.of(v, depth) for v in value]
        if isinstance(value, tuple):
            return tuple(self.of(v, depth) for v in value)
        if isinstance(value, _Dtype) or callable(value):
            return None  # a bare type, such as the factory of a defaultdict
        raise Refused(f"a {type(value).__name__}")

    def _key(self, key: Any, depth: int) -> Any:
        plain = self.of(key, depth)
        if isinstance(plain, (list, dict, np.ndarray)) or (plain is None and key is not None):
            raise Refused("a dictionary whose keys are no plain values")
        return plain

    def _unwrap(self, value: _Wrapper, depth: int) -> Any:
        state = value.state if isinstance(value.state, dict) else {}
        state = {k: self.of(v, depth) for k, v in state.items() if isinstance(k, str)}
        if {"data", "indices", "indptr"} <= set(state):
            rows_first = "csr" in value.kind.lower()
            return _dense(state, rows_first)
        if "x" in state:
            return state["x"]
        if {"a", "idxs"} <= set(state):  # chumpy's selection of another array's elements
            chosen = np.asarray(state["a"]).ravel()[np.asarray(state["idxs"])]
            shape = state.get("preferred_shape")
            return chosen if shape is None else chosen.reshape(_shape(shape))
        return state


def _dense(state: dict[str, Any], rows_first: bool) -> np.ndarray:
    """A compressed sparse matrix (SMPL's joint regressor) as a dense array."""
    rows, columns = _shape(state.get("_shape", state.get("shape")))
    data, indices, start = (np.asarray(state[k]) for k in ("data", "indices", "indptr"))
    lines = rows if rows_first else columns
    counts = np.diff(start)
    if rows * columns * 8 > MAX_ARRAY or len(start) != lines + 1 or len(data) != len(indices):
        raise Refused("a sparse matrix of impossible size")
    if (counts < 0).any() or start[0] != 0 or start[-1] != len(data):
        raise Refused("a sparse matrix of contradictory size")
    line = np.repeat(np.arange(lines), counts)
    where = (line, indices) if rows_first else (indices, line)
    if len(indices) and indices.min() < 0:
        raise Refused("a sparse matrix with a negative index")
    dense = np.zeros((rows, columns))
    np.add.at(dense, where, data)
    return dense
