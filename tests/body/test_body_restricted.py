"""Files that could hold code: read as data, or refused, and never run."""

from __future__ import annotations

import base64
import bz2
import collections
import datetime
import gzip
import io
import lzma
import os
import pickle
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import model_files
import numpy as np
import pytest
import scipy.sparse

from muybridge.body import load_body
from muybridge.body.restricted import load_arrays, load_npz, loads_pickle
from muybridge.errors import InputError

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


def check(read: dict[str, Any]) -> None:
    for name, value in data().items():
        if name == "objects":
            assert isinstance(read[name], list) and read[name][1:] == ["b", None]
            assert np.array_equal(read[name][0], [0, 1])
        elif isinstance(value, np.ndarray):
            assert np.array_equal(read[name], value) and read[name].dtype == value.dtype, name
            assert read[name].shape == value.shape
        elif isinstance(value, set):
            assert sorted(read[name]) == sorted(value)
        else:
            assert read[name] == value, name


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "data.pkl"
    path.write_bytes(pickle.dumps(data(), protocol))
    check(load_arrays(path))


@pytest.mark.parametrize(
    "pack", [bytes, zlib.compress, gzip.compress, bz2.compress, lzma.compress,
             lambda b: lzma.compress(b, lzma.FORMAT_ALONE)],
)
def test_compressed_pickles_and_joblib_dumps(pack: Callable[[bytes], bytes]) -> None:
    check(loads_pickle(pack(pickle.dumps(data(), 4))))
    read = loads_pickle(pack(JOBLIB))
    assert np.array_equal(read["pose"], np.arange(6).reshape(2, 3))
    assert read["pose"].dtype == np.float32
    assert np.array_equal(read["fortran"], np.arange(6).reshape(2, 3))
    assert read["name"] == "walk" and read["more"][0].tolist() == [True, False]
    assert read["more"][1] == 2.5


