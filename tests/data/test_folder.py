"""Clip folders and shards give back what was written, and refuse what is damaged, in words."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import small_clips
from PIL import Image

from muybridge.data import (
    find_clips,
    iter_clips,
    iter_shards,
    read_clip,
    write_clip,
    write_shards,
)
from muybridge.data.pictures import encode
from muybridge.errors import InputError


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    return write_clip(small_clips.clip(), tmp_path_factory.mktemp("clips") / "a")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes()
            for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_folder_gives_the_clip_back(written):
    small_clips.same(small_clips.clip(), read_clip(written))
    part = read_clip(written).read([1], [2])
    assert (part.frames == small_clips.clip().read([1], [2]).frames).all()


def test_the_same_clip_makes_the_same_bytes(written, tmp_path):
    again = write_clip(small_clips.clip(), tmp_path / "b")
    assert contents(written) == contents(again)
    # and so does what was read
    third = write_clip(read_clip(written), tmp_path / "c")
    assert {k: v for k, v in contents(third).items() if "motion" not in k} == {
        k: v for k, v in contents(written).items() if "motion" not in k
    }


def test_a_clip_without_references_and_assets(tmp_path):
    bare = replace(small_clips.clip(), references={}, assets={})
    small_clips.same(bare, read_clip(write_clip(bare, tmp_path / "bare")))


def test_what_is_there_is_not_lost(written, tmp_path):
    with pytest.raises(InputError, match="is there already"):
        write_clip(small_clips.clip(), written)
    (tmp_path / "other").mkdir()
    with pytest.raises(InputError, match="is there already"):
        write_clip(small_clips.clip(), tmp_path / "other", replace_old=True)
    copy = tmp_path / "copy"
    shutil.copytree(written, copy)
    (copy / "extra").write_text("x")
    write_clip(small_clips.clip(), copy, replace_old=True)
    assert contents(copy) == contents(written)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy", "other"]  # nothing half done


def test_clips_are_found_in_order_and_unfinished_ones_passed_over(written, tmp_path):
    for name in ("p2/a", "p1/b", "p1/.half/c"):
        shutil.copytree(written, tmp_path / name)
    assert [c.relative_to(tmp_path).as_posix() for c in find_clips(tmp_path)] == ["p1/b", "p2/a"]
    assert len(list(iter_clips(tmp_path))) == 2
    with pytest.raises(InputError, match="holds no clip"):
        find_clips(tmp_path / "p1" / ".half" / "c" / "reference")


def edited(folder: Path, file: str = "person.json", **fields) -> None:
    path = folder / file
    data = json.loads(path.read_text())
    data.update(fields)
    path.write_text(json.dumps({k: v for k, v in data.items() if v is not ...}))


def cut(path: Path, keep: float = 0.6) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])


def small_png(path: Path, mode: str = "RGB") -> None:
    Image.new(mode, (48, 64)).save(path)


DAMAGE = {
    "no person.json": (lambda f: (f / "person.json").unlink(), "person.json: is missing"),
    "no frames": (lambda f: (f / "frames.mkv").unlink(), "frames.mkv: is missing"),
    "no cameras": (lambda f: (f / "cameras.json").unlink(), "cameras.json: is missing"),
    "frames cut off": (lambda f: cut(f / "frames.mkv"), "frames.mkv: "),
    "matte cut off": (lambda f: cut(f / "matte.mkv"), "matte.mkv: "),
    "frames empty": (lambda f: (f / "frames.mkv").write_bytes(b""), "frames.mkv: "),
    "frames no video": (lambda f: (f / "frames.mkv").write_bytes(b"x" * 999), "frames.mkv: "),
    "frames of another size": (
        lambda f: (f / "frames.mkv").write_bytes(encode(np.zeros((12, 32, 32, 3), np.uint8))),
        "size: is 32x32, not 48x64",
    ),
    "fewer frames": (
        lambda f: (f / "frames.mkv").write_bytes(encode(np.zeros((11, 64, 48, 3), np.uint8))),
        "frames: has 11, not 12",
    ),
    "motion cut off": (lambda f: cut(f / "motion.npz"), "motion.npz"),
    "motion a pickle": (lambda f: (f / "motion.npz").write_bytes(b"\x80\x04."), "motion.npz"),
    "no json": (lambda f: (f / "person.json").write_text("{"), "person.json: is no JSON"),
    "a list": (lambda f: (f / "person.json").write_text("[]"), "is no JSON object"),
    "another version": (lambda f: edited(f, muybridge_clip=9), "muybridge_clip: is not 1"),
    "no name": (lambda f: edited(f, name=...), "name: is missing"),
    "views 0": (lambda f: edited(f, views=0), "views: is '0'"),
    "views a text": (lambda f: edited(f, views="3"), "views: is '3'"),
    "views true": (lambda f: edited(f, views=True), "views: is 'True'"),
    "more views": (lambda f: edited(f, views=5), "cameras: are 3 x 4 for 5 x 4"),
    "huge": (lambda f: edited(f, width=10**9), "width: is '1000000000'"),
    "many": (lambda f: edited(f, frames=10**12), "frames: is '1000000000000'"),
    "path escape": (lambda f: edited(f, references=["../../x"]), "references: holds '../../x'"),
    "absolute": (lambda f: edited(f, assets=["/etc/passwd"]), "assets: holds '/etc/passwd'"),
    "unknown reference": (lambda f: edited(f, references=["front", "side"]), "side.png: is miss"),
    "unknown asset": (lambda f: edited(f, assets=["hat-front"]), "assets/hat-front.png: is miss"),
    "one reference": (lambda f: edited(f, references=["front"]), "2 cameras and 2 poses for 1"),
    "no shape": (lambda f: edited(f, shape=[1]), "shape: is missing or no table"),
    "odd shape": (lambda f: edited(f, shape={"beauty": 1}), "shape: is not that of a body"),
    "shape of text": (lambda f: edited(f, shape={"age": "old"}), "shape: is not that of a body"),
    "shape infinite": (lambda f: edited(f, shape={"age": float("inf")}), "shape: is not that"),
    "parameters": (lambda f: edited(f, parameters=3), "parameters: is missing or no table"),
    "reference cut off": (lambda f: cut(f / "reference/front.png"), "front.png: is no whole PNG"),
    "reference grey": (lambda f: small_png(f / "reference/front.png", "L"), "is L of 48x64"),
    "reference larger": (
        lambda f: Image.new("RGBA", (99, 64)).save(f / "reference/front.png"),
        "reference front: and its camera",
    ),
    "cameras negative": (
        lambda f: edited(f, "cameras.json", width=-4), "cameras.json: width",
    ),
    "cameras of one view": (
        lambda f: edited(f, "cameras.json", cameras=[
            json.loads((f / "cameras.json").read_text())["cameras"][0]
        ]), "cameras: are 1 x 4",
    ),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damaged_folders(case, written, tmp_path):
    folder = tmp_path / "clip"
    shutil.copytree(written, folder)
    damage, words = DAMAGE[case]
    damage(folder)
    with pytest.raises(InputError) as told:
        read_clip(folder).raw()
    assert words in str(told.value), str(told.value)


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match="is no folder"):
        read_clip(tmp_path / "nothing")


def test_shards_give_the_same_records_and_the_same_bytes(written, tmp_path):
    folders = [written, written, written]
    names = ["one", "two", "three"]
    made = write_shards(folders, tmp_path / "s", names, "train", clips_per_shard=2)
    assert [p.name for p in made] == ["train-00000.tar", "train-00001.tar"]
    clips = list(iter_shards(made))
    assert len(clips) == 3
    for clip in clips:
        small_clips.same(read_clip(written), clip)
    again = write_shards(folders, tmp_path / "t", names, "train", clips_per_shard=2)
    assert [p.read_bytes() for p in made] == [p.read_bytes() for p in again]


def test_shards_are_what_webdataset_reads(written, tmp_path):
    import webdataset

    (made,) = write_shards([written], tmp_path, ["me"])
    (sample,) = list(webdataset.WebDataset(str(made), shardshuffle=False))
    assert sample["__key__"] == "me"
    assert sample["frames.mkv"] == (written / "frames.mkv").read_bytes()
    assert sample["reference.front.png"] == (written / "reference/front.png").read_bytes()


@pytest.mark.parametrize("names", [["a.b"], [""], ["a/b"], ["_a"], ["a", "a"]])
def test_names_that_shards_cannot_hold(names, written, tmp_path):
    with pytest.raises(InputError, match="can't be used"):
        write_shards([written] * len(names), tmp_path, names)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("case", ["missing", "no tar", "gzip", "cut", "cut between", "no member",
                                  "twice"])
def test_damaged_shards(case, written, tmp_path):
    (path,) = write_shards([written], tmp_path / "s")
    data = path.read_bytes()
    if case == "missing":
        path.unlink()
    elif case == "no tar":
        path.write_bytes(b"hello" * 500)
    elif case == "gzip":
        import gzip

        path.write_bytes(gzip.compress(data))
    elif case == "cut":
        path.write_bytes(data[: len(data) // 2 + 7])
    elif case == "cut between":
        path.write_bytes(data[: 512 * 3])
    else:
        with tarfile.open(path) as tar:
            members = [(m, tar.extractfile(m).read()) for m in tar.getmembers()]
        kept = [m for m in members if "frames" not in m[0].name]
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            for member, content in kept if case == "no member" else members + members[:1]:
                tar.addfile(member, io.BytesIO(content))
    with pytest.raises(InputError) as told:
        list(iter_shards([path]))
    assert os.path.basename(str(path)) in str(told.value)
