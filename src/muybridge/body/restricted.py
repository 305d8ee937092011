"""Reads arrays out of files that could hold code: ``.npz``, pickles, joblib dumps.

Body models and tracker results are still handed around as pickles. Unpickling
runs whatever the file says, so nothing here does: :mod:`muybridge.body.unpickle`
interprets the format and builds data only. Compressed files are undone up to a
bound, so that a small file can't fill the memory.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from muybridge.body.unpickle import Refused, load_plain
from muybridge.errors import InputError

MAX_BYTES = 2 << 30
"""Largest decompressed content that is read, bytes."""
_FREE_BYTES = 256 << 20
"""Up to here any ratio of compression is believed; beyond, a hundredfold at most."""
_MAX_ENTRIES = 10_000


def _bound(size: int) -> int:
    """Largest content that a compressed file of ``size`` bytes may have."""
    return min(MAX_BYTES, max(_FREE_BYTES, 100 * size))


def _inflate(data: bytes) -> bytes:
    """Undoes the compressions that joblib knows, up to :func:`_bound`."""
    limit = _bound(len(data))
    openers: list[tuple[bytes, Callable[[io.BytesIO], Any]]] = [
        (b"\x1f\x8b", lambda b: gzip.GzipFile(fileobj=b)),
        (b"BZh", bz2.BZ2File),
    ]
    out: bytes
    if data[:1] == b"\x78" and data[1:2] in (b"\x01", b"\x5e", b"\x9c", b"\xda", b"\x3f"):
        out = _whole(zlib.decompressobj(), data, limit)
    elif data.startswith((b"\xfd7zXZ", b"\x5d\x00")):
        out = _whole(lzma.LZMADecompressor(memlimit=256 << 20), data, limit)
    else:
        opener = next((o for magic, o in openers if data.startswith(magic)), None)
        if opener is None:
            return data
        out = opener(io.BytesIO(data)).read(limit + 1)
    if len(out) > limit:
        raise Refused(f"more than {limit >> 20} MiB in {len(data)} compressed bytes")
    return out


def _whole(decompressor: Any, data: bytes, limit: int) -> bytes:
    out: bytes = decompressor.decompress(data, limit + 1)
    if not decompressor.eof and len(out) <= limit:
        raise EOFError
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
        return load_plain(_inflate(data))
    except Refused as refused:
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
    source = _regular(path)
    arrays: dict[str, Any] = {}
    try:
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
            total = sum(max(entry.file_size, 0) for entry in entries)
            if total > _bound(source.stat().st_size):
                raise InputError(
                    source, "", f"holds {total >> 20} MiB, too much for its size",
                    "save it again with numpy.savez",
                )
            if len(entries) > _MAX_ENTRIES:
                raise InputError(source, "", f"holds {len(entries)} entries", "give a smaller file")
            for entry in entries:
                if entry.filename.endswith(".npy"):
                    name = entry.filename[:-4]
                    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                        raise InputError(
                            source, name, "is compressed in a way that numpy does not use",
                            "save it again with numpy.savez",
                        )
                    with archive.open(entry) as member:
                        raw = member.read(entry.file_size + 1)
                    arrays[name] = _read_npy(raw, source, name)
    except InputError:
        raise
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
    if dtype.kind not in "biufcSU" or dtype.subdtype is not None:
        raise InputError(
            source, name, f"has the type {str(dtype)[:60]}", "save plain numbers or strings"
        )
    count = dtype.itemsize
    for size in shape:
        count *= size
    if any(size < 0 for size in shape) or count > len(raw):
        raise InputError(source, name, "ends before its data", "export the file again")
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)


def _regular(path: str | PathLike[str]) -> Path:
    """The path, if a file that can be read to its end lies there."""
    source = Path(path)
    try:
        if source.is_file():
            return source
        folder, there = source.is_dir(), source.exists()
    except (OSError, ValueError) as error:
        raise InputError(
            str(source)[:200], "", f"can't be opened ({error})", "check the path"
        ) from None
    if folder:
        raise InputError(source, "", "is a folder", "give a file")
    if there:
        raise InputError(source, "", "is no ordinary file", "give a file on disk")
    raise InputError(source, "", "there is no such file", "check the path")


def load_arrays(path: str | PathLike[str]) -> dict[str, Any]:
    """The top-level dictionary of an ``.npz`` or pickle: arrays, numbers, strings.

    Raises:
        InputError: the file is missing, damaged, holds code, or is no dictionary.
    """
    source = _regular(path)
    try:
        with source.open("rb") as file:
            head = file.read(4)
            if head.startswith(b"PK"):
                return load_npz(source)
            if source.stat().st_size > MAX_BYTES:
                raise InputError(source, "", "is larger than 2 GiB", "give a smaller file")
            data = head + file.read()
    except OSError as error:
        raise InputError(
            source, "", f"can't be read ({error.strerror})", "check its permissions"
        ) from None
    value = loads_pickle(data, source)
    if not isinstance(value, dict):
        raise InputError(
            source, "", f"holds a {type(value).__name__}, not a dictionary",
            "give a file whose top level names its arrays",
        )
    return value