def test_python_2_pickles() -> None:
    """The opcodes and names that Python 2 wrote: strings for bytes, ``copy_reg``."""
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\np0\n(cnumpy\nndarray\np1\n(I0\ntp2\nS'b'\np3\ntp4\n"
        b"Rp5\n(I1\n(I2\ntp6\ncnumpy\ndtype\np7\n(S'<i2'\np8\nI0\nI1\ntp9\nRp10\n(I3\nS'<'\np11\n"
        b"NNNI-1\nI-1\nI0\ntp12\nbI00\nS'\\x01\\x00\\xff\\x00'\np13\ntp14\nb."
    )
    assert loads_pickle(array).tolist() == [1, 255]
    wrapped = (
        b"ccopy_reg\n_reconstructor\n(cchumpy.ch\nCh\nc__builtin__\nobject\nNtR(dS'x'\nI7\nsb."
    )
    assert loads_pickle(wrapped) == 7


@pytest.mark.parametrize("kind", [scipy.sparse.csc_matrix, scipy.sparse.csr_matrix,
                                  scipy.sparse.csc_array, scipy.sparse.csr_array])
def test_sparse_matrices_come_out_dense(kind: Any) -> None:
    dense = np.array([[0, 2.5, 0], [1, 0, 0]])
    assert np.array_equal(loads_pickle(pickle.dumps(kind(dense))), dense)


def test_chumpy_comes_out_as_arrays() -> None:
    with model_files.chumpy() as (Ch, Select):
        inner = Ch(x=np.arange(12.0).reshape(3, 4), _dirty_vars=set())
        chosen = Select(a=inner, idxs=np.array([1, 2, 5, 6]), preferred_shape=(2, 2))
        raw = pickle.dumps({"inner": inner, "chosen": chosen}, 2)
    read = loads_pickle(raw)
    assert np.array_equal(read["inner"], np.arange(12.0).reshape(3, 4))
    assert read["chosen"].tolist() == [[1, 2], [5, 6]]


def test_shared_parts_are_read_once() -> None:
    """Thirty lists, each twice in the next: 2**30 elements if they were copied."""
    value: Any = [np.arange(3)]
    for _ in range(30):
        value = [value, value]
    read = loads_pickle(pickle.dumps(value))
    assert read[0] is read[1]


# ------------------------------------------------------------------ what must never run


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


@pytest.mark.parametrize("case", EVIL)
def test_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "evil.pkl"
    path.write_bytes(EVIL[case])
    with pytest.raises(InputError) as caught:
        load_arrays(path)
    assert caught.value.source == str(path) and len(str(caught.value)) < 400
    assert caught.value.problem and caught.value.remedy
    with pytest.raises(InputError):
        load_body(path)
    assert os.listdir(tmp_path) == ["in"], "it ran"


def test_the_tricks_would_work_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cases above are no straw men: pickle itself runs them."""
    monkeypatch.chdir(tmp_path)
    for case in ("os.system", "deep in containers", "instance opcode", "object opcode", "open"):
        pickle.loads(EVIL[case])
        assert os.path.exists("pwned"), case
        os.remove("pwned")


@pytest.mark.parametrize(
    "bomb",
    [
        gzip.compress(b"\0" * (300 << 20), 1),
        bz2.compress(b"\0" * (300 << 20), 1),
        zlib.compress(b"\0" * (300 << 20), 1),
    ],
    ids=["gzip", "bz2", "zlib"],
)
def test_decompression_bombs(bomb: bytes) -> None:
    assert len(bomb) < 2 << 20
    with pytest.raises(InputError, match="more than 256 MiB"):
        loads_pickle(bomb)


def test_an_xz_that_asks_for_too_much_memory() -> None:
    encoder = lzma.LZMACompressor(filters=[{"id": lzma.FILTER_LZMA2, "preset": 0}])
    small = bytearray(encoder.compress(pickle.dumps(data())) + encoder.flush())
    small[16] = 38  # the dictionary size in the block header: 2 GiB
    small[20:24] = struct.pack("<I", zlib.crc32(bytes(small[12:20])))
    with pytest.raises(lzma.LZMAError, match="limit"):
        lzma.LZMADecompressor(memlimit=256 << 20).decompress(bytes(small))
    with pytest.raises(InputError, match="damaged"):
        loads_pickle(bytes(small))


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


@pytest.mark.parametrize("case", BAD_NPY)
def test_bad_entries_of_an_npz(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = archive(tmp_path / "bad.npz", good=npy(np.arange(3)), bad=BAD_NPY[case])
    with pytest.raises(InputError) as caught:
        load_arrays(path)
    assert str(path) in str(caught.value)
    assert os.listdir(tmp_path) == ["bad.npz"]


def test_objects_in_an_npz_are_data_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    good = array_of_objects({"a": np.arange(3)})
    read = load_npz(archive(tmp_path / "good.npz", x=npy(good), y=npy(np.arange(2))))
    assert read["x"][0] is None and np.array_equal(read["x"][1]["a"], [0, 1, 2])
    evil = archive(tmp_path / "evil.npz", x=npy(array_of_objects(Evil(os.system, TOUCH))))
    with pytest.raises(InputError, match="system, which muybridge does not load"):
        load_arrays(evil)
    assert not os.path.exists("pwned")


def test_bad_archives(tmp_path: Path) -> None:
    bomb = archive(tmp_path / "bomb.npz", zipfile.ZIP_DEFLATED, x=b"\0" * (300 << 20))
    assert bomb.stat().st_size < 2 << 20
    with pytest.raises(InputError, match="too much for its size"):
        load_npz(bomb)
    with pytest.raises(InputError, match="a way that numpy does not use"):
        load_npz(archive(tmp_path / "lzma.npz", zipfile.ZIP_LZMA, x=npy(np.arange(3))))
    many = {f"a{i}": b"" for i in range(10_001)}
    with pytest.raises(InputError, match="10001 entries"):
        load_npz(archive(tmp_path / "many.npz", **many))
    whole = archive(tmp_path / "whole.npz", x=npy(np.arange(300))).read_bytes()
    for size in (4, 30, len(whole) // 2, len(whole) - 4):
        (tmp_path / "cut.npz").write_bytes(whole[:size])
        with pytest.raises(InputError, match="damaged"):
            load_arrays(tmp_path / "cut.npz")
    lying = bytearray(whole)
    lying[60:64] = b"\xff\xff\xff\xff"  # content that fails its checksum
    (tmp_path / "lying.npz").write_bytes(lying)
    with pytest.raises(InputError):
        load_arrays(tmp_path / "lying.npz")
    with pytest.raises(InputError, match="missing"):
        load_body(archive(tmp_path / "empty.npz"))


def test_an_archive_that_lies_about_its_size(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", zipfile.ZIP_DEFLATED, x=b"\0" * (1 << 20))
    raw = bytearray(path.read_bytes())
    for place in (raw.index(b"PK\x03\x04") + 22, raw.index(b"PK\x01\x02") + 24):
        raw[place : place + 4] = struct.pack("<I", 10)
    path.write_bytes(raw)
    with pytest.raises(InputError):
        load_npz(path)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    for path, text in (
        (tmp_path / "none.npz", "no such file"),
        (tmp_path, "is a folder"),
        (Path("/dev/zero"), "no ordinary file"),
        (tmp_path / ("x" * 5000), "can't be opened|no such file"),
        (Path("nul\0byte.npz"), "can't be opened|no such file"),
    ):
        for reader in (load_arrays, load_npz):
            with pytest.raises(InputError, match=text):
                reader(path)


@pytest.mark.parametrize("value", [[1, 2], "text", 3, None, np.arange(3), (1,)])
def test_the_top_level_is_a_dictionary(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(value))
    with pytest.raises(InputError, match="not a dictionary"):
        load_arrays(path)


# ------------------------------------------------------------------ mutations

PLAIN = (bool, int, float, complex, str, bytes, np.ndarray, np.generic, type(None))


def is_data(value: Any) -> bool:
    if isinstance(value, dict):
        return type(value) is dict and all(is_data(k) and is_data(v) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return type(value) in (list, tuple) and all(map(is_data, value))
    return isinstance(value, PLAIN) and not (
        isinstance(value, np.ndarray) and value.dtype.hasobject
    )


def seeds(folder: Path) -> list[bytes]:
    small = model_files.model("smpl", vertices=24, betas=2)
    zipped = archive(folder / "s.npz", a=npy(np.arange(3)), b=npy(array_of_objects({"x": 1})))
    return [
        *(pickle.dumps(data(), p) for p in range(pickle.HIGHEST_PROTOCOL + 1)),
        JOBLIB,
        pickle.dumps({"J": scipy.sparse.csc_matrix(np.eye(3))}, 2),
        model_files.write_pickle(folder / "s.pkl", small).read_bytes()[-3000:],
        pickle.dumps({"e": Evil(os.system, "touch pwned")}),
        zipped.read_bytes(),
    ]


def mutate(raw: bytes, chance: random.Random) -> bytes:
    out = bytearray(raw)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        if not out:
            break
        at = chance.randrange(len(out))
        kind = chance.randrange(6)
        if kind == 0:
            out[at] = chance.randrange(256)
        elif kind == 1:
            out[at] ^= 1 << chance.randrange(8)
        elif kind == 2:
            del out[at : at + chance.randrange(1, 9)]
        elif kind == 3:
            out[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9)))
        elif kind == 4:
            other = chance.randrange(len(out))
            out[at:at] = out[other : other + chance.randrange(1, 40)]
        else:
            del out[at:]
    return bytes(out)


def test_mutated_files_are_data_or_an_input_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chance = random.Random(2026)
    starts = seeds(tmp_path)
    path = tmp_path / "mutant"
    read = refused = 0
    for _ in range(2200):
        path.write_bytes(mutate(chance.choice(starts), chance))
        try:
            value = load_arrays(path)
        except InputError:
            refused += 1
        else:
            assert is_data(value)
            read += 1
    assert not os.path.exists("pwned")
    assert read > 50 and refused > 1000


def test_mutated_model_files(tmp_path: Path) -> None:
    """Changed bytes in a body model: the body, or an InputError."""
    arrays = model_files.model("smpl", vertices=24, betas=2)
    raw = model_files.write_npz(tmp_path / "m.npz", arrays).read_bytes()
    pickled = model_files.write_pickle(tmp_path / "m.pkl", arrays).read_bytes()
    chance = random.Random(7)
    refused = 0
    for i in range(300):
        path = tmp_path / ("x.npz" if i % 2 else "x.pkl")
        path.write_bytes(mutate(raw if i % 2 else pickled, chance))
        try:
            load_body(path)
        except InputError:
            refused += 1
    assert refused > 150
