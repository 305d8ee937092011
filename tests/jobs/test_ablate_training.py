"""Variants that are trained anew: equally long, once each, from files that are made once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from muybridge.data import write_clip
from muybridge.data.people import Programme, clips
from muybridge.errors import InputError
from muybridge.jobs.ablate_training import Practice, train_variants
from muybridge.methods import load
from muybridge.methods.ablation import Variant
from muybridge.methods.hvg.ablation import ABLATION
from muybridge.training import estimated

BUDGET = "pictures:1,views:1,grid:1"


def test_rows_name_conditions_that_there_are():
    from muybridge.methods.hvg.config import NANO

    for variant in ABLATION.variants:
        NANO.varied(**variant.changes)
    assert ABLATION.variants[0].changes == {}


@pytest.mark.parametrize(("practice", "problem"), [
    (Practice(budget="5steps"), "--data"),
    (Practice(data=Path("people")), "--budget"),
])
def test_what_is_missing_is_said(tmp_path, practice, problem):
    with pytest.raises(InputError, match=problem):
        train_variants("hvg-nano", [Variant("all", "", changes={})], practice, tmp_path)


def test_a_time_is_as_many_steps_as_it_is_known_to_take():
    """So variants get equally much, whatever stages they have."""
    from muybridge.jobs.ablate_training import _training
    from muybridge.training import forecast, parse_budget

    for changes in ({}, {"stages": 1}, {"control": "skeleton"}, {"geometry": False}):
        practice = Practice(Path("people"), "2h")
        asked = _training("3dimo-nano", dict(changes), practice, None)
        stages = forecast(asked.recipe(), parse_budget(asked.budget))
        seconds = sum(s.seconds for s in stages if s.kind == "train")
        assert seconds == pytest.approx(7200, rel=0.01)
        assert asked.budget == _training("3dimo-nano", dict(changes), practice, None).budget
    with pytest.raises(InputError, match="no known time"):
        recipe = asked.recipe()
        unknown = replace(recipe.stages[-1], step_seconds=None)
        estimated(replace(recipe, stages=(*recipe.stages[:-1], unknown)), 60)


def test_nothing_to_train(tmp_path):
    assert train_variants("gas-nano", [Variant("all", "")], Practice(), tmp_path) == {}


@pytest.mark.slow
def test_each_is_trained_once(tmp_path):
    data = tmp_path / "people"
    for clip in clips(0, "train", Programme(views=8, motions=0, frames=8, grid=4)):
        name = clip.name.rsplit("-", 1)[1]
        write_clip(clip, data / "train" / "0" / name)
        few = clip.select([0, 1], range(min(2, clip.frames)))  # one person will do for both
        write_clip(few, data / "validation" / "0" / name)
    variants = [
        Variant("all of it", "", changes={}),
        Variant("no depth", "", changes={"maps": ("normal",)}),
        Variant("sampled otherwise", "", {"looks": "time"}, changes={}),
        Variant("as it ships", ""),
    ]
    practice = Practice(data, BUDGET, threads=1)
    found = train_variants("hvg-nano", variants, practice, tmp_path)
    assert set(found) == {"all of it", "no depth", "sampled otherwise"}
    assert found["all of it"] == found["sampled otherwise"] != found["no depth"]
    assert load(found["no depth"]).networks.config.maps == ("normal",)
    assert load(found["all of it"]).networks.config.maps == ("normal", "depth")
    runs = tmp_path / "trained"
    same = [next((runs / n / "stages/people/files/train").iterdir()) for n in
            ("all-of-it", "no-depth")]
    assert same[0].samefile(same[1])  # made once
    began = (runs / "all-of-it" / "train.json").stat().st_mtime_ns
    assert train_variants("hvg-nano", variants, practice, tmp_path) == found
    assert (runs / "all-of-it" / "train.json").stat().st_mtime_ns == began
    steps = json.loads((runs / "no-depth" / "train.json").read_text())["stages"]
    assert steps["pictures"]["steps"] == 1
    with pytest.raises(InputError, match="another budget"):
        train_variants("hvg-nano", variants, Practice(data, "9steps", threads=1), tmp_path)
