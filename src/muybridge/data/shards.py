"""WebDataset shards of clip folders: tar files whose samples are clips.

A sample holds a clip folder's files under the same bytes; ``reference/front.png`` becomes
``NAME.reference.front.png``. Tars are the same to the last bit for the same folders.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from muybridge.data import members
from muybridge.data.folder import files_in
from muybridge.data.record import Clip
from muybridge.errors import InputError
from muybridge.video.atomic import replacing

NAME = "{prefix}-{number:05d}.tar"


def write_shards(
    folders: Sequence[str | PathLike[str]],
    out: str | PathLike[str],
    names: Sequence[str] | None = None,
    prefix: str = "clips",
    clips_per_shard: int = 256,
) -> list[Path]:
    """Packs clip folders, in the order given, into numbered tars.

    Args:
        folders: of clips.
        out: the folder for the tars; each appears whole or not at all.
        names: of the samples, without dots; by default those of the folders.
        prefix: of the tars' names.
        clips_per_shard: at most so many in each.

    Raises:
        InputError: no clip, a name twice or with a dot, or ``webdataset`` is not installed.
    """
    keys = [Path(f).name for f in folders] if names is None else list(names)
    if not keys or len(keys) != len(folders) or clips_per_shard < 1:
        raise InputError("shards", "", f"{len(folders)} clips", "give at least one")
    wrong = [k for k in keys if not k or "." in k or "/" in k or k.startswith("_")]
    if wrong or len(set(keys)) < len(keys):
        raise InputError("shards", "names", f"{(wrong or keys)[0]!r} can't be used, or is there "
                         "twice", "give each clip a name of its own without dots")
    out = Path(out)
    made = []
    for number, first in enumerate(range(0, len(keys), clips_per_shard)):
        path = out / NAME.format(prefix=prefix, number=number)
        with replacing(path) as temporary, temporary.open("wb") as stream:
            # fixed owner, rights and time: nothing in a tar depends on who writes it, or when
            writer = _library().TarWriter(stream, user="people", group="people", mtime=0)
            with writer:
                for folder, key in list(zip(folders, keys, strict=True))[
                    first : first + clips_per_shard
                ]:
                    writer.write(_sample(Path(folder), key))
        made.append(path)
    return made


def _sample(folder: Path, key: str) -> dict[str, Any]:
    files = files_in(folder)
    missing = [name for name in members.FIXED if name not in files]
    if missing:
        raise InputError(folder, missing[0], "is missing", "write the clip again")
    return {"__key__": key, **{name.replace("/", "."): get() for name, get in files.items()}}


def _library() -> Any:
    try:
        import webdataset
    except ImportError:
        raise InputError(
            "shards", "", "need the package webdataset", "install muybridge[train]"
        ) from None
    return webdataset


def iter_shards(shards: Sequence[str | PathLike[str]]) -> Iterator[Clip]:
    """The clips of tars, one after the other; the same records that the folders give.

    Videos are decoded when pictures are asked for; a clip keeps its own files' bytes.

    Raises:
        InputError: a tar is missing, compressed, cut off, or a clip in it is damaged.
    """
    _library()
    from webdataset.tariterators import group_by_keys, tar_file_iterator

    for shard in map(Path, shards):
        _check(shard)
        with shard.open("rb") as stream:
            try:
                found = ({**f, "__url__": str(shard)} for f in tar_file_iterator(stream))
                for sample in group_by_keys(found):
                    yield _clip(shard, sample)
            except (tarfile.TarError, ValueError, EOFError, OSError) as error:
                if isinstance(error, InputError):
                    raise
                # the library appends names to what went wrong; its first words are enough
                text = " ".join(str(error.args[0] if error.args else error).split())[:100]
                raise InputError(shard, "", f"is damaged ({text})", "pack it again") from None


def _check(shard: Path) -> None:
    """A plain tar, so that what is read is not larger than the file."""
    try:
        with shard.open("rb") as stream:
            head = stream.read(512)
            size = stream.seek(0, 2)
            stream.seek(max(0, size - 1024))
            whole = size % 512 == 0 and not any(stream.read())
    except OSError as error:
        raise InputError(shard, "", f"can't be read ({error.strerror})", "check the path") from None
    if head[257:262] != b"ustar":
        raise InputError(shard, "", "is no plain tar", "give a shard that muybridge wrote")
    if not whole:
        raise InputError(shard, "", "is cut off", "copy or pack it again")


def _clip(shard: Path, sample: dict[str, Any]) -> Clip:
    files: dict[str, _Held] = {}
    for name, data in sample.items():
        if name.startswith("__"):
            continue
        for inner in members.FOLDERS:
            if name.startswith(inner + "."):
                name = f"{inner}/{name[len(inner) + 1:]}"
        files[name] = _Held(bytes(data))
    return members.read_members(f"{shard}:{sample['__key__']}", files)


class _Held:
    """Bytes that are there already."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __call__(self) -> bytes:
        return self._data
