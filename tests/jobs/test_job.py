"""A job is data: it survives JSON, and what is wrong in it is named."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muybridge.errors import InputError
from muybridge.jobs import Job, parse_fps, parse_size, parse_start

TEXT = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=20
)
JOBS = st.builds(
    Job, person=TEXT, motion=TEXT, back=st.none() | TEXT, mask=st.none() | TEXT,
    layout=st.sampled_from(["auto", "sheet", "single"]), camera=TEXT,
    frames=st.none() | st.integers(1, 10**6), start=st.none() | st.integers(0, 10**6 - 1),
    fps=st.fractions(min_value=Fraction(1, 10), max_value=1000, max_denominator=10**6),
    width=st.integers(16, 4000), height=st.integers(16, 4000),
    seed=st.integers(-(2**63), 2**63 - 1), background=TEXT, save_frames=st.booleans(),
    lossless=st.booleans(),
    options=st.dictionaries(TEXT, st.none() | st.integers() | TEXT | st.booleans(), max_size=3),
)
GOOD = Job("me.jpg", "walk").to_dict()


@settings(max_examples=60, deadline=None)
@given(JOBS)
def test_round_trip(job):
    again = Job.from_json(job.to_json())
    if parse_fps(str(job.fps)) == job.fps:
        assert again == job
    assert Job.from_json(again.to_json()) == again


BAD = {
    "person": [None, "", 3, "a\0b", ["x"]],
    "motion": [None, "", 1.5],
    "back": [3, True],
    "layout": ["both", None, 3],
    "camera": ["", 4],
    "frames": [0, -3, 1.5, "24", True, 10**9],
    "start": [-1, 1.5, "auto", True, 10**9],
    "fps": [0, -24, "fast", "1/0", "nan", "inf", 10**9, True, None, "1e-9", "9" * 5000],
    "width": [0, -1, 15, "512", None, 10**7, 1.5],
    "height": [10**6],
    "seed": [2**63, "x", None, 1.5],
    "background": [None, ""],
    "save_frames": ["yes", 1, None],
    "options": [[], "x", 3, None],
    "speed": [1],
}


@pytest.mark.parametrize("field, value", [(f, v) for f, vs in BAD.items() for v in vs])
def test_what_is_wrong_is_named(field, value):
    with pytest.raises(InputError) as caught:
        Job.from_dict({**GOOD, field: value}, "run.json")
    assert caught.value.source == "run.json"
    assert field in caught.value.field or caught.value.field in ("size", "fps")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", "{}", '{"person": "a"}', "[" * 9999])
def test_what_is_no_job_is_refused(text):
    with pytest.raises(InputError):
        Job.from_json(text)


def test_mutations_of_a_job_give_a_job_or_an_input_error():
    random.seed(0)
    text = json.dumps(GOOD)
    for _ in range(2000):
        broken = list(text)
        for _ in range(random.randint(1, 4)):
            position = random.randrange(len(broken))
            broken[position] = chr(random.choice((0, 34, 44, 58, 91, 123, 125, 45, 57, 120, 233)))
        with suppress(InputError):
            Job.from_json("".join(broken))


@pytest.mark.parametrize(
    "text, size", [("512", (512, 512)), ("640x360", (640, 360)), (" 64 X 128 ", (64, 128))]
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "512x", "-5", "5.5", "1x2x3", "9999999"])
def test_bad_sizes(text):
    with pytest.raises(InputError):
        parse_size(text)


@pytest.mark.parametrize(
    "text, fps", [("24", 24), ("29.97", Fraction(30000, 1001)), ("30000/1001",
     Fraction(30000, 1001)), ("23.976", Fraction(24000, 1001)), ("12.5", Fraction(25, 2))],
)
def test_frame_rates(text, fps):
    assert parse_fps(text) == fps


@pytest.mark.parametrize(
    "text, frame", [("auto", None), ("0", 0), (" 36 ", 36), ("1.5s", 36), ("2 s", 48), ("-1", -1)]
)
def test_starts(text, frame):
    assert parse_start(text, Fraction(24)) == frame


@pytest.mark.parametrize("text", ["", "s", "soon", "1.5", "1/0s", "nans", "AUTO1"])
def test_bad_starts(text):
    with pytest.raises(InputError, match="start"):
        parse_start(text, Fraction(24))
