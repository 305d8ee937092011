"""Files that could hold code: read as data, or refused, and never run."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import pickle
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
from hostile import BAD_NPY, EVIL, JOBLIB, TOUCH, Evil, archive, array_of_objects, data, npy

from muybridge.body import load_body
from muybridge.body.restricted import load_arrays, load_npz, loads_pickle
from muybridge.errors import InputError


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
