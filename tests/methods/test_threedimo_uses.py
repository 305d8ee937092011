"""The uses of 3DiMo as calls, with small untrained networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from jobs.driving_small import FPS, filmed
from methods.threedimo_small import awake, small_networks, unmoved_config

from muybridge.errors import InputError
from muybridge.methods.avatar.pipeline import AvatarPipeline
from muybridge.methods.threedimo.pipeline import ThreeDimoPipeline
from muybridge.methods.threedimo.uses import drive, driving_pictures, orbit_still, stabilise
from muybridge.person import Person

SMALL = {"size": (48, 64)}


@pytest.fixture(scope="module")
def pipe():
    return ThreeDimoPipeline(awake(small_networks()), "small")


@pytest.fixture(scope="module")
def film(painted, tmp_path_factory):
    return filmed(tmp_path_factory.mktemp("film"), painted, frames=4)


def test_a_video_drives_and_its_camera_is_the_words_matter(pipe, painted, film):
    video = drive(pipe, painted, film.frames, mattes=film.mattes, fps=FPS, **SMALL)
    assert video.frames.shape == (1, 4, 3, 64, 48) and video.fps == FPS
    assert video.cameras.frames == video.motion.frames == 4
    other = drive(pipe, painted, film.frames[::-1], mattes=film.mattes[::-1], fps=FPS, **SMALL)
    assert not torch.equal(video.frames, other.frames)
    moved = drive(
        pipe, painted, film.frames, mattes=film.mattes, camera="The camera arcs left.", **SMALL
    )
    assert float((moved.cameras.centers[0, 0] - moved.cameras.centers[0, -1]).norm()) > 1


def test_untrained_networks_show_the_reference_whoever_drives(painted, film):
    """Where the filmed person stood and looked plays no part: ours stands before the camera."""
    untrained = ThreeDimoPipeline(small_networks(config=unmoved_config()), "small")
    video = drive(untrained, painted, film.frames, mattes=film.mattes, fps=FPS, **SMALL)
    avatar = AvatarPipeline()(painted, video.motion, video.cameras)
    seen, there = video.matte[0, 0, 0] > 0.5, avatar.matte[0, 0, 0] > 0.5
    places = [each.nonzero().float() for each in (seen, there)]
    assert float((places[0].mean(0) - places[1].mean(0)).abs().max()) < 3
    assert float((seen & there).sum() / (seen | there).sum()) > 0.4


def test_a_still_is_seen_from_all_around(pipe, painted):
    video = orbit_still(pipe, painted, 3, **SMALL)
    assert video.frames.shape == (1, 3, 3, 64, 48)
    assert float(video.cameras.centers[0, 1, 2]) < 0 < float(video.cameras.centers[0, 0, 2])
    assert not torch.equal(video.frames[0, 0], video.frames[0, 1])
    with pytest.raises(InputError, match="give 1 or more"):
        orbit_still(pipe, painted, 0)


def test_a_video_is_stabilised(pipe, painted, film, monkeypatch):
    asked = []
    monkeypatch.setattr(
        Person, "from_photo",
        staticmethod(lambda front, **options: asked.append((front, options)) or painted),
    )
    video = stabilise(pipe, film.frames, mattes=film.mattes, fps=FPS, **SMALL)
    assert np.array_equal(asked[0][0], film.frames[0])
    assert np.array_equal(asked[0][1]["mask"], film.mattes[0])
    driven = drive(pipe, painted, film.frames, mattes=film.mattes, fps=FPS, **SMALL)
    assert torch.equal(video.frames, driven.frames)
    assert float((video.cameras.centers[0, 0] - video.cameras.centers[0, -1]).norm()) == 0
    stabilise(pipe, film.frames, mattes=film.mattes, person=painted, fps=FPS, **SMALL)
    assert len(asked) == 1


def test_what_does_not_fit_is_refused(pipe, painted, film):
    with pytest.raises(InputError, match="equally large"):
        driving_pictures(film.frames, film.mattes[:2])
    with pytest.raises(InputError, match="at least one"):
        driving_pictures(film.frames[:0])
    with pytest.raises(InputError, match="takes no driving video"):
        drive(AvatarPipeline(), painted, film.frames, mattes=film.mattes, **SMALL)
    with pytest.raises(InputError, match="nobody is seen"):
        drive(pipe, painted, film.frames, mattes=np.zeros_like(film.mattes), **SMALL)
