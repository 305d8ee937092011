"""The benchmark's people, its protocols and its checksums."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from muybridge.data.people import cast, clip_of, references, sitter
from muybridge.errors import InputError
from muybridge.evaluation.manifest import NEAR, SAME, check, described, manifest_of
from muybridge.evaluation.plates import (
    FAST,
    FULL,
    ORBIT,
    SPLIT,
    Plates,
    RingProgramme,
    cache_folder,
    reference_of,
    view_reference,
)
from muybridge.evaluation.protocols import PROTOCOLS, items, protocol
from muybridge.synthetic.moves import kind_of
from muybridge.synthetic.splits import split_of


@pytest.fixture(scope="module")
def first():
    """The first person of the fast set, standing before its cameras."""
    person = sitter(FAST.numbers[0], SPLIT)
    width, height = FAST.programme.size
    pictures = references(person, (2 * width, 2 * height))
    setup = FAST.programme.setups(cast(FAST.numbers[0], SPLIT))[ORBIT]
    return clip_of("first", person, person.take(setup), pictures)


def test_the_package_knows_these_pictures(first):
    manifest = manifest_of(FAST)
    assert set(manifest) == {f"{n:02d}/{c}" for n in range(2) for c in (ORBIT, "motion0")}
    assert check(first, manifest["00/orbit"]) in (SAME, NEAR)
    with pytest.raises(InputError, match="not those of the benchmark"):
        check(first, manifest["01/orbit"])
    with pytest.raises(InputError, match="not those of the benchmark"):
        check(first.select(range(7, -1, -1)), manifest["00/orbit"])


def test_other_sets_have_no_checksums():
    assert not manifest_of(Plates("mine"))
    changed = replace(FAST, programme=replace(FAST.programme, frames=9))
    assert described(changed) != described(FAST) and not manifest_of(changed)


def test_everything_is_held_out():
    assert FULL.pictures == 24 * (20 + 4 * 8 * 24)
    for number in FULL.numbers:
        who = cast(number, SPLIT)
        setups = FULL.programme.setups(who)
        assert list(setups) == list(FULL.clips)
        moved = [s.motion for s in setups.values() if s.motion is not None]
        assert {split_of(n) for n in (*who.numbers(), *moved)} == {SPLIT}
        assert len({kind_of(n) for n in moved}) == 4
        assert all(s.fill == 0 for s in setups.values())  # framed as users' cameras are
    assert set(FAST.numbers) < set(FULL.numbers)
    own = {n for n in FULL.numbers for n in cast(n, SPLIT).numbers()[:1]}
    assert len(own) == 24


def test_the_first_camera_stands_before_the_front_at_the_first_frame():
    programme = RingProgramme(views=0, motions=2, frames=3, grid=8, size=(48, 64), tight=False)
    for number in FULL.numbers[:1]:
        person = sitter(number, SPLIT, 16)
        for setup in programme.setups(cast(number, SPLIT)).values():
            played, before = person.played(setup)
            motion = played.slice(before, played.frames)
            cameras = person.cameras(setup, motion)
            hips = person.figure.body.pose(motion).joints[0, 1:3]
            across = (hips[0] - hips[1]) * torch.tensor([1.0, 0.0, 1.0])
            to_camera = cameras.centers[:, 0] - hips.mean(0)
            to_camera[:, 1] = 0
            sideways = torch.nn.functional.normalize(to_camera, dim=1) @ (across / across.norm())
            assert abs(float(sideways[0])) < 0.45  # hips turn against the shoulders
            assert float(sideways[0].abs()) < float(sideways[2].abs())
            pixels, depth = cameras.project(person.figure.body.pose(motion).joints)
            assert (depth > 0).all() and (pixels > 0).all()
            assert (pixels[..., 0] < 48).all() and (pixels[..., 1] < 64).all()


@pytest.mark.parametrize("name, count, views, frames", [
    ("novel-view", 24, 20, 1), ("novel-pose", 96, 1, 24), ("view-pose", 96, 8, 24),
    ("cross-view", 96, 1, 24), ("novel-view-4ref", 96, 20, 1),
])
def test_items_of_the_protocols(name, count, views, frames):
    found = items(name, FULL)
    assert len(found) == count and {i.pictures for i in found} == {views * frames}
    assert len({i.name for i in found}) == len({i.seed for i in found}) == count
    assert all(0 <= i.seed < 2**31 and i.name.startswith(f"{name}/") for i in found)
    assert found == items(name, FULL)  # the same every time


def test_what_the_protocols_show():
    (quarter, *_), (far, *_) = items("novel-view-4ref", FULL)[1:], items("cross-view", FULL)
    assert quarter.references == ("view05",) and quarter.with_back() is quarter
    assert far.views == (4,) and far.driving == 0 and far.references == ("front",)
    both = far.with_back()
    assert both.references == ("front", "back") and both.name == far.name
    assert far.to_dict()["views"] == [4] and far.to_dict()["name"] == far.name
    assert [p.quick for p in PROTOCOLS.values()] == [True] * 4 + [False]


def test_references_of_a_clip(first):
    assert reference_of(first, "front").rgba.shape == (512, 384, 4)
    side = reference_of(first, "view02")
    assert side.rgba.shape == (256, 192, 4) and side.camera.views == side.pose.frames == 1
    assert torch.equal(side.camera.T_cam_world[0, 0], first.cameras.T_cam_world[2, 0])
    shown = torch.from_numpy(first.raw([2])[0][0, 0]).float() / 255
    assert (side.over_black.permute(1, 2, 0) - shown).abs().max() < 0.01
    assert view_reference(first, 2).name == "view02"
    for name in ("view08", "viewer", "left"):
        with pytest.raises(InputError, match=f"there is no '{name}'"):
            reference_of(first, name)


def test_what_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder(FAST) == tmp_path / "muybridge" / "plates-1" / "fast"
    with pytest.raises(InputError, match="is no folder"):
        FAST.read(tmp_path, 0, ORBIT)
    with pytest.raises(InputError, match="there is no 'talking'"):
        protocol("talking")
    still = replace(FAST, programme=replace(FAST.programme, motions=0))
    with pytest.raises(InputError, match="has no item in Plates 'fast'"):
        items("novel-pose", still)
