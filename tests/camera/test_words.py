"""Words to path and path to words."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from muybridge.camera import (
    Cameras,
    Framing,
    Move,
    Script,
    Step,
    build_cameras,
    describe,
    parse,
    view_labels,
)
from muybridge.camera.script import AMOUNTS, SPEEDS, UNITS, VIEWS
from muybridge.errors import InputError

# the run-time type checker draws random numbers, which hypothesis remarks on
pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")

FRAMING = Framing(torch.tensor([0.0, 0.9, 0]), torch.tensor([0.4, 0.9, 0.3]), 4.0, 30.0, 5.0,
                  torch.zeros(60, 3))


def moves(text):
    return [[(m.kind, m.sign, m.speed) for m in s.moves] for s in parse(text).steps]


PAPER = [  # 3DiMo's own texts, and every move of its supplement
    ("Front view. The camera remains static.", 0, []),
    ("Left side view of the woman. The camera arcs left to the back.", -90,
     [[("arc", -1, "normal")]]),
    ("Front-right view. The camera arcs right.", 45, [[("arc", -1, "normal")]]),
    ("Front view. The camera pulls away.", 0, [[("dolly", -1, "normal")]]),
    ("Camera slowly arcs to the left around the man.", 0, [[("arc", 1, "slow")]]),
    ("Camera quickly zooms out while moving upward.", 0,
     [[("zoom", -1, "quick"), ("crane", 1, "normal")]]),
    ("Camera moves upward while arcing right slowly.", 0,
     [[("crane", 1, "normal"), ("arc", -1, "slow")]]),
    ("Camera pans to the right around the woman and rises.", 0,
     [[("arc", -1, "normal"), ("crane", 1, "normal")]]),
    ("Camera rotates in a circular path around the woman.", 0, [[("arc", 1, "normal")]]),
    ("Camera tilts downward at a normal speed.", 0, [[("tilt", -1, "normal")]]),
    ("Camera moves slowly backward and descends.", 0,
     [[("dolly", -1, "slow"), ("crane", -1, "normal")]]),
    ("Static", 0, []), ("Handheld Static", 0, []),
    ("Move Forward", 0, [[("dolly", 1, "normal")]]), ("Move Back", 0, [[("dolly", -1, "normal")]]),
    ("Move Left", 0, [[("truck", -1, "normal")]]), ("Move Right", 0, [[("truck", 1, "normal")]]),
    ("Move Up", 0, [[("crane", 1, "normal")]]), ("Move Down", 0, [[("crane", -1, "normal")]]),
    ("Zoom In", 0, [[("zoom", 1, "normal")]]), ("Zoom Out", 0, [[("zoom", -1, "normal")]]),
    ("Rapid Zoom In", 0, [[("zoom", 1, "quick")]]),
    ("Rapid Zoom Out", 0, [[("zoom", -1, "quick")]]),
    ("Handheld Zoom In", 0, [[("zoom", 1, "normal")]]),
    ("Aerial Pull-out", 0, [[("dolly", -1, "normal"), ("crane", 1, "normal")]]),
    ("Vertigo In", 0, [[("vertigo", 1, "normal")]]),
    ("Vertigo Out", 0, [[("vertigo", -1, "normal")]]),
    ("Dynamic Zoom Swing", 0, [[("zoom", 1, "quick"), ("arc", 1, "quick")],
                               [("zoom", -1, "quick"), ("arc", -1, "quick")]]),
    ("Arc Left (30 degrees)", 0, [[("arc", 1, "normal")]]),
    ("Arc Right, 45 deg", 0, [[("arc", -1, "normal")]]),
]
OURS = [
    ("arc left slowly, then pull back", 0, [[("arc", 1, "slow")], [("dolly", -1, "normal")]]),
    ("From behind, dolly in.", 180, [[("dolly", 1, "normal")]]),
    ("the camera circles the dancer, then rises 0.5 m and holds", 0,
     [[("arc", 1, "normal")], [("crane", 1, "normal")], [("static", 1, "normal")]]),
    ("high-angle back-left view; push in gently", -135, [[("dolly", 1, "slow")]]),
    ("arc left then right", 0, [[("arc", 1, "normal")], [("arc", -1, "normal")]]),
    ("moves back and up", 0, [[("dolly", -1, "normal"), ("crane", 1, "normal")]]),
    ("zooms in, panning left", 0, [[("zoom", 1, "normal"), ("pan", -1, "normal")]]),
    ("Arc left, 90 degrees, slowly", 0, [[("arc", 1, "slow")]]),
    ("start from the left side, orbit clockwise", -90, [[("arc", 1, "normal")]]),
    ("swoops", None, None),
    ("roll clockwise by 10\u00b0", 0, [[("roll", 1, "normal")]]),
    ("stays in place and tilts up", 0, [[("tilt", 1, "normal")]]),
    ("seen from the right: hold, then walk around her to the front", 90,
     [[("static", 1, "normal")], [("arc", -1, "normal")]]),
]


@pytest.mark.parametrize(("text", "azimuth", "want"), PAPER + OURS)
def test_sentences(text, azimuth, want):
    if want is None:
        with pytest.raises(InputError, match="swoops"):
            parse(text)
        return
    script = parse(text)
    assert script.azimuth == azimuth and moves(text) == want
    assert script.handheld == ("handheld" in text.lower())
    assert parse(script.text()) == script


@pytest.mark.parametrize(("text", "sizes"), [
    ("arc left 30 degrees", [30]), ("Camera rotates in a circular path around the woman.", [360]),
    ("orbit half circle to the right", [180]), ("arc left to the back", [180]),
    ("Left side view of the woman. The camera arcs left to the back.", [90]),
    ("arc right to the back-left", [135]), ("zoom in by a factor of 2.5", [2.5]),
    ("zoom out 3x", [3]), ("zoom in by 50%", [1.5]), ("rise 40 cm", [0.4]),
    ("move forward by 1.2 metres", [1.2]), ("arc left twenty degrees then right ten degrees",
                                            [20, 10]),
    ("arcs left to the right side, then arcs left to the back", [90, 90]),
])
def test_numbers(text, sizes):
    assert [m.size for s in parse(text).steps for m in s.moves] == pytest.approx(sizes)


@pytest.mark.parametrize(("text", "word"), [
    ("hello world", "'hello', 'world'"), ("arc left around the blorb", "'blorb'"), ("", "nothing"),
    ("zoom", "which way"), ("move", "which way"), ("static and arc left", "static"),
    ("arc left by 3 metres", "degrees"), ("zoom in 900 times", "range"),
    ("arc left 1e9 degrees", "range"), ("rise down", "at once"), ("front-back view, zoom in",
                                                                  "viewpoint"),
    ("tilt left right up", "at once"), ("degrees", "number"), ("arc left " * 400, "many"),
    ("zoom in, then " * 60 + "zoom out", "steps"), ("view at an elevation of 95 degrees", "range"),
])
def test_bad_sentences_say_what_is_understood(text, word):
    with pytest.raises(InputError, match=word) as caught:
        parse(text)
    assert "arc left/right" in str(caught.value)


KINDS = sorted(AMOUNTS)


@st.composite
def scripts(draw):
    steps = []
    for _ in range(draw(st.integers(0, 4))):
        kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3, unique=True))
        inner = []
        for kind in kinds:
            low, high = {"degrees": (1, 700), "metres": (0.01, 9), "times": (1.01, 15)}[UNITS[kind]]
            amount = draw(st.none() | st.integers(int(low * 100), int(high * 100)).map(
                lambda x: max(x, 2) / 100))
            metres = kind == "dolly" and amount is not None and draw(st.booleans())
            inner.append(Move(kind, draw(st.sampled_from([1, -1])), amount,
                              draw(st.sampled_from(SPEEDS)), metres))
        if steps and draw(st.integers(0, 5)) == 0:
            inner = [Move("static")]
        steps.append(Step(tuple(inner)))
    azimuth = draw(st.sampled_from([a for a, _ in VIEWS]) | st.integers(-170, 179).map(float))
    elevation = draw(st.none() | st.integers(-60, 80).map(float))
    return Script(float(azimuth), elevation, tuple(steps), draw(st.booleans()))


@settings(max_examples=120)
@given(scripts())
def test_text_round_trip_keeps_everything(script):
    assert parse(script.text()) == script


@settings(max_examples=120)
@given(scripts())
def test_text_without_numbers_keeps_moves_and_directions(script):
    again = parse(script.text(amounts=False))
    names = [[m.kind for m in s.moves] for s in script.steps]
    assert [[m.kind for m in s.moves] for s in again.steps] == names
    for a, b in zip(script.steps, again.steps, strict=True):
        assert [(m.sign, m.speed) for m in a.moves] == [(m.sign, m.speed) for m in b.moves]


def test_an_end_is_named_only_where_it_is_read_as_the_same_direction():
    # without numbers the first arc is read as 30 degrees: from there the right way to the
    # front-left would be the shorter one
    arcs = [Step((Move("arc", 1, 180.01, "slow"),)), Step((Move("arc", 1, None, "quick"),))]
    script = Script(45.0, None, tuple(arcs))
    again = parse(script.text(amounts=False))
    assert [m.sign for s in again.steps for m in s.moves] == [1, 1]
    assert "to the" not in script.text(amounts=False)
    near = Script(0.0, None, (Step((Move("arc", -1, 95.0),)),)).text(amounts=False)
    assert near.endswith("arcs right to the left side.")


WORDS = ["arc", "left", "right", "zoom", "in", "out", "then", "while", "and", ",", ".", "slowly",
         "quickly", "the", "camera", "back", "view", "front", "side", "to", "by", "30", "degrees",
         "metres", "factor", "of", "2", "orbit", "around", "static", "handheld", "up", "moves",
         "vertigo", "dynamic zoom swing", "aerial pull-out", "from", "behind", "circle", "half",
         "elevation", "-5", "1e400", "rises", "descending", "pan", "tilt", "bogus"]


@settings(max_examples=400)
@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join) | st.text(max_size=60))
def test_any_text_parses_or_says_why(text):
    try:
        script = parse(text)
    except InputError:
        return
    assert parse(script.text()) == script
    if sum(m.size for s in script.steps for m in s.moves) < 5000:
        script.cameras(FRAMING, 60, (64, 64)).check()


SPECIAL = {"arc": (33, 120, 720), "crane": (0.4, 1.5), "truck": (0.3, 0.6), "zoom": (1.3, 3),
           "dolly": (1.3, 2.5), "pan": (5, 12), "tilt": (5, 12), "roll": (6, 20),
           "vertigo": (1.4, 2.2)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("azimuth", [0.0, -135.0, 77.0])
def test_describe_reads_single_moves_off_the_geometry(kind, azimuth):
    for amount, sign in itertools.product(SPECIAL[kind], (1, -1)):
        script = Script(azimuth, 5.0, (Step((Move(kind, sign, float(amount)),)),))
        cameras = script.cameras(FRAMING, 60, (256, 256))
        found = parse(describe(cameras))
        assert found.azimuth == pytest.approx(azimuth, abs=2)
        assert found.elevation == pytest.approx(5, abs=1)
        assert [(m.kind, m.sign) for s in found.steps for m in s.moves] == [(kind, sign)]
        assert found.steps[0].moves[0].size == pytest.approx(amount, rel=0.06, abs=1e-3)


@pytest.mark.parametrize("handheld", [False, True])
@pytest.mark.parametrize(("text", "want"), [
    ("arc left slowly, then pull back", [{("arc", 1)}, {("dolly", -1)}]),
    ("zoom out quickly while moving upward", [{("zoom", -1), ("crane", 1)}]),
    ("arc right while rising, then zoom in, then arc left",
     [{("arc", -1), ("crane", 1)}, {("zoom", 1)}, {("arc", 1)}]),
    ("dynamic zoom swing", [{("zoom", 1), ("arc", 1)}, {("zoom", -1), ("arc", -1)}]),
    ("static", []), ("aerial pull-out", [{("dolly", -1), ("crane", 1)}]),
    ("dolly in, hold, then orbit", [{("dolly", 1)}, {("static", 1)}, {("arc", 1)}]),
])
def test_describe_reads_compound_moves(text, want, handheld):
    script = parse(text)
    script = Script(script.azimuth, 5.0, script.steps, handheld)
    found = parse(describe(script.cameras(FRAMING, 60, (256, 256))))
    assert [{(m.kind, m.sign) for m in s.moves} for s in found.steps] == want
    assert found.handheld == handheld


def test_words_build_cameras_that_do_what_they_say():
    points = torch.rand(20, 40, 3, generator=torch.manual_seed(0)) * torch.tensor([0.8, 1.7, 0.4])
    points = points - torch.tensor([0.4, 0, 0.2])
    c = build_cameras("Right side view. Arc left 60 degrees, then zoom in.", points, frames=40)
    c.check()
    aim = points.amin((0, 1)) / 2 + points.amax((0, 1)) / 2
    offset = c.centers[0] - aim
    azimuth = torch.rad2deg(torch.atan2(-offset[:, 0], offset[:, 2]))
    assert azimuth[0] == pytest.approx(90, abs=2) and azimuth[-1] == pytest.approx(150, abs=2)
    f = c.K[0, :, 0, 0]
    assert torch.allclose(f[:15], f[0].expand(15)) and f[-1] / f[0] == pytest.approx(1.5, abs=1e-3)
    front = build_cameras("static", points, facing=40).T_cam_world
    assert torch.allclose(build_cameras("remains static", points, facing=40).T_cam_world, front)
    first = build_cameras("arc left 60 degrees", points, frames=1)
    assert first.frames == 1


def test_handheld_trembles_a_little_and_starts_in_place():
    a = parse("static").cameras(FRAMING, 60, (256, 256))
    b = parse("handheld static").cameras(FRAMING, 60, (256, 256))
    assert torch.equal(a.T_cam_world[:, 0], b.T_cam_world[:, 0])
    point = torch.tensor([[0.0, 0.9, 0]])
    shift = (a.project(point)[0] - b.project(point)[0]).norm(dim=-1)
    assert 1 < shift.max() < 16


def test_view_labels():
    assert view_labels(Cameras.orbit(8)) == (
        "front", "front-right", "right side", "back-right", "back", "back-left", "left side",
        "front-left")
    assert view_labels(Cameras.static((0.0, 30.0)))[1] == "30\u00b0"
    with pytest.raises(InputError, match="views"):
        describe(Cameras.orbit(2), 2)


def test_describe_any_rig():
    for rig in (Cameras.rig16(4), Cameras.orbit(3, 1), Cameras.orbit(2, 9, elevation=85.0)):
        for view in range(rig.views):
            assert "static" in describe(rig, view)
    assert np.isfinite(parse(describe(Cameras.rig16(2), 5)).azimuth)
