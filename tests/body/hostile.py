"""Files that try to run code, to fill the memory, or to pass for what they are not."""

from __future__ import annotations

import base64
import collections
import datetime
import gzip
import io
import lzma
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

# joblib 1.6: dict(pose=float32 0..5 as 2x3, fortran=the same in F order, name, more=[bool, 2.5])
JOBLIB = base64.b64decode(
    "gASV3QAAAAAAAAB9lCiMBHBvc2WUjBNqb2JsaWIubnVtcHlfcGlja2xllIwRTnVtcHlBcnJheVdyYXBwZXKUk5QpgZR9"
    "lCiMCHN1YmNsYXNzlIwFbnVtcHmUjAduZGFycmF5lJOUjAVzaGFwZZRLAksDhpSMBW9yZGVylIwBQ5SMBWR0eXBllGgI"
    "jAVkdHlwZZSTlIwCZjSUiYiHlFKUKEsDjAE8lE5OTkr/////Sv////9LAHSUYowKYWxsb3dfbW1hcJSIjBtudW1weV9h"
    "cnJheV9hbGlnbm1lbnRfYnl0ZXOUSxB1Ygf/////////AAAAAAAAgD8AAABAAABAQAAAgEAAAKBAlVMAAAAAAAAAjAdm"
    "b3J0cmFulGgEKYGUfZQoaAdoCmgLSwJLA4aUaA2MAUaUaA9oEYwCaTiUiYiHlFKUKEsDaBVOTk5K/////0r/////SwB0"
    "lGJoF4hoGEsQdWIL//////////////8AAAAAAAAAAAMAAAAAAAAAAQAAAAAAAAAEAAAAAAAAAAIAAAAAAAAABQAAAAAA"
    "AACVXwAAAAAAAACMBG5hbWWUjAR3YWxrlIwEbW9yZZRdlChoBCmBlH2UKGgHaApoC0sChZRoDWgOaA9oEYwCYjGUiYiH"
    "lFKUKEsDjAF8lE5OTkr/////Sv////9LAHSUYmgXiGgYSxB1Ygf/////////AQCVWgAAAAAAAACMFm51bXB5Ll9jb3Jl"
    "Lm11bHRpYXJyYXmUjAZzY2FsYXKUk5RoEYwCZjiUiYiHlFKUKEsDaBVOTk5K/////0r/////SwB0lGJDCAAAAAAAAARA"
    "lIaUUpRldS4="
)


def data() -> dict[str, Any]:
    return {
        "floats": np.arange(6, dtype=np.float32).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big_endian": np.arange(3, dtype=">i4"),
        "texts": np.array(["walk", "run"]),
        "flags": np.array([True, False]),
        "empty": np.zeros((0, 3)),
        "objects": np.array([np.arange(2), "b", None], dtype=object),
        "scalar": np.float64(2.5),
        "plain": [1, 2.5, "x", None, True, b"raw", (3, 4), {"a": {"b": 1}}, 1 + 2j],
        "ordered": collections.OrderedDict(a=1, b=2),
        "default": collections.defaultdict(list, a=[1]),
        "set": {1, 2, 3},
        "bytearray": bytearray(b"abc"),
    }


