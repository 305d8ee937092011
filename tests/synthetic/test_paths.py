"""Cameras that travel around a motion, and what is known about them."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from muybridge.body import Shape, load_body
from muybridge.camera.crop import anchored, pixels_per_metre
from muybridge.camera.script import AMOUNTS
from muybridge.camera.words import describe, parse
from muybridge.motion import clips, retarget
from muybridge.synthetic.dice import Dice
from muybridge.synthetic.setups import path_scripts, paths, sentence, travel

SIZE = (60, 80)


@pytest.fixture(scope="module")
def joints():
    """Somebody who waves."""
    body = load_body().with_shape(Shape())
    return body.pose(retarget(clips.wave(8), body.rest_joints)).joints


def test_every_second_camera_travels_and_does_what_its_script_says(joints):
    for number in range(4):
        cameras, scripts = paths(number, joints, 6, SIZE), path_scripts(number, 6)
        assert cameras.views == len(scripts) == 6 and cameras.frames == len(joints)
        for view, script in enumerate(scripts):
            moved = float((cameras.T_cam_world[view, -1] - cameras.T_cam_world[view, 0]).norm())
            zoomed = float(cameras.K[view, -1, 0, 0] / cameras.K[view, 0, 0, 0])
            assert bool(script.steps) == (view % 2 == 1)
            if not script.steps:
                assert moved < 1e-5 and zoomed == pytest.approx(1)
                continue
            for move in script.steps[0].moves:
                found = describe(cameras, view)
                if move.kind == "arc" and move.size > 25:
                    side = "left" if move.sign > 0 else "right"
                    assert f"arcs {side}" in found or f"arcing {side}" in found, (script, found)
                if move.kind == "zoom":
                    assert zoomed == pytest.approx(move.size**move.sign, rel=1e-3)


def test_scripts_are_sentences(joints):
    for script in path_scripts(7, 6):
        again = parse(script.text())
        assert again.azimuth % 360 == pytest.approx(script.azimuth % 360)
        assert [s.moves for s in again.steps] == [s.moves for s in script.steps]


def test_numbers_give_different_travels_and_the_same_number_the_same():
    drawn = [travel(Dice("some travels", n)) for n in range(60)]
    assert drawn == [travel(Dice("some travels", n)) for n in range(60)]
    kinds = {move.kind for moves in drawn for move in moves}
    assert kinds == {"arc", "zoom", "dolly", "crane"}
    assert {move.sign for moves in drawn for move in moves} == {1, -1}
    assert {len(moves) for moves in drawn} == {1, 2}


def test_anchored_crops_have_the_point_in_the_middle_at_the_given_scale(joints):
    cameras = paths(1, joints, 4, SIZE)
    pelvis = joints[:, 0]
    scale = torch.full((4, len(joints)), 0.5)
    crop = anchored(cameras, pelvis, scale, 30, 40)
    pixel, _ = crop.cameras.project(pelvis[:, None])
    assert torch.allclose(pixel[:, :, 0], torch.tensor([15.0, 20.0]), atol=1e-3)
    before, after = (pixels_per_metre(c, pelvis) for c in (cameras, crop.cameras))
    assert torch.allclose(after, before / 2, rtol=1e-4)


def test_sentences_are_of_every_kind_and_are_read_back():
    scripts = [sentence(Dice("sentences", n)) for n in range(400)]
    assert sentence(Dice("sentences", 7)) == scripts[7]
    kinds = Counter(move.kind for s in scripts for step in s.steps for move in step.moves)
    assert set(kinds) == set(AMOUNTS) and kinds.most_common(1)[0][0] == "arc"
    assert 30 < sum(not s.steps for s in scripts) < 100
    assert any(len(s.steps) == 2 for s in scripts)
    arcs = [m.size for s in scripts for step in s.steps for m in step.moves if m.kind == "arc"]
    assert max(arcs) > 300 and min(arcs) < 40
    for script in scripts:
        again = parse(script.text())
        assert again.steps == script.steps
        assert again.azimuth % 360 == pytest.approx(script.azimuth % 360, abs=1e-6)
        assert again.elevation == pytest.approx(script.elevation)
