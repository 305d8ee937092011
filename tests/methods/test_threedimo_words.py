"""What is said to the camera: sentences, numbers, features, tokens, and directions of a path."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from muybridge.body import Shape, load_body
from muybridge.camera import build_cameras
from muybridge.camera.script import AMOUNTS, Move, Script, Step
from muybridge.camera.words import parse
from muybridge.errors import InputError
from muybridge.methods.threedimo.camera_text import CameraText
from muybridge.methods.threedimo.view_words import REACH, Directions, as_seen
from muybridge.methods.threedimo.words import (
    ELEVATION,
    FEATURES,
    LENGTH,
    WORDS,
    encoded,
    features,
    mirrored_words,
    script_of,
    script_of_path,
    spoken,
)
from muybridge.motion import clips, retarget

SENTENCES = {
    "Front view. The camera remains static.":
        [("view", 0), ("height", ELEVATION), ("static", 0)],
    "Left side view of the woman. The camera arcs left by 50 degrees.":
        [("view", -90), ("height", ELEVATION), ("arc +", 50)],
    "Back view. The handheld camera zooms in by a factor of 2 while moving up by 1 metre.":
        [("view", -180), ("height", ELEVATION), ("handheld", 0), ("zoom +", 2), ("while", 0),
         ("crane +", 1)],
    "Front-right view. The camera arcs right slowly, then pulls away.":
        [("view", 45), ("height", ELEVATION), ("arc -", AMOUNTS["arc"][0]), ("then", 0),
         ("dolly -", AMOUNTS["dolly"][1])],
    "View from an azimuth of 12 degrees at an elevation of 20 degrees.":
        [("view", 12), ("height", 20), ("static", 0)],
}


@pytest.mark.parametrize(("sentence", "wanted"), SENTENCES.items())
def test_sentences_are_said_again_in_one_way(sentence, wanted):
    said = spoken(parse(sentence))
    assert [word for word, _ in said] == [word for word, _ in wanted]
    assert [amount for _, amount in said] == pytest.approx([amount for _, amount in wanted])
    assert script_of(sentence) == parse(sentence) == script_of(parse(sentence))
    words, amounts = encoded([parse(sentence)])
    assert words.shape == amounts.shape == (1, LENGTH)
    assert [WORDS[n] for n in words[0, : len(wanted)]] == [word for word, _ in wanted]
    assert not words[0, len(wanted) :].any() and not amounts[0, len(wanted) :].any()


def test_different_words_for_the_same_are_the_same():
    for one, other in (
        ("Front view. The camera pulls away.", "Front view. The camera moves backward."),
        ("Camera rises by 1 metre.", "Front view. The camera moves up by 1 metre."),
    ):
        assert torch.equal(encoded([parse(one)])[0], encoded([parse(other)])[0])
    with pytest.raises(InputError, match="gallops"):
        script_of("The camera gallops away.")


def test_what_is_too_long_is_cut():
    steps = tuple(Step((Move("arc", 1, 10.0),)) for _ in range(20))
    words, _ = encoded([Script(0.0, 5.0, steps)])
    assert words.shape == (1, LENGTH) and bool(words.all())


def all_scripts():
    """Every word of the vocabulary but silence, at least once."""
    out = [Script(30.0, 10.0, (), handheld=True), Script(180.0, None, ())]
    for kind in AMOUNTS:
        for sign in (1, -1):
            out.append(Script(-50.0, 0.0, (
                Step((Move(kind, sign, 3.0), Move("zoom", 1, 2.0))), Step((Move(kind, -sign),)),
            )))
    return out


def mirrored_script(script):
    """The script of the mirrored world, by its meaning."""
    def other(move):
        return replace(move, sign=-move.sign) if move.kind in (
            "arc", "truck", "pan", "roll") else move

    steps = tuple(replace(s, moves=tuple(other(m) for m in s.moves)) for s in script.steps)
    return replace(script, azimuth=-script.azimuth, steps=steps)


def test_in_the_mirror_left_is_right_and_up_is_up():
    words, amounts = encoded(all_scripts())
    assert len(words.unique()) == len(WORDS)
    once = mirrored_words(words, amounts)
    wanted = encoded([mirrored_script(script) for script in all_scripts()])
    assert torch.equal(once[0], wanted[0]) and torch.allclose(once[1], wanted[1])
    twice = mirrored_words(*once)
    assert torch.equal(twice[0], words) and torch.allclose(twice[1], amounts)


def test_features_tell_amounts_in_their_units():
    words = torch.tensor([[WORDS.index(w) for w in ("view", "crane +", "zoom -", "static")]])
    told = features(words, torch.tensor([[90.0, 1.5, 2.0, 7.0]]))
    assert told.shape == (1, 4, FEATURES)
    quarter = math.pi / 2
    assert told[0, 0].tolist() == pytest.approx(
        [math.sin(quarter / 2), math.cos(quarter / 2), 1, 0, 0, -1, quarter, 0, 0], abs=1e-6
    )
    nothing = [0, 1, 0, 1, 0, 1, 0]  # no angle
    assert told[0, 1].tolist() == pytest.approx([*nothing, 1.5, 0])
    assert told[0, 2].tolist() == pytest.approx([*nothing, 0, math.log(2)])
    assert told[0, 3].tolist() == [*nothing, 0, 0]
    # angles that are the same on the circle are the same to the whole circles
    around = features(words[:, :1].expand(1, 2), torch.tensor([[-180.0, 180.0]]))[0, :, 2:6]
    assert torch.allclose(around[0], around[1], atol=1e-6)


def test_tokens_of_sentences():
    torch.manual_seed(0)
    network = CameraText(16, 1, 2).eval()
    given = encoded([parse(sentence) for sentence in SENTENCES])
    with torch.no_grad():
        tokens = network(*given)
        assert tokens.shape == (len(SENTENCES), LENGTH, 16)
        alone = network(given[0][1:2], given[1][1:2])
        assert torch.allclose(tokens[1:2], alone, atol=1e-5)
        more = given[1].clone()
        more[1, 2] = 80.0  # degrees of the arc
        assert float((network(given[0], more) - tokens)[1].abs().max()) > 1e-3
        swapped = given[0].flip(1), given[1].flip(1)
        assert not torch.allclose(network(*swapped).flip(1), tokens, atol=1e-3)


# ------------------------------------------------------------------ of paths


@pytest.fixture(scope="module")
def standing():
    body = load_body().with_shape(Shape())
    motion = retarget(clips.make("idle", 1), body.rest_joints)
    return body.pose(motion).joints.expand(9, -1, -1).contiguous()


def directions(camera, joints, facing=0.0):
    cameras = build_cameras(camera, joints, width=60, height=80, facing=facing)
    return Directions(cameras, joints[:, 0], [facing] * len(joints)), cameras


@pytest.mark.parametrize("facing", [0.0, 70.0])
def test_directions_are_seen_from_the_person(standing, facing):
    say, cameras = directions("orbit:4", standing, facing)
    for view, azimuth in enumerate((0, 90, 180, -90)):
        script = say(view, 0, 8)
        assert abs((script.azimuth - azimuth + 180) % 360 - 180) < 3
        assert not script.steps and spoken(script)[-1] == ("static", 0.0)
        found = script_of_path(cameras, view, facing)
        assert abs((found.azimuth - azimuth + 180) % 360 - 180) < 3


def test_directions_tell_arcs_and_heights_of_a_window(standing):
    say, _ = directions("Front view. The camera arcs right by 200 degrees.", standing)
    (step,) = say(0, 0, 8).steps
    assert [(m.kind, m.sign) for m in step.moves] == [("arc", -1)]
    assert step.moves[0].size == pytest.approx(200, abs=3)
    halves = [say(0, first, first + 4) for first in (0, 4)]
    assert sum(s.steps[0].moves[0].size for s in halves) == pytest.approx(200, abs=3)
    assert halves[1].azimuth == pytest.approx(-100, abs=3)
    say, _ = directions("Front view. The camera moves down by 1 metre.", standing)
    (step,) = say(0, 0, 8).steps
    assert [(m.kind, m.sign) for m in step.moves] == [("crane", -1)]
    assert step.moves[0].size == pytest.approx(1.0, abs=0.1)
    say, _ = directions("Front view. The camera zooms in by a factor of 2.", standing)
    assert not say(0, 0, 8).steps  # the crop's matter


def test_who_turns_before_a_still_camera_is_seen_from_elsewhere(standing):
    _, cameras = directions("static:0", standing)
    say = Directions(cameras, standing[:, 0], [0.0] * 4 + [90.0] * 5)
    assert say(0, 0, 3).azimuth == pytest.approx(0, abs=2)
    assert say(0, 4, 8).azimuth == pytest.approx(-90, abs=2)
    assert not say(0, 0, 8).steps


def test_metres_are_told_as_of_a_camera_that_is_four_metres_away(standing):
    words = "Front-left view. The camera moves up by 1 metre."
    told = {}
    for fov in (16, 48):
        cameras = build_cameras(words, standing, width=60, height=80, facing=20.0, fov=fov)
        say = Directions(cameras, standing[:, 0], [20.0] * 9)
        (script,) = as_seen([parse(words)], cameras, standing[0, 0], 20.0)
        seen = say(0, 0, 8)
        assert script.azimuth == pytest.approx(seen.azimuth, abs=1e-6)
        assert script.elevation == pytest.approx(seen.elevation, abs=1e-6)
        told[fov] = script.steps[0].moves[0].size
        assert told[fov] == pytest.approx(seen.steps[0].moves[0].size, rel=0.03)
        away = (cameras.centers[0, 0] - standing[0, 0])[[0, 2]].norm()
        assert told[fov] == pytest.approx(REACH / float(away))
    assert told[48] > 2 * told[16]  # a near camera comes higher by a metre than a far one
