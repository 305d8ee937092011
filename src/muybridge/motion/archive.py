"""Reading `.npz` files of strangers: nothing is run, nothing huge is unpacked.

Every member's declared shape is checked before its bytes are read, and no more
bytes than the shape needs are ever unpacked, so a zip bomb costs nothing.
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from muybridge.errors import InputError

MAX_FILE_BYTES = 1 << 30
"""Larger files are refused."""
MAX_ARRAY_BYTES = 1 << 29
"""Larger arrays are refused."""
MAX_MEMBERS = 1000
MAX_PICKLE_BYTES = 1 << 24


def read_bytes(path: str | PathLike[str], limit: int = MAX_FILE_BYTES) -> bytes:
    """A file's bytes.

    Raises:
        InputError: it is missing, a folder, unreadable, empty or larger than ``limit``.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(path, "", "is a folder", "give a file")
        size = path.stat().st_size
        if size == 0:
            raise InputError(path, "", "is empty", "export the file again")
        if size > limit:
            raise InputError(
                path, "", f"is {size / 1e6:.0f} MB large", f"give at most {limit / 1e6:.0f} MB"
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(path, "", "does not exist", "check the path") from None
    except OSError as error:
        raise InputError(
            path, "", f"can't be read ({error.strerror or error})", "check path and rights"
        ) from None
    except ValueError as error:  # A path with a NUL character.
        raise InputError(str(path), "", f"is no path ({error})", "check the path") from None


def read_npz(
    path: str | PathLike[str], data: bytes, wanted: Collection[str]
) -> dict[str, np.ndarray]:
    """The wanted members of an ``.npz``; members that are absent are left out.

    Args:
        path: what to call the file in errors.
        data: its bytes.
        wanted: names of the arrays to read; others are not touched.

    Raises:
        InputError: not a zip, damaged, or a member that is too large or no plain array.
    """
    out: dict[str, np.ndarray] = {}
    field = ""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise InputError(path, "", f"holds {len(members)} arrays", "is this a motion?")
            for member in members:
                field = member.filename.removesuffix(".npy")
                if field in wanted and member.filename.endswith(".npy"):
                    with archive.open(member) as stream:
                        out[field] = _read_npy(path, field, stream)
    except InputError:
        raise
    except Exception as error:  # zipfile, its decompressors and numpy raise what they meet.
        raise InputError(
            path, field, f"is damaged ({type(error).__name__}: {error})", "export the file again"
        ) from None
    return out


def member_names(data: bytes) -> tuple[str, ...]:
    """Names in a zip; empty where it is none."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return tuple(archive.namelist())
    except (
        zipfile.BadZipFile,
        ValueError,
        OSError,
        RuntimeError,
        NotImplementedError,
        UnicodeError,
    ):
        return ()


def _read_npy(path: str | PathLike[str], field: str, stream: Any) -> np.ndarray:
    """One ``.npy`` from a stream, its size checked before it is read."""
    version = np.lib.format.read_magic(stream)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        raise InputError(path, field, f"is of array format {version}", "save it with numpy again")
    shape, fortran, dtype = read_header(stream, max_header_size=10_000)
    if dtype.hasobject:
        return _object_array(path, field, stream, shape)
    if dtype.kind not in "fiubSU" or dtype.itemsize > 4096:
        raise InputError(path, field, f"holds {dtype}", "save plain numbers or text")
    count = 1
    for n in shape:
        if not isinstance(n, int) or n < 0:
            raise InputError(path, field, f"has the shape {shape}", "export the file again")
        count *= n
    size = count * dtype.itemsize
    if size > MAX_ARRAY_BYTES:
        raise InputError(
            path,
            field,
            f"would take {size / 1e6:.0f} MB of memory",
            f"keep every array below {MAX_ARRAY_BYTES / 1e6:.0f} MB",
        )
    if count == 0:
        return np.zeros(shape, dtype)
    raw = stream.read(size)
    if len(raw) != size:
        raise InputError(path, field, "is cut short", "copy or export the file again")
    if dtype.kind == "U" and int(np.frombuffer(raw, dtype.byteorder + "u4").max()) > 0x10FFFF:
        raise InputError(path, field, "is damaged text", "export the file again")
    flat = np.frombuffer(raw, dtype=dtype, count=count)
    return flat.reshape(shape, order="F" if fortran else "C")


def _object_array(
    path: str | PathLike[str], field: str, stream: Any, shape: tuple[int, ...]
) -> np.ndarray:
    """An array stored as a pickle: read by the restricted reader, which runs nothing."""
    raw = stream.read(MAX_PICKLE_BYTES + 1)
    if len(raw) > MAX_PICKLE_BYTES:
        raise InputError(path, field, "is a large pickle", "save plain arrays")
    value = unpickle(path, field, raw)
    try:
        array = np.array(value.tolist() if isinstance(value, np.ndarray) else value)
        return array.reshape(shape) if array.size == np.prod(shape) else array
    except (ValueError, TypeError):
        raise InputError(path, field, "is no array of numbers", "save plain arrays") from None


def unpickle(path: str | PathLike[str], field: str, raw: bytes) -> Any:
    """Containers, numbers, text and arrays from a pickle; nothing else, nothing run.

    Raises:
        InputError: the pickle is damaged or holds anything else.
    """
    from muybridge.body.restricted import loads_pickle

    try:
        return loads_pickle(raw)
    except InputError as error:
        raise InputError(path, field or error.field, error.problem, error.remedy) from None
    except RecursionError:
        raise InputError(path, field, "is nested too deep", "save plain arrays") from None
