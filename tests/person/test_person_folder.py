"""A person's folder: written whole, read back exactly, and refused where it is damaged."""

from __future__ import annotations

import json
import random
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch

from muybridge.body import Shape
from muybridge.errors import InputError
from muybridge.motion import Motion, load_motion, retarget
from muybridge.person import Person
from muybridge.person.person import Photo
from muybridge.video import write_image

FIELDS = ("K", "T_cam_world", "R_parent_joint", "root_position", "drape")


@pytest.fixture(scope="module")
def whole(painted) -> Person:
    """A person with everything that can be saved."""
    seed = np.random.default_rng(3)
    count = len(painted.offsets)

    def photo(name: str, height: int, width: int) -> Photo:
        alpha = seed.integers(0, 256, (height, width)).astype(np.float32) / np.float32(255)
        R = torch.linalg.qr(torch.from_numpy(seed.normal(size=(55, 3, 3))))[0].float()
        R = R * torch.linalg.det(R)[:, None, None]
        T = torch.eye(4)
        T[:3, 3] = torch.tensor([0.1, -0.2, 2.5])
        drape = torch.from_numpy(seed.normal(size=(count, 3)) * 0.001).float()
        K = torch.tensor([[90.0, 0, width / 2], [0, 90.0, height / 2], [0, 0, 1]])
        image = seed.integers(0, 256, (height, width, 3)).astype(np.uint8)
        return Photo(name, image, alpha, K, T, R, torch.tensor([0.0, 0.9, 0.1]), drape)

    offsets = torch.from_numpy(seed.normal(size=(count, 3)) * 0.003).float()
    return replace(
        painted, shape=Shape(gender=0.1, age=0.63, weight=0.71), offsets=offsets,
        texture=painted.texture[::4, ::4].copy(),
        photos=(photo("front", 48, 32), photo("back", 40, 30)),
        confidence={"front.matte": 0.98, "seen": 0.5}, warnings=("Ärmel \u2014 'unsure'",),
        notes=("front and back side by side",),
    )


