"""Canonical people: ReImagine's layout, written and read."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from small_clips import clip

from muybridge.data import find_clips
from muybridge.data.canonical import find_canonical, read_canonical, write_canonical
from muybridge.data.people import Programme
from muybridge.errors import InputError
from muybridge.jobs.people import People
from muybridge.jobs.people_work import Order, make_person, told
from muybridge.video import read_image

SIZE = (40, 66)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """The data folder of one person."""
    out = tmp_path_factory.mktemp("people")
    order = Order("test", Programme(views=1, motions=0, size=(24, 32)), SIZE)
    make_person(3, order, out)
    assert set(told(out, order, 3)) == {"number", "folder", "clips", "canonical"}
    return out


def test_a_person_has_the_release_s_files(made):
    (folder,) = find_canonical(made)
    assert [p.name for p in find_clips(made)] == ["orbit"]  # the layout is no clip
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    rig = [f"cam_{k:02d}" for k in range(16)]
    assert {f"{kind}/{c}.png" for kind in ("images", "normals") for c in rig} <= names
    assert {f"cameras/{c}/camera.npz" for c in rig} <= names
    assert {"canonical.json", "reference.png", "assets/face-front.png"} <= names
    assert any(n.startswith(("assets/upper", "assets/full")) for n in names)


def test_it_is_read_as_it_was_written(made):
    person = read_canonical(find_canonical(made)[0])
    assert (person.clip.views, person.clip.frames, person.clip.size) == (16, 1, SIZE)
    assert person.clip.split == "test" and list(person.clip.references) == ["front", "back"]
    assert person.wide.shape == (SIZE[1], 2 * SIZE[0], 3)
    front = person.clip.references["front"]
    assert (person.wide[:, : SIZE[0]][front.rgba[..., 3] == 0] == 255).all()
    shot = person.clip.read([0, 8])
    assert 0.03 < float((shot.matte > 0.5).float().mean()) < 0.4
    # the maps are those of the body in the pictures, to an 8-bit level
    difference = person.normals([0, 5]) - person.clip.select([0, 5]).normals("reimagine")
    assert float(difference.abs().max()) < 0.51 / 255
    covered = (person.normals().amin(2) < 0.99) & (person.clip.read().matte[:, :, 0] < 0.5)
    assert float(covered.float().mean()) < 0.01  # clothes hide the body


def test_cameras_go_over_the_right_and_colours_say_so(made):
    person = read_canonical(find_canonical(made)[0])
    for view, channel, sign in ((0, 2, 1), (4, 1, 1), (8, 2, -1), (12, 1, -1)):
        picture = person.normals([view])[0, 0]
        body = picture.amin(0) < 0.99
        mean = 2 * picture[:, body].mean(1) - 1
        assert sign * float(mean[channel]) > 0.6
    saved = np.load(person.folder / "cameras" / "cam_04" / "camera.npz")
    own = person.clip.cameras
    assert np.allclose(saved["intrinsic"], own.K[4, 0]) and saved["extrinsic"].shape == (3, 4)
    assert np.allclose(saved["extrinsic"], own.T_cam_world[4, 0, :3])
    assert float(own.centers[4, 0, 0]) < -1.5  # the person's left is +X


def test_any_still_clip_with_two_references_can_be_written(tmp_path):
    still = clip().select(frames=[1])
    person = read_canonical(write_canonical(still, tmp_path / "person"))
    kept, given = person.clip.raw(), still.raw()
    assert (kept[1] == given[1]).all()
    assert np.abs(kept[0].astype(int) - given[0]).max() <= 1  # colours were divided by the matte
    again = write_canonical(still, tmp_path / "again")
    for path in sorted(p for p in person.folder.rglob("*") if p.is_file()):
        assert path.read_bytes() == (again / path.relative_to(person.folder)).read_bytes()


def test_what_is_no_canonical_person_is_not_written(tmp_path):
    still = clip().select(frames=[1])
    with pytest.raises(InputError, match="frames"):
        write_canonical(clip(), tmp_path / "moves")
    with pytest.raises(InputError, match="back"):
        front = {"front": still.references["front"]}
        write_canonical(type(still)(**{**vars(still), "references": front}), tmp_path / "half")
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError, match="already"):
        write_canonical(still, tmp_path / "there")
    assert [p.name for p in tmp_path.iterdir()] == ["there"]


@pytest.mark.parametrize(
    "name, change",
    [
        ("canonical.json", None), ("canonical.json", b"{"), ("canonical.json", b"[]"),
        ("cameras.json", None), ("motion.npz", b"PK"), ("reference/front.png", b"\x89PNG"),
        ("images/cam_01.png", None), ("images/cam_01.png", b"no picture"),
        ("normals/cam_01.png", None), ("normals/cam_02.png", "other size"),
        ("reference.png", b""), ("canonical.json", b'{"muybridge_clip": 2}'),
    ],
)
def test_damaged_folders_are_refused(tmp_path, name, change):
    folder = write_canonical(clip().select(frames=[0]), tmp_path / "person")
    if change is None:
        (folder / name).unlink()
    elif change == "other size":
        shutil.copy(folder / "reference.png", folder / name)
    else:
        (folder / name).write_bytes(change)
    with pytest.raises(InputError):
        person = read_canonical(folder)
        assert person.wide is not None
        person.normals()
        person.clip.raw()


def test_nothing_to_find(tmp_path):
    with pytest.raises(InputError, match="no canonical person"):
        find_canonical(tmp_path)


def test_the_request_says_its_size_and_cost():
    plain = Order("train", Programme(canonical=True))
    large = Order("train", Programme(canonical=True), (800, 1328))
    assert "canonical_size" not in People(3, 0, plain).to_dict()
    assert People(3, 0, large).to_dict()["canonical_size"] == [800, 1328]
    costs = [People(3, 0, order).forecast(1) for order in (plain, large)]
    assert costs[1]["seconds"] > 3 * costs[0]["seconds"]
    assert costs[1]["megabytes"] > 25 + costs[0]["megabytes"]
    with pytest.raises(InputError, match="canonical-size"):
        People(3, 0, Order("train", Programme(canonical=True), (8, 8))).checked()


def test_the_wide_picture_is_what_the_release_takes(made):
    picture = read_image(find_canonical(made)[0] / "reference.png")
    person = read_canonical(find_canonical(made)[0])
    assert (picture == person.wide).all()
    left, right = picture[:, : SIZE[0]], picture[:, SIZE[0] :]
    assert (left.min(-1) < 200).sum() > 100 and (right.min(-1) < 200).sum() > 100
    assert np.abs(left.astype(int) - right).mean() > 1  # front and back differ