class Evil:
    """Pickles as a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


class EvilState:
    def __reduce__(self) -> Any:
        return (collections.OrderedDict, (), {"state": Evil(os.system, "touch pwned")})


def by_name(module: str, name: str, argument: str) -> bytes:
    return f"c{module}\n{name}\n(V{argument}\ntR.".encode()


def array_of_objects(value: Any) -> np.ndarray:
    out = np.empty(2, dtype=object)
    out[1] = value
    return out


def through_numpy(module: str, name: str) -> bytes:
    """A state that puts attributes onto a function that the reader knows."""
    return f"c{module}\n{name}\n(N(dV__defaults__\n(V1\ntstb.".encode()


TOUCH = "touch pwned"
EVIL: dict[str, bytes] = {
    "os.system": pickle.dumps(Evil(os.system, TOUCH)),
    "os.system, protocol 0": pickle.dumps(Evil(os.system, TOUCH), 0),
    "in a dictionary": pickle.dumps({"v_template": Evil(os.system, TOUCH)}),
    "as a key": pickle.dumps({(1, 2): 3}).replace(b"K\x01", b"cos\nsystem\n", 1),
    "deep in containers": pickle.dumps({"a": [({"b": [Evil(os.system, TOUCH)]},)]}),
    "in an array of objects": pickle.dumps(array_of_objects(Evil(os.system, TOUCH))),
    "in the state of a dictionary": pickle.dumps(EvilState()),
    "in a state of chumpy": b"cchumpy.ch\nCh\n)\x81}(U\x01xcos\nsystem\n(U\x0btouch pwnedtRub.",
    "eval": pickle.dumps(Evil(eval, "open('pwned', 'w')")),
    "exec": pickle.dumps(Evil(exec, "open('pwned', 'w')")),
    "open": pickle.dumps(Evil(open, "pwned", "w")),
    "builtins by Python 2's name": by_name("__builtin__", "eval", "open('pwned','w')"),
    "import": by_name("builtins", "__import__", "antigravity"),
    "getattr": pickle.dumps(Evil(getattr, "x", "__class__")),
    "getattr of a type": b"cbuiltins\ngetattr\n(cbuiltins\ndict\nV__subclasses__\ntR.",
    "dotted name": b"\x80\x04\x8c\x08builtins\x8c\rdict.__base__\x93.",
    "dotted into numpy": b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__init__\x93.",
    "numpy.load": by_name("numpy", "load", "secret.npy"),
    "numpy's testing runner": by_name("numpy.testing._private.utils", "runstring", "1"),
    "numpy.f2py": by_name("numpy.f2py", "compile", "x"),
    "scipy's loader": by_name("scipy", "io.loadmat", "x"),
    "subprocess": by_name("subprocess", "getoutput", TOUCH),
    "posix": by_name("posix", "system", TOUCH),
    "torch": by_name("torch", "load", "x"),
    "pickle in pickle": by_name("_pickle", "loads", "x"),
    "codecs": b"c_codecs\nencode\n(cos\nsystem\nVrot13\ntR.",
    "code object": b"ctypes\nCodeType\n(tR.",
    "function type": b"ctypes\nFunctionType\n(tR.",
    "class of another module": pickle.dumps(datetime.datetime(2020, 1, 1)),
    "persistent id": b"Vx\nP" + b"x\n.",
    "binary persistent id": b"\x80\x02U\x01xQ.",
    "extension registry": b"\x82\x01.",
    "instance opcode": b"(U\x0btouch pwnedios\nsystem\n.",
    "object opcode": b"(cos\nsystem\nU\x0btouch pwnedo.",
    "new object opcode": b"\x80\x02cos\nsystem\nU\x0btouch pwned\x85\x81.",
    "structured dtype": pickle.dumps(np.zeros(2, dtype=[("a", "f4"), ("b", "i4")])),
    "datetime dtype": pickle.dumps(np.zeros(2, dtype="M8[s]")),
    "void dtype": pickle.dumps(np.zeros(2, dtype="V4")),
    "state for a function": through_numpy("numpy.core.multiarray", "_reconstruct"),
    "state for a codec": through_numpy("_codecs", "encode"),
    "state for a type": b"cbuiltins\ndict\n}(U\x01xK\x01ub.",
    "state for an array": pickle.dumps(np.arange(3))[:-1] + b"}b.",
    "huge bytearray": b"\x80\x05\x96" + struct.pack("<Q", 1 << 45) + b"x.",
    "huge bytes": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 45) + b"x.",
    "huge frame": b"\x80\x04\x95" + struct.pack("<Q", 1 << 45) + b".",
    "bytes by count": b"cbuiltins\nbytes\n(I99999999999\ntR.",
    "bytearray by count": b"cbuiltins\nbytearray\n(I99999999999\ntR.",
    "new bytes by count": b"\x80\x02cbuiltins\nbytes\n\x8a\x05\x00\x00\x00\x00\x7f\x85\x81.",
    "list in itself": b"](h\x00q\x00h\x00e.".replace(b"](h\x00q\x00", b"]q\x00(", 1),
    "dictionary in itself": b"}q\x00U\x01ah\x00s.",
    "nested too deeply": b"]" * 5000 + b"a" * 4999 + b".",
    "array of arrays as a key": b"}(]K\x01u.",
    "memo out of range": b"h\x07.",
    "stack underflow": b"a.",
    "no end": b"]",
    "not a pickle": b"hello world",
    "empty": b"",
    "text": b"\xef\xbb\xbf# a comment\n",
    "truncated": pickle.dumps(data())[:-40],
    "truncated gzip": gzip.compress(pickle.dumps(data()))[:-30],
    "truncated xz": lzma.compress(pickle.dumps(data()))[:-30],
    "joblib without its data": JOBLIB[: JOBLIB.index(b"\x95\x53") - 20],
}


def sparse(**change: Any) -> bytes:
    matrix = scipy.sparse.csc_matrix(np.eye(3))
    matrix.__dict__.update(change)
    return pickle.dumps(matrix)


EVIL |= {
    "sparse of impossible size": sparse(_shape=(1 << 30, 1 << 30)),
    "sparse of negative size": sparse(_shape=(-3, 3)),
    "sparse without size": sparse(_shape=None),
    "sparse with rows out of range": sparse(indices=np.array([0, 1, 9])),
    "sparse with negative rows": sparse(indices=np.array([0, -1, 2])),
    "sparse with gaps": sparse(indptr=np.array([0, 5, 1, 3])),
    "sparse without end": sparse(indptr=np.array([0, 1, 2, 1 << 40])),
    "sparse short": sparse(data=np.array([1.0])),
}


def dtype_trick(code: str, raw: bytes, shape: str) -> bytes:
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n("
        + shape.encode() + b"tcnumpy\ndtype\n(S'" + code.encode()
        + b"'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'" + raw + b"'\ntb."
    )


EVIL |= {
    "array longer than its data": dtype_trick("<f8", b"12345678", "I2\n"),
    "array shorter than its data": dtype_trick("<f8", b"12345678" * 2, "I1\n"),
    "array of negative size": dtype_trick("<f8", b"12345678", "I-1\n"),
    "array of huge size": dtype_trick("<f8", b"12345678", "I9999999999999\nI999999999999\n"),
    "array of unknown type": dtype_trick("q(2", b"12345678", "I1\n"),
    "array of pointers": dtype_trick("P", b"12345678", "I1\n"),
    "objects from bytes": dtype_trick("O8", b"12345678", "I1\n"),
}


def npy(array: Any, allow_pickle: bool = True) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asanyarray(array), allow_pickle=allow_pickle)
    return stream.getvalue()


def archive(path: Path, method: int = zipfile.ZIP_STORED, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in entries.items():
            file.writestr(name + ".npy", content)
    return path


def header(text: str) -> bytes:
    raw = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(raw)) + raw


BAD_NPY = {
    "no magic": b"hello",
    "empty": b"",
    "only magic": b"\x93NUMPY\x01\x00",
    "future version": b"\x93NUMPY\x09\x00" + npy(np.arange(3))[8:],
    "truncated": npy(np.arange(100))[:-8],
    "more than there is": header("{'descr': '<f8', 'fortran_order': False, 'shape': (9999,), }"),
    "huge": header("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }"),
    "negative": header("{'descr': '<f8', 'fortran_order': False, 'shape': (-3,), }") + b"\0" * 24,
    "negative twice": header("{'descr': '<f8', 'fortran_order': False, 'shape': (-3, -1), }"),
    "no shape": header("{'descr': '<f8', 'fortran_order': False}"),
    "shape of text": header("{'descr': '<f8', 'fortran_order': False, 'shape': ('a',), }"),
    "code for a header": header("__import__('os').system('touch pwned')"),
    "header of brackets": header("(" * 5000),
    "structured": npy(np.zeros(2, dtype=[("a", "f4")])),
    "dates": npy(np.zeros(2, dtype="M8[s]")),
    "void": npy(np.zeros(2, dtype="V3")),
    "sub-array": header("{'descr': ('<f8', (3,)), 'fortran_order': False, 'shape': (1,), }"),
    "code": npy(array_of_objects(None))[:-20],
}