@pytest.fixture(scope="module")
def pristine(whole, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "me"
    whole.save(folder)
    return folder


@pytest.fixture
def folder(pristine, tmp_path):
    copy = tmp_path / "me"
    shutil.copytree(pristine, copy)
    return copy


def test_the_round_trip_is_exact(whole, pristine):
    again = Person.load(pristine)
    assert again.shape == whole.shape and again.body == whole.body
    assert again.confidence == whole.confidence and again.warnings == whole.warnings
    assert again.notes == whole.notes
    assert torch.equal(again.offsets, whole.offsets)
    assert np.array_equal(again.texture, whole.texture)
    assert [p.name for p in again.photos] == ["front", "back"]
    for mine, theirs in zip(again.photos, whole.photos, strict=True):
        assert np.array_equal(mine.image, theirs.image)
        assert np.array_equal(mine.alpha, theirs.alpha)
        for name in FIELDS:
            assert torch.equal(getattr(mine, name), getattr(theirs, name)), name
    motion = retarget(load_motion("wave").slice(0, 3), whole.rest_joints)
    assert torch.equal(again.posed(motion).vertices, whole.posed(motion).vertices)
    assert np.array_equal(again.render_photo(0), whole.render_photo(0))


def test_saving_what_was_loaded_changes_no_byte_of_meaning(pristine, tmp_path):
    Person.load(pristine).save(tmp_path / "b")
    for name in sorted(p.name for p in pristine.iterdir()):
        if name.endswith(".npz"):
            with np.load(pristine / name) as a, np.load(tmp_path / "b" / name) as b:
                assert sorted(a.files) == sorted(b.files)
                assert all(np.array_equal(a[k], b[k]) for k in a.files)
        else:
            assert (pristine / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_a_person_replaces_a_person_and_nothing_else(painted, folder, tmp_path):
    painted.save(folder)  # two photos before, none now
    assert not list(folder.glob("*.photo.png")) and Person.load(folder).photos == ()
    (tmp_path / "empty").mkdir()
    painted.save(tmp_path / "empty")
    painted.save(tmp_path / "deep" / "er" / "me")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "empty", "me"]


@pytest.mark.parametrize("file", ["thesis.txt", "person.json"])
def test_foreign_folders_are_refused_and_left_alone(painted, tmp_path, file):
    thesis = tmp_path / "mine" / file
    thesis.parent.mkdir()
    thesis.write_text('{"name": "Jane", "friends": []}')
    with pytest.raises(InputError, match="holds something else"):
        painted.save(thesis.parent)
    with pytest.raises(InputError, match="holds something else"):
        painted.save(thesis)
    with pytest.raises(InputError):
        painted.save(thesis / "below")
    assert [p.name for p in tmp_path.rglob("*")] == ["mine", file]
    assert thesis.read_text() == '{"name": "Jane", "friends": []}'


def test_the_current_folder_can_be_named_by_a_dot(painted, folder, monkeypatch):
    monkeypatch.chdir(folder)
    painted.save(".")
    assert Person.load(folder).photos == ()


@pytest.mark.parametrize("moment", ["texture", "swap"])
def test_a_stop_while_saving_loses_nothing(painted, folder, monkeypatch, moment):
    import muybridge.person.person as module

    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def stop(*_args, **_more):
        raise KeyboardInterrupt

    replace_file = module.os.replace
    if moment == "texture":
        monkeypatch.setattr(module, "write_image", stop)
    else:
        monkeypatch.setattr(
            module.os, "replace",
            lambda a, b: stop() if str(a).endswith(".saving") else replace_file(a, b),
        )
    with pytest.raises(KeyboardInterrupt):
        painted.save(folder)
    monkeypatch.undo()
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert [p.name for p in folder.parent.iterdir()] == ["me"]


def record(**changes):
    """Changes fields of person.json; ``a__b`` is field b of a."""

    def apply(folder):
        path = folder / "person.json"
        data = json.loads(path.read_text())
        for name, value in changes.items():
            inner, _, key = name.rpartition("__")
            target = data[inner] if inner else data
            if value is ...:
                del target[key]
            else:
                target[key] = value
        path.write_text(json.dumps(data))

    return apply


def arrays(**changes):
    """Changes arrays of person.npz; ``a__b`` is the array a.b, a function changes it."""

    def apply(folder):
        path = folder / "person.npz"
        with np.load(path) as file:
            data = {k: file[k] for k in file.files}
        for name, value in changes.items():
            key = name.replace("__", ".")
            if value is ...:
                del data[key]
            else:
                data[key] = value(data[key].copy()) if callable(value) else value
        np.savez_compressed(path, **data)

    return apply


def text(name, value):
    return lambda folder: (folder / name).write_bytes(
        value if isinstance(value, bytes) else value.encode()
    )


def cut(name, share):
    def apply(folder):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(len(data) * share)])

    return apply


def gone(name):
    return lambda folder: (folder / name).unlink()


def as_folder(name):
    def apply(folder):
        (folder / name).unlink()
        (folder / name).mkdir()

    return apply


def put(index, value):
    def change(array):
        array[index] = value
        return array

    return change


