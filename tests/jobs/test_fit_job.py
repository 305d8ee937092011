"""``muybridge fit`` on the sample person, and an animation on the photo's own ground."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import cv2
import numpy as np
import pytest
import torch
from person.staged_people import scores

from muybridge.errors import InputError, Interrupted
from muybridge.jobs import Job, run
from muybridge.jobs.fit import fit
from muybridge.person import Person
from muybridge.video import read_image, read_image_alpha, read_video, write_image


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    """The sample person at half its size."""
    image = read_image(str(files("muybridge") / "assets" / "sample_person.png"))
    path = tmp_path_factory.mktemp("sheet") / "sheet.png"
    write_image(path, cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    return path


@pytest.fixture(scope="module")
def fitted(sheet, tmp_path_factory):
    return fit(str(sheet), tmp_path_factory.mktemp("fit") / "me", layout="sheet")


@pytest.mark.slow
def test_the_fit_shows_itself_beside_the_photo(fitted):
    assert set(fitted.to_dict()["photos"]) == {"front", "back"}
    for side in ("front", "back"):
        photo = read_image(fitted.folder / f"{side}.photo.png")
        mask = read_image(fitted.folder / f"{side}.mask.png")[..., 0] > 127
        color, alpha = read_image_alpha(fitted.folder / f"{side}.render.png")
        assert alpha is not None and color.shape == photo.shape and mask.shape == alpha.shape
        drawn = alpha > 127
        assert (drawn & mask).sum() / (drawn | mask).sum() > 0.9
        inside = drawn & mask
        error = ((color[inside].astype(float) - photo[inside]) ** 2).mean()
        assert 10 * np.log10(255**2 / error) > 20
    assert Person.load(fitted.folder).rest_joints.shape == (55, 3)
    json.dumps(fitted.to_dict())


@pytest.mark.slow
def test_the_sample_person_is_redrawn_and_kept(fitted):
    person, again = fitted.person, Person.load(fitted.folder)
    for index in (0, 1):
        iou, psnr = scores(person, index)
        assert iou >= 0.96 and psnr >= 26.0
    assert any("side by side" in w for w in person.notes)
    assert again.shape == person.shape and torch.equal(again.offsets, person.offsets)
    assert np.array_equal(again.texture, person.texture)
    for index in (0, 1):
        assert np.array_equal(again.render_photo(index), person.render_photo(index))
        off = again.photos[index].alpha - person.photos[index].alpha
        assert np.abs(off).max() <= 0.5 / 255 + 1e-6


@pytest.mark.slow
def test_the_photos_own_ground_without_the_person(fitted, tmp_path):
    job = Job(
        str(fitted.folder), "idle", camera="static:0", frames=2, width=96, height=128,
        background="keep", lossless=True,
    )
    result = run(job, tmp_path / "out")
    frames, _ = read_video(result.folder / "views" / "00.mkv")
    matte, _ = read_video(result.folder / "matte" / "00.mp4")
    ground = frames[0][matte[0, ..., 0] < 8]
    assert ground.mean() > 200 and ground.min() > 80  # bright studio, at most a shadow
    plain = run(replace(job, background="plain"), tmp_path / "plain")
    assert plain.record["frames_sha256"] != result.record["frames_sha256"]


@pytest.mark.slow
def test_a_fit_is_kept_for_the_same_photo(fitted, sheet, tmp_path, monkeypatch):
    calls = []

    def once(*_args, **_more):
        calls.append(1)
        return fitted.person

    monkeypatch.setattr(Person, "from_photo", staticmethod(once))
    job = Job(str(sheet), "idle", camera="static:0", frames=1, width=48, height=48)
    for motion in ("idle", "wave", "squat"):
        run(replace(job, motion=motion), tmp_path / "out")
    assert len(calls) == 1
    run(replace(job, layout="sheet"), tmp_path / "out")  # read differently: fitted anew
    assert len(calls) == 2
    sheet.touch()
    run(job, tmp_path / "other")
    assert len(calls) == 3


def test_other_folders_are_left_alone_and_a_stop_leaves_nothing(sheet, tmp_path, monkeypatch):
    thesis = tmp_path / "mine" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("three years")
    with pytest.raises(InputError, match="--force"):
        fit(str(sheet), thesis.parent)
    with pytest.raises(InputError, match="is a file"):
        fit(str(sheet), thesis)

    def stop(*_args, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr(Person, "from_photo", staticmethod(stop))
    with pytest.raises(Interrupted, match="nothing was written"):
        fit(str(sheet), tmp_path / "me")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine"]
    assert thesis.read_text() == "three years"