def bomb(folder):
    with zipfile.ZipFile(folder / "person.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("offsets.npy", bytes(300 << 20))


def other_size(name):
    return lambda folder: write_image(folder / name, np.zeros((20, 20), np.uint8))


BAD = {
    "no record": gone("person.json"),
    "no arrays": gone("person.npz"),
    "no texture": gone("texture.png"),
    "no photo": gone("front.photo.png"),
    "no mask": gone("back.mask.png"),
    "record is a folder": as_folder("person.json"),
    "arrays are a folder": as_folder("person.npz"),
    "texture is a folder": as_folder("texture.png"),
    "empty record": text("person.json", ""),
    "empty arrays": text("person.npz", ""),
    "empty texture": text("texture.png", ""),
    "record cut off": cut("person.json", 0.6),
    "arrays cut off": cut("person.npz", 0.6),
    "arrays without directory": cut("person.npz", 0.99),
    "texture cut off": cut("texture.png", 0.5),
    "texture is no picture": text("texture.png", b"<svg xmlns='...'/>" * 9),
    "photo is no picture": text("back.photo.png", b"GIF89a" + b"\0" * 40),
    "record is no json": text("person.json", "format: muybridge person 1"),
    "record is not utf-8": text("person.json", b"\xff\xfe\x00{"),
    "record is a list": text("person.json", "[1, 2]"),
    "deep nesting": text("person.json", "[" * 200_000),
    "deep nesting inside": text("person.json", '{"format":' + '{"a":' * 100_000),
    "huge record": text("person.json", '{"format": "' + " " * (2 << 20) + '"}'),
    "digits without end": text("person.json", '{"format": ' + "9" * 20_000 + "}"),
    "unknown format": record(format="muybridge person 99"),
    "no format": record(format=...),
    "format is a list": record(format=["muybridge person 1"]),
    "no shape": record(shape=...),
    "shape is a list": record(shape=[0.5]),
    "shape is null": record(shape=None),
    "shape out of range": record(shape__age=1.5),
    "shape below range": record(shape__gender=-0.01),
    "shape is nan": record(shape__height=float("nan")),
    "shape in words": record(shape__height="tall"),
    "shape a number in words": record(shape__height="0.5"),
    "shape overflows": record(shape__height=10**400),
    "unknown shape": record(shape__wings=0.5),
    "betas in words": record(shape__betas="123"),
    "betas nan": record(shape__betas=[float("nan")]),
    "unknown body": record(body="gorilla"),
    "body is missing": record(body=...),
    "body is a number": record(body=7),
    "body file is missing": record(body="nowhere/SMPLX_NEUTRAL.npz"),
    "body is the arrays": lambda f: record(body=str(f / "person.npz"))(f),
    "body name without end": record(body="x" * 5000),
    "body name too long for a file": record(body="x" * 300),
    "body name with a null": record(body="a\0b.npz"),
    "photos escape": record(photos=["../../secret"]),
    "photos absolute": record(photos=["/etc/passwd"]),
    "photos unknown": record(photos=["side"]),
    "photos with a null": record(photos=["front\0"]),
    "photos twice": record(photos=["front", "front"]),
    "photos are a word": record(photos="front"),
    "photos are null": record(photos=None),
    "photos are numbers": record(photos=[1]),
    "confidence is a list": record(confidence=[0.5]),
    "confidence in words": record(confidence={"seen": "high"}),
    "confidence is nan": record(confidence={"seen": float("nan")}),
    "confidence overflows": record(confidence={"seen": 10**400}),
    "warnings are a word": record(warnings="careful"),
    "warnings are missing": record(warnings=...),
    "notes are a word": record(notes="side by side"),
    "arrays are text": text("person.npz", "offsets"),
    "arrays are a bomb": bomb,
    "no offsets": arrays(offsets=...),
    "offsets of another body": arrays(offsets=np.zeros((10475, 3), np.float32)),
    "offsets flat": arrays(offsets=np.zeros(13718 * 3, np.float32)),
    "offsets are a number": arrays(offsets=np.float32(0)),
    "offsets are words": arrays(offsets=np.full((13718, 3), "x")),
    "offsets are integers": arrays(offsets=np.zeros((13718, 3), np.int32)),
    "offsets are complex": arrays(offsets=np.zeros((13718, 3), np.complex64)),
    "offsets nan": arrays(offsets=put((7, 1), np.nan)),
    "offsets inf": arrays(offsets=put((7, 1), np.inf)),
    "offsets overflow": arrays(offsets=np.full((13718, 3), 1e300)),
    "offsets huge": arrays(offsets=put((7, 1), 1e4)),
    "no camera": arrays(front__K=...),
    "camera of two rows": arrays(front__K=np.eye(2, 3, dtype=np.float32)),
    "camera nan": arrays(front__K=put((0, 0), np.nan)),
    "camera singular": arrays(front__K=put((0, 0), 0.0)),
    "camera negative": arrays(back__K=put((1, 1), -90.0)),
    "extrinsics singular": arrays(front__T_cam_world=np.zeros((4, 4), np.float32)),
    "extrinsics scaled": arrays(front__T_cam_world=put((0, 0), 1.4)),
    "extrinsics mirrored": arrays(front__T_cam_world=put((0, 0), -1.0)),
    "extrinsics' last row": arrays(front__T_cam_world=put((3, 0), 0.5)),
    "pose of other joints": arrays(front__R_parent_joint=np.zeros((24, 3, 3), np.float32)),
    "pose is no rotation": arrays(back__R_parent_joint=put(3, 0.5)),
    "root nan": arrays(back__root_position=put(0, np.nan)),
    "drape of another body": arrays(back__drape=np.zeros((5, 3), np.float32)),
    "mask of another size": other_size("front.mask.png"),
}


@pytest.mark.parametrize("case", BAD)
def test_damaged_folders_are_refused_in_words(folder, case):
    BAD[case](folder)
    with pytest.raises(InputError) as caught:
        Person.load(folder)
    assert caught.value.problem and caught.value.remedy
    assert len(str(caught.value)) < 1200


@pytest.mark.parametrize("name", ["", "nowhere", "a\0b", "x" * 300, "me/person.json"])
def test_what_is_no_folder_is_refused(folder, monkeypatch, name):
    monkeypatch.chdir(folder.parent)
    with pytest.raises(InputError):
        Person.load(name)


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_what_can_be_no_folder_is_not_written(painted, monkeypatch, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        painted.save(name)
    assert not list(tmp_path.iterdir())


def _mutated(data: bytes, dice: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 5, 20))):
        at = dice.randrange(max(len(out), 1))
        kind = dice.randrange(5)
        if kind == 0 and out:
            out[at] = dice.randrange(256)
        elif kind == 1:
            out[at:at] = bytes(dice.randrange(256) for _ in range(dice.randrange(1, 9)))
        elif kind == 2:
            del out[at : at + dice.randrange(1, 30)]
        elif kind == 3:
            out[at : at + 1] = dice.choice((b"9", b"-", b"null", b"[", b"{", b"1e999", b'"'))
        elif dice.random() < 0.2:
            del out[at:]
    return bytes(out)


@pytest.mark.parametrize(("name", "rounds"), [("person.json", 300), ("person.npz", 150)])
def test_mutated_bytes_give_a_person_or_an_input_error(painted, tmp_path, name, rounds):
    """Small pictures and plain offsets keep each reading cheap."""
    small = replace(painted, texture=painted.texture[:16, :16].copy())
    folder = tmp_path / "me"
    small.save(folder)
    data = (folder / name).read_bytes()
    if name.endswith(".npz"):  # stored, so that a mutation reaches the numbers
        np.savez(folder / name, offsets=small.offsets.numpy()[:0])
        with zipfile.ZipFile(folder / name, "w") as file:
            file.writestr("offsets.npy", _npy(small.offsets.numpy().astype(np.float16)))
        data = (folder / name).read_bytes()
    dice = random.Random(11)
    refused = 0
    for _ in range(rounds):
        (folder / name).write_bytes(_mutated(data, dice))
        try:
            person = Person.load(folder)
        except InputError:
            refused += 1
            continue
        assert bool(torch.isfinite(person.offsets).all())
        assert bool(torch.isfinite(person.posed(Motion.still()).vertices).all())
    assert refused > rounds / 4


def _npy(array: np.ndarray) -> bytes:
    import io

    stream = io.BytesIO()
    np.lib.format.write_array(stream, array)
    return stream.getvalue()
